"""The command ``stgraph`` in a process of its own, and what its complaints look like."""

from __future__ import annotations

import subprocess
import sys

TINY = ("--model.blocks", "[[8,1],[16,2]]", "--data.frames", "12", "--workers", "0")


def stgraph(*arguments, timeout=240, **options):
    return subprocess.run(
        [sys.executable, "-m", "stgraph", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        **options,
    )


def assert_one_clear_line(done, *words, code=1):
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("stgraph ")]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0], lines[0]
