-- The first schema. State that changes is kept apart from JSON that does not: the hot rows of a
-- trial are a few integers, its specification is read once per lease.
-- Times are unix milliseconds. Digests are lower-case hex SHA-256.

CREATE TABLE sweep (
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('expanding', 'running', 'paused', 'succeeded', 'failed', 'cancelled')),
  message       TEXT NOT NULL DEFAULT '',
  priority      INTEGER NOT NULL DEFAULT 0,
  next_index    INTEGER NOT NULL DEFAULT 0,
  expanded      INTEGER NOT NULL DEFAULT 0 CHECK (expanded IN (0, 1)),
  spec_digest   TEXT NOT NULL,
  request_id    TEXT UNIQUE,
  revision      INTEGER NOT NULL DEFAULT 1,
  created_at    INTEGER NOT NULL,
  ended_at      INTEGER,
  result_digest TEXT
) STRICT;

CREATE TABLE sweep_spec (
  sweep_id INTEGER PRIMARY KEY REFERENCES sweep (id) ON DELETE CASCADE,
  spec     TEXT NOT NULL CHECK (json_valid(spec))
) STRICT;

CREATE TABLE trial (
  id       INTEGER PRIMARY KEY,
  identity TEXT NOT NULL UNIQUE CHECK (length(identity) = 64),
  state    TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  reason   TEXT,
  message  TEXT NOT NULL DEFAULT '',
  charged  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX trial_by_state ON trial (state);

CREATE TABLE trial_spec (
  trial_id  INTEGER PRIMARY KEY REFERENCES trial (id) ON DELETE CASCADE,
  spec      TEXT NOT NULL CHECK (json_valid(spec)),
  kind      TEXT NOT NULL GENERATED ALWAYS AS (spec ->> '$.kind') VIRTUAL,
  model     TEXT NOT NULL GENERATED ALWAYS AS (spec ->> '$.model') VIRTUAL,
  canonical TEXT NOT NULL GENERATED ALWAYS AS (spec ->> '$.attention') VIRTUAL,
  seed      INTEGER NOT NULL GENERATED ALWAYS AS (spec ->> '$.seed') VIRTUAL,
  mask_seed INTEGER GENERATED ALWAYS AS (spec ->> '$.mask_seed') VIRTUAL
) STRICT;

CREATE TABLE cell (
  sweep_id       INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE,
  cell           INTEGER NOT NULL,
  is_baseline    INTEGER NOT NULL CHECK (is_baseline IN (0, 1)),
  alias_of       INTEGER,
  baseline_cell  INTEGER,
  axes           TEXT NOT NULL CHECK (json_valid(axes)),
  attention      TEXT NOT NULL,
  canonical      TEXT NOT NULL,
  PRIMARY KEY (sweep_id, cell)
) STRICT, WITHOUT ROWID;

CREATE TABLE cell_trial (
  sweep_id  INTEGER NOT NULL,
  cell      INTEGER NOT NULL,
  trial_id  INTEGER NOT NULL REFERENCES trial (id),
  seed_rank INTEGER NOT NULL,
  PRIMARY KEY (sweep_id, cell, trial_id),
  FOREIGN KEY (sweep_id, cell) REFERENCES cell (sweep_id, cell) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX cell_trial_by_trial ON cell_trial (trial_id);

CREATE TABLE worker (
  name         TEXT PRIMARY KEY,
  incarnation  TEXT NOT NULL,
  state        TEXT NOT NULL CHECK (state IN ('online', 'draining', 'lost', 'left', 'quarantined')),
  slots        INTEGER NOT NULL,
  labels       TEXT NOT NULL CHECK (json_valid(labels)),
  last_seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE attempt (
  trial_id    INTEGER NOT NULL REFERENCES trial (id),
  number      INTEGER NOT NULL CHECK (number >= 1),
  worker      TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  sweep_id    INTEGER,
  state       TEXT NOT NULL CHECK (state IN ('running', 'succeeded', 'replicate', 'failed', 'lost', 'cancelled')),
  reason      TEXT,
  message     TEXT NOT NULL DEFAULT '',
  log_blob    TEXT,
  started_at  INTEGER NOT NULL,
  ended_at    INTEGER,
  PRIMARY KEY (trial_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_live ON attempt (trial_id, number) WHERE state = 'running';

-- The primary key is the promise: a trial has at most one accepted result, from a leased attempt.
CREATE TABLE result (
  trial_id         INTEGER PRIMARY KEY REFERENCES trial (id),
  attempt          INTEGER NOT NULL,
  metric           TEXT NOT NULL,
  value            REAL NOT NULL,
  density          REAL NOT NULL,
  attestation_root TEXT NOT NULL,
  accepted_at      INTEGER NOT NULL,
  FOREIGN KEY (trial_id, attempt) REFERENCES attempt (trial_id, number)
) STRICT;

CREATE TABLE result_detail (
  trial_id INTEGER PRIMARY KEY REFERENCES result (trial_id) ON DELETE CASCADE,
  detail   TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;

-- A success of an attempt whose trial had an accepted result already.
CREATE TABLE replicate (
  trial_id INTEGER NOT NULL,
  attempt  INTEGER NOT NULL,
  detail   TEXT NOT NULL CHECK (json_valid(detail)),
  at       INTEGER NOT NULL,
  PRIMARY KEY (trial_id, attempt),
  FOREIGN KEY (trial_id, attempt) REFERENCES attempt (trial_id, number)
) STRICT;

-- Attested masks, stored once per attestation root.
CREATE TABLE mask_row (
  root          TEXT NOT NULL,
  layer         INTEGER NOT NULL,
  head          INTEGER NOT NULL,
  kept          INTEGER NOT NULL,
  density       REAL NOT NULL,
  empty_rows    INTEGER NOT NULL,
  tile_sparsity REAL NOT NULL,
  path          TEXT NOT NULL,
  hash          TEXT NOT NULL,
  PRIMARY KEY (root, layer, head)
) STRICT, WITHOUT ROWID;

CREATE TABLE metric (
  trial_id INTEGER NOT NULL,
  attempt  INTEGER NOT NULL,
  name     TEXT NOT NULL,
  step     INTEGER NOT NULL,
  epoch    REAL NOT NULL,
  value    REAL NOT NULL,
  at       INTEGER NOT NULL,
  PRIMARY KEY (trial_id, attempt, name, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  at       INTEGER NOT NULL,
  type     TEXT NOT NULL,
  sweep_id INTEGER,
  trial_id INTEGER,
  attempt  INTEGER,
  worker   TEXT,
  state    TEXT,
  detail   TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX event_by_sweep ON event (sweep_id, id);

-- Small blobs; larger ones are files in FILE.blobs/, named by their digest.
CREATE TABLE blob (
  sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64),
  size   INTEGER NOT NULL,
  bytes  BLOB
) STRICT;

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
       d.detail ->> '$.threads' AS threads, r.accepted_at, r.attestation_root
FROM result r
JOIN trial t ON t.id = r.trial_id
JOIN trial_spec s ON s.trial_id = r.trial_id
JOIN result_detail d ON d.trial_id = r.trial_id;

-- difference: to the baseline's trial of the same training seed (and mask seed, where it has one).
CREATE VIEW v_cells AS
SELECT c.sweep_id AS sweep, w.name AS sweep_name, c.cell, c.is_baseline, c.alias_of, c.axes,
       c.attention, ct.trial_id, t.state, r.value, b.trial_id AS baseline_trial_id,
       r.value - br.value AS difference
FROM cell c
JOIN sweep w ON w.id = c.sweep_id
JOIN cell_trial ct ON ct.sweep_id = c.sweep_id AND ct.cell = c.cell
JOIN trial t ON t.id = ct.trial_id
JOIN trial_spec s ON s.trial_id = ct.trial_id
LEFT JOIN result r ON r.trial_id = ct.trial_id
LEFT JOIN (
  SELECT bt.sweep_id, bt.cell, bt.trial_id, bs.seed, bs.mask_seed
  FROM cell_trial bt JOIN trial_spec bs ON bs.trial_id = bt.trial_id
) b ON b.sweep_id = c.sweep_id AND b.cell = c.baseline_cell AND b.seed = s.seed
   AND (b.mask_seed IS NULL OR b.mask_seed IS s.mask_seed)
LEFT JOIN result br ON br.trial_id = b.trial_id;

CREATE VIEW v_trials AS
SELECT t.id AS trial_id, t.identity, t.state, t.reason, t.message,
       (SELECT count(*) FROM attempt a WHERE a.trial_id = t.id) AS attempts,
       s.kind, s.model, s.canonical, s.seed, s.mask_seed
FROM trial t JOIN trial_spec s ON s.trial_id = t.id;

CREATE VIEW v_attempts AS
SELECT trial_id, number, worker, state, reason, message, started_at, ended_at, log_blob
FROM attempt;

CREATE VIEW v_masks AS
SELECT r.trial_id, m.layer, m.head, m.kept, m.density, m.empty_rows, m.path, m.hash,
       m.tile_sparsity
FROM result r JOIN mask_row m ON m.root = r.attestation_root;

CREATE VIEW v_metrics AS
SELECT trial_id, attempt, name, step, epoch, value, at FROM metric;

CREATE VIEW v_workers AS
SELECT name, state, slots,
       (SELECT count(*) FROM attempt a
        WHERE a.worker = w.name AND a.incarnation = w.incarnation AND a.state = 'running') AS busy,
       labels, last_seen_at, incarnation
FROM worker w;
