"""What a trained network says of clips: logits, accuracies, tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_confusion_matrix,
)

from stgraph.data import SkeletonData
from stgraph.datasets import ClipDataset, SkeletonLoader
from stgraph.nn import SkeletonNetwork


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Logits of labelled clips and what follows from them.

    Attributes:
        names: Name of each clip.
        labels: True classes, long ``[B]``.
        logits: float ``[B, classes]``.
        class_names: One per class.
    """

    names: tuple[str, ...]
    labels: Tensor
    logits: Tensor
    class_names: tuple[str, ...]

    def accuracy(self, top: int = 1) -> float:
        """Share of clips whose class is among the ``top`` highest logits."""
        classes = len(self.class_names)
        return float(
            multiclass_accuracy(
                self.logits, self.labels, classes, average="micro", top_k=min(top, classes)
            )
        )

    @property
    def confusion(self) -> Tensor:
        """Counts ``[classes, classes]``: rows are true, columns are predicted."""
        return multiclass_confusion_matrix(self.logits, self.labels, len(self.class_names))

    def write(self, folder: str | Path) -> None:
        """Write metrics.json, per_class.csv, confusion.csv and predictions.csv."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        metrics = {"clips": len(self.names), "top1": self.accuracy(), "top5": self.accuracy(5)}
        (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
        counts = self.confusion.tolist()
        _write_csv(folder / "per_class.csv", ("class", "clips", "accuracy"), self.per_class())
        _write_csv(
            folder / "confusion.csv",
            ("true class", *self.class_names),
            [[name, *row] for name, row in zip(self.class_names, counts, strict=True)],
        )
        chosen = self.logits.softmax(dim=1).max(dim=1)
        rows = zip(
            self.names,
            (self.class_names[label] for label in self.labels.tolist()),
            (self.class_names[label] for label in chosen.indices.tolist()),
            (f"{value:.6f}" for value in chosen.values.tolist()),
            strict=True,
        )
        _write_csv(
            folder / "predictions.csv", ("clip", "true class", "prediction", "probability"), rows
        )

    def per_class(self) -> list[tuple[str, int, str]]:
        """Name, number of clips and accuracy of each class; no accuracy without clips."""
        confusion = self.confusion
        totals = confusion.sum(dim=1).tolist()
        return [
            (name, total, f"{int(confusion[i, i]) / total:.4f}" if total else "")
            for i, (name, total) in enumerate(zip(self.class_names, totals, strict=True))
        ]


def evaluate(
    model: SkeletonNetwork, clips: ClipDataset, *, batch_size: int = 16, workers: int = 1
) -> Evaluation:
    """Run a network over a labelled data set, on the device where the network is.

    Raises:
        ValueError: If a clip has no label.
    """
    check_labelled(clips)
    loader = SkeletonLoader(clips, batch_size=batch_size, num_workers=workers)
    names: list[str] = []
    parts: list[tuple[Tensor, Tensor]] = []
    for batch in loader:
        parts.append((predict_logits(model, batch), batch.y.cpu()))
        names += [str(facts.name) for facts in batch.clips]
    logits, labels = (torch.cat(column) for column in zip(*parts, strict=True))
    return Evaluation(tuple(names), labels, logits, clips.class_names)


def check_labelled(clips: ClipDataset) -> None:
    """Refuse clips whose class is not known."""
    unknown = (clips.labels < 0).nonzero().flatten().tolist()
    if unknown:
        raise ValueError(
            f"{len(unknown)} of {len(clips)} clips of {clips} have no label, the first is "
            f"'{clips.names[unknown[0]]}'. Leave them out, or give them one."
        )


def predict_logits(model: SkeletonNetwork, batch: SkeletonData) -> Tensor:
    """Logits ``[B, classes]`` in evaluation mode, on the CPU."""
    device, training = next(model.parameters()).device, model.training
    model.eval()
    try:
        with torch.inference_mode():
            return model(batch.to(device)).float().cpu()
    finally:
        model.train(training)


def _write_csv(path: Path, header: Sequence[str], rows: object) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)  # type: ignore[arg-type]
