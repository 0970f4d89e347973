"""What a trained network says of clips: logits, accuracies, tables."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_confusion_matrix,
)

from stgraph.data import SkeletonData
from stgraph.datasets import ClipDataset, SkeletonLoader
from stgraph.nn import SkeletonNetwork
from stgraph.processes import gathered


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

    def mean_class_accuracy(self) -> float:
        """The mean over classes that have clips: of unbalanced sets it says more than the share."""
        return float(mean_of_classes(self.confusion))

    def summary(self) -> str:
        """The accuracies in a line."""
        shares = {
            "top-1": self.accuracy(),
            "top-5": self.accuracy(5),
            "mean of classes": self.mean_class_accuracy(),
        }
        return ", ".join(f"{name} {100 * share:.2f} %" for name, share in shares.items())

    @property
    def confusion(self) -> Tensor:
        """Counts ``[classes, classes]``: rows are true, columns are predicted."""
        return multiclass_confusion_matrix(self.logits, self.labels, len(self.class_names))

    @property
    def probabilities(self) -> Tensor:
        """Of each class for each clip, float ``[B, classes]``."""
        return self.logits.softmax(dim=1)

    def save(self, path: str | Path) -> None:
        """Write names, labels, logits and class names to a ``.npz`` file, as :func:`load` reads."""
        np.savez(
            path,
            names=np.array(self.names),
            class_names=np.array(self.class_names),
            labels=self.labels.numpy(),
            logits=self.logits.numpy(),
        )

    @classmethod
    def load(cls, path: str | Path) -> Evaluation:
        """What :meth:`save` wrote; nothing in the file is run.

        Raises:
            ValueError: If it is no such file.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                names, class_names = (
                    tuple(map(str, file[key])) for key in ("names", "class_names")
                )
                labels, logits = (torch.from_numpy(file[key]) for key in ("labels", "logits"))
        except (KeyError, ValueError, zipfile.BadZipFile, AttributeError) as error:
            raise ValueError(
                f"{path} holds no scores ({error}); stgraph evaluate writes them as scores.npz."
            ) from None
        return cls(names, labels, logits, class_names)

    def write(self, folder: str | Path) -> None:
        """Write metrics.json, per_class.csv, confusion.csv, predictions.csv and scores.npz."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.save(folder / "scores.npz")
        metrics = {
            "clips": len(self.names),
            "top1": self.accuracy(),
            "top5": self.accuracy(5),
            "mean_class": self.mean_class_accuracy(),
        }
        (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
        counts = self.confusion.tolist()
        _write_csv(folder / "per_class.csv", ("class", "clips", "accuracy"), self.per_class())
        _write_csv(
            folder / "confusion.csv",
            ("true class", *self.class_names),
            [[name, *row] for name, row in zip(self.class_names, counts, strict=True)],
        )
        chosen = self.probabilities.max(dim=1)
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


def mean_of_classes(confusion: Tensor) -> Tensor:
    """The mean accuracy of the classes that have clips, of counts ``[classes, classes]``."""
    clips = confusion.sum(dim=1)
    return (confusion.diagonal() / clips)[clips > 0].mean()


def evaluate(
    model: SkeletonNetwork,
    clips: ClipDataset,
    *,
    batch_size: int = 16,
    workers: int = 1,
    draws: int = 1,
    seed: int = 0,
) -> Evaluation:
    """Run a network over a labelled data set, on the device where the network is.

    Args:
        model: The network.
        clips: The data set.
        batch_size: Clips at once.
        workers: Processes that read clips.
        draws: With more than one, each clip is taken so many times, varied by the data set's
            ``augment``, and its probabilities averaged; the logits are then their logarithms.
        seed: Of what is varied.

    Raises:
        ValueError: If a clip has no label, or clips would be drawn but not varied.

    Where several processes run (``torch.distributed``), each takes its share of the clips, and all
    return the whole result, in the order of the data set.
    """
    check_labelled(clips)
    if draws > 1 and clips.augment is None:
        raise ValueError(
            f"Each clip of {clips} would be taken {draws} times without any difference; give the "
            "data set an augment that samples its frames, or take each clip once."
        )
    loader = SkeletonLoader(clips, batch_size=batch_size, num_workers=workers, seed=seed)
    found = [_run(model, loader) for _ in range(draws)]
    names, labels, logits = found[0]
    if draws > 1:
        logits = torch.stack([each.softmax(dim=1) for _, _, each in found]).mean(dim=0).log()
    place = {name: number for number, name in enumerate(clips.names)}
    order = torch.tensor([place[name] for name in names]).argsort(stable=True)
    names = tuple(names[number] for number in order.tolist())
    return Evaluation(names, labels[order], logits[order], clips.class_names)


Found = tuple[tuple[str, ...], Tensor, Tensor]


def _run(model: SkeletonNetwork, loader: SkeletonLoader) -> Found:
    """Names, labels and logits of all clips, once.

    Where several processes run, each takes its share, and all get everything.
    """
    names: list[str] = []
    parts: list[tuple[Tensor, Tensor]] = []
    for batch in loader:
        parts.append((batch.y.cpu(), predict_logits(model, batch)))
        names += [str(facts.name) for facts in batch.clips]
    labels, logits = (torch.cat(column) for column in zip(*parts, strict=True))
    shares = gathered((names, labels, logits))
    all_names = tuple(name for share in shares for name in share[0])
    labels, logits = (torch.cat([share[field] for share in shares]) for field in (1, 2))
    return all_names, labels, logits


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
