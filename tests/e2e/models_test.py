"""Weights that a trial keeps: they reach the database as blobs, `sparsweep model` writes them, they are a model like
any other, and transformers loads them (where SPARSWEEP_HF_PYTHON names a Python that has it)."""

import hashlib
import json
import os
import subprocess
import unittest

from harness import E2eTest, main, tiny_sweep


class Models(E2eTest):
    def keep(self, **changes):
        spec = tiny_sweep(axes={"mask": ["dense", "window(1)"]}, keep="last", training={
            "max_steps": 3, "max_length": 32, "train_examples": 64, "pooling": "cls"})
        spec.update(changes)
        ran = self.run_cli("run", self.write("sweep.json", spec), "--slots", "2", limit=220)
        self.assertEqual(ran.returncode, 0, ran.stderr + ran.stdout)
        return dict(self.query("SELECT trial_id, checkpoint FROM v_results"))

    def test_kept_weights_are_written_and_are_a_model_like_any_other(self):
        kept = self.keep()
        self.assertEqual(len(kept), 2)
        self.assertEqual(len(set(kept.values())), 2, "another mask, other weights")
        number, fingerprint = sorted(kept.items())[0]
        written = self.run_cli("model", str(number), "--db", "sparsweep.db", "--output", "kept")
        self.assertEqual(written.returncode, 0, written.stderr)
        folder = os.path.join(self.folder, "kept")
        lines = ""
        for name in ("config.json", "model.safetensors", "tokenizer.json"):
            with open(os.path.join(folder, name), "rb") as file:
                lines += f"{name} {hashlib.sha256(file.read()).hexdigest()}\n"
        self.assertEqual(hashlib.sha256(lines.encode()).hexdigest(), fingerprint)
        with open(os.path.join(folder, "sparsweep.json"), encoding="utf-8") as file:
            record = json.load(file)
        identity, = self.query(f"SELECT identity FROM v_results WHERE trial_id = {number}")[0]
        self.assertEqual(record["identity"], identity)

        ran = self.run_cli("run", self.write("next.json", tiny_sweep(
            name="next", model=folder, axes={"mask": ["dense"]})), "--slots", "1")
        self.assertEqual(ran.returncode, 0, ran.stderr + ran.stdout)

        again = self.run_cli("model", str(number), "--db", "sparsweep.db", "--output", "kept")
        self.refused(again, "choose a new folder")

    def test_a_trial_that_kept_nothing_says_so(self):
        self.keep(keep="none", axes={"mask": ["dense"]})
        self.refused(self.run_cli("model", "1", "--db", "sparsweep.db", "--output", "kept"),
                     'kept no weights; run its sweep with "keep"')

    @unittest.skipUnless(os.environ.get("SPARSWEEP_HF_PYTHON"),
                         "NOT RUN: set SPARSWEEP_HF_PYTHON to a Python with torch and transformers 4.57")
    def test_transformers_loads_them_whole(self):
        number = min(self.keep(axes={"mask": ["dense"]}))
        self.run_cli("model", str(number), "--db", "sparsweep.db", "--output", "kept")
        texts = self.write("texts.json", [[101, 7592, 102], [101, 2307, 2833, 999, 102]])
        out = os.path.join(self.folder, "out.json")
        script = os.path.join(os.path.dirname(__file__), "..", "trainer", "hf_roundtrip.py")
        subprocess.run([os.environ["SPARSWEEP_HF_PYTHON"], script, os.path.join(self.folder, "kept"),
                        texts, out], check=True, capture_output=True)
        with open(out, encoding="utf-8") as file:
            loaded = json.load(file)
        self.assertEqual((loaded["missing"], loaded["unexpected"]), ([], []))
        self.assertEqual(len(loaded["logits"]), 4)


if __name__ == "__main__":
    main()
