"""`sparsweep run`: the whole way in one command, interrupted, resumed, asked afterwards."""

import json
import os

from harness import E2eTest, main, signal, tiny_sweep, until


class EmbeddedRun(E2eTest):
    def test_runs_a_sweep_and_leaves_a_database_that_everything_reads(self):
        self.write("sweep.json", tiny_sweep())
        run = self.run_cli("run", "sweep.json", "--http", "127.0.0.1:0")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("http://127.0.0.1:", run.stdout)
        self.assertIn("vs dense", run.stdout)
        self.assertIn("4 trials: 4 succeeded, 0 failed", run.stdout)
        self.assertIn("sparsweep server --db sparsweep.db", run.stdout)

        rows = self.query("SELECT canonical, value, density FROM v_results ORDER BY canonical")
        self.assertEqual([row[0] for row in rows], ["dense", "global(1)", "self", "window(1)"])
        density = {row[0]: row[2] for row in rows}
        self.assertEqual(density["dense"], 1.0)
        self.assertLess(density["self"], density["window(1)"])
        # Two layers by two heads, confirmed for every trial.
        self.assertEqual(self.query("SELECT count(*) FROM v_masks"), [(16,)])

        results = json.loads(self.run_cli("results", "--db", "sparsweep.db", "--json").stdout)
        self.assertEqual(len(results["cells"]), 4)
        self.assertEqual([cell["baseline"] for cell in results["cells"]].count(True), 1)
        csv = self.run_cli("results", "--db", "sparsweep.db", "--csv").stdout.splitlines()
        self.assertEqual(len(csv), 5)
        self.assertTrue(csv[0].startswith("cell,mask,attention,"))

        listed = self.run_cli("list", "--db", "sparsweep.db").stdout
        self.assertIn("succeeded", listed)
        show = self.run_cli("show", "1", "--db", "sparsweep.db")
        self.assertEqual(show.returncode, 0, show.stderr)
        self.assertIn("density", show.stdout)
        sql = self.run_cli(
            "sql", "--db", "sparsweep.db", "--json", "SELECT count(*) AS n FROM v_results"
        )
        self.assertEqual(json.loads(sql.stdout), {"n": 4})
        logs = self.run_cli("logs", "1", "--db", "sparsweep.db")
        self.assertEqual(logs.returncode, 0, logs.stderr)
        self.assertTrue(logs.stdout.startswith("attempt 1.1 on run, slot "), logs.stdout)

        again = self.run_cli("run", "sweep.json", "--http", "127.0.0.1:0")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("0 of them now", again.stdout)
        self.assertEqual(self.query("SELECT count(*) FROM v_attempts"), [(4,)])

    def test_ctrl_c_costs_nothing_and_the_same_command_goes_on(self):
        masks = ["dense", "self", "window(1)", "window(2)", "window(3)", "global(1)"]
        self.write("sweep.json", tiny_sweep(axes={"mask": masks}))
        arguments = ("run", "sweep.json", "--http", "127.0.0.1:0", "--slots", "1")
        first = self.start("first", *arguments)
        database = os.path.join(self.folder, "sparsweep.db")
        until(
            lambda: os.path.exists(database)
            and first.find(r"(dashboard)")
            and self.query("SELECT count(*) FROM v_results") >= [(1,)],
            explain=lambda: first.out + first.err,
        )
        first.signal(signal.SIGINT)
        self.assertEqual(first.wait(30), 130, first.err)
        self.assertIn("goes on from here", first.err)
        done = self.query("SELECT trial_id, accepted_at FROM v_results ORDER BY trial_id")
        self.assertLess(len(done), 6)
        self.assertEqual(
            self.query("SELECT count(*) FROM trial WHERE charged > 0 OR state = 'failed'"), [(0,)]
        )

        second = self.run_cli(*arguments)
        self.assertEqual(second.returncode, 0, second.stdout + second.stderr)
        self.assertEqual(self.query("SELECT count(*) FROM v_results"), [(6,)])
        kept = self.query("SELECT trial_id, accepted_at FROM v_results ORDER BY trial_id")
        for row in done:
            self.assertIn(row, kept)  # the very same results, not newer ones

    def test_failed_trials_are_named_and_run_again_only_when_asked(self):
        rows = ["text\tlabel"] + [f"sentence {i}\t{i % 2}" for i in range(20)] + ["odd\tmaybe"]
        self.write("bad.tsv", "\n".join(rows) + "\n")
        task = {
            "type": "classification", "files": {"train": ["bad.tsv"]}, "format": "tsv",
            "columns": {"text": "text", "label": "label"}, "labels": ["0", "1"],
            "split": {"by": "hash", "dev": 0.2},
        }
        self.write("sweep.json", tiny_sweep(task=task, axes={"mask": ["dense"]}))
        arguments = ("run", "sweep.json", "--http", "127.0.0.1:0")
        run = self.run_cli(*arguments)
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        self.assertIn("1 trials: 0 succeeded, 1 failed", run.stdout)
        self.assertIn("data: ", run.stdout)
        self.assertIn("bad.tsv", run.stdout)
        self.assertIn("maybe", run.stdout)
        attempts = "SELECT count(*) FROM v_attempts"
        self.assertEqual(self.query(attempts), [(1,)])  # bad data is not worth another try

        self.assertEqual(self.run_cli(*arguments).returncode, 1)
        self.assertEqual(self.query(attempts), [(1,)])
        self.assertEqual(self.run_cli(*arguments, "--retry-failed").returncode, 1)
        self.assertEqual(self.query(attempts), [(2,)])

    def test_only_one_cell(self):
        self.write("sweep.json", tiny_sweep())
        run = self.run_cli("run", "sweep.json", "--http", "127.0.0.1:0", "--only", "2")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertEqual(self.query("SELECT canonical FROM v_results"), [("window(1)",)])


if __name__ == "__main__":
    main()
