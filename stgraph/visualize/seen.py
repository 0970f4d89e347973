"""What a network sees in a clip, on its skeleton: responses over time, and shares of the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch_geometric.utils import scatter

from stgraph.data import SkeletonData
from stgraph.graph import SkeletonGraph
from stgraph.skeleton import SkeletonLayout
from stgraph.visualize.looks import COLORS, axes
from stgraph.visualize.skeleton import Points, place_joints

AREA = 160.0  # square points of a joint whose strength is 1
MANY = 6  # frames


def draw_responses(
    clip: SkeletonData,
    layout: SkeletonLayout,
    strength: ArrayLike | Tensor,
    *,
    frames: Sequence[int] | None = None,
    channels: Sequence[int] = (0, 1),
    ax: Axes | None = None,
) -> Axes:
    """Frames of a clip side by side, joints as large as they respond (the paper's figure of them).

    Args:
        clip: One clip.
        layout: Its skeleton, whose bones are drawn.
        strength: For each node ``[N]``, 1 for the largest marks; NaN draws none
            (:func:`stgraph.responses.respond`).
        frames: Which frames; by default six, from the first to the last that shows somebody.
        channels: The channels of ``x`` that point to the right and upwards.
        ax: Where to draw.

    Raises:
        ValueError: If a strength is missing, or a frame shows nobody.
    """
    strong = torch.as_tensor(strength).detach().cpu().double().numpy()
    if strong.shape != (clip.num_nodes,):
        raise ValueError(f"Expected {clip.num_nodes} strengths, found {list(strong.shape)}.")
    points = clip.x.detach().cpu().double().numpy()[:, list(channels)]
    frame, seen = clip.frame.cpu().numpy(), ~np.isnan(points).any(axis=1)
    present = np.unique(frame[seen])
    if frames is None:
        steps = np.linspace(0, len(present) - 1, min(MANY, len(present))).round().astype(int)
        frames = present[steps].tolist()
    if not frames or not set(frames) <= set(present.tolist()):
        there = f"{present[0]} to {present[-1]}" if len(present) else "none"
        raise ValueError(f"Nobody to draw in frames {list(frames)}; frames with nodes: {there}.")
    ax = axes(ax, figsize=(2 * len(frames), 3.2))
    shown = [seen & (frame == number) for number in frames]
    gap = max(1.15 * max(np.ptp(points[nodes, 0]) for nodes in shown), 1e-6)
    for place, nodes in enumerate(shown):
        middle = (points[nodes, 0].min() + points[nodes, 0].max()) / 2
        shift = np.array([place * gap - middle, 0.0])
        _draw_frame(clip, layout, nodes, points + shift, strong, ax)
    ax.set_xticks(gap * np.arange(len(frames)), [str(number) for number in frames])
    ax.set(xlabel="frame", aspect="equal", yticks=[])
    ax.spines[:].set_visible(False)
    mark: dict[str, Any] = {"marker": "o", "mfc": COLORS[1], "mec": "black", "ms": AREA**0.5}
    key = [Line2D([], [], ls="", label="strongest response; smaller: weaker", **mark)]
    ax.legend(handles=key, loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)
    return ax


def _draw_frame(
    clip: SkeletonData,
    layout: SkeletonLayout,
    nodes: NDArray[np.bool_],
    points: Points,
    strength: NDArray[Any],
    ax: Axes,
) -> None:
    persons, joints = clip.person.cpu().numpy(), clip.joint.cpu().numpy()
    rows = {(persons[row], joints[row]): row for row in np.flatnonzero(nodes)}
    bones = [
        points[[rows[person, child], rows[person, parent]]]
        for person in np.unique(persons[nodes])
        for child, parent in layout.bones
        if (person, child) in rows and (person, parent) in rows
    ]
    ax.add_collection(LineCollection(bones, colors="0.6", linewidths=1.2))
    marked = nodes & ~np.isnan(strength)
    size = AREA * np.clip(strength[marked], 0, 1)
    look: dict[str, Any] = {"color": COLORS[1], "edgecolors": "black", "linewidths": 0.6}
    ax.scatter(points[marked, 0], points[marked, 1], s=size, zorder=3, **look)
    ax.autoscale_view()


def draw_explanation(
    clip: SkeletonData,
    graph: SkeletonGraph,
    node_mask: Tensor,
    edge_mask: Tensor,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Why a class was named: shares of joints and of edges between them, on the skeleton.

    What speaks for the class is filled and solid, what speaks against it hollow and dotted. Shares
    are added up over persons, frames and subsets; those of edges across frames and between equal
    joints are left out (:func:`draw_frame_shares` has them). The half of a line at a joint is what
    that hears from the other. Of pairs that are no bones those below a twentieth of the largest
    share are left out.

    Args:
        clip: One clip.
        graph: That it was built with.
        node_mask: Shares of features ``[N, C]`` or of nodes ``[N]``, as
            :func:`stgraph.explain.explain` finds them.
        edge_mask: Shares of edges ``[E]``.
        ax: Where to draw.

    Raises:
        ValueError: If this is a batch or has no edges, or masks are not of its nodes and edges.
    """
    nodes, edges = _shares(clip, node_mask, edge_mask)
    ax = axes(ax, figsize=(4, 5.5))
    joints, place = graph.num_joints, place_joints(graph.layout)
    bones = np.array(graph.layout.bones, dtype=int).reshape(-1, 2)
    ax.add_collection(LineCollection(list(place[bones]), colors="0.85", linewidths=1.2, zorder=1))
    source, target, heard = _heard(clip, edges, joints)
    numbers = np.concatenate([bones, bones[:, ::-1]]) @ [joints, 1]
    kept = np.isin(source * joints + target, numbers)
    kept |= np.abs(heard) >= 0.05 * np.abs(heard).max(initial=0)
    source, target, heard = source[kept], target[kept], heard[kept]
    halves = np.stack([place[target], (place[source] + place[target]) / 2], axis=1)
    of_joints = scatter(nodes, clip.joint.cpu(), dim_size=joints).numpy()
    _draw_shares(of_joints, place, heard, halves, ax)
    return ax


def draw_frame_shares(
    clip: SkeletonData, node_mask: Tensor, edge_mask: Tensor, *, ax: Axes | None = None
) -> Axes:
    """When a class was seen: the shares of every frame's joints, of its edges and of those in time.

    Args:
        clip: One clip.
        node_mask: Shares of features ``[N, C]`` or of nodes ``[N]``.
        edge_mask: Shares of edges ``[E]``; an edge counts in the frame where it ends.
        ax: Where to draw.

    Raises:
        ValueError: As :func:`draw_explanation`.
    """
    nodes, edges = _shares(clip, node_mask, edge_mask)
    ax = axes(ax, figsize=(5.5, 3.5))
    first = int(clip.frame.min())
    frame = clip.frame.cpu() - first
    ends, late = frame[clip.edge_index[1].cpu()], _in_time(clip)
    count = int(frame.max()) + 1
    steps = first + np.arange(count + 1) - 0.5
    joints = scatter(nodes, frame, dim_size=count).numpy()
    ax.stairs(joints, steps, fill=True, color=COLORS[4], label="joints")
    for kind, label, style in ((~late, "edges of a frame", "-"), (late, "in time", ":")):
        shares = scatter(edges[kind], ends[kind], dim_size=count).numpy()
        if kind.any():
            numbers = first + np.arange(count)
            ax.plot(numbers, shares, color="black", ls=style, lw=1.2, label=label)
    ax.axhline(0, color="black", lw=0.8)
    ax.legend(frameon=False)
    ax.set(xlabel="frame", ylabel="share in the logit")
    return ax


def draw_explanation_over_time(
    clip: SkeletonData,
    graph: SkeletonGraph,
    node_mask: Tensor,
    edge_mask: Tensor,
    *,
    figure: Figure | SubFigure | None = None,
) -> list[Axes]:
    """:func:`draw_explanation` beside :func:`draw_frame_shares`."""
    if figure is None:
        figure = plt.figure(figsize=(9, 5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2, 3))
    draw_explanation(clip, graph, node_mask, edge_mask, ax=left)
    draw_frame_shares(clip, node_mask, edge_mask, ax=right)
    return [left, right]


def _shares(clip: SkeletonData, node_mask: Tensor, edge_mask: Tensor) -> tuple[Tensor, Tensor]:
    """The masks as shares of nodes ``[N]`` and of edges ``[E]``, on the CPU, checked."""
    if clip.get("batch") is not None or "edge_index" not in clip or not clip.num_nodes:
        raise ValueError("Shares are drawn of one clip with nodes and edges; of a batch take [i].")
    if node_mask.shape[:1] != (clip.num_nodes,) or edge_mask.shape != (clip.num_edges,):
        raise ValueError(
            f"Expected shares of {clip.num_nodes} nodes and {clip.num_edges} edges, found "
            f"{list(node_mask.shape)} and {list(edge_mask.shape)}."
        )
    nodes = node_mask.detach().cpu().float().reshape(clip.num_nodes, -1).sum(dim=1)
    return nodes, edge_mask.detach().cpu().float()


def _in_time(clip: SkeletonData) -> Tensor:
    """Which edges are in time, by their labels: bool ``[E]``."""
    if clip.clips:
        return clip.clips[0].labels.in_time(clip.edge_type).cpu()
    source, target = clip.edge_index
    return (clip.frame[source] != clip.frame[target]).cpu()


def _heard(
    clip: SkeletonData, edges: Tensor, joints: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Pairs of different joints, source and target, and the shares of their edges in frames."""
    ends = clip.joint.cpu()[clip.edge_index.cpu()]
    drawn = (ends[0] != ends[1]) & ~_in_time(clip)
    source, target = ends[:, drawn]
    pairs, which = (source * joints + target).unique(return_inverse=True)
    heard = scatter(edges[drawn], which, dim_size=len(pairs)).numpy()
    return (*np.divmod(pairs.numpy(), joints), heard)


def _draw_shares(
    joints: NDArray[Any], place: Points, heard: NDArray[Any], ends: Points, ax: Axes
) -> None:
    widest = max(np.abs(heard).max(initial=0), 1e-12)
    look: dict[str, Any] = {
        "colors": COLORS[0],
        "linewidths": 0.4 + 6 * np.abs(heard) / widest,
        "linestyles": np.where(heard < 0, ":", "-").tolist(),
    }
    ax.add_collection(LineCollection(list(ends), **look))
    largest = max(np.abs(joints).max(), 1e-12)
    for sign, face in ((1, COLORS[1]), (-1, "white")):
        chosen = sign * joints > 0
        size = AREA * np.abs(joints[chosen]) / largest
        mark: dict[str, Any] = {"edgecolors": "black", "lw": 0.8, "zorder": 3, "clip_on": False}
        ax.scatter(place[chosen, 0], place[chosen, 1], s=size, c=face, **mark)
    key = [
        Line2D([], [], color=COLORS[0], marker="o", mfc=COLORS[1], mec="black", label="for it"),
        Line2D([], [], color=COLORS[0], ls=":", marker="o", mfc="w", mec="black", label="against"),
    ]
    ax.legend(handles=key, loc="upper center", bbox_to_anchor=(0.5, 0), frameon=False, ncols=2)
    ax.set_aspect("equal")
    ax.axis("off")
    ax.autoscale_view()
