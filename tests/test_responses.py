"""Responses are the classifier's scores of nodes, in their places."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch

from stgraph import STGCN, SkeletonGraph, build_clip, layouts
from stgraph.responses import respond

GRAPH = SkeletonGraph.from_layout(layouts.COCO17, temporal_kernel=3)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return STGCN(3, 5, GRAPH, blocks=[(8, 1), (12, 2)]).eval()


def clip(frames: int = 11, persons: int = 2):
    keypoints = torch.randn(persons, frames, 17, 3, generator=torch.Generator().manual_seed(1))
    keypoints[1:, :4] = torch.nan  # the second person comes later
    return build_clip(keypoints, GRAPH, visible=~keypoints[..., 0].isnan())


def test_the_class_is_the_one_that_the_network_names(model):
    data = clip()
    assert respond(model, data).label == int(model(Batch.from_data_list([data])).argmax())
    assert respond(model, data, 3).label == 3


def test_strength_is_of_the_nodes_own_score_and_one_at_most(model):
    data = clip()
    found = respond(model, data, 2)
    scores, kept = model.responses(Batch.from_data_list([data]))
    wanted = (scores[:, 2] - scores.mean(dim=1)).clamp(min=0)
    wanted = wanted / wanted.max()
    at = {
        (int(p), int(f), int(j)): row
        for row, (p, f, j) in enumerate(zip(data.person, data.frame, data.joint, strict=True))
    }
    nodes = kept.level.nodes
    rows = [
        at[int(p), int(f), int(j)]
        for p, f, j in zip(nodes.body, kept.frame, nodes.joint, strict=True)
    ]
    torch.testing.assert_close(found.strength[rows], wanted.detach())
    assert float(found.strength.max()) == 1 and float(found.strength.min()) == 0


def test_frames_between_have_the_strength_of_the_one_before(model):
    data = clip(persons=1)
    strength = respond(model, data).strength.view(11, 17)
    assert torch.equal(strength[0:10:2], strength[1:11:2])
    assert not torch.equal(strength[0], strength[2])


def test_classes_over_time_are_probabilities_of_the_frames_that_are_kept(model):
    found = respond(model, clip())
    assert found.frame.tolist() == [0, 2, 4, 6, 8, 10]
    torch.testing.assert_close(found.shares.sum(dim=1), torch.ones(6))


def test_a_clip_that_begins_later_keeps_its_frame_numbers(model):
    data = clip(persons=1)
    moved = data.clone()
    moved.frame = moved.frame + 7
    found, shifted = respond(model, data), respond(model, moved)
    torch.testing.assert_close(found.strength, shifted.strength)
    assert torch.equal(shifted.frame, found.frame + 7)


def test_what_cannot_be_asked_is_refused(model):
    with pytest.raises(ValueError, match="one clip that has nodes"):
        respond(model, Batch.from_data_list([clip(), clip()]))
    with pytest.raises(ValueError, match="classes 0 to 4, not 5"):
        respond(model, clip(), 5)
    with pytest.raises(ValueError, match="call model.eval"):
        respond(model.train(), clip())
