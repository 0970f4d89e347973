"""PyTorch's own operations: typed edges folded into plain ones, or gone through type by type.

Folded, an edge j -> i of type k is an ordinary weighted edge from j to the row (i, k) of a table
with K rows per target, or from the row (j, k) of a table with K rows per source to i: a sum over
edges and one matrix product, in either order. None of these gathers a weight matrix, and all can be
differentiated in every way, any number of times.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stgraph.nn.backends.typed_graph import TypedGraph


def aggregate_first(
    x: Tensor,
    weight: Tensor,
    edges: TypedGraph,
    edge_weight: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """Sum the sources of each (target, subset), then multiply ``[N, K C_in]`` rows at once."""
    subsets, in_channels, out_channels = weight.shape
    source, target = edges.edge_index
    cell = target * subsets + edges.edge_type
    cells = weighted_sum(x, source, cell, edge_weight, edges.num_targets * subsets)
    rows = cells.reshape(*x.shape[:-2], edges.num_targets, subsets * in_channels)
    out = rows @ weight.reshape(subsets * in_channels, out_channels)
    return out if bias is None else out + bias


def transform_first(
    x: Tensor,
    weight: Tensor,
    edges: TypedGraph,
    edge_weight: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """Multiply every source by all K matrices at once, then sum ``[N K, C_out]`` rows."""
    subsets, in_channels, out_channels = weight.shape
    source, target = edges.edge_index
    table = x @ weight.transpose(0, 1).reshape(in_channels, subsets * out_channels)
    rows = table.reshape(*x.shape[:-2], x.shape[-2] * subsets, out_channels)
    row = source * subsets + edges.edge_type
    out = weighted_sum(rows, row, target, edge_weight, edges.num_targets)
    return out if bias is None else out + bias


def type_by_type(
    x: Tensor,
    weight: Tensor,
    edges: TypedGraph,
    edge_weight: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """Multiply the sources of each type's edges by its matrix, then sum ``[E, C_out]`` rows.

    A product for each edge, in place of K for each target: for many types with few edges each.
    """
    counts = torch.bincount(edges.edge_type, minlength=len(weight)).tolist()
    order = edges.edge_type.sort(stable=True).indices
    source, target = edges.edge_index[:, order]
    pieces = [
        x.index_select(-2, rows) @ matrix
        for rows, matrix in zip(source.split(counts), weight, strict=True)
    ]
    messages = torch.cat(pieces, dim=-2)
    if edge_weight is not None:
        messages = messages * edge_weight[order, None]
    empty = messages.new_zeros(*messages.shape[:-2], edges.num_targets, messages.shape[-1])
    out = empty.index_add(-2, target, messages)
    return out if bias is None else out + bias


def differentiable_gradients(
    leaves: tuple[Tensor, Tensor, Tensor | None],
    edges: TypedGraph,
    grad: Tensor,
    wanted: list[bool],
) -> list[Tensor | None]:
    """Gradients towards x, weight and edge_weight that can be differentiated again."""
    x, weight, edge_weight = leaves
    out = aggregate_first(x, weight, edges, edge_weight)
    asked = [leaf for leaf, want in zip(leaves, wanted, strict=True) if want and leaf is not None]
    found = iter(torch.autograd.grad(out, asked, grad, create_graph=True, allow_unused=True))
    return [next(found) if want else None for want in wanted]


def weighted_sum(
    rows: Tensor, source: Tensor, target: Tensor, edge_weight: Tensor | None, num_targets: int
) -> Tensor:
    """``out[i] = sum over edges of edge_weight[e] * rows[source[e]]`` on the axis before last."""
    messages = rows.index_select(-2, source)
    if edge_weight is not None:
        messages = messages * edge_weight[:, None]
    empty = messages.new_zeros(*messages.shape[:-2], num_targets, messages.shape[-1])
    return empty.index_add(-2, target, messages)
