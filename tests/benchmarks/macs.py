"""Multiply-adds of the networks on a clip: dense programs, and ours on graphs.

``python -m tests.benchmarks.macs [frame_counts.txt]`` prints the table of docs/fidelity.md. Matrix
products and convolutions are counted by PyTorch (``torch.utils.flop_counter``); multiply-adds along
edges, which it does not see, are edges times channels. The figures published by mmaction2 1.x count
two operations more for every number that is normalised. ``frame_counts.txt`` holds a clip length
per line; with it the mean clip of a data set is counted too.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from stgraph import SkeletonGraph, build_clip, layouts, normalization, partition
from stgraph.nn import STGCN, JointNorm, NodeNorm, SkeletonNetwork, STGCNConv, STGCNPlusPlus
from stgraph.nn.backends import TemporalGrid

from ..nn import dense_released, oracles

RELEASED = SkeletonGraph.from_layout(layouts.NTU25, partition.spatial_2018)
IN_OUT = SkeletonGraph.from_layout(layouts.NTU25_PYSKL, normalization=normalization.per_subset)
TWO_PERSONS = 0.183  # share of the clips of NTU RGB+D 60 that are of actions of two persons


class Count(NamedTuple):
    """Multiply-adds in matrix products and along edges, and numbers that are normalised."""

    products: int
    edges: int
    normalized: int

    @property
    def total(self) -> int:
        return self.products + self.edges


def dense_form(model: SkeletonNetwork, keypoints: Tensor) -> Tensor:
    """The logits of ``[B, M, T, V, C]`` by convolutions on images, as the programs compute."""
    if isinstance(model, STGCNPlusPlus):
        return dense_released.network(model, keypoints, dense_released.plus_plus_block)[0]
    return oracles.dense_network(model, keypoints)


def count_products(run: Callable[[], object]) -> int:
    """What PyTorch's counter sees; a multiply-add is two operations to it."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() // 2


def count_dense(model: SkeletonNetwork, keypoints: Tensor) -> Count:
    """The dense program; it normalises what ours does."""
    products = count_products(lambda: dense_form(model, keypoints[None]))
    return Count(products, 0, count_sparse(model, keypoints).normalized)


def count_sparse(model: SkeletonNetwork, keypoints: Tensor) -> Count:
    """Message passing on explicit edges, whatever shortcut whole frames would have."""
    edges = normalized = 0

    def convolves(conv: STGCNConv, arguments: tuple[Any, ...], keywords: object) -> None:
        nonlocal edges
        graph = arguments[1]
        graph = graph.explicit() if isinstance(graph, TemporalGrid) else graph
        edges += len(graph.edge_type) * conv.weight.shape[1]

    def normalizes(norm: object, arguments: tuple[Tensor, ...]) -> None:
        nonlocal normalized
        normalized += arguments[0].numel()

    handles = []
    for module in model.modules():
        if isinstance(module, STGCNConv):
            handles.append(module.register_forward_pre_hook(convolves, with_kwargs=True))
        elif isinstance(module, NodeNorm | JointNorm):
            handles.append(module.register_forward_pre_hook(normalizes))
    data = build_clip(keypoints, model.graph)
    order = torch.arange(data.num_edges).flip(0)  # edges in another order are taken one by one
    data.edge_index = data.edge_index[:, order]
    for key in ("edge_type", "edge_weight", "edge_template"):
        data[key] = data[key][order]
    products = count_products(lambda: model(data))
    for handle in handles:
        handle.remove()
    return Count(products, edges, normalized)


def mean_sparse(model: SkeletonNetwork, lengths: list[int], persons: float) -> float:
    """The mean over clips of these lengths; the count is a straight line in frames, nearly."""
    distinct = sorted(set(lengths))[:: max(1, len(set(lengths)) // 12)]
    points = {n: count_sparse(model, torch.randn(1, n, 25, 3)).total for n in distinct}
    slope, start = statistics.linear_regression(list(points), list(points.values()))
    return persons * (slope * statistics.mean(lengths) + start)


def rows(lengths: list[int] | None = None) -> dict[tuple[str, str], float]:
    """Multiply-adds by (network, what)."""
    found: dict[tuple[str, str], float] = {}
    for name, model in (
        ("ST-GCN", STGCN(3, 60, RELEASED).eval()),
        ("ST-GCN++", STGCNPlusPlus(3, 60, IN_OUT).eval()),
    ):
        clip = torch.randn(2, 100, 25, 3)
        dense = count_dense(model, clip)
        found[name, "dense, 2 x 300"] = count_dense(model, torch.randn(2, 300, 25, 3)).total
        found[name, "dense, 2 x 100"] = dense.total
        found[name, "as mmaction2 counts"] = dense.total + 2 * dense.normalized
        sparse = count_sparse(model, clip)
        found[name, "edges, 2 x 100"] = sparse.total
        found[name, "of these along edges"] = sparse.edges
        if lengths is not None:
            found[name, "ragged, mean clip"] = mean_sparse(model, lengths, 1 + TWO_PERSONS)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frame_counts", type=Path, nargs="?")
    path = parser.parse_args().frame_counts
    lengths = [int(line) for line in path.read_text().split()] if path else None
    for (network, what), macs in rows(lengths).items():
        print(f"{network:9s} {what:22s} {macs / 1e9:7.3f} G")


if __name__ == "__main__":
    main()
