"""What the blocks of a network need of a batch, derived once before the first of them runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from stgraph.nn.backends import TemporalGrid
from stgraph.nn.level import Coarsening, Level
from stgraph.nn.typed_edges import LayerEdges


class LevelEdges:
    """The edges of a level as layers compute on them, each kind derived when it is asked for."""

    def __init__(self, level: Level, finer: LevelEdges | None = None) -> None:
        self.level, self._finer = level, finer

    @cached_property
    def in_space(self) -> LayerEdges:
        """What a spatial convolution runs over; of whole frames the edges of one."""
        if self._finer is not None and self._finer.in_space.per_frame:
            return self._finer.in_space  # some of whole frames are whole frames
        level = self.level
        frame = None if level.one_by_one else level.frame_edges
        if frame is None:
            size = (level.num_nodes, level.num_nodes)
            return LayerEdges.of(level.spatial, level.spatial_types, size)
        size = (level.graph.num_joints, level.graph.num_joints)
        return LayerEdges.of(frame, level.spatial_types, size)._replace(per_frame=True)

    @cached_property
    def in_time(self) -> LayerEdges:
        """What the last convolution of a block runs over: in time, if there are such edges."""
        return self.time_into(None)

    @cached_property
    def in_branches(self) -> tuple[LayerEdges, ...]:
        """What convolutions of three taps run over, for each distance of frames."""
        return self.branches_into(None)

    def time_into(self, step: Coarsening | None) -> LayerEdges:
        """As :attr:`in_time`, into the nodes that the step keeps."""
        level = self.level
        if level.runs is not None:
            return LayerEdges(self._grid(level.graph.labels.temporal_kernel, 1, step))
        if step is None and level.temporal is None:
            return self.in_space
        edges = level.last if step is None else step.edges
        labels = level.graph.labels
        types = level.spatial_types if level.temporal is None else labels.temporal_kernel
        return LayerEdges.of(edges, types, (level.num_nodes, self._targets(step)))

    def branches_into(self, step: Coarsening | None) -> tuple[LayerEdges, ...]:
        """As :attr:`in_branches`, into the nodes that the step keeps."""
        level = self.level
        if level.runs is not None:
            reach, device = level.graph.labels.reach, level.clip.device
            near, *far = (self._grid(3, distance, step) for distance in range(1, reach + 1))
            return LayerEdges(near, beside=near.beside(device)), *map(LayerEdges, far)
        size = (level.num_nodes, self._targets(step))
        dilated = level.dilated if step is None else step.dilated
        return tuple(LayerEdges.of(edges, 3, size) for edges in dilated)

    def _grid(self, num_types: int, dilation: int, step: Coarsening | None) -> TemporalGrid:
        """The grid that the bodies' edges in time are."""
        level, stride = self.level, 1 if step is None else step.stride
        assert level.runs is not None
        first, frames = level.runs.T
        runs = torch.stack([frames, -first % stride], dim=1)
        sizes = (level.num_nodes, self._targets(step))
        grid = TemporalGrid(runs, level.graph.num_joints, num_types, *sizes, dilation, stride)
        # On a GPU one large kernel beats many small ones; equally long runs make one anyway.
        if level.clip.is_cuda and len(runs.unique(dim=0)) > 1:
            return grid.packed(level.clip.device)
        return grid

    def _targets(self, step: Coarsening | None) -> int:
        return self.level.num_nodes if step is None else len(step.kept)


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
        step, after = cls.on(LevelEdges(level), stride, in_branches=in_branches)
        return step, after.level

    @classmethod
    def on(cls, edges: LevelEdges, stride: int, *, in_branches: bool) -> tuple[Step, LevelEdges]:
        """The same, with edges that steps on one level share."""
        if stride == 1:
            in_time = edges.in_branches if in_branches else (edges.in_time,)
            return cls(edges.in_space, in_time, None), edges
        into, after = edges.level.coarsen(stride)
        in_time = edges.branches_into(into) if in_branches else (edges.time_into(into),)
        product = edges.level.graph.labels.temporal != "factorized"
        in_space = in_time[0] if product else edges.in_space
        return cls(in_space, in_time, into.kept), LevelEdges(after, finer=edges)


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
        steps, edges = [], LevelEdges(level)
        for stride in strides:
            step, edges = Step.on(edges, stride, in_branches=in_branches)
            steps.append(step)
        return cls(statistic, tuple(steps), edges.level)
