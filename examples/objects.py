"""Objects as nodes: a hand, a thing, and what it looks like
=========================================================

The authors of ST-GCN name scenes and objects as what should come next. In a graph an object is a
node: it has a place, features of its look, and edges to the hands that are near. Here everybody
raises a hand: to drink from a cup, to make a call, or to greet while the cup stays on the table.
The bodies say nothing about which it is::

    python examples/objects.py --out runs/objects
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch_geometric.loader import DataLoader

from stgraph import (
    STGCN,
    SkeletonData,
    SkeletonGraph,
    build_clip,
    layouts,
    partition,
    transforms,
    visualize,
)
from stgraph.datasets.synthetic.kinematics import ACTIONS, clip_rng, perform, sense

CLASSES = ("drink", "call", "greet")
LOOKS = {"cup": (1.0, 0.0, 1.0, 0.0), "phone": (0.0, 1.0, 1.0, 0.0)}  # an image network's features
NEAR = 0.25  # metres

# %%
# The layout has one joint more, the thing, and the partition one subset more, touch. No edge of the
# layout is in it: they depend on the clip and are added there.

SCENE = replace(
    layouts.NTU25, name="body and thing", joint_names=(*layouts.NTU25.joint_names, "thing"),
    positions=(*layouts.NTU25.positions, (0.7, 0.9)),
)  # fmt: skip
THING = SCENE.index("thing")
HANDS = [SCENE.index("left hand"), SCENE.index("right hand")]


def touching(layout: layouts.SkeletonLayout, edge_index: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    body = (edge_index != THING).all(dim=0)
    labels = torch.zeros_like(edge_index[0])
    labels[body], names = partition.spatial(layouts.NTU25, edge_index[:, body])
    return labels, (*names, "touch")


GRAPH = SkeletonGraph.from_layout(SCENE, touching, temporal_kernel=5)
TOUCH = GRAPH.subset_names.index("touch")


def raised_hand(body: NDArray[np.float32]) -> int:
    """The hand that moves most in height."""
    return max(HANDS, key=lambda hand: np.nanstd(body[:, hand, 1]))


def record(label: int, performer: int, number: int) -> NDArray[np.float32]:
    """Keypoints ``[2, T, 26, 7]`` of a body and a thing: a place, and four features of its look."""
    rng = clip_rng(label, performer, number)
    body = sense(perform(ACTIONS.index("raise hand"), performer, rng, frames=40), rng)[0]
    clip = np.full((2, 40, SCENE.num_joints, 7), np.nan, dtype=np.float32)
    clip[0, :, :THING] = np.concatenate([body, np.zeros((40, THING, 4))], axis=2)
    place = body[:, raised_hand(body)]
    if CLASSES[label] == "greet":
        place = np.array([0.4, 0.8, -0.6])  # on the table
    clip[1, :, THING, :3] = place + rng.normal(0, 0.03, (40, 3))
    look = LOOKS["phone" if CLASSES[label] == "call" else "cup"]
    clip[1, :, THING, 3:] = look + rng.normal(0, 0.3, 4)
    clip[1, np.isnan(clip[1, :, THING, 0]), THING] = np.nan  # hidden with the hand
    return clip


def build(keypoints: NDArray[np.float32], label: int) -> SkeletonData:
    """The clip's graph, with edges both ways between the thing and each hand that is near it."""
    points = torch.from_numpy(keypoints).clone()
    points[..., :3] -= points[0, 0, SCENE.center, :3].nan_to_num()
    clip = build_clip(points, GRAPH, y=label, visible=transforms.visible(points))
    hands = torch.isin(clip.joint, torch.tensor(HANDS))
    pairs = clip.pairs(clip.joint == THING, hands)
    thing, hand = clip.x[pairs, :3]
    return clip.with_edges(pairs[:, (thing - hand).norm(dim=1) < NEAR], TOUCH)


def without_things(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    return keypoints[:1]


def accuracy(train: list[SkeletonData], test: list[SkeletonData]) -> float:
    """Of a small network, on new performers."""
    torch.manual_seed(0)
    model = STGCN(7, len(CLASSES), GRAPH, blocks=[(16, 1), (32, 2)], dropout=0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(6):
        for batch in DataLoader(train, batch_size=12, shuffle=True):
            optimizer.zero_grad()
            cross_entropy(model(batch), batch.y).backward()
            optimizer.step()
    (batch,) = DataLoader(test, batch_size=len(test))
    return (model.eval()(batch).argmax(dim=1) == batch.y).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description="Objects as nodes: drink, call or greet.")
    parser.add_argument("--out", type=Path, default=Path("runs/objects"), help="folder to write to")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    matplotlib.use("Agg")

    # The same clips, once with the things and once without. Things have looks in four channels,
    # which are zero at joints.
    clips = [(record(label, performer, n), label, performer)
             for performer in range(1, 19) for n in range(2) for label in range(3)]  # fmt: skip
    first = build(clips[0][0], 0)
    print(f"{first.num_nodes} nodes, {int((first.edge_type == TOUCH).sum())} edges of touch")
    greeting = build(clips[2][0], 2)
    ax = visualize.draw_clip(greeting, frames=(8, 16, 24, 32))  # the thing is person 1
    ax.figure.savefig(out / "objects.png", dpi=100)
    print(out / "objects.png")
    for name, seen in (("with things", lambda clip: clip), ("bodies alone", without_things)):
        sets = [
            [build(seen(clip), label) for clip, label, who in clips if (who > 12) == unseen]
            for unseen in (False, True)
        ]
        print(f"{name}: {accuracy(*sets):.1%} of {len(sets[1])} clips of new performers")


if __name__ == "__main__":
    main()
