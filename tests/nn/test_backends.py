"""Every backend is the reference, and the reference is the formula."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stgraph.nn import STGCNConv
from stgraph.nn.backends import (
    BACKENDS,
    GENERAL,
    TemporalGrid,
    TypedGraph,
    choose,
    gather,
    reference,
)

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
OTHERS = [name for name in GENERAL if name != "reference"]
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
    graph = TypedGraph(*edges, shape.subsets, shape.sources, shape.targets)
    return (x, weight, graph, edge_weight), leaves


@pytest.mark.parametrize("shape", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_the_reference_is_the_formula(shape: Shape):
    arguments, leaves = problem(shape)
    x, weight, graph, edge_weight = arguments
    wanted = by_hand(x, weight, graph.edge_index, graph.edge_type, edge_weight, shape.targets)
    assert_same(reference(*arguments), wanted, leaves)


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


@pytest.mark.parametrize("numbers", [1, 20, 50, 100])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("leading", [(), (5,)])
@pytest.mark.parametrize(("sources", "targets"), [(7, 7), (9, 3), (3, 9)])
def test_tiles_of_any_size_give_the_same(
    sources: int, targets: int, leading, weighted: bool, numbers: int, monkeypatch
):
    """From a row at a time to several graphs at a time, of which the last tile has fewer."""
    monkeypatch.setattr(gather, "TILE", numbers)
    shape = Shape(sources, targets, 30, leading=leading, weighted=weighted)
    arguments, leaves = problem(shape)
    bias = leaf(targets, shape.channels[1])
    out, wanted = (run(*arguments, bias) for run in (BACKENDS["spmm"], reference))
    assert_same(out, wanted, [*leaves, bias])


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


@pytest.mark.parametrize("backend", GENERAL)
def test_gradients_are_those_of_finite_differences(backend: str):
    arguments, leaves = problem(Shape(4, 3, 8))

    def run(*values: torch.Tensor) -> torch.Tensor:
        x, weight, edge_weight = values
        return BACKENDS[backend](x, weight, arguments[2], edge_weight)

    assert torch.autograd.gradcheck(run, leaves)


@pytest.mark.parametrize("backend", [None, *GENERAL])
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


def test_what_is_chosen_depends_on_the_edges_alone():
    x, weight = torch.empty(6, 64), torch.empty(3, 64, 64)
    edges = TypedGraph(torch.zeros(2, 6, dtype=torch.long), torch.zeros(6).long(), 3, 6, 6)
    assert choose(x, weight, edges) == "spmm"
    rare = edges._replace(edge_index=edges.edge_index[:, :5], edge_type=edges.edge_type[:5])
    assert choose(x, weight, rare) == "type_by_type"
    assert choose(x, weight, TemporalGrid(torch.tensor([[2, 0]]), 3, 3, 6, 6)) == "grid"


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("which", ["x", "edge_weight", "weight", "bias"])
def test_derivatives_in_forward_mode_are_those_of_the_reference(which: str, frozen: bool):
    edges = TypedGraph(*random_edges(6, 6, 15, 3), 3, 6, 6)
    found = []
    for backend in (None, "reference"):
        torch.manual_seed(0)
        conv = STGCNConv(3, 5, 3, backend=backend).double().requires_grad_(not frozen)
        given = {"x": torch.rand(6, 3), "edge_weight": torch.rand(15)}
        given = {name: value.double() for name, value in given.items()}
        with torch.autograd.forward_ad.dual_level():
            if which in given:
                given[which] = torch.autograd.forward_ad.make_dual(
                    given[which], torch.rand_like(given[which])
                )
                out = conv(given["x"], edges, edge_weight=given["edge_weight"])
            else:
                value = getattr(conv, which).detach()
                dual = torch.autograd.forward_ad.make_dual(value, torch.rand_like(value))
                out = torch.func.functional_call(
                    conv, {which: dual}, (given["x"], edges), {"edge_weight": given["edge_weight"]}
                )
            found.append(torch.autograd.forward_ad.unpack_dual(out).tangent)
    assert found[1].abs().sum() > 0
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)


def test_transforms_of_functions_are_those_of_the_reference():
    edges = TypedGraph(*random_edges(6, 6, 15, 3), 3, 6, 6)
    conv, plain = (STGCNConv(3, 5, 3, backend=name).double() for name in (None, "reference"))
    plain.load_state_dict(conv.state_dict())
    x = torch.rand(4, 6, 3, dtype=torch.double)
    transforms = (torch.func.vmap, lambda f: torch.func.grad(lambda v: f(v).square().sum()))
    for transform in transforms:
        ours, theirs = (transform(lambda v, c=c: c(v, edges))(x) for c in (conv, plain))
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_edges_of_another_layer_or_of_other_nodes_are_refused():
    conv = STGCNConv(3, 4, 2)
    edges = TypedGraph(*random_edges(6, 6, 9, 3), 3, 6, 6)
    with pytest.raises(ValueError, match="found edges of 3 types from 6 nodes"):
        conv(torch.rand(6, 3), edges)
    with pytest.raises(ValueError, match="found edges of 2 types from 6 nodes"):
        conv(torch.rand(7, 3), edges._replace(num_types=2))
    with pytest.raises(ValueError, match="found edges of 2 types"):
        turned = STGCNConv(3, 4, 2, flow="target_to_source")
        turned(torch.rand(6, 3), edges._replace(num_types=2))


@pytest.mark.parametrize("ends", [[[0, 1], [1, 3]], [[0, 3], [1, 1]], [[0, -1], [1, 1]]])
def test_edges_of_nodes_that_are_not_there_are_refused(ends):
    conv = STGCNConv(2, 2, 1)
    with pytest.raises(ValueError, match="there are 3 sources and 3 targets"):
        conv(torch.rand(3, 2), torch.tensor(ends))
