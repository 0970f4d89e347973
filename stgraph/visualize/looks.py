"""Colours, markers and axes that all drawings share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "h")
STYLES = ("-", "--", ":", "-.")
DASHES: tuple[Any, ...] = (  # short, for halves of bones; as many as colours
    "-",
    (0, (1.5, 0.7)),
    (0, (0.6, 0.6)),
    (0, (3, 0.8)),
    (0, (1.5, 0.7, 0.4, 0.7)),
    (0, (0.5, 1.5)),
)


def axes(ax: Any, **figure: Any) -> Any:
    """The axes given, or those of a new figure."""
    return plt.subplots(layout="constrained", **figure)[1] if ax is None else ax


def plain(values: Any) -> NDArray[np.float64]:
    """Numbers of any kind as a NumPy array; of a tensor on any device, with or without gradient."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=float)


def panels(figure: Any, rows: int, columns: int, size: tuple[float, float]) -> list[Any]:
    """Axes in rows and columns of the figure given, or of a new one; each of this size in inches.

    ``figure`` is anything that has ``subplots``: a figure, or a part of one.
    """
    if figure is None:
        figure = plt.figure(figsize=(columns * size[0], rows * size[1]), layout="constrained")
    return list(figure.subplots(rows, columns, squeeze=False).flat)


def save_figure(figure: Any, path: str | Path, *, dpi: int = 150) -> None:
    """Write a figure without empty margins, and let go of it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=dpi, bbox_inches="tight")
    plt.close(figure)


def turn(looks: Sequence[str], number: int) -> str:
    """The look with that number, from the beginning again when there are no more."""
    return looks[number % len(looks)]
