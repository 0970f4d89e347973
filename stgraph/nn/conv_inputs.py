"""What the layer is given, checked and brought into one form."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.typing import Adj, OptPairTensor, OptTensor, Size
from torch_geometric.utils import to_edge_index

from stgraph.nn.backends import BACKENDS


def check_options(bias: object, backend: str | None, aggr: object, flow: str) -> None:
    """Refuse what a layer cannot be made with."""
    if bias not in (True, False, "per_subset"):
        raise ValueError(f"bias is True, False or 'per_subset', not {bias!r}.")
    if backend is not None and backend not in BACKENDS:
        raise ValueError(f"There is no backend {backend!r}; there are {', '.join(BACKENDS)}.")
    if backend == "grid":
        raise ValueError(
            "backend='grid' is for whole bodies, whose edges networks know; leave the backend out, "
            "and it is used where it can be."
        )
    if aggr not in ("add", "sum"):
        raise ValueError(
            f"STGCNConv sums its messages, aggr={aggr!r} is not possible; a mean is a matter of "
            "edge weights, see stgraph.normalization."
        )
    if flow not in ("source_to_target", "target_to_source"):
        raise ValueError(f"flow is 'source_to_target' or 'target_to_source', not {flow!r}.")


def check_lengths(edge_index: Tensor, edge_type: Tensor, edge_weight: OptTensor) -> None:
    """Refuse edges whose types or weights are not one for each, or numbers that are not whole."""
    if torch.compiler.is_compiling():
        return
    for name, column in (("edge_type", edge_type), ("edge_weight", edge_weight)):
        if column is not None and column.shape[0] != edge_index.shape[1]:
            raise ValueError(
                f"Expected {name} of {edge_index.shape[1]} edges, found {list(column.shape)}."
            )
    for name, numbers in (("edge_index", edge_index), ("edge_type", edge_type)):
        if numbers.is_floating_point():
            raise ValueError(f"{name} holds whole numbers (torch.long), not {numbers.dtype}.")


def check_ends(edge_index: Tensor, counts: tuple[int, int]) -> None:
    """Edges to nodes that are not there are refused; on a GPU nobody waits for that."""
    if torch.compiler.is_compiling() or edge_index.is_cuda or edge_index.numel() == 0:
        return
    if torch._C._get_tracing_state() is not None or torch._C._are_functorch_transforms_active():
        return
    lowest, highest = edge_index.aminmax(dim=1)
    if bool((lowest < 0).any()) or any(
        int(end) >= count for end, count in zip(highest, counts, strict=True)
    ):
        raise ValueError(
            f"Edges lead from nodes {int(lowest[0])} to {int(highest[0])} into nodes "
            f"{int(lowest[1])} to {int(highest[1])}, but there are {counts[0]} sources and "
            f"{counts[1]} targets; renumber edge_index, or pass size=(sources, targets)."
        )


def autocast(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """What automatic mixed precision makes of the operands of a product."""
    device = x.device.type
    if not torch.is_autocast_enabled(device) or torch.double in (x.dtype, weight.dtype):
        return x, weight
    dtype = torch.get_autocast_dtype(device)
    return x.to(dtype), weight.to(dtype)


def num_targets(x: Tensor | OptPairTensor, size: Size) -> int:
    """How many targets there are, by ``size`` or by their features."""
    if size is not None and size[1] is not None:
        return size[1]
    targets = x if isinstance(x, Tensor) else x[1]
    if targets is None:
        raise ValueError(
            "The number of targets is unknown: they have no features; pass size=(sources, targets)."
        )
    return targets.shape[-2]


def unpack(
    adjacency: Adj, edge_type: OptTensor, edge_weight: OptTensor
) -> tuple[Tensor, OptTensor, OptTensor]:
    """Edges, types and weights of a sparse transposed adjacency, in the order of its entries."""
    (target, source), value = to_edge_index(adjacency)
    if value.is_floating_point():
        edge_weight = value if edge_weight is None else edge_weight
    elif edge_type is None:
        edge_type = value
    return torch.stack([source, target]), edge_type, edge_weight
