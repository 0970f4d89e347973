"""The Triton kernels as a backend: gather, sum, product and bias in one pass, for CUDA."""

from __future__ import annotations

import importlib.util
import math
from typing import Any

import torch
from torch import Tensor

from stgraph.nn.backends.fold import differentiable_gradients
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
    graphs = math.prod(x.shape[:-2])
    incoming = edges.incoming.repeated(graphs, edges.num_sources)
    outgoing = edges.outgoing.repeated(graphs, edges.num_targets)
    value = edge_weight
    if value is not None and graphs != 1:
        value = value.expand(graphs, -1).reshape(-1)
    shared = bias if bias is not None and bias.ndim == 1 else None
    rows = x.reshape(graphs * edges.num_sources, x.shape[-1])
    out = _fused(rows, weight, value, shared, *incoming, *outgoing)
    out = out.view(*x.shape[:-2], edges.num_targets, weight.shape[2])
    return out if bias is shared else out + bias


@torch.library.custom_op("stgraph::fused", mutates_args=())
def _fused(
    x: Tensor,
    weight: Tensor,
    edge_weight: Tensor | None,
    bias: Tensor | None,
    start: Tensor,
    node: Tensor,
    edge: Tensor,
    out_start: Tensor,
    out_node: Tensor,
    out_edge: Tensor,
) -> Tensor:
    from stgraph.nn.backends.triton_kernels import typed_product

    value = None if edge_weight is None else edge_weight[edge]
    return typed_product(x, weight, start, node, value=value, bias=bias)


@_fused.register_fake
def _(x, weight, edge_weight, bias, start, *cells):  # type: ignore[no-untyped-def]
    return x.new_empty((start.shape[0] - 1) // weight.shape[0], weight.shape[2])


@torch.library.custom_op("stgraph::fused_gradients", mutates_args=())
def _fused_gradients(
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

    (start, node, edge), (out_start, out_node, out_edge) = incoming, outgoing
    value, out_value = (
        None if edge_weight is None else edge_weight[order] for order in (edge, out_edge)
    )
    to_x, to_weight, to_value = (x.new_empty(0) for _ in range(3))
    if wanted[0]:
        turned = weight.transpose(1, 2)
        to_x = kernels.typed_product(grad, turned, out_start, out_node, value=out_value)
    if wanted[1]:
        to_weight = kernels.weight_gradient(
            x, grad, start, node, value=value, num_subsets=weight.shape[0]
        ).to(weight.dtype)
    if wanted[2]:
        found = kernels.value_gradient(x, weight, grad, start, node).to(grad.dtype)
        to_value = torch.empty_like(found).index_copy_(0, edge, found)
    return to_x, to_weight, to_value


@_fused_gradients.register_fake
def _(grad, x, weight, edge_weight, incoming, outgoing, wanted):  # type: ignore[no-untyped-def]
    leaves = (x, weight, grad.new_empty(incoming[1].shape))
    pairs = zip(leaves, wanted, strict=True)
    return tuple(leaf.new_empty(leaf.shape) if want else leaf.new_empty(0) for leaf, want in pairs)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _differentiate(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, weight, edge_weight, bias, *cells = ctx.saved_tensors
    *wanted, for_bias = ctx.needs_input_grad[:4]
    incoming, outgoing = Cells(*cells[:3]), Cells(*cells[3:])
    found: Any
    if torch.is_grad_enabled():
        value = None if edge_weight is None else edge_weight[incoming.edge]
        graph = incoming.graph(len(weight), x.shape[0])
        found = differentiable_gradients((x, weight, value), graph, grad, wanted)
    else:
        both = [list(incoming), list(outgoing)]
        found = _fused_gradients(grad.contiguous(), x, weight, edge_weight, *both, wanted)
    gradients = (g if want else None for g, want in zip(found, wanted, strict=True))
    return *gradients, grad.sum(0) if for_bias else None, *[None] * 6


_fused.register_autograd(_differentiate, setup_context=_keep)
