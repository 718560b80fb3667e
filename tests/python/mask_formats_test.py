"""What `sparsweep mask` writes, as numpy, the command's own JSON and a PNG reader see it.

    mask_formats_test.py SPARSWEEP      (no model, no data, no server)
"""
import io
import json
import os
import pty
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy

PROGRAM = Path(sys.argv.pop(1))
MASK = ["mask", "--attention", "layer 1: global(1) + random(2); layer 1 head 2: block(3, shift=1)",
        "--layers", "2", "--heads", "3", "--length", "13", "--mask-seed", "5"]


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *MASK, *arguments], capture_output=True, timeout=60, **options)


def on_a_terminal(*arguments):
    """What a terminal would show, and the exit code."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([PROGRAM, *MASK, *arguments], stdout=theirs, stderr=subprocess.STDOUT) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
    os.close(ours)
    return shown.decode().replace("\r\n", "\n"), process.returncode


class MaskFormats(unittest.TestCase):
    def setUp(self):
        self.answer = json.loads(run("--rows").stdout)
        rows = [[[numpy.unpackbits(numpy.frombuffer(bytes.fromhex(row), "u1"), bitorder="little")[:13]
                  for row in head] for head in layer] for layer in self.answer["rows"]]
        self.masks = numpy.array(rows, dtype=bool)
        self.assertEqual(self.masks.sum(axis=(2, 3)).tolist(), self.answer["kept"])

    def test_npy_is_a_bool_array_of_layers_heads_queries_keys(self):
        array = numpy.load(io.BytesIO(run("--format", "npy").stdout))
        self.assertEqual(array.dtype, numpy.bool_)
        self.assertEqual(array.shape, (2, 3, 13, 13))
        numpy.testing.assert_array_equal(array, self.masks)

    def test_npy_of_one_head_in_a_file_that_numpy_maps(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run("--format", "npy", "--layer", "1", "--head", "2", "--output", f"{folder}/a.npy")
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
            array = numpy.load(f"{folder}/a.npy", mmap_mode="r")
            self.assertEqual(array.shape, (1, 1, 13, 13))
            numpy.testing.assert_array_equal(array[0, 0], self.masks[1, 2])

    def test_the_form_follows_where_the_output_goes(self):
        text, code = on_a_terminal()
        self.assertEqual(code, 0)
        self.assertIn("\nlayer 0, heads 0-2: 169 of 169 kept", text)
        self.assertIn("█", text)
        self.assertEqual(json.loads(run().stdout)["kept"], self.answer["kept"])

    def test_a_terminal_gets_no_binary(self):
        for form in ("png", "npy"):
            text, code = on_a_terminal("--format", form)
            self.assertEqual((text, code),
                             (f"sparsweep: a terminal cannot show {form}; name a file with --output, or pipe it on\n", 2))

    def test_the_picture_is_a_png_wherever_it_goes(self):
        with tempfile.TemporaryDirectory() as folder:
            text, code = on_a_terminal("--format", "png", "--output", f"{folder}/a.png")
            self.assertEqual((text, code), ("", 0))
            picture = Path(folder, "a.png").read_bytes()
        self.assertEqual(picture[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(picture, run("--format", "png").stdout)

    def test_refusals_are_one_sentence(self):
        for arguments, sentence in [
            (["--format", "npy", "--rows"], "--rows goes with --format json, not with npy"),
            (["--layer", "1"], "--layer or --head goes with --format text, png or npy, not with json"),
            (["--format", "text", "--scale", "2"], "--scale goes with --format png, not with text"),
            (["--format", "png", "--layer", "2"], "--layer 2 is beyond the model: they are numbered 0 to 1"),
            (["--batch", "-", "--format", "png"],
             "--batch answers with lines of JSON on the standard output; leave --format out"),
            (["--output", "/nowhere/a"], "cannot write /nowhere/a: No such file or directory; check --output"),
        ]:
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, b""), arguments)
            self.assertEqual(done.stderr.decode(), f"sparsweep: {sentence}\n")

    def test_an_example_and_a_phase_have_masks_of_their_own(self):
        def of(attention, *arguments, length="16"):
            done = subprocess.run([PROGRAM, "mask", "--attention", attention, "--layers", "1", "--heads", "1",
                                   "--length", length, *arguments, "--format", "npy"], capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            return numpy.load(io.BytesIO(done.stdout))
        draws = [of("random(3, each=example)", "--example", name) for name in ("train/17/0", "train/18/0")]
        self.assertFalse(numpy.array_equal(*draws))
        blocks = [of("bigbird_block(block=2, exact=hf)", "--phase", phase, length="64") for phase in ("training", "evaluation")]
        self.assertFalse(numpy.array_equal(*blocks))

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, *MASK, "--format", "npy"], stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"No space left on device", done.stderr)


unittest.main(verbosity=2)
