#!/usr/bin/env python3
"""What transformers' BigBird attends to, block by block, asked of the library itself.

Needs numpy, torch and transformers 4.57 (never this project); prints the golden file that
tests/core/bigbird_hf_test.cc compares with:

    python3 tests/core/golden/bigbird_hf.py > tests/core/golden/bigbird_hf.txt

The attention layer is called with Q = 0 and each value the one-hot code of its key's block, so that
an output row is, for every block, its share of all keys counted as often as they are attended to.

Lines:  permutation SEED N ; VALUES                     np.random.seed, np.random.permutation
        kind BLOCK R N KIND                             what the model turns to: block_sparse | original_full
        counts BLOCK R MAX_POSITIONS HEADS LAYER N PHASE HEAD ; SHA256 [ROWS]
                                                        one character a block, '0' + count; the rows
                                                        themselves where there are at most 16 blocks
        unable BLOCK R MAX_POSITIONS N                  the library raises an error
"""
import hashlib
import logging
import platform

import numpy as np
import torch
import transformers
from transformers import BigBirdConfig, BigBirdModel
from transformers.models.big_bird.modeling_big_bird import BigBirdBlockSparseAttention

logging.disable(logging.WARNING)
torch.manual_seed(0)
transformers.logging.set_verbosity_error()


def config(block, r, max_positions, heads, width):
    return BigBirdConfig(
        vocab_size=10, hidden_size=heads * width, num_hidden_layers=1, num_attention_heads=heads,
        intermediate_size=8, max_position_embeddings=max_positions, attention_type="block_sparse",
        block_size=block, num_random_blocks=r)


def counts(block, r, max_positions, heads, layer, n, phase):
    """Integer counts, heads x blocks x blocks."""
    blocks = -(-n // block)
    padded = blocks * block
    attention = BigBirdBlockSparseAttention(config(block, r, max_positions, heads, 4), seed=layer)
    attention.train(phase == "training")
    real = torch.zeros(1, padded)
    real[:, :n] = 1
    blocked, band, from_mask, to_mask = BigBirdModel.create_masks_for_block_sparse_attn(real, block)
    zeros = torch.zeros(1, heads, padded, blocks)
    codes = torch.eye(blocks).repeat_interleave(block, 0).expand(1, heads, padded, blocks)
    with torch.no_grad():
        out, _ = attention.bigbird_block_sparse_attention(
            zeros, zeros, codes.contiguous(), band, from_mask, to_mask, blocked, blocked, heads, r,
            blocks, block, block, 1, padded, padded, seed=layer, plan_from_length=None,
            plan_num_rand_blocks=None, output_attentions=False)
    shares = out.reshape(padded, heads, blocks)[:n].numpy().astype(np.float64)
    tokens = np.full(blocks, block)
    tokens[-1] = n - (blocks - 1) * block
    per_key = shares / tokens
    result = np.zeros((heads, blocks, blocks), dtype=np.int64)
    for head in range(heads):
        for row in range(blocks):
            rows = per_key[row * block:min(n, (row + 1) * block), head]
            assert np.allclose(rows, rows[0], atol=1e-7), "queries of a block differ"
            # Some block is attended to exactly once: it has the smallest share.
            once = rows[0][rows[0] > 1e-9].min()
            found = np.rint(rows[0] / once).astype(np.int64)
            assert np.allclose(rows[0] / once, found, atol=1e-3), "counts are not whole"
            result[head, row] = found
    return result


def lines():
    for seed, n in [(0, 1), (0, 2), (0, 11), (1, 11), (5, 64), (11, 100), (4294967295, 7)]:
        np.random.seed(seed)
        yield "permutation %d %d ; %s" % (
            seed, n, " ".join(map(str, np.random.permutation(np.arange(n, dtype=np.int32)))))
    for block, r, n in [(64, 3, 704), (64, 3, 705), (16, 1, 112), (16, 1, 113), (8, 3, 88), (8, 3, 89)]:
        model = BigBirdModel(config(block, r, 1024, 2, 4))
        with torch.no_grad():
            model(torch.ones(1, n, dtype=torch.long))
        yield "kind %d %d %d %s" % (block, r, n, model.attention_type)
    cases = [
        # block, r, max_positions, heads, layers, lengths
        (64, 3, 4096, 3, (0, 11), (705, 768, 1000, 1024, 1025, 1500, 3072)),
        (64, 3, 4096, 2, (5,), (961, 4096)),
        (64, 3, 3072, 2, (1,), (1024, 3072)),
        (64, 3, 1024, 12, (0, 7), (1024,)),
        (64, 1, 4096, 2, (2,), (449, 1024, 3009)),
        (64, 5, 4096, 2, (2,), (1024, 2000)),
        (128, 1, 4096, 2, (3,), (1024, 1300, 3072)),
        (16, 3, 4096, 4, (0, 3), (177, 200, 256, 512)),
        (16, 2, 1024, 2, (1,), (145, 1009, 1024)),
        (8, 1, 512, 5, (4,), (57, 60, 64, 127)),
        (32, 4, 4096, 1, (6,), (500, 1024)),
        (256, 1, 4096, 2, (0,), (2000,)),
        (192, 2, 4096, 2, (9,), (3072,)),  # rows with one candidate: it fills the list
    ]
    for block, r, max_positions, heads, layers, lengths in cases:
        for layer in layers:
            for n in lengths:
                for phase in ("training", "evaluation"):
                    found = counts(block, r, max_positions, heads, layer, n, phase)
                    for head in range(heads):
                        rows = ["".join(chr(ord("0") + c) for c in row) for row in found[head]]
                        text = "/".join(rows)
                        yield "counts %d %d %d %d %d %d %s %d ; %s%s" % (
                            block, r, max_positions, heads, layer, n, phase, head,
                            hashlib.sha256(text.encode()).hexdigest(),
                            " " + text if len(rows) <= 12 and head < 2 else "")
    for block, r, max_positions, n in [(256, 1, 4096, 4096), (256, 2, 4096, 3072), (64, 3, 512, 1024)]:
        try:
            counts(block, r, max_positions, 2, 0, n, "training")
        except (ValueError, RuntimeError):
            yield "unable %d %d %d %d" % (block, r, max_positions, n)
        else:
            raise AssertionError("the library can run it")


body = "".join(line + "\n" for line in lines())
print("# made by bigbird_hf.py with Python %s.%s, numpy %s, torch %s, transformers %s" % (
    *platform.python_version_tuple()[:2], np.__version__, torch.__version__, transformers.__version__))
print("# sha256 of the lines below: " + hashlib.sha256(body.encode()).hexdigest())
print(body, end="")
