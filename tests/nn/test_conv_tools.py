"""The layer under PyTorch's compilers and PyG's explainers, hooks and model builders."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch_geometric.explain import Explainer, GNNExplainer
from torch_geometric.explain.algorithm.utils import clear_masks, set_masks
from torch_geometric.nn import RGCNConv, Sequential, summary, to_hetero
from torch_geometric.nn.conv.message_passing import MessagePassing

from stgraph.nn import STGCNConv

from .oracles import assert_same, leaf, random_edges, typed_graph

BIASES = [True, False, "per_subset"]


class Net(torch.nn.Module):
    """A small model that gives one answer per node."""

    def __init__(self, bias: bool | str = True) -> None:
        super().__init__()
        self.first = STGCNConv(4, 8, 3, bias=bias)
        self.second = STGCNConv(8, 2, 3, bias=bias)

    def forward(self, x, edge_index, edge_type, edge_weight=None):
        h = self.first(x, edge_index, edge_type, edge_weight).relu()
        return self.second(h, edge_index, edge_type, edge_weight)


@pytest.mark.parametrize("bias", BIASES)
def test_compiles_into_one_graph_for_all_sizes(bias: bool | str):
    torch.compiler.reset()
    torch._dynamo.utils.counters.clear()
    net = Net(bias)
    compiled = torch.compile(net, fullgraph=True, dynamic=True, backend="aot_eager")
    for nodes, edges in [(6, 14), (9, 40)]:
        graph, x = typed_graph(nodes, edges), torch.randn(nodes, 4)
        torch.testing.assert_close(compiled(x, *graph), net(x, *graph))
        compiled(x, *graph).sum().backward()
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


@pytest.mark.slow
def test_compiles_with_the_default_compiler():
    torch.compiler.reset()
    net = Net("per_subset")
    compiled = torch.compile(net, fullgraph=True, dynamic=True)
    for nodes, edges in [(6, 14), (9, 40)]:
        graph, x = typed_graph(nodes, edges), torch.randn(nodes, 4)
        torch.testing.assert_close(compiled(x, *graph), net(x, *graph))


@pytest.mark.parametrize("bias", BIASES)
def test_exports_with_any_number_of_nodes_and_edges(bias: bool | str):
    net, nodes, edges = Net(bias), torch.export.Dim("nodes"), torch.export.Dim("edges")
    shapes = ({0: nodes}, {1: edges}, {0: edges}, {0: edges})
    exported = torch.export.export(net, (torch.randn(6, 4), *typed_graph()), dynamic_shapes=shapes)
    graph, x = typed_graph(9, 40), torch.randn(9, 4)
    torch.testing.assert_close(exported.module()(x, *graph), net(x, *graph))


@pytest.mark.parametrize("bias", BIASES)
def test_an_explainer_scores_every_edge(bias: bool | str):
    RGCNConv(4, 8, 3)  # its generated code must not become ours
    edge_index, edge_type, edge_weight = typed_graph()
    explainer = Explainer(
        Net(bias),
        GNNExplainer(epochs=3),
        explanation_type="model",
        node_mask_type="attributes",
        edge_mask_type="object",
        model_config={
            "mode": "multiclass_classification",
            "task_level": "node",
            "return_type": "raw",
        },
    )
    x, rest = torch.randn(6, 4), {"edge_type": edge_type, "edge_weight": edge_weight}
    explanation = explainer(x, edge_index, **rest, index=2)
    assert explanation.edge_mask.shape == (14,)
    assert explanation.edge_mask.max() > 0
    assert explanation.node_mask.shape == (6, 4)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("flow", ["source_to_target", "target_to_source"])
def test_masking_an_edge_is_removing_it(bias: bool | str, flow: str):
    conv = STGCNConv(4, 5, 3, bias=bias, flow=flow).double()
    (edge_index, edge_type, _), x, edge_weight = typed_graph(), leaf(6, 4), leaf(14)
    keep = torch.arange(14) % 3 != 0
    wanted = conv(x, edge_index[:, keep], edge_type[keep], edge_weight[keep])
    set_masks(conv, keep.double(), edge_index, apply_sigmoid=False)
    leaves = [x, edge_weight, *conv.parameters()]
    assert_same(conv(x, edge_index, edge_type, edge_weight), wanted, leaves)
    clear_masks(conv)
    assert conv._edge_mask is None


@pytest.mark.parametrize(
    "register",
    [
        MessagePassing.register_propagate_forward_pre_hook,
        MessagePassing.register_propagate_forward_hook,
        MessagePassing.register_message_forward_pre_hook,
        MessagePassing.register_message_forward_hook,
        MessagePassing.register_aggregate_forward_pre_hook,
        MessagePassing.register_aggregate_forward_hook,
    ],
    ids=lambda register: register.__name__,
)
@pytest.mark.parametrize("bias", BIASES)
def test_hooks_are_called_and_change_nothing_by_themselves(register, bias: bool | str):
    conv, graph, x, calls = STGCNConv(4, 5, 3, bias=bias), typed_graph(), torch.randn(6, 4), []
    wanted = conv(x, *graph)
    handle = register(conv, lambda *args: calls.append(len(args)))
    torch.testing.assert_close(conv(x, *graph), wanted)
    assert len(calls) == 1
    handle.remove()
    conv(x, *graph)
    assert len(calls) == 1


def test_a_hook_sees_one_message_per_edge_and_may_change_them():
    conv, graph, x = STGCNConv(4, 5, 3, bias="per_subset"), typed_graph(), torch.randn(6, 4)
    wanted = 2 * conv(x, *graph)

    def double(module, inputs, messages: Tensor) -> Tensor:
        assert messages.shape[0] == 14
        return 2 * messages

    conv.register_message_forward_hook(double)
    torch.testing.assert_close(conv(x, *graph), wanted)


def test_to_hetero_makes_a_layer_per_kind_of_edge():
    class Lazy(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = STGCNConv(-1, 5, 3)

        def forward(self, x, edge_index, edge_type):
            return self.conv(x, edge_index, edge_type)

    kinds = [("hand", "holds", "object"), ("object", "near", "hand"), ("hand", "joins", "hand")]
    net = to_hetero(Lazy(), (["hand", "object"], kinds))
    sizes = {"hand": (6, 4), "object": (3, 7)}
    x = {kind: torch.randn(*size) for kind, size in sizes.items()}
    edges = {kind: random_edges(sizes[kind[0]][0], sizes[kind[2]][0], 9, 3) for kind in kinds}
    index, types = ({kind: pair[i] for kind, pair in edges.items()} for i in (0, 1))
    out = net(x, index, types)
    layers = {kind: net.conv["__".join(kind)] for kind in kinds}
    parts = {kind: layers[kind]((x[kind[0]], x[kind[2]]), *edges[kind]) for kind in kinds}
    torch.testing.assert_close(out["object"], parts[kinds[0]])
    torch.testing.assert_close(out["hand"], parts[kinds[1]] + parts[kinds[2]])


def test_it_is_a_step_of_sequential():
    layers = STGCNConv(4, 8, 3), STGCNConv(8, 2, 3)
    calls = "x, edges, types -> h", "h, edges, types -> h"
    net = Sequential("x, edges, types", list(zip(layers, calls)))
    edge_index, edge_type, _ = typed_graph()
    x = torch.randn(6, 4)
    wanted = layers[1](layers[0](x, edge_index, edge_type), edge_index, edge_type)
    assert torch.equal(net(x, edge_index, edge_type), wanted)


def test_it_is_a_leaf_of_the_summary_of_pyg():
    pytest.importorskip("tabulate")
    text = summary(Net(), torch.randn(6, 4), *typed_graph())
    assert "STGCNConv" in text
