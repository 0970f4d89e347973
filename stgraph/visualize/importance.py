"""What a network has learnt about edges, on the skeleton."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike

from stgraph.graph import SkeletonGraph
from stgraph.visualize.looks import COLORS, MARKERS, axes, turn
from stgraph.visualize.skeleton import place_joints


def draw_importance(graph: SkeletonGraph, importance: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """The learnt factor of each edge of a frame: the wider, the more it counts.

    Each bone is drawn in two halves, the half at a joint for the edge that ends there, in the
    colour of its subset; self-loops are marks whose area is the factor. A factor of one, where
    learning started, is two points wide; what is negative is dotted.

    Args:
        graph: Whose edges.
        importance: A factor for each of them ``[E']``.
        ax: Where to draw.
    """
    factor = np.asarray(importance, dtype=float)
    if factor.shape != (graph.num_edges,):
        raise ValueError(
            f"Expected a factor for each of the {graph.num_edges} edges, found "
            f"{list(factor.shape)}; take those of one layer (block.importance.factors)."
        )
    ax = axes(ax, figsize=(4, 5.5))
    place = place_joints(graph.layout)
    source, target = graph.edge_index.numpy()
    for subset, name in enumerate(graph.subset_names):
        edges = np.flatnonzero(graph.edge_type.numpy() == subset)
        loops = edges[source[edges] == target[edges]]
        bones = np.setdiff1d(edges, loops)
        color: Any = turn(COLORS, subset)
        if len(bones):
            ends = place[target[bones]]
            halves = np.stack([ends, (ends + place[source[bones]]) / 2], axis=1)
            look: dict[str, Any] = {
                "colors": color,
                "linewidths": 2 * np.abs(factor[bones]),
                "linestyles": np.where(factor[bones] < 0, ":", "-").tolist(),
            }
            ax.add_collection(LineCollection(list(halves), label=name, **look))
        if len(loops):
            x, y = place[source[loops]].T
            label = None if len(bones) else name
            mark: dict[str, Any] = {"marker": turn(MARKERS, subset), "zorder": 3, "label": label}
            ax.scatter(x, y, s=25 * np.abs(factor[loops]), c=color, **mark)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), frameon=False)
    ax.set_aspect("equal")
    ax.axis("off")
    ax.autoscale_view()
    return ax
