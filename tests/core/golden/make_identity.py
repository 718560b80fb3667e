#!/usr/bin/env python3
"""Writes identity.json: the test vector of docs/identity.md, recomputed with Python alone. Never imports this project.

    python3 make_identity.py > identity.json      (standard library only; Python's version is recorded in the file)

RFC 8785 for this document: every string is printable ASCII and every number prints alike in Python and ECMAScript once whole
numbers are ints, so sorted keys and no white space are all that it takes.
"""
import hashlib
import json
import platform

document = {
    "kind": "finetune",
    "numerics": 2,
    "precision": "float32",
    "model": "8e3a3d4c1d0a4a5a2f0c5f3b6f1f0f3cbb0d3b6f0a9d1c2e3f4a5b6c7d8e9f00",
    "data": "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    "attention": "layers 1: random(2, draw=plan)",
    "seed": 1,
    "mask_seed": 0,
    "hyperparameters": {
        "epochs": 2, "batch_size": 32, "max_length": 64, "learning_rate": 0.001, "warmup": 0.1, "schedule": "linear",
        "weight_decay": 0.01, "clip": 1, "dropout": 0.1, "pooling": "mean"},
}
canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
print(json.dumps({"generator": "tests/core/golden/make_identity.py", "versions": {"python": platform.python_version()},
                  "canonical": canonical, "sha256": hashlib.sha256(canonical.encode()).hexdigest()}, indent=1))
