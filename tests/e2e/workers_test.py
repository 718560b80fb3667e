"""`sparsweep server` with workers: submitted, watched, a worker killed, the server killed."""

import json

from harness import E2eTest, main, signal, tiny_sweep, until

MASKS = ["dense", "self"] + [f"window({w})" for w in range(1, 7)]


class ServerAndWorkers(E2eTest):
    def worker(self, address, name):
        return self.start(
            name, "worker", "--server", address, "--name", name, "--slots", "1"
        )

    def status(self, address, sweep=""):
        words = ["status", "--server", address, "--json"] + ([sweep] if sweep else [])
        return json.loads(self.run_cli(*words).stdout)

    def test_a_killed_worker_loses_nothing(self):
        self.write("sweep.json", tiny_sweep(axes={"mask": MASKS}))
        _, address = self.start_server()
        one, two = self.worker(address, "one"), self.worker(address, "two")
        submitted = self.run_cli("submit", "sweep.json", "--server", address)
        self.assertEqual(submitted.returncode, 0, submitted.stderr)
        self.assertEqual(submitted.stdout.strip(), "sweeps/1")
        until(lambda: self.query("SELECT count(*) FROM v_attempts WHERE worker = 'one'") > [(0,)])
        one.signal(signal.SIGKILL)
        watch = self.run_cli("watch", "1", "--server", address, limit=150)
        self.assertEqual(watch.returncode, 0, watch.stderr)
        sweep = self.status(address, "1")
        self.assertEqual(sweep["state"], "SWEEP_STATE_SUCCEEDED", sweep)
        self.assertEqual(int(sweep["coverage"]["succeeded"]), len(MASKS))
        self.assertEqual(
            self.query("SELECT count(*), count(DISTINCT trial_id) FROM v_results"),
            [(len(MASKS), len(MASKS))],
        )

        two.signal(signal.SIGTERM)
        self.assertEqual(two.wait(30), 0, two.err)
        self.assertEqual(self.query("SELECT state FROM v_workers WHERE name = 'two'"), [("left",)])

    def test_a_killed_server_goes_on_where_it_was(self):
        self.write("sweep.json", tiny_sweep(axes={"mask": MASKS}))
        server, address = self.start_server()
        self.worker(address, "one")
        self.assertEqual(
            self.run_cli("submit", "sweep.json", "--server", address).returncode, 0
        )
        until(lambda: self.query("SELECT count(*) FROM v_results") > [(0,)])
        server.signal(signal.SIGKILL)
        server.wait()
        before = self.query("SELECT trial_id, accepted_at FROM v_results")
        _, again = self.start_server("server2", listen=address)
        self.assertEqual(again, address)
        until(lambda: self.query("SELECT count(*) FROM v_results") == [(len(MASKS),)], 120)
        after = self.query("SELECT trial_id, accepted_at FROM v_results")
        self.assertTrue(set(before) <= set(after))
        self.assertEqual(len(after), len(MASKS))

    def test_a_quarantined_worker_says_so(self):
        self.write("sweep.json", tiny_sweep(axes={"mask": MASKS}))
        _, address = self.start_server()
        self.worker(address, "good")
        until(lambda: self.query("SELECT state FROM v_workers WHERE name = 'good'") == [("online",)])
        bad = self.start(
            "bad", "worker", "--server", address, "--name", "bad", "--slots", "4", "--trainer", "/bin/false"
        )
        until(lambda: self.query("SELECT state FROM v_workers WHERE name = 'bad'") == [("online",)])
        submitted = self.run_cli("submit", "sweep.json", "--server", address)
        self.assertEqual(submitted.returncode, 0, submitted.stderr)
        until(lambda: "quarantined by the server until" in bad.out + bad.err, 60, lambda: bad.out + bad.err)
        self.assertIn("5 attempts in a row went wrong on it; the last, of trial ", bad.out + bad.err)
        watch = self.run_cli("watch", "1", "--server", address, limit=150)
        self.assertEqual(watch.returncode, 0, watch.stderr)
        self.assertEqual(self.query("SELECT DISTINCT worker FROM v_results"), [("good",)])

    def test_a_cancelled_sweep_stops_and_a_paused_one_waits(self):
        self.write("sweep.json", tiny_sweep(training={"max_steps": 100000, "max_length": 32}))
        _, address = self.start_server()
        worker = self.worker(address, "one")
        self.run_cli("submit", "sweep.json", "--server", address)
        until(lambda: self.query("SELECT count(*) FROM v_attempts WHERE state = 'running'") == [(1,)])
        paused = self.run_cli("pause", "1", "--server", address, "--json")
        self.assertEqual(json.loads(paused.stdout)["state"], "SWEEP_STATE_PAUSED")
        cancelled = self.run_cli("cancel", "tiny", "--server", address, "--json")
        self.assertEqual(json.loads(cancelled.stdout)["state"], "SWEEP_STATE_CANCELLED")
        until(lambda: self.query("SELECT busy FROM v_workers") == [(0,)])
        # The worker is free again for the next sweep.
        self.write("next.json", tiny_sweep(name="next", axes={"mask": ["dense"]}))
        done = self.run_cli("submit", "next.json", "--server", address, "--wait")
        self.assertEqual(done.returncode, 0, done.stderr + worker.err)


if __name__ == "__main__":
    main()
