"""A clip as a graph in space and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mpl_toolkits.mplot3d import Axes3D, art3d  # type: ignore[import-untyped]
from numpy.typing import NDArray
from torch import Tensor

from stgraph.data import SkeletonData
from stgraph.visualize.looks import COLORS, MARKERS, STYLES, axes, turn

Points = NDArray[np.float64]

_FEW_FRAMES = 4


def draw_clip(
    data: SkeletonData,
    *,
    frames: Sequence[int] | None = None,
    person: int | None = None,
    channels: Sequence[int] = (0, 1),
    ax: Axes3D | None = None,
) -> Axes3D:
    """A few frames of a clip one behind the other, with the edges that the clip really has.

    Edges within a frame are drawn by person, edges in time between neighbouring drawn frames; what
    was added by hand is drawn as well. An edge there and back is one line, self-loops are none.

    Args:
        data: One clip.
        frames: Which frames; by default four as far apart as its edges in time reach, those that
            show most nodes and of these the ones nearest to the clip's middle.
        person: Draw this one alone.
        channels: The channels of ``x`` that point to the right and upwards, and perhaps a third for
            depth, which is added to the axis of time. For images call ``ax.invert_zaxis()`` then.
        ax: Where to draw: axes made with ``projection="3d"``.

    Raises:
        ValueError: If ``data`` is a batch, or nodes are missing in a frame or of the person.
    """
    if data.batch is not None:
        raise ValueError("draw_clip takes one clip, this is a batch; use batch[i].")
    kept = torch.ones_like(data.person).bool() if person is None else data.person == person
    shown = _choose_frames(data, data.frame[kept]) if frames is None else sorted(set(frames))
    slot = _slots(data.frame, kept, shown)
    points, gap = _points(data.x, slot, channels)
    ax = axes(ax, figsize=(8, 4.5), subplot_kw={"projection": "3d"})
    for label, pairs, look in _lines(data, slot):
        lines = art3d.Line3DCollection(points[pairs.T.cpu()], label=label, clip_on=False, **look)
        ax.add_collection3d(lines)
    for body in data.person[slot >= 0].unique().tolist():
        nodes = points[((slot >= 0) & (data.person == body)).cpu()]
        look = {"marker": turn(MARKERS, body), "color": turn(COLORS, body)}
        ax.scatter(*nodes.T, s=9, clip_on=False, **look)
    _arrange(ax, points[(slot >= 0).cpu()], shown, gap)
    return ax


def _choose_frames(data: SkeletonData, frame: Tensor) -> list[int]:
    """Up to four frames that show most, as far apart as an edge in time can span."""
    numbers, nodes = frame.unique(return_counts=True)
    present, labels = numbers.tolist(), data.clips[0].labels
    step = max(1, (len(present) - 1) // (_FEW_FRAMES - 1))
    if labels.temporal is not None and labels.reach:
        step = min(step, labels.reach)
    length = step * (_FEW_FRAMES - 1)
    middle = max(0, (len(present) - 1 - length) // 2)

    def shows(start: int) -> tuple[int, int]:
        return int(nodes[start : start + length + 1 : step].sum()), -abs(start - middle)

    start = max(range(max(1, len(present) - length)), key=shows)
    return present[start : start + length + 1 : step]


def _slots(frame: Tensor, kept: Tensor, shown: Sequence[int]) -> Tensor:
    """For each node the place of its frame among those shown, or -1: long ``[N]``."""
    present = set(frame[kept].tolist())
    if not shown or not set(shown) <= present:
        there = f"{min(present)} to {max(present)}" if present else "none"
        raise ValueError(f"No nodes to draw in frames {list(shown)}; frames with nodes: {there}.")
    slot = torch.full_like(frame, -1)
    for place, number in enumerate(shown):
        slot[kept & (frame == number)] = place
    return slot


def _points(x: Tensor, slot: Tensor, channels: Sequence[int]) -> tuple[Points, float]:
    """Right, time and up of each node ``[N, 3]``, and how far apart frames are."""
    points = x.detach().double().cpu().numpy()[:, list(channels)]
    seen = points[slot.cpu().numpy() >= 0]
    gap = max(0.9 * float(np.ptp(seen, axis=0).max()), 1e-6)
    depth = points[:, 2] - seen[:, 2].mean() if len(channels) > 2 else 0.0
    along = slot.cpu().numpy() * gap + depth
    return np.stack([points[:, 0], along, points[:, 1]], axis=1), gap


def _lines(data: SkeletonData, slot: Tensor) -> list[tuple[str, Tensor, dict[str, Any]]]:
    """Labels, the pairs of nodes ``[2, L]`` to be joined, and how the lines look."""
    source, target = data.edge_index
    drawn = (slot[source] >= 0) & (slot[target] >= 0) & (source != target)
    pairs = data.edge_index[:, drawn].sort(dim=0).values.unique(dim=1)
    first, second = data.person[pairs]
    apart = (slot[pairs[0]] - slot[pairs[1]]).abs()
    grey = {"colors": "0.55", "linewidths": 0.7, "linestyles": ":"}
    black = {"colors": "black", "linewidths": 1.5, "linestyles": "-."}
    lines: list[tuple[str, Tensor, dict[str, Any]]] = [
        ("edges in time", pairs[:, apart == 1], grey),
        ("edges between bodies", pairs[:, (apart == 0) & (first != second)], black),
    ]
    for body in data.person[slot >= 0].unique().tolist():
        look = {"colors": turn(COLORS, body), "linestyles": turn(STYLES, body)}
        inside = (apart == 0) & (first == body) & (second == body)
        lines.append((f"person {body}", pairs[:, inside], look | {"linewidths": 2}))
    return [line for line in lines if line[1].shape[1]]


def _arrange(ax: Axes3D, points: Points, shown: Sequence[int], gap: float) -> None:
    """Equal scales, the axis of time marked with frame numbers, the others bare."""
    low, high = points.min(axis=0) - 0.05 * gap, points.max(axis=0) + 0.05 * gap
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
    ax.set_box_aspect(high - low, zoom=1.2)
    ax.set(xticks=[], zticks=[], ylabel="frame")
    ax.set_yticks(gap * np.arange(len(shown)), [str(number) for number in shown])
    ax.view_init(elev=18, azim=-35)
    if ax.get_legend_handles_labels()[1]:
        ax.legend(loc="upper left", frameon=False)
