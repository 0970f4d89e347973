"""The layer is the convolutions that it generalises, in values and gradients."""

from __future__ import annotations

import networkx as nx
import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import conv2d
from torch_geometric.nn import GCNConv, RGCNConv
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from stgraph import SkeletonGraph, SkeletonLayout, build_clip, layouts, normalization, partition
from stgraph.nn import STGCNConv

from .oracles import assert_same, by_hand, dense_spatial, leaf, random_edges, to_image, to_rows

STAR = SkeletonLayout("star", tuple("abcdef"), ((1, 0), (2, 0), (3, 1), (4, 3), (5, 2)), center=0)
NTU = SkeletonGraph.from_layout(layouts.NTU25, temporal=None)


def parameters(conv: STGCNConv) -> list[Tensor]:
    return list(conv.parameters())


@pytest.mark.parametrize("bias", [True, False, "per_subset"])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
def test_the_layer_is_its_formula(bias: bool | str, weighted: bool, leading: tuple[int, ...]):
    conv = STGCNConv(3, 4, 5, bias=bias).double()
    x, edge_weight = leaf(*leading, 7, 3), leaf(20) if weighted else None
    edge_index, edge_type = random_edges(7, 7, 20, 5)
    wanted = by_hand(x, conv.weight, edge_index, edge_type, edge_weight, 7)
    if bias is True:
        wanted = wanted + conv.bias
    if bias == "per_subset":
        one = torch.ones_like(x[..., :1])
        wanted = wanted + by_hand(one, conv.bias[:, None], edge_index, edge_type, edge_weight, 7)
    leaves = [x, *parameters(conv), *([edge_weight] if weighted else [])]
    assert_same(conv(x, edge_index, edge_type, edge_weight), wanted, leaves)


@pytest.mark.parametrize("size", [(5, 5), (4, 7), (1, 6), (6, 1), (2, 2), (1, 1)])
def test_on_a_pixel_grid_the_layer_is_a_3x3_image_convolution(size: tuple[int, int]):
    layout = SkeletonLayout.grid(*size)
    graph = SkeletonGraph.from_layout(
        layout, partition.grid, normalization=normalization.none, temporal=None
    )
    conv = STGCNConv(3, 4, graph.num_subsets).double()
    image = leaf(2, 3, *size)
    out = conv(image.flatten(2).mT, graph.edge_index, graph.edge_type, graph.edge_weight)
    kernel = conv.weight.view(3, 3, 3, 4).permute(3, 2, 0, 1)
    wanted = conv2d(image, kernel, conv.bias, padding=1)
    assert_same(out.mT.view_as(wanted), wanted, [image, *parameters(conv)])


@pytest.mark.parametrize("kernel", [1, 3, 9])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2, 4])
@pytest.mark.parametrize("frames", [1, 2, 11, 12])
def test_with_frame_offsets_as_labels_the_layer_is_a_convolution_in_time(
    kernel: int, stride: int, dilation: int, frames: int
):
    reach, kept = kernel // 2, range(0, frames, stride)
    edges = [
        (frame + (tap - reach) * dilation, target, tap)
        for target, frame in enumerate(kept)
        for tap in range(kernel)
        if 0 <= frame + (tap - reach) * dilation < frames
    ]
    source, target, edge_type = torch.tensor(edges).T
    conv = STGCNConv(3, 4, kernel).double()
    x = leaf(2, frames, 3)
    out = conv((x, None), torch.stack([source, target]), edge_type, size=(frames, len(kept)))
    wanted = conv2d(
        x.mT[..., None],
        conv.weight.permute(2, 1, 0)[..., None],
        conv.bias,
        stride=(stride, 1),
        padding=(reach * dilation, 0),
        dilation=(dilation, 1),
    )
    assert_same(out.mT[..., None], wanted, [x, *parameters(conv)])


def test_temporal_edges_of_a_clip_are_a_convolution_in_time_for_every_joint():
    graph = SkeletonGraph.from_layout(STAR, temporal_kernel=5)
    keypoints = leaf(2, 7, 6, 3)
    data = build_clip(keypoints, graph)
    in_time = data.edge_type >= graph.num_subsets
    conv = STGCNConv(3, 4, 5).double()
    edge_type = data.edge_type[in_time] - graph.num_subsets
    out = conv(data.x, data.edge_index[:, in_time], edge_type, data.edge_weight[in_time])
    kernel = conv.weight.permute(2, 1, 0)[..., None]
    wanted = conv2d(to_image(data.x, 2, 6), kernel, conv.bias, padding=(2, 0))
    assert_same(out, to_rows(wanted), [keypoints, *parameters(conv)])


def gcn(conv: STGCNConv, normalize: bool, *inputs: Tensor) -> Tensor:
    """GCNConv with the parameters of ``conv``."""
    layer = GCNConv(conv.in_channels, conv.out_channels, normalize=normalize)
    shared = {"lin.weight": conv.weight[0].T, "bias": conv.bias}
    return functional_call(layer, shared, inputs)


def test_with_one_subset_and_symmetric_weights_the_layer_is_gcn():
    bones = partition.neighborhood(layouts.NTU25, self_loops=False)
    conv, x = STGCNConv(5, 4, 1).double(), leaf(25, 5)
    edge_index, edge_weight = gcn_norm(bones, num_nodes=25, dtype=torch.double)
    out = conv(x, edge_index, None, edge_weight)
    assert_same(out, gcn(conv, True, x, bones), [x, *parameters(conv)])


def test_symmetric_normalisation_is_that_of_gcn():
    graph = SkeletonGraph.from_layout(
        layouts.NTU25, partition.uniform, normalization=normalization.symmetric, temporal=None
    )
    bones = partition.neighborhood(layouts.NTU25, self_loops=False)
    edge_index, edge_weight = gcn_norm(bones, num_nodes=25)
    wanted = torch.zeros(25, 25).index_put(tuple(edge_index), edge_weight)
    torch.testing.assert_close(graph.adjacency[0], wanted)


def test_with_one_subset_the_layer_is_gcn_for_any_edge_weights():
    conv, x, edge_weight = STGCNConv(5, 4, 1).double(), leaf(8, 5), leaf(30)
    edge_index, _ = random_edges(8, 8, 30, 1)
    out = conv(x, edge_index, None, edge_weight)
    wanted = gcn(conv, False, x, edge_index, edge_weight)
    assert_same(out, wanted, [x, edge_weight, *parameters(conv)])


@pytest.mark.parametrize("layout", [layouts.NTU25, STAR], ids=lambda layout: layout.name)
def test_with_per_subset_means_the_layer_is_rgcn_without_root_weight(layout: SkeletonLayout):
    graph = SkeletonGraph.from_layout(layout, normalization=normalization.per_subset, temporal=None)
    conv = STGCNConv(5, 4, 3, bias=True).double()
    rgcn = RGCNConv(5, 4, 3, root_weight=False, aggr="mean").double()
    rgcn.weight, rgcn.bias = conv.weight, conv.bias
    x = leaf(layout.num_joints, 5)
    edges = graph.edge_index, graph.edge_type
    edge_weight = graph.edge_weight.double().reciprocal().round().reciprocal()
    torch.testing.assert_close(edge_weight.float(), graph.edge_weight)
    assert_same(conv(x, *edges, edge_weight), rgcn(x, *edges), [x, *parameters(conv)])


@pytest.mark.parametrize(
    "strategy", [partition.spatial, partition.spatial_2018, partition.uniform, partition.distance]
)
def test_with_bias_per_subset_and_importance_the_layer_is_the_einsum_of_the_released_program(
    strategy: partition.Strategy,
):
    graph = SkeletonGraph.from_layout(layouts.NTU25, strategy, temporal=None)
    conv = STGCNConv(3, 4, graph.num_subsets, bias="per_subset").double()
    x, importance = leaf(2, 6, 25, 3), leaf(graph.num_edges)
    edge_weight = graph.edge_weight * importance
    out = conv(x, graph.edge_index, graph.edge_type, edge_weight)
    mask = torch.zeros_like(graph.adjacency, dtype=torch.double)
    mask = mask.index_put((graph.edge_type, *graph.edge_index), importance)
    adjacency = graph.adjacency.double() * mask
    wanted = dense_spatial(x.permute(0, 3, 1, 2), conv.weight, conv.bias, adjacency)
    assert_same(out.permute(0, 3, 1, 2), wanted, [x, importance, *parameters(conv)])


def paper_label(layout: SkeletonLayout, target: int, source: int) -> int:
    """Equation 8: as far from the centre as the root node 0, nearer 1, farther 2."""
    radius = nx.single_source_shortest_path_length(layout.to_networkx(), layout.center)
    return 0 if radius[source] == radius[target] else 1 if radius[source] < radius[target] else 2


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("frames", [1, 4, 6])
def test_the_product_form_is_equation_9_of_the_paper(kernel: int, frames: int):
    """``f(v_ti) = sum 1/Z f(v_qj) w(l(v_qj) + K (q - t + floor(Γ/2)))`` over bones and frames."""
    graph = SkeletonGraph.from_layout(STAR, temporal="product", temporal_kernel=kernel)
    conv = STGCNConv(3, 4, 3 * kernel).double()
    keypoints, edge_weight = leaf(1, frames, 6, 3), graph.edge_weight
    data = build_clip(keypoints, graph)
    out = conv(data.x, data.edge_index, data.edge_type, data.edge_weight)

    hops = dict(nx.all_pairs_shortest_path_length(STAR.to_networkx()))
    near = {i: [j for j in range(6) if hops[i][j] <= 1] for i in range(6)}
    rows = []
    for t, i in ((t, i) for t in range(frames) for i in range(6)):
        total = conv.bias
        for q in range(max(0, t - kernel // 2), min(frames, t + kernel // 2 + 1)):
            for j in near[i]:
                label = paper_label(STAR, i, j) + 3 * (q - t + kernel // 2)
                share = torch.tensor(1 / len(near[i]), dtype=edge_weight.dtype).double()
                total = total + share * keypoints[0, q, j] @ conv.weight[label]
        rows.append(total)
    assert_same(out, torch.stack(rows), [keypoints, *parameters(conv)])


@pytest.mark.parametrize("bias", [True, False, "per_subset"])
def test_the_order_of_edges_does_not_matter(bias: bool | str):
    conv = STGCNConv(3, 4, 3, bias=bias).double()
    x, edge_weight, order = leaf(25, 3), leaf(NTU.num_edges), torch.randperm(NTU.num_edges)
    shuffled = NTU.edge_index[:, order], NTU.edge_type[order], edge_weight[order]
    wanted = conv(x, NTU.edge_index, NTU.edge_type, edge_weight)
    assert_same(conv(x, *shuffled), wanted, [x, edge_weight, *parameters(conv)])


def test_renumbered_nodes_give_renumbered_outputs():
    conv = STGCNConv(3, 4, 3, bias="per_subset").double()
    x, edge_weight, order = leaf(25, 3), leaf(NTU.num_edges), torch.randperm(25)
    number = order.argsort()
    moved = conv(x[order], number[NTU.edge_index], NTU.edge_type, edge_weight)
    wanted = conv(x, NTU.edge_index, NTU.edge_type, edge_weight)[order]
    assert_same(moved, wanted, [x, edge_weight, *parameters(conv)])


def test_an_edge_of_weight_zero_is_no_edge():
    conv = STGCNConv(3, 4, 5, bias="per_subset").double()
    x, (edge_index, edge_type) = leaf(6, 3), random_edges(6, 6, 20, 5)
    keep = torch.rand(20) < 0.5
    out = conv(x, edge_index, edge_type, keep.double())
    assert_same(out, conv(x, edge_index[:, keep], edge_type[keep]), [x, *parameters(conv)])


def test_a_node_that_no_edge_enters_gets_the_bias():
    edge_index, edge_type = torch.empty(2, 0, dtype=torch.long), torch.empty(0, dtype=torch.long)
    conv = STGCNConv(3, 4, 2)
    assert torch.equal(conv(torch.randn(5, 3), edge_index, edge_type), conv.bias.expand(5, 4))
    inside = STGCNConv(3, 4, 2, bias="per_subset")
    assert torch.equal(inside(torch.randn(5, 3), edge_index, edge_type), torch.zeros(5, 4))
    assert conv(torch.randn(0, 3), edge_index, edge_type).shape == (0, 4)
