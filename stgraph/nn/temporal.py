"""Temporal convolution in several branches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Linear, Module, ModuleList, ReLU, Sequential
from torch_geometric.utils import scatter

from stgraph.nn.backends import TypedGraph
from stgraph.nn.conv import STGCNConv
from stgraph.nn.fuse import fold
from stgraph.nn.norm import NodeNorm
from stgraph.nn.typed_edges import LayerEdges


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
        self.norm: Module = NodeNorm(channels)

    def forward(
        self, x: Tensor, branches: Sequence[LayerEdges], kept: Tensor | None = None
    ) -> Tensor:
        """Features of all nodes, or of the nodes ``kept``.

        Args:
            x: Features ``[N, C]``.
            branches: Edges in time for each distance, ``in_branches`` of LevelEdges.
            kept: The nodes ``[N']`` that the edges lead to; ``None`` if to all.
        """
        *moving, steady = (reduce(x) for reduce in self.reduce)
        outs = [
            conv(h, branches[d - 1].graph, edge_weight=branches[d - 1].edge_weight)
            for conv, h, d in zip(self.convolutions, moving, self.dilations, strict=True)
        ]
        outs.append(neighbor_max(steady, branches[0]))
        outs.append(self.point(x if kept is None else x.index_select(0, kept)))
        return self.norm(self.fuse(torch.cat(outs, dim=1)))

    def fold(self) -> None:
        """Fold the last normalisation into the linear map before it, in place."""
        last = self.fuse[-1]
        assert isinstance(last, Linear)
        self.norm = fold(last, self.norm)


def neighbor_max(x: Tensor, edges: LayerEdges) -> Tensor:
    """The largest value of each channel among the sources of a target; 0 where it has none."""
    if edges.beside is not None:
        return x.index_select(0, edges.beside.flatten()).view(3, -1, x.shape[1]).amax(0)
    assert isinstance(edges.graph, TypedGraph)
    source, target = edges.graph.edge_index
    return scatter(
        x.index_select(0, source), target, dim_size=edges.graph.num_targets, reduce="max"
    )
