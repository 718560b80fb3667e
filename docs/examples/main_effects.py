#!/usr/bin/env python3
"""What does it cost to take an axis' first value away from a full factorial grid?

    main_effects.py sparsweep.db breaking-bert-bigbird-degrees-small g w r

Per training seed, the mean of all cells in which the axis has its smallest value minus the mean of the others; then the mean and
the standard error of that over seeds, in points of the primary metric, and the same for the differences between two axes."""
import itertools
import json
import sqlite3
import statistics
import sys


def over_seeds(values):
    error = statistics.stdev(values) / len(values) ** 0.5
    return f"{statistics.mean(values):+.2f}, standard error {error:.2f}, n = {len(values)}"


def main(file, sweep, *axes):
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    rows = database.execute(
        "SELECT r.seed, c.axes, 100 * avg(c.value) FROM v_cells c JOIN v_results r USING (trial_id)"
        " WHERE c.sweep_name = ? AND NOT c.is_baseline GROUP BY r.seed, c.cell", (sweep,))
    seeds = {}
    for seed, cell, value in rows:
        seeds.setdefault(seed, []).append((json.loads(cell), value))
    effects = {}
    for axis in axes:
        lowest = min(cell[axis] for cell, _ in seeds[next(iter(seeds))])
        effects[axis] = [
            statistics.mean(v for cell, v in cells if cell[axis] == lowest)
            - statistics.mean(v for cell, v in cells if cell[axis] != lowest)
            for cells in seeds.values()]
        print(f"{axis} = {lowest} against the rest: {over_seeds(effects[axis])}")
    for a, b in itertools.combinations(axes, 2):
        print(f"{a} minus {b}: {over_seeds([x - y for x, y in zip(effects[a], effects[b])])}")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
