"""Rates count the work that is done."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from stgraph.bench import Setting
from stgraph.bench.rates import copying, copying_to_new, products


@pytest.mark.parametrize("rows", [600, 1200, 7000])
def test_products_are_as_many_multiply_adds_as_they_say(rows):
    step = products(Setting(), rows, 12, 5)
    with FlopCounterMode(display=False) as counter:
        step.run()
    assert step.amount == counter.get_total_flops() / 2 == 3 * rows * 12 * 5


@pytest.mark.parametrize("copy", [copying, copying_to_new])
def test_a_copy_reads_and_writes_every_byte(copy):
    step = copy(Setting(), 1000)
    assert step.amount == 2000 and torch.equal(step.run(), torch.ones(1000, dtype=torch.uint8))
