"""Clips of your own, from files to logits
=======================================

A crane has five joints here; it either lifts or turns. The arrays are written in the form that
``SkeletonFolder`` reads, and a batch of them goes through an untrained network::

    python examples/own_data.py --root /tmp/cranes
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch_geometric.loader import DataLoader

from stgraph import STGCN, SkeletonLayout
from stgraph.datasets import SkeletonFolder

CRANE = SkeletonLayout.from_names(
    "crane",
    [("tower", "base"), ("cabin", "tower"), ("jib", "cabin"), ("hook", "jib")],
    center="base",
)


def record(label: str, frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Keypoints ``[T, V, C]`` in metres of a crane at work; the hook is lost in one frame."""
    keypoints = np.zeros((frames, CRANE.num_joints, 3), dtype=np.float32)
    done = np.linspace(0, 1, frames)
    angle = done * np.pi / 2 if label == "turn" else np.zeros(frames)
    reach = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    keypoints[:, 1:, 2] = [20, 22, 22, 5]
    keypoints[:, 3, :2] = 30 * reach
    keypoints[:, 4, :2] = 30 * reach
    keypoints[:, 4, 2] += 12 * done if label == "lift" else 0
    keypoints += rng.normal(0, 0.1, keypoints.shape)
    keypoints[rng.integers(frames), 4] = np.nan
    return keypoints


def write_folder(root: Path, clips: int) -> None:
    """The three things that SkeletonFolder reads: layout.json, clips.csv, clips/<name>.npy."""
    rng = np.random.default_rng(0)
    (root / "raw" / "clips").mkdir(parents=True, exist_ok=True)
    (root / "raw" / "layout.json").write_text(json.dumps(CRANE.to_dict()), encoding="utf-8")
    with open(root / "raw" / "clips.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["name", "label", "split"])
        for number in range(clips):
            label = ("lift", "turn")[number % 2]
            name = f"{label}-{number:02d}"
            frames = int(rng.integers(20, 60))
            np.save(root / "raw" / "clips" / f"{name}.npy", record(label, frames, rng))
            table.writerow([name, label, "test" if number % 4 > 1 else "train"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Clips of your own, from files to logits")
    parser.add_argument("--root", type=Path, default=Path("runs/cranes"), help="folder to write")
    root = parser.parse_args().root
    write_folder(root, clips=12)

    dataset = SkeletonFolder(root, "train")
    print(dataset, "with", len(dataset), "clips of", ", ".join(dataset.class_names))
    print("first clip:", dataset[0])
    model = STGCN(3, dataset.num_classes, dataset.graph, blocks=[(16, 1), (32, 2)]).eval()
    batch = next(iter(DataLoader(dataset, batch_size=len(dataset))))
    print("logits:", list(model(batch).shape))


if __name__ == "__main__":
    main()
