-- When a blob was last brought. One that nothing names goes at a start of the server, unless it is so young that the
-- report that names it may still come. (Those of now: as if just brought.)
ALTER TABLE blob ADD COLUMN brought_at INTEGER NOT NULL DEFAULT 0;
UPDATE blob SET brought_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000;
