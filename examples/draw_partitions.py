"""Partitions and clips, drawn with networkx
=========================================

The paper's partition strategies side by side, with the one of the released program, and a clip as a
graph in space and time. The pictures of the documentation are made by::

    python examples/draw_partitions.py --out docs/images
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import torch

from stgraph import SkeletonData, SkeletonGraph, build_clip, layouts, transforms, visualize
from stgraph.datasets.synthetic.kinematics import ACTIONS, clip_rng, generate_clip


def two_persons() -> SkeletonData:
    """A generated clip of two persons who walk towards each other."""
    action = ACTIONS.index("walk towards each other")
    keypoints = torch.from_numpy(generate_clip(action, 1, 1, clip_rng(0, 1)))
    graph = SkeletonGraph.from_layout(layouts.NTU25)
    return build_clip(keypoints, graph, visible=transforms.visible(keypoints))


def main() -> None:
    parser = argparse.ArgumentParser(description="Partitions and clips, drawn with networkx")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/pictures"), help="folder to write to"
    )
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    matplotlib.use("Agg")
    pictures = {
        "partitions.png": visualize.draw_partitions(layouts.NTU25, released=True)[0].figure,
        "clip.png": visualize.draw_clip(two_persons()).figure,
    }
    for name, figure in pictures.items():
        figure.savefig(folder / name, dpi=100)
        print(folder / name)


if __name__ == "__main__":
    main()
