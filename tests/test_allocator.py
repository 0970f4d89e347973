"""Commands keep memory that was freed."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
from stgraph.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def touch():
    torch.ones(20_000_000)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):  # small blocks settle in between at first, by chance
    touch()
before = faults()
for _ in range(5):
    touch()
print(faults() - before)
"""


def faults(choice: str) -> int:
    """Page faults of five tensors of 80 MB, one after the other, in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", FAULTS, choice], capture_output=True, text=True, check=True
    )
    return int(run.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="this is about glibc")
def test_a_large_tensor_takes_the_place_of_the_one_before():
    assert faults("leave") > 50_000
    assert faults("keep") < 5_000


def test_the_environment_can_forbid_it(monkeypatch):
    from stgraph.allocator import keep_freed_memory

    monkeypatch.setenv("STGRAPH_KEEP_MEMORY", "0")
    assert not keep_freed_memory()
