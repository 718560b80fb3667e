#!/usr/bin/env python3
"""Holds squad.json against the official evaluation scripts themselves, where somebody has them.

They are no part of this project: name the files. Only the standard library (and numpy, which evaluate-v2.0.py imports).
    check_squad.py squad.json --v1 evaluate-v1.1.py --v2 evaluate-v2.0.py [--mrqa mrqa_official_eval.py]
Ends with 1 where a value differs in any bit.
"""
import argparse, importlib.util, json, sys, types


def load(path):
    sys.modules.setdefault("allennlp", types.ModuleType("allennlp"))  # the MRQA script takes a download helper from it
    for name in ("allennlp.common", "allennlp.common.file_utils"):
        sys.modules.setdefault(name, types.ModuleType(name)).cached_path = None
    spec = importlib.util.spec_from_file_location("official", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def dataset(items, field):
    qas = [{"id": str(k), "answers": [{"text": text} for text in item[field]]} for k, item in enumerate(items)]
    return [{"paragraphs": [{"qas": qas}]}]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("golden")
    p.add_argument("--v1", required=True)
    p.add_argument("--v2", required=True)
    p.add_argument("--mrqa")
    a = p.parse_args()
    golden = json.load(open(a.golden))
    items = golden["answers"]
    found = {str(k): item["found"] for k, item in enumerate(items)}
    compared = wrong = 0

    def check(what, ours, theirs):
        nonlocal compared, wrong
        compared += 1
        if ours != theirs:
            wrong += 1
            print(f"{what}: {ours!r}, the official script says {theirs!r}")

    for name, script in (("1.1", a.v1), ("MRQA", a.mrqa)):
        if not script:
            continue
        official = load(script)
        for k, item in enumerate(items):
            check(f"normal of {k}", item["normal"], official.normalize_answer(item["found"]))
            scores = [official.metric_max_over_ground_truths(metric, item["found"], item["v1_gold"])
                      for metric in (official.exact_match_score, official.f1_score)]
            check(f"{name} of {k}", item["v1"], scores)
    total = load(a.v1).evaluate(dataset(items, "v1_gold"), found)
    check("total of 1.1", [100.0 * sum(i["v1"][k] for i in items) / len(items) for k in (0, 1)],
          [total["exact_match"], total["f1"]])

    official = load(a.v2)
    data = dataset(items, "gold")
    answered = official.make_qid_to_has_ans(data)
    none = {str(k): item["null_score"] for k, item in enumerate(items)}
    exact, f1 = official.get_raw_scores(data, found)
    for k, item in enumerate(items):
        check(f"2.0 of {k}", item["v2"], [exact[str(k)], f1[str(k)]])
    for at in golden["thresholds"]:
        for name, raw in (("exact_match", exact), ("f1", f1)):
            scores = official.apply_no_ans_threshold(raw, none, answered, at["at"])
            check(f"{name} at {at['at']}", at[name], sum(scores.values()) / len(items))
    for name, raw in (("best_exact", exact), ("best_f1", f1)):
        best, threshold = official.find_best_thresh(found, raw, none, answered)
        check(name, [100.0 * golden[name]["score"], golden[name]["threshold"]], [best, threshold])
    print(f"{compared} values compared, {wrong} differ")
    sys.exit(1 if wrong else 0)


main()
