-- What the trials of a sweep have in common is stored once; a trial's own row holds what differs. A million
-- trials take a quarter of the pages, and one row less each.

-- A specification with gaps, which trial_spec (below) fills. `trials` counts those that need it: with the
-- last one it goes. (A reference would have to look through all trials for that.)
CREATE TABLE common_spec (
  id     INTEGER PRIMARY KEY,
  trials INTEGER NOT NULL DEFAULT 0,
  spec   TEXT NOT NULL CHECK (json_valid(spec))
) STRICT;

CREATE TEMP TABLE cut AS
SELECT t.id AS trial_id, coalesce(s.canonical, '') AS canonical, coalesce(s.seed, 0) AS seed, s.mask_seed,
       coalesce(json_set(json_remove(s.spec, '$.mask_seed'), '$.attention', NULL, '$.identity', NULL, '$.seed', NULL),
                '{}') AS spec
FROM trial t LEFT JOIN trial_spec s ON s.trial_id = t.id;
INSERT INTO common_spec (trials, spec) SELECT count(*), spec FROM temp.cut GROUP BY spec;
CREATE UNIQUE INDEX common_spec_by_text ON common_spec (spec);

-- A CHECK with OR, not IN: of a longer list than two SQLite makes a temporary table, for every row that is written.
CREATE TABLE new_trial (
  id         INTEGER PRIMARY KEY,
  identity   TEXT NOT NULL CHECK (length(identity) = 64),
  generation INTEGER NOT NULL DEFAULT 1,
  state      TEXT NOT NULL CHECK (state = 'queued' OR state = 'running' OR state = 'succeeded' OR state = 'failed'
                                  OR state = 'cancelled'),
  reason     TEXT,
  message    TEXT NOT NULL DEFAULT '',
  charged    INTEGER NOT NULL DEFAULT 0,
  fence      INTEGER NOT NULL DEFAULT 0,
  common_id  INTEGER NOT NULL,
  canonical  TEXT NOT NULL,
  seed       INTEGER NOT NULL,
  mask_seed  INTEGER,
  training   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(training))
) STRICT;
INSERT INTO new_trial (id, identity, generation, state, reason, message, charged, fence, common_id, canonical, seed,
                       mask_seed)
SELECT t.id, t.identity, t.generation, t.state, t.reason, t.message, t.charged, t.fence, c.id, u.canonical, u.seed,
       u.mask_seed
FROM trial t JOIN temp.cut u ON u.trial_id = t.id JOIN common_spec c ON c.spec = u.spec ORDER BY t.id;
DROP TABLE trial;
ALTER TABLE new_trial RENAME TO trial;
CREATE INDEX trial_done ON trial (identity) WHERE state = 'succeeded';
DROP INDEX common_spec_by_text;
DROP TABLE temp.cut;

CREATE TABLE new_attempt (
  trial_id    INTEGER NOT NULL REFERENCES trial (id),
  number      INTEGER NOT NULL CHECK (number >= 1),
  worker      TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  sweep_id    INTEGER,
  state       TEXT NOT NULL CHECK (state = 'running' OR state = 'succeeded' OR state = 'replicate' OR state = 'failed'
                                   OR state = 'lost' OR state = 'cancelled'),
  reason      TEXT,
  message     TEXT NOT NULL DEFAULT '',
  log_blob    TEXT,
  started_at  INTEGER NOT NULL,
  ended_at    INTEGER,
  PRIMARY KEY (trial_id, number)
) STRICT, WITHOUT ROWID;
INSERT INTO new_attempt (trial_id, number, worker, incarnation, sweep_id, state, reason, message, log_blob, started_at,
                         ended_at)
SELECT trial_id, number, worker, incarnation, sweep_id, state, reason, message, log_blob, started_at, ended_at
FROM attempt;
DROP TABLE attempt;
ALTER TABLE new_attempt RENAME TO attempt;
CREATE INDEX attempt_live ON attempt (trial_id, number) WHERE state = 'running';
CREATE INDEX attempt_by_log ON attempt (log_blob) WHERE log_blob IS NOT NULL;

-- The whole specification, as a table of its own had it. No join, so that it can stand in a LEFT JOIN without
-- being made for all trials first.
DROP TABLE trial_spec;
CREATE VIEW trial_spec AS
SELECT t.id AS trial_id,
       json_patch((SELECT spec FROM common_spec WHERE id = t.common_id),
                  json_object('attention', t.canonical, 'identity', t.identity, 'mask_seed', t.mask_seed,
                              'seed', t.seed, 'training', json(t.training))) AS spec,
       (SELECT spec ->> '$.kind' FROM common_spec WHERE id = t.common_id) AS kind,
       (SELECT spec ->> '$.model' FROM common_spec WHERE id = t.common_id) AS model,
       t.canonical, t.seed, t.mask_seed
FROM trial t;
