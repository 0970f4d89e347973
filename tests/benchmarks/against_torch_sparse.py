"""``spmm`` against the same sums by torch-sparse, in both orders, forward and backward.

Usage (``make test-sparse`` installs torch-sparse)::

    python -m tests.benchmarks.against_torch_sparse

Both sides get their edges sorted; torch-sparse gets the transposed order too, before anything is
timed. The rows that it sums are then multiplied (aggregate first), or it sums products (transform
first).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from stgraph.bench import times_in_turn
from stgraph.bench.layers import TYPES, Kind, typed_edges
from stgraph.nn.backends import TypedGraph, spmm

BODIES, FRAMES, ROUNDS = 8, 300, 7


class Problem(NamedTuple):
    """Features, weights and edges with weights."""

    x: Tensor
    weight: Tensor
    edges: TypedGraph
    edge_weight: Tensor


def problem(kind: Kind, channels: int) -> Problem:
    edge_index, edge_type = typed_edges(kind, BODIES, FRAMES)
    nodes, types = BODIES * FRAMES * 25, TYPES[kind]
    x = torch.randn(nodes, channels, requires_grad=True)
    weight = (torch.randn(types, channels, channels) / channels).requires_grad_()
    edges = TypedGraph(edge_index, edge_type, types, nodes, nodes).sorted()
    return Problem(x, weight, edges, torch.rand(len(edge_type)))


def aggregate_first(given: Problem) -> Callable[[], Tensor]:
    from torch_sparse import matmul

    (source, target), types = given.edges.edge_index, given.edges.num_types
    rows = _matrix(target * types + given.edges.edge_type, source, given, (types, 1))
    stacked = given.weight.flatten(0, 1)
    return lambda: matmul(rows, given.x).view(len(given.x), -1) @ stacked


def transform_first(given: Problem) -> Callable[[], Tensor]:
    from torch_sparse import matmul

    (source, target), types = given.edges.edge_index, given.edges.num_types
    rows = _matrix(target, source * types + given.edges.edge_type, given, (1, types))
    beside = given.weight.transpose(0, 1).flatten(1)
    return lambda: matmul(rows, (given.x @ beside).view(-1, given.weight.shape[2]))


def _matrix(row: Tensor, column: Tensor, given: Problem, times: tuple[int, int]):  # type: ignore[no-untyped-def]
    from torch_sparse import SparseTensor

    sizes = tuple(len(given.x) * by for by in times)
    matrix = SparseTensor(row=row, col=column, value=given.edge_weight, sparse_sizes=sizes)
    return matrix.fill_cache_()


def backward_too(forward: Callable[[], Tensor], given: Problem) -> Callable[[], None]:
    def run() -> None:
        given.x.grad = given.weight.grad = None
        forward().sum().backward()

    return run


def main() -> None:
    torch.set_num_threads(2)
    torch.manual_seed(0)
    print("edges and channels      ours, ms   aggregate first   transform first")
    for kind, channels in (("spatial", 64), ("spatial", 256), ("temporal", 64)):
        given = problem(kind, channels)  # type: ignore[arg-type]
        x, weight, edges, edge_weight = given
        sides = [lambda: spmm(x, weight, edges, edge_weight)]  # noqa: B023
        sides += [aggregate_first(given), transform_first(given)]
        for side in sides[1:]:
            torch.testing.assert_close(side(), sides[0](), rtol=1e-3, atol=1e-4)
        taken = times_in_turn([backward_too(side, given) for side in sides], ROUNDS)
        ours, *theirs = (sorted(times)[ROUNDS // 2] for times in taken)
        ratios = "".join(f"{time / ours:13.2f} x  " for time in theirs)
        print(f"{kind:10s} {channels:5d} {1000 * ours:14.1f} {ratios}", flush=True)


if __name__ == "__main__":
    main()
