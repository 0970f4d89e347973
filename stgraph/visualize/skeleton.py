"""Skeletons and the partitions of their neighbourhoods."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from stgraph import partition
from stgraph.graph import SkeletonGraph
from stgraph.skeleton import SkeletonLayout
from stgraph.visualize.looks import COLORS, DASHES, MARKERS, STYLES, axes, panels, turn

Points = NDArray[np.float64]

_WIDTHS = (3.5, 7, 2)  # of the halves of bones, so that subsets differ without colours too


def draw_layout(layout: SkeletonLayout, *, ax: Axes | None = None) -> Axes:
    """The joints with their names, the bones, and a cross on the centre.

    Joints stand in the layout's rest pose; a layout without one is spread out by its bones.
    """
    ax = axes(ax, figsize=(7, 6))
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
    graph, layout = graph.to("cpu"), graph.layout
    joint = _telling_joint(graph) if target is None else target
    joint = layout.index(joint) if isinstance(joint, str) else joint
    if joint not in range(layout.num_joints):
        last = layout.num_joints - 1
        raise ValueError(f"Layout '{layout.name}' has joints 0 to {last}, none is {joint}.")
    ax = axes(ax, figsize=(4.5, 6))
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
    layout: SkeletonLayout,
    *,
    target: int | str | None = None,
    released: bool = False,
    figure: Figure | SubFigure | None = None,
) -> list[Axes]:
    """The paper's three partition strategies side by side, for one joint (:func:`draw_partition`).

    With ``released`` there is a fourth, :func:`stgraph.partition.spatial_2018`.
    """
    strategies = {
        "Uni-labeling": partition.uniform,
        "Distance": partition.distance,
        "Spatial configuration": partition.spatial,
        "Spatial, as released in 2018": partition.spatial_2018,
    }
    graphs = [SkeletonGraph.from_layout(layout, strategy) for strategy in strategies.values()]
    joint = _telling_joint(graphs[2]) if target is None else target
    parts = panels(figure, 1, 4 if released else 3, (3.2, 5.5))
    for title, graph, ax in zip(strategies, graphs, parts):
        draw_partition(graph, target=joint, ax=ax).set_title(title)
    return parts


def draw_subsets(graph: SkeletonGraph, *, ax: Axes | None = None) -> Axes:
    """All neighbourhoods of a frame at once: each bone in two halves, each coloured by a subset.

    The half at a joint shows in which of its subsets the joint at the other end is, by colour and
    width. Joints themselves are marked by the subset of their self-loops.
    """
    ax, graph = axes(ax, figsize=(4.5, 6)), graph.to("cpu")
    place = place_joints(graph.layout)
    for subset, name in enumerate(graph.subset_names):
        bones, loops = bones_and_loops(graph, subset)
        color, label = turn(COLORS, subset), f"{name}: {len(bones) + len(loops)} edges"
        if len(bones):
            width = _WIDTHS[subset % len(_WIDTHS)]
            look_of_lines: dict[str, Any] = {"colors": color, "linewidths": width, "label": label}
            look_of_lines["linestyles"] = [DASHES[subset // len(_WIDTHS) % len(DASHES)]]
            ax.add_collection(LineCollection(halves_of(graph, bones, place), **look_of_lines))
        if len(loops):
            x, y = place[graph.edge_index[0, loops]].T
            look: dict[str, Any] = {"marker": turn(MARKERS, subset), "zorder": 3}
            ax.scatter(x, y, s=30, c=color, label=None if len(bones) else label, **look)
    x, y = place[graph.layout.center]
    label = f"centre: {graph.layout.joint_names[graph.layout.center]}"
    ax.scatter(x, y, marker="x", s=90, c="black", zorder=5, label=label)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), frameon=False)
    ax.set_aspect("equal")
    ax.axis("off")
    ax.autoscale_view()
    return ax


def draw_spatial_partitions(
    layout: SkeletonLayout, *, figure: Figure | SubFigure | None = None
) -> list[Axes]:
    """The spatial partition as the paper defines it beside what the released program computes."""
    strategies = {
        "The paper's": partition.spatial,
        "As released in 2018": partition.spatial_2018,
    }
    parts = panels(figure, 1, 2, (3.5, 6))
    for (title, strategy), ax in zip(strategies.items(), parts, strict=True):
        draw_subsets(SkeletonGraph.from_layout(layout, strategy), ax=ax).set_title(title)
    return parts


def bones_and_loops(graph: SkeletonGraph, subset: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The numbers of a subset's edges between joints, and of its self-loops."""
    edges = np.flatnonzero(graph.edge_type.numpy() == subset)
    source, target = graph.edge_index[:, edges].numpy()
    return edges[source != target], edges[source == target]


def halves_of(graph: SkeletonGraph, edges: NDArray[Any], place: Points) -> list[Points]:
    """For each edge the half of its bone at the target, from there to the middle."""
    source, target = graph.edge_index[:, edges].numpy()
    return list(np.stack([place[target], (place[target] + place[source]) / 2], axis=1))


def place_joints(layout: SkeletonLayout) -> Points:
    """Where joints are drawn ``[V, 2]``: in the rest pose, or spread out by the bones."""
    if layout.positions is not None:
        return np.array(layout.positions)
    spread = nx.spring_layout(layout.to_networkx(), iterations=500, seed=0)
    return np.array([spread[joint] for joint in range(layout.num_joints)])


def _draw_skeleton(layout: SkeletonLayout, ax: Axes) -> Points:
    graph, place = layout.to_networkx(), place_joints(layout)
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
    color, style = turn(COLORS, subset), turn(STYLES, subset)
    nx.draw_networkx_edges(arrows, place, ax=ax, edge_color=color, width=2.5, style=style)
    label = f"{graph.subset_names[subset]}: {len(sources)} of {edges.shape[1]} edges"
    look: dict[str, Any] = {"marker": turn(MARKERS, subset), "edgecolors": "black", "zorder": 3}
    ax.scatter(place[sources, 0], place[sources, 1], s=90, c=color, label=label, **look)


def _telling_joint(graph: SkeletonGraph) -> int:
    """The joint that shows most subsets; of those the one with the longest shortest bone."""
    place, bones = place_joints(graph.layout), graph.layout.to_networkx()

    def tells(joint: int) -> tuple[float, ...]:
        subsets = graph.edge_type[graph.edge_index[1] == joint].unique()
        lengths = np.linalg.norm(place[list(bones[joint])] - place[joint], axis=-1)
        return len(subsets), round(lengths.min(initial=np.inf), 6), -place[joint, 0]

    return max(range(graph.num_joints), key=tells)
