"""The network is the released one on full clips, and treats every clip of a batch alone."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Batch

from stgraph import SkeletonData, SkeletonGraph, build_clip, layouts, partition
from stgraph.graph import Temporal
from stgraph.nn import STGCN, TEN_BLOCKS, JointNorm, NodeNorm
from stgraph.nn.network import pool_clips

from .oracles import assert_same, dense_network, leaf, randomize

GRAPH = SkeletonGraph.from_layout(layouts.NTU25)
SMALL = ((8, 1), (8, 2), (12, 1), (12, 2))
RAGGED = ((1, 9), (2, 4), (3, 1), (1, 2), (2, 13))


def network(blocks: Sequence[tuple[int, int]] = SMALL, graph: SkeletonGraph = GRAPH) -> STGCN:
    """A network in evaluation mode with nothing at its initial value, normalised to our clips."""
    model = STGCN(3, 5, graph, blocks=blocks)
    randomize(model)
    for module in model.modules():
        if isinstance(module, NodeNorm | JointNorm):
            module.momentum = 1.0
    model(batch_of(ragged_clips(graph)))
    return model.eval()


def clip(persons: int, frames: int, graph: SkeletonGraph = GRAPH, seen: float = 1.0):
    visible = torch.rand(persons, frames, 25) <= seen
    visible[0, 0, 0] = True
    return build_clip(torch.randn(persons, frames, 25, 3), graph, visible=visible)


def ragged_clips(graph: SkeletonGraph = GRAPH) -> list[SkeletonData]:
    return [clip(*size, graph, seen) for size in RAGGED for seen in (1.0, 0.7)]


def batch_of(clips: Sequence[SkeletonData]) -> SkeletonData:
    return Batch.from_data_list(list(clips))


def without_nodes(data: SkeletonData) -> SkeletonData:
    return data.subgraph(torch.zeros(data.num_nodes, dtype=torch.bool))


def assert_close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_the_ten_blocks_on_full_clips_are_the_released_network(training: bool):
    graph = SkeletonGraph.from_layout(layouts.NTU25, partition.spatial_2018)
    model = STGCN(3, 6, graph, dropout=0.0).double().train(training)
    randomize(model)
    keypoints = leaf(2, 2, 9, 25, 3)
    logits = model(batch_of([build_clip(points, graph) for points in keypoints]))
    leaves = [keypoints, *model.parameters()]
    scale = logits.detach().abs().max()
    assert_same(logits / scale, dense_network(model, keypoints) / scale, leaves)


@pytest.mark.parametrize("temporal", ["factorized", "product", None])
def test_a_clip_gives_the_same_logits_alone_and_in_any_batch(temporal: Temporal):
    graph = SkeletonGraph.from_layout(layouts.NTU25, temporal=temporal, temporal_kernel=3)
    model, clips = network(graph=graph), ragged_clips(graph)
    alone = torch.cat([model(data) for data in clips])
    assert alone.std(dim=0).min() > 1e-3
    assert_close(model(batch_of(clips)), alone)
    assert_close(model(batch_of(clips[::-1])), alone.flip(0))
    assert_close(model(batch_of(clips[2:5])), alone[2:5])


def test_a_clip_gives_the_same_logits_alone_and_in_a_batch_of_the_ten_blocks():
    model = STGCN(3, 5, GRAPH).eval()
    clips = [clip(1, 9), clip(2, 5, seen=0.8), clip(2, 12)]
    assert_close(model(batch_of(clips)), torch.cat([model(data) for data in clips]))


def relabelled(data: SkeletonData) -> SkeletonData:
    """The same clip with its nodes in another order."""
    order = torch.randperm(data.num_nodes)
    data = data.clone()
    data.edge_index = order.argsort()[data.edge_index]
    for key in ("x", "frame", "joint", "person"):
        data[key] = data[key][order]
    return data


def shuffled(data: SkeletonData) -> SkeletonData:
    """The same clip with its edges in another order."""
    order = torch.randperm(data.num_edges)
    data = data.clone()
    data.edge_index = data.edge_index[:, order]
    for key in ("edge_type", "edge_weight", "edge_template"):
        data[key] = data[key][order]
    return data


def later(data: SkeletonData) -> SkeletonData:
    """The same clip, cut out of a recording from frame 7 on."""
    data = data.clone()
    data.frame = data.frame + 7
    return data


def renamed(data: SkeletonData) -> SkeletonData:
    """The same clip with its persons counted backwards, leaving a number out."""
    data = data.clone()
    data.person = 4 - data.person
    return data


@pytest.mark.parametrize("change", [relabelled, shuffled, later, renamed])
@pytest.mark.parametrize("temporal", ["factorized", "product", None])
def test_the_order_of_nodes_edges_and_persons_and_the_first_frame_do_not_matter(
    change, temporal: Temporal
):
    graph = SkeletonGraph.from_layout(layouts.NTU25, temporal=temporal, temporal_kernel=3)
    model, clips = network(graph=graph), ragged_clips(graph)
    wanted = model(batch_of(clips))
    changed = [change(data) for data in clips]
    assert_close(model(batch_of(changed)), wanted)
    assert_close(model(batch_of([changed[0], *clips[1:]])), wanted)
    assert_close(model(changed[1]), wanted[1:2])


def test_persons_may_come_in_any_order():
    model, keypoints = network(), torch.randn(3, 6, 25, 3)
    turned = keypoints[[2, 0, 1]]
    assert_close(model(build_clip(keypoints, GRAPH)), model(build_clip(turned, GRAPH)))


def test_the_order_of_frames_matters():
    model, keypoints = network(), torch.randn(1, 9, 25, 3)
    logits = [model(build_clip(points, GRAPH)) for points in (keypoints, keypoints.flip(1))]
    assert (logits[0] - logits[1]).abs().max() > 1e-3


def test_a_clip_without_nodes_gives_the_bias_of_the_classifier():
    model, full = network(), clip(2, 6)
    empty = without_nodes(full)
    logits = model(batch_of([full, empty, full, empty]))
    assert torch.equal(logits[[1, 3]], model.classifier.bias.expand(2, 5))
    assert_close(logits[[0, 2]], model(full).expand(2, 5))
    for nothing in (empty, batch_of([empty, empty])):
        assert torch.equal(model(nothing), model.classifier.bias.expand(len(nothing.clips), 5))


def test_a_person_who_is_gone_at_the_coarser_resolution_is_not_counted():
    model, keypoints = network(), torch.randn(2, 7, 25, 3)
    seen = torch.ones(2, 7, 25, dtype=torch.bool)
    seen[1] = False
    seen[1, 3] = True
    both = build_clip(keypoints, GRAPH, visible=seen)
    assert int(both.person.max()) == 1
    assert_close(model(both), model(build_clip(keypoints[:1], GRAPH)))


def test_pooling_is_the_mean_over_nodes_then_over_persons():
    model = network()
    clips = [clip(2, 5, seen=0.5), clip(1, 3), clip(3, 4, seen=0.7)]
    x, level, _ = model.node_features(batch_of(clips))
    wanted = []
    for number in range(3):
        bodies = level.nodes.body[level.clip == number].unique()
        means = [x[level.nodes.body == body].mean(dim=0) for body in bodies]
        wanted.append(torch.stack(means).mean(dim=0))
    assert len(level.nodes.body.unique()) == 6
    assert_close(pool_clips(x, level), torch.stack(wanted))
    assert_close(model(batch_of(clips)), model.classifier(torch.stack(wanted)))


def test_responses_average_to_the_logits():
    model, data = network(), batch_of([clip(2, 5, seen=0.6), clip(1, 8)])
    responses, features = model.responses(data)
    assert responses.shape == (len(features.x), 5)
    assert_close(pool_clips(responses, features.level), model(data))


def test_node_features_say_which_frame_of_the_input_they_belong_to():
    data = later(clip(2, 10))
    features = network().node_features(data)
    assert sorted(set(features.frame.tolist())) == [0, 4, 8]
    assert torch.equal(features.frame, 4 * features.level.nodes.frame)
    assert features.x.shape == (2 * 3 * 25, 12)


@pytest.mark.parametrize("temporal", ["factorized", "product", None])
def test_networks_of_every_kind_train(temporal: Temporal):
    graph = SkeletonGraph.from_layout(layouts.NTU25, temporal=temporal, temporal_kernel=3)
    model, data = STGCN(3, 5, graph, blocks=SMALL, dropout=0.1), batch_of(ragged_clips(graph))
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    torch.nn.functional.cross_entropy(model(data), torch.arange(10) % 5).backward()
    assert all(value.grad.isfinite().all() for value in model.parameters())
    optimizer.step()
    same = [name for name, value in model.named_parameters() if torch.equal(value, before[name])]
    # A bias before a batch normalisation has no effect, and so at most a rounding error's gradient.
    assert [name for name in same if not name.endswith("bias")] == []


def moving_clip(action: int, frames: int, persons: int) -> SkeletonData:
    """A random pose of which one joint, that of the action, swings."""
    keypoints = torch.randn(persons, 1, 25, 3) + 0.05 * torch.randn(persons, frames, 25, 3)
    phase = 6.3 * torch.rand(()) + torch.arange(frames)
    keypoints[:, :, (3, 7, 11, 19)[action], 1] += phase.sin()
    visible = torch.rand(persons, frames, 25) < 0.95
    visible[0, 0, 0] = True
    return build_clip(keypoints, GRAPH, y=action, visible=visible)


def test_sixteen_clips_are_learnt_by_heart():
    clips = [moving_clip(i % 4, 8 + i % 5, 1 + i % 2) for i in range(16)]
    data, model = batch_of(clips), STGCN(3, 4, GRAPH, blocks=((16, 1), (24, 2)))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(30):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(data), data.y).backward()
        optimizer.step()
    assert (model.eval()(data).argmax(dim=1) == data.y).all()


def test_the_first_block_has_neither_dropout_nor_residual():
    blocks = STGCN(3, 5, GRAPH, dropout=0.3).blocks
    assert [block.dropout.p for block in blocks] == [0.0] + 9 * [0.3]
    assert [block.residual is None for block in blocks] == [True] + 9 * [False]
    assert len(TEN_BLOCKS) == 10


def test_a_network_that_is_moved_or_copied_keeps_its_graph_and_its_logits():
    model, data = network(), clip(1, 5)
    logits = model(data)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), model.to("cpu")):
        assert torch.equal(other(data), logits)
        assert other.graph.to_dict() == GRAPH.to_dict()


def test_a_network_in_double_precision_is_the_same_network():
    model, data = network(), batch_of([clip(2, 5), clip(1, 4)])
    logits = model(data)
    data.x = data.x.double()
    twice = model.double()(data)
    assert twice.dtype == torch.double
    assert_close(twice.float(), logits)


def test_clips_with_other_channels_are_refused():
    data = build_clip(torch.randn(1, 2, 25, 2), GRAPH)
    with pytest.raises(ValueError, match=r"takes node features \[N, 3\], the data has \[50, 2\]"):
        network()(data)
    data.x = None
    with pytest.raises(ValueError, match="the data has None"):
        network()(data)


def test_clips_of_another_graph_are_refused():
    other = SkeletonGraph.from_layout(layouts.NTU25, temporal_kernel=3)
    with pytest.raises(ValueError, match="build clips with the network's graph"):
        network()(clip(1, 4, other))


def test_a_network_without_blocks_is_refused():
    with pytest.raises(ValueError, match="at least one block"):
        STGCN(3, 5, GRAPH, blocks=())


def test_settings_build_the_same_architecture():
    model = network()
    again = STGCN(3, 5, GRAPH, **model.settings)
    assert again.load_state_dict(model.state_dict()).missing_keys == []
    data = clip(1, 6)
    assert torch.equal(again.eval()(data), model(data))


def test_features_of_another_type_are_named():
    keypoints = torch.randn(1, 4, 25, 3, dtype=torch.double)
    with pytest.raises(ValueError, match=r"computes in torch.float32, .* torch.float64"):
        network()(build_clip(keypoints, GRAPH))


def test_a_layout_in_place_of_its_graph_is_refused():
    with pytest.raises(ValueError, match=r"not SkeletonLayout; .*from_layout\(layout\) is one"):
        STGCN(3, 4, layouts.NTU25)
