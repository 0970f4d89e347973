"""Speed claims of the documentation; ``make benchmarks`` prints them (docs/benchmarks.md)."""

from __future__ import annotations

import pytest
import torch

from stgraph import SkeletonGraph, STGCNConv, build_clip, layouts
from stgraph.nn import NodeNorm
from stgraph.nn.level import Level

from .paired import paired_medians

CLIPS, FRAMES = 8, 300


@pytest.fixture(autouse=True)
def two_threads():
    torch.set_num_threads(2)


def report(what, ours, theirs):
    print(f"\n{what}: {1e3 * ours:.1f} ms against {1e3 * theirs:.1f} ms, {theirs / ours:.2f} x")


def step(module, *arguments):
    def run():
        module(*arguments).sum().backward()

    return run


def test_node_norm_is_faster_than_batch_norm_on_rows():
    x = torch.randn(CLIPS * FRAMES * 25, 64, requires_grad=True)
    ours, theirs = paired_medians(step(NodeNorm(64), x), step(torch.nn.BatchNorm1d(64), x))
    report("NodeNorm, training step on [60000, 64]", ours, theirs)
    assert ours < theirs


@pytest.mark.parametrize("part", ["spatial", "temporal"])
def test_the_chosen_backend_is_faster_than_the_reference(part):
    graph = SkeletonGraph.from_layout(layouts.NTU25)
    clip = build_clip(torch.randn(2, FRAMES * CLIPS // 2, 25, 3), graph)
    edges = getattr(Level.of(clip, graph), part)
    types = 3 if part == "spatial" else 9
    x = torch.randn(clip.num_nodes, 64, requires_grad=True)
    conv = STGCNConv(64, 64, types)
    slow = STGCNConv(64, 64, types, backend="reference")
    arguments = (x, edges.edge_index, edges.edge_type, edges.edge_weight)
    ours, theirs = paired_medians(step(conv, *arguments), step(slow, *arguments), rounds=7)
    report(f"STGCNConv 64 -> 64, {part} edges, 60000 nodes", ours, theirs)
    assert ours < theirs


def test_building_a_clip_costs_little_beside_computing_on_it():
    graph = SkeletonGraph.from_layout(layouts.NTU25)
    keypoints = torch.randn(1, 74, 25, 3)
    clip = build_clip(keypoints, graph)
    edges = Level.of(clip, graph).temporal
    x = torch.randn(clip.num_nodes, 64)
    conv = STGCNConv(64, 64, 9)
    ours, theirs = paired_medians(
        lambda: build_clip(keypoints, graph),
        step(conv, x, edges.edge_index, edges.edge_type),
    )
    report("build_clip of 74 frames, against one temporal layer's step", ours, theirs)
