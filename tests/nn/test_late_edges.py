"""Networks make edges themselves from nodes alone: the same in value and gradient."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch

from stgraph import SkeletonGraph, SkeletonLayout, layouts
from stgraph.build import add_edges, clip_nodes
from stgraph.nn import STGCN, Level, SkeletonNetwork, STGCNPlusPlus, STGCNv010

LIMBS = SkeletonLayout("limbs", tuple("abcd"), ((1, 0), (2, 0), (3, 2)))
BLOCKS = [(6, 1), (8, 2), (8, 1), (10, 2)]
SHAPES = ((1, 9), (2, 14), (1, 5))


def network(kind: type[SkeletonNetwork], temporal: str) -> SkeletonNetwork:
    graph = SkeletonGraph.from_layout(LIMBS, temporal=temporal, temporal_kernel=9)
    return kind(3, 5, graph, blocks=BLOCKS, dropout=0.0).double()


def batches(graph: SkeletonGraph, missing: float) -> tuple[Batch, Batch]:
    """The same clips as nodes alone and with their edges."""
    clips = []
    for persons, frames in SHAPES:
        keypoints = torch.randn(persons, frames, 4, 3, dtype=torch.double)
        seen = torch.rand(keypoints.shape[:3]) >= missing
        seen[0, 0, 0] = True
        clips.append((keypoints, seen))
    bare, full = (
        [clip_nodes(keypoints, graph, visible=seen) for keypoints, seen in clips] for _ in range(2)
    )
    whole = [add_edges(clip, graph) for clip in full]
    return Batch.from_data_list(bare), Batch.from_data_list(whole)


CASES = [
    (STGCN, "factorized"),
    (STGCN, "product"),
    (STGCNv010, "factorized"),
    (STGCNPlusPlus, "factorized"),
]


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize(("kind", "temporal"), CASES)
def test_nodes_alone_give_the_same_logits_and_gradients(kind, temporal, missing):
    model = network(kind, temporal)
    bare, full = batches(model.graph, missing)
    found = []
    for batch in (bare, full):
        model.zero_grad()
        logits = model(batch)
        logits.square().sum().backward()
        found.append([logits.detach(), *(p.grad.clone() for p in model.parameters())])
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-9)


def test_whole_frames_need_no_edges_in_space(monkeypatch):
    """Of ST-GCN++ on a full batch no spatial edge is ever made."""
    model = network(STGCNPlusPlus, "factorized")
    bare, _ = batches(model.graph, missing=0.0)

    def never(*_):
        raise AssertionError("spatial edges were made")

    monkeypatch.setattr("stgraph.nn.level.spatial_fields", never)
    assert model(bare).shape == (3, 5)


@pytest.mark.parametrize("change", ["order", "one less", "two in one"])
def test_frames_that_are_not_whole_are_noticed(change):
    graph = SkeletonGraph.from_layout(LIMBS)
    nodes = clip_nodes(torch.randn(1, 6, 4, 3), graph)
    assert Level.of(nodes, graph).frame_edges is not None
    keep = torch.arange(24)
    if change == "order":
        keep[[3, 4]] = keep[[4, 3]]
    elif change == "one less":
        keep = keep[1:]
    else:
        nodes.joint[1] = 0
    for key in ("x", "frame", "joint", "person"):
        nodes[key] = nodes[key][keep]
    assert Level.of(nodes, graph).frame_edges is None


def test_an_empty_clip_is_no_whole_frame():
    graph = SkeletonGraph.from_layout(LIMBS)
    nodes = clip_nodes(torch.randn(1, 6, 4, 3), graph)
    for key in ("x", "frame", "joint", "person"):
        nodes[key] = nodes[key][:0]
    level = Level.of(nodes, graph)
    assert level.frame_edges is None and level.spatial.edge_index.shape == (2, 0)


def test_clips_of_another_graph_are_refused_without_edges_too():
    model = network(STGCN, "factorized")
    other = clip_nodes(torch.randn(1, 6, 25, 3).double(), SkeletonGraph.from_layout(layouts.NTU25))
    with pytest.raises(ValueError, match="built with another graph"):
        model(other)


def test_edges_of_another_graph_are_not_added():
    nodes = clip_nodes(torch.randn(1, 6, 4, 3), SkeletonGraph.from_layout(LIMBS))
    with pytest.raises(ValueError, match="add the edges of its own graph"):
        add_edges(nodes, SkeletonGraph.from_layout(LIMBS, temporal_kernel=3))


def test_edges_follow_the_type_of_the_coordinates():
    graph = SkeletonGraph.from_layout(LIMBS)
    nodes = clip_nodes(torch.randn(1, 6, 4, 3, dtype=torch.double), graph)
    assert Level.of(nodes, graph).spatial.edge_weight.dtype == torch.double
    assert add_edges(nodes, graph).edge_weight.dtype == torch.double
