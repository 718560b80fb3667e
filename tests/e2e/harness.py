"""What the e2e tests share: the programs, a folder of their own, tiny sweeps, waiting with a limit.

Every test starts real processes in a temporary folder and ends them by pid. Ports are picked by the
system. Waiting is for a condition, with a limit; nothing here sleeps for a fixed time and hopes.
"""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

BUILD = os.environ.get("SPARSWEEP_BUILD_DIR", "build/release")
SPARSWEEP = os.path.abspath(os.path.join(BUILD, "bin", "sparsweep"))
DATA = os.environ.get("SPARSWEEP_DATA") or os.path.expanduser("~/.local/share/sparsweep")


def require_programs_and_data():
    """Exits with 77 (skipped) where the model or the data is absent, with 1 where a program is."""
    for name in ("sparsweep", "sparsweep-trainer"):
        path = os.path.join(BUILD, "bin", name)
        if not os.access(path, os.X_OK):
            sys.exit(f"{path} is not built")
    for path in ("models/bert-tiny/model.safetensors", "tasks/sentences3k.json"):
        if not os.path.exists(os.path.join(DATA, path)):
            print(f"SKIPPED, NOTHING WAS TESTED: {DATA}/{path} is not there; run scripts/bootstrap")
            sys.exit(77)


# A RoBERTa of two layers with random weights.
ROBERTA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "trainer", "golden", "roberta")


def computes_bfloat16():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return "avx512_bf16" in file.read()


def tiny_sweep(**changes):
    """Four cells by one seed of a few steps each: seconds, but every layer takes part."""
    spec = {
        "name": "tiny",
        "model": "bert-tiny",
        "task": "sentences3k",
        "attention": "$mask",
        "axes": {"mask": ["dense", "self", "window(1)", "global(1)"]},
        "training": {"max_steps": 4, "max_length": 32, "train_examples": 128, "pooling": "mean"},
        "seeds": 1,
    }
    spec.update(changes)
    return spec


class Process:
    """A started program whose output is collected in files."""

    def __init__(self, folder, name, *arguments):
        self.out_path = os.path.join(folder, name + ".out")
        self.err_path = os.path.join(folder, name + ".err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.popen = subprocess.Popen(
                [SPARSWEEP, *arguments], cwd=folder, stdout=out, stderr=err, stdin=subprocess.DEVNULL
            )

    @staticmethod
    def _read(path):
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")

    @property
    def out(self):
        return self._read(self.out_path)

    @property
    def err(self):
        return self._read(self.err_path)

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, limit=120):
        return self.popen.wait(limit)

    def find(self, pattern, limit=30):
        """The first group of `pattern` in its output, once it is there."""
        match = until(
            lambda: re.search(pattern, self.out) or (self.popen.poll() is not None and "ended"),
            limit,
            lambda: f"no {pattern!r} in:\n{self.out}\n{self.err}",
        )
        if match == "ended":
            match = re.search(pattern, self.out)
            assert match, f"ended without {pattern!r}:\n{self.out}\n{self.err}"
        return match.group(1)


def until(condition, limit=60, explain=lambda: ""):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("not within %s s: %s" % (limit, explain()))


class E2eTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sparsweep-e2e-")
        self.processes = []
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self._end_all)

    def _end_all(self):
        for process in self.processes:
            if process.popen.poll() is None:
                process.popen.kill()
                process.popen.wait()

    def start(self, name, *arguments):
        process = Process(self.folder, name, *arguments)
        self.processes.append(process)
        return process

    def run_cli(self, *arguments, limit=120, stdin=None):
        return subprocess.run(
            [SPARSWEEP, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=limit,
            input=stdin,
        )

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def query(self, sql, db="sparsweep.db"):
        """As an outside reader with nothing but SQLite."""
        connection = sqlite3.connect(
            f"file:{os.path.join(self.folder, db)}?mode=ro", uri=True, timeout=10
        )
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def start_server(self, name="server", db="sparsweep.db", listen="127.0.0.1:0"):
        """The process and its gRPC address."""
        server = self.start(
            name, "server", "--db", db, "--listen", listen, "--http", "127.0.0.1:0"
        )
        return server, server.find(r"gRPC\s+(\S+)")

    def refused(self, result, *parts):
        """One sentence on stderr that holds `parts`, exit code 2, no stack trace."""
        self.assertEqual(result.returncode, 2, result.stderr + result.stdout)
        self.assertTrue(result.stderr.startswith("sparsweep: "), result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr)
        self.assertNotIn("terminate called", result.stderr)


class WithDataFolder(E2eTest):
    """With a data folder of its own, whose models and tasks are those of the machine: what is fetched stays there."""

    def setUp(self):
        super().setUp()
        self.data = os.path.join(self.folder, "data")
        os.mkdir(self.data)
        for name in ("models", "tasks"):
            os.symlink(os.path.join(DATA, name), os.path.join(self.data, name))
        patched = unittest.mock.patch.dict(os.environ, SPARSWEEP_DATA=self.data)
        patched.start()
        self.addCleanup(patched.stop)

    def run_sweep(self, spec, db="sparsweep.db"):
        ran = self.run_cli("run", self.write(spec["name"] + ".json", spec), "--db", db, "--slots", "1", limit=200)
        self.assertEqual(ran.returncode, 0, ran.stderr + ran.stdout)

def main():
    require_programs_and_data()
    unittest.main(verbosity=2)


__all__ = ["DATA", "E2eTest", "ROBERTA", "SPARSWEEP", "WithDataFolder", "computes_bfloat16", "main", "signal", "tiny_sweep", "until"]
