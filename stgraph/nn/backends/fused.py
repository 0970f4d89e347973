"""The Triton kernels as a backend: gather, sum, product and bias in one pass, for CUDA."""

from __future__ import annotations

import importlib.util
import math

import torch
from torch import Tensor

from stgraph.nn.backends.operator import typed_operator
from stgraph.nn.backends.typed_graph import Cells, TypedGraph


def fused(
    x: Tensor,
    weight: Tensor,
    edges: TypedGraph,
    edge_weight: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """The sum of :func:`reference` in one kernel, for single and half precision on a GPU.

    Raises:
        ValueError: If Triton is not installed.
        TypeError: If features are in double precision.
    """
    if importlib.util.find_spec("triton") is None:
        raise ValueError(
            "backend='fused' needs Triton, which is not installed; pip install triton, or leave "
            "the backend out."
        )
    edges = edges.sorted()
    assert edges.incoming is not None and edges.outgoing is not None
    graphs = x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])
    cells = (list(edges.incoming), list(edges.outgoing))
    out = _fused(graphs, weight, edge_weight, bias, *cells)
    return out.view(*x.shape[:-2], edges.num_targets, weight.shape[2])


def _forward(
    x: Tensor,
    weight: Tensor,
    edge_weight: Tensor | None,
    bias: Tensor | None,
    incoming: list[Tensor],
    outgoing: list[Tensor],
) -> Tensor:
    from stgraph.nn.backends.triton_kernels import typed_product

    graphs, nodes, channels = x.shape
    start, node, edge = cells = Cells(*incoming)
    value = _ordered(edge_weight, edge, graphs)
    start, node, _ = cells.repeated(graphs, nodes)
    shared = bias if bias is None or bias.ndim == 1 else None
    out = typed_product(x.view(-1, channels), weight, start, node, value=value, bias=shared)
    out = out.view(graphs, cells.rows(len(weight)), weight.shape[2])
    return out if bias is None or bias.ndim == 1 else out + bias


def _ordered(edge_weight: Tensor | None, edge: Tensor, graphs: int) -> Tensor | None:
    """Weights in the order of cells, for each graph."""
    return None if edge_weight is None else edge_weight[edge].repeat(graphs)


def _gradients(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    edge_weight: Tensor | None,
    incoming: list[Tensor],
    outgoing: list[Tensor],
    wanted: list[bool],
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients towards x, weight and edge_weight, empty where not wanted."""
    from stgraph.nn.backends import triton_kernels as kernels

    (graphs, nodes, _), targets = x.shape, grad.shape[1]
    into, out_of = Cells(*incoming), Cells(*outgoing)
    value, out_value = (_ordered(edge_weight, cells.edge, graphs) for cells in (into, out_of))
    start, node, _ = into.repeated(graphs, nodes)
    out_start, out_node, _ = out_of.repeated(graphs, targets)
    rows, grads = x.reshape(-1, x.shape[2]), grad.reshape(-1, grad.shape[2])
    to_x, to_weight, to_value = (x.new_empty(0) for _ in range(3))
    if wanted[0]:
        turned = weight.transpose(1, 2)
        to_x = kernels.typed_product(grads, turned, out_start, out_node, value=out_value)
        to_x = to_x.view(x.shape)
    if wanted[1]:
        to_weight = kernels.weight_gradient(
            rows, grads, start, node, value=value, num_subsets=len(weight)
        ).to(weight.dtype)
    if wanted[2]:
        found = kernels.value_gradient(rows, weight, grads, start, node)
        found = found.view(graphs, -1).sum(0).to(grad.dtype)
        to_value = torch.empty_like(found).index_copy_(0, into.edge, found)
    return to_x, to_weight, to_value


_fused = typed_operator("fused", _forward, _gradients)
