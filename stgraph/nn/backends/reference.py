"""The definition that every other backend is compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from stgraph.nn.backends.typed_graph import TypedGraph


def reference(
    x: Tensor,
    weight: Tensor,
    edges: TypedGraph,
    edge_weight: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """``out[i] = bias + sum over e = (j -> i) of edge_weight[e] * x[j] @ weight[edge_type[e]]``."""
    source, target = edges.edge_index
    messages = torch.einsum("...nc,kcd->...nkd", x, weight)[..., source, edges.edge_type, :]
    if edge_weight is not None:
        messages = messages * edge_weight[:, None]
    empty = messages.new_zeros(*messages.shape[:-2], edges.num_targets, weight.shape[2])
    out = empty.index_add(-2, target, messages)
    return out if bias is None else out + bias
