#!/usr/bin/env python3
"""Loads a kept model with transformers and prints its logits: hf_roundtrip.py FOLDER TEXTS.json OUT.json. TEXTS: lists of token ids."""
import json, sys

import torch
from transformers import AutoModelForSequenceClassification

folder, texts, out = sys.argv[1:]
torch.set_num_threads(1)
model, loading = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
logits = []
with torch.no_grad():
    for ids in json.load(open(texts)):
        logits += model.eval()(input_ids=torch.tensor([ids])).logits.flatten().tolist()
json.dump({"logits": logits, "missing": sorted(loading["missing_keys"]), "unexpected": sorted(loading["unexpected_keys"])},
          open(out, "w"))
