"""Kinds profile, infer and pretrain, and models that trials kept, through the real programs."""

import hashlib
import json
import os
import signal

from harness import DATA, ROBERTA, E2eTest, WithDataFolder, computes_bfloat16, main, until

PROFILE = {
    "name": "memory", "kind": "profile", "model": "bert-tiny", "attention": "block($n)", "axes": {"n": [2]},
    "profile": {"lengths": [32, 64], "tokens": 128}, "training": {"max_length": 64}, "seeds": 1,
}
INFER = {
    "name": "latency", "kind": "infer", "model": "bert-tiny", "attention": "block($n)", "axes": {"n": [2]},
    "infer": {"lengths": [16, 32], "batch_sizes": [1, 2], "repetitions": 3, "warmup": 1},
    "training": {"max_length": 32}, "seeds": 1,
}

TUNING = {
    "task": "sentences3k", "attention": "dense", "seeds": [1], "keep": "last",
    "training": {"max_steps": 3, "max_length": 32, "train_examples": 64, "pooling": "mean"},
}


class Measuring(E2eTest):
    def run_sweep(self, spec, name="sweep.json"):
        ran = self.run_cli("run", self.write(name, spec), "--slots", "2", limit=200)
        self.assertEqual(ran.returncode, 0, ran.stderr + ran.stdout)

    def test_a_profile_is_rows_of_measurements_and_is_never_taken_over(self):
        self.run_sweep(PROFILE)
        rows = self.query("SELECT v.canonical, m.path, m.length, m.batch, m.out_of_memory, m.model_bytes, "
                          "m.activation_bytes, m.forward_ms FROM v_measurements m JOIN v_results v USING (trial_id)")
        self.assertEqual(len(rows), 8)  # two plans, two ways, two lengths
        self.assertEqual({row[1] for row in rows}, {"block", "portable block", "dense", "portable dense"})
        for _, _, length, batch, out_of_memory, model, activation, forward in rows:
            self.assertEqual((length * batch, out_of_memory), (128, 0))
            self.assertEqual(model, rows[0][5])
            self.assertGreater(activation, 0)
            self.assertGreater(forward, 0)
        self.assertEqual(len({root for (root,) in self.query("SELECT attestation_root FROM v_results")}), 2)
        shown = self.run_cli("results").stdout
        self.assertIn("peak memory MB", shown)
        self.assertEqual([line.split()[-5:] for line in shown.splitlines() if " portable dense " in line],
                         [list(map(str, row)) for row in self.query(
                             "SELECT printf('%.1f', m.activation_bytes / 1e6), printf('%.2f', m.forward_ms), printf('%.2f', m.measured ->> '$.backward_ms'), "
                             "printf('%.2f', m.measured ->> '$.optimizer_ms'), printf('%.0f', m.tokens_per_second) FROM v_measurements m "
                             "WHERE m.path = 'portable dense' ORDER BY m.length")])
        verified = self.run_cli("verify", "all")
        self.assertEqual(verified.returncode, 0, verified.stderr + verified.stdout)
        self.run_sweep(dict(PROFILE, name="again"), "again.json")
        self.assertEqual(self.query("SELECT count(*) FROM v_results")[0][0], 4)

    def test_infer_has_a_latency_for_every_point(self):
        self.run_sweep(INFER)
        rows = self.query("SELECT length, batch, latency_ms_p50, latency_ms_p99, tokens_per_second FROM v_measurements")
        self.assertEqual(len(rows), 16)
        for length, batch, middle, late, speed in rows:
            self.assertLessEqual(middle, late)
            self.assertAlmostEqual(speed, length * batch / middle * 1000, delta=1e-6 * speed)
        self.assertEqual(self.query("SELECT DISTINCT metric FROM v_results"), [("latency_ms",)])
        self.assertIn("median ms", self.run_cli("results").stdout)

    def test_what_cannot_be_measured_is_refused_in_one_sentence(self):
        self.refused(self.run_cli("run", self.write("a.json", dict(INFER, attention="learned_window(max=$n)"))),
                     "trains nothing")
        self.refused(self.run_cli("run", self.write("b.json", dict(PROFILE, training={"max_length": 32}))),
                     "max_length 32 is less than length 64")


class WithCorpus(WithDataFolder):
    def mlm(self, name, **training):
        lines = [f"The {'north' if i % 2 else 'south'} road has {i} bridges and {3 * i} old villages." for i in range(60)]
        self.write("corpus.txt", "".join(line + ("\n\n" if i % 3 == 2 else "\n") for i, line in enumerate(lines)))
        return {
            "name": name, "kind": "pretrain", "model": "bert-tiny", "attention": "window($w)", "axes": {"w": [1]},
            "task": {"type": "mlm", "format": "text", "files": {"train": ["corpus.txt"]},
                     "split": {"by": "hash", "dev": 0.2}},
            "training": {"batch_size": 4, "max_length": 32, "learning_rate": 1e-3, **training}, "seeds": 1,
        }


class Pretraining(WithCorpus):
    def test_perplexity_of_a_corpus(self):
        self.run_sweep(self.mlm("mlm", max_steps=6, eval_every=3))
        rows = self.query("SELECT canonical, metric, value FROM v_results")
        self.assertEqual({row[0] for row in rows}, {"dense", "window(1)"})
        for _, metric, value in rows:
            self.assertEqual(metric, "perplexity")
            self.assertGreater(value, 1)
        points = self.query("SELECT DISTINCT step FROM v_metrics WHERE name = 'dev/perplexity' ORDER BY step")
        self.assertEqual(points, [(3,), (6,)])
        verified = self.run_cli("verify", "all")
        self.assertEqual(verified.returncode, 0, verified.stderr + verified.stdout)

    def test_a_killed_run_goes_on_to_the_numbers_of_an_unbroken_one(self):
        spec = dict(self.mlm("mlm", max_steps=240, eval_every=80, checkpoint_every=20), keep="best", baseline="none")
        outcome = "SELECT value, metrics, checkpoint, steps FROM v_results JOIN (SELECT detail ->> '$.steps' AS steps, " \
                  "trial_id FROM result_detail) USING (trial_id)"
        self.run_sweep(spec, db="unbroken.db")
        states = os.path.join(self.data, "cache", "pretrain")
        self.assertEqual(os.listdir(states), [], "it is over")
        run = self.start("killed", "run", self.write("again.json", spec), "--slots", "1")
        until(lambda: any(name.endswith(".state") for name in os.listdir(states)), 60, lambda: run.err)
        run.signal(signal.SIGKILL)
        run.wait()
        self.assertEqual(self.query("SELECT count(*) FROM v_results"), [(0,)], "it was over too soon to be killed")
        self.run_sweep(spec)
        self.assertEqual(self.query(outcome), self.query(outcome, "unbroken.db"))
        last, = self.query("SELECT max(number) FROM v_attempts")[0]
        self.assertGreater(last, 1)
        first, = self.query(f"SELECT min(step) FROM v_metrics WHERE attempt = {last}")[0]
        self.assertGreater(first, 20, "it began anew")

    def test_a_corpus_below_one_sequence_is_bad_data(self):
        spec = self.mlm("short", max_steps=2)
        spec["task"]["files"] = {"train": [self.write("short.txt", "few words")], "dev": [self.write("dev.txt", "some words")]}
        del spec["task"]["split"]
        ran = self.run_cli("run", self.write("short.json", spec), "--slots", "1")
        self.assertEqual(ran.returncode, 1, ran.stderr + ran.stdout)
        reasons = self.query("SELECT DISTINCT reason FROM v_trials")
        self.assertEqual(reasons, [("data",)])
        self.assertIn("fewer than one sequence of 32", ran.stderr + ran.stdout)


class Roberta(WithCorpus):
    def test_pretrains_and_is_measured_in_either_precision(self):
        for precision in ["float32"] + ["bfloat16"] * computes_bfloat16():
            with self.subTest(precision=precision):
                for spec in (self.mlm("mlm", max_steps=4), PROFILE, INFER):
                    training = {**spec["training"], "precision": precision}
                    name = spec["kind"] + precision
                    self.run_sweep(dict(spec, name=name, model=ROBERTA, training=training), db=name + ".db")
                    rows = self.query("SELECT canonical, value FROM v_results", name + ".db")
                    self.assertEqual(len(rows), 2)
                    self.assertTrue(all(value > 0 for _, value in rows), rows)


class KeptModels(WithCorpus):
    def test_what_pretraining_left_is_a_model_of_the_next_sweep_and_predicts(self):
        self.run_sweep(dict(self.mlm("mlm", max_steps=3), keep="last", baseline="none"))
        ((trial, made),) = self.query("SELECT trial_id, checkpoint FROM v_results WHERE checkpoint IS NOT NULL")
        self.run_sweep({"name": "plain", "model": "bert-tiny", **TUNING})
        for name, model in (("by-trial", f"trial:{trial}"), ("by-sweep", "best:mlm")):
            self.run_sweep({"name": name, "model": model, **TUNING})
        tuned = self.query(f"SELECT trial_id, accuracy, loss FROM v_results WHERE model = 'trial:{trial}'")
        self.assertEqual(len(tuned), 1, "one trial by two names")
        plain, = self.query("SELECT loss FROM v_results WHERE model = 'bert-tiny' AND kind = 'finetune'")
        self.assertNotEqual(tuned[0][2], plain[0])
        fetched = os.listdir(os.path.join(self.data, "cache", "models"))
        self.assertEqual(fetched, [made])
        verified = self.run_cli("verify", "all")
        self.assertEqual(verified.returncode, 0, verified.stderr + verified.stdout)
        self.predicts_what_was_counted(*tuned[0][:2])

    def predicts_what_was_counted(self, trial, accuracy):
        with open(os.path.join(DATA, "tasks", "sentences3k.json"), encoding="utf-8") as file:
            task = json.load(file)
        column, label, texts = task["columns"]["text"], task["columns"]["label"], {}
        for name in task["files"]["train"]:
            with open(os.path.join(DATA, "tasks", name), encoding="utf-8") as file:
                for row in map(json.loads, file):
                    texts.setdefault(row[column].strip(), str(row[label]))
        share = task["split"]["dev"] * 2**64
        dev = [text for text in texts
               if text and int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") < share]
        self.write("in.jsonl", "".join(json.dumps({column: text}) + "\n" for text in dev))
        ran = self.run_cli("predict", "--trial", str(trial), "--input", "in.jsonl", "--output", "out.jsonl",
                           "--batch-size", "4")  # in several parts, whose lines stay in order
        self.assertEqual(ran.returncode, 0, ran.stderr)
        with open(os.path.join(self.folder, "out.jsonl"), encoding="utf-8") as file:
            answers = [json.loads(line) for line in file]
        self.assertEqual(len(answers), len(dev))
        for answer in answers:
            self.assertEqual(answer["label"], task["labels"][answer["logits"].index(max(answer["logits"]))])
        right = sum(answer["label"] == texts[text] for answer, text in zip(answers, dev))
        self.assertAlmostEqual(right / len(dev), accuracy, delta=1e-9)

    def test_a_model_that_is_not_there_is_refused_in_one_sentence(self):
        spec = {"name": "a", "model": "trial:7", **TUNING}
        self.refused(self.run_cli("run", self.write("a.json", spec)), "trial 7 has no result")
        self.refused(self.run_cli("run", self.write("b.json", dict(spec, model="best:none"))), "there is no sweep none")

    def test_questions_get_answers_out_of_their_contexts(self):
        context = "The old mill stands in Winterbach. It was built in 1745 by two brothers, and it burnt down twice."
        asked = [("Where does the mill stand?", "Winterbach"), ("When was it built?", "1745")]
        qas = [{"id": str(i), "question": question, "answers": [{"text": text, "answer_start": context.index(text)}]}
               for i, (question, text) in enumerate(asked)]
        self.write("squad.json", {"data": [{"paragraphs": [{"context": context, "qas": qas}]}]})
        self.run_sweep({
            "name": "qa", "model": "bert-tiny", "attention": "dense", "seeds": [1], "keep": "last",
            "task": {"type": "qa", "format": "squad", "files": {"train": ["squad.json"], "dev": ["squad.json"]}},
            "training": {"max_steps": 60, "batch_size": 2, "max_length": 24, "doc_stride": 8, "learning_rate": 1e-3}})
        ((trial, exact),) = self.query("SELECT trial_id, metrics ->> '$.exact_match' FROM v_results")
        self.write("in.jsonl", "".join(json.dumps({"question": question, "context": context}) + "\n"
                                       for question, _ in asked))
        for batch in ("1", "8"):
            ran = self.run_cli("predict", "--trial", str(trial), "--input", "in.jsonl", "--output", "out.jsonl",
                               "--batch-size", batch)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            with open(os.path.join(self.folder, "out.jsonl"), encoding="utf-8") as file:
                answers = [json.loads(line) for line in file]
            for answer in answers:
                self.assertIn(answer["answer"], context)
                self.assertIsInstance(answer["null_score"], float)
            right = sum(answer["answer"] == text for answer, (_, text) in zip(answers, asked))
            self.assertAlmostEqual(right / len(asked), exact)
        ran = self.run_cli("predict", "--trial", str(trial), "--input", "in.jsonl", "--output", "out.jsonl", "--hidden")
        self.refused(ran, "read in windows")


if __name__ == "__main__":
    main()
