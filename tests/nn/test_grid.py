"""The convolution of whole bodies is the sum over the edges of the grid."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stgraph.nn import STGCNConv
from stgraph.nn.backends import GENERAL, TemporalGrid, grid, reference

from .oracles import assert_same, leaf


def grid_of(runs, *, types: int = 3, joints: int = 2, dilation: int = 1, stride: int = 1):
    """The grid of runs of so many frames, each with a phase."""
    targets = sum(len(range(phase, frames, stride)) for frames, phase in runs) * joints
    sources = sum(frames for frames, _ in runs) * joints
    table = torch.tensor(runs, dtype=torch.long).view(-1, 2)
    return TemporalGrid(table, joints, types, sources, targets, dilation, stride)


@pytest.mark.parametrize("types", [1, 3, 9])
@pytest.mark.parametrize("dilation", [1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(
    "runs", [[(5, 0), (5, 0), (7, 1), (2, 1), (1, 0)], [(6, 0)], [(4, 0)] * 6, []], ids=len
)
def test_it_is_the_reference_on_explicit_edges(runs, stride: int, dilation: int, types: int):
    runs = [(frames, phase % stride) for frames, phase in runs]
    edges = grid_of(runs, types=types, dilation=dilation, stride=stride)
    x, weight, bias = leaf(edges.num_sources, 3), leaf(types, 3, 4), leaf(4)
    wanted = reference(x, weight, edges.explicit(), None, bias)
    assert_same(grid(x, weight, edges, None, bias), wanted, [x, weight, bias])


@given(
    runs=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), max_size=5),
    stride=st.integers(1, 4),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_it_is_the_reference_for_runs_of_any_length_and_phase(runs, stride: int, seed: int):
    torch.manual_seed(seed)
    edges = grid_of([(frames, phase % stride) for frames, phase in runs], stride=stride)
    x, weight = leaf(edges.num_sources, 2), leaf(3, 2, 3)
    assert_same(grid(x, weight, edges), reference(x, weight, edges.explicit()), [x, weight])


def test_gradients_are_those_of_finite_differences_once_and_twice():
    edges = grid_of([(4, 0), (3, 1)], stride=2)
    leaves = [leaf(edges.num_sources, 2), leaf(3, 2, 2), leaf(2)]

    def run(x, weight, bias):
        return grid(x, weight, edges, None, bias)

    assert torch.autograd.gradcheck(run, leaves)
    assert torch.autograd.gradgradcheck(run, leaves)


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_runs_in_one_image_do_not_reach_into_each_other(stride: int, dilation: int):
    """As on a GPU."""
    runs = [(5, 0), (7, 1 % stride), (2, 2 % stride), (1, 0), (6, 0)]
    edges = grid_of(runs, types=5, dilation=dilation, stride=stride)
    packed = edges.packed(torch.device("cpu"))
    x, weight, bias = leaf(edges.num_sources, 3), leaf(5, 3, 4), leaf(4)
    wanted = reference(x, weight, edges.explicit(), None, bias)
    assert_same(grid(x, weight, packed, None, bias), wanted, [x, weight, bias])


@pytest.mark.parametrize("backend", GENERAL)
def test_a_layer_with_another_backend_goes_through_the_edges(backend: str):
    edges = grid_of([(4, 0), (6, 0)], stride=2)
    fast, slow = STGCNConv(3, 4, 3).double(), STGCNConv(3, 4, 3, backend=backend).double()
    slow.load_state_dict(fast.state_dict())
    x = leaf(edges.num_sources, 3)
    torch.testing.assert_close(fast(x, edges), slow(x, edges), rtol=1e-10, atol=1e-10)


def test_nobody_can_ask_for_it_on_edges_of_unknown_shape():
    with pytest.raises(ValueError, match="backend='grid' is for whole bodies"):
        STGCNConv(3, 4, 3, backend="grid")


def test_the_rows_beside_a_target_are_its_neighbours_or_itself():
    edges = grid_of([(3, 0), (2, 1)], joints=1, stride=2)
    assert edges.beside(torch.device("cpu")).tolist() == [[0, 1, 3], [0, 2, 4], [1, 2, 4]]
