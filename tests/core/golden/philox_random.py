#!/usr/bin/env python3
"""Recomputes the random draws of docs/attention-language.md without this project.

Only the standard library; prints the golden file that tests/core/random_test.cc compares with:

    python3 tests/core/golden/philox_random.py > tests/core/golden/philox_random.txt

Lines:  philox COUNTER*4 KEY*2 WORD*4              (hexadecimal; the vectors of Random123's kat_vectors)
        row SEED LAYER HEAD N R DRAW QUERY KEY..   (the keys that the row keeps, ascending)
        mask SEED LAYER HEAD N R DRAW KEPT SHA256  (the hash of the whole mask)
"""
import hashlib
import platform
import struct

M32 = 0xFFFFFFFF


def philox(counter, key):
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & M32, (p0 >> 32) ^ c3 ^ k1, p0 & M32
        k0, k1 = (k0 + 0x9E3779B9) & M32, (k1 + 0xBB67AE85) & M32
    return c0, c1, c2, c3


def third_word(layer, head, draw):
    return {"head": layer * 65536 + head, "layer": layer * 65536 + 65535, "plan": 2**32 - 1}[draw]


def row(seed, layer, head, n, r, draw, i):
    others = [j for j in range(n) if j != i]
    for t in range(min(r, n - 1)):
        words = philox((t, i, third_word(layer, head, draw), n), (seed & M32, seed >> 32))
        u = words[1] * 2**32 + words[0]
        p = t + u * (n - 1 - t) // 2**64
        others[t], others[p] = others[p], others[t]
    return sorted([i] + others[:r])


def mask_hash(n, rows):
    bits = bytearray((n * n + 7) // 8)
    for i, keys in enumerate(rows):
        for j in keys:
            bits[(i * n + j) // 8] |= 1 << ((i * n + j) % 8)
    return hashlib.sha256(struct.pack("<I", n) + bytes(bits)).hexdigest()


def lines():
    known = [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((M32,) * 4, (M32,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
         (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ]
    for counter, key, words in known:
        assert philox(counter, key) == words, "Random123's vectors disagree"
        yield " ".join(["philox"] + ["%08x" % w for w in counter + key + words])
    cases = [
        (0, 0, 0, 8, 2, "head"), (0, 0, 1, 8, 2, "head"), (0, 1, 0, 8, 2, "head"),
        (0, 1, 1, 8, 2, "layer"), (0, 1, 1, 8, 2, "plan"), (1, 0, 0, 8, 3, "head"),
        (2**53 - 1, 11, 7, 17, 5, "head"), (0x123456789ABC, 3, 2, 64, 6, "layer"),
        (42, 5, 11, 65, 1, "plan"), (42, 5, 11, 128, 127, "head"), (42, 5, 11, 128, 126, "head"),
        (7, 0, 0, 1, 3, "head"), (7, 0, 0, 2, 1, "head"), (7, 2, 3, 500, 40, "head"),
    ]
    for case in cases:
        seed, layer, head, n, r, draw = case
        rows = [row(seed, layer, head, n, r, draw, i) for i in range(n)]
        name = " ".join(map(str, case))
        if n <= 17:
            for i, keys in enumerate(rows):
                yield "row %s %d %s" % (name, i, " ".join(map(str, keys)))
        yield "mask %s %d %s" % (name, sum(map(len, rows)), mask_hash(n, rows))


def main():
    body = "".join(line + "\n" for line in lines())
    print("# made by philox_random.py with the standard library of Python %s.%s" %
          platform.python_version_tuple()[:2])
    print("# sha256 of the lines below: " + hashlib.sha256(body.encode()).hexdigest())
    print(body, end="")


if __name__ == "__main__":
    main()
