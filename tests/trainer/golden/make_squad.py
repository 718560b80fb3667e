#!/usr/bin/env python3
"""Makes squad.json: made-up answers, and what the official evaluation scripts give for them.

The rules are those of evaluate-v1.1.py, evaluate-v2.0.py (SQuAD) and of the n-best search of
transformers' question-answering example, written down anew; check_squad.py holds the result against
the scripts themselves. Only the standard library; it does not use this project. Run:
    make_squad.py --out squad.json
"""
import argparse, json, platform, random, re, string
from collections import Counter

ARTICLE = re.compile(r"\b(a|an|the)\b")


def normal(text):
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(ARTICLE.sub(" ", text).split())


def f1_of_words(found, wanted):
    same = sum((Counter(found) & Counter(wanted)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(found), same / len(wanted)
    return 2 * precision * recall / (precision + recall)


def f1_v1(found, gold):
    return max(f1_of_words(normal(found).split(), normal(g).split()) for g in gold)


def exact_v1(found, gold):
    return max(float(normal(found) == normal(g)) for g in gold)


def gold_v2(gold):
    return [g for g in gold if normal(g)] or [""]


def f1_v2(found, gold):
    def one(g):
        a, b = normal(found).split(), normal(g).split()
        return float(a == b) if not a or not b else f1_of_words(a, b)
    return max(one(g) for g in gold_v2(gold))


def exact_v2(found, gold):
    return max(float(normal(found) == normal(g)) for g in gold_v2(gold))


def best_threshold(items, score):
    current = best = float(sum(not i["gold"] for i in items))
    threshold = 0.0
    for item in sorted(items, key=lambda i: i["null_score"]):
        if item["gold"]:
            current += score(item["found"], item["gold"])
        elif item["found"]:
            current -= 1
        if current > best:
            best, threshold = current, item["null_score"]
    return {"threshold": threshold, "score": best / len(items)}


def at_threshold(items, threshold):
    totals = [0.0, 0.0]
    for item in items:
        for k, score in enumerate((exact_v2, f1_v2)):
            if item["null_score"] > threshold:
                totals[k] += float(not item["gold"])
            else:
                totals[k] += score(item["found"], item["gold"])
    return {"exact_match": totals[0] / len(items), "f1": totals[1] / len(items)}


WORDS = ["the", "a", "an", "The", "A", "AN", "Normandy", "10th", "century", "naïve", "Ångström", "İstanbul",
         "ΟΔΥΣΣΕΥΣ", "straße", "STRASSE", "東京", "the東京", "a.m.", "U.S.", "it's", "–", "“quoted”", "'", "_",
         "an_other", "the-end", "x²", "№5", "½", "\u00a0", "\u3000", "\u200b", "a\u0301", "the\u0301", "Ⓐ", "ⓐ a",
         "नमस्ते", "a\u093e", "🙂", "e.g.,", "theatre", "$5.3", "5,300", "\u1680", "\x1f", "\u2028", "Σ", "aΣ", "Ǆ"]


def made_up(rng, most=6):
    joint = rng.choice([" ", " ", " ", "  ", "-", "", "\t", "\n"])
    return joint.join(rng.choice(WORDS) for _ in range(rng.randint(0, most)))


def changed(rng, text):
    words = text.split(" ")
    for _ in range(rng.randint(0, 2)):
        k = rng.randrange(len(words))
        words[k] = rng.choice([words[k].upper(), words[k] + ".", "the " + words[k], "", rng.choice(WORDS)])
    return " ".join(words)


def answers(rng, count):
    items = []
    for k in range(count):
        gold = [made_up(rng) for _ in range(rng.randint(1, 3))]
        if rng.random() < 0.1:
            gold[0] = rng.choice(["", "the", "a an the", ".", "!?"])
        found = rng.choice([lambda: rng.choice(gold), lambda: changed(rng, rng.choice(gold)), lambda: made_up(rng),
                            lambda: rng.choice(["", "the", "."])])()
        v1_gold = list(gold)
        if rng.random() < 0.35:
            gold = []
        items.append({"found": found, "v1_gold": v1_gold, "gold": gold,
                      "null_score": rng.choice([round(rng.gauss(0, 4), 3), rng.gauss(0, 4), 0.0])})
    return items


def n_best(windows, context, may_have_none):
    """windows: (starts, ends, first context token, [begin, end) of the context's tokens)."""
    spans, none = [], None
    for starts, ends, first, places in windows:
        order = lambda values: sorted(range(len(values)), key=lambda i: (-values[i], i))[:20]
        if none is None or starts[0] + ends[0] < none:
            none = starts[0] + ends[0]
        for s in order(starts):
            for e in order(ends):
                inside = all(first <= t < first + len(places) for t in (s, e))
                if inside and s <= e and e - s + 1 <= 30:
                    spans.append((starts[s] + ends[e], starts[s], ends[e], context[places[s - first][0]:places[e - first][1]]))
    spans.sort(key=lambda span: -span[0])
    spans = [s for s in spans[:20] if s[3]] or [(0.0, 0.0, 0.0, "empty")]
    return {"text": spans[0][3], "null_score": none - spans[0][1] - spans[0][2]}


def searches(rng, count):
    """Values are multiples of 1/64, so that float32 and float64 agree to the last bit."""
    out = []
    for _ in range(count):
        words = [rng.choice(["Émile", "went", "to", "東京", "in", "1905", ",", "née", "B"]) for _ in range(rng.randint(3, 60))]
        context = " ".join(words)
        places, at = [], 0
        for w in words:
            places.append((at, at + len(w)))
            at += len(w) + 1
        windows = []
        first, room, step = rng.randint(3, 8), 24, 16
        for begin in range(0, len(words), step):
            part = places[begin:begin + room]
            n = first + len(part) + 1
            value = lambda: rng.randint(-640, 640) / 64 if rng.random() < 0.9 else 1.0
            windows.append(([value() for _ in range(n)], [value() for _ in range(n)], first, part))
            if begin + room >= len(words):
                break
        found = n_best(windows, context, True)
        encoded = [{"starts": s, "ends": e, "first": f,
                    "bytes": [[len(context[:b].encode()), len(context[:t].encode())] for b, t in p]}
                   for s, e, f, p in windows]
        out.append({"context": context, "windows": encoded, **found})
    return out


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--out", required=True)
    out = args.parse_args().out
    rng = random.Random(20)
    items = answers(rng, 1000)
    for item in items:
        item["normal"] = normal(item["found"])
        item["v1"] = [exact_v1(item["found"], item["v1_gold"]), f1_v1(item["found"], item["v1_gold"])]
        item["v2"] = [exact_v2(item["found"], item["gold"]), f1_v2(item["found"], item["gold"])]
    golden = {"generator": "tests/trainer/golden/make_squad.py", "python": platform.python_version(),
              "answers": items,
              "totals_v1": [sum(i["v1"][k] for i in items) / len(items) for k in (0, 1)],
              "thresholds": [{"at": t, **at_threshold(items, t)} for t in (-3.5, 0.0, 1.25, 1e9)],
              "best_exact": best_threshold(items, exact_v2), "best_f1": best_threshold(items, f1_v2),
              "searches": searches(rng, 24)}
    with open(out, "w") as f:
        json.dump(golden, f, ensure_ascii=True, sort_keys=True, indent=0)
        f.write("\n")


main()
