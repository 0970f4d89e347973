"""A small data set whose classes are motions of a stick, and networks for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stgraph import SkeletonLayout
from stgraph.datasets import SkeletonFolder
from stgraph.nn import STGCN
from stgraph.options import TrainingOptions
from stgraph.train import ActionRecognizer

STICK = SkeletonLayout("stick", ("bottom", "middle", "top"), ((0, 1), (2, 1)), center=1)

Sets = tuple[SkeletonFolder, SkeletonFolder]


def write_folder(root: Path, layout: SkeletonLayout, clips: list[Any]) -> Path:
    """Clips ``(label, split, array)`` as a folder."""
    (root / "raw" / "clips").mkdir(parents=True)
    (root / "raw" / "layout.json").write_text(json.dumps(layout.to_dict()))
    rows = ["name,label,split"]
    for index, (label, split, array) in enumerate(clips):
        np.save(root / "raw" / "clips" / f"{index}.npy", array)
        rows.append(f"{index},{label},{split}")
    (root / "raw" / "clips.csv").write_text("\n".join(rows) + "\n")
    return root


def swings(count: int, seed: int):
    """The top of the stick swings to one side or to the other, from the middle."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        frames = int(rng.integers(12, 30))
        clip = 0.05 * rng.normal(size=(frames, 3, 2))
        clip[:, 2, 0] += (1 if index % 2 else -1) * np.linspace(0, 1, frames)
        yield f"side {index % 2}", clip


def write_swings(root: Path) -> Path:
    """24 clips to train on, 12 to test on."""
    clips = [(label, "train", clip) for label, clip in swings(24, 0)]
    clips += [(label, "test", clip) for label, clip in swings(12, 1)]
    return write_folder(root, STICK, clips)


def read_sets(root: Path, **options: Any) -> Sets:
    """Clips for training, for which alone the options are, and for testing."""
    return SkeletonFolder(root, **options), SkeletonFolder(root, "test")


def recognizer(sets: Sets, *, dropout: float = 0.5, **options: Any) -> ActionRecognizer:
    """Two blocks, whose weights are the same in every call."""
    torch.manual_seed(0)
    size = (sets[0][0].num_features, sets[0].num_classes, sets[0].graph)
    model = STGCN(*size, blocks=[(8, 1), (8, 1)], dropout=dropout)
    settings = {"batch_size": 8, "workers": 0, "accelerator": "cpu", "learning_rate_batch": 0}
    settings |= options
    return ActionRecognizer(model, TrainingOptions(**settings), sets[0].class_names, {})
