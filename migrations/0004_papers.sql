-- The papers' experiments: test splits, measurements, weights that were kept. (Selection on dev: v_cells in 0005.)

-- test_value: the primary metric on the test split, NULL where there is none.
DROP VIEW v_results;
CREATE VIEW v_results AS
SELECT r.trial_id, t.identity, s.kind, s.model,
       coalesce(nullif(s.spec ->> '$.task.name', ''), 'inline') AS task,
       s.canonical, s.seed, s.mask_seed, r.metric, r.value,
       d.detail ->> '$.metrics.accuracy' AS accuracy, d.detail ->> '$.metrics.f1' AS f1,
       d.detail ->> '$.metrics.loss' AS loss, r.density, 1 - r.density AS sparsity,
       d.detail ->> '$.tile_sparsity' AS tile_sparsity, d.detail ->> '$.flops' AS flops,
       d.detail ->> '$.train_seconds' AS train_seconds,
       d.detail ->> '$.eval_seconds' AS eval_seconds,
       d.detail ->> '$.peak_bytes' AS peak_bytes, d.detail ->> '$.device' AS device,
       d.detail ->> '$.threads' AS threads, r.accepted_at, r.attestation_root,
       a.worker, d.detail ->> '$.versions.sparsweep' AS version, a.sweep_id AS sweep,
       d.detail ->> '$.test_value' AS test_value,
       d.detail -> '$.metrics' AS metrics, d.detail -> '$.test_metrics' AS test_metrics,
       coalesce(d.detail ->> '$.reported.by', 'last') AS reported,
       d.detail ->> '$.reported.epoch' AS reported_epoch,
       d.detail ->> '$.load_seconds' AS load_seconds,
       d.detail ->> '$.tokenize_seconds' AS tokenize_seconds,
       d.detail ->> '$.plan_seconds' AS plan_seconds,
       d.detail ->> '$.attest_seconds' AS attest_seconds,
       d.detail ->> '$.plan_wait_seconds' AS plan_wait_seconds,
       d.detail ->> '$.first_step_ms' AS first_step_ms,
       d.detail ->> '$.checkpoint.fingerprint' AS checkpoint,
       d.detail ->> '$.predictions' AS predictions
FROM result r
JOIN trial t ON t.id = r.trial_id
JOIN trial_spec s ON s.trial_id = r.trial_id
JOIN result_detail d ON d.trial_id = r.trial_id
JOIN attempt a ON a.trial_id = r.trial_id AND a.number = r.attempt;

-- The grid of kinds `profile` and `infer`, a row for each point.
CREATE VIEW v_measurements AS
SELECT d.trial_id, m.value ->> '$.length' AS length, m.value ->> '$.batch' AS batch,
       m.value ->> '$.path' AS path, m.value ->> '$.out_of_memory' AS out_of_memory,
       m.value ->> '$.values.model_bytes' AS model_bytes,
       m.value ->> '$.values.optimizer_bytes' AS optimizer_bytes,
       m.value ->> '$.values.activation_bytes' AS activation_bytes,
       m.value ->> '$.values.forward_ms' AS forward_ms,
       m.value ->> '$.values.backward_ms' AS backward_ms,
       m.value ->> '$.values.optimizer_ms' AS optimizer_ms,
       m.value ->> '$.values.latency_ms_p50' AS latency_ms_p50,
       m.value ->> '$.values.latency_ms_p90' AS latency_ms_p90,
       m.value ->> '$.values.latency_ms_p99' AS latency_ms_p99,
       m.value ->> '$.values.tokens_per_second' AS tokens_per_second,
       m.value -> '$.values' AS measured
FROM result_detail d, json_each(d.detail, '$.measurements') m;
