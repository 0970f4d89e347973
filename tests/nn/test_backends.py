"""Every backend is the reference, and the reference is the formula."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stgraph.nn import STGCNConv
from stgraph.nn.backends import BACKENDS, choose, reference

from .oracles import assert_same, by_hand, leaf, random_edges


class Shape(NamedTuple):
    sources: int
    targets: int
    edges: int
    subsets: int = 3
    channels: tuple[int, int] = (2, 3)
    leading: tuple[int, ...] = ()
    weighted: bool = True


ADVERSARIAL = {
    "ordinary": Shape(7, 7, 20),
    "widening": Shape(7, 7, 20, channels=(1, 5)),
    "narrowing": Shape(7, 7, 20, channels=(5, 1)),
    "all weights one": Shape(7, 7, 20, weighted=False),
    "no nodes": Shape(0, 0, 0),
    "no edges": Shape(5, 5, 0),
    "no targets": Shape(5, 0, 0),
    "no sources": Shape(0, 5, 0),
    "one node, one self-loop": Shape(1, 1, 1),
    "one node, many self-loops": Shape(1, 1, 9),
    "one pair, every edge a duplicate": Shape(2, 1, 12, subsets=1),
    "more types than edges": Shape(6, 6, 4, subsets=20),
    "bipartite, few targets": Shape(9, 2, 15),
    "bipartite, few sources": Shape(2, 9, 15),
    "static graph": Shape(6, 6, 14, leading=(4,)),
    "static bipartite graph": Shape(6, 3, 14, leading=(2, 2)),
    "static graph of no clips": Shape(6, 6, 14, leading=(0,)),
}
OTHERS = [name for name in BACKENDS if name != "reference"]
shapes = st.builds(
    lambda sources, targets, edges, **rest: Shape(
        sources, targets, edges if sources and targets else 0, **rest
    ),
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(0, 25),
    subsets=st.integers(1, 5),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    leading=st.sampled_from([(), (1,), (3,), (2, 2)]),
    weighted=st.booleans(),
)


def problem(shape: Shape):
    """Arguments of a backend, and those of them that have gradients."""
    x = leaf(*shape.leading, shape.sources, shape.channels[0])
    weight = leaf(shape.subsets, *shape.channels)
    edges = random_edges(shape.sources, shape.targets, shape.edges, shape.subsets)
    edge_weight = leaf(shape.edges) if shape.weighted else None
    leaves = [value for value in (x, weight, edge_weight) if value is not None]
    return (x, weight, *edges, edge_weight, shape.targets), leaves


@pytest.mark.parametrize("shape", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_the_reference_is_the_formula(shape: Shape):
    arguments, leaves = problem(shape)
    assert_same(reference(*arguments), by_hand(*arguments), leaves)


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("shape", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_every_backend_is_the_reference(backend: str, shape: Shape):
    arguments, leaves = problem(shape)
    assert_same(BACKENDS[backend](*arguments), reference(*arguments), leaves)


@pytest.mark.parametrize("backend", OTHERS)
@given(shape=shapes, seed=st.integers(0, 10**6))
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_every_backend_is_the_reference_on_random_graphs(backend: str, shape: Shape, seed: int):
    torch.manual_seed(seed)
    arguments, leaves = problem(shape)
    out = BACKENDS[backend](*arguments)
    assert out.shape == (*shape.leading, shape.targets, shape.channels[1])
    assert_same(out, reference(*arguments), leaves)


@pytest.mark.parametrize("backend", OTHERS)
def test_second_derivatives_are_those_of_the_reference(backend: str):
    arguments, leaves = problem(Shape(5, 5, 12))
    penalties = []
    for run in (BACKENDS[backend], reference):
        out = run(*arguments).square().sum()
        penalties.append(sum(g.square().sum() for g in _first_derivatives(out, leaves)))
    assert_same(*penalties, leaves)


def _first_derivatives(out: torch.Tensor, leaves: list[torch.Tensor]):
    return torch.autograd.grad(out, leaves, create_graph=True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_are_those_of_finite_differences(backend: str):
    arguments, leaves = problem(Shape(4, 3, 8))

    def run(*values: torch.Tensor) -> torch.Tensor:
        x, weight, edge_weight = values
        return BACKENDS[backend](x, weight, *arguments[2:4], edge_weight, arguments[5])

    assert torch.autograd.gradcheck(run, leaves)


@pytest.mark.parametrize("backend", [None, *BACKENDS])
@pytest.mark.parametrize("bias", [True, False, "per_subset"])
def test_the_layer_gives_the_same_with_every_backend(backend: str | None, bias: bool | str):
    plain = STGCNConv(4, 3, 5, bias=bias, backend="reference").double()
    other = STGCNConv(4, 3, 5, bias=bias, backend=backend).double()
    for name, value in plain.named_parameters():
        setattr(other, name, value)
    x, edge_weight = leaf(6, 4), leaf(17)
    edges = random_edges(6, 6, 17, 5)
    leaves = [x, edge_weight, *plain.parameters()]
    assert_same(other(x, *edges, edge_weight), plain(x, *edges, edge_weight), leaves)
    assert_same(other(x, *edges), plain(x, *edges), leaves)


def test_a_dense_matrix_is_chosen_for_small_full_graphs_that_many_share_and_for_no_others():
    weight, joints = torch.empty(3, 64, 64), 25
    assert choose(weight, 73, joints, joints, 1000) == "dense"
    assert choose(weight, 1875, joints, joints, 2) == "dense"
    assert choose(weight, 73, joints, joints, 1) != "dense"
    assert choose(weight, 300, 100, 100, 1000) != "dense"


def test_the_order_of_the_sparse_sum_is_that_with_the_narrower_rows():
    assert choose(torch.empty(3, 8, 64), 73, 25, 25) == "aggregate_first"
    assert choose(torch.empty(3, 64, 64), 73, 25, 25) == "aggregate_first"
    assert choose(torch.empty(3, 64, 8), 73, 25, 25) == "transform_first"
