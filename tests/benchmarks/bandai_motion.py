"""Bandai-Namco-Research-Motiondataset-2 as a folder of clips, and a baseline to compare with.

Usage::

    python tests/benchmarks/bandai_motion.py motion2.npz datasets/bandai-motion
    stgraph train --config tests/benchmarks/bandai_motion.yaml

``motion2.npz`` holds joint positions of the data set's BVH files: ``xyz [F, V, 3]`` in metres (y
up), ``offsets`` (clip i is frames ``offsets[i]:offsets[i + 1]``), ``content``, ``style``, ``name``,
``joint_names`` and ``parents``. The styles youthful and exhausted are for testing, the other five
for training.
"""

from __future__ import annotations

import argparse
import csv
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stgraph import SkeletonLayout

TEST_STYLES = ("youthful", "exhausted")


def write_folder(source: Path, root: Path) -> None:
    """Write the clips where ``SkeletonFolder(root)`` finds them."""
    archive = np.load(source, allow_pickle=False)
    raw = root / "raw"
    (raw / "clips").mkdir(parents=True, exist_ok=True)
    layout = make_layout(archive["joint_names"].tolist(), archive["parents"].tolist())
    (raw / "layout.json").write_text(json.dumps(layout.to_dict(), indent=1))
    xyz, offsets = archive["xyz"].astype(np.float32), archive["offsets"]
    names, contents, styles = (archive[key].tolist() for key in ("name", "content", "style"))
    with open(raw / "clips.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("name", "label", "split"))
        for index, name in enumerate(names):
            np.save(raw / "clips" / f"{name}.npy", xyz[offsets[index] : offsets[index + 1]])
            split = "test" if styles[index] in TEST_STYLES else "train"
            table.writerow((name, contents[index], split))


def make_layout(joint_names: list[str], parents: list[int]) -> SkeletonLayout:
    """The 22 joints of the data set, with the hips as the centre."""
    left = [name for name in joint_names if name.endswith("_L")]
    return SkeletonLayout(
        "Bandai-22",
        tuple(joint_names),
        tuple((child, parent) for child, parent in enumerate(parents) if parent >= 0),
        center=joint_names.index("Hips"),
        mirror_pairs=tuple(
            (joint_names.index(name), joint_names.index(name[:-1] + "R")) for name in left
        ),
        source="Bandai-Namco-Research-Motiondataset-2, CC BY-NC 4.0",
    )


def nearest_neighbour(source: Path, frames: int = 52) -> float:
    """Test accuracy of the nearest training clip, on raw joints at ``frames`` moments."""
    archive = np.load(source, allow_pickle=False)
    xyz, offsets = archive["xyz"].astype(np.float32), archive["offsets"]
    at = [np.linspace(start, stop - 1, frames).astype(int) for start, stop in pairwise(offsets)]
    features: NDArray[np.float32] = np.stack([xyz[index].ravel() for index in at])
    test = np.isin(archive["style"], TEST_STYLES)
    known, asked = features[~test], features[test]
    distance = (known**2).sum(1) - 2 * asked @ known.T
    guess = archive["content"][~test][distance.argmin(1)]
    return float((guess == archive["content"][test]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("root", type=Path)
    arguments = parser.parse_args()
    write_folder(arguments.source, arguments.root)
    print(f"clips in {arguments.root}/raw")
    print(f"nearest neighbour on raw joints: {100 * nearest_neighbour(arguments.source):.1f} %")


if __name__ == "__main__":
    main()
