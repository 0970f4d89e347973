"""A block is the released program's unit, on graphs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stgraph import SkeletonData, SkeletonGraph, build_clip, layouts
from stgraph.graph import Temporal
from stgraph.nn import (
    EdgeImportance,
    Level,
    Step,
    STGCNBlock,
    STGCNPlusPlusBlock,
    STGCNv010Block,
)
from stgraph.nn.plan import LevelEdges
from stgraph.nn.typed_edges import LayerEdges

from .oracles import assert_same, dense_block, leaf, randomize, to_image, to_rows

GRAPH = SkeletonGraph.from_layout(layouts.NTU25)
PERSONS = 2


def rows_of(keypoints: Tensor, graph: SkeletonGraph = GRAPH) -> SkeletonData:
    return build_clip(keypoints, graph)


def step_of(data: SkeletonData, stride: int = 1, graph: SkeletonGraph = GRAPH) -> Step:
    return Step.of(Level.of(data, graph), stride)[0]


def all_edges(data: SkeletonData) -> LayerEdges:
    return LevelEdges(Level.of(data, GRAPH, one_by_one=True)).in_space


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("frames", [1, 7, 12])
@pytest.mark.parametrize(
    ("widths", "residual"), [((3, 4), False), ((4, 4), True), ((3, 5), True)], ids=str
)
def test_on_full_clips_a_block_is_the_dense_one(
    training: bool, stride: int, frames: int, widths: tuple[int, int], residual: bool
):
    block = STGCNBlock(*widths, GRAPH, stride=stride, residual=residual).double().train(training)
    randomize(block)
    keypoints = leaf(PERSONS, frames, 25, widths[0])
    data = rows_of(keypoints)
    wanted = to_rows(dense_block(block, to_image(data.x, PERSONS, 25), GRAPH, stride))
    out = block(data.x, step_of(data, stride))
    assert out.shape == (PERSONS * -(-frames // stride) * 25, widths[1])
    assert_same(out, wanted, [keypoints, *block.parameters()], tolerance=1e-9)


@pytest.mark.parametrize("temporal", ["factorized", "product", None])
@pytest.mark.parametrize("stride", [1, 2])
def test_every_parameter_of_a_block_is_trained(temporal: Temporal, stride: int):
    graph = SkeletonGraph.from_layout(layouts.NTU25, temporal=temporal, temporal_kernel=3)
    block = STGCNBlock(3, 4, graph, stride=stride)
    data = rows_of(torch.randn(1, 5, 25, 3), graph)
    out = block(data.x, step_of(data, stride, graph))
    (out * torch.randn_like(out)).sum().backward()
    for name, value in block.named_parameters():
        assert value.grad is not None, name
        assert value.grad.isfinite().all(), name
        assert value.grad.abs().sum() > 0, name


@pytest.mark.parametrize("temporal", ["factorized", "product", None])
def test_a_few_steps_of_gradient_descent_lower_the_loss(temporal: Temporal):
    graph = SkeletonGraph.from_layout(layouts.NTU25, temporal=temporal, temporal_kernel=3)
    block = STGCNBlock(3, 8, graph)
    data = rows_of(torch.randn(1, 6, 25, 3), graph)
    step, target = step_of(data, graph=graph), torch.rand(150, 8)
    optimizer = torch.optim.SGD(block.parameters(), lr=0.05)
    losses = []
    for _ in range(20):
        loss = (block(data.x, step) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_a_product_block_has_a_matrix_for_every_subset_and_frame():
    graph = SkeletonGraph.from_layout(layouts.NTU25, temporal="product")
    block = STGCNBlock(3, 8, graph)
    assert block.spatial.weight.shape == (27, 3, 8)
    assert block.temporal is None


def test_importance_is_the_same_in_all_frames_of_all_persons():
    importance = EdgeImportance(GRAPH)
    torch.nn.init.uniform_(importance.weight)
    edges = all_edges(rows_of(torch.randn(2, 5, 25, 3)))
    source, target = GRAPH.edge_index
    wanted = GRAPH.edge_weight * importance.weight[GRAPH.edge_type, source, target]
    assert torch.equal(importance(edges), wanted[edges.edge_template])
    importance(edges).sum().backward()
    torch.testing.assert_close(importance.weight.grad, 10 * GRAPH.adjacency)


def test_edges_of_the_user_keep_their_weight():
    importance = EdgeImportance(GRAPH)
    torch.nn.init.uniform_(importance.weight)
    edges = all_edges(rows_of(torch.randn(1, 2, 25, 3)))
    edges.edge_template[7] = -1
    weights = importance(edges)
    assert weights[7] == edges.edge_weight[7]
    assert (weights[8:] != edges.edge_weight[8:]).all()
    assert torch.equal(importance(edges._replace(edge_weight=None))[7], torch.tensor(1.0))


def test_the_residual_is_the_identity_where_shapes_agree():
    kinds = {
        (4, 4, 1, True): torch.nn.Identity,
        (4, 4, 2, True): torch.nn.Sequential,
        (3, 4, 1, True): torch.nn.Sequential,
        (4, 4, 1, False): type(None),
    }
    for (width, out, stride, residual), kind in kinds.items():
        block = STGCNBlock(width, out, GRAPH, stride=stride, residual=residual)
        assert isinstance(block.residual, kind)


def test_dropout_is_active_in_training_alone():
    block = STGCNBlock(3, 4, GRAPH, dropout=0.5, residual=False)
    data = rows_of(torch.randn(1, 4, 25, 3))
    step = step_of(data)
    assert not torch.equal(block(data.x, step), block(data.x, step))
    block.eval()
    assert torch.equal(block(data.x, step), block(data.x, step))


def test_temporal_weights_of_the_user_are_used():
    block = STGCNBlock(3, 4, GRAPH).eval()
    data = rows_of(torch.randn(1, 4, 25, 3))
    in_time = data.edge_type >= GRAPH.num_subsets
    cut = data.edge_subgraph(~in_time)
    data.edge_weight = data.edge_weight.where(~in_time, 0.0)
    outs = [block(clip.x, step_of(clip)) for clip in (data, cut)]
    torch.testing.assert_close(*outs)
    untouched = rows_of(data.x.view(1, 4, 25, 3))
    assert not torch.allclose(outs[0], block(data.x, step_of(untouched)))


def shuffled(data: SkeletonData) -> SkeletonData:
    """The same clip with its edges in another order, so that frames are not taken as a whole."""
    order = torch.randperm(data.num_edges)
    data = data.clone()
    data.edge_index = data.edge_index[:, order]
    for key in ("edge_type", "edge_weight", "edge_template"):
        data[key] = data[key][order]
    return data


@pytest.mark.parametrize("kind", [STGCNBlock, STGCNv010Block, STGCNPlusPlusBlock])
@pytest.mark.parametrize("widths", [(3, 8), (8, 6)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("training", [True, False])
def test_frame_by_frame_and_edge_by_edge_a_block_is_the_same(
    kind, widths, training: bool, stride: int
):
    graph = GRAPH.completed() if kind is STGCNPlusPlusBlock else GRAPH
    block = kind(*widths, GRAPH, stride=stride, residual=False).double().train(training)
    randomize(block)
    keypoints = leaf(2, 5, 25, widths[0])
    whole = build_clip(keypoints, graph)
    levels = [Level.of(data, graph) for data in (whole, shuffled(whole))]
    assert [level.frame_edges is None for level in levels] == [False, True]
    assert [level.runs is None for level in levels] == [False, True]
    branches = kind is STGCNPlusPlusBlock
    steps = [Step.of(level, stride, in_branches=branches)[0] for level in levels]
    frames, edges = (block(whole.x, step) for step in steps)
    assert_same(frames, edges, [keypoints, *block.parameters()], tolerance=1e-9)


def test_hooks_on_messages_see_all_edges_of_whole_frames():
    block, seen = STGCNBlock(3, 4, GRAPH).eval(), []
    data = rows_of(torch.randn(2, 5, 25, 3))
    wanted = block(data.x, step_of(data))
    handle = block.spatial.register_message_forward_hook(
        lambda module, inputs, out: seen.append(len(out))
    )
    edges = Step.of(Level.of(data, GRAPH, one_by_one=True))[0]
    torch.testing.assert_close(block(data.x, edges), wanted)
    handle.remove()
    assert seen == [10 * 73]
