"""Drawings of skeletons, partitions, clips and of what networks say; needs ``stgraph-pyg[viz]``.

Functions draw into ``ax``, or into axes of their own, and return it. Those of several panels draw
into ``figure``, a figure or a part of one, and return the list of axes. Nothing is shown on a
screen: save it (``ax.figure.savefig("a.pdf")``) or call ``matplotlib.pyplot.show()``. Colours never
stand alone, markers and line styles say the same.
"""

from __future__ import annotations

from stgraph.visualize.clip import draw_clip
from stgraph.visualize.evaluation import draw_classes, draw_confusion
from stgraph.visualize.importance import draw_importance, draw_importances
from stgraph.visualize.looks import save_figure
from stgraph.visualize.seen import (
    draw_explanation,
    draw_explanation_over_time,
    draw_frame_shares,
    draw_responses,
)
from stgraph.visualize.skeleton import (
    draw_layout,
    draw_partition,
    draw_partitions,
    draw_spatial_partitions,
    draw_subsets,
)
from stgraph.visualize.training import (
    draw_accuracy_by_length,
    draw_comparison,
    draw_curve,
    draw_curves,
)

__all__ = [
    "draw_accuracy_by_length",
    "draw_classes",
    "draw_clip",
    "draw_comparison",
    "draw_confusion",
    "draw_curve",
    "draw_curves",
    "draw_explanation",
    "draw_explanation_over_time",
    "draw_frame_shares",
    "draw_importance",
    "draw_importances",
    "draw_layout",
    "draw_partition",
    "draw_partitions",
    "draw_responses",
    "draw_spatial_partitions",
    "draw_subsets",
    "save_figure",
]
