#!/usr/bin/env python3
"""Times the quickstart's 22 trials over resident trainers, without the service: the trainer's share of the main job. With --attention
other trials of the same task instead. `attest` and `plan` (masks made, and waited for while training) are shares of the whole trial.

    bench/step/trials.py --trainer build/release/bin/sparsweep-trainer [--trainers 2] [--threads 1] [--json OUT] [--attention TEXT ...]

Speaks docs/trainer-protocol.md; only the standard library is used. Prints one line per trial, then the wall time.
"""
import argparse, collections, json, os, selectors, socket, statistics, subprocess, sys, time
from pathlib import Path

ALL = ["dense", "self", "window(1)", "window(3)", "random(2, draw=plan)", "random(6, draw=plan)", "global(1)",
       "global(1) + window(1) + random(1, draw=plan)"]
MODELS = {"bert-tiny": (2, 2), "minilm-l6": (6, 12)}  # layers, heads
CELLS = ALL + ["layer 1: " + p for p in ("self", "window(1)", "random(2, draw=plan)")]
TRAINING = dict(epochs=2, max_steps=0, batch_size=32, max_length=64, learning_rate=1e-3, warmup=0.1, schedule="linear",
                weight_decay=0.01, clip=1.0, dropout=0.1, pooling="mean", precision="float32", train_examples=0)


def trial(data, model, attention, seed):
    task = json.loads((data / "tasks" / "sentences3k.json").read_text())
    spec = dict(identity="0" * 64, kind="finetune", model=model, model_fingerprint="", task=dict(task, name="sentences3k"),
                data_fingerprint="", attention=attention, layers=MODELS[model][0], heads=MODELS[model][1],
                training=TRAINING, seed=seed, device="cpu")
    return dict(spec, mask_seed=0) if "random" in attention else spec


class Trainer:
    def __init__(self, a):
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen([a.trainer, "--protocol-fd", str(theirs.fileno()), "--threads", str(a.threads),
                                         "--data", str(a.data)], pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL)
        theirs.close()
        self.socket, self.lines, self.attempt = ours, b"", None

    def send(self, message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def messages(self):
        chunk = self.socket.recv(1 << 20)
        if not chunk:
            sys.exit("a trainer ended")
        *whole, self.lines = (self.lines + chunk).split(b"\n")
        return [json.loads(line) for line in whole]


def fingerprints(a):
    """Asks the trainer itself, by a refusal: it names what its files have."""
    found = {}
    spec = trial(a.data, a.model, "dense", 1)
    for field in ("model_fingerprint", "data_fingerprint"):
        trainer = Trainer(a)
        trainer.send({"type": "run", "attempt": "probe", "trial": dict(spec, **found)})
        message = {}
        while message.get("type") != "failed":
            for message in trainer.messages():
                if message["type"] == "failed":
                    break
        found[field] = message["message"].split("fingerprint ")[1][:64]
        trainer.send({"type": "quit"})
        trainer.process.wait()
    return found


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--trainer", required=True)
    p.add_argument("--trainers", type=int, default=2)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--data", type=Path, default=Path(os.environ.get("SPARSWEEP_DATA", Path.home() / ".local/share/sparsweep")))
    p.add_argument("--model", default="bert-tiny", choices=MODELS)
    p.add_argument("--seeds", default="1,2")
    p.add_argument("--json", type=Path)
    p.add_argument("--attention", nargs="+", default=CELLS, metavar="TEXT")
    a = p.parse_args()
    known = fingerprints(a)
    queue = collections.deque((c, s) for s in map(int, a.seeds.split(",")) for c in a.attention)
    results = collections.defaultdict(list)
    first_steps = collections.defaultdict(list)  # of each trainer, trial by trial
    start = time.perf_counter()
    selector = selectors.DefaultSelector()
    trainers = [Trainer(a) for _ in range(a.trainers)]
    for t in trainers:
        selector.register(t.socket, selectors.EVENT_READ, t)

    def assign(t):
        t.attempt = queue.popleft() if queue else None
        if t.attempt:
            t.send({"type": "run", "attempt": f"{t.attempt[0]} {t.attempt[1]}", "trial": dict(trial(a.data, a.model, *t.attempt), **known)})

    busy = 0
    for t in trainers:
        assign(t)
        busy += t.attempt is not None
    while busy:
        for key, _ in selector.select():
            t = key.data
            for message in t.messages():
                if message["type"] == "failed":
                    sys.exit(f"{message['attempt']}: {message['reason']}: {message['message']}")
                if message["type"] == "done":
                    results[t.attempt[0]].append(message["result"])
                    first_steps[t].append(message["result"]["first_step_ms"])
                    assign(t)
                    busy -= t.attempt is None
    wall = time.perf_counter() - start
    for t in trainers:
        t.send({"type": "quit"})
    def share(rs, *fields):
        phases = ("load", "tokenize", "plan", "attest", "train", "eval")
        return 100 * statistics.mean(sum(r.get(f, 0) for f in fields) / sum(r[p + "_seconds"] for p in phases) for r in rs)

    for cell in a.attention:
        rs = results[cell]
        print(f"{cell:46s} accuracy {100 * statistics.mean(r['value'] for r in rs):5.1f}  density {rs[0]['density']:.3f}  "
              f"step {1000 * statistics.mean(r['train_seconds'] / r['steps'] for r in rs):5.1f} ms  "
              f"attest {share(rs, 'attest_seconds'):.2f} %  plan {share(rs, 'plan_seconds', 'plan_wait_seconds'):.2f} %")
    later = sorted(ms for of in first_steps.values() for ms in of[1:])
    print("from the start of a trial to its first step: "
          + ", ".join(f"{of[0]:.0f} ms" for of in first_steps.values()) + " in a trainer's first trial"
          + (f", then {statistics.median(later):.1f} ms (median of {len(later)}, at most {later[-1]:.1f} ms)" if later else ""))
    print(f"{sum(map(len, results.values()))} trials, {a.trainers} trainers x {a.threads} threads: {wall:.1f} s wall")
    if a.json:
        a.json.write_text(json.dumps({"wall_seconds": wall, "results": results}))


if __name__ == "__main__":
    main()
