-- The papers' experiments: test splits, measurements, selection on dev, weights that were kept.

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

-- selected: of sweeps with training.select, 1 for the cell that is best on dev among those that differ only
-- in what is selected over, once all of these have ended. A cell with a failed trial is no candidate.
DROP VIEW v_cells;
CREATE VIEW v_cells AS
SELECT c.sweep_id AS sweep, w.name AS sweep_name, c.cell, c.is_baseline, c.alias_of, c.axes,
       c.attention, ct.trial_id, t.state, r.value, b.trial_id AS baseline_trial_id,
       r.value - br.value AS difference, nullif(a.sweep_id, c.sweep_id) AS origin, i.wish,
       rd.detail ->> '$.test_value' AS test_value, x.cell IS NOT NULL AS selected
FROM cell c
JOIN sweep w ON w.id = c.sweep_id
JOIN cell_trial ct ON ct.sweep_id = c.sweep_id AND ct.cell = c.cell
JOIN trial t ON t.id = ct.trial_id
JOIN trial_spec s ON s.trial_id = ct.trial_id
LEFT JOIN interest i ON i.sweep_id = c.sweep_id AND i.trial_id = ct.trial_id
LEFT JOIN result r ON r.trial_id = ct.trial_id
LEFT JOIN result_detail rd ON rd.trial_id = ct.trial_id
LEFT JOIN attempt a ON a.trial_id = r.trial_id AND a.number = r.attempt
LEFT JOIN (
  SELECT bt.sweep_id, bt.cell, bt.trial_id, bs.seed, bs.mask_seed
  FROM cell_trial bt JOIN trial_spec bs ON bs.trial_id = bt.trial_id
) b ON b.sweep_id = c.sweep_id AND b.cell = c.baseline_cell AND b.seed = s.seed
   AND (b.mask_seed IS NULL OR b.mask_seed IS s.mask_seed)
LEFT JOIN result br ON br.trial_id = b.trial_id
LEFT JOIN (
  SELECT sweep_id, cell FROM (
    SELECT g.sweep_id, g.cell, g.mean,
           sum(g.open) OVER alike AS open,
           row_number() OVER (alike ORDER BY g.mean IS NULL, g.mean DESC, g.cell) AS place
    FROM (
      SELECT f.sweep_id, f.cell, f.is_baseline, f.others, sum(f.open) AS open,
             CASE WHEN sum(f.missing) = 0 THEN avg(f.mean) END AS mean
      FROM (
        SELECT c.sweep_id, c.cell, c.is_baseline, s.seed,
               (SELECT json_group_array(json_array(j.key, j.value))
                FROM json_each(c.axes) j
                WHERE j.key NOT IN (SELECT value FROM json_each(p.spec, '$.training.select.over'))
               ) AS others,
               sum(t.state IN ('queued', 'running')) AS open, sum(r.value IS NULL) AS missing,
               avg(CASE WHEN r.metric IN ('perplexity', 'loss') THEN -r.value ELSE r.value END)
                 AS mean
        FROM sweep_spec p
        JOIN cell c ON c.sweep_id = p.sweep_id
        JOIN cell_trial ct ON ct.sweep_id = c.sweep_id AND ct.cell = c.cell
        JOIN trial t ON t.id = ct.trial_id
        JOIN trial_spec s ON s.trial_id = ct.trial_id
        LEFT JOIN result r ON r.trial_id = ct.trial_id
        WHERE p.spec -> '$.training.select' IS NOT NULL
        GROUP BY c.sweep_id, c.cell, s.seed
      ) f GROUP BY f.sweep_id, f.cell
    ) g WINDOW alike AS (PARTITION BY g.sweep_id, g.is_baseline, g.others)
  ) WHERE place = 1 AND open = 0 AND mean IS NOT NULL
) x ON x.sweep_id = c.sweep_id AND x.cell = c.cell;
