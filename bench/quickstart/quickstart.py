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
TICKS = os.sysconf("SC_CLK_TCK")


def timed(command, **options):
    start = time.perf_counter()
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if run.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed with {run.returncode}:\n{run.stderr[-2000:]}")
    return time.perf_counter() - start


def own_cpu(pid):
    """CPU seconds of the process without its children, None once it has ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return None if fields[0] == "Z" else (int(fields[11]) + int(fields[12])) / TICKS


def sweep_once(sweep, options):
    """Also the CPU seconds of server and worker, which are the process, and of the trainers, its children."""
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder, "bench.db")
        command = [ROOT / "build/release/bin/sparsweep", "run", sweep, "--db", db, "--http", "127.0.0.1:0", *options]
        with open(Path(folder, "log"), "w+", encoding="utf-8") as log:
            start = time.perf_counter()
            run = subprocess.Popen(command, stdout=log, stderr=log)
            service = 0
            while (cpu := own_cpu(run.pid)) is not None:
                service = cpu
                time.sleep(0.02)
            _, status, usage = os.wait4(run.pid, 0)
            seconds = time.perf_counter() - start
            run.returncode = os.waitstatus_to_exitcode(status)
            if run.returncode != 0:
                log.seek(0)
                sys.exit(f"{' '.join(map(str, command))} failed with {run.returncode}:\n{log.read()[-2000:]}")
        trials, train, evaluate = sqlite3.connect(db).execute(
            "SELECT count(*), avg(train_seconds), avg(eval_seconds) FROM v_results").fetchone()
    return seconds, trials, train, evaluate, service, usage.ru_utime + usage.ru_stime - service


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
    ours, theirs, shares = [], [], []
    for _ in range(a.runs):
        if a.reference:
            theirs.append(timed(shlex.split(a.reference)))
        seconds, trials, train, evaluate, service, trainers = sweep_once(a.sweep, a.options)
        ours.append(seconds)
        shares.append(100 * service / trainers)
        beside = f"; reference {theirs[-1]:.1f} s, ratio {seconds / theirs[-1]:.2f}" if a.reference else ""
        print(f"{trials} trials in {seconds:.1f} s = {60 * trials / seconds:.1f} trials/min "
              f"(training {train:.2f} s, evaluation {evaluate:.2f} s a trial){beside}; server and worker used {service:.2f} s "
              f"of CPU, the trainers {trainers:.1f} s: {shares[-1]:.2f} %", flush=True)
    print(f"wall: {spread(ours, ' s')}; CPU of server and worker / of the trainers: {spread(shares, ' %')}")
    if a.reference:
        print(f"reference: {spread(theirs, ' s')}; ratio: {spread([o / t for o, t in zip(ours, theirs)])}")


if __name__ == "__main__":
    main()
