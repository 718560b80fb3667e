#!/usr/bin/env python3
"""Recomputes what docs/learned-degrees.md says of hardening, without this project.

Only the standard library; prints the golden file that tests/core/learned_degrees_test.cc compares with:

    python3 tests/core/golden/learned_degrees.py > tests/core/golden/learned_degrees.txt

Lines:  distribution NAME PARTS.. ; MEAN THRESHOLD           (degrees that the row-free hardenings give)
        density NAME LENGTH:EXAMPLES.. ; VALUE               (expected density, from exact fractions)
        sample NAME SEED LAYER HEAD N ; DEGREE.. SHA256      (the degree of each row, the hash of the mask)
"""
import hashlib
import platform
import struct
from fractions import Fraction

M32 = 0xFFFFFFFF
WHOLE = 10**6


def philox(counter, key):
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & M32, (p0 >> 32) ^ c3 ^ k1, p0 & M32
        k0, k1 = (k0 + 0x9E3779B9) & M32, (k1 + 0xBB67AE85) & M32
    return c0, c1, c2, c3


def sample(parts, seed, layer, head, n):
    degrees = []
    for i in range(n):
        words = philox((0, i, layer * 65536 + head, n), (seed & M32, seed >> 32))
        part = (words[1] * 2**32 + words[0]) * WHOLE >> 64
        degree = 0
        while part >= parts[degree]:
            part -= parts[degree]
            degree += 1
        degrees.append(degree)
    return degrees


def mask_hash(degrees):
    n = len(degrees)
    bits = bytearray((n * n + 7) // 8)
    for i, degree in enumerate(degrees):
        for j in range(n):
            if abs(i - j) <= degree:
                bits[(i * n + j) // 8] |= 1 << ((i * n + j) % 8)
    return hashlib.sha256(struct.pack("<I", n) + bytes(bits)).hexdigest()


def density(parts, lengths):
    """By brute force: every entry of every window of every degree, weighted."""
    kept = sum(examples * part * sum(abs(i - j) <= degree for i in range(n) for j in range(n))
               for n, examples in lengths for degree, part in enumerate(parts))
    return Fraction(kept, WHOLE * sum(examples * n * n for n, examples in lengths))


def mean(parts):
    return int(Fraction(sum(d * p for d, p in enumerate(parts)), WHOLE) + Fraction(1, 2))


def threshold(parts):
    return max(x for x in range(len(parts)) if 2 * sum(parts[x:]) >= WHOLE)


DISTRIBUTIONS = {
    "point": [0, 0, 0, WHOLE],
    "none": [WHOLE],
    "start": [25_000, 25_000, 25_000, 25_000, 900_000],
    "halves": [500_000, 0, 0, 500_000],
    "long": [300_000, 200_000, 100_000] + [0] * 60 + [399_999, 1],
}
LENGTHS = [[(1, 1)], [(4, 1)], [(7, 3), (2, 5), (64, 1)]]
CASES = [("start", 0, 0, 0, 8), ("start", 1, 0, 0, 8), ("start", 1, 3, 2, 8), ("halves", 2**53 - 1, 11, 7, 17),
         ("long", 0x123456789ABC, 2, 5, 63), ("long", 7, 0, 1, 130), ("point", 5, 1, 1, 3), ("none", 5, 1, 1, 5)]


def lines():
    for name, parts in DISTRIBUTIONS.items():
        assert sum(parts) == WHOLE
        yield "distribution %s %s ; %d %d" % (name, " ".join(map(str, parts)), mean(parts), threshold(parts))
        for lengths in LENGTHS:
            counts = " ".join("%d:%d" % pair for pair in lengths)
            yield "density %s %s ; %.17g" % (name, counts, density(parts, lengths))
    for name, seed, layer, head, n in CASES:
        degrees = sample(DISTRIBUTIONS[name], seed, layer, head, n)
        yield "sample %s %d %d %d %d ; %s %s" % (name, seed, layer, head, n, " ".join(map(str, degrees)),
                                                 mask_hash(degrees))


body = "".join(line + "\n" for line in lines())
print("# made by learned_degrees.py with the standard library of Python %s.%s" %
      platform.python_version_tuple()[:2])
print("# sha256 of the lines below: " + hashlib.sha256(body.encode()).hexdigest())
print(body, end="")
