"""Masks of texts through the real programs: a sweep over them, and `sparsweep mask` of a text."""

import contextlib
import ctypes.util
import json
import os
import shutil
import sqlite3
import unittest

from harness import E2eTest, main, tiny_sweep

WITHOUT_PARSER = "NOT RUN: link-grammar is not installed (scripts/bootstrap)"

# Three sentences by hand: "The cat sat." (with its tree), "Dogs bark", "Go".
TREEBANK = "\n\n".join("\n".join(
    "\t".join([str(i), form, "_", "_", "_", "_", str(head), "_", "_", "_"])
    for i, (form, head) in enumerate(words, 1)) for words in [
        [("The", 2), ("cat", 3), ("sat", 0), (".", 3)], [("Dogs", 2), ("bark", 0)], [("Go", 0)]]) + "\n"


class Texts(E2eTest):
    @unittest.skipUnless(ctypes.util.find_library("link-grammar"), WITHOUT_PARSER)
    def test_a_sweep_of_per_example_patterns_runs_and_is_attested(self):
        masks = ["syntax(1)", "lexical(2)", "random(2, each=example)"]
        spec = tiny_sweep(axes={"mask": masks}, training={
            "max_steps": 3, "max_length": 32, "train_examples": 64, "pooling": "cls"})
        ran = self.run_cli("run", self.write("sweep.json", spec), "--slots", "2", limit=220)
        self.assertEqual(ran.returncode, 0, ran.stderr + ran.stdout)
        rows = self.query("SELECT canonical, attestation_root, density FROM v_results")
        found = {row[0]: row for row in rows}
        self.assertEqual(sorted(found), ["dense", "lexical(2)", "random(2, each=example)", "syntax"])
        for canonical in ("lexical(2)", "random(2, each=example)", "syntax"):
            self.assertEqual(len(found[canonical][1]), 64)
            self.assertLess(found[canonical][2], 0.9, canonical)
        results = dict(self.query("SELECT v.canonical, d.detail FROM v_results v "
                                  "JOIN result_detail d ON d.trial_id = v.trial_id"))
        self.assertGreater(json.loads(results["syntax"])["parsed_share"], 0.9)
        self.assertNotIn("parsed_share", json.loads(results["lexical(2)"]))
        self.check_verify()

    def check_verify(self):
        """Masks of texts are proved where the trainer helps, and a changed one is found."""
        verified = self.run_cli("verify", "all")
        self.assertEqual(verified.returncode, 0, verified.stderr + verified.stdout)
        self.assertIn("of 3 not", verified.stdout)
        verified = self.run_cli("verify", "--with-trainer", "--json")
        self.assertEqual(verified.returncode, 0, verified.stderr + verified.stdout)
        sweep = json.loads(verified.stdout)["sweeps"][0]
        self.assertEqual((sweep["masks_recomputed"], sweep["why_not_recomputed"]), (4, {}))
        # One hash of one head of each, and kept entries, behind the program's back.
        for change in ("'$.masks[1].hash', '%s'" % ("0" * 64), "'$.masks[2].kept', 7"):
            for canonical in ("syntax", "lexical(2)", "random(2, each=example)"):
                changed = os.path.join(self.folder, "changed.db")
                shutil.copy(os.path.join(self.folder, "sparsweep.db"), changed)
                with contextlib.closing(sqlite3.connect(changed)) as db, db:
                    where = "trial_id = (SELECT trial_id FROM v_results WHERE canonical = ?)"
                    done = db.execute(
                        f"UPDATE result_detail SET detail = json_set(detail, {change}) WHERE {where}",
                        (canonical,))
                    self.assertEqual(done.rowcount, 1)
                found = json.loads(
                    self.run_cli("verify", "--with-trainer", "--json", "--db", changed).stdout)
                self.assertEqual([f["kind"] for f in found["findings"]], ["wrong_mask", "digest"])
        # Without the data it says why not.
        verified = self.run_cli("verify", "--with-trainer", "--data", self.folder, "--json")
        why = json.loads(verified.stdout)["sweeps"][0]["why_not_recomputed"]
        self.assertEqual(sum(why.values()), 3, why)

    @unittest.skipUnless(ctypes.util.find_library("link-grammar"), WITHOUT_PARSER)
    def test_mask_shows_the_parse_of_a_text(self):
        shown = self.run_cli("mask", "--model", "bert-tiny", "--text", "The cat sat.",
                             "--attention", "syntax(1)", "--format", "json")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        answer = json.loads(shown.stdout)
        self.assertEqual(answer["tokens"], ["[CLS]", "the", "cat", "sat", ".", "[SEP]"])
        self.assertEqual(answer["heads_of_words"], [[1], [-1, 0, 2], [-1, 1], [-1]])
        picture = self.run_cli("mask", "--model", "bert-tiny", "--text", "The cat sat.",
                               "--attention", "syntax(1)", "--format", "text")
        self.assertEqual(picture.returncode, 0, picture.stderr)
        self.assertIn("[CLS]", picture.stdout)

    def mask(self, *arguments, **more):
        return self.run_cli("mask", "--model", "bert-tiny", *arguments, **more)

    def test_mask_of_a_text_refuses_in_one_sentence(self):
        self.refused(self.run_cli("mask", "--text", "a", "--attention", "lexical(1)"), "--model")
        self.refused(self.run_cli("mask", "--model", "no-model", "--text", "a", "--attention", "self"),
                     "no-model")
        self.refused(self.run_cli("mask", "--attention", "syntax(1)", "--layers", "2", "--heads", "2",
                                  "--length", "4"), "--model and --text")
        glove = self.write("glove.txt", "the 0.1 0.2\ncat 0.3\n")
        bad = self.write("bad.conllu", "1\tThe\t_\n")
        good = self.write("good.conllu", TREEBANK)
        self_of = ("--attention", "self")
        syntax_of = ("--attention", "syntax(1)")
        for part, arguments in [
                ("--length", ["--text", "a", *self_of, "--length", "4"]),
                ("the text is empty", ["--text", " ", *self_of]),
                ("--text", ["--text", "", *self_of]),
                ("not valid UTF-8", ["--text", b"\xff", *self_of]),
                ("--text-pair", ["--text-pair", "b", *self_of]),
                ("windw", ["--text", "a", "--attention", "windw(1)"]),
                ("learned", ["--text", "a", "--attention", "learned_window()"]),
                ("max_length", ["--text", "a", *self_of, "--max-length", "2"]),
                ("by=glove", ["--text", "a cat", "--attention", "lexical(1, by=glove)"]),
                ("none.txt", ["--text", "a cat", "--attention", "lexical(1, by=glove)", "--glove", "./none.txt"]),
                ("glove.txt", ["--text", "a cat", "--attention", "lexical(1, by=glove)", "--glove", glove]),
                ("not there", ["--text", "a", *self_of, "--trainer", "/no/trainer"]),
                ("--sentence", ["--text", "a", *syntax_of, "--sentence", "2"]),
                ("none.conllu", ["--conllu", "none.conllu", *syntax_of]),
                ("bad.conllu:1", ["--conllu", bad, *syntax_of]),
                ("there is no sentence 4", ["--conllu", good, "--sentence", "4", *syntax_of]),
                ("does not align", ["--conllu", good, "--text", "A dog ran.", *syntax_of]),
                ("no pattern here is syntax", ["--conllu", good, *self_of])]:
            with self.subTest(arguments=arguments):
                refused = self.mask(*arguments)
                self.refused(refused, part)
                self.assertLessEqual(len(refused.stderr.strip().splitlines()), 3, refused.stderr)
                self.assertEqual(refused.stdout, "")

    def test_mask_takes_parses_from_a_treebank(self):
        path = self.write("good.conllu", TREEBANK)
        shown = self.mask("--conllu", path, "--sentence", "2", "--attention", "syntax(1)", "--rows", "--format", "json")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        answer = json.loads(shown.stdout)
        self.assertEqual(answer["tokens"], ["[CLS]", "dogs", "bark", "[SEP]"])
        self.assertEqual(answer["heads_of_words"], [[1], [-1, 0]])
        # [CLS] is ROOT, which "bark" hangs from; "dogs" hangs from "bark"; [SEP] has itself.
        self.assertEqual(answer["rows"][0][0], ["05", "06", "07", "08"])
        typed = self.mask("--conllu", path, "--sentence", "2", "--text", "Dogs bark", "--rows",
                          "--attention", "syntax(1)", "--format", "json")
        self.assertEqual(json.loads(typed.stdout)["rows"], answer["rows"])
        pair = self.mask("--conllu", path, "--text", "The cat sat.", "--text-pair", "Dogs bark",
                         "--attention", "syntax(1)", "--format", "json")
        self.assertEqual(pair.returncode, 0, pair.stderr)
        self.assertEqual(json.loads(pair.stdout)["heads_of_words"],
                         [[1], [0, 2], [-1, 1, 3], [2], [5], [-1, 4]])

    def test_a_text_is_shown_in_every_format(self):
        asked = ["--text", "The cat sat.", "--attention", "layer 0: window(1)"]
        text = self.mask(*asked, "--format", "text")
        self.assertEqual(text.returncode, 0, text.stderr)
        for token in ("[CLS]", "the", "cat", "sat", "[SEP]"):
            self.assertIn(token, text.stdout)
        answer = json.loads(self.mask(*asked, "--format", "json", "--rows").stdout)
        self.assertEqual([answer["length"], answer["uncut_tokens"]], [6, 6])
        wanted = [[abs(i - j) <= 1 for j in range(6)] for i in range(6)]
        for format, start in [("png", b"\x89PNG\r\n"), ("npy", b"\x93NUMPY")]:
            path = os.path.join(self.folder, "mask." + format)
            made = self.mask(*asked, "--format", format, "--output", path)
            self.assertEqual(made.returncode, 0, made.stderr)
            with open(path, "rb") as file:
                content = file.read()
            self.assertTrue(content.startswith(start))
        # The last of them is the array [2, 2, 6, 6] of bytes behind a header of fixed form.
        self.assertIn(b"'shape': (2, 2, 6, 6)", content)
        self.assertEqual(list(content[-144:]), 2 * sum(map(lambda row: [int(x) for x in row], wanted), []) + 72 * [1])
        self.assertEqual(answer["rows"][0][1],
                         ["%02x" % sum(kept << j for j, kept in enumerate(row)) for row in wanted])

    def test_a_long_text_is_cut_as_in_training_and_said_so(self):
        shown = self.mask("--text", "the cat " * 10, "--attention", "self", "--max-length", "8", "--format", "json")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertEqual(shown.stderr, "the text has 22 tokens and is cut to 8, the max_length, as in training\n")
        answer = json.loads(shown.stdout)
        self.assertEqual([answer["length"], len(answer["tokens"]), answer["uncut_tokens"]], [8, 8, 22])

    def test_a_sweep_by_glove_without_word_vectors_is_refused(self):
        spec = tiny_sweep(axes={"mask": ["lexical(2, by=glove)"]})
        self.refused(self.run_cli("run", self.write("sweep.json", spec)), "by=glove needs word vectors")


if __name__ == "__main__":
    main()
