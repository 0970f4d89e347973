"""Ways to compute the one primitive of the library; they know tensors only.

All have one signature and one meaning, given by :func:`reference`; :data:`BACKENDS` lists them and
:func:`choose` is the only place that picks one.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from stgraph.nn.backends.dense import dense
from stgraph.nn.backends.fold import aggregate_first, transform_first
from stgraph.nn.backends.reference import reference


class Backend(Protocol):
    """``(x, weight, edge_index, edge_type, edge_weight, num_targets) -> out``.

    Shapes:
        - **x:** float ``[..., N, C_in]``, features of the sources
        - **weight:** float ``[K, C_in, C_out]``
        - **edge_index:** long ``[2, E]``, **edge_type:** long ``[E]``
        - **edge_weight:** float ``[E]``, or ``None`` for all ones
        - **out:** float ``[..., num_targets, C_out]``
    """

    def __call__(
        self,
        x: Tensor,
        weight: Tensor,
        edge_index: Tensor,
        edge_type: Tensor,
        edge_weight: Tensor | None,
        num_targets: int,
    ) -> Tensor: ...


BACKENDS: dict[str, Backend] = {
    "reference": reference,
    "aggregate_first": aggregate_first,
    "transform_first": transform_first,
    "dense": dense,
}

DENSE_EDGES = 32  # entries of a dense matrix that cost as much as one edge (docs/benchmarks.md)


def choose(
    weight: Tensor, num_edges: int, num_sources: int, num_targets: int, graphs: int = 1
) -> str:
    """The name of the backend that moves the fewest numbers.

    Where several graphs share small and full enough edges, a dense matrix is built once and
    multiplied with each. Else both orders of the sparse sum cost the same multiplications; the
    rows gathered and summed have ``C_in`` numbers when aggregation comes first and ``C_out`` when
    it comes second.

    Args:
        weight: ``[K, C_in, C_out]``.
        num_edges: E.
        num_sources: Nodes that edges may start from.
        num_targets: Nodes that edges may lead to.
        graphs: How many graphs share the edges.
    """
    subsets, in_channels, out_channels = weight.shape
    if graphs > 1 and subsets * num_sources * num_targets <= DENSE_EDGES * num_edges:
        return "dense"
    return "aggregate_first" if in_channels <= out_channels else "transform_first"


__all__ = [
    "BACKENDS",
    "Backend",
    "aggregate_first",
    "choose",
    "dense",
    "reference",
    "transform_first",
]
