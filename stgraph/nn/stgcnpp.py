"""ST-GCN++: a freely learnt adjacency and a temporal convolution in branches."""

from __future__ import annotations

from torch import Tensor
from torch.nn import Module, ReLU

from stgraph.graph import SkeletonGraph
from stgraph.nn.block import EdgeImportance, convolve, shortcut
from stgraph.nn.conv import STGCNConv
from stgraph.nn.dropout import Dropout
from stgraph.nn.fuse import fold, fold_sequences
from stgraph.nn.network import SkeletonNetwork
from stgraph.nn.norm import NodeNorm
from stgraph.nn.plan import Step
from stgraph.nn.temporal import MultiScaleTemporal

REACH = 4  # of the widest branch


class STGCNPlusPlusBlock(Module):
    """Spatial convolution over all pairs of joints, temporal convolution in branches, residuals.

    Args:
        in_channels: Channels of the nodes that come in.
        out_channels: Channels of the nodes that go out.
        graph: Says K, and where the learnt adjacency starts.
        stride: Keep every ``stride``-th frame.
        dropout: Probability, after the temporal step; the published networks have none.
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
        self.adjacency = EdgeImportance(graph.completed(), start=graph.adjacency)
        self.spatial = STGCNConv(in_channels, out_channels, graph.num_subsets, bias="per_subset")
        self.spatial_norm: Module = NodeNorm(out_channels)
        self.spatial_residual = shortcut(in_channels, out_channels, stride=1)
        self.temporal = MultiScaleTemporal(out_channels)
        self.dropout = Dropout(dropout)
        self.residual = shortcut(in_channels, out_channels, stride) if residual else None
        self.activation = ReLU()

    def forward(self, x: Tensor, step: Step) -> Tensor:
        """Features of the nodes that the step keeps.

        Shapes:
            - **x:** float ``[N, C_in]``; **out:** float ``[N', C_out]``
        """
        h = convolve(self.spatial, x, step.in_space, self.adjacency(step.in_space))
        h = self.activation(self.spatial_norm(h) + self.spatial_residual(x))
        h = self.dropout(self.temporal(h, step.in_time, step.kept))
        if self.residual is not None:
            h = h + self.residual(x if step.kept is None else x.index_select(0, step.kept))
        return self.activation(h)

    def fuse(self) -> None:
        """Fold normalisation into the layers before it, in place, for evaluation."""
        fold_sequences(self)
        self.spatial_norm = fold(self.spatial, self.spatial_norm)
        self.temporal.fold()


class STGCNPlusPlus(SkeletonNetwork):
    """ST-GCN++ (Duan, Wang, Chen, Lin, "PYSKL", 2022, arXiv 2205.09443), on clips of any length.

    Ten blocks that learn their adjacency freely, starting from the graph's: K V V numbers each, so
    every joint hears every joint of its frame. **Clips have to be built with the network's own**
    :attr:`graph`, in which all joints are joined::

        model = STGCNPlusPlus(3, 60, graph)
        logits = model(build_clip(keypoints, model.graph))

    The published networks start from ``SkeletonGraph.from_layout(layouts.NTU25_PYSKL,
    normalization=normalization.per_subset)`` and have no dropout. Arguments as in
    :class:`SkeletonNetwork`; the graph's edges in time reach at least four frames (Γ >= 9).
    """

    block = STGCNPlusPlusBlock
    in_branches = True
    default_dropout = 0.0

    @classmethod
    def clip_graph(cls, graph: SkeletonGraph) -> SkeletonGraph:
        """The graph with all joints joined."""
        if graph.labels.temporal != "factorized" or graph.labels.reach < REACH:
            raise ValueError(
                f"ST-GCN++ looks {REACH} frames back and forth with edges of its own in time: it "
                f"needs temporal='factorized' and a temporal kernel of at least {2 * REACH + 1}, "
                f"found {graph.labels}."
            )
        return graph.completed()
