#!/usr/bin/env python3
"""Loads a kept model with transformers, by the class that its config.json names, and writes its logits: hf_roundtrip.py FOLDER
TEXTS.json OUT.json. TEXTS: lists of token ids, or of {"ids", "types"}; logits of spans are all first tokens, then all last ones."""
import json, sys

import torch
import transformers

folder, texts, out = sys.argv[1:]
torch.set_num_threads(1)
name, = json.load(open(folder + "/config.json"))["architectures"]
model, loading = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
logits = []
with torch.no_grad():
    for text in json.load(open(texts)):
        text = text if isinstance(text, dict) else {"ids": text, "types": [0] * len(text)}
        said = model.eval()(input_ids=torch.tensor([text["ids"]]), token_type_ids=torch.tensor([text["types"]]))
        parts = [said.logits] if "logits" in said else [said.start_logits, said.end_logits]
        logits += torch.cat([part.flatten() for part in parts]).tolist()
json.dump({"logits": logits, "missing": sorted(loading["missing_keys"]), "unexpected": sorted(loading["unexpected_keys"])},
          open(out, "w"))
