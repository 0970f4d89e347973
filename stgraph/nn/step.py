"""What the blocks of a network need of a batch, derived once before the first of them runs."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from stgraph.nn.level import Level
from stgraph.nn.typed_edges import LayerEdges


class Step(NamedTuple):
    """What one block needs.

    Attributes:
        in_space: Edges of the spatial convolution; as ``in_time`` with the product partition.
        in_time: Edges of the last convolution, into the nodes kept; ``None`` if in branches.
        in_branches: Edges of three taps for each distance, into the nodes kept; may be empty.
        kept: The nodes ``[N']`` that stay; ``None`` if all.
    """

    in_space: LayerEdges | None
    in_time: LayerEdges | None
    in_branches: tuple[LayerEdges, ...]
    kept: Tensor | None

    @classmethod
    def of(cls, level: Level, stride: int = 1, *, in_branches: bool = False) -> tuple[Step, Level]:
        """The step that keeps every ``stride``-th frame, and the level after it."""
        into, after = (level, level) if stride == 1 else level.coarsen(stride)
        kept = None if stride == 1 else into.kept
        if in_branches:
            return cls(level.in_space, None, into.in_branches, kept), after
        product = level.graph.labels.temporal != "factorized"
        return cls(None if product else level.in_space, into.in_time, (), kept), after
