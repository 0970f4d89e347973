"""Two persons and the edges between them
======================================

Two people wave at each other, together or in turn. Each for himself does just the same in both
cases, so a network that looks at persons one by one and takes their mean has little to go by. Edges
between the hands of the two are all it takes::

    python examples/two_persons.py --out runs/two-persons
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch_geometric.loader import DataLoader

from stgraph import STGCN, SkeletonData, SkeletonGraph, build_clip, layouts, partition, visualize

CLASSES = ("together", "in turn")
HAND = layouts.NTU25.index("right hand")

# %%
# A subset for these edges, in which none of the layout's is.


def between(layout: layouts.SkeletonLayout, edge_index: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    labels, names = partition.spatial(layout, edge_index)
    return labels, (*names, "other person")


GRAPH = SkeletonGraph.from_layout(layouts.NTU25, between, temporal_kernel=5)


def wave(label: int, rng: np.random.Generator) -> Tensor:
    """Keypoints ``[2, T, 25, 2]``: right hands go to and fro, at a chance pace and start."""
    frames = int(rng.integers(30, 50))
    rest = np.array(layouts.NTU25.positions)
    clip = np.tile(rest, (2, frames, 1, 1)) + rng.normal(0, 0.01, (2, frames, 25, 2))
    turns = rng.uniform(0, 2 * np.pi) + np.arange(frames) * rng.uniform(0.4, 0.8)
    for person in (0, 1):
        swing = 0.2 * np.sin(turns + np.pi * label * person)
        clip[person, :, HAND] = np.stack([-0.4 + swing, np.full(frames, 1.8)], axis=1)
    return torch.from_numpy(clip).float()


def join(clip: SkeletonData) -> SkeletonData:
    """The clip with edges both ways between the right hands of a frame."""
    one, other = ((clip.joint == HAND) & (clip.person == person) for person in (0, 1))
    return clip.with_edges(clip.pairs(one, other), GRAPH.subset_names.index("other person"))


def accuracy(train: list[SkeletonData], test: list[SkeletonData]) -> float:
    """Of a small network, on new clips."""
    torch.manual_seed(0)
    model = STGCN(2, len(CLASSES), GRAPH, blocks=[(16, 1), (32, 2)], dropout=0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(8):
        for batch in DataLoader(train, batch_size=10, shuffle=True):
            optimizer.zero_grad()
            cross_entropy(model(batch), batch.y).backward()
            optimizer.step()
    (batch,) = DataLoader(test, batch_size=len(test))
    return (model.eval()(batch).argmax(dim=1) == batch.y).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description="Two persons and the edges between them")
    parser.add_argument("--out", type=Path, default=Path("runs/two-persons"), help="folder")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    matplotlib.use("Agg")

    rng = np.random.default_rng(0)
    alone = [build_clip(wave(n % 2, rng), GRAPH, y=n % 2, name=CLASSES[n % 2]) for n in range(100)]
    joined = [join(clip) for clip in alone]
    for name, clips in (("persons apart", alone), ("hands joined", joined)):
        print(f"{name}: {accuracy(clips[40:], clips[:40]):.1%} of 40 new clips")

    # Edges that are added are edges like any other, in drawings too. The second person stands
    # where he is seen: drawn here a metre aside.
    shown = joined[1].clone()
    shown.x = shown.x + torch.tensor([1.0, 0.0]) * shown.person[:, None]
    visualize.draw_clip(shown).figure.savefig(out / "joined.png", dpi=100)
    print(out / "joined.png")


if __name__ == "__main__":
    main()
