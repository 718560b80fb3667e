#!/usr/bin/env python3
"""Makes roberta.json and roberta/: a tiny RoBERTa with random weights and a byte-level BPE tokenizer, and what transformers makes of it.

Eager attention, float32, no dropout, one thread. The folder is in Hugging Face layout and small enough to be committed. It does
not use this project. Run:
    pip install torch==2.11.0 transformers==4.57.1
    make_roberta.py --out tests/trainer/golden
"""
import argparse, hashlib, json, math, platform
from pathlib import Path

import tokenizers
import torch
import transformers
from tokenizers import ByteLevelBPETokenizer
from tokenizers.processors import RobertaProcessing
from transformers import (RobertaConfig, RobertaForQuestionAnswering, RobertaForSequenceClassification, RobertaTokenizerFast,
                          get_linear_schedule_with_warmup)

PAIRS = [("The plot was thin, but the acting carried it.", None, 1), ("Terrible.", None, 0),
         ("Where does the caf\u00e9 stand?", "It stands beside the na\u00efve \u4e2d\u6587 sign, 3 doors down.", 1),
         ("  two  spaces and a tab\there", "don't, can't", 0),
         ("Great food and friendly staff!", "", 1), ("A must see \U0001f600.", "Really?", 1)]
STEPS = 10


def short(values):
    """float32 values with the nine digits that determine them."""
    return [float(f"{v:.9g}") for v in values]


def make_tokenizer():
    trained = ByteLevelBPETokenizer(add_prefix_space=False)
    trained.train_from_iterator([t for a, b, _ in PAIRS for t in (a, b or "")] * 4, vocab_size=300, min_frequency=2,
                                special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"], show_progress=False)
    trained._tokenizer.post_processor = RobertaProcessing(("</s>", trained.token_to_id("</s>")),
                                                          ("<s>", trained.token_to_id("<s>")),
                                                          trim_offsets=True, add_prefix_space=False)
    return trained


def batch_of(rows):
    n = max(len(r) for r in rows)
    ids = torch.tensor([r + [1] * (n - len(r)) for r in rows])
    return dict(input_ids=ids, attention_mask=(ids != 1).long())


def train(folder, encoded):
    model = RobertaForSequenceClassification.from_pretrained(folder, attn_implementation="eager")
    model.train()      # dropout is 0
    no_decay = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    decay = [p for n, p in model.named_parameters() if not (n.endswith("bias") or "LayerNorm" in n)]
    optimizer = torch.optim.AdamW([dict(params=decay, weight_decay=0.01), dict(params=no_decay, weight_decay=0.0)], lr=1e-3)
    schedule = get_linear_schedule_with_warmup(optimizer, math.ceil(0.2 * STEPS), STEPS)
    losses = []
    for step in range(STEPS):
        rows = list(range(step % 2, len(encoded), 2))
        logits = model(**batch_of([encoded[i] for i in rows])).logits
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor([PAIRS[i][2] for i in rows]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decay + no_decay, 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return short(losses)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(20)
    folder = a.out / "roberta"
    folder.mkdir(exist_ok=True)
    trained = make_tokenizer()
    trained.save(str(folder / "tokenizer.json"))
    tokenizer = RobertaTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), add_prefix_space=False)
    config = RobertaConfig(vocab_size=trained.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                           intermediate_size=64, max_position_embeddings=66, type_vocab_size=1, layer_norm_eps=1e-5,
                           hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.2,
                           bos_token_id=0, pad_token_id=1, eos_token_id=2, num_labels=2)
    config._attn_implementation = "eager"
    model = RobertaForSequenceClassification(config).eval()
    with torch.no_grad():       # biases and LayerNorms that are not just 0 and 1
        for name, value in model.named_parameters():
            if name.endswith("bias") or "LayerNorm" in name:
                value.add_(torch.randn_like(value) * 0.1)
    model.save_pretrained(folder)
    for extra in folder.iterdir():
        if extra.name not in ("config.json", "model.safetensors", "tokenizer.json"):
            extra.unlink()

    span = RobertaForQuestionAnswering(config).eval()
    span.roberta.load_state_dict(model.roberta.state_dict(), strict=False)
    with torch.no_grad():
        k = torch.arange(2 * config.hidden_size, dtype=torch.float64)
        span.qa_outputs.weight.copy_((0.2 * torch.sin(k + 3)).float().view(2, -1))
        span.qa_outputs.bias.copy_(torch.tensor([0.25, -0.5]))

    encoded = [tokenizer(x, y if y else None)["input_ids"] for x, y, _ in PAIRS]
    with torch.no_grad():
        batch = batch_of(encoded)
        out = model.roberta(**batch, output_hidden_states=True)
        logits = model(**batch).logits
        start, end = span(**batch).start_logits, span(**batch).end_logits
    real = batch["attention_mask"].bool()
    golden = {"generator": "tests/trainer/golden/make_roberta.py",
              "generator_sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
              "versions": {"python": platform.python_version(), "torch": torch.__version__,
                           "transformers": transformers.__version__, "tokenizers": tokenizers.__version__},
              "texts": [{"text": x, "text_pair": y or "", "label": l, "ids": ids} for (x, y, l), ids in zip(PAIRS, encoded)],
              "logits": short(logits.flatten().tolist()),
              "states": [short(s[real].flatten()[::7].tolist()) for s in out.hidden_states],
              "start": short(start[real].tolist()), "end": short(end[real].tolist()),
              "losses": train(folder, encoded)}
    (a.out / "roberta.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
