"""What a network got right and wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from torch import Tensor

from stgraph.visualize.looks import COLORS, MARKERS, axes, turn

_MOST_NUMBERS = 20  # up to so many classes the counts are written into a confusion matrix


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
    ax = axes(ax, figsize=(3.5 + cell * classes, 2.5 + cell * classes))
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


def draw_classes(runs: Mapping[str, Mapping[str, float]], *, ax: Axes | None = None) -> Axes:
    """The accuracy of every class, of one run or of several, worst of the first on top.

    Args:
        runs: Shares of right clips by class, for each run by its name.
        ax: Where to draw.

    Raises:
        ValueError: If there is no run.
    """
    if not runs:
        raise ValueError("There is no run to draw.")
    first = next(iter(runs.values()))
    others = {name for run in runs.values() for name in run} - set(first)
    names = [*sorted(first, key=lambda name: (first[name], name)), *sorted(others)]
    ax = axes(ax, figsize=(6, 1 + 0.22 * len(names)))
    rows = np.arange(len(names))
    shares = 100 * np.array([[run.get(name, np.nan) for name in names] for run in runs.values()])
    ax.hlines(rows, np.nanmin(shares, axis=0), np.nanmax(shares, axis=0), color="0.6", lw=1)
    for number, (label, values) in enumerate(zip(runs, shares, strict=True)):
        face = turn(COLORS, number) if number == 0 else "white"
        look: dict[str, Any] = {
            "marker": turn(MARKERS, number),
            "edgecolors": turn(COLORS, number),
            "zorder": 3,
        }
        ax.scatter(values, rows, s=26, label=label, c=face, **look)
    ax.set_yticks(rows, names, fontsize=8)
    ax.invert_yaxis()
    ax.set(xlabel="accuracy, %")
    ax.grid(axis="x", color="0.9")
    if len(runs) > 1:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
    return ax
