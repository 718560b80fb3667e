"""A sweep's life with the real programs: proved, backed up, invalidated, drained, on a full disk."""

import json
import os
import subprocess

from harness import E2eTest, main, signal, tiny_sweep, until

MASKS = ["dense", "self", "window(1)", "layers 1: random(2) + window(1)"]


class Lifecycle(E2eTest):
    def worker(self, address, name, *more):
        return self.start(name, "worker", "--server", address, "--name", name, "--slots", "1", *more)

    def status(self, address, sweep=""):
        words = ["status", "--server", address, "--json"] + ([sweep] if sweep else [])
        return json.loads(self.run_cli(*words).stdout)

    def verified(self, db="sparsweep.db"):
        result = self.run_cli("verify", "all", "--db", db, "--json")
        report = json.loads(result.stdout)
        self.assertEqual((result.returncode, report["findings"]), (0, []), result.stderr)
        return report

    def submit(self, address, name="sweep.json"):
        submitted = self.run_cli("submit", name, "--server", address)
        self.assertEqual(submitted.returncode, 0, submitted.stderr)

    def ends(self, address, count):
        until(lambda: self.query("SELECT count(*) FROM v_results") == [(count,)], 150)

    def test_what_trained_is_proved_backed_up_and_changed_behind_the_programs_back(self):
        self.write("sweep.json", tiny_sweep(axes={"mask": MASKS}))
        _, address = self.start_server()
        self.worker(address, "one")
        self.submit(address)
        # Under load: the copy is of one instant, whichever.
        until(lambda: self.query("SELECT count(*) FROM v_results") > [(0,)])
        copied = self.run_cli("backup", os.path.join(self.folder, "copy.db"), "--server", address)
        self.assertEqual(copied.returncode, 0, copied.stderr)
        again = self.run_cli("backup", os.path.join(self.folder, "copy.db"), "--server", address)
        self.refused(again, "copy.db", "exists")
        self.verified("copy.db")
        self.ends(address, len(MASKS))
        # Beside the server that has the file.
        until(lambda: self.query("SELECT count(result_digest) FROM sweep") == [(1,)])
        report = self.verified()
        self.assertEqual(report["sweeps"][0]["masks_recomputed"], len(MASKS))
        # Offline, of a file that nobody serves.
        offline = self.run_cli("backup", "second.db", "--db", "copy.db")
        self.assertEqual(offline.returncode, 0, offline.stderr)
        self.verified("second.db")
        # One number of one result.
        subprocess.run(
            ["python3", "-c", "import sqlite3; c = sqlite3.connect('copy.db');"
             "c.execute('UPDATE result SET value = 0.99'); c.commit()"],
            cwd=self.folder, check=True,
        )
        found = self.run_cli("verify", "--db", "copy.db")
        self.assertEqual(found.returncode, 1, found.stdout)
        self.assertIn("value is 0.98999999999999999; the reported result says", found.stdout)

    def test_results_of_a_worker_are_run_again(self):
        self.write("sweep.json", tiny_sweep(axes={"mask": MASKS}))
        _, address = self.start_server()
        self.worker(address, "node7")
        self.submit(address)
        self.ends(address, len(MASKS))
        words = ["invalidate", "--where", "worker = 'node7' AND pattern = 'self'", "--server", address]
        self.assertIn("1 result would be stale; open again: sweeps/1",
                      self.run_cli(*words, "--dry-run").stdout)
        self.refused(self.run_cli(*words), "--yes")
        done = self.run_cli(*words, "--yes", "--why", "bad memory")
        self.assertEqual(done.returncode, 0, done.stderr)
        until(lambda: self.query("SELECT state FROM sweep") == [("succeeded",)], 60)
        changes = self.run_cli("invalidate", "--changes", "--json", "--server", address)
        row = json.loads(changes.stdout)
        self.assertEqual((row["canonical"], row["why"]), ("self", "bad memory"))
        self.assertEqual(row["before"], row["after"])  # the same trial on the same machine
        deleted = self.run_cli("delete", "tiny", "--yes", "--server", address)
        self.assertEqual(deleted.returncode, 0, deleted.stderr)
        self.assertEqual(self.query("SELECT count(*) FROM trial"), [(0,)])

    def test_what_one_sweep_drops_and_another_runs_leaves_the_first_proved(self):
        self.write("sweep.json", tiny_sweep(axes={"mask": ["dense", "self"]}))
        _, address = self.start_server()
        self.submit(address)
        cancelled = self.run_cli("cancel", "1", "--cell", "1", "--server", address)
        self.assertEqual(cancelled.returncode, 0, cancelled.stderr)
        worker = self.worker(address, "one")
        until(lambda: self.query("SELECT count(result_digest) FROM sweep") == [(1,)], 150)
        self.write("other.json", tiny_sweep(name="other", axes={"mask": ["self"]}))
        drained = self.run_cli("drain", "one", "--server", address)
        self.assertEqual(drained.returncode, 0, drained.stderr)
        self.submit(address, "other.json")
        self.assertEqual(self.query("SELECT count(*) FROM trial WHERE state = 'queued'"), [(1,)])
        self.verified()
        taken_back = self.run_cli("drain", "one", "--undo", "--server", address)
        self.assertEqual(taken_back.stdout, "one  is taken back into service\n", worker.err)
        until(lambda: self.query("SELECT count(result_digest) FROM sweep") == [(2,)], 150)
        self.verified()
        nothing = self.run_cli("retry", "1", "--server", address)
        self.assertIn("nothing to retry", nothing.stderr)
        for _ in range(2):  # the answer to the first may have been lost
            deleted = self.run_cli("delete", "1", "--yes", "--request-id", "d", "--server", address)
            self.assertEqual((deleted.returncode, deleted.stdout), (0, "sweeps/1 is deleted\n"))
        self.refused(self.run_cli("delete", "1", "--yes", "--server", address), "there is no sweep")

    def test_a_trial_goes_on_while_the_server_is_away(self):
        self.write("sweep.json", tiny_sweep(axes={"mask": ["dense"]}, training={
            "max_steps": 60, "max_length": 32, "train_examples": 512, "pooling": "mean"}))
        server, address = self.start_server()
        worker = self.worker(address, "one")
        self.submit(address)
        until(lambda: self.query("SELECT count(*) FROM attempt WHERE state = 'running'") == [(1,)])
        server.signal(signal.SIGKILL)
        server.wait()
        until(lambda: "server" in worker.err, 60, lambda: worker.err)  # it says that it is away
        self.start_server("server2", listen=address)
        self.ends(address, 1)
        self.assertEqual(self.query("SELECT number, state FROM v_attempts"), [(1, "succeeded")])

    def test_sigterm_gives_back_what_does_not_end_in_time(self):
        self.write("sweep.json", tiny_sweep(axes={"mask": ["dense"]}, training={
            "max_steps": 1000000, "max_length": 32}))
        _, address = self.start_server()
        worker = self.worker(address, "one", "--drain-grace", "1")
        self.submit(address)
        until(lambda: self.query("SELECT count(*) FROM attempt WHERE state = 'running'") == [(1,)])
        worker.signal(signal.SIGTERM)
        self.assertEqual(worker.wait(60), 0, worker.err)
        self.assertEqual(
            self.query("SELECT state, reason FROM v_attempts"), [("failed", "interrupted")]
        )
        # Uncharged: the trial is queued as if it had never run.
        self.assertEqual(self.query("SELECT state, charged FROM trial"), [("queued", 0)])

    def test_needs_are_matched_with_labels(self):
        self.write("sweep.json", tiny_sweep(
            axes={"mask": ["dense"]}, needs={"labels": {"rack": "b"}, "device": "cpu"}))
        _, address = self.start_server()
        self.worker(address, "one", "--label", "rack=a")
        self.submit(address)
        until(lambda: "rack" in self.status(address, "1")["waiting_for"])
        self.worker(address, "two", "--label", "rack=b")
        self.ends(address, 1)
        self.assertEqual(self.query("SELECT worker FROM v_results"), [("two",)])
        self.assertEqual(self.status(address, "1")["waiting_for"], "")

    def test_a_full_disk_stops_work_and_loses_nothing(self):
        disk = os.path.join(self.folder, "disk")
        os.mkdir(disk)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=200m", "none", disk], capture_output=True, text=True
        )
        if mounted.returncode != 0:
            self.skipTest("NOT RUN: no small file system can be mounted; run it as root with CAP_SYS_ADMIN: " + mounted.stderr.strip())
        self.addCleanup(lambda: subprocess.run(["umount", "-l", disk], check=False))
        self.addCleanup(self._end_all)
        self.write("sweep.json", tiny_sweep(axes={"mask": MASKS}))
        server, address = self.start_server(db="disk/full.db")
        count = lambda: self.query("SELECT count(*) FROM v_results", "disk/full.db")[0][0]
        self.worker(address, "one")
        self.submit(address)
        until(lambda: count() > 0)
        filler = os.path.join(disk, "filler")
        try:
            with open(filler, "wb", buffering=0) as file:
                while file.write(b"x" * 65536):
                    pass
        except OSError:
            pass  # full
        refused = self.run_cli("submit", "sweep.json", "--server", address, "--request-id", "again")
        self.refused(refused, "not stored", "free some space")
        before = count()
        os.remove(filler)
        until(lambda: count() == len(MASKS), 120, lambda: server.err)
        self.assertLess(before, len(MASKS) + 1)
        until(lambda: self.query("SELECT count(result_digest) FROM sweep", "disk/full.db") == [(1,)])
        self.verified("disk/full.db")
        self.assertEqual(
            self.query("SELECT count(*) FROM attempt WHERE state = 'lost'", "disk/full.db"), [(0,)]
        )


if __name__ == "__main__":
    main()
