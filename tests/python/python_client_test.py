"""Runs docs/examples/sweep_client.py, generated stubs and all, against a real server, worker and trainer.

    python_client_test.py SPARSWEEP SOURCE_DIR      (SPARSWEEP: the built program, its trainer beside it)
"""
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import pandas

PROGRAM, SOURCE = Path(sys.argv.pop(1)), Path(sys.argv.pop(1))
SWEEP = """{
  // two cells, one seed, few steps
  "name": "from-python", "model": "bert-tiny", "task": "sentences3k", "attention": "$mask",
  "axes": {"mask": ["dense", "window(1)"]},   // "//" in a string is no comment
  "training": {"max_steps": 3, "max_length": 32, "train_examples": 64}, "seeds": 1
}"""


class PythonClient(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        stubs = Path(self.dir.name, "stubs")
        stubs.mkdir()
        protos = sorted((SOURCE / "proto").rglob("sparsweep/v1/*.proto"))
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{SOURCE / 'proto'}", f"--python_out={stubs}",
                        f"--grpc_python_out={stubs}", *map(str, protos)], check=True)
        self.env = {**os.environ, "PYTHONPATH": str(stubs)}
        self.server = subprocess.Popen(
            [PROGRAM, "server", "--db", f"{self.dir.name}/db", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"],
            stdout=subprocess.PIPE, text=True)
        lines = [self.server.stdout.readline() for _ in range(3)]
        self.address = re.search(r"gRPC\s+(\S+)", "".join(lines)).group(1)
        self.worker = None

    def tearDown(self):
        for process in (self.worker, self.server):
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)
        self.server.stdout.close()
        self.dir.cleanup()

    def client(self, sweep):
        path = Path(self.dir.name, "sweep.json")
        path.write_text(sweep, encoding="utf-8")
        return subprocess.run([sys.executable, SOURCE / "docs/examples/sweep_client.py", self.address, path],
                              env=self.env, capture_output=True, text=True, timeout=240)

    def test_submits_watches_and_queries(self):
        self.worker = subprocess.Popen([PROGRAM, "worker", "--server", self.address, "--slots", "1"],
                                       stdout=subprocess.DEVNULL)
        run = self.client(SWEEP)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertIn("SWEEP_STATE_SUCCEEDED: 2 of 2 trials", run.stdout)
        self.assertEqual(run.stdout.count(" succeeded"), 2, run.stdout)
        self.assertRegex(run.stdout, r"\d+\.\d %  dense")
        self.assertRegex(run.stdout, r"\d+\.\d %  window\(1\)")
        self.assertRegex(run.stdout, r"attested results, mean density: 2(\.0)? 0\.\d+")

        # The file is read by others while the server runs.
        frame = pandas.read_sql("SELECT canonical, value, density FROM v_results ORDER BY density",
                                sqlite3.connect(f"file:{self.dir.name}/db?mode=ro", uri=True))
        self.assertEqual(list(frame.canonical), ["window(1)", "dense"])
        self.assertTrue(frame.value.between(0, 1).all())
        self.assertLess(frame.density[0], frame.density[1])
        self.assertIsNone(self.server.poll())

    def test_a_refused_field_is_named_with_its_path(self):
        run = self.client(json.dumps({"name": "x", "model": "bert-tiny", "task": "sentences3k", "attention": "windw(1)"}))
        self.assertEqual(run.returncode, 1)
        self.assertIn("INVALID_ARGUMENT", run.stderr)
        self.assertIn('"window"', run.stderr)


if __name__ == "__main__":
    data = Path(os.environ.get("SPARSWEEP_DATA", Path.home() / ".local/share/sparsweep"))
    if not (data / "models/bert-tiny/model.safetensors").exists():
        print(f"SKIPPED: {data}/models/bert-tiny is absent; scripts/bootstrap fetches it")
        sys.exit(77)
    unittest.main(verbosity=2)
