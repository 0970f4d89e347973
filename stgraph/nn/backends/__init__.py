"""Ways to compute the one primitive of the library; they know tensors only.

All have one signature and one meaning, given by :func:`reference`; :data:`BACKENDS` lists them and
:func:`choose` is the only place that picks one.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd import forward_ad

from stgraph.nn.backends.fused import fused
from stgraph.nn.backends.grid import grid
from stgraph.nn.backends.plain import aggregate_first, transform_first, type_by_type
from stgraph.nn.backends.reference import reference
from stgraph.nn.backends.spmm import spmm
from stgraph.nn.backends.temporal_grid import TemporalGrid
from stgraph.nn.backends.typed_graph import Cells, TypedGraph


class Backend(Protocol):
    """``(x, weight, edges, edge_weight, bias) -> out``.

    Shapes:
        - **x:** float ``[..., N, C_in]``, features of the sources
        - **weight:** float ``[K, C_in, C_out]``
        - **edges:** E edges with types ``0..K-1``; for ``grid`` a :class:`TemporalGrid`
        - **edge_weight:** float ``[E]``, or ``None`` for all ones
        - **bias:** float ``[C_out]`` or ``[num_targets, C_out]``, added to each row
        - **out:** float ``[..., num_targets, C_out]``
    """

    def __call__(
        self,
        x: Tensor,
        weight: Tensor,
        edges: Any,
        edge_weight: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> Tensor: ...


BACKENDS: dict[str, Backend] = {
    "reference": reference,
    "aggregate_first": aggregate_first,
    "transform_first": transform_first,
    "type_by_type": type_by_type,
    "spmm": spmm,
    "grid": grid,
    "fused": fused,
}

GENERAL = ("reference", "aggregate_first", "transform_first", "type_by_type", "spmm")  # any graph
MANY = 3  # cells for each edge, from which on types are taken one by one (docs/benchmarks.md)


def choose(
    x: Tensor,
    weight: Tensor,
    edges: TypedGraph | TemporalGrid,
    edge_weight: Tensor | None = None,
    bias: Tensor | None = None,
) -> str:
    """The name of the fastest backend for these arguments.

    A grid is convolved. All else goes tile by tile, a product for each target and type; but type by
    type, a product for each edge, if there are so many types that most targets lack most of them.
    Derivatives in forward mode, and what ``torch.func`` transforms or ``torch.jit`` traces, are
    taken through plain operations, in the order that gathers the narrower rows. The fused kernels
    have not been measured on a GPU yet, so nobody gets them who does not ask.

    Args:
        x: ``[..., N, C_in]``.
        weight: ``[K, C_in, C_out]``.
        edges: The edges.
        edge_weight: ``[E]``, or ``None``.
        bias: ``[C_out]`` or ``[num_targets, C_out]``, or ``None``.
    """
    if _is_transformed((x, weight, edge_weight, bias)):
        return "aggregate_first" if weight.shape[1] <= weight.shape[2] else "transform_first"
    if isinstance(edges, TemporalGrid):
        return "grid"
    if torch.compiler.is_compiling():  # how many edges a type has is no constant
        return "spmm"
    few = MANY * len(edges.edge_type) < edges.num_targets * edges.num_types
    return "type_by_type" if few else "spmm"


def _is_transformed(values: tuple[Tensor | None, ...]) -> bool:
    """Whether operators of our own would not do: they know reverse mode and compilers alone."""
    if torch.compiler.is_compiling():
        return False
    if torch._C._are_functorch_transforms_active() or torch._C._get_tracing_state() is not None:
        return True
    given = (value for value in values if value is not None)
    return any(forward_ad.unpack_dual(value).tangent is not None for value in given)


__all__ = [
    "BACKENDS",
    "GENERAL",
    "Backend",
    "Cells",
    "TemporalGrid",
    "TypedGraph",
    "aggregate_first",
    "choose",
    "fused",
    "grid",
    "reference",
    "spmm",
    "transform_first",
    "type_by_type",
]
