#!/usr/bin/env python3
"""Seconds per training step of Hugging Face's BERT, to set beside bench/step/step_bench: the same shape, batch and optimizer.

For whoever has torch and transformers:
    hf_step.py --model ~/.local/share/sparsweep/models/bert-tiny [--batch 32] [--tokens 17] [--threads 1]
With --serve it takes the number of steps from each line of stdin and answers with their mean time (bench/step/compare.py).
"""
import argparse, contextlib, re, sys, time

import torch
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup


def peak_mib(reset=False):
    if reset:
        with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    return int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 1024


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--tokens", type=int, default=17)
    p.add_argument("--steps", type=int, default=60)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--dropout", type=float, default=0.1)
    p.add_argument("--precision", default="float32", choices=["float32", "bfloat16"], help="bfloat16: torch.autocast")
    p.add_argument("--implementation", default="sdpa", choices=["sdpa", "eager"], help="of attention; sdpa is the default of transformers")
    p.add_argument("--attention", default="dense", choices=["dense", "masked"], help="masked: an additive window(1)")
    p.add_argument("--serve", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    config = BertConfig.from_json_file(f"{a.model}/config.json")
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = a.dropout
    config.num_labels = 2
    before = peak_mib(reset=True)
    model = BertForSequenceClassification._from_config(config, attn_implementation=a.implementation)
    model.train()
    no_decay = [q for n, q in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    decay = [q for n, q in model.named_parameters() if not (n.endswith("bias") or "LayerNorm" in n)]
    optimizer = torch.optim.AdamW([dict(params=decay, weight_decay=0.01), dict(params=no_decay, weight_decay=0.0)],
                                  lr=1e-4, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, 10, 10 * a.steps)
    mask = None
    if a.attention == "masked":
        i = torch.arange(a.tokens)
        mask = torch.zeros(a.batch, 1, a.tokens, a.tokens)
        mask[:, :, (i[:, None] - i[None]).abs() > 1] = torch.finfo(torch.float32).min

    def step():
        ids = torch.randint(1000, 5000, (a.batch, a.tokens))
        labels = torch.randint(0, 2, (a.batch,))
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.precision == "bfloat16"):
            loss = torch.nn.functional.cross_entropy(model(input_ids=ids, attention_mask=mask).logits, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        loss.item()
        return time.perf_counter() - start

    if a.serve:
        for line in sys.stdin:
            n = int(line)
            print(f"{sum(step() for _ in range(n)) / n:.9f} {peak_mib() - before:.1f}", flush=True)
        return
    times = [step() for _ in range(a.steps + 10)][10:]
    times.sort()
    median = times[len(times) // 2]
    print(f"{1000 * median:.2f} ms per step (median of {len(times)}; 10th percentile {1000 * times[len(times) // 10]:.2f}), "
          f"{a.batch * a.tokens / median:.0f} tokens/s, {peak_mib() - before:.0f} MiB, {a.threads} threads")


if __name__ == "__main__":
    main()
