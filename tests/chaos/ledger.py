"""What scripts/chaos asks the database afterwards, with nothing but SQLite: a second opinion beside `sparsweep verify`."""

import sqlite3

NOTHING = {
    "integrity": "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "references": "SELECT * FROM pragma_foreign_key_check",
    "trials that are not accounted for": "SELECT t.id, t.state FROM trial t LEFT JOIN result r ON r.trial_id = t.id "
    "WHERE (t.state = 'succeeded') <> (r.trial_id IS NOT NULL) OR t.state IN ('queued', 'running')",
    "results of attempts that did not succeed": "SELECT r.trial_id FROM result r JOIN attempt a "
    "ON a.trial_id = r.trial_id AND a.number = r.attempt WHERE a.state <> 'succeeded'",
    "trials with two successes": "SELECT trial_id FROM attempt WHERE state = 'succeeded' GROUP BY 1 HAVING count(*) > 1",
    "attempts that still run": "SELECT trial_id FROM attempt WHERE state = 'running'",
    "cells without their trials": "SELECT sweep_id, cell FROM cell c WHERE NOT EXISTS "
    "(SELECT 1 FROM cell_trial t WHERE t.sweep_id = c.sweep_id AND t.cell = c.cell)",
    "logs that are missing": "SELECT log_blob FROM attempt WHERE log_blob IS NOT NULL AND log_blob NOT IN "
    "(SELECT sha256 FROM blob)",
}
RESULT = "SELECT trial_id, attempt, value, accepted_at, attestation_root FROM result"


def normal(row):
    """A row of RESULT, alike from JSON and from SQLite."""
    return (*map(float, row[:4]), row[4])


def examine(path, told):
    """Sentences about what is wrong, and counts. `told`: the rows of RESULT that anyone has seen, by trial."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = lambda sql: db.execute(sql).fetchall()  # noqa: E731
    wrong = [f"{what}: {found[:5]}" for what, sql in NOTHING.items() if (found := rows(sql))]
    now = {normal(row)[0]: normal(row) for row in rows(RESULT)}
    for row in told.values():
        if now.get(normal(row)[0]) != normal(row):
            wrong.append(f"told {row}, found {now.get(normal(row)[0])}")
    counts = {"trials": rows("SELECT count(*) FROM trial")[0][0]}
    for state, reason, number in rows("SELECT state, coalesce(reason, ''), count(*) FROM attempt GROUP BY 1, 2"):
        counts[f"attempts {state} {reason}".rstrip()] = number
    db.close()
    return wrong, counts
