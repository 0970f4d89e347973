"""Backends on typed graphs as operators that autograd and compilers see as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from stgraph.nn.backends.plain import differentiable_gradients
from stgraph.nn.backends.typed_graph import Cells


def typed_operator(
    name: str, forward: Callable[..., Tensor], gradients: Callable[..., tuple[Tensor, ...]]
) -> Any:
    """The operator ``stgraph::name`` on graphs that share their edges, and its derivatives.

    Args:
        name: Of the operator; that of its gradients ends in ``_gradients``.
        forward: ``(x, weight, edge_weight, bias, incoming, outgoing)``, features ``[graphs, N, C]``
            and the three tensors of each :class:`Cells`, to ``[graphs, num_targets, C_out]``.
        gradients: ``(grad, x, weight, edge_weight, incoming, outgoing, wanted)`` to the gradients
            towards x, weight and edge_weight, empty where not wanted.
    """
    operator = torch.library.custom_op(f"stgraph::{name}", forward, mutates_args=())
    backward = torch.library.custom_op(f"stgraph::{name}_gradients", gradients, mutates_args=())
    operator.register_fake(_fake)
    backward.register_fake(_fake_gradients)

    def differentiate(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        x, weight, edge_weight, bias, *cells = ctx.saved_tensors
        *wanted, for_bias = ctx.needs_input_grad[:4]
        found: Any
        if torch.is_grad_enabled():
            incoming = Cells(*cells[:3])
            value = None if edge_weight is None else edge_weight[incoming.edge]
            graph = incoming.graph(len(weight), x.shape[1])
            found = differentiable_gradients((x, weight, value), graph, grad, wanted)
        else:
            found = backward(grad, x, weight, edge_weight, cells[:3], cells[3:], wanted)
        to_bias = grad.sum_to_size(bias.shape) if for_bias else None
        asked = (g if want else None for g, want in zip(found, wanted, strict=True))
        return *asked, to_bias, [None] * 3, [None] * 3

    operator.register_autograd(differentiate, setup_context=_keep)
    return operator


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *leaves, incoming, outgoing = inputs
    ctx.save_for_backward(*leaves, *incoming, *outgoing)


def _fake(x, weight, edge_weight, bias, incoming, outgoing):  # type: ignore[no-untyped-def]
    targets = (incoming[0].shape[0] - 1) // weight.shape[0]
    return x.new_empty(x.shape[0], targets, weight.shape[2])


def _fake_gradients(grad, x, weight, edge_weight, incoming, outgoing, wanted):  # type: ignore[no-untyped-def]
    leaves = (x, weight, grad.new_empty(incoming[1].shape))
    pairs = zip(leaves, wanted, strict=True)
    return tuple(leaf.new_empty(leaf.shape) if want else leaf.new_empty(0) for leaf, want in pairs)
