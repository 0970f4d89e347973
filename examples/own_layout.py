"""A skeleton of your own: a hand, and three gestures
==================================================

A layout is a value: names of joints, bones, the joint in the middle. Nothing else has to be told,
and nothing registered; partitions, networks, drawings and files follow from it. Here a hand makes a
fist, pinches or points, and a network of two blocks learns to tell which::

    python examples/own_layout.py --out runs/hand
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy
from torch_geometric.loader import DataLoader

from stgraph import STGCN, SkeletonGraph, SkeletonLayout, datasets, visualize

FINGERS = ("thumb", "index", "middle", "ring", "little")
GESTURES = {"fist": (1, 1, 1, 1, 1), "pinch": (1, 1, 0, 0, 0), "point": (1, 0, 1, 1, 1)}

# %%
# Sixteen joints: the wrist and three for each finger. Bones point from child to parent.

BONES = [
    (f"{finger} {joint}", f"{finger} {joint - 1}" if joint > 1 else "wrist")
    for finger in FINGERS
    for joint in (1, 2, 3)
]
HAND = SkeletonLayout.from_names("my hand", BONES, center="wrist")


def hold(curl: NDArray[np.float64]) -> NDArray[np.float64]:
    """Joints ``[T, 16, 3]`` in centimetres, of fingers that are curled by ``[T, 5]``, 0 to 1."""
    places = np.zeros((len(curl), HAND.num_joints, 3))
    for number, finger in enumerate(FINGERS):
        spread = np.radians(40 - 18 * number)
        aside, along = -np.sin(spread), np.cos(spread)
        place, bend = np.zeros((len(curl), 3)), np.zeros(len(curl))
        for joint, length in ((1, 8.0), (2, 4.0), (3, 3.0)):
            reach = length * np.cos(bend)
            place = place + np.stack([aside * reach, along * reach, length * np.sin(bend)], axis=1)
            places[:, HAND.index(f"{finger} {joint}")] = place
            bend = bend + curl[:, number] * np.radians(80)
    return places


def record(gesture: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """A clip ``[T, 16, 3]``: the hand opens and closes, at its own pace and not quite evenly."""
    frames = int(rng.integers(20, 40))
    done = np.sin(np.linspace(0, np.pi, frames)) * rng.uniform(0.5, 1)
    curl = np.outer(done, GESTURES[gesture]) + rng.normal(0.1, 0.1, 5)
    return hold(curl.clip(0, 1)) * rng.uniform(0.8, 1.2) + rng.normal(0, 0.3, (frames, 16, 3))


def main() -> None:
    parser = argparse.ArgumentParser(
        description="A skeleton of your own: a hand, and three gestures"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/hand"), help="folder to write to")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    matplotlib.use("Agg")

    # A rest pose is only for drawings; without one joints are spread out by their bones.
    rest = hold(np.zeros((1, 5)))[0, :, :2]
    drawn = replace(HAND, positions=tuple(map(tuple, rest.tolist())))
    (out / "layout.json").write_text(json.dumps(drawn.to_dict()), encoding="utf-8")
    visualize.draw_partitions(drawn, target="index 2")[0].figure.savefig(out / "hand.png", dpi=100)

    # Arrays of any length are a data set in one call, and the network needs only the graph.
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    graph = SkeletonGraph.from_layout(drawn, temporal_kernel=5)
    labels = 40 * list(GESTURES)
    clips = datasets.from_arrays([record(name, rng) for name in labels], labels, graph)
    train, test = clips[30:], clips[:30]
    model = STGCN(3, len(GESTURES), graph, blocks=[(16, 1), (32, 2)], dropout=0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(8):
        for batch in DataLoader(list(train), batch_size=15, shuffle=True):
            optimizer.zero_grad()
            cross_entropy(model(batch), batch.y).backward()
            optimizer.step()
    model.eval()
    (batch,) = DataLoader(list(test), batch_size=len(test))
    right = (model(batch).argmax(dim=1) == batch.y).float().mean()
    print(f"{graph}\naccuracy: {right:.1%} of {len(test)} new clips of {', '.join(GESTURES)}")


if __name__ == "__main__":
    main()
