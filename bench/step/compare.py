#!/usr/bin/env python3
"""Sets the trainer's step beside Hugging Face's, in turns, with the ratio and its 95 % interval.

    compare.py --bench build/release/bin/step_bench --python PYTHON-WITH-TRANSFORMERS --models ~/.local/share/sparsweep/models
        [--model bert-tiny] [--tokens 17,64,128,512] [--precision float32,bfloat16] [--pairs 12] [--seconds 0.3]

Both programs stay loaded; a pair is some steps of one, then as many of the other, and every other pair begins with the other.
The ratio is the geometric mean over pairs; its interval is that of the mean of their logarithms (t distribution). Batches hold
at most 2048 tokens, and at most 32 texts.
"""
import argparse, math, subprocess, sys
from pathlib import Path

T95 = [0, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131]


class Program:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, steps):
        print(steps, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        if len(answer) != 2:
            sys.exit(f"{self.process.args[0]} ended without an answer")
        return float(answer[0]), float(answer[1])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", required=True)
    p.add_argument("--python", required=True)
    p.add_argument("--models", type=Path, required=True)
    p.add_argument("--model", default="bert-tiny")
    p.add_argument("--tokens", default="17,64,128,512")
    p.add_argument("--precision", default="float32,bfloat16")
    p.add_argument("--pairs", type=int, default=12)
    p.add_argument("--seconds", type=float, default=0.3, help="about as long is each half of a pair")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    if not 2 <= a.pairs <= len(T95):
        p.error(f"--pairs must be 2 to {len(T95)}")
    print("| model | tokens | precision | ms, ours | tokens/s | MiB | ms, transformers | MiB | ratio |\n|---|---|---|---|---|---|---|---|---|")
    for tokens in map(int, a.tokens.split(",")):
        for precision in a.precision.split(","):
            batch = min(32, 2048 // tokens)
            shape = ["--model", str(a.models.expanduser() / a.model), "--batch", str(batch), "--tokens", str(tokens),
                     "--threads", str(a.threads), "--precision", precision, "--serve"]
            ours = Program([a.bench, *shape])
            theirs = Program([a.python, str(Path(__file__).with_name("hf_step.py")), *shape])
            ours.run(2), theirs.run(2)
            steps = max(1, round(a.seconds / max(ours.run(2)[0], 1e-4)))
            logs, mine, other = [], [], []
            for pair in range(a.pairs):
                first = ours if pair % 2 == 0 else theirs
                one = first.run(steps)
                two = (theirs if first is ours else ours).run(steps)
                m, o = (one, two) if first is ours else (two, one)
                mine.append(m)
                other.append(o)
                logs.append(math.log(m[0] / o[0]))
            ours.close(), theirs.close()
            mean = sum(logs) / len(logs)
            half = T95[len(logs) - 1] * math.sqrt(sum((x - mean) ** 2 for x in logs) / (len(logs) - 1) / len(logs))
            middle = sorted(m[0] for m in mine)[len(mine) // 2]
            theirs_middle = sorted(o[0] for o in other)[len(other) // 2]
            print(f"| {a.model} | {batch} x {tokens} | {precision} | {1000 * middle:.1f} | {batch * tokens / middle:.0f} | "
                  f"{mine[-1][1]:.0f} | {1000 * theirs_middle:.1f} | {other[-1][1]:.0f} | "
                  f"{math.exp(mean):.2f} [{math.exp(mean - half):.2f}, {math.exp(mean + half):.2f}] |", flush=True)


if __name__ == "__main__":
    main()
