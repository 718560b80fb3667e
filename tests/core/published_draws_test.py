"""Recomputes the table of draws that docs/attention-language.md publishes, without this project.

    published_draws_test.py DOCUMENT      (the standard library alone)
    published_draws_test.py --print       the table's rows, for the document
"""
import hashlib
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "golden"))
from philox_random import M32, philox  # noqa: E402

# pattern, mask seed, layer, head, N, example, row
CASES = [
    ("random(3)", 42, 5, 11, 12, "", 0), ("random(3)", 42, 5, 11, 12, "", 7),
    ("random(3)", 42, 5, 11, 13, "", 7), ("random(4)", 42, 5, 11, 12, "", 7),
    ("random(3)", 9007199254740991, 0, 0, 200, "", 199),
    ("random(3, draw=layer)", 42, 5, 11, 12, "", 7), ("random(3, draw=plan)", 42, 5, 11, 12, "", 7),
    ("random(3, each=example)", 42, 5, 11, 12, "train/17/0", 7),
    ("random(3, each=example, draw=plan)", 42, 5, 11, 12, "dev/0/0", 7),
    ("bigbird(1, 1, 2)", 42, 5, 11, 12, "", 7), ("bigbird_block(block=1, r=2)", 42, 5, 11, 12, "", 7),
    ("bigbird_block(block=2, r=3)", 42, 5, 11, 23, "", 8), ("bigbird_block(block=2, r=3)", 42, 5, 11, 23, "", 9),
]


def draw(key, third_word, n, i, candidates, r):
    candidates = list(candidates)
    count = len(candidates)
    for t in range(min(r, count)):
        words = philox((t, i, third_word, n), (key & M32, key >> 32))
        p = t + (words[1] * 2**32 + words[0]) * (count - t) // 2**64
        candidates[t], candidates[p] = candidates[p], candidates[t]
    return set(candidates[:min(r, count)])


def arguments(text):
    """The numbers, and the named arguments."""
    values = [part.strip() for part in text[text.index("(") + 1:-1].split(",")]
    named = dict(value.split("=") for value in values if "=" in value)
    return [int(value) for value in values if "=" not in value], named


def keeps(pattern, seed, layer, head, n, example, i):
    numbers, named = arguments(pattern)
    third_word = {"layer": layer * 65536 + 65535, "plan": 2**32 - 1}.get(
        named.get("draw"), layer * 65536 + head)
    key = seed
    if named.get("each") == "example":
        key ^= int.from_bytes(hashlib.sha256(example.encode()).digest()[:8], "little")
    others = [j for j in range(n) if j != i]
    if pattern.startswith("random("):
        return {i} | draw(key, third_word, n, i, others, numbers[0])
    if pattern.startswith("bigbird("):
        g, w, r = numbers
        kept = {j for j in range(n) if i < g or j < g or abs(i - j) <= w}
        return kept | draw(key, third_word, n, i, others, r)
    block, r = int(named["block"]), int(named["r"])
    blocks, row = -(-n // block), i // block
    kept = {b for b in range(blocks)
            if row in (0, blocks - 1) or b in (0, blocks - 1) or abs(row - b) <= 1}
    kept |= draw(key, third_word, blocks, row, [b for b in range(blocks) if b not in kept], r)
    return {j for j in range(n) if j // block in kept}


def row_text(case):
    pattern, seed, layer, head, n, example, i = case
    return "| `%s` | %d | %d | %d | %d | %s | %d | %s |" % (
        pattern, seed, layer, head, n, example, i, " ".join(map(str, sorted(keeps(*case)))))


class PublishedDraws(unittest.TestCase):
    def test_the_table_of_the_document_is_what_the_rule_says(self):
        document = Path(DOCUMENT).read_text(encoding="utf-8").splitlines()
        header = [i for i, line in enumerate(document) if line.startswith("| pattern | mask seed |")]
        self.assertEqual(len(header), 1)
        rows = []
        for line in document[header[0] + 2:]:
            if not line.startswith("|"):
                break
            rows.append(line)
        self.assertEqual(rows, [row_text(case) for case in CASES])


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        print("\n".join(map(row_text, CASES)))
    else:
        DOCUMENT = sys.argv.pop(1)
        unittest.main()
