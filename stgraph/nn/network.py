"""What all networks share: blocks on the graph of a batch of clips, pooling and a classifier."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn import Linear, Module, ModuleList

from stgraph.data import SkeletonData
from stgraph.graph import SkeletonGraph
from stgraph.nn.conv import STGCNConv
from stgraph.nn.level import Level
from stgraph.nn.norm import JointNorm
from stgraph.nn.plan import Plan
from stgraph.nn.pool import pool_clips
from stgraph.nn.recompute import recomputed

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
        recompute: Set it to keep between forward and backward what goes into blocks alone, and
            compute the rest twice: less memory for more time.
        is_fused: Whether :meth:`fuse` made it.

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
        if not isinstance(graph, SkeletonGraph):
            raise ValueError(
                f"The network stands on a SkeletonGraph, not {type(graph).__name__}; of a layout "
                "SkeletonGraph.from_layout(layout) is one."
            )
        if persons is not None and persons < 1:
            raise ValueError(f"persons is a number of at least 1, or None, not {persons!r}.")
        self.recompute, self.is_fused = False, False
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
            self.block(*ends, graph, stride=stride, dropout=dropout if i else 0.0, residual=i > 0)
            for i, (ends, stride) in enumerate(zip(pairwise(widths), self.strides, strict=True))
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
        return self.classify(features.x, features.level)

    def plan(self, data: SkeletonData) -> Plan:
        """What the network needs of the batch besides the features, derived once.

        ``model(batch)`` is ``model.compute(batch.x, model.plan(batch))``.
        """
        return self.plan_of(*self.level_of(data))

    def plan_of(self, level: Level, statistic: Tensor) -> Plan:
        """The plan of what :meth:`level_of` says, or of a part of it."""
        return Plan.of(level, statistic, self.strides, in_branches=self.in_branches)

    def compute(self, x: Tensor, plan: Plan) -> Tensor:
        """Logits ``[B, classes]`` of the features ``[N, C]``; tensors in, tensors out."""
        return self.classify(self.run_blocks(x, plan), plan.level)

    def classify(self, x: Tensor, level: Level) -> Tensor:
        """Logits ``[B, classes]`` of what the last block says."""
        return self.classifier(pool_clips(x, level).to(x.dtype))

    def node_features(self, data: SkeletonData) -> NodeFeatures:
        """The last block's output, before pooling."""
        level, statistic = self.level_of(data)
        parts = level.parts(PART) if self._may_split(level) else [slice(None)]
        outs, last = [], level
        for rows in parts:
            plan = self.plan_of(level.part(rows), statistic[rows])
            outs.append(self.run_blocks(data.x[rows], plan))
        if len(outs) == 1:
            return NodeFeatures(outs[0], plan.level, plan.level.nodes.frame * self.unit)
        for stride in self.strides:
            last = last if stride == 1 else last.coarsen(stride)[1]
        return NodeFeatures(torch.cat(outs), last, last.nodes.frame * self.unit)

    def _may_split(self, level: Level) -> bool:
        """Whether a batch may go through in parts: where nobody looks inside, on the CPU."""
        if torch.is_grad_enabled() or self.training or level.one_by_one or level.clip.is_cuda:
            return False
        return not any(
            module._forward_hooks or module._forward_pre_hooks for module in self.blocks.modules()
        )

    @property
    def unit(self) -> int:
        """How many frames of a clip become one."""
        return math.prod(self.strides)

    def fuse(self) -> SkeletonNetwork:
        """A copy for inference, in which normalisation is part of the layers before it.

        Equal to this network in evaluation mode, up to rounding; it cannot be trained.
        """
        fused = copy.deepcopy(self).eval()
        for block in fused.blocks:
            block.fuse()  # type: ignore[operator]
        fused.is_fused = True
        return fused.requires_grad_(False)

    def compile(self, **options: Any) -> None:
        """Compile all but the planning, which follows the data: ``torch.compile``'s options."""
        options = {"dynamic": True, "fullgraph": True, **options}
        self._compiled = torch.compile(self.compute, **options)

    def __getstate__(self) -> dict[str, Any]:
        """Without compiled code, which belongs to this object in this process."""
        return {**super().__getstate__(), "_compiled": None}

    def level_of(self, data: SkeletonData, *, one_by_one: bool = False) -> tuple[Level, Tensor]:
        """Nodes and edges of the batch, and each node's row of the data statistics ``[N]``.

        Layers get all edges ``one_by_one`` if asked to, or if somebody looks at their messages.
        """
        self._check(data)
        watched = any(m.watched for m in self.modules() if isinstance(m, STGCNConv))
        level = Level.of(data, self.graph, one_by_one=one_by_one or watched)
        if self.persons is None:
            return level, data.joint
        return level, data.person * self.graph.num_joints + data.joint

    def run_blocks(self, x: Tensor, plan: Plan) -> Tensor:
        """Features of the nodes that the last block keeps ``[N', C]``."""
        x = self.data_norm(x, plan.statistic)
        recompute = self.recompute and self.training and torch.is_grad_enabled()
        for block, step in zip(self.blocks, plan.steps, strict=True):
            x = recomputed(block, x, step) if recompute else block(x, step)
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
