"""How a run went, and on which clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from stgraph.visualize.looks import COLORS, MARKERS, STYLES, axes, panels, turn


def draw_curves(
    curves: Mapping[str, Sequence[float]], *, figure: Figure | SubFigure | None = None
) -> list[Axes]:
    """Losses and accuracies of each epoch, and the learning rate (:func:`draw_curve`).

    Args:
        curves: Values by epoch, under names of which these are drawn: ``train_loss``, ``val_loss``,
            ``val_top1``, ``val_top5`` (shares) and those that begin with ``lr``. NaN where an epoch
            has none.
        figure: Where to draw the three panels.
    """
    three = panels(figure, 1, 3, (4, 3.6))
    shares = {name: 100 * np.asarray(curves[name], float) for name in curves if "top" in name}
    rates = [name for name in curves if name.startswith("lr")]
    for ax, names, label in (
        (three[0], ("train_loss", "val_loss"), "loss"),
        (three[1], ("val_top1", "val_top5"), "accuracy, %"),
        (three[2], rates, "learning rate"),
    ):
        drawn = {
            name.replace("val_", "test ").replace("_", " "): shares.get(name, curves[name])
            for name in names
            if name in curves
        }
        draw_curve(drawn, label, ax=ax)
    return three


def draw_curve(curves: Mapping[str, ArrayLike], label: str, *, ax: Axes | None = None) -> Axes:
    """Values by epoch, one line for each name.

    Args:
        curves: Values of epochs 1, 2 ..., NaN where there is none.
        label: What they are, for the axis.
        ax: Where to draw.
    """
    ax = axes(ax, figsize=(5, 3.6))
    for number, (name, given) in enumerate(curves.items()):
        look: dict[str, Any] = {"color": turn(COLORS, number), "linestyle": turn(STYLES, number)}
        values = np.asarray(given)
        epochs = np.arange(1, len(values) + 1)
        ax.plot(epochs, values, label=name, marker=turn(MARKERS, number), ms=3, **look)
    ax.set(xlabel="epoch", ylabel=label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if curves:
        ax.legend(frameon=False)
    return ax


def draw_comparison(found: Mapping[str, Sequence[float]], *, ax: Axes | None = None) -> Axes:
    """Accuracies in percent of several variants: every run, and the mean of each variant."""
    ax = axes(ax, figsize=(6, 0.8 + 0.34 * len(found)))
    for row, values in enumerate(found.values()):
        look: dict[str, Any] = {"color": COLORS[0], "marker": MARKERS[0], "s": 18, "alpha": 0.6}
        ax.scatter(values, [row] * len(values), clip_on=False, **look)
        mean: dict[str, Any] = {"marker": "|", "s": 180, "color": "black", "clip_on": False}
        ax.scatter([np.mean(values)], [row], zorder=3, **mean)
    ax.set_yticks(range(len(found)), list(found))
    ax.invert_yaxis()
    ax.set(xlabel="accuracy, %")
    ax.grid(axis="x", color="0.9")
    ax.margins(x=0.08)
    ax.locator_params(axis="x", nbins=6)
    return ax


def draw_accuracy_by_length(
    frames: ArrayLike, right: ArrayLike, *, bins: int = 8, ax: Axes | None = None
) -> Axes:
    """The share of clips that are right, for clips of about the same length.

    Args:
        frames: Frames of each clip.
        right: Whether it was recognised.
        bins: Into how many groups of equally many clips they are put, at most.
        ax: Where to draw.
    """
    length, hit = np.asarray(frames, dtype=float), np.asarray(right, dtype=float)
    order = np.argsort(length, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    ax = axes(ax, figsize=(5, 3.5))
    middle = np.array([length[group].mean() for group in groups])
    share = np.array([hit[group].mean() for group in groups])
    error = np.sqrt(share * (1 - share) / np.array([len(group) for group in groups]))
    look: dict[str, Any] = {"color": COLORS[0], "marker": MARKERS[0], "capsize": 3}
    ax.errorbar(middle, 100 * share, yerr=100 * error, **look)
    ax.set(xlabel="frames", ylabel="accuracy, % (± standard error)")
    return ax
