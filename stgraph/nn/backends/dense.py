"""Edges as a dense matrix, for small graphs that many frames share."""

from __future__ import annotations

import math

from torch import Tensor


def dense(
    x: Tensor,
    weight: Tensor,
    edge_index: Tensor,
    edge_type: Tensor,
    edge_weight: Tensor | None,
    num_targets: int,
) -> Tensor:
    """Sum by a matrix ``[num_targets K, N]`` and multiply by the weights, in the cheaper order."""
    subsets, in_channels, out_channels = weight.shape
    num_sources = x.shape[-2]
    source, target = edge_index
    if in_channels <= out_channels:
        place = (target * subsets + edge_type) * num_sources + source
        matrix = _filled(place, edge_weight, (num_targets * subsets, num_sources), x)
        rows = _product(matrix, x).reshape(*x.shape[:-2], num_targets, subsets * in_channels)
        return rows @ weight.reshape(subsets * in_channels, out_channels)
    place = target * (num_sources * subsets) + source * subsets + edge_type
    matrix = _filled(place, edge_weight, (num_targets, num_sources * subsets), x)
    table = x @ weight.transpose(0, 1).reshape(in_channels, subsets * out_channels)
    return _product(matrix, table.reshape(*x.shape[:-2], num_sources * subsets, out_channels))


def _filled(
    place: Tensor, edge_weight: Tensor | None, shape: tuple[int, int], like: Tensor
) -> Tensor:
    """The matrix with the edges' weights added up in their places."""
    values = like.new_ones(place.shape[0]) if edge_weight is None else edge_weight
    return like.new_zeros(shape[0] * shape[1]).index_add(0, place, values).view(shape)


def _product(matrix: Tensor, x: Tensor) -> Tensor:
    """``matrix @ x`` for each graph; the matrix is not copied."""
    graphs = math.prod(x.shape[:-2])
    out = matrix.expand(graphs, *matrix.shape).bmm(x.reshape(graphs, *x.shape[-2:]))
    return out.view(*x.shape[:-2], *out.shape[1:])
