"""Whole bodies through time: edges that are a regular grid."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from stgraph.nn.backends.typed_graph import TypedGraph


class Packing(NamedTuple):
    """All runs in one image, with as many frames of zeros between them as keep them apart.

    Attributes:
        frames: Frames of the image.
        rows: Where the sources' rows go, ``[N]``.
        out_rows: Where the targets' rows are in the image's result, ``[N']``.
    """

    frames: int
    rows: Tensor
    out_rows: Tensor


class TemporalGrid(NamedTuple):
    """The edges of equal joints at Γ frame distances, from all frames or into every s-th.

    A run is one body in consecutive frames, all V joints in order. Its frames ``phase``,
    ``phase + stride`` ... are targets; the source of type τ lies ``(τ - ⌊Γ/2⌋) * dilation`` frames
    later, if the run has it.

    Attributes:
        runs: Frames and phase of each run: long ``[R, 2]`` on the CPU.
        num_joints: V.
        num_types: Γ, odd.
        num_sources, num_targets: Numbers of nodes.
        dilation: Frames between neighbours.
        stride: Frames between targets.
        packing: If there, how runs share one image.
    """

    runs: Tensor
    num_joints: int
    num_types: int
    num_sources: int
    num_targets: int
    dilation: int = 1
    stride: int = 1
    packing: Packing | None = None

    @property
    def reach(self) -> int:
        """How many frames away the farthest source is."""
        return self.num_types // 2 * self.dilation

    def packed(self, device: torch.device) -> TemporalGrid:
        """The same edges, whose runs share one image on this device."""
        rows, out_rows, start = [], [], 0
        for frames, phase in self.runs.tolist():
            start += -(start + phase) % self.stride  # targets fall on multiples of the stride
            rows.append(torch.arange(start, start + frames))
            first, targets = (start + phase) // self.stride, len(range(phase, frames, self.stride))
            out_rows.append(torch.arange(first, first + targets))
            start += frames + self.reach
        joint = torch.arange(self.num_joints)
        both = (
            (torch.cat(found)[:, None] * self.num_joints + joint).flatten().to(device)
            for found in (rows, out_rows)
        )
        return self._replace(packing=Packing(start, *both))

    def image(self) -> TemporalGrid:
        """The image that runs share, as one run of a grid."""
        assert self.packing is not None
        frames = self.packing.frames
        sizes = (frames * self.num_joints, -(-frames // self.stride) * self.num_joints)
        runs = torch.tensor([[frames, 0]])
        return TemporalGrid(
            runs, self.num_joints, self.num_types, *sizes, self.dilation, self.stride
        )

    def explicit(self, device: torch.device | None = None) -> TypedGraph:
        """The same edges one by one, on a device; by default on the CPU."""
        pieces, source_row, target_row = [torch.empty(3, 0, dtype=torch.long)], 0, 0
        joint = torch.arange(self.num_joints)
        for frames, phase in self.runs.tolist():
            frame = torch.arange(min(phase, frames), frames, self.stride)
            tap = torch.arange(self.num_types)
            source = frame[:, None] + (tap - self.num_types // 2) * self.dilation
            at, tap = ((source >= 0) & (source < frames)).nonzero(as_tuple=True)
            rows = source[at, tap] * self.num_joints + source_row, at * self.num_joints + target_row
            ends = torch.stack([row[:, None] + joint for row in rows]).flatten(1)
            pieces.append(torch.cat([ends, tap.repeat_interleave(self.num_joints)[None]]))
            source_row += frames * self.num_joints
            target_row += len(frame) * self.num_joints
        table = torch.cat(pieces, dim=1).to(device)
        return TypedGraph(table[:2], table[2], self.num_types, self.num_sources, self.num_targets)

    def beside(self, device: torch.device) -> Tensor:
        """For three taps the rows before, at and after each target, ``[3, num_targets]``.

        Where there is no frame before or after, the target's own row takes its place.
        """
        pieces, row = [], 0
        tap = torch.arange(-1, 2, device=device)[:, None]
        joint = torch.arange(self.num_joints, device=device)
        for frames, phase in self.runs.tolist():
            own = torch.arange(min(phase, frames), frames, self.stride, device=device)
            frame = own + tap * self.dilation
            frame = torch.where((frame >= 0) & (frame < frames), frame, own)
            pieces.append((frame[:, :, None] * self.num_joints + joint).flatten(1) + row)
            row += frames * self.num_joints
        return torch.cat(pieces, dim=1)


class Group(NamedTuple):
    """Runs of equal length that follow each other: their rows before and after, and how many."""

    rows: slice
    out_rows: slice
    runs: int
    phase: int


def groups(grid: TemporalGrid) -> Iterator[Group]:
    """The runs of the grid, those of equal length and phase together."""
    row = out_row = 0
    for (frames, phase), equal in groupby(grid.runs.tolist()):
        runs = len(list(equal))
        ahead = runs * frames * grid.num_joints
        out_ahead = runs * len(range(phase, frames, grid.stride)) * grid.num_joints
        yield Group(slice(row, row + ahead), slice(out_row, out_row + out_ahead), runs, phase)
        row, out_row = row + ahead, out_row + out_ahead
