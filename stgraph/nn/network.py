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
from stgraph.nn.step import Step

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

PART = 8192  # nodes whose features stay in the processor's cache, in evaluation


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


class Plan(NamedTuple):
    """What a network needs of a batch besides the features.

    Attributes:
        statistic: Row of the data normalisation's statistics for each node ``[N]``.
        steps: What each block needs.
        level: Where the nodes are that the last block keeps.
    """

    statistic: Tensor
    steps: tuple[Step, ...]
    level: Level


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
    in_branches: ClassVar[bool] = False

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
        self._compiled: Callable[[Tensor, Plan], Tensor] | None = None
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
        if torch.is_grad_enabled() or self.training or self._compiled is not None:
            compute = self._compiled or self.compute
            return compute(data.x, self.plan(data))
        features = self.node_features(data)
        return self.classifier(pool_clips(features.x, features.level))

    def plan(self, data: SkeletonData) -> Plan:
        """What the network needs of the batch besides the features, derived once.

        ``model(batch)`` is ``model.compute(batch.x, model.plan(batch))``.
        """
        self._check(data)
        return self._plan(self._level(data), self._statistic(data))

    def compute(self, x: Tensor, plan: Plan) -> Tensor:
        """Logits ``[B, classes]`` of the features ``[N, C]``; tensors in, tensors out."""
        return self.classifier(pool_clips(self._blocks(x, plan), plan.level))

    def node_features(self, data: SkeletonData) -> NodeFeatures:
        """The last block's output, before pooling."""
        self._check(data)
        level, statistic = self._level(data), self._statistic(data)
        parts = [slice(None)]
        if not (torch.is_grad_enabled() or self.training or data.x.is_cuda):
            parts = level.parts(PART)
        last, frame = level, level.nodes.frame
        for stride in self.strides:
            if stride > 1:
                step, last = last.coarsen(stride)
                frame = frame[step.kept]
        outs = [
            self._blocks(data.x[rows], self._plan(level.part(rows), statistic[rows]))
            for rows in parts
        ]
        return NodeFeatures(outs[0] if len(outs) == 1 else torch.cat(outs), last, frame)

    def compile(self, **options: Any) -> None:
        """Compile all but the planning, which follows the data: ``torch.compile``'s options."""
        options = {"dynamic": True, "fullgraph": True, **options}
        self._compiled = torch.compile(self.compute, **options)

    def _level(self, data: SkeletonData) -> Level:
        watched = any(m.watched for m in self.modules() if isinstance(m, STGCNConv))
        return Level.of(data, self.graph, one_by_one=watched)

    def _statistic(self, data: SkeletonData) -> Tensor:
        """The row of the data normalisation's statistics that each node has ``[N]``."""
        if self.persons is None:
            return data.joint
        return data.person * self.graph.num_joints + data.joint

    def _plan(self, level: Level, statistic: Tensor) -> Plan:
        steps = []
        for stride in self.strides:
            step, level = Step.of(level, stride, in_branches=self.in_branches)
            steps.append(step)
        return Plan(statistic, tuple(steps), level)

    def _blocks(self, x: Tensor, plan: Plan) -> Tensor:
        x = self.data_norm(x, plan.statistic)
        for block, step in zip(self.blocks, plan.steps, strict=True):
            x = block(x, step)
        return x

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
