-- Scale: a million trials in one file. What every commit writes is counted in pages, and an index over
-- something random costs one page for each row.

-- A sweep under deletion is not shown any more; its rows go a little at a time.
ALTER TABLE sweep ADD COLUMN deleting INTEGER NOT NULL DEFAULT 0 CHECK (deleting IN (0, 1));

-- No index by state: nothing asks for it, and each step of a trial moved an entry. Identities are kept
-- unique by the scheduler, which holds them all (`verify` finds two trials of one), because the
-- digests of a chunk of the grid lie all over an index. Asked for are those that have a result.
CREATE TABLE new_trial (
  id         INTEGER PRIMARY KEY,
  identity   TEXT NOT NULL CHECK (length(identity) = 64),
  generation INTEGER NOT NULL DEFAULT 1,
  state      TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  reason     TEXT,
  message    TEXT NOT NULL DEFAULT '',
  charged    INTEGER NOT NULL DEFAULT 0,
  fence      INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO new_trial (id, identity, generation, state, reason, message, charged, fence)
SELECT id, identity, generation, state, reason, message, charged, fence FROM trial;
DROP TABLE trial;
ALTER TABLE new_trial RENAME TO trial;
CREATE INDEX trial_done ON trial (identity) WHERE state = 'succeeded';

-- Without AUTOINCREMENT, which writes a page of its own for every event. Events are never deleted, so
-- their numbers do not come back.
CREATE TABLE new_event (
  id       INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  type     TEXT NOT NULL,
  sweep_id INTEGER,
  trial_id INTEGER,
  attempt  INTEGER,
  worker   TEXT,
  state    TEXT,
  detail   TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO new_event (id, at, type, sweep_id, trial_id, attempt, worker, state, detail)
SELECT id, at, type, sweep_id, trial_id, attempt, worker, state, detail FROM event;
DROP TABLE event;
ALTER TABLE new_event RENAME TO event;
CREATE INDEX event_by_sweep ON event (sweep_id, id);

-- Results come in no order of their trials (one seed of every cell first): long rows are appended, and
-- only their numbers are put in order.
CREATE TABLE new_result_detail (
  id       INTEGER PRIMARY KEY,
  trial_id INTEGER NOT NULL UNIQUE REFERENCES result (trial_id) ON DELETE CASCADE,
  detail   TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;
INSERT INTO new_result_detail (trial_id, detail) SELECT trial_id, detail FROM result_detail ORDER BY 1;
DROP TABLE result_detail;
ALTER TABLE new_result_detail RENAME TO result_detail;

-- A log goes with the last attempt that names it.
CREATE INDEX attempt_by_log ON attempt (log_blob) WHERE log_blob IS NOT NULL;

-- What a start asks of the cells of a million: which are baselines, how many are aliases. (Some files have them already.)
CREATE INDEX IF NOT EXISTS cell_baseline ON cell (sweep_id, cell) WHERE is_baseline = 1;
CREATE INDEX IF NOT EXISTS cell_alias ON cell (sweep_id, cell) WHERE alias_of IS NOT NULL;

-- Without sweeps under deletion, and with two columns more. test_value: the primary metric on the test split, NULL where there
-- is none.
-- selected: of sweeps with training.select, 1 for the cell that is best on dev among those that differ only
-- in what is selected over, once all of these have ended. A cell with a failed trial is no candidate.
DROP VIEW v_cells;
CREATE VIEW v_cells AS
SELECT c.sweep_id AS sweep, w.name AS sweep_name, c.cell, c.is_baseline, c.alias_of, c.axes,
       c.attention, ct.trial_id, t.state, r.value, b.trial_id AS baseline_trial_id,
       r.value - br.value AS difference, nullif(a.sweep_id, c.sweep_id) AS origin, i.wish,
       rd.detail ->> '$.test_value' AS test_value, x.cell IS NOT NULL AS selected
FROM cell c
JOIN sweep w ON w.id = c.sweep_id AND w.deleting = 0
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
