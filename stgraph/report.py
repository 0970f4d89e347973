"""A page for people about a run: what it reached, what it confuses, which clips it gets wrong."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from stgraph import visualize
from stgraph.evaluate import Evaluation
from stgraph.nn import SkeletonNetwork

MOST = 10  # rows of a table


class Confusion(NamedTuple):
    """So many clips of class ``true`` were taken for class ``predicted``, a share of its clips."""

    true: str
    predicted: str
    clips: int
    share: float


class Mistake(NamedTuple):
    """A clip of class ``true`` that was taken for ``predicted`` with this probability."""

    clip: str
    true: str
    predicted: str
    probability: float


def hardest_pairs(found: Evaluation, most: int = MOST) -> list[Confusion]:
    """The pairs of classes that are confused most often, those of many clips first."""
    counts = found.confusion.clone()
    totals = counts.sum(dim=1)
    counts.fill_diagonal_(0)
    order = counts.flatten().argsort(descending=True, stable=True)[:most]
    pairs = [divmod(int(place), len(counts)) for place in order if counts.flatten()[place]]
    return [
        Confusion(
            found.class_names[true],
            found.class_names[predicted],
            int(counts[true, predicted]),
            float(counts[true, predicted] / totals[true]),
        )
        for true, predicted in pairs
    ]


def surest_mistakes(found: Evaluation, most: int = MOST) -> list[Mistake]:
    """The clips that are wrong with the highest probability: look at them, or at their labels."""
    probability, predicted = found.probabilities.max(dim=1)
    probability = probability.masked_fill(predicted == found.labels, -1)
    order = probability.argsort(descending=True, stable=True)[:most]
    return [
        Mistake(
            found.names[row],
            found.class_names[int(found.labels[row])],
            found.class_names[int(predicted[row])],
            float(probability[row]),
        )
        for row in order.tolist()
        if probability[row] >= 0
    ]


def read_curves(folder: Path) -> dict[str, list[float]]:
    """What ``metrics*.csv`` of a run say of each epoch, by name; NaN where they say nothing.

    Of a run that was resumed the files come in the order of its starts.
    """
    found: dict[str, dict[int, float]] = {}
    for row in _metric_rows(folder):
        epoch = int(row.pop("epoch"))
        for name, value in row.items():
            if value and name not in ("step", "train_loss_step"):
                found.setdefault(name, {})[epoch] = float(value)
    epochs = 1 + max((epoch for values in found.values() for epoch in values), default=-1)
    return {
        name: [values.get(epoch, math.nan) for epoch in range(epochs)]
        for name, values in found.items()
    }


def _metric_rows(folder: Path) -> Iterator[dict[str, str]]:
    """The rows of all files; one that names no epoch, of a learning rate, belongs to the next."""
    earlier = sorted(folder.glob("metrics-*.csv"), key=lambda path: int(path.stem.split("-")[1]))
    for path in [*earlier, folder / "metrics.csv"]:
        waiting: list[dict[str, str]] = []
        with open(path, newline="", encoding="utf-8") if path.is_file() else StringIO() as file:
            for row in csv.DictReader(file):
                waiting.append(row)
                if row["epoch"]:
                    yield from ({**each, "epoch": row["epoch"]} for each in waiting)
                    waiting = []


def write_report(
    folder: str | Path,
    found: Evaluation,
    model: SkeletonNetwork,
    frames: ArrayLike | Tensor,
    *,
    title: str = "Run",
    about: Mapping[str, object] | None = None,
) -> Path:
    """Write ``report.md`` and its figures into the folder of a run.

    Args:
        folder: Of the run; curves are read from its metrics.
        found: What the network says of the test clips.
        model: The network.
        frames: Frames of each test clip, in the order of ``found``.
        title: The heading.
        about: What else the first table says.

    Returns:
        The page.
    """
    folder = Path(folder)
    page = folder / "report.md"
    curves = read_curves(folder)
    sections = [f"# {title}", _summary(found, model, about or {})]
    if curves:
        picture = _save(visualize.draw_curves(curves)[0].figure, folder, "curves")
        sections += ["## Training", picture]
    axes = visualize.draw_confusion(found.confusion, found.class_names)
    sections += ["## Confusion", _save(axes.figure, folder, "confusion"), _pairs(found)]
    sections += ["## Wrong, those with the highest probability first", _mistakes(found)]
    right = found.logits.argmax(dim=1) == found.labels
    axes = visualize.draw_accuracy_by_length(torch.as_tensor(frames), right)
    sections += ["## Accuracy by length", _save(axes.figure, folder, "length")]
    sections += _importance(model, folder)
    page.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
    return page


def _summary(found: Evaluation, model: SkeletonNetwork, about: Mapping[str, object]) -> str:
    numbers = sum(value.numel() for value in model.parameters())
    rows = [
        *about.items(),
        ("network", f"{type(model).__name__}, {numbers:,} parameters"),
        ("graph", _subsets(model)),
        ("clips", f"{len(found.names):,} of {len(found.class_names)} classes"),
        ("top-1", f"{100 * found.accuracy():.2f} %"),
        ("top-5", f"{100 * found.accuracy(5):.2f} %"),
        ("mean over classes", f"{100 * found.mean_class_accuracy():.2f} %"),
    ]
    return markdown_table(("", ""), rows)


def _subsets(model: SkeletonNetwork) -> str:
    graph, names = model.graph, model.graph.subset_names
    edges = torch.bincount(graph.edge_type, minlength=len(names)).tolist()
    sizes = zip(names, edges, strict=True) if len(names) < MOST else [("each of its own", 1)]
    subsets = ", ".join(f"{name} {count}" for name, count in sizes)
    return f"{graph.layout.name}, edges by subset: {subsets}"


def _pairs(found: Evaluation) -> str:
    rows = [
        (pair.true, pair.predicted, pair.clips, f"{100 * pair.share:.0f} %")
        for pair in hardest_pairs(found)
    ]
    if not rows:
        return "No clip is taken for another class."
    return markdown_table(("class", "taken for", "clips", "of the class"), rows)


def _mistakes(found: Evaluation) -> str:
    rows = [
        (wrong.clip, wrong.true, wrong.predicted, f"{100 * wrong.probability:.1f} %")
        for wrong in surest_mistakes(found)
    ]
    if not rows:
        return "No clip is wrong."
    return markdown_table(("clip", "class", "taken for", "probability"), rows)


def _importance(model: SkeletonNetwork, folder: Path) -> list[str]:
    """The importance that the first and the last block have learnt, if the network learns any."""
    pictures = []
    for name, block in (("first", model.blocks[0]), ("last", model.blocks[-1])):
        importance = getattr(block, "importance", None)
        if importance is not None and importance.weight.requires_grad:
            factors = importance.factors.detach().cpu()
            axes = visualize.draw_importance(model.graph.to("cpu"), factors)
            axes.set_title(f"{name} block")
            pictures.append(_save(axes.figure, folder, f"importance-{name}"))
    words = (
        "Each half of a bone is the edge that ends at its joint, as wide as its learnt factor; a "
        "factor of one, where learning starts, is as wide as in the key."
    )
    return ["## Learnt edge importance", words, *pictures] if pictures else []


def _save(figure: object, folder: Path, name: str) -> str:
    """Write a figure beside the page, and say how it is shown there."""
    visualize.save_figure(figure, folder / "figures" / f"{name}.png", dpi=120)
    return f"![{name}](figures/{name}.png)"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", ", ")
