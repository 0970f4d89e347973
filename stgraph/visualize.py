"""Drawings of skeletons, partitions, clips and confusion matrices; needs ``stgraph-pyg[viz]``.

Every function draws into ``ax``, or into a new figure if there is none, and returns what it drew
into. Nothing is shown on a screen: save it (``ax.figure.savefig("a.pdf")``) or call
``matplotlib.pyplot.show()``. Colours never stand alone, markers and line styles say the same.
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
from mpl_toolkits.mplot3d.art3d import Line3DCollection
from mpl_toolkits.mplot3d.axes3d import Axes3D
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from stgraph import partition
from stgraph.graph import SkeletonData, SkeletonGraph
from stgraph.skeleton import SkeletonLayout

Place = dict[int, tuple[float, float]]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "h")
STYLES = ("-", "--", ":", "-.")
FEW_FRAMES = 4
MOST_NUMBERS = 20  # classes whose confusions are written out as numbers


def draw_layout(layout: SkeletonLayout, *, ax: Axes | None = None) -> Axes:
    """The joints with their names, the bones, and a cross on the centre.

    Joints stand in the layout's rest pose; a layout without one is spread out by its bones.
    """
    ax = _axes(ax, figsize=(7, 6))
    place = _place(layout)
    _draw_skeleton(layout, place, ax)
    _draw_center(layout, place, ax)
    _name_joints(layout, place, ax)
    ax.set_title(f"{layout.name}: {layout.num_joints} joints, {len(layout.bones)} bones")
    return ax


def draw_partition(
    graph: SkeletonGraph, *, target: int | str | None = None, ax: Axes | None = None
) -> Axes:
    """The neighbourhood of one joint, each source marked by its subset (the paper's figure 3).

    Args:
        graph: The labelled frame.
        target: The joint, by number or name; by default one with sources in as many subsets as
            possible, and of those the one whose bones are longest.
        ax: Where to draw.
    """
    layout, place = graph.layout, _place(graph.layout)
    joint = _telling_joint(graph, place) if target is None else _joint(layout, target)
    ax = _axes(ax, figsize=(4, 6))
    _draw_skeleton(layout, place, ax)
    for subset in range(graph.num_subsets):
        _draw_subset(graph, subset, joint, place=place, ax=ax)
    _draw_center(layout, place, ax)
    ring = {"facecolors": "none", "edgecolors": "black", "linestyles": "--", "zorder": 4}
    ax.scatter(*place[joint], s=260, label=f"target: {layout.joint_names[joint]}", **ring)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), frameon=False, labelspacing=0.7)
    return ax


def draw_partitions(
    layout: SkeletonLayout, *, target: int | str | None = None, released: bool = False
) -> Figure:
    """The paper's three partition strategies side by side, for the same joint.

    Args:
        layout: The skeleton.
        target: The joint, see :func:`draw_partition`.
        released: Whether to draw :func:`stgraph.partition.spatial_2018` as well.
    """
    strategies = {
        "Uni-labeling": partition.uniform,
        "Distance": partition.distance,
        "Spatial configuration": partition.spatial,
    }
    if released:
        strategies["Spatial, as released in 2018"] = partition.spatial_2018
    graphs = [SkeletonGraph.from_layout(layout, strategy) for strategy in strategies.values()]
    joint = _telling_joint(graphs[2], _place(layout)) if target is None else target
    panels = len(graphs)
    figure, axes = plt.subplots(1, panels, figsize=(3.2 * panels, 5.5), layout="constrained")
    for title, graph, ax in zip(strategies, graphs, axes, strict=True):
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
        channels: The channels of ``x`` that point to the right and upwards. A third one is depth
            and is added to the axis of time. Image coordinates point downwards: call
            ``ax.invert_zaxis()``.
        ax: Where to draw: axes made with ``projection="3d"``.

    Raises:
        ValueError: If ``data`` is a batch, or has no nodes in a frame or of the person asked for.
    """
    _check_clip(data, channels, ax)
    kept = torch.ones_like(data.frame, dtype=torch.bool) if person is None else data.person == person
    if not bool(kept.any()):
        raise ValueError(f"The clip has no nodes of person {person}; it has {_few(data.person)}.")
    shown = _choose_frames(data, data.frame[kept]) if frames is None else sorted(set(frames))
    slot = _slots(data.frame, kept, shown)
    points, depth = _points(data.x, slot, channels)
    ax = _axes(ax, figsize=(8, 5), subplot_kw={"projection": "3d"}) if ax is None else ax
    for label, (edges, look) in _lines(data, slot).items():
        ax.add_collection3d(Line3DCollection(points[edges.T.cpu()], label=label, **look))
    for body in data.person[slot >= 0].unique().tolist():
        corners = points[((slot >= 0) & (data.person == body)).cpu()]
        look = {"marker": MARKERS[body % len(MARKERS)], "color": COLORS[body % len(COLORS)]}
        ax.scatter(*corners.T, s=9, depthshade=False, **look)
    _arrange(ax, points[(slot >= 0).cpu()], shown, depth)
    return ax


def draw_confusion(
    matrix: ArrayLike | Tensor, class_names: Sequence[str], *, ax: Axes | None = None
) -> Axes:
    """A confusion matrix, each row shaded by the share of its true class.

    Args:
        matrix: Counts ``[classes, classes]``: rows are true classes, columns predicted ones.
        class_names: One name per class.
        ax: Where to draw.
    """
    counts, classes = np.asarray(matrix), len(class_names)
    if counts.shape != (classes, classes):
        raise ValueError(
            f"A confusion matrix of {classes} classes has the shape [{classes}, {classes}], not "
            f"{list(counts.shape)}; give one name per class."
        )
    ax = _axes(ax, figsize=(3 + 0.22 * classes, 2.5 + 0.22 * classes))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = ax.imshow(share, cmap="Greys", vmin=0, vmax=1)
    size = 8 if classes <= MOST_NUMBERS else 5
    ax.set_xticks(range(classes), class_names, rotation=90, fontsize=size)
    ax.set_yticks(range(classes), class_names, fontsize=size)
    ax.set(xlabel="predicted", ylabel="true")
    ax.figure.colorbar(image, ax=ax, label="share of the true class", shrink=0.8)
    for row, column in np.argwhere(counts) if classes <= MOST_NUMBERS else ():
        ink = "white" if share[row, column] > 0.5 else "black"
        text = f"{counts[row, column]:g}"
        ax.text(column, row, text, color=ink, ha="center", va="center", fontsize=size - 1)
    return ax


def _axes(ax: Any, **figure: Any) -> Any:
    return plt.subplots(layout="constrained", **figure)[1] if ax is None else ax


def _place(layout: SkeletonLayout) -> Place:
    if layout.positions is not None:
        return dict(enumerate(layout.positions))
    spread = nx.spring_layout(layout.to_networkx(), iterations=500, seed=0)
    return {joint: (float(x), float(y)) for joint, (x, y) in spread.items()}


def _draw_skeleton(layout: SkeletonLayout, place: Place, ax: Axes) -> None:
    graph = layout.to_networkx()
    nx.draw_networkx_edges(graph, place, ax=ax, edge_color="0.65", width=2)
    nx.draw_networkx_nodes(graph, place, ax=ax, node_color="0.45", node_size=22)
    ax.set_aspect("equal")
    ax.axis("off")


def _draw_center(layout: SkeletonLayout, place: Place, ax: Axes) -> None:
    name = f"centre: {layout.joint_names[layout.center]}"
    ax.scatter(*place[layout.center], marker="x", s=70, c="black", zorder=5, label=name)


def _name_joints(layout: SkeletonLayout, place: Place, ax: Axes) -> None:
    """Names in two columns beside the skeleton, as high as their joints or nearly so."""
    x, y = np.array([place[joint] for joint in range(layout.num_joints)]).T
    span, middle = max(np.ptp(x), np.ptp(y), 1e-6), (x.min() + x.max()) / 2
    order = sorted(range(layout.num_joints), key=lambda joint: (x[joint], -y[joint]))
    half = len(order) // 2
    edge = np.ptp(x) / 2 + 0.12 * span
    for side, joints in ((-1, order[:half]), (1, order[half:])):
        heights = np.linspace(y.min(), y.min() + span, len(joints) + 2)[1:-1]
        for height, joint in zip(heights, sorted(joints, key=lambda j: y[j]), strict=True):
            ax.annotate(
                layout.joint_names[joint],
                place[joint],
                (middle + side * edge, height),
                ha="left" if side > 0 else "right",
                va="center",
                fontsize=min(8.0, 250 / len(order)),
                arrowprops={"arrowstyle": "-", "color": "0.75", "linewidth": 0.5},
            )
    ax.set_xlim(middle - edge - 0.35 * span, middle + edge + 0.35 * span)


def _draw_subset(
    graph: SkeletonGraph, subset: int, joint: int, *, place: Place, ax: Axes
) -> None:
    member = (graph.edge_type == subset).cpu()
    source, target = graph.edge_index.cpu()
    sources = source[member & (target == joint)].tolist()
    color = COLORS[subset % len(COLORS)]
    nx.draw_networkx_edges(
        nx.DiGraph([(source, joint) for source in sources if source != joint]),
        place,
        ax=ax,
        edge_color=color,
        width=2.5,
        style=STYLES[subset % len(STYLES)],
    )
    where = np.array([place[source] for source in sources]).reshape(-1, 2)
    label = f"{graph.subset_names[subset]}: {len(sources)} of {int(member.sum())} edges"
    marker = MARKERS[subset % len(MARKERS)]
    ax.scatter(*where.T, s=90, c=color, marker=marker, edgecolors="black", zorder=3, label=label)


def _telling_joint(graph: SkeletonGraph, place: Place) -> int:
    """The joint that shows most subsets; of those the one with the longest shortest bone."""
    bones = graph.layout.to_networkx()

    def tells(joint: int) -> tuple[float, ...]:
        subsets = graph.edge_type[graph.edge_index[1] == joint].unique()
        lengths = [np.hypot(*np.subtract(place[joint], place[other])) for other in bones[joint]]
        return len(subsets), round(float(min(lengths, default=0.0)), 6), -place[joint][0]

    return max(range(graph.num_joints), key=tells)


def _joint(layout: SkeletonLayout, target: int | str) -> int:
    if isinstance(target, str):
        return layout.index(target)
    if not 0 <= target < layout.num_joints:
        raise ValueError(
            f"Layout '{layout.name}' has joints 0 to {layout.num_joints - 1}, not {target}."
        )
    return target


def _choose_frames(data: SkeletonData, frame: Tensor) -> list[int]:
    """Four frames with nodes near the middle, as far apart as an edge in time can span."""
    present = frame.unique().tolist()
    first, last = present[0], present[-1]
    labels = data.clips[0].labels
    most = max(1, (last - first) // (FEW_FRAMES - 1))
    step = min(most, labels.reach) if labels.temporal and labels.reach else most
    length = step * (FEW_FRAMES - 1)

    def worth(start: int) -> tuple[int, float]:
        hits = len(set(range(start, start + length + 1, step)) & set(present))
        return hits, -abs(start + length / 2 - (first + last) / 2)

    start = max(range(first, max(first, last - length) + 1), key=worth)
    return sorted(set(range(start, start + length + 1, step)) & set(present))


def _slots(frame: Tensor, kept: Tensor, shown: Sequence[int]) -> Tensor:
    """For each node the place of its frame among those shown, or -1: long ``[N]``."""
    slot = torch.full_like(frame, -1)
    for place, number in enumerate(shown):
        here = kept & (frame == number)
        if not bool(here.any()):
            raise ValueError(f"Frame {number} has no nodes to draw; there are {_few(frame[kept])}.")
        slot[here] = place
    return slot


def _points(
    x: Tensor, slot: Tensor, channels: Sequence[int]
) -> tuple[NDArray[np.float64], float]:
    """Right, time and up of each node ``[N, 3]``, and how far apart frames are."""
    points = x.detach().cpu().double().numpy()[:, list(channels)]
    seen = points[(slot >= 0).cpu().numpy()]
    gap = 0.9 * max(float(np.ptp(seen, axis=0).max()), 1e-6)
    depth = points[:, 2] - seen[:, 2].mean() if len(channels) > 2 else 0.0
    along = slot.cpu().numpy() * gap + depth
    return np.stack([points[:, 0], along, points[:, 1]], axis=1), gap


def _lines(data: SkeletonData, slot: Tensor) -> dict[str, tuple[Tensor, dict[str, Any]]]:
    """By label: node pairs ``[2, L]`` to be joined, and how the lines look."""
    source, target = data.edge_index
    drawn = (slot[source] >= 0) & (slot[target] >= 0) & (source != target)
    source, target = data.edge_index[:, drawn].sort(dim=0).values.unique(dim=1)
    pairs, apart = torch.stack([source, target]), (slot[source] - slot[target]).abs()
    first, second = data.person[source], data.person[target]
    grey = {"colors": "0.55", "linewidths": 0.7, "linestyles": ":"}
    black = {"colors": "black", "linewidths": 1.2, "linestyles": "-."}
    lines = {
        "edges in time": (pairs[:, apart == 1], grey),
        "edges between persons": (pairs[:, (apart == 0) & (first != second)], black),
    }
    for body in data.person[slot >= 0].unique().tolist():
        inside = (apart == 0) & (first == body) & (second == body)
        look = {"colors": COLORS[body % len(COLORS)], "linestyles": STYLES[body % len(STYLES)]}
        lines[f"person {body}"] = (pairs[:, inside], look | {"linewidths": 2})
    return {label: line for label, line in lines.items() if line[0].shape[1]}


def _arrange(ax: Axes3D, points: NDArray[np.float64], shown: Sequence[int], gap: float) -> None:
    """Equal scales, the axis of time marked with frame numbers, the others bare."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.05 * gap
    size = np.maximum(high - low, margin) + 2 * margin
    middle = (low + high) / 2
    for axis, center, length in zip("xyz", middle, size, strict=True):
        getattr(ax, f"set_{axis}lim")(center - length / 2, center + length / 2)
    ax.set_box_aspect(tuple(size))
    ax.set(xticks=[], zticks=[], ylabel="frame")
    ax.set_yticks([place * gap for place in range(len(shown))], [str(number) for number in shown])
    ax.view_init(elev=18, azim=-35)
    ax.legend(loc="upper left", frameon=False)


def _check_clip(data: SkeletonData, channels: Sequence[int], ax: Axes3D | None) -> None:
    if data.batch is not None or len(data.clips) != 1:
        raise ValueError("draw_clip takes one clip, this is a batch; use batch[i].")
    if len(channels) not in (2, 3) or not all(0 <= c < data.num_features for c in channels):
        raise ValueError(
            f"channels are two or three of 0 to {data.num_features - 1}: right, up and perhaps "
            f"depth, not {tuple(channels)}."
        )
    if ax is not None and ax.name != "3d":
        raise ValueError('draw_clip needs axes made with projection="3d".')


def _few(values: Tensor) -> str:
    found = values.unique().tolist()
    return ", ".join(map(str, found[:8])) + (f" ... {found[-1]}" if len(found) > 8 else "")
