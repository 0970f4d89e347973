"""Both sides of the table compute the same thing, and the dense one is the released program."""

from __future__ import annotations

import pytest
import torch
from torch.nn import Dropout
from torch_geometric.data import Batch

from stgraph import STGCN, build_clip, save_checkpoint
from stgraph.bench.clips import GRAPH, ClipSize, keypoints_of, node_batch, padded
from stgraph.bench.dense import DenseSTGCN

from ..nn.oracles import randomize

FRAMES = 12


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """Our network, and the dense one with the weights of the file that ours writes for st-gcn."""
    torch.manual_seed(0)
    model = STGCN(3, 60, GRAPH, dropout=0.0)
    randomize(model)
    path = tmp_path_factory.mktemp("released") / "st_gcn.pt"
    save_checkpoint(model, path, family="st-gcn")
    dense = DenseSTGCN(3, 60, GRAPH.adjacency)
    dense.load_state_dict(torch.load(path, weights_only=True), strict=True)
    for module in dense.modules():
        if isinstance(module, Dropout):
            module.p = 0.0
    return model.double(), dense.double()


def drawn(*sizes):
    return [clip.double() for clip in keypoints_of(tuple(ClipSize(*size) for size in sizes))]


def relative(ours, theirs):
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize("training", [False, True])
def test_whole_clips_have_the_same_logits_on_both_sides(sides, training):
    model, dense = (side.train(training) for side in sides)
    keypoints = drawn(*[(FRAMES, 2)] * 3)
    with torch.no_grad():
        ours, theirs = model(node_batch(keypoints, "cpu")), dense(padded(keypoints, "cpu"))
    assert ours.shape == (3, 60) and theirs.std() > 0.01
    assert relative(ours, theirs) < 1e-10


def test_clips_that_are_padded_alike_have_the_same_logits_on_both_sides(sides):
    model, dense = (side.eval() for side in sides)
    keypoints = drawn((FRAMES, 2), (5, 1))
    clips = [build_clip(clip, GRAPH, pad=(FRAMES, 2)) for clip in keypoints]
    with torch.no_grad():
        ours, theirs = model(Batch.from_data_list(clips)), dense(padded(keypoints, "cpu", FRAMES))
    assert relative(ours, theirs) < 1e-10


def test_a_training_step_has_the_same_gradients_on_both_sides(sides):
    model, dense = (side.train() for side in sides)
    keypoints = drawn((FRAMES, 2), (FRAMES, 2))
    label = torch.tensor([3, 5])
    for side, data in ((model, node_batch(keypoints, "cpu")), (dense, padded(keypoints, "cpu"))):
        side.zero_grad()
        torch.nn.functional.cross_entropy(side(data), label).backward()
    ours, theirs = model.blocks[4], dense.st_gcn_networks[4]
    temporal = theirs.tcn[2].weight.grad[..., 0].permute(2, 1, 0)
    assert relative(ours.temporal.weight.grad, temporal) < 1e-8
    spatial = theirs.gcn.conv.weight.grad.view(3, 128, 64).transpose(1, 2)
    assert relative(ours.spatial.weight.grad, spatial) < 1e-8


def test_channels_last_is_the_same_network(sides):
    _, dense = (side.eval() for side in sides)
    last = DenseSTGCN(3, 60, GRAPH.adjacency, channels_last=True).double().eval()
    last.load_state_dict(dense.state_dict())
    array = padded(drawn((FRAMES, 2)), "cpu")
    images = []
    last.st_gcn_networks[3].tcn.register_forward_hook(lambda _, given, out: images.append(given[0]))
    with torch.no_grad():
        assert relative(last(array), dense(array)) < 1e-10
    assert images[0].is_contiguous(memory_format=torch.channels_last)
