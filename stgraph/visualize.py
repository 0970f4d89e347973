"""Drawings of skeletons, partitions, clips and confusion matrices; needs ``stgraph-pyg[viz]``.

Functions draw into ``ax``, or into a new figure, and return it. Nothing is shown on a screen: save
it (``ax.figure.savefig("a.pdf")``) or call ``matplotlib.pyplot.show()``. Colours never stand alone,
markers and line styles say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D, art3d  # type: ignore[import-untyped]
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from stgraph import partition
from stgraph.graph import SkeletonData, SkeletonGraph
from stgraph.skeleton import SkeletonLayout

Points = NDArray[np.float64]

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "h")
_STYLES = ("-", "--", ":", "-.")
_FEW_FRAMES = 4
_MOST_NUMBERS = 20  # up to so many classes the counts are written into a confusion matrix


def draw_layout(layout: SkeletonLayout, *, ax: Axes | None = None) -> Axes:
    """The joints with their names, the bones, and a cross on the centre.

    Joints stand in the layout's rest pose; a layout without one is spread out by its bones.
    """
    ax = _axes(ax, figsize=(7, 6))
    _name_joints(layout, _draw_skeleton(layout, ax), ax)
    ax.set_title(f"{layout.name}: {layout.num_joints} joints, {len(layout.bones)} bones")
    return ax


def draw_partition(
    graph: SkeletonGraph, *, target: int | str | None = None, ax: Axes | None = None
) -> Axes:
    """The neighbourhood of one joint, each source marked by its subset (the paper's figure 3).

    ``target`` is the joint's number or name; by default a joint with sources in as many subsets as
    possible, and of those the one whose bones are longest.
    """
    layout = graph.layout
    joint = _telling_joint(graph) if target is None else target
    joint = layout.index(joint) if isinstance(joint, str) else joint
    if joint not in range(layout.num_joints):
        last = layout.num_joints - 1
        raise ValueError(f"Layout '{layout.name}' has joints 0 to {last}, none is {joint}.")
    ax = _axes(ax, figsize=(4.5, 6))
    place = _draw_skeleton(layout, ax)
    for subset in range(graph.num_subsets):
        _draw_subset(graph, subset, joint, place=place, ax=ax)
    ring: dict[str, Any] = {"facecolors": "none", "edgecolors": "black", "linestyles": "--"}
    label = f"target: {layout.joint_names[joint]}"
    ax.scatter(place[joint, 0], place[joint, 1], s=260, label=label, **ring)
    columns = 1 if graph.num_subsets < 7 else 2
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), frameon=False, ncols=columns)
    return ax


def draw_partitions(
    layout: SkeletonLayout, *, target: int | str | None = None, released: bool = False
) -> Figure:
    """The paper's three partition strategies side by side, for one joint (:func:`draw_partition`).

    With ``released`` there is a fourth, :func:`stgraph.partition.spatial_2018`.
    """
    strategies = {
        "Uni-labeling": partition.uniform,
        "Distance": partition.distance,
        "Spatial configuration": partition.spatial,
        "Spatial, as released in 2018": partition.spatial_2018,
    }
    panels = 4 if released else 3
    graphs = [SkeletonGraph.from_layout(layout, strategy) for strategy in strategies.values()]
    joint = _telling_joint(graphs[2]) if target is None else target
    figure, axes = plt.subplots(1, panels, figsize=(3.2 * panels, 5.5), layout="constrained")
    for title, graph, ax in zip(strategies, graphs, axes):
        draw_partition(graph, target=joint, ax=ax).set_title(title)
    return figure


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
        frames: Which frames; by default four from the clip's middle, as far apart as its edges in
            time reach.
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
    ax = _axes(ax, figsize=(8, 4.5), subplot_kw={"projection": "3d"})
    for label, pairs, look in _lines(data, slot):
        lines = art3d.Line3DCollection(points[pairs.T.cpu()], label=label, clip_on=False, **look)
        ax.add_collection3d(lines)
    for body in data.person[slot >= 0].unique().tolist():
        nodes = points[((slot >= 0) & (data.person == body)).cpu()]
        look = {"marker": _turn(_MARKERS, body), "color": _turn(_COLORS, body)}
        ax.scatter(*nodes.T, s=9, clip_on=False, **look)
    _arrange(ax, points[(slot >= 0).cpu()], shown, gap)
    return ax


def draw_confusion(
    matrix: ArrayLike | Tensor, class_names: Sequence[str], *, ax: Axes | None = None
) -> Axes:
    """A confusion matrix of counts ``[classes, classes]``, shaded by the share of the true class.

    Rows are true classes, columns predicted ones.
    """
    counts, classes = np.asarray(matrix), len(class_names)
    if counts.shape != (classes, classes):
        raise ValueError(
            f"A confusion matrix of {classes} classes has the shape [{classes}, {classes}], not "
            f"{list(counts.shape)}; give one name per class."
        )
    cell = 0.3 if classes <= _MOST_NUMBERS else 0.16
    ax = _axes(ax, figsize=(3.5 + cell * classes, 2.5 + cell * classes))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = ax.imshow(share, cmap="Greys", vmin=0, vmax=1)
    ax.set_xticks(range(classes), class_names, rotation=90, fontsize=7)
    ax.set_yticks(range(classes), class_names, fontsize=7)
    ax.set(xlabel="predicted", ylabel="true")
    ax.figure.colorbar(image, ax=ax, label="share of the true class", shrink=0.8)
    for row, column in np.argwhere(counts) if classes <= _MOST_NUMBERS else ():
        ink = "white" if share[row, column] > 0.5 else "black"
        text = f"{counts[row, column]:g}"
        ax.text(column, row, text, ha="center", va="center", color=ink, fontsize=7)
    return ax


def _axes(ax: Any, **figure: Any) -> Any:
    return plt.subplots(layout="constrained", **figure)[1] if ax is None else ax


def _turn(looks: Sequence[str], number: int) -> str:
    return looks[number % len(looks)]


def _place(layout: SkeletonLayout) -> Points:
    if layout.positions is not None:
        return np.array(layout.positions)
    spread = nx.spring_layout(layout.to_networkx(), iterations=500, seed=0)
    return np.array([spread[joint] for joint in range(layout.num_joints)])


def _draw_skeleton(layout: SkeletonLayout, ax: Axes) -> Points:
    graph, place = layout.to_networkx(), _place(layout)
    nx.draw_networkx_edges(graph, place, ax=ax, edge_color="0.65", width=2)
    nx.draw_networkx_nodes(graph, place, ax=ax, node_color="0.45", node_size=22)
    x, y = place[layout.center]
    label = f"centre: {layout.joint_names[layout.center]}"
    ax.scatter(x, y, marker="x", s=70, c="black", zorder=5, label=label)
    ax.set_aspect("equal")
    ax.axis("off")
    return place


def _name_joints(layout: SkeletonLayout, place: Points, ax: Axes) -> None:
    """Names in two columns beside the skeleton, in the order of their joints' heights."""
    middle, size = (place.max(axis=0) + place.min(axis=0)) / 2, np.ptp(place, axis=0)
    span = max(*size, 1e-6)
    edge = size[0] / 2 + 0.12 * span
    line = {"arrowstyle": "-", "color": "0.75", "linewidth": 0.5}
    look: dict[str, Any] = {"fontsize": min(8, 250 / len(place)), "va": "center"}
    columns = np.array_split(np.lexsort((-place[:, 1], place[:, 0])), 2)
    for side, column, align in zip((-1, 1), columns, ("right", "left")):
        heights = middle[1] + span * np.linspace(-0.5, 0.5, len(column) + 2)[1:-1]
        for height, joint in zip(heights, column[place[column, 1].argsort(kind="stable")]):
            spot = (middle[0] + side * edge, height)
            name = layout.joint_names[joint]
            ax.annotate(name, place[joint], spot, ha=align, arrowprops=line, **look)
    ax.set_xlim(middle[0] - edge - 0.35 * span, middle[0] + edge + 0.35 * span)
    ax.set_ylim(middle[1] - 0.55 * span, middle[1] + 0.55 * span)


def _draw_subset(graph: SkeletonGraph, subset: int, joint: int, *, place: Points, ax: Axes) -> None:
    edges = graph.edge_index[:, graph.edge_type == subset]
    sources = edges[0, edges[1] == joint].tolist()
    arrows = nx.DiGraph([(source, joint) for source in sources if source != joint])
    color, style = _turn(_COLORS, subset), _turn(_STYLES, subset)
    nx.draw_networkx_edges(arrows, place, ax=ax, edge_color=color, width=2.5, style=style)
    label = f"{graph.subset_names[subset]}: {len(sources)} of {edges.shape[1]} edges"
    look: dict[str, Any] = {"marker": _turn(_MARKERS, subset), "edgecolors": "black", "zorder": 3}
    ax.scatter(place[sources, 0], place[sources, 1], s=90, c=color, label=label, **look)


def _telling_joint(graph: SkeletonGraph) -> int:
    """The joint that shows most subsets; of those the one with the longest shortest bone."""
    place, bones = _place(graph.layout), graph.layout.to_networkx()

    def tells(joint: int) -> tuple[float, ...]:
        subsets = graph.edge_type[graph.edge_index[1] == joint].unique()
        lengths = np.linalg.norm(place[list(bones[joint])] - place[joint], axis=-1)
        return len(subsets), round(lengths.min(initial=np.inf), 6), -place[joint, 0]

    return max(range(graph.num_joints), key=tells)


def _choose_frames(data: SkeletonData, frame: Tensor) -> list[int]:
    """Up to four frames around the middle, as far apart as an edge in time can span."""
    present, labels = frame.unique().tolist(), data.clips[0].labels
    step = max(1, (len(present) - 1) // (_FEW_FRAMES - 1))
    if labels.temporal is not None and labels.reach:
        step = min(step, labels.reach)
    length = step * (_FEW_FRAMES - 1)
    start = max(0, (len(present) - 1 - length) // 2)
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
        ("edges between persons", pairs[:, (apart == 0) & (first != second)], black),
    ]
    for body in data.person[slot >= 0].unique().tolist():
        look = {"colors": _turn(_COLORS, body), "linestyles": _turn(_STYLES, body)}
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
