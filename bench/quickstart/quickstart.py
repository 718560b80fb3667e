#!/usr/bin/env python3
"""Trials per minute of the quickstart sweep, each run on a new database; beside another command if one is given.

    bench/quickstart/quickstart.py [--runs 3] [--reference 'COMMAND that runs the same 22 trials'] [--sweep FILE] [-- run options]

With --reference the two are run in turn (reference first), and the ratio is of neighbouring runs.
Needs build/release/bin (scripts/build) and the quickstart's model and data (scripts/bootstrap).
"""
import argparse
import os
import platform
import shlex
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def timed(command, **options):
    start = time.perf_counter()
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if run.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed with {run.returncode}:\n{run.stderr[-2000:]}")
    return time.perf_counter() - start


def sweep_once(sweep, options):
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder, "bench.db")
        seconds = timed([ROOT / "build/release/bin/sparsweep", "run", sweep, "--db", db, "--http", "127.0.0.1:0", *options])
        trials, train, evaluate = sqlite3.connect(db).execute(
            "SELECT count(*), avg(train_seconds), avg(eval_seconds) FROM v_results").fetchone()
    return seconds, trials, train, evaluate


def spread(values, unit=""):
    return f"median {statistics.median(values):.2f}{unit} ({min(values):.2f} to {max(values):.2f}, n={len(values)})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--reference", help="a command that runs the same trials")
    parser.add_argument("--sweep", default=ROOT / "sweeps/quickstart.json")
    parser.add_argument("options", nargs="*", help="options of `sparsweep run`")
    a = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    ours, theirs = [], []
    for _ in range(a.runs):
        if a.reference:
            theirs.append(timed(shlex.split(a.reference)))
        seconds, trials, train, evaluate = sweep_once(a.sweep, a.options)
        ours.append(seconds)
        beside = f"; reference {theirs[-1]:.1f} s, ratio {seconds / theirs[-1]:.2f}" if a.reference else ""
        print(f"{trials} trials in {seconds:.1f} s = {60 * trials / seconds:.1f} trials/min "
              f"(training {train:.2f} s, evaluation {evaluate:.2f} s a trial){beside}", flush=True)
    print(f"wall: {spread(ours, ' s')}")
    if a.reference:
        print(f"reference: {spread(theirs, ' s')}; ratio: {spread([o / t for o, t in zip(ours, theirs)])}")


if __name__ == "__main__":
    main()
