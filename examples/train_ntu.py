"""Training on NTU RGB+D in a plain loop
=====================================

Without files it generates a small set of synthetic clips, which takes a few seconds::

    python examples/train_ntu.py
    python examples/train_ntu.py --root datasets/ntu-rgbd

The second takes the real recordings, which lie under ``datasets/ntu-rgbd/raw``. The network is
small and sees a few clips only, so that everything is over within a minute; `stgraph train` trains
the whole network on everything.
"""

from __future__ import annotations

import argparse

import torch
from torch.nn.functional import cross_entropy
from torch_geometric.loader import DataLoader

from stgraph import STGCN, SkeletonGraph, datasets, layouts, transforms


def shortened(keypoints: torch.Tensor) -> torch.Tensor:
    """Sixteen frames, with the first person's spine at the origin to begin with."""
    centered = transforms.center(keypoints, layouts.NTU25.index("spine mid"))
    return transforms.resample(centered, 16)


def load(root: str | None, split: str, graph: SkeletonGraph) -> datasets.SkeletonDataset:
    options = {"graph": graph, "keypoint_transform": shortened}
    if root is not None:
        return datasets.NTURGBD(root, split, **options)
    return datasets.SyntheticActions("runs/synthetic-small", split, performers=6, **options)


def train(model: STGCN, loader: DataLoader, optimizer: torch.optim.Optimizer) -> float:
    model.train()
    total = 0.0
    for batch in loader:
        optimizer.zero_grad()
        loss = cross_entropy(model(batch), batch.y)
        loss.backward()
        optimizer.step()
        total += loss.item() * batch.num_graphs
    return total / len(loader.dataset)


@torch.no_grad()
def accuracy(model: STGCN, loader: DataLoader) -> float:
    model.eval()
    hits = sum(int((model(batch).argmax(dim=1) == batch.y).sum()) for batch in loader)
    return hits / len(loader.dataset)


def main() -> None:
    parser = argparse.ArgumentParser(description="Training on NTU RGB+D in a plain loop")
    parser.add_argument("--root", help="folder with NTU RGB+D; default: synthetic clips")
    parser.add_argument("--clips", type=int, default=96, help="clips to train and to test on")
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()

    torch.manual_seed(0)
    graph = SkeletonGraph.from_layout(layouts.NTU25, temporal_kernel=5)
    train_set = load(args.root, "train", graph).shuffle()[: args.clips]
    test_set = load(args.root, "test", graph).shuffle()[: args.clips]
    train_loader = DataLoader(list(train_set), batch_size=16, shuffle=True)
    test_loader = DataLoader(list(test_set), batch_size=32)

    model = STGCN(3, train_set.num_classes, graph, blocks=[(32, 1), (64, 2)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=args.epochs)
    for epoch in range(1, args.epochs + 1):
        loss = train(model, train_loader, optimizer)
        schedule.step()
        print(f"epoch {epoch:2d}: loss {loss:.3f}")
    seen, unseen = accuracy(model, train_loader), accuracy(model, test_loader)
    print(f"accuracy: {seen:.1%} of {len(train_set)} seen, {unseen:.1%} of {len(test_set)} unseen")


if __name__ == "__main__":
    main()
