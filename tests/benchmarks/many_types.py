"""Edges of more and more types: tile by tile, type by type, and PyG's ``RGCNConv``.

``python -m tests.benchmarks.many_types``; two threads, forward and backward, medians in ms.
"""

from __future__ import annotations

import statistics

import torch
from torch_geometric.nn import RGCNConv

from stgraph.bench import times_in_turn
from stgraph.nn.backends import BACKENDS, TypedGraph

NODES, ROUNDS = 20_000, 7
OURS = ("spmm", "type_by_type")


def medians(types: int, degree: int, channels: int, nodes: int = NODES) -> list[float]:
    """Seconds of both backends and of PyG's layer on random edges, as many into each node."""
    target = torch.arange(nodes).repeat_interleave(degree)
    edge_index = torch.stack([torch.randint(nodes, (len(target),)), target])
    edge_type = torch.randint(types, (len(target),))
    graph = TypedGraph(edge_index, edge_type, types, nodes, nodes).sorted()
    x = torch.randn(nodes, channels, requires_grad=True)
    weight = (torch.randn(types, channels, channels) / channels).requires_grad_()
    layer = RGCNConv(channels, channels, types, aggr="add", root_weight=False, bias=False)

    def ours(name: str) -> None:
        x.grad = weight.grad = None
        BACKENDS[name](x, weight, graph).sum().backward()

    def theirs() -> None:
        x.grad = None
        layer.zero_grad()
        layer(x, edge_index, edge_type).sum().backward()

    sides = [lambda name=name: ours(name) for name in OURS]
    taken = times_in_turn([*sides, theirs], ROUNDS)
    return [statistics.median(times) for times in taken]


def main() -> None:
    torch.set_num_threads(2)
    torch.manual_seed(0)
    print("channels  edges a node  types  cells an edge    spmm  type_by_type  RGCNConv")
    for channels, degree, nodes in ((64, 6, NODES), (64, 3, NODES), (256, 6, NODES // 4)):
        for types in (6, 12, 24, 48):
            times = "".join(f"{1000 * t:12.1f}" for t in medians(types, degree, channels, nodes))
            print(f"{channels:8d}{degree:14d}{types:7d}{types / degree:15.1f}{times}", flush=True)


if __name__ == "__main__":
    main()
