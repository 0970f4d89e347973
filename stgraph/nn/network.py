"""What all networks share: blocks on the graph of a batch of clips, pooling and a classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn import Linear, Module, ModuleList
from torch_geometric.utils import scatter

from stgraph.data import SkeletonData
from stgraph.graph import SkeletonGraph
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


class SkeletonNetwork(Module):
    """Recognises actions in clips of any length.

    Data normalisation, blocks of spatial and temporal graph convolution, mean over each person's
    nodes, mean over each clip's persons, linear classifier. What is computed is what is there: no
    frame, person or joint is made up. A network is told by the :attr:`block` that it stacks.

    Args:
        in_channels: C, channels of a node: 3 for x, y, z or for x, y, score.
        num_classes: Size of the output.
        graph: The labelled frame.
        blocks: ``(channels, stride)`` of each block. The first has neither residual nor dropout.
        dropout: In every block but the first; by default as published, :attr:`default_dropout`.
        persons: M if data normalisation tells the persons of a clip apart (M V C statistics, clips
            of up to M persons); by default all persons share V C statistics.

    Attributes:
        graph: The labelled frame that clips have to be built with.

    Shapes:
        - **data:** a batch of B clips, :class:`SkeletonData` of N nodes; **out:** ``[B, classes]``
    """

    block: ClassVar[Callable[..., Module]]
    default_dropout: ClassVar[float] = 0.5

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        graph: SkeletonGraph,
        *,
        blocks: Sequence[tuple[int, int]] = TEN_BLOCKS,
        dropout: float | None = None,
        persons: int | None = None,
    ) -> None:
        super().__init__()
        if not blocks:
            raise ValueError("The network needs at least one block (channels, stride).")
        if persons is not None and persons < 1:
            raise ValueError(f"persons is a number of at least 1, or None, not {persons!r}.")
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.graph = self.clip_graph(graph)
        self.persons = persons
        dropout = self.default_dropout if dropout is None else dropout
        self.settings: dict[str, Any] = {
            "blocks": [list(block) for block in blocks],
            "dropout": dropout,
            "persons": persons,
        }
        self.data_norm = JointNorm(graph.num_joints * (persons or 1), in_channels)
        self.strides = [stride for _, stride in blocks]
        widths = [in_channels, *(channels for channels, _ in blocks)]
        self.blocks = ModuleList(
            self.block(
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

    @classmethod
    def clip_graph(cls, graph: SkeletonGraph) -> SkeletonGraph:
        """The labelled frame that clips are built with, if the network is given ``graph``."""
        return graph

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
        joint = data.joint
        if self.persons is not None:
            joint = data.person * self.graph.num_joints + joint
        x = self.data_norm(data.x, joint)
        for block, stride in zip(self.blocks, self.strides, strict=True):
            step, next_level = None, level
            if stride > 1:
                step, next_level = level.coarsen(stride)
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

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
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
        if self.persons is not None and len(data.person) and data.person.max() >= self.persons:
            raise ValueError(
                f"The network tells {self.persons} persons of a clip apart, the data has "
                f"{int(data.person.max()) + 1}; keep fewer (transforms.keep_persons)."
            )


def pool_clips(x: Tensor, level: Level) -> Tensor:
    """Mean over each person's nodes, then over each clip's persons: ``[N, C]`` to ``[B, C]``."""
    bodies = level.num_clips * level.num_persons
    person = scatter(x, level.nodes.body, dim_size=bodies, reduce="mean")
    present = torch.bincount(level.nodes.body, minlength=bodies).clamp(max=1).to(x.dtype)
    total = person.view(level.num_clips, level.num_persons, -1).sum(dim=1)
    return total / present.view(level.num_clips, -1).sum(dim=1, keepdim=True).clamp(min=1)
