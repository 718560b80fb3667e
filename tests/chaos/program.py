"""A program that scripts/chaos kills, stops and starts again."""

import os
import signal
import subprocess


class Program:
    """One of ours that is started again after it was killed."""

    def __init__(self, program, folder, name, arguments, environment=None):
        self.program, self.folder, self.name, self.arguments = program, folder, name, arguments
        self.environment = {**os.environ, **(environment or {})}
        self.popen = None

    def start(self):
        with open(os.path.join(self.folder, self.name + ".log"), "ab") as log:
            self.popen = subprocess.Popen(
                [self.program, *self.arguments], cwd=self.folder, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                restore_signals=False,  # Python ignores SIGXFSZ: a file too large is an error, not a signal
            )

    def alive(self):
        return self.popen is not None and self.popen.poll() is None

    def kill(self, number=signal.SIGKILL):
        if self.alive():
            self.popen.send_signal(number)
            if number == signal.SIGKILL:
                self.popen.wait()

    def log(self):
        with open(os.path.join(self.folder, self.name + ".log"), encoding="utf-8", errors="replace") as file:
            return file.read()
