"""What networks cost, counted by PyTorch, is what was published, and less on graphs."""

from __future__ import annotations

import pytest

from ..benchmarks.macs import rows


@pytest.fixture(scope="module")
def giga() -> dict[tuple[str, str], float]:
    """Multiply-adds in units of 10^9, for clips of lengths around those of NTU RGB+D."""
    return {row: macs / 1e9 for row, macs in rows([46, 70, 75, 80, 118]).items()}


@pytest.mark.parametrize(
    ("network", "dense", "published"), [("ST-GCN", 5.698, 5.7), ("ST-GCN++", 2.925, 2.96)]
)
def test_the_dense_forms_cost_what_was_published(giga, network, dense, published):
    digits = len(str(published).split(".")[1])
    assert round(giga[network, "dense, 2 x 100"], 3) == dense
    assert round(giga[network, "as mmaction2 counts"], digits) == published


def test_a_padded_clip_of_300_frames_costs_three_times_as_much(giga):
    assert giga["ST-GCN", "dense, 2 x 300"] == pytest.approx(17.093, abs=1e-3)


@pytest.mark.parametrize("network", ["ST-GCN", "ST-GCN++"])
def test_on_edges_a_full_clip_costs_less_and_a_real_one_a_seventh_of_the_padded(giga, network):
    assert giga[network, "edges, 2 x 100"] < giga[network, "dense, 2 x 100"]
    assert giga[network, "of these along edges"] < 0.1 * giga[network, "edges, 2 x 100"]
    assert giga[network, "ragged, mean clip"] < giga[network, "dense, 2 x 300"] / 6.5
