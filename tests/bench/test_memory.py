"""The peak is that of the step: not of its set-up, and not of what it has freed again."""

from __future__ import annotations

import sys

import pytest
import torch

from stgraph.bench import Setting, Side, Step
from stgraph.bench.memory import peak_growth

MEGABYTES = 1 << 20


def taking(at_set_up, in_step):
    """A side that takes so many megabytes when it is prepared, and in each step for a while."""

    def prepare(setting):
        small = 8 if setting.quick else 1
        kept = torch.ones(at_set_up * MEGABYTES // small, dtype=torch.uint8)
        passing = torch.ones(2 * at_set_up * MEGABYTES // small, dtype=torch.uint8)
        del passing

        def run():
            for _ in range(2):
                torch.ones(in_step * MEGABYTES // small, dtype=torch.uint8)
            return kept

        return Step(run, 1.0)

    return Side("test", prepare)


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are set back on Linux only")
@pytest.mark.parametrize("in_step", [100, 300])
def test_peak_memory_is_what_the_step_takes_at_once(in_step):
    found = peak_growth(taking(200, in_step), Setting()) / MEGABYTES
    assert in_step - 5 < found < in_step + 25
