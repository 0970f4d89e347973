"""ST-GCN++ on graphs is the dense program, and learns an adjacency between all joints."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch

from stgraph import SkeletonGraph, STGCNPlusPlus, build_clip, layouts, normalization
from stgraph.nn import TEN_BLOCKS, Level, MultiScaleTemporal, Step, STGCNPlusPlusBlock
from stgraph.nn.temporal import neighbor_max
from stgraph.nn.typed_edges import LayerEdges

from .dense_released import multi_scale, network, plus_plus_block
from .oracles import assert_same, leaf, randomize, to_image, to_rows

GRAPH = SkeletonGraph.from_layout(layouts.NTU25_PYSKL, normalization=normalization.per_subset)
HAND = SkeletonGraph.from_layout(layouts.HAND21, normalization=normalization.per_subset)
SMALL = ((12, 1), (12, 2), (18, 1))


def test_the_network_for_ntu60_has_as_many_parameters_as_the_published_one():
    model = STGCNPlusPlus(3, 60, GRAPH)
    assert sum(value.numel() for value in model.parameters()) == 1_403_144


def test_channels_are_shared_out_as_published():
    for channels, first, rest in ((64, 14, 10), (128, 23, 21), (256, 46, 42)):
        sizes = [branch[0].out_features for branch in MultiScaleTemporal(channels).reduce]
        assert sizes == [first, rest, rest, rest, rest]
        assert MultiScaleTemporal(channels).point.out_features == rest


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("frames", [1, 5, 12])
def test_the_branches_are_dilated_convolutions_a_maximum_and_a_point(
    training: bool, stride: int, frames: int
):
    temporal = MultiScaleTemporal(8).double().train(training)
    randomize(temporal)
    x = leaf(2 * frames * 25, 8)
    level = Level.of(build_clip(torch.zeros(2, frames, 25, 1), GRAPH), GRAPH)
    step, _ = Step.of(level, stride, in_branches=True)
    wanted = to_rows(multi_scale(temporal, to_image(x, 2, 25), stride))
    assert_same(
        temporal(x, step.in_time, step.kept),
        wanted,
        [x, *temporal.parameters()],
        tolerance=1e-9,
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("widths", "residual"), [((3, 6), False), ((6, 6), True), ((6, 9), True)])
def test_on_full_clips_a_block_is_the_dense_one(
    training: bool, stride: int, widths: tuple[int, int], residual: bool
):
    block = STGCNPlusPlusBlock(*widths, HAND, stride=stride, residual=residual).double()
    randomize(block.train(training))
    complete = HAND.completed()
    keypoints = leaf(2, 7, 21, widths[0])
    data = build_clip(keypoints, complete)
    step, _ = Step.of(Level.of(data, complete), stride, in_branches=True)
    wanted = to_rows(plus_plus_block(block, to_image(data.x, 2, 21), stride))
    out = block(data.x, step)
    assert_same(out, wanted, [keypoints, *block.parameters()], tolerance=1e-9)


@pytest.mark.parametrize("training", [True, False])
def test_on_full_clips_the_ten_blocks_are_the_dense_network(training: bool):
    model = STGCNPlusPlus(2, 5, HAND).double().train(training)
    randomize(model)
    keypoints = leaf(2, 2, 9, 21, 2)
    batch = Batch.from_data_list([build_clip(points, model.graph) for points in keypoints])
    logits = model(batch)
    wanted, _ = network(model, keypoints, plus_plus_block)
    scale = logits.detach().abs().max()
    leaves = [keypoints, *model.parameters()]
    assert_same(logits / scale, wanted / scale, leaves, tolerance=1e-8)


def test_the_adjacency_starts_at_the_graphs_and_every_entry_is_learnt():
    model = STGCNPlusPlus(3, 4, GRAPH, blocks=SMALL)
    for block in model.blocks:
        assert torch.equal(block.adjacency.weight, GRAPH.adjacency)
    model(build_clip(torch.randn(1, 6, 25, 3), model.graph)).square().sum().backward()
    for block in model.blocks:
        assert int(block.adjacency.weight.grad.count_nonzero()) == 3 * 25 * 25


def test_the_graph_of_a_network_is_the_same_whether_it_was_completed_before():
    once = STGCNPlusPlus(3, 4, GRAPH, blocks=SMALL)
    again = STGCNPlusPlus(3, 4, once.graph, blocks=SMALL)
    assert once.graph.num_edges == 3 * 25 * 25
    assert once.graph.identity == again.graph.identity


def test_clips_of_the_sparse_graph_are_refused_with_a_remedy():
    model = STGCNPlusPlus(3, 4, GRAPH, blocks=SMALL)
    with pytest.raises(ValueError, match=r"build clips with the network's graph \(model.graph\)"):
        model(build_clip(torch.randn(1, 6, 25, 3), GRAPH))


def test_a_clip_gives_the_same_logits_alone_and_in_any_batch():
    model = STGCNPlusPlus(3, 4, GRAPH, blocks=SMALL)
    randomize(model.eval())
    clips = []
    for persons, frames in ((1, 9), (2, 4), (3, 1), (2, 13)):
        seen = torch.rand(persons, frames, 25) < 0.8
        seen[0, 0, 0] = True
        points = torch.randn(persons, frames, 25, 3)
        clips.append(build_clip(points, model.graph, visible=seen))
    together = model(Batch.from_data_list(clips))
    alone = torch.cat([model(data) for data in clips])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


def test_the_first_block_has_neither_residual_nor_dropout_and_no_block_has_dropout_by_itself():
    model = STGCNPlusPlus(3, 4, GRAPH)
    assert [block.residual is None for block in model.blocks] == [True] + 9 * [False]
    assert {block.dropout.p for block in model.blocks} == {0.0}
    assert model.settings["blocks"] == [list(block) for block in TEN_BLOCKS]


@pytest.mark.parametrize(("temporal", "kernel"), [("product", 9), (None, 9), ("factorized", 7)])
def test_a_graph_whose_edges_reach_less_than_four_frames_is_refused(temporal, kernel: int):
    graph = SkeletonGraph.from_layout(layouts.HAND21, temporal=temporal, temporal_kernel=kernel)
    with pytest.raises(ValueError, match="temporal='factorized' and a temporal kernel of at least"):
        STGCNPlusPlus(3, 4, graph)


def test_more_branches_than_channels_are_refused():
    with pytest.raises(ValueError, match="6 branches need at least 6 channels, found 5"):
        MultiScaleTemporal(5)


def test_a_node_without_neighbours_has_the_maximum_zero():
    level = Level.of(build_clip(-torch.ones(1, 3, 25, 2), GRAPH), GRAPH)
    edges = level.dilated[0]
    edges = edges.take((edges.edge_index[1] != 7).nonzero().squeeze(1))
    largest = neighbor_max(-torch.ones(75, 2), LayerEdges.of(edges, 3, (75, 75)))
    assert largest[7].tolist() == [0.0, 0.0]
    assert (largest[torch.arange(75) != 7] == -1).all()


def test_sixteen_clips_are_learnt_by_heart():
    model = STGCNPlusPlus(3, 4, HAND, blocks=((12, 1), (24, 2)))
    clips = []
    for i in range(16):
        points = torch.randn(1, 1, 21, 3) + 0.05 * torch.randn(1, 8 + i % 5, 21, 3)
        points[:, :, (4, 8, 12, 16)[i % 4], 1] += torch.arange(8.0 + i % 5).sin()
        clips.append(build_clip(points, model.graph, y=i % 4))
    data = Batch.from_data_list(clips)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(40):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(data), data.y).backward()
        optimizer.step()
    assert (model.eval()(data).argmax(dim=1) == data.y).all()
