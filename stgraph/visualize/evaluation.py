"""What a network got right and wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from torch import Tensor

from stgraph.visualize.looks import axes

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
