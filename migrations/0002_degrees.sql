-- Learned degrees: what each learned pattern had learned after each epoch, one row per head. They
-- lie in the accepted result itself, one entry per parameter with the heads that share it.
CREATE VIEW v_degrees AS
SELECT d.trial_id, g.value ->> '$.epoch' AS epoch, g.value ->> '$.layer' AS layer,
       h.value AS head, g.value -> '$.distribution' AS distribution, g.value ->> '$.span' AS span,
       g.value ->> '$.expected_density' AS expected_density,
       g.value ->> '$.hardened_density' AS hardened_density,
       g.value ->> '$.soft_value' AS soft_value, g.value ->> '$.hardened_value' AS hardened_value
FROM result_detail d, json_each(d.detail, '$.degrees') g, json_each(g.value, '$.heads') h;
