"""The network of v0.1.0 on graphs is the dense program of v0.1.0."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.nn import RGCNConv

from stgraph import SkeletonGraph, STGCNv010, build_clip, layouts, normalization
from stgraph.nn import Level, Step, STGCNv010Block

from .dense_released import network, v010_block
from .oracles import assert_same, leaf, randomize, to_image, to_rows

GRAPH = SkeletonGraph.from_layout(layouts.NTU25, normalization=normalization.per_subset)
ADJACENCY = GRAPH.adjacency.double()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("widths", "residual"), [((3, 4), False), ((4, 4), True), ((4, 6), True)])
def test_on_full_clips_a_unit_is_the_dense_one(
    training: bool, stride: int, widths: tuple[int, int], residual: bool
):
    block = STGCNv010Block(*widths, GRAPH, stride=stride, residual=residual).double()
    randomize(block.train(training))
    keypoints = leaf(2, 7, 25, widths[0])
    data = build_clip(keypoints, GRAPH)
    step, _ = Step.of(Level.of(data, GRAPH), stride)
    wanted = to_rows(v010_block(block, to_image(data.x, 2, 25), stride, ADJACENCY))
    out = block(data.x, step)
    assert_same(out, wanted, [keypoints, *block.parameters()], tolerance=1e-9)


@pytest.mark.parametrize("training", [True, False])
def test_on_full_clips_stem_and_nine_units_are_the_dense_network(training: bool):
    model = STGCNv010(3, 5, GRAPH, dropout=0.0).double().train(training)
    randomize(model)
    keypoints = leaf(2, 2, 9, 25, 3)
    logits = model(Batch.from_data_list([build_clip(points, GRAPH) for points in keypoints]))
    wanted, _ = network(model, keypoints, partial(v010_block, adjacency=ADJACENCY))
    scale = logits.detach().abs().max()
    leaves = [keypoints, *model.parameters()]
    assert_same(logits / scale, wanted / scale, leaves, tolerance=1e-8)


def test_its_aggregation_is_the_mean_over_each_relation_of_rgcn():
    rgcn = RGCNConv(4, 6, 3, root_weight=False, bias=False, aggr="mean").double()
    block = STGCNv010Block(4, 6, GRAPH, residual=False).double()
    with torch.no_grad():
        block.spatial.weight.copy_(rgcn.weight)
    x = torch.randn(25, 4, dtype=torch.double)
    edges = (GRAPH.edge_index, GRAPH.edge_type)
    out = block.spatial(x, *edges, GRAPH.edge_weight.double())
    torch.testing.assert_close(out, rgcn(x, *edges), rtol=1e-7, atol=1e-7)


def test_persons_have_statistics_of_their_own():
    model = STGCNv010(3, 5, GRAPH, blocks=((4, 1),))
    assert model.data_norm.weight.shape == (50, 3)
    model.data_norm.momentum = 1.0
    first, second = torch.randn(1, 8, 25, 3), 5 + torch.randn(1, 8, 25, 3)
    model(build_clip(torch.cat([first, second]), GRAPH))
    means = torch.cat([first, second]).mean(dim=1).flatten(0, 1)
    torch.testing.assert_close(model.data_norm.running_mean, means, rtol=1e-5, atol=1e-5)


def test_more_persons_than_it_tells_apart_are_refused():
    model = STGCNv010(3, 5, GRAPH, blocks=((4, 1),))
    with pytest.raises(ValueError, match="tells 2 persons of a clip apart, the data has 3"):
        model(build_clip(torch.randn(3, 4, 25, 3), GRAPH))


@pytest.mark.parametrize("persons", [0, -1])
def test_a_number_of_persons_below_one_is_refused(persons: int):
    with pytest.raises(ValueError, match="persons is a number of at least 1"):
        STGCNv010(3, 5, GRAPH, persons=persons)


def test_the_stem_has_neither_residual_nor_dropout_and_dropout_comes_before_time():
    model = STGCNv010(3, 5, GRAPH)
    assert [block.residual is None for block in model.blocks] == [True] + 9 * [False]
    assert [block.dropout.p for block in model.blocks] == [0.0] + 9 * [0.5]


@pytest.mark.parametrize("temporal", ["product", None])
def test_other_ways_through_time_are_refused(temporal):
    graph = SkeletonGraph.from_layout(layouts.NTU25, temporal=temporal)
    with pytest.raises(ValueError, match="it needs temporal='factorized'"):
        STGCNv010(3, 5, graph)
