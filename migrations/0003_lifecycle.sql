-- Lifecycle: requests that may be repeated, numbers that are never used again.

-- What a request with an id came to. A repeated one is answered from here; `digest` is of the
-- request, so that an id is not used for two.
CREATE TABLE request (
  id       TEXT PRIMARY KEY,
  digest   TEXT NOT NULL,
  sweep_id INTEGER,
  answer   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(answer)),
  at       INTEGER NOT NULL
) STRICT;
INSERT INTO request (id, digest, sweep_id, at)
SELECT request_id, spec_digest, id, created_at FROM sweep WHERE request_id IS NOT NULL;

-- The highest number that was ever given to a sweep or a trial: deleted ones do not come back.
CREATE TABLE numbers (
  what    TEXT PRIMARY KEY CHECK (what IN ('sweep', 'trial')),
  highest INTEGER NOT NULL
) STRICT;

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
