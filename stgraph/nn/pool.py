"""From nodes to clips: mean over each person's nodes, then over each clip's persons."""

from __future__ import annotations

import torch
from torch import Tensor

from stgraph.nn.level import Level


def pool_clips(x: Tensor, level: Level) -> Tensor:
    """Mean over each person's nodes, then over each clip's persons: ``[N, C]`` to ``[B, C]``."""
    return mean_of_persons(*sums_of_persons(x, level.nodes.body, level), level)


def sums_of_persons(x: Tensor, body: Tensor, level: Level) -> tuple[Tensor, Tensor]:
    """Sums of node features and numbers of nodes for each person: ``[B M, C]``, ``[B M]``."""
    persons = level.num_clips * level.num_persons
    wide = x.to(torch.promote_types(x.dtype, torch.float32))  # many nodes are added up
    sums = wide.new_zeros(persons, x.shape[1]).index_add(0, body, wide)
    return sums, torch.bincount(body, minlength=persons)


def mean_of_persons(sums: Tensor, counts: Tensor, level: Level) -> Tensor:
    """Clip features ``[B, C]``; persons without nodes take no part, nor do clips without."""
    means = sums / counts.clamp(min=1)[:, None]
    total = means.view(level.num_clips, level.num_persons, -1).sum(dim=1)
    present = (counts > 0).view(level.num_clips, -1).sum(dim=1, keepdim=True)
    return total / present.clamp(min=1)
