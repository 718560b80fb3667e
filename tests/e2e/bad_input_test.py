"""What is wrong with a file or a flag is one sentence with the remedy, and exit code 2."""

import json
import os
import subprocess

from harness import E2eTest, main, tiny_sweep


class BadSweepFiles(E2eTest):
    def sweep(self, content, *parts):
        self.write("sweep.json", content)
        self.refused(self.run_cli("run", "sweep.json", "--http", "127.0.0.1:0"), *parts)
        self.assertFalse(
            os.path.exists(os.path.join(self.folder, "sparsweep.db"))
            and self.query("SELECT count(*) FROM sweep") != [(0,)],
            "a refused sweep was stored",
        )

    def test_a_syntax_error_has_line_and_column(self):
        self.sweep('{"name": "x",\n "model" "m"}', "sweep.json", "line 2")

    def test_an_unknown_field_names_the_nearest(self):
        self.sweep(tiny_sweep(modle="x"), "modle", "model")

    def test_an_unknown_pattern_names_the_nearest_and_has_a_caret(self):
        self.sweep(tiny_sweep(axes={"mask": ["windo(1)"]}), "windo", "window", "^")

    def test_an_unused_axis(self):
        self.sweep(tiny_sweep(axes={"mask": ["dense"], "w": [1, 2]}), '"w"')

    def test_a_layer_out_of_range(self):
        self.sweep(tiny_sweep(axes={"mask": ["layer 7: self"]}), "7")

    def test_blockbert_parts_that_do_not_sum_to_the_heads(self):
        self.sweep(tiny_sweep(axes={"mask": ["blockbert(10:2)"]}), "blockbert")

    def test_where_that_excludes_everything(self):
        self.sweep(tiny_sweep(where=["mask == 'nothing'"]), "where")

    def test_an_empty_axis(self):
        self.sweep(tiny_sweep(axes={"mask": []}), "mask")

    def test_a_wrong_type(self):
        self.sweep(tiny_sweep(seeds="two"), "seeds")

    def test_a_grid_above_ten_million_cells(self):
        axes = {name: list(range(1, 102)) for name in "abcd"}
        attention = " + ".join(f"window(${name})" for name in "abcd")
        self.sweep(tiny_sweep(attention=attention, axes=axes), "cells")

    def test_an_unknown_model_or_task_says_where_it_was_looked_for(self):
        self.sweep(tiny_sweep(model="bert-tinny"), "bert-tinny")
        self.sweep(tiny_sweep(task="sentence3k"), "sentence3k")

    def test_a_model_folder_without_weights(self):
        os.mkdir(os.path.join(self.folder, "empty"))
        self.sweep(tiny_sweep(model="./empty"), "empty")

    def test_a_missing_file(self):
        self.refused(self.run_cli("run", "nowhere.json"), "nowhere.json")
        self.refused(self.run_cli("preview", "."), "folder")


class BadFlags(E2eTest):
    def test_of_every_kind(self):
        self.refused(self.run_cli("stauts"), "status")
        self.refused(self.run_cli("run"), "sweep")
        self.refused(self.run_cli("server", "--listen", "nowhere"), "HOST:PORT")
        self.refused(self.run_cli("status", "--server", "127.0.0.1:1"), "127.0.0.1:1")
        self.refused(self.run_cli("status", "--db", "nowhere.db"), "nowhere.db")
        self.refused(self.run_cli("show", "abc", "--db", "nowhere.db"), "abc")
        self.refused(self.run_cli("list", "--server", "127.0.0.1:1", "--db", "x.db"), "--db")

    def test_help_and_version_are_fine(self):
        for words in (["--help"], ["--version"], ["version"], ["run", "--help"]):
            self.assertEqual(self.run_cli(*words).returncode, 0, words)


class Masks(E2eTest):
    FLAGS = ["--layers", "2", "--heads", "2", "--length", "8"]

    def test_are_printed_without_a_server(self):
        answer = self.run_cli("mask", "--attention", "window(1)", *self.FLAGS, "--rows")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        mask = json.loads(answer.stdout)
        self.assertEqual(mask["kept"], [[22, 22], [22, 22]])
        self.assertEqual(mask["rows"][0][0][0], "03")

    def test_refuse_with_a_caret(self):
        self.refused(self.run_cli("mask", "--attention", "windw(1)", *self.FLAGS), "windw", "^")
        self.refused(self.run_cli("mask", "--layers", "2"), "--attention")

    def test_of_a_batch_are_answered_line_by_line(self):
        good = {"attention": "self", "layers": 1, "heads": 1, "length": 4}
        lines = [json.dumps(good), json.dumps({**good, "attention": "sellf"}), "{"]
        answer = self.run_cli("mask", "--batch", "-", stdin="\n".join(lines) + "\n")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        answers = [json.loads(line) for line in answer.stdout.splitlines()]
        self.assertEqual(answers[0]["kept"], [[4]])
        self.assertIn("self", answers[1]["error"])
        self.assertIn("error", answers[2])


class Tools(E2eTest):
    def test_preview_needs_no_database(self):
        self.write("sweep.json", tiny_sweep(axes={"mask": ["dense", "window(0)", "self"]}))
        preview = self.run_cli("preview", "sweep.json", "--json")
        self.assertEqual(preview.returncode, 0, preview.stderr)
        answer = json.loads(preview.stdout)
        self.assertEqual(
            (int(answer["cells"]), int(answer["aliases"]), int(answer["trials"])), (3, 1, 2)
        )
        self.assertEqual(os.listdir(self.folder), ["sweep.json"])

    def test_doctor_finds_this_machine_in_order(self):
        doctor = self.run_cli("doctor", "--json")
        self.assertEqual(doctor.returncode, 0, doctor.stdout + doctor.stderr)
        checks = {item["check"]: item["state"] for item in json.loads(doctor.stdout)}
        for name in ("trainer", "libtorch", "model", "task", "disk"):
            self.assertEqual(checks.get(name), "ok", doctor.stdout)

    def test_doctor_says_what_is_missing(self):
        doctor = self.run_cli("doctor", "--trainer", "/nonexistent", "--data", self.folder)
        self.assertEqual(doctor.returncode, 1)
        self.assertIn("/nonexistent is not there", doctor.stdout)

    def test_bash_takes_the_completion_script(self):
        script = self.run_cli("completion", "bash").stdout
        self.write("completion.bash", script)
        ask = (
            "source completion.bash; COMP_WORDS=(sparsweep sta); COMP_CWORD=1; _sparsweep;"
            ' echo "${COMPREPLY[@]}"'
        )
        shell = subprocess.run(
            ["bash", "-c", ask], cwd=self.folder, capture_output=True, text=True, timeout=20
        )
        self.assertEqual(shell.stdout.strip(), "status", shell.stderr)


if __name__ == "__main__":
    main()
