"""Clips of any length in bounded memory: chunks of frames, each with what it depends on."""

from __future__ import annotations

import torch
from torch import Tensor

from stgraph.data import SkeletonData
from stgraph.nn.level import Level
from stgraph.nn.network import SkeletonNetwork
from stgraph.nn.pool import mean_of_persons, sums_of_persons


@torch.no_grad()
def in_chunks(model: SkeletonNetwork, data: SkeletonData, frames: int = 1024) -> Tensor:
    """The logits ``[B, classes]`` of ``model(data)``, computed so many frames at a time.

    What a node becomes depends on the frames around it up to the network's receptive field and no
    others, so the result is the same up to rounding. Memory is bounded by the chunk, beside the
    clip itself.

    Args:
        model: In evaluation mode.
        data: One clip, or a batch.
        frames: Frames of a chunk, without what is around it.

    Raises:
        ValueError: If the network is in training mode, where all nodes share statistics.
    """
    if model.training:
        raise ValueError("Chunks are for evaluation, the network is training; call model.eval().")
    unit = model.unit
    frames = max(1, frames // unit) * unit
    level, statistic = model.level_of(data)
    around = -(-receptive_reach(model, level) // unit) * unit
    sums, counts = data.x.new_zeros(()), statistic.new_zeros(())
    for first in range(0, 1 + _last_frame(level), frames):
        rows, window = level.window(first - around, first + frames + around)
        plan = model.plan_of(window, statistic[rows])
        x, nodes = model.run_blocks(data.x[rows], plan), plan.level.nodes
        at = nodes.frame * unit
        inner = ((at >= first) & (at < first + frames)).nonzero().squeeze(1)
        sum_, count = sums_of_persons(x[inner], nodes.body[inner], level)
        sums, counts = sums + sum_, counts + count
    return model.classifier(mean_of_persons(sums, counts, level).to(data.x.dtype))


def receptive_reach(model: SkeletonNetwork, level: Level) -> int:
    """How many frames before and after it a node of the last block can depend on.

    Edges in space that somebody added may lead to other frames; then as far as the longest does.
    """
    reach, scale = 0, 1
    labels, aside = level.graph.labels, _longest(level)
    for stride in model.strides:
        reach += aside + labels.reach * scale
        scale *= stride
    return reach


def _longest(level: Level) -> int:
    """How many frames edges that somebody gave reach beyond what labels say, at most."""
    if level.given is None:
        return 0
    beyond, reach = 0, level.graph.labels.reach
    in_space = 0 if level.graph.labels.temporal == "factorized" else reach
    for edges, expected in zip(level.given, (in_space, reach), strict=True):
        if edges is not None and edges.edge_index.shape[1]:
            source, target = level.nodes.frame[edges.edge_index]
            beyond = max(beyond, int((source - target).abs().max()) - expected)
    return beyond


def _last_frame(level: Level) -> int:
    return int(level.nodes.frame.max()) if level.num_nodes else 0
