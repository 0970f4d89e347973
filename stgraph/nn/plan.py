"""What the blocks of a network need of a batch, derived once before the first of them runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from stgraph.nn.level import Level
from stgraph.nn.typed_edges import LayerEdges


class Step(NamedTuple):
    """What one block needs.

    Attributes:
        in_space: Edges of the spatial convolution; with the product partition those of all.
        in_time: Edges of the convolutions in time into the nodes kept, one for each branch.
        kept: The nodes ``[N']`` that stay; ``None`` if all.
    """

    in_space: LayerEdges
    in_time: tuple[LayerEdges, ...]
    kept: Tensor | None

    @classmethod
    def of(cls, level: Level, stride: int = 1, *, in_branches: bool = False) -> tuple[Step, Level]:
        """The step that keeps every ``stride``-th frame, and the level after it."""
        if stride == 1:
            in_time = level.in_branches if in_branches else (level.in_time,)
            return cls(level.in_space, in_time, None), level
        into, after = level.coarsen(stride)
        if level.graph.labels.temporal != "factorized":
            return cls(into.in_time, (into.in_time,), into.kept), after
        in_time = into.in_branches if in_branches else (into.in_time,)
        return cls(level.in_space, in_time, into.kept), after


class Plan(NamedTuple):
    """What a network needs of a batch besides the features.

    Attributes:
        statistic: Row of the data normalisation's statistics for each node ``[N]``.
        steps: What each block needs.
        level: Where the nodes are that the last block keeps.
    """

    statistic: Tensor
    steps: tuple[Step, ...]
    level: Level

    @classmethod
    def of(
        cls, level: Level, statistic: Tensor, strides: Sequence[int], *, in_branches: bool
    ) -> Plan:
        """The plan of blocks with these strides; levels that blocks share are derived once."""
        steps = []
        for stride in strides:
            step, level = Step.of(level, stride, in_branches=in_branches)
            steps.append(step)
        return cls(statistic, tuple(steps), level)
