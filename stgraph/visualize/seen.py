"""What a network sees in a clip, on its skeleton: responses over time, and shares of the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch_geometric.utils import scatter

from stgraph.data import SkeletonData
from stgraph.graph import SkeletonGraph
from stgraph.skeleton import SkeletonLayout
from stgraph.visualize.looks import COLORS, axes
from stgraph.visualize.skeleton import Points, bones_and_loops, halves_of, place_joints

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
    clip: SkeletonData, graph: SkeletonGraph, node_mask: Tensor, edge_mask: Tensor
) -> Figure:
    """Why a class was named: shares of joints and bones on the skeleton, and of frames over time.

    What speaks for the class is filled and solid, what speaks against it hollow and dotted. Shares
    are added up over frames, those of a bone for each of its two edges: the half at a joint is the
    edge that ends there. Frames are the shares of their joints.

    Args:
        clip: One clip.
        graph: That it was built with.
        node_mask: Shares of features ``[N, C]`` or of nodes ``[N]``, as
            :func:`stgraph.explain.explain` finds them.
        edge_mask: Shares of edges ``[E]``.
    """
    nodes = node_mask.detach().cpu().reshape(clip.num_nodes, -1).sum(dim=1)
    edges = edge_mask.detach().cpu()
    joint, frame = clip.joint.cpu(), clip.frame.cpu()
    template = clip.edge_template.cpu()
    joints = scatter(nodes, joint, dim_size=graph.num_joints).numpy()
    spatial = template >= 0
    bones = scatter(edges[spatial], template[spatial], dim_size=graph.num_edges).numpy()
    frames = scatter(nodes, frame)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 5), layout="constrained", width_ratios=(2, 3)
    )
    _draw_shares(graph, joints, bones, left)
    values = frames.numpy()
    right.stairs(values, np.arange(len(values) + 1) - 0.5, fill=True, color=COLORS[0])
    right.axhline(0, color="black", lw=0.8)
    right.set(xlabel="frame", ylabel="share in the logit")
    return figure


def _draw_shares(graph: SkeletonGraph, joints: NDArray[Any], bones: NDArray[Any], ax: Axes) -> None:
    place = place_joints(graph.layout)
    apart = (graph.edge_index[0] != graph.edge_index[1]).cpu().numpy()
    widest = max(np.abs(bones[apart]).max(initial=0), 1e-12)
    largest = max(np.abs(joints).max(), 1e-12)
    for subset in range(graph.num_subsets):
        edges, _ = bones_and_loops(graph, subset)
        look: dict[str, Any] = {
            "colors": COLORS[0],
            "linewidths": 0.4 + 6 * np.abs(bones[edges]) / widest,
            "linestyles": np.where(bones[edges] < 0, ":", "-").tolist(),
        }
        ax.add_collection(LineCollection(halves_of(graph, edges, place), **look))
    for sign, face in ((1, COLORS[1]), (-1, "white")):
        chosen = sign * joints > 0
        size = AREA * np.abs(joints[chosen]) / largest
        mark: dict[str, Any] = {"edgecolors": "black", "linewidths": 0.8, "zorder": 3}
        ax.scatter(place[chosen, 0], place[chosen, 1], s=size, c=face, **mark)
    key = [
        Line2D([], [], color=COLORS[0], marker="o", mfc=COLORS[1], mec="black", label="for it"),
        Line2D([], [], color=COLORS[0], ls=":", marker="o", mfc="w", mec="black", label="against"),
    ]
    ax.legend(handles=key, loc="upper center", bbox_to_anchor=(0.5, 0), frameon=False, ncols=2)
    ax.set_aspect("equal")
    ax.axis("off")
    ax.autoscale_view()
