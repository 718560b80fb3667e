-- Lifecycle: requests that may be repeated, options that change, wishes of sweeps for single
-- trials, results that became stale, numbers that are never used again.

-- What a request with an id came to. A repeated one is answered from here; `digest` is of the
-- request, so that one id is not used for two.
CREATE TABLE request (
  id       TEXT PRIMARY KEY,
  digest   TEXT NOT NULL,
  sweep_id INTEGER,
  answer   TEXT NOT NULL DEFAULT '',
  at       INTEGER NOT NULL
) STRICT;
INSERT INTO request (id, digest, sweep_id, at)
SELECT request_id, spec_digest, id, created_at FROM sweep WHERE request_id IS NOT NULL;

-- Numbers up to these were given to sweeps and trials: deleted ones do not come back.
CREATE TABLE numbers (
  what    TEXT PRIMARY KEY CHECK (what IN ('sweep', 'trial')),
  highest INTEGER NOT NULL
) STRICT;

CREATE TABLE new_sweep (
  id               INTEGER PRIMARY KEY,
  name             TEXT NOT NULL,
  state            TEXT NOT NULL CHECK (state IN ('expanding', 'running', 'paused', 'succeeded', 'failed', 'cancelled')),
  message          TEXT NOT NULL DEFAULT '',
  waiting_for      TEXT NOT NULL DEFAULT '',
  closed           INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1)),
  priority         INTEGER NOT NULL DEFAULT 0,
  weight           REAL NOT NULL DEFAULT 1 CHECK (weight > 0),
  max_running      INTEGER NOT NULL DEFAULT 0,
  needs            TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(needs)),
  time_limit_ms    INTEGER NOT NULL DEFAULT 0,
  idle_limit_ms    INTEGER NOT NULL DEFAULT 0,
  max_failed_share REAL NOT NULL DEFAULT 1,
  fresh            INTEGER NOT NULL DEFAULT 0 CHECK (fresh IN (0, 1)),
  next_index       INTEGER NOT NULL DEFAULT 0,
  expanded         INTEGER NOT NULL DEFAULT 0 CHECK (expanded IN (0, 1)),
  spec_digest      TEXT NOT NULL,
  revision         INTEGER NOT NULL DEFAULT 1,
  created_at       INTEGER NOT NULL,
  ended_at         INTEGER,
  result_digest    TEXT
) STRICT;
INSERT INTO new_sweep (id, name, state, message, closed, priority, next_index, expanded, spec_digest, revision,
                       created_at, ended_at, result_digest)
SELECT id, name, state, message, state = 'cancelled' OR (state = 'failed' AND NOT expanded), priority, next_index,
       expanded, spec_digest, revision, created_at, ended_at, result_digest FROM sweep;
DROP TABLE sweep;
ALTER TABLE new_sweep RENAME TO sweep;

-- An identity has a second generation only where a sweep asked for fresh runs. Attempts up to
-- number `fence` were leased before the trial's results were invalidated.
CREATE TABLE new_trial (
  id         INTEGER PRIMARY KEY,
  identity   TEXT NOT NULL CHECK (length(identity) = 64),
  generation INTEGER NOT NULL DEFAULT 1,
  state      TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  reason     TEXT,
  message    TEXT NOT NULL DEFAULT '',
  charged    INTEGER NOT NULL DEFAULT 0,
  fence      INTEGER NOT NULL DEFAULT 0,
  UNIQUE (identity, generation)
) STRICT;
INSERT INTO new_trial (id, identity, state, reason, message, charged)
SELECT id, identity, state, reason, message, charged FROM trial;
DROP TABLE trial;
ALTER TABLE new_trial RENAME TO trial;
CREATE INDEX trial_by_state ON trial (state);

-- What a sweep wants of a trial of its own, where it is not simply to have it.
CREATE TABLE interest (
  sweep_id INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE,
  trial_id INTEGER NOT NULL REFERENCES trial (id) ON DELETE CASCADE,
  wish     TEXT NOT NULL CHECK (wish IN ('paused', 'dropped')),
  PRIMARY KEY (sweep_id, trial_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX interest_by_trial ON interest (trial_id);

-- A replicate is stale if it was invalidated, or leased before it was.
ALTER TABLE replicate ADD COLUMN stale INTEGER NOT NULL DEFAULT 0 CHECK (stale IN (0, 1));
ALTER TABLE replicate ADD COLUMN why TEXT NOT NULL DEFAULT '';

ALTER TABLE worker ADD COLUMN offer TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(offer));
ALTER TABLE worker ADD COLUMN drain_requested INTEGER NOT NULL DEFAULT 0 CHECK (drain_requested IN (0, 1));

-- Rows of attested masks are in the accepted result itself. The table was keyed by root, which two
-- trials share whose lengths are the same and occur differently often: their counts differ.
DROP VIEW v_masks;
DROP TABLE mask_row;
CREATE VIEW v_masks AS
SELECT d.trial_id, m.value ->> '$.layer' AS layer, m.value ->> '$.head' AS head,
       m.value ->> '$.kept' AS kept, m.value ->> '$.density' AS density,
       m.value ->> '$.empty_rows' AS empty_rows, m.value ->> '$.path' AS path,
       m.value ->> '$.hash' AS hash, m.value ->> '$.tile_sparsity' AS tile_sparsity
FROM result_detail d, json_each(d.detail, '$.masks') m;

-- sweep: the one whose turn it was when the accepted attempt was leased.
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
       a.worker, d.detail ->> '$.versions.sparsweep' AS version, a.sweep_id AS sweep
FROM result r
JOIN trial t ON t.id = r.trial_id
JOIN trial_spec s ON s.trial_id = r.trial_id
JOIN result_detail d ON d.trial_id = r.trial_id
JOIN attempt a ON a.trial_id = r.trial_id AND a.number = r.attempt;

-- origin: the sweep that a result was taken over from; NULL where it is this sweep's own.
DROP VIEW v_cells;
CREATE VIEW v_cells AS
SELECT c.sweep_id AS sweep, w.name AS sweep_name, c.cell, c.is_baseline, c.alias_of, c.axes,
       c.attention, ct.trial_id, t.state, r.value, b.trial_id AS baseline_trial_id,
       r.value - br.value AS difference, nullif(a.sweep_id, c.sweep_id) AS origin, i.wish
FROM cell c
JOIN sweep w ON w.id = c.sweep_id
JOIN cell_trial ct ON ct.sweep_id = c.sweep_id AND ct.cell = c.cell
JOIN trial t ON t.id = ct.trial_id
JOIN trial_spec s ON s.trial_id = ct.trial_id
LEFT JOIN interest i ON i.sweep_id = c.sweep_id AND i.trial_id = ct.trial_id
LEFT JOIN result r ON r.trial_id = ct.trial_id
LEFT JOIN attempt a ON a.trial_id = r.trial_id AND a.number = r.attempt
LEFT JOIN (
  SELECT bt.sweep_id, bt.cell, bt.trial_id, bs.seed, bs.mask_seed
  FROM cell_trial bt JOIN trial_spec bs ON bs.trial_id = bt.trial_id
) b ON b.sweep_id = c.sweep_id AND b.cell = c.baseline_cell AND b.seed = s.seed
   AND (b.mask_seed IS NULL OR b.mask_seed IS s.mask_seed)
LEFT JOIN result br ON br.trial_id = b.trial_id;

-- Successes that are not the accepted one: a second of the same trial, or one that became stale.
CREATE VIEW v_replicates AS
SELECT p.trial_id, p.attempt, a.worker, p.detail ->> '$.metric' AS metric, p.detail ->> '$.value' AS value,
       p.detail ->> '$.device' AS device, p.stale, p.why, p.at
FROM replicate p JOIN attempt a ON a.trial_id = p.trial_id AND a.number = p.attempt;
