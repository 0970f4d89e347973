"""The layer in other people's PyG projects: what it takes, and what it refuses."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.testing import assert_module
from torch_geometric.utils import to_torch_coo_tensor, to_torch_csc_tensor, to_torch_csr_tensor

from stgraph.nn import STGCNConv
from stgraph.nn.backends import GENERAL

from .oracles import assert_same, leaf, random_edges, typed_graph

BIASES = [True, False, "per_subset"]


@pytest.mark.parametrize("bias", BIASES)
def test_assert_module_of_pyg_finds_nothing_wrong(bias: bool | str):
    edge_index, edge_type, edge_weight = typed_graph()
    assert_module(
        STGCNConv(4, 5, 3, bias=bias),
        torch.randn(6, 4),
        edge_index,
        edge_type=edge_type,
        edge_weight=edge_weight,
        expected_size=(6, 5),
        test_sparse_layouts=[],
        atol=1e-5,
    )


def test_it_prints_as_layers_of_pyg_do():
    assert str(STGCNConv(8, 32, 4)) == "STGCNConv(8, 32, num_subsets=4)"
    assert str(STGCNConv(-1, 32, 4)) == "STGCNConv(-1, 32, num_subsets=4)"
    assert str(STGCNConv((8, 16), 32, 4)) == "STGCNConv((8, 16), 32, num_subsets=4)"


def test_parameters_have_the_documented_shapes():
    shapes = {True: (5,), "per_subset": (3, 5)}
    for bias in BIASES:
        conv = STGCNConv(4, 5, 3, bias=bias)
        assert conv.weight.shape == (3, 4, 5)
        assert conv.bias is None if bias is False else conv.bias.shape == shapes[bias]
        assert list(conv.state_dict()) == (["weight"] if bias is False else ["weight", "bias"])


def test_resetting_draws_new_parameters_of_the_same_spread():
    conv = STGCNConv(100, 50, 4, bias="per_subset")
    before, bound = copy.deepcopy(conv.state_dict()), 1 / 20
    conv.reset_parameters()
    for name, value in conv.named_parameters():
        assert not torch.equal(value, before[name])
        assert 0.8 * bound < value.abs().max() <= bound


@pytest.mark.parametrize("bias", BIASES)
def test_a_pair_of_features_is_a_bipartite_graph(bias: bool | str):
    conv = STGCNConv((4, 7), 5, 3, bias=bias).double()
    x, targets, edge_weight = leaf(6, 4), leaf(3, 7), leaf(15)
    edges = random_edges(6, 3, 15, 3)
    wanted = conv(x, *edges, edge_weight, size=(6, 3))
    leaves = [x, edge_weight, *conv.parameters()]
    for pair, size in [((x, targets), None), ((x, None), (6, 3)), ((x, targets), (6, 3))]:
        assert_same(conv(pair, *edges, edge_weight, size=size), wanted, leaves)
    assert wanted.shape == (3, 5)


@pytest.mark.parametrize("bias", BIASES)
def test_flow_turns_the_edges_around(bias: bool | str):
    torch.manual_seed(3)
    plain = STGCNConv(4, 5, 3, bias=bias)
    torch.manual_seed(3)
    turned = STGCNConv(4, 5, 3, bias=bias, flow="target_to_source")
    edge_index, edge_type, edge_weight = typed_graph()
    x = torch.randn(6, 4)
    wanted = plain(x, edge_index, edge_type, edge_weight)
    torch.testing.assert_close(turned(x, edge_index.flip(0), edge_type, edge_weight), wanted)
    edges, sources = random_edges(6, 3, 15, 3), torch.randn(6, 4)
    wanted = plain((sources, None), *edges, size=(6, 3))
    back = edges[0].flip(0), edges[1]
    torch.testing.assert_close(turned((None, sources), *back, size=(3, 6)), wanted)


def test_leading_dimensions_share_the_edges():
    conv, graph, x = STGCNConv(4, 5, 3), typed_graph(), torch.randn(2, 3, 6, 4)
    out = conv(x, *graph)
    each = torch.stack([conv(one, *graph) for one in x.flatten(0, 1)])
    torch.testing.assert_close(out, each.view(2, 3, 6, 5))


@pytest.mark.parametrize("sort_order", [None, "row", "col"])
def test_an_edge_index_of_pyg_is_accepted(sort_order: str | None):
    edge_index, edge_type, edge_weight = typed_graph()
    index = EdgeIndex(edge_index, sparse_size=(6, 6))
    order = torch.arange(14)
    if sort_order is not None:
        index, order = index.sort_by(sort_order)
    conv, x = STGCNConv(4, 5, 3), torch.randn(6, 4)
    out = conv(x, index, edge_type[order], edge_weight[order])
    torch.testing.assert_close(out, conv(x, edge_index, edge_type, edge_weight))
    assert type(out) is Tensor


def transposed(layout: str, edge_index: Tensor, value: Tensor) -> Tensor:
    """The sparse adjacency [targets, sources] that PyG's layers take."""
    if layout == "SparseTensor":
        sparse = pytest.importorskip("torch_sparse")
        return sparse.SparseTensor.from_edge_index(edge_index, value, (6, 6)).t()
    make = {"coo": to_torch_coo_tensor, "csr": to_torch_csr_tensor, "csc": to_torch_csc_tensor}
    return make[layout](edge_index.flip(0), value, size=(6, 6))


LAYOUTS = ["coo", "csr", "csc", pytest.param("SparseTensor", marks=pytest.mark.sparse)]


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("bias", BIASES)
def test_a_sparse_adjacency_carries_edge_types(layout: str, bias: bool | str):
    edge_index, edge_type, _ = typed_graph()
    conv, x = STGCNConv(4, 5, 3, bias=bias), torch.randn(6, 4)
    wanted = conv(x, edge_index, edge_type)
    torch.testing.assert_close(conv(x, transposed(layout, edge_index, edge_type)), wanted)
    torch.testing.assert_close(conv((x, x), transposed(layout, edge_index, edge_type)), wanted)


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sparse_adjacency_carries_edge_weights(layout: str):
    edge_index, _, edge_weight = typed_graph()
    conv, x = STGCNConv(4, 5, 1), torch.randn(6, 4)
    wanted = conv(x, edge_index, None, edge_weight)
    torch.testing.assert_close(conv(x, transposed(layout, edge_index, edge_weight)), wanted)


class TestLazy:
    def test_channels_come_from_the_first_input_and_from_it_alone(self):
        conv, graph, x = STGCNConv(-1, 5, 3), typed_graph(), torch.randn(6, 4)
        out = conv(x, *graph)
        weight = conv.weight
        assert (conv.in_channels, weight.shape) == (4, (3, 4, 5))
        assert torch.equal(conv(x, *graph), out)
        assert conv.weight is weight
        assert len(conv._forward_pre_hooks) == 0

    def test_inputs_may_be_named(self):
        edge_index, edge_type, _ = typed_graph()
        conv = STGCNConv(-1, 5, 3)
        assert conv(x=torch.randn(6, 4), edge_index=edge_index, edge_type=edge_type).shape == (6, 5)

    @pytest.mark.parametrize("channels", [-1, (-1, -1)])
    def test_channels_are_those_of_the_sources(self, channels):
        conv, pair = STGCNConv(channels, 5, 3), (torch.randn(6, 4), torch.randn(3, 7))
        assert conv(pair, *random_edges(6, 3, 9, 3)).shape == (3, 5)
        assert conv.weight.shape == (3, 4, 5)

    def test_they_are_so_against_the_flow(self):
        conv, pair = STGCNConv(-1, 5, 3, flow="target_to_source"), (None, torch.randn(6, 4))
        assert conv(pair, *random_edges(3, 6, 9, 3), size=(3, 6)).shape == (3, 5)

    @pytest.mark.parametrize("clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
    @pytest.mark.parametrize("bias", BIASES)
    def test_copies_are_lazy_on_their_own(self, clone, bias: bool | str):
        conv, graph, x = STGCNConv(-1, 5, 3, bias=bias), typed_graph(), torch.randn(6, 4)
        copied = clone(conv)
        out = copied(x, *graph)
        assert torch.equal(copied(x, *graph), out)
        assert conv(torch.randn(6, 2), *graph).shape == (6, 5)
        assert copied.weight.shape == (3, 4, 5)
        assert torch.equal(clone(copied)(x, *graph), out)

    @pytest.mark.parametrize("bias", BIASES)
    @pytest.mark.parametrize("stored", [4, -1])
    @pytest.mark.parametrize("reader", [4, -1])
    def test_states_are_read_lazy_or_not(self, bias: bool | str, stored: int, reader: int):
        conv, other = (STGCNConv(size, 5, 3, bias=bias) for size in (stored, reader))
        graph, x, buffer = typed_graph(), torch.randn(6, 4), io.BytesIO()
        torch.save(conv.state_dict(), buffer)
        buffer.seek(0)
        state = torch.load(buffer, weights_only=stored != -1)
        names = list(state)
        assert other.load_state_dict(state).missing_keys == []
        assert list(state) == names
        out = other(x, *graph)
        assert torch.equal(other(x, *graph), out)
        if stored == 4:
            assert torch.equal(out, conv(x, *graph))
            assert other.in_channels == 4

    def test_a_state_inside_a_network_initialises_the_lazy_layer(self):
        nets = [torch.nn.ModuleDict({"conv": STGCNConv(size, 5, 3)}) for size in (4, -1)]
        nets[1].load_state_dict(nets[0].state_dict())
        assert torch.equal(nets[1]["conv"].weight, nets[0]["conv"].weight)


@pytest.mark.parametrize("backend", GENERAL)
@pytest.mark.parametrize("bias", BIASES)
def test_half_precision_stays_half(backend: str, bias: bool | str):
    conv, graph, x = (
        STGCNConv(4, 5, 3, bias=bias, backend=backend),
        typed_graph(),
        torch.randn(6, 4),
    )
    wanted = conv(x, *graph)
    out = copy.deepcopy(conv).bfloat16()(x.bfloat16(), *graph)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), wanted, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("backend", GENERAL)
@pytest.mark.parametrize("bias", BIASES)
def test_autocast_runs_forward_and_backward(backend: str, bias: bool | str):
    conv, graph, x = (
        STGCNConv(4, 5, 3, bias=bias, backend=backend),
        typed_graph(),
        torch.randn(6, 4),
    )
    wanted = conv(x, *graph)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = conv(x, *graph)
    torch.testing.assert_close(out.float(), wanted, rtol=0.05, atol=0.05)
    out.float().sum().backward()
    assert all(value.grad.isfinite().all() for value in conv.parameters())


def test_double_precision_keeps_weights_given_in_single():
    conv, graph = STGCNConv(4, 5, 3, bias="per_subset").double(), typed_graph()
    out = conv(torch.randn(6, 4).double(), *graph)
    assert out.dtype == torch.double


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_compute_the_same_and_are_apart(clone):
    conv, graph, x = STGCNConv(4, 5, 3, bias="per_subset"), typed_graph(), torch.randn(6, 4)
    copied, out = clone(conv), conv(x, *graph)
    assert torch.equal(copied(x, *graph), out)
    torch.nn.init.zeros_(conv.weight)
    assert torch.equal(copied(x, *graph), out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bias": "per_edge"}, "bias is True, False or 'per_subset', not 'per_edge'"),
        ({"bias": None}, "bias is True, False or 'per_subset', not None"),
        ({"backend": "magic"}, "no backend 'magic'; there are reference, "),
        ({"aggr": "mean"}, "aggr='mean' is not possible; a mean is a matter of edge weights"),
        ({"aggr": ["add", "max"]}, "is not possible"),
        ({"flow": "sideways"}, "not 'sideways'"),
    ],
    ids=str,
)
def test_options_that_do_not_exist_are_refused(options, message: str):
    with pytest.raises(ValueError, match=message):
        STGCNConv(4, 5, 3, **options)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ((torch.tensor([0]), None), r"edge_type of 2 edges, found \[1\]"),
        ((torch.tensor([0, 1]), torch.ones(3)), r"edge_weight of 2 edges, found \[3\]"),
        ((torch.tensor([0, 1]), torch.ones(1)), r"edge_weight of 2 edges, found \[1\]"),
        ((torch.tensor([0.0, 1.0]), None), "edge_type holds whole numbers"),
    ],
)
def test_types_and_weights_that_are_not_one_for_each_edge_are_refused(columns, words):
    edge_index = torch.tensor([[0, 1], [1, 2]])
    with pytest.raises(ValueError, match=words):
        STGCNConv(4, 5, num_subsets=2)(torch.randn(3, 4), edge_index, *columns)


@pytest.mark.parametrize("wrong", [-1, 3, 100])
def test_an_edge_type_outside_the_subsets_is_refused(wrong: int):
    edge_index, edge_type, _ = typed_graph()
    edge_type[5] = wrong
    with pytest.raises(ValueError, match=r"has edge types 0\.\.2, found .*num_subsets must cover"):
        STGCNConv(4, 5, 3)(torch.randn(6, 4), edge_index, edge_type)


def test_edge_types_may_be_left_out_with_one_subset_only():
    edge_index, _, edge_weight = typed_graph()
    x = torch.randn(6, 4)
    assert STGCNConv(4, 5, 1)(x, edge_index, edge_weight=edge_weight).shape == (6, 5)
    with pytest.raises(ValueError, match=r"needs edge_type, one of 0\.\.2 for each edge"):
        STGCNConv(4, 5, 3)(x, edge_index)


def test_an_unknown_number_of_targets_is_an_error():
    with pytest.raises(ValueError, match=r"pass size=\(sources, targets\)"):
        STGCNConv(4, 5, 3)((torch.randn(6, 4), None), *random_edges(6, 3, 9, 3))
