"""Speed claims of the documentation; ``make benchmarks`` prints them (docs/benchmarks.md)."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch_geometric.data import Batch

from stgraph import SkeletonGraph, STGCNConv, STGCNPlusPlus, build_clip, layouts
from stgraph.bench import paired_medians
from stgraph.nn import NodeNorm
from stgraph.nn.backends import TypedGraph, spmm
from stgraph.nn.level import Level

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


def shuffled(data):
    """The same edges in another order, which are taken one by one."""
    order = torch.randperm(data.num_edges)
    data.edge_index = data.edge_index[:, order]
    for key in ("edge_type", "edge_weight", "edge_template"):
        data[key] = data[key][order]
    return data


@pytest.mark.parametrize("channels", [64, 256])
def test_whole_frames_are_faster_than_their_edges(channels):
    graph = SkeletonGraph.from_layout(layouts.NTU25)
    frames = CLIPS * FRAMES // (channels // 64)
    clip = build_clip(torch.randn(1, frames, 25, 3), graph)
    edges = Level.of(clip, graph).spatial
    frame = Level.of(clip, graph).frame_edges
    x = torch.randn(frames, 25, channels, requires_grad=True)
    rows = x.detach().flatten(0, 1).requires_grad_()
    conv = STGCNConv(channels, channels, 3)
    ours, theirs = paired_medians(
        step(conv, x, frame.edge_index, frame.edge_type, frame.edge_weight),
        step(conv, rows, edges.edge_index, edges.edge_type, edges.edge_weight),
        rounds=9,
    )
    report(f"STGCNConv {channels} -> {channels}, {25 * frames} nodes, frames", ours, theirs)
    assert ours < theirs


def test_whole_frames_make_a_learnt_adjacency_affordable():
    model = STGCNPlusPlus(3, 60, SkeletonGraph.from_layout(layouts.NTU25_PYSKL))
    clips = [build_clip(torch.randn(1, 74, 25, 3), model.graph) for _ in range(4)]
    whole, edges = Batch.from_data_list(clips), shuffled(Batch.from_data_list(clips))
    ours, theirs = paired_medians(step(model, whole), step(model, edges), rounds=3)
    report("STGCNPlusPlus, training step, 4 clips of 74 frames, frames", ours, theirs)
    assert 3 * ours < theirs


def test_a_small_matrix_pays_where_nearly_all_joints_are_joined(monkeypatch):
    """For the gathering in tiles: edge by edge against a matrix of all pairs."""
    ratios = {}
    for edges in (75, 300, 600, 1875):
        pairs = torch.randperm(3 * 25 * 25)[:edges]
        ends = torch.stack([pairs // 25 % 25, pairs % 25])
        graph = TypedGraph(ends, pairs // 625, 3, 25, 25).sorted()
        x, edge_weight = torch.randn(1200, 25, 64, requires_grad=True), torch.rand(edges)
        weight = torch.randn(3, 64, 64, requires_grad=True)

        def run(full: int, graph=graph, x=x, weight=weight, edge_weight=edge_weight):
            monkeypatch.setattr("stgraph.nn.backends.gather.FULL", full)
            spmm(x, weight, graph, edge_weight).sum().backward()

        ours, theirs = paired_medians(partial(run, 10**6), partial(run, 0), rounds=7)
        entries = 3 * 25 * 25 / edges
        report(f"25 joints, {entries:.1f} entries per edge, a matrix", ours, theirs)
        ratios[entries] = theirs / ours
    assert ratios[1.0] > 1 > ratios[25.0]
