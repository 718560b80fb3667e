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

    def test_mask_of_a_text_refuses_in_one_sentence(self):
        self.refused(self.run_cli("mask", "--text", "a", "--attention", "lexical(1)"), "--model")
        self.refused(self.run_cli("mask", "--model", "no-model", "--text", "a", "--attention", "self"),
                     "no-model")
        self.refused(self.run_cli("mask", "--attention", "syntax(1)", "--layers", "2", "--heads", "2",
                                  "--length", "4"), "--model and --text")
        self.refused(self.run_cli("mask", "--model", "bert-tiny", "--text", "a", "--attention", "self",
                                  "--length", "4"), "--length")

    def test_a_sweep_by_glove_without_word_vectors_is_refused(self):
        spec = tiny_sweep(axes={"mask": ["lexical(2, by=glove)"]})
        self.refused(self.run_cli("run", self.write("sweep.json", spec)), "by=glove needs word vectors")


if __name__ == "__main__":
    main()
