#!/usr/bin/env python3
"""Makes parity.json: what transformers computes for the models and masks that parity_test.cc repeats.

Eager attention, additive masks, float32, no dropout, one thread. It does not use this project. Run:
    pip install torch==2.11.0 transformers==4.57.1
    make_parity.py --models ~/.local/share/sparsweep/models --out parity.json
"""
import argparse, hashlib, json, math, platform
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup

TEXTS = [("The plot was thin, but the acting carried it.", 1), ("Terrible.", 0),
         ("I would not recommend this phone to anyone who values their time or money.", 0),
         ("Great food and friendly staff!", 1), ("Not sure who was more lost, the characters or I.", 0),
         ("It works exactly as described and the battery lasts for days.", 1),
         ("We waited for forty minutes and nobody came.", 0), ("A must see.", 1)]
STRIDE = 211   # of the hidden states' values that are kept
STEPS = 10


# Masks by their definitions; n real tokens.
def dense(n):
    return np.ones((n, n), bool)


def window(n, w):
    i = np.arange(n)
    return np.abs(i[:, None] - i[None]) <= w


def global_(n, g):
    k = np.eye(n, dtype=bool)
    k[:g], k[:, :g] = True, True
    return k


def block(n, parts, shift):
    size = math.ceil(n / parts)
    b = np.arange(n) // size
    return b[None, :] == (b[:, None] + shift) % parts


# attention text -> keep(layer, head, n) for `layers` x `heads`
def plans(layers, heads):
    half = heads // 2
    return {
        "dense": lambda l, h, n: dense(n),
        "window(1)": lambda l, h, n: window(n, 1),
        "global(1) + window(1)": lambda l, h, n: global_(n, 1) | window(n, 1),
        f"last 1: global(2); heads 0-{half - 1}: window(2)":
            lambda l, h, n: window(n, 2) if h < half else global_(n, 2) if l == layers - 1 else dense(n),
        f"heads {half}-{heads - 1}: block(2, shift=1) + self":
            lambda l, h, n: block(n, 2, 1) | np.eye(n, dtype=bool) if h >= half else dense(n),
    }


def wave(shape, phase):
    """Weights for the heads that a checkpoint lacks: 0.02 * sqrt(2) * sin(k + phase) for value k."""
    k = np.arange(int(np.prod(shape)), dtype=np.float64)
    return torch.tensor((0.02 * math.sqrt(2) * np.sin(k + phase)).astype(np.float32)).view(*shape)


def load(folder):
    config = BertConfig.from_json_file(folder / "config.json")
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    config.num_labels = 2
    model = BertForSequenceClassification._from_config(config, attn_implementation="eager")
    state = {}
    for k, v in load_file(folder / "model.safetensors").items():
        k = k.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
        if not k.startswith("cls.") and not k.endswith("position_ids"):
            state[k if k.startswith("bert.") else "bert." + k] = v
    missing = model.load_state_dict(state, strict=False).missing_keys
    h = config.hidden_size
    with torch.no_grad():
        for name, shape, phase in (("bert.pooler.dense", (h, h), 1), ("classifier", (2, h), 2)):
            if name + ".weight" in missing:
                model.get_submodule(name).weight.copy_(wave(shape, phase))
                model.get_submodule(name).bias.zero_()
    return model, config


class Masked:
    def __init__(self, model, config, keep):
        self.model, self.config, self.keep = model, config, keep
        self.masks = [None] * config.num_hidden_layers
        self.hooks = [layer.register_forward_pre_hook(
            lambda mod, args, l=l: (args[0], self.masks[l]) + args[2:])
            for l, layer in enumerate(model.bert.encoder.layer)]

    def close(self):
        for hook in self.hooks:
            hook.remove()

    def run(self, ids_list, pooling):
        lens = [len(x) for x in ids_list]
        n, heads = max(lens), self.config.num_attention_heads
        ids = torch.tensor([x + [0] * (n - len(x)) for x in ids_list])
        for l in range(len(self.masks)):
            m = torch.full((len(lens), heads, n, n), torch.finfo(torch.float32).min)
            for b, k in enumerate(lens):
                for h in range(heads):
                    m[b, h, :k, :k][torch.from_numpy(self.keep(l, h, k))] = 0
                m[b, :, range(k, n), range(k, n)] = 0     # padded rows look at themselves
            self.masks[l] = m
        out = self.model.bert(input_ids=ids, output_hidden_states=True)
        if pooling == "cls":
            pooled = out.pooler_output
        else:
            real = (torch.arange(n)[None] < torch.tensor(lens)[:, None]).float()[..., None]
            pooled = (out.last_hidden_state * real).sum(1) / real.sum(1)
        states = [torch.cat([s[b, :k] for b, k in enumerate(lens)]) for s in out.hidden_states]
        return self.model.classifier(pooled), states


def train(folder, keep_of, pooling, lr, batches):
    model, config = load(folder)
    masked = Masked(model, config, keep_of)
    no_decay = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    decay = [p for n, p in model.named_parameters() if not (n.endswith("bias") or "LayerNorm" in n)]
    if pooling == "mean":          # the pooler takes no part
        decay = [p for p in decay if p is not model.bert.pooler.dense.weight]
        no_decay = [p for p in no_decay if p is not model.bert.pooler.dense.bias]
    optimizer = torch.optim.AdamW([dict(params=decay, weight_decay=0.01),
                                   dict(params=no_decay, weight_decay=0.0)], lr=lr)
    schedule = get_linear_schedule_with_warmup(optimizer, math.ceil(0.2 * STEPS), STEPS)
    losses = []
    for step in range(STEPS):
        ids, labels = batches[step % len(batches)]
        loss = torch.nn.functional.cross_entropy(masked.run(ids, pooling)[0], torch.tensor(labels))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decay + no_decay, 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return short(losses)


def short(values):
    """float32 values with the nine digits that determine them."""
    return [float(f"{v:.9g}") for v in values]


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--models", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    golden = {"generator": "tests/trainer/golden/make_parity.py",
              "generator_sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
              "versions": {"python": platform.python_version(), "torch": torch.__version__,
                           "transformers": transformers.__version__, "numpy": np.__version__},
              "stride": STRIDE, "steps": STEPS, "models": {}}
    for name, lr in (("bert-tiny", 1e-3), ("minilm-l6", 5e-5)):
        folder = a.models / name
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        rows = [(tokenizer.encode(t).ids, y) for t, y in TEXTS]
        model, config = load(folder)
        cases = []
        for text, keep in plans(config.num_hidden_layers, config.num_attention_heads).items():
            masked = Masked(model, config, keep)
            case = {"attention": text}
            with torch.no_grad():
                for pooling in ("cls", "mean"):
                    logits, states = masked.run([r[0] for r in rows], pooling)
                    case[f"logits_{pooling}"] = short(logits.flatten().tolist())
            case["states"] = [short(s.flatten()[::STRIDE].tolist()) for s in states]
            masked.close()
            cases.append(case)
        batches = [([r[0] for r in rows[k::2]], [r[1] for r in rows[k::2]]) for k in (0, 1)]
        keep_of = plans(config.num_hidden_layers, config.num_attention_heads)
        runs = [{"attention": text, "pooling": pooling, "learning_rate": lr,
                 "losses": train(folder, keep_of[text], pooling, lr, batches)}
                for text, pooling in (("dense", "cls"), ("dense", "mean"), ("window(1)", "mean"),
                                      (list(keep_of)[3], "cls"))]
        golden["models"][name] = {
            "weights_sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
            "ids": [r[0] for r in rows], "labels": [r[1] for r in rows], "cases": cases, "runs": runs}
    text = json.dumps(golden, indent=None, separators=(",", ":"))
    a.out.write_text(text.replace('"models":{', '\n"models":{').replace('{"attention"', '\n{"attention"') + "\n")


if __name__ == "__main__":
    main()
