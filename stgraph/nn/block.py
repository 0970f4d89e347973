"""The unit that ST-GCN stacks: spatial convolution, temporal convolution, residual."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Identity, Linear, Module, Parameter, ReLU, Sequential

from stgraph.graph import SkeletonGraph
from stgraph.nn.conv import STGCNConv
from stgraph.nn.dropout import Dropout
from stgraph.nn.fuse import fold, fold_sequences, lay_out_in_time
from stgraph.nn.norm import NodeNorm
from stgraph.nn.plan import Step
from stgraph.nn.typed_edges import LayerEdges


class EdgeImportance(Module):
    """One learnt factor per edge of the SkeletonGraph, the same in all frames and clips.

    The paper's section 3.4: a mask M as large as the adjacency, starting at one. Entries where the
    graph has no edge have no effect; the released programs hold them too, and so does this, so
    that weights and their numbers agree. Edges that are no copy of a template edge
    (``edge_template`` -1) keep their weight.

    Args:
        graph: Whose edges are weighed.
        start: Other factors to start from.

    Shapes:
        - **weight, start:** float ``[K, V, V]``; entry ``[k, v, w]`` is for the edge v -> w
    """

    cell: Tensor

    def __init__(self, graph: SkeletonGraph, start: Tensor | None = None) -> None:
        super().__init__()
        self.weight = Parameter(torch.ones_like(graph.adjacency) if start is None else start)
        source, target = graph.edge_index
        cell = (graph.edge_type * graph.num_joints + source) * graph.num_joints + target
        self.register_buffer("cell", cell, persistent=False)

    @property
    def factors(self) -> Tensor:
        """The factor of each edge of the graph ``[E']``."""
        return self.weight.flatten().index_select(0, self.cell)

    def forward(self, edges: LayerEdges) -> Tensor:
        """The weights ``[E]`` of the edges, times their importance."""
        assert edges.edge_template is not None
        one = self.weight.new_ones(1)
        last = edges.edge_template.remainder(len(self.cell) + 1)  # -1: the factor one
        factors = torch.cat([self.factors, one]).index_select(0, last)
        return factors if edges.edge_weight is None else edges.edge_weight * factors


class STGCNBlock(Module):
    """Spatial graph convolution, temporal convolution with stride, residual, ReLU.

    As in the released program's master: BN and ReLU after the spatial step, BN and dropout after
    the temporal one, the residual a 1x1 convolution with BN where shapes differ. With
    ``temporal="product"`` the two steps are one convolution with K Γ matrices (paper, equation 9).

    Args:
        in_channels: Channels of the nodes that come in.
        out_channels: Channels of the nodes that go out.
        graph: Says K, Γ and how frames are joined.
        stride: Keep every ``stride``-th frame.
        dropout: Probability, after the temporal step.
        residual: Whether the input is added to the output.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        graph: SkeletonGraph,
        *,
        stride: int = 1,
        dropout: float = 0.0,
        residual: bool = True,
    ) -> None:
        super().__init__()
        labels = graph.labels
        self.importance = EdgeImportance(graph)
        factorized = labels.temporal == "factorized"
        spatial_types = labels.num_subsets if factorized else labels.num_edge_types
        self.spatial = STGCNConv(in_channels, out_channels, spatial_types, bias="per_subset")
        self.spatial_norm: Module | None = None
        self.temporal: STGCNConv | None = None
        if factorized:
            self.spatial_norm = NodeNorm(out_channels)
            self.temporal = STGCNConv(out_channels, out_channels, labels.temporal_kernel)
        self.norm: Module = NodeNorm(out_channels)
        self.dropout = Dropout(dropout)
        self.residual = shortcut(in_channels, out_channels, stride) if residual else None
        self.activation = ReLU()

    def forward(self, x: Tensor, step: Step) -> Tensor:
        """Features of the nodes that the step keeps.

        Shapes:
            - **x:** float ``[N, C_in]``; **out:** float ``[N', C_out]``
        """
        kept = x if step.kept is None else x.index_select(0, step.kept)
        h = convolve(self.spatial, x, step.in_space, self.importance(step.in_space))
        if self.temporal is not None and self.spatial_norm is not None:
            h = self.activation(self.spatial_norm(h))
            h = convolve(self.temporal, h, step.in_time[0])
        h = self.dropout(self.norm(h))
        if self.residual is not None:
            h = h + self.residual(kept)
        return self.activation(h)

    def fuse(self) -> None:
        """Fold normalisation into the convolutions, in place, for evaluation."""
        fold_sequences(self)
        if self.spatial_norm is not None:
            self.spatial_norm = fold(self.spatial, self.spatial_norm)
        self.norm = fold(self.temporal or self.spatial, self.norm)
        if self.temporal is not None:
            lay_out_in_time(self.temporal)


def convolve(
    convolution: STGCNConv, x: Tensor, edges: LayerEdges, edge_weight: Tensor | None = None
) -> Tensor:
    """``convolution`` over ``edges``, with their own weights or with these.

    Edges of one frame are gone through frame by frame: the same layer with the same weights.
    """
    weight = edges.edge_weight if edge_weight is None else edge_weight
    if not edges.per_frame:
        return convolution(x, edges.graph, edge_weight=weight)
    frames = x.view(-1, edges.graph.num_sources, x.shape[1])
    return convolution(frames, edges.graph, edge_weight=weight).flatten(0, 1)


def shortcut(in_channels: int, out_channels: int, stride: int) -> Module:
    """The way past a block: the identity, or a 1x1 convolution with BN where shapes differ."""
    if in_channels == out_channels and stride == 1:
        return Identity()
    return Sequential(Linear(in_channels, out_channels), NodeNorm(out_channels))
