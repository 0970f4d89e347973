"""The network: ten blocks on the graph of a batch of clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import Linear, Module, ModuleList
from torch_geometric.utils import scatter

from stgraph.graph import SkeletonData, SkeletonGraph
from stgraph.nn.block import STGCNBlock
from stgraph.nn.conv import STGCNConv
from stgraph.nn.level import Level
from stgraph.nn.norm import JointNorm

TEN_BLOCKS = (
    (64, 1),
    (64, 1),
    (64, 1),
    (64, 1),
    (128, 2),
    (128, 1),
    (128, 1),
    (256, 2),
    (256, 1),
    (256, 1),
)


class NodeFeatures(NamedTuple):
    """What the last block says of each node it kept.

    Attributes:
        x: Features, float ``[N', C]``.
        level: Where the nodes are (``level.nodes``, ``level.clip``), N' of them.
        frame: Frame of the input ``[N']``, counted from each clip's first.
    """

    x: Tensor
    level: Level
    frame: Tensor


class STGCN(Module):
    """ST-GCN for action recognition (Yan, Xiong, Lin, AAAI 2018), on clips of any length.

    Data normalisation, blocks of spatial and temporal graph convolution with learnt edge
    importance, mean over each person's nodes, mean over each clip's persons, linear classifier.
    What is computed is what is there: no frame, person or joint is made up.

    Args:
        in_channels: C, channels of a node: 3 for x, y, z or for x, y, score.
        num_classes: Size of the output.
        graph: The labelled frame that the clips are built with.
        blocks: ``(channels, stride)`` of each block. The first has no residual. Default: the ten
            of the released program.
        dropout: In every block but the first; the paper uses 0.5.

    Shapes:
        - **data:** a batch of B clips, :class:`SkeletonData` of N nodes; **out:** ``[B, classes]``
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        graph: SkeletonGraph,
        *,
        blocks: Sequence[tuple[int, int]] = TEN_BLOCKS,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if not blocks:
            raise ValueError("The network needs at least one block (channels, stride).")
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.graph = graph
        self.settings = {"blocks": [list(block) for block in blocks], "dropout": dropout}
        self.data_norm = JointNorm(graph.num_joints, in_channels)
        self.strides = [stride for _, stride in blocks]
        widths = [in_channels, *(channels for channels, _ in blocks)]
        self.blocks = ModuleList(
            STGCNBlock(
                widths[i],
                channels,
                graph,
                stride=stride,
                dropout=dropout if i else 0.0,
                residual=i > 0,
            )
            for i, (channels, stride) in enumerate(blocks)
        )
        self.classifier = Linear(widths[-1], num_classes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """He initialisation for every convolution, each counting the sources of one target."""
        for module in self.modules():
            if isinstance(module, STGCNConv):
                fan_in = module.weight.shape[0] * module.weight.shape[1]
                torch.nn.init.normal_(module.weight, std=(2.0 / fan_in) ** 0.5)
                if module.bias is not None:
                    torch.nn.init.zeros_(module.bias)

    def forward(self, data: SkeletonData) -> Tensor:
        """Logits ``[B, classes]``; a clip without nodes has those of zero features."""
        features = self.node_features(data)
        return self.classifier(pool_clips(features.x, features.level))

    def node_features(self, data: SkeletonData) -> NodeFeatures:
        """The last block's output, before pooling."""
        self._check(data)
        level = Level.of(data, self.graph)
        frame = level.nodes.frame
        x = self.data_norm(data.x, data.joint)
        for block, stride in zip(self.blocks, self.strides, strict=True):
            step, next_level = None, level
            if stride > 1:
                step, next_level = level.coarsen(stride, self.graph)
                frame = frame[step.kept]
            x = block(x, level, step)
            level = next_level
        return NodeFeatures(x, level, frame)

    def responses(self, data: SkeletonData) -> tuple[Tensor, NodeFeatures]:
        """The classifier on every node ``[N', classes]``: where and when a class is seen.

        Their mean over each person's nodes, then over persons, is the logits.
        """
        features = self.node_features(data)
        return self.classifier(features.x), features

    def _apply(self, fn, recurse: bool = True):  # type: ignore[no-untyped-def]
        module = super()._apply(fn, recurse)
        self.graph = self.graph.to(self.classifier.weight.device)
        return module

    def _check(self, data: SkeletonData) -> None:
        if data.x is None or data.x.ndim != 2 or data.x.shape[1] != self.in_channels:
            found = None if data.x is None else list(data.x.shape)
            raise ValueError(
                f"The network takes node features [N, {self.in_channels}], the data has {found}."
            )
        if data.x.dtype != self.classifier.weight.dtype:
            raise ValueError(
                f"The network computes in {self.classifier.weight.dtype}, node features are "
                f"{data.x.dtype}; build the clip from keypoints of that type, or convert one."
            )


def pool_clips(x: Tensor, level: Level) -> Tensor:
    """Mean over each person's nodes, then over each clip's persons: ``[N, C]`` to ``[B, C]``."""
    bodies = level.num_clips * level.num_persons
    person = scatter(x, level.nodes.body, dim_size=bodies, reduce="mean")
    present = torch.bincount(level.nodes.body, minlength=bodies).clamp(max=1).to(x.dtype)
    total = person.view(level.num_clips, level.num_persons, -1).sum(dim=1)
    return total / present.view(level.num_clips, -1).sum(dim=1, keepdim=True).clamp(min=1)
