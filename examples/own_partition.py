"""A partition of your own: left against right
===========================================

A strategy is a function of the layout and its edges which says for every edge in which subset its
source is. This one asks on which side of the body the source lies, as seen from the target, so that
the layer can do different things with a left and with a right neighbour::

    python examples/own_partition.py --out runs/sides
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import torch
from torch import Tensor

from stgraph import SkeletonGraph, SkeletonLayout, STGCNConv, layouts, partition, visualize


def sides(layout: SkeletonLayout, edge_index: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """The joint itself, sources on the body's axis, on its left and on its right (K = 4)."""
    side = torch.ones(layout.num_joints, dtype=torch.long)
    for left, right in layout.mirror_pairs:
        side[left], side[right] = 2, 3
    source, target = edge_index
    itself = source == target
    return side[source].masked_fill(itself, 0), ("itself", "axis", "left", "right")


def changes_when_mirrored(graph: SkeletonGraph) -> float:
    """How far a layer is from giving every joint what it gave its partner, if sides are swapped."""
    torch.manual_seed(0)
    conv = STGCNConv(3, 16, graph.num_subsets)
    x, mirrored = torch.randn(graph.num_joints, 3), torch.tensor(graph.layout.mirrored)
    edges = graph.edge_index, graph.edge_type, graph.edge_weight
    return (conv(x[mirrored], *edges) - conv(x, *edges)[mirrored]).abs().max().item()


def main() -> None:
    parser = argparse.ArgumentParser(description="A partition of your own: left against right")
    parser.add_argument("--out", type=Path, default=Path("runs/sides"), help="folder to write to")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    matplotlib.use("Agg")

    # The paper's partitions look the same in a mirror: what a layer does with the left arm it does
    # with the right one. With ``sides`` it has matrices of their own for the two.
    strategies = {"spatial": partition.spatial, "sides": sides}
    graphs = {
        name: SkeletonGraph.from_layout(layouts.COCO17, strategy)
        for name, strategy in strategies.items()
    }
    for name, graph in graphs.items():
        print(graph)
        print(f"{name}: changes by {changes_when_mirrored(graph):.1e} in a mirror")

    # All edges of the body, every half in the colour and width of its subset.
    ax = visualize.draw_subsets(graphs["sides"])
    ax.figure.savefig(out / "sides.png", dpi=100)
    print(out / "sides.png")


if __name__ == "__main__":
    main()
