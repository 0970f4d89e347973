"""The case of making a batch's edges: all at once, and by a loop over frames."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from stgraph.bench.case import Case, Side, Step
from stgraph.bench.clips import GRAPH, ClipSize, keypoints_of, node_batch, ragged
from stgraph.bench.rates import copying
from stgraph.bench.setting import Setting, Sizes
from stgraph.build import add_edges
from stgraph.graph import SkeletonGraph

FIELDS = ("edge_index", "edge_type", "edge_weight", "edge_template")


def at_once(setting: Setting) -> Step:
    """:func:`add_edges` on a batch of nodes."""
    batch = _batch(setting)
    return Step(lambda: add_edges(batch.clone(), GRAPH), float(batch.num_nodes))


def by_loop(setting: Setting) -> Step:
    """The same edges in another order, without templates."""
    batch, clips = _batch(setting), ragged(setting)
    graph = GRAPH.to(setting.device)
    return Step(lambda: edges_by_loop(clips, graph), float(batch.num_nodes))


def edges_by_loop(clips: tuple[ClipSize, ...], graph: SkeletonGraph) -> tuple[Tensor, ...]:
    """``edge_index``, ``edge_type`` and ``edge_weight``, one frame after the other."""
    index, types, weights = [], [], []
    joints = torch.arange(graph.num_joints, device=graph.edge_index.device)
    ones = torch.ones_like(joints, dtype=graph.edge_weight.dtype)
    start = 0
    for frames in [size.frames for size in clips for _ in range(size.persons)]:
        for frame in range(frames):
            here = start + frame * graph.num_joints
            index.append(graph.edge_index + here)
            types.append(graph.edge_type)
            weights.append(graph.edge_weight)
            for tau in range(graph.labels.temporal_kernel):
                other = frame + tau - graph.labels.reach
                if 0 <= other < frames:
                    sources = start + other * graph.num_joints + joints
                    index.append(torch.stack([sources, here + joints]))
                    types.append(torch.full_like(joints, graph.num_subsets + tau))
                    weights.append(ones)
        start += frames * graph.num_joints
    return torch.cat(index, dim=1), torch.cat(types), torch.cat(weights)


def copied(setting: Setting) -> Step:
    """A copy of all that the edges are, into memory that is there."""
    batch = add_edges(_batch(setting), GRAPH)
    size = sum(batch[key].numel() * batch[key].element_size() for key in FIELDS)
    return Step(copying(setting, size).run, float(batch.num_nodes))


def making_cases(sizes: Sizes) -> tuple[Case, ...]:
    """Edges of a batch of clips."""
    sides = (
        Side("add_edges", at_once),
        Side("a loop over frames", by_loop),
        Side("floor: a copy of the edges", copied, bound=True),
    )
    title = f"edges of {sizes.batch} clips as long as NTU's, 9 frames in time"
    return (Case("edges", title, sides, each_precision=False),)


def _batch(setting: Setting) -> Any:
    return node_batch(keypoints_of(ragged(setting)), setting.device)
