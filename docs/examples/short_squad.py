#!/usr/bin/env python3
"""Answered questions of SQuAD with short contexts: short_squad.py IN.json OUT.json [WORDS=40].

Each question gets the sentence that holds its first answer, with the sentences around it as long as WORDS words are not
exceeded (a longer sentence stays whole)."""
import json
import re
import sys

if len(sys.argv) not in (3, 4):
    sys.exit(__doc__)
source, target, words = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 40


def cut(context, answer):
    """Where the context of this answer begins and ends."""
    at, text = answer["answer_start"], answer["text"]
    ends = [match.end() for match in re.finditer(r"[.!?][\"')\]]*\s+(?=[A-Z0-9\"'(])", context)]
    starts = [0] + ends
    stops = ends + [len(context)]
    first = max(i for i, start in enumerate(starts) if start <= at)
    last = min(i for i, stop in enumerate(stops) if stop >= at + len(text))
    grown = True
    while grown:
        grown = False
        for a, b in ((first - 1, last), (first, last + 1)):
            if a >= 0 and b < len(stops) and len(context[starts[a]:stops[b]].split()) <= words:
                first, last, grown = a, b, True
                break
    return starts[first], starts[first] + len(context[starts[first]:stops[last]].rstrip())


with open(source, encoding="utf-8") as file:
    articles = json.load(file)["data"]
paragraphs = []
for article in articles:
    for paragraph in article["paragraphs"]:
        for question in paragraph["qas"]:
            if not question.get("answers"):
                continue
            begin, end = cut(paragraph["context"], question["answers"][0])
            inside = [{"text": answer["text"], "answer_start": answer["answer_start"] - begin}
                      for answer in question["answers"]
                      if begin <= answer["answer_start"] and answer["answer_start"] + len(answer["text"]) <= end]
            paragraphs.append({"context": paragraph["context"][begin:end], "qas": [
                {"id": question["id"], "question": question["question"], "answers": inside}]})
with open(target, "w", encoding="utf-8") as file:
    json.dump({"data": [{"title": "short", "paragraphs": paragraphs}]}, file)
