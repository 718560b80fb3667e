"""`sparsweep predict`: what a kept model says of texts is what its trial counted, whatever its masks are made from."""

import ctypes.util
import json
import math
import os
import unittest

from harness import DATA, ROBERTA, E2eTest, WithDataFolder, computes_bfloat16, main

WITHOUT_PARSER = "NOT RUN: link-grammar is not installed (scripts/bootstrap)"


def conllu(text):
    """A treebank's sentence: each run of non-space hangs from the first."""
    return "".join(f"{i}\t{word}\t_\t_\t_\t_\t{min(i - 1, 1)}\t_\t_\t_\n"
                   for i, word in enumerate(text.split(), 1)) + "\n"


class OfATrial(WithDataFolder):
    """Small tasks of their own, whose dev rows are the input: the loss of what is predicted is the trial's."""

    def setUp(self):
        super().setUp()
        with open(os.path.join(DATA, "tasks", "sentences3k", "yelp.jsonl"), encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        rows = [{"text": row["text"].strip(), "class": str(row["class"])} for row in rows if len(row["text"]) < 60]
        self.train, self.dev = rows[:64], rows[64:112]

    def task(self, **more):
        for name, rows in (("train", self.train), ("dev", self.dev)):
            self.write(name + ".jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        return {"files": {"train": "train.jsonl", "dev": "dev.jsonl"}, "format": "jsonl", "labels": ["0", "1"],
                "columns": {"text": "text", "label": "class"}, **more}

    def trained(self, mask, task=None, keep="last", model="bert-tiny", **training):
        """The trial's number, accuracy and loss. It learns fast, so that weights and degrees move."""
        self.run_sweep({
            "name": "trained", "model": model, "task": task or self.task(), "attention": mask, "seeds": [1],
            "baseline": "none", "keep": keep, "training": {
                "epochs": 3, "batch_size": 8, "max_length": 32, "learning_rate": 5e-3, "pooling": "mean", **training}})
        ((trial, accuracy, loss),) = self.query("SELECT trial_id, accuracy, loss FROM v_results")
        return trial, accuracy, loss

    def predict(self, *arguments):
        return self.run_cli("predict", *arguments, "--input", "dev.jsonl", "--output", "out.jsonl")

    def counted(self, *arguments):
        """Accuracy and loss of the predictions."""
        ran = self.predict(*arguments)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        with open(os.path.join(self.folder, "out.jsonl"), encoding="utf-8") as file:
            answers = [json.loads(line) for line in file]
        self.assertEqual(len(answers), len(self.dev))
        right = sum(answer["label"] == row["class"] for answer, row in zip(answers, self.dev))
        loss = sum(math.log(sum(map(math.exp, answer["logits"]))) - answer["logits"][int(row["class"])]
                   for answer, row in zip(answers, self.dev))
        return right / len(self.dev), loss / len(self.dev)

    def predicts_what_was_counted(self, trial, accuracy, loss):
        found = self.counted("--trial", str(trial))
        self.assertAlmostEqual(found[0], accuracy, delta=1e-9)
        self.assertAlmostEqual(found[1], loss, delta=1e-5)
        dense = self.counted("--trial", str(trial), "--attention", "dense")
        self.assertGreater(abs(dense[1] - loss), 1e-3, "the masks make no difference here")

    def test_words_are_compared_by_the_model_from_before_the_training(self):
        trial, *values = self.trained("lexical(density=0.22)")
        self.predicts_what_was_counted(trial, *values)

    @unittest.skipUnless(ctypes.util.find_library("link-grammar"), WITHOUT_PARSER)
    def test_the_input_is_parsed_as_the_data_were(self):
        trial, *values = self.trained("layer 0: syntax(1); layer 1: window(2) & lexical(1)")
        self.predicts_what_was_counted(trial, *values)

    def test_a_treebank_of_the_input_lies_beside_it(self):
        for name, rows in (("train", self.train), ("dev", self.dev)):
            self.write(name + ".jsonl.conllu", "".join(conllu(row["text"]) for row in rows))
        trial, *values = self.trained("syntax(1)", self.task(parses="conllu"))
        self.predicts_what_was_counted(trial, *values)
        os.remove(os.path.join(self.folder, "dev.jsonl.conllu"))
        self.refused(self.predict("--trial", str(trial)), "put those of the input into", "dev.jsonl.conllu")

    def test_learned_patterns_are_hardened_as_for_the_evaluation(self):
        trial, *values = self.trained("layer 0: learned_window(per=head); layer 1 heads 1: adaptive_span(ramp=4)",
                                      **{"lambda": 0.3, "degree_lr": 0.5})
        self.predicts_what_was_counted(trial, *values)
        # The folder that `model` writes knows them as well, of its own plan only.
        self.assertEqual(self.run_cli("model", str(trial), "--output", "kept").returncode, 0)
        learned = "layer 0: learned_window(per=head); layer 1 heads 1: adaptive_span(ramp=4)"
        found = self.counted("--model", "./kept", "--task", self.write("task.json", self.task()), "--attention", learned,
                             "--max-length", "32", "--pooling", "mean")
        self.assertAlmostEqual(found[1], values[1], delta=1e-5)
        other = self.predict("--trial", str(trial), "--attention", "learned_window")
        self.refused(other, "learned others", "layer 1 head 0")

    def test_of_the_best_epoch_its_own_degrees_are_kept(self):
        # Later epochs leave each token alone, [CLS] too.
        trial, *values = self.trained("learned_window", keep="best", report="best", pooling="cls", epochs=6,
                                      **{"lambda": 3, "degree_lr": 0.5})
        ((epoch,),) = self.query("SELECT reported_epoch FROM v_results")
        self.assertLess(epoch, 6, "the last is the best: choose other numbers")
        self.predicts_what_was_counted(trial, *values)

    def test_bfloat16_is_predicted_in_bfloat16(self):
        if not computes_bfloat16():
            self.skipTest("NOT RUN: the processor lacks avx512_bf16")
        trial, _, loss = self.trained("window(2)", precision="bfloat16")
        found = self.counted("--trial", str(trial))
        self.assertAlmostEqual(found[1], loss, delta=1e-5)

    def test_a_roberta_predicts_too(self):
        trial, *values = self.trained("window(1)", model=ROBERTA, pooling="cls", learning_rate=5e-4)
        self.predicts_what_was_counted(trial, *values)


class Predicting(E2eTest):
    TEXTS = ["A fine film.", "It rained all day and we stayed at home.", "No."]

    def predict(self, *arguments):
        path = self.write("in.jsonl", "".join(json.dumps({"text": text}) + "\n" for text in self.TEXTS))
        out = os.path.join(self.folder, "out.jsonl")
        ran = self.run_cli("predict", "--input", path, "--output", out, *arguments)
        if ran.returncode != 0:
            return ran
        with open(out, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def test_hidden_states_of_each_token_whatever_the_batch(self):
        alone = self.predict("--model", "bert-tiny", "--attention", "window(2)", "--hidden", "--batch-size", "1")
        self.assertEqual([len(line["hidden"]) for line in alone], [6, 12, 4])
        self.assertEqual({len(token) for line in alone for token in line["hidden"]}, {128})
        together = self.predict("--model", "bert-tiny", "--attention", "window(2)", "--hidden", "--batch-size", "3")
        for one, other in zip(alone, together):
            for a, b in zip(one["hidden"], other["hidden"]):
                self.assertLess(max(abs(x - y) for x, y in zip(a, b)), 1e-4)
        dense = self.predict("--model", "bert-tiny", "--hidden")
        self.assertGreater(abs(dense[1]["hidden"][0][0] - alone[1]["hidden"][0][0]), 1e-4)

    def test_refuses_in_one_sentence(self):
        self.refused(self.predict(), "--model or --trial")
        self.refused(self.predict("--model", "bert-tiny"), "--hidden")
        self.refused(self.predict("--model", "bert-tiny", "--task", "sentences3k"), "no trained classifier")
        self.refused(self.predict("--model", "no-model", "--hidden"), "no-model")
        learned = self.predict("--model", "bert-tiny", "--hidden", "--attention", "learned_window")
        self.refused(learned, 'model "bert-tiny" was not made by a trial', "window(4)")


if __name__ == "__main__":
    main()
