#!/usr/bin/env python3
"""Makes mlm.json: the losses of ten MLM training steps in transformers, which pretrain_test.cc repeats.

Eager attention, float32, no dropout, one thread. Inputs, masked positions and what was there are in the golden.
It does not use this project. Run:
    pip install torch==2.11.0 transformers==4.57.1
    make_mlm.py --models ~/.local/share/sparsweep/models --out mlm.json
"""
import argparse, hashlib, json, math, platform
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertForMaskedLM, get_linear_schedule_with_warmup

TEXTS = ["The river rose in the night and took the old bridge with it.",
         "She had never learned to swim, though she grew up by the sea.",
         "Prices fell for the third month in a row, and nobody knew why.",
         "A short note.", "He wrote the letter twice and sent neither.",
         "In the north of the country winters are long and the roads are often closed.",
         "The committee meets on Tuesdays.", "Bread, salt and a little oil are all that it needs."]
STEPS = 10
# AdamW moves a weight by the whole rate even where its gradient is rounding noise, as for most rows of the word table:
# at larger rates two correct implementations part by more than the losses are compared to.
LEARNING_RATE = 1e-5


def wave(shape, phase):
    """Weights for the head that a checkpoint lacks: 0.02 * sqrt(2) * sin(k + phase) for value k."""
    k = np.arange(int(np.prod(shape)), dtype=np.float64)
    return torch.tensor((0.02 * math.sqrt(2) * np.sin(k + phase)).astype(np.float32)).view(*shape)


def load(folder):
    config = BertConfig.from_json_file(folder / "config.json")
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    config.tie_word_embeddings = True
    model = BertForMaskedLM._from_config(config, attn_implementation="eager")
    state = {}
    for k, v in load_file(folder / "model.safetensors").items():
        k = k.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
        if "pooler" not in k and not k.endswith("position_ids"):
            state[k if k.startswith(("bert.", "cls.")) else "bert." + k] = v
    missing = model.load_state_dict(state, strict=False).missing_keys
    model.tie_weights()
    with torch.no_grad():
        if "cls.predictions.transform.dense.weight" in missing:
            head = model.cls.predictions
            head.transform.dense.weight.copy_(wave(head.transform.dense.weight.shape, 3))
            head.transform.dense.bias.zero_()
            head.transform.LayerNorm.weight.fill_(1)
            head.transform.LayerNorm.bias.zero_()
            head.bias.zero_()
    return model, "cls.predictions.transform.dense.weight" in missing


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--models", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    golden = {"generator": "tests/trainer/golden/make_mlm.py",
              "generator_sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
              "versions": {"python": platform.python_version(), "torch": torch.__version__,
                           "transformers": transformers.__version__, "numpy": np.__version__},
              "steps": STEPS, "warmup": 0.2, "weight_decay": 0.01, "models": {}}
    for name in ("bert-tiny", "minilm-l6"):
        folder = a.models / name
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        mask = tokenizer.token_to_id("[MASK]")
        rows = []
        for t, text in enumerate(TEXTS):
            truth = tokenizer.encode(text).ids
            chosen = [i for i in range(1, len(truth) - 1) if (i * 7 + t) % 5 == 0] or [1]
            ids = list(truth)
            for n, i in enumerate(chosen):     # most masked, some kept, some replaced
                ids[i] = mask if n % 3 != 2 else truth[i] if n % 2 else 2000 + 37 * n
            rows.append({"ids": ids, "positions": chosen, "truth": [truth[i] for i in chosen]})
        model, fresh = load(folder)
        model.train()
        named = list(model.named_parameters())
        no_decay = [q for n, q in named if n.endswith("bias") or "LayerNorm" in n]
        decay = [q for n, q in named if not (n.endswith("bias") or "LayerNorm" in n)]
        optimizer = torch.optim.AdamW([dict(params=decay, weight_decay=0.01),
                                       dict(params=no_decay, weight_decay=0.0)], lr=LEARNING_RATE)
        schedule = get_linear_schedule_with_warmup(optimizer, math.ceil(0.2 * STEPS), STEPS)
        losses = []
        for step in range(STEPS):
            batch = rows[step % 2::2]
            n = max(len(r["ids"]) for r in batch)
            ids, labels = torch.zeros(len(batch), n, dtype=torch.long), torch.full((len(batch), n), -100)
            attention = torch.zeros(len(batch), n, dtype=torch.long)
            for b, r in enumerate(batch):
                ids[b, :len(r["ids"])] = torch.tensor(r["ids"])
                attention[b, :len(r["ids"])] = 1
                labels[b, r["positions"]] = torch.tensor(r["truth"])
            loss = model(input_ids=ids, attention_mask=attention, labels=labels).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(f"{loss.item():.9g}"))
        golden["models"][name] = {
            "weights_sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
            "learning_rate": LEARNING_RATE, "fresh_head": fresh, "rows": rows, "losses": losses}
    a.out.write_text(json.dumps(golden, separators=(",", ":")).replace('"models":{', '\n"models":{')
                     .replace('{"ids"', '\n{"ids"') + "\n")


if __name__ == "__main__":
    main()
