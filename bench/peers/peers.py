#!/usr/bin/env python3
"""The same no-op grid through Optuna and through Dask, beside sparsweep's dispatch, in one run on one machine.

  python3 -m venv ENV && ENV/bin/pip install -r bench/peers/requirements.txt
  ENV/bin/python bench/peers/peers.py [--cells 1000] [--bench build/release/bin/bench_dispatch]

A trial does nothing and brings back the result that a trainer recorded (bench/dispatch/recorded_result.json, 1.8 KB), as
in bench_dispatch. Two worker processes each. What is durable differs and is printed: sparsweep acknowledges a result after an
fdatasync; Optuna's SQLite commits with SQLite's default (fsync), its journal file is fsync'd on every append; Dask keeps results
in memory."""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULT = json.loads((ROOT / "bench/dispatch/recorded_result.json").read_text(encoding="utf-8"))
WORKERS = 2


def grid(cells):
    """A learning rate and a seed for each cell."""
    rates = [round(1e-6 * (i + 1), 9) for i in range(cells // 10)]
    return {"learning_rate": rates, "seed": list(range(10))}


def storage_of(kind, path):
    import optuna
    if kind == "journal":
        from optuna.storages.journal import JournalFileBackend
        return optuna.storages.JournalStorage(JournalFileBackend(path))
    return optuna.storages.RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 100}})


def optuna_worker(kind, path, cells, ready, go):
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = grid(cells)
    study = optuna.load_study(study_name="grid", storage=storage_of(kind, path),
                              sampler=optuna.samplers.GridSampler(space, seed=0))

    def objective(trial):
        for name, values in space.items():
            trial.suggest_categorical(name, values)
        trial.set_user_attr("result", RESULT)
        return RESULT["value"]

    ready.release()
    go.wait()
    study.optimize(objective, n_trials=cells // WORKERS)


def run_optuna(kind, cells, folder):
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = str(Path(folder, kind))
    study = optuna.create_study(study_name="grid", storage=storage_of(kind, path))
    ready, go = multiprocessing.Semaphore(0), multiprocessing.Event()
    workers = [multiprocessing.Process(target=optuna_worker, args=(kind, path, cells, ready, go)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for _ in workers:
        ready.acquire()
    start = time.monotonic()
    go.set()
    for worker in workers:
        worker.join()
    took = time.monotonic() - start
    trials = optuna.load_study(study_name="grid", storage=storage_of(kind, path)).get_trials(deepcopy=False)
    done = {(t.params["learning_rate"], t.params["seed"]) for t in trials if t.state.is_finished()}
    print(f"Optuna {optuna.__version__}, grid sampler, {kind}: {len(trials)} trials in {took:.1f} s: {len(trials) / took:.0f}/s; "
          f"{len(done)} of the {cells} cells ran, {len(trials) - len(done)} trials repeated one", flush=True)


def noop(_):
    return RESULT


def run_dask(cells):
    import dask
    from distributed import Client, LocalCluster
    space = grid(cells)
    tasks = [(rate, seed) for rate in space["learning_rate"] for seed in space["seed"]]
    with LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.gather(client.map(noop, range(100), pure=False))  # warm
        start = time.monotonic()
        client.gather(client.map(noop, tasks, pure=False))
        took = time.monotonic() - start
    print(f"Dask {dask.__version__}, nothing durable: {cells} tasks in {took:.1f} s: {cells / took:.0f}/s", flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--bench", default=str(ROOT / "build/release/bin/bench_dispatch"))
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
    with tempfile.TemporaryDirectory(prefix="sparsweep-peers-", dir=os.environ.get("BENCH_DIR")) as folder:
        print("sparsweep: ", end="", flush=True)
        subprocess.run([options.bench, "--workers", str(WORKERS), "--slots", "1", "--seconds", "5", "--dir", f"{folder}/ours"],
                       check=True)
        for kind in ("journal", "sqlite"):
            run_optuna(kind, options.cells, folder)
        run_dask(options.cells)


if __name__ == "__main__":
    sys.exit(main())
