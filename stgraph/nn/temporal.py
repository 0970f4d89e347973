"""Temporal convolution in several branches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Linear, Module, ModuleList, ReLU, Sequential
from torch_geometric.utils import scatter

from stgraph.nn.conv import STGCNConv
from stgraph.nn.norm import NodeNorm
from stgraph.nn.typed_edges import TypedEdges


class MultiScaleTemporal(Module):
    """Six narrow branches beside each other, joined by a linear map.

    Four convolve three frames that are 1, 2, 3 or 4 frames apart, one takes the maximum of three
    neighbouring frames, one sees its own frame alone. C channels are shared out as ⌊C/6⌋ to each
    branch, the first takes the remainder.

    The temporal unit of ST-GCN++ (Duan et al., "PYSKL", 2022; ``mstcn`` in kennymckormick/pyskl).

    Args:
        channels: C, of the nodes that come in and go out.
        dilations: Distance of the frames of each convolution.
    """

    def __init__(self, channels: int, dilations: Sequence[int] = (1, 2, 3, 4)) -> None:
        super().__init__()
        branches = len(dilations) + 2
        width = channels // branches
        if width == 0:
            raise ValueError(
                f"{branches} branches need at least {branches} channels, found {channels}."
            )
        first = channels - (branches - 1) * width
        self.dilations = tuple(dilations)
        self.reduce = ModuleList(
            Sequential(Linear(channels, size), NodeNorm(size), ReLU())
            for size in (first, *[width] * len(dilations))
        )
        self.convolutions = ModuleList(
            STGCNConv(size, size, 3) for size in (first, *[width] * (len(dilations) - 1))
        )
        self.point = Linear(channels, width)
        self.fuse = Sequential(NodeNorm(channels), ReLU(), Linear(channels, channels))
        self.norm = NodeNorm(channels)

    def forward(self, x: Tensor, dilated: Sequence[TypedEdges], kept: Tensor | None) -> Tensor:
        """Features of all nodes, or of the nodes ``kept``.

        Args:
            x: Features ``[N, C]``.
            dilated: Temporal edges for each distance, :attr:`stgraph.nn.Level.dilated`.
            kept: The nodes ``[N']`` that the edges lead to; ``None`` if to all.
        """
        own = x if kept is None else x[kept]
        size = (len(x), len(own))
        *moving, steady = (reduce(x) for reduce in self.reduce)
        outs = [
            conv(h, edges.edge_index, edges.edge_type, edges.edge_weight, size=size)
            for conv, h, edges in zip(
                self.convolutions, moving, (dilated[d - 1] for d in self.dilations), strict=True
            )
        ]
        outs.append(neighbor_max(steady, dilated[0], len(own)))
        outs.append(self.point(own))
        return self.norm(self.fuse(torch.cat(outs, dim=1)))


def neighbor_max(x: Tensor, edges: TypedEdges, num_targets: int) -> Tensor:
    """The largest value of each channel among the sources of a target; 0 where it has none."""
    source, target = edges.edge_index
    return scatter(x[source], target, dim_size=num_targets, reduce="max")
