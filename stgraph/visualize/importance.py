"""What a network has learnt about edges, on the skeleton."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike
from torch import Tensor

from stgraph.graph import SkeletonGraph
from stgraph.visualize.looks import COLORS, DASHES, MARKERS, axes, panels, plain, turn
from stgraph.visualize.skeleton import bones_and_loops, halves_of, place_joints

WIDTH, AREA = 2.0, 25.0  # points of a line and square points of a mark, for a factor of one


def draw_importance(
    graph: SkeletonGraph, importance: ArrayLike | Tensor, *, ax: Axes | None = None
) -> Axes:
    """The learnt factor of each edge of a frame: the wider, the more it counts.

    Each bone is drawn in two halves, the half at a joint for the edge that ends there, in the
    colour and the dashes of its subset; self-loops are marks whose area is the factor. The key
    shows a factor of one, where learning started; what is negative is hollow.

    Args:
        graph: Whose edges.
        importance: A factor for each of them ``[E']``.
        ax: Where to draw.
    """
    factor, graph = plain(importance), graph.to("cpu")
    if factor.shape != (graph.num_edges,):
        raise ValueError(
            f"Expected a factor for each of the {graph.num_edges} edges, found "
            f"{list(factor.shape)}; take those of one layer (block.importance.factors)."
        )
    ax = axes(ax, figsize=(4, 5.5))
    place, key = place_joints(graph.layout), []
    for subset, name in enumerate(graph.subset_names):
        bones, loops = bones_and_loops(graph, subset)
        color: Any = turn(COLORS, subset)
        style = DASHES[subset % len(DASHES)]
        if len(bones):
            halves, width = halves_of(graph, bones, place), WIDTH * np.abs(factor[bones])
            look: dict[str, Any] = {"colors": color, "linewidths": width, "linestyles": [style]}
            ax.add_collection(LineCollection(halves, **look))
            inside = np.where(factor[bones] < 0, 0.5 * width, 0.0)
            ax.add_collection(LineCollection(halves, colors="white", linewidths=inside))
        if len(loops):
            x, y = place[graph.edge_index[0].numpy()[loops]].T
            mark: dict[str, Any] = {"marker": turn(MARKERS, subset), "zorder": 3, "clip_on": False}
            faces = np.where(factor[loops] < 0, "white", color)
            ax.scatter(x, y, s=AREA * np.abs(factor[loops]), c=faces, edgecolors=color, **mark)
        ends: dict[str, Any] = {"lw": WIDTH, "ls": style} if len(bones) else {"ls": ""}
        if len(loops):
            ends |= {"marker": turn(MARKERS, subset), "ms": AREA**0.5}
        key.append(Line2D([], [], color=color, label=name, **ends))
    below: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "frameon": False}
    ax.legend(handles=key, title="as wide as a factor of one", **below)
    ax.set_aspect("equal")
    ax.axis("off")
    ax.autoscale_view()
    return ax


def draw_importances(
    graph: SkeletonGraph,
    factors: Sequence[ArrayLike | Tensor],
    *,
    figure: Figure | SubFigure | None = None,
) -> list[Axes]:
    """The learnt factors of every block side by side (:func:`draw_importance`), with one key."""
    if not factors:
        raise ValueError("There are no blocks with importance to draw.")
    columns = min(5, len(factors))
    parts = panels(figure, -(-len(factors) // columns), columns, (2.4, 3.4))
    for number, (factor, ax) in enumerate(zip(factors, parts)):
        draw_importance(graph, factor, ax=ax).set_title(f"block {number + 1}")
        if number != len(factors) - 1:
            ax.get_legend().remove()
    for ax in parts[len(factors) :]:
        ax.remove()
    return parts[: len(factors)]
