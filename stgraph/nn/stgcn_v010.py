"""The network of the first released program, yysijie/st-gcn v0.1.0."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Module, Parameter, ReLU, Sequential

from stgraph.graph import SkeletonGraph
from stgraph.nn.block import EdgeImportance, convolve, shortcut
from stgraph.nn.conv import STGCNConv
from stgraph.nn.dropout import Dropout
from stgraph.nn.fuse import fold, fold_sequences, lay_out_in_time, scale_and_shift
from stgraph.nn.network import TEN_BLOCKS, SkeletonNetwork
from stgraph.nn.norm import NodeNorm
from stgraph.nn.plan import Step


class STGCNv010Block(Module):
    """Spatial graph convolution, temporal convolution with stride, residual: the unit of v0.1.0.

    It differs from :class:`STGCNBlock` in four places: the biases of all subsets reach every node
    (they are added after aggregation), dropout comes before the temporal convolution, both summands
    of the residual pass a ReLU, and their sum does not.

    Args:
        in_channels: Channels of the nodes that come in.
        out_channels: Channels of the nodes that go out.
        graph: Says K and Γ.
        stride: Keep every ``stride``-th frame.
        dropout: Probability, before the temporal convolution.
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
        self.importance = EdgeImportance(graph)
        self.spatial = STGCNConv(in_channels, out_channels, graph.num_subsets, bias=False)
        self.bias = Parameter(torch.zeros(graph.num_subsets, out_channels))
        self.spatial_norm: Module = NodeNorm(out_channels)
        self.dropout = Dropout(dropout)
        self.temporal = STGCNConv(out_channels, out_channels, graph.labels.temporal_kernel)
        self.norm: Module = NodeNorm(out_channels)
        self.residual: Module | None = None
        if residual:
            self.residual = shortcut(in_channels, out_channels, stride)
            if isinstance(self.residual, Sequential):
                self.residual.append(ReLU())
        self.activation = ReLU()

    def forward(self, x: Tensor, step: Step) -> Tensor:
        """Features of the nodes that the step keeps.

        Shapes:
            - **x:** float ``[N, C_in]``; **out:** float ``[N', C_out]``
        """
        kept = x if step.kept is None else x.index_select(0, step.kept)
        h = convolve(self.spatial, x, step.in_space, self.importance(step.in_space))
        h = self.dropout(self.activation(self.spatial_norm(h + self.bias.sum(dim=0))))
        h = self.activation(self.norm(convolve(self.temporal, h, step.in_time[0])))
        return h if self.residual is None else h + self.residual(kept)

    @torch.no_grad()
    def fuse(self) -> None:
        """Fold normalisation into the convolutions, in place, for evaluation."""
        fold_sequences(self)
        if isinstance(self.spatial_norm, NodeNorm):
            self.bias.mul_(scale_and_shift(self.spatial_norm)[0])
        self.spatial_norm = fold(self.spatial, self.spatial_norm)
        self.norm = fold(self.temporal, self.norm)
        lay_out_in_time(self.temporal)


class STGCNv010(SkeletonNetwork):
    """ST-GCN as first released (yysijie/st-gcn v0.1.0, January to June 2018).

    A stem and nine blocks; the stem has neither residual nor dropout. Data normalisation tells
    persons apart. Its check points do not hold the adjacency, which is
    ``SkeletonGraph.from_layout(layouts.NTU25, normalization=normalization.per_subset)``. Arguments
    as in :class:`SkeletonNetwork`; ``blocks`` counts the stem.
    """

    block = STGCNv010Block

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        graph: SkeletonGraph,
        *,
        blocks: Sequence[tuple[int, int]] = TEN_BLOCKS,
        dropout: float | None = None,
        persons: int | None = 2,
    ) -> None:
        super().__init__(
            in_channels, num_classes, graph, blocks=blocks, dropout=dropout, persons=persons
        )

    @classmethod
    def clip_graph(cls, graph: SkeletonGraph) -> SkeletonGraph:
        """The graph as it is, if its frames are joined as this network needs."""
        if graph.labels.temporal != "factorized":
            raise ValueError(
                f"v0.1.0 convolves in space, then in time: it needs temporal='factorized', found "
                f"{graph.labels.temporal!r}; STGCN takes all kinds."
            )
        return graph
