#!/usr/bin/env python3
"""Makes tasks.json: ten training steps of question answering, regression and pair classification, by
transformers' own classes and losses, and the windows that its tokenizers cut of a context.

Eager attention, float32, no dropout, one thread. It does not use this project. Run:
    pip install torch==2.11.0 transformers==4.57.1
    make_tasks.py --models ~/.local/share/sparsweep/models --out tasks.json
"""
import argparse, hashlib, json, math, platform
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import (BertConfig, BertForQuestionAnswering, BertForSequenceClassification,
                          get_linear_schedule_with_warmup)

from make_parity import STEPS, short, wave, window

PAIRS = [("A man plays a guitar.", "Someone is making music.", 1, 3.8), ("The cat sleeps.", "A dog barks.", 0, 0.4),
         ("Two children run through the rain.", "Kids are outside.", 1, 3.1),
         ("He sold the house last year.", "He bought a boat.", 0, 1.25),
         ("The film was long and dull.", "It was a boring movie that would not end.", 1, 4.5),
         ("Prices rose by two percent in May.", "In May prices fell.", 0, 2.0),
         ("She opened the window.", "The window was opened by her.", 1, 5.0), ("It snows.", "Bread is baked early.", 0, 0.0)]
CONTEXT = ("In 1905 the physicist published four papers, which are now called the miracle year papers. The first of them "
           "explained the photoelectric effect, for which he received the Nobel Prize in 1921; the second dealt with "
           "Brownian motion – naïve readers took it for a curiosity – and the third introduced special relativity. "
           "The last one said that mass and energy are the same thing.")
QUESTIONS = [("  What did the first paper explain?", "the photoelectric effect"), ("When was the Nobel Prize received?", "1921"),
             ("What are they called?", "the miracle year papers"), ("What did the third introduce?", "special relativity")]
MAX_LENGTH, STRIDE = 40, 12


def load(folder, kind, labels):
    config = BertConfig.from_json_file(folder / "config.json")
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    config.num_labels = labels
    config.problem_type = {1: "regression", 2: "single_label_classification"}[labels]
    model = kind._from_config(config, attn_implementation="eager")
    state = {}
    for k, v in load_file(folder / "model.safetensors").items():
        k = k.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
        if not k.startswith("cls.") and not k.endswith("position_ids"):
            state[k if k.startswith("bert.") else "bert." + k] = v
    missing = model.load_state_dict(state, strict=False).missing_keys
    h = config.hidden_size
    with torch.no_grad():
        for name, shape, phase in (("bert.pooler.dense", (h, h), 1), ("classifier", (labels, h), 2),
                                   ("qa_outputs", (labels, h), 2)):
            if name + ".weight" in missing:
                model.get_submodule(name).weight.copy_(wave(shape, phase))
                model.get_submodule(name).bias.zero_()
    return model.train(), config


def additive(rows, heads, w):
    """[B, heads, N, N]: padding is masked, and all but w neighbours where w is given."""
    n = max(map(len, rows))
    mask = torch.full((len(rows), heads, n, n), torch.finfo(torch.float32).min)
    for b, row in enumerate(rows):
        k = len(row)
        keep = torch.ones(k, k, dtype=torch.bool) if w is None else torch.from_numpy(window(k, w))
        mask[b, :, :k, :k][keep.expand(heads, k, k)] = 0
        mask[b, :, range(k, n), range(k, n)] = 0
    return mask


def train(folder, kind, labels, w, lr, batches):
    model, config = load(folder, kind, labels)
    mask = [None]
    for layer in model.bert.encoder.layer:
        layer.register_forward_pre_hook(lambda mod, args: (args[0], mask[0]) + args[2:])
    plain = lambda n: n.endswith("bias") or "LayerNorm" in n
    groups = [[p for n, p in model.named_parameters() if plain(n) == k] for k in (False, True)]
    optimizer = torch.optim.AdamW([dict(params=groups[0], weight_decay=0.01), dict(params=groups[1], weight_decay=0.0)], lr=lr)
    schedule = get_linear_schedule_with_warmup(optimizer, math.ceil(0.2 * STEPS), STEPS)
    losses = []
    for step in range(STEPS):
        ids, types, targets = batches[step % len(batches)]
        n = max(map(len, ids))
        pad = lambda rows: torch.tensor([r + [0] * (n - len(r)) for r in rows])
        mask[0] = additive(ids, config.num_attention_heads, w)
        loss = model(input_ids=pad(ids), token_type_ids=pad(types), **targets).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(groups[0] + groups[1], 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return short(losses)


def cut(tokenizer, question, context, max_length, stride):
    tokenizer.enable_truncation(max_length, stride=stride, strategy="only_second")
    whole = tokenizer.encode(question.lstrip(), context)
    windows = []
    for part in [whole] + whole.overflowing:
        places = [(i, o) for i, (s, o) in enumerate(zip(part.sequence_ids, part.offsets)) if s == 1]
        size = lambda at: len(context[:at].encode())
        windows.append({"ids": part.ids, "types": part.type_ids, "first": places[0][0],
                        "bytes": [[size(b), size(e)] for _, (b, e) in places], "characters": [o for _, o in places]})
    return windows


def answer_tokens(w, begin, end):
    """The reference's rule: the first token where the window does not hold the answer whole."""
    places = w["characters"]
    if places[0][0] > begin or places[-1][1] < end:
        return 0, 0
    first = max(i for i, (b, _) in enumerate(places) if b <= begin)
    last = min(i for i, (_, e) in enumerate(places) if e >= end)
    return w["first"] + first, w["first"] + last


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--models", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    folder = a.models / "bert-tiny"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    encoded = [tokenizer.encode(x, y) for x, y, _, _ in PAIRS]
    rows = [{"ids": e.ids, "types": e.type_ids, "label": p[2], "target": p[3] / 4} for e, p in zip(encoded, PAIRS)]
    halves = [rows[k::2] for k in (0, 1)]
    batch = lambda part, targets: ([r["ids"] for r in part], [r["types"] for r in part], targets)
    pairs = [batch(h, {"labels": torch.tensor([r["label"] for r in h])}) for h in halves]
    scores = [batch(h, {"labels": torch.tensor([r["target"] for r in h])}) for h in halves]

    questions, full = [], []
    for question, answer in QUESTIONS:
        begin = CONTEXT.index(answer)
        windows = cut(tokenizer, question, CONTEXT, MAX_LENGTH, STRIDE)
        for w in windows:
            w["answer"] = answer_tokens(w, begin, begin + len(answer))
            if len(w["ids"]) == MAX_LENGTH:      # transformers' loss counts padding as candidates
                full.append(w)
            del w["characters"]
        questions.append({"question": question, "answer": answer, "windows": windows})
    spans = [batch(full[k::2], {"start_positions": torch.tensor([w["answer"][0] for w in full[k::2]]),
                                "end_positions": torch.tensor([w["answer"][1] for w in full[k::2]])}) for k in (0, 1)]
    runs = []
    for name, kind, labels, batches in (("pairs", BertForSequenceClassification, 2, pairs),
                                        ("scores", BertForSequenceClassification, 1, scores),
                                        ("spans", BertForQuestionAnswering, 2, spans)):
        for attention, w in (("dense", None), ("window(2)", 2)):
            runs.append({"task": name, "attention": attention, "learning_rate": 1e-3,
                         "losses": train(folder, kind, labels, w, 1e-3, batches)})
    golden = {"generator": "tests/trainer/golden/make_tasks.py",
              "generator_sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
              "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__,
                           "transformers": transformers.__version__, "tokenizers": tokenizers.__version__},
              "weights_sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
              "steps": STEPS, "max_length": MAX_LENGTH, "stride": STRIDE, "context": CONTEXT, "rows": rows,
              "questions": questions, "runs": runs}
    a.out.write_text(json.dumps(golden, indent=None, separators=(",", ":")).replace('{"task"', '\n{"task"') + "\n")


if __name__ == "__main__":
    main()
