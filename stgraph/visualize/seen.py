"""What a network sees in a clip, on its skeleton: responses over time, and shares of the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
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
    are added up over frames and subsets: the half of a line at a joint is what that hears from the
    other. Of graphs that join more than bones, pairs below a twentieth of the largest are left out.

    Args:
        clip: One clip.
        graph: That it was built with.
        node_mask: Shares of features ``[N, C]`` or of nodes ``[N]``, as
            :func:`stgraph.explain.explain` finds them.
        edge_mask: Shares of edges ``[E]``.
        ax: Where to draw.
    """
    ax = axes(ax, figsize=(4, 5.5))
    joints = scatter(_of_nodes(node_mask, clip), clip.joint.cpu(), dim_size=graph.num_joints)
    template = clip.edge_template.cpu()
    spatial = template >= 0
    shares = scatter(edge_mask.detach().cpu()[spatial], template[spatial], dim_size=graph.num_edges)
    source, target = graph.edge_index.cpu()
    pairs, which = (source * graph.num_joints + target).unique(return_inverse=True)
    heard = scatter(shares, which, dim_size=len(pairs)).numpy()
    source, target = np.divmod(pairs.numpy(), graph.num_joints)
    usual = 2 * len(graph.layout.bones) + graph.num_joints
    least = 0.05 * np.abs(heard[source != target]).max(initial=0) if len(pairs) > usual else 0.0
    drawn = np.flatnonzero((source != target) & (np.abs(heard) >= least))
    place = place_joints(graph.layout)
    ends = np.stack([place[target[drawn]], (place[source[drawn]] + place[target[drawn]]) / 2], 1)
    bones = place[np.array(graph.layout.bones, dtype=int).reshape(-1, 2)]
    ax.add_collection(LineCollection(list(bones), colors="0.85", linewidths=1.2, zorder=1))
    _draw_shares(joints.numpy(), place, heard[drawn], ends, ax)
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
    """
    ax = axes(ax, figsize=(5.5, 3.5))
    frame, edges = clip.frame.cpu(), edge_mask.detach().cpu()
    spatial, ends = clip.edge_template.cpu() >= 0, frame[clip.edge_index[1].cpu()]
    count = int(frame.max()) + 1
    steps = np.arange(count + 1) - 0.5
    joints = scatter(_of_nodes(node_mask, clip), frame, dim_size=count)
    ax.stairs(joints.numpy(), steps, fill=True, color=COLORS[4], label="joints")
    for kind, label, style in ((spatial, "edges of a frame", "-"), (~spatial, "in time", ":")):
        shares = scatter(edges[kind], ends[kind], dim_size=count).numpy()
        if kind.any():
            ax.plot(shares, color="black", ls=style, lw=1.2, label=label)
    ax.axhline(0, color="black", lw=0.8)
    ax.legend(frameon=False)
    ax.set(xlabel="frame", ylabel="share in the logit")
    return ax


def _of_nodes(mask: Tensor, clip: SkeletonData) -> Tensor:
    return mask.detach().cpu().reshape(clip.num_nodes, -1).sum(dim=1)


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
