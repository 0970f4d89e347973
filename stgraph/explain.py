"""Why a network names a class: the share of every joint, edge and frame, by PyG's ``Explainer``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Batch
from torch_geometric.explain import Explainer, ExplainerAlgorithm, Explanation
from torch_geometric.explain.config import ModelMode

from stgraph.data import SkeletonData
from stgraph.nn import SkeletonNetwork

STEPS = 32


class ClipModel(torch.nn.Module):
    """A network as PyG's explainers call a model: features and edges first, logits out.

    Args:
        model: The network.
    """

    def __init__(self, model: SkeletonNetwork) -> None:
        super().__init__()
        self.model = model
        self.train(model.training)  # which explainers restore

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_weight: Tensor, clip: SkeletonData
    ) -> Tensor:
        """Logits ``[1, classes]`` of the clip with these features, edges and weights."""
        changed = clip.clone()
        changed.x, changed.edge_index, changed.edge_weight = x, edge_index, edge_weight
        logits: Tensor = self.model(Batch.from_data_list([changed]))
        return logits


class IntegratedGradients(ExplainerAlgorithm):
    """Gradients along the straight way from nothing to the clip (Sundararajan et al. 2017).

    For features nothing is ``start``, with the edges as they are: their shares add up to what the
    class's logit gains from there. For edges nothing is weight zero, with the features as they are:
    their shares add up to what the logit gains by the edges.

    Args:
        steps: Points on each way.
        start: Features ``[N, C]`` of nothing; zero by default.
    """

    def __init__(self, steps: int = STEPS, start: Tensor | None = None) -> None:
        super().__init__()
        self.start = start
        if steps < 1:
            raise ValueError(f"The way has at least one step, not {steps}.")
        self.steps = steps

    def forward(
        self,
        model: torch.nn.Module,
        x: Tensor,
        edge_index: Tensor,
        *,
        target: Tensor,
        index: int | Tensor | None = None,
        **kwargs: Any,
    ) -> Explanation:
        """Shares of features ``[N, C]`` as ``node_mask`` and of edges ``[E]`` as ``edge_mask``."""
        weight = kwargs.pop("edge_weight")

        def logit(features: Tensor, weights: Tensor) -> Tensor:
            return model(features, edge_index, weights, **kwargs)[0, int(target)]

        start = torch.zeros_like(x) if self.start is None else self.start
        return Explanation(
            node_mask=self._shares(lambda features: logit(features, weight), start, x),
            edge_mask=self._shares(lambda w: logit(x, w), torch.zeros_like(weight), weight),
        )

    def _shares(self, logit: Callable[[Tensor], Tensor], start: Tensor, end: Tensor) -> Tensor:
        total = torch.zeros_like(end)
        for step in range(self.steps):
            now = start.lerp(end, (step + 0.5) / self.steps).detach().requires_grad_()
            total += torch.autograd.grad(logit(now), now)[0]
        return total * (end - start) / self.steps

    def supports(self) -> bool:
        """Whether the explainer's settings fit: a classifier of whole graphs."""
        return self.model_config.mode == ModelMode.multiclass_classification


def explain(
    model: SkeletonNetwork, clip: SkeletonData, label: int | None = None, *, steps: int = STEPS
) -> Explanation:
    """How much each node and each edge of a clip speaks for a class, or against it.

    Joints are compared with where they are on average in the training clips, as the network's data
    normalisation knows it, edges with none.

    Args:
        model: In evaluation mode.
        clip: Built with the network's graph, edges included.
        label: The class; by default the one that the network names.
        steps: See :class:`IntegratedGradients`.

    Returns:
        ``node_mask [N, C]``, ``edge_mask [E]`` and ``target``. Each mask adds up to what the logit
        of the class gains in comparison, up to the error of ``steps``.

    Raises:
        ValueError: If the network is in training mode, the clip is a batch or has
            no nodes or edges, or there is no such class.
    """
    if model.training:
        raise ValueError("Explanations are of a network in evaluation mode; call model.eval().")
    if clip.batch is not None or not clip.num_nodes or "edge_index" not in clip:
        raise ValueError("One clip with nodes and edges is explained; of a batch take batch[i].")
    asked = ClipModel(model)
    with torch.no_grad():
        _, statistic = model.level_of(Batch.from_data_list([clip]))
        start = model.data_norm.running_mean.index_select(0, statistic)
        logits = asked(clip.x, clip.edge_index, clip.edge_weight, clip)
    chosen = int(logits.argmax()) if label is None else label
    if not 0 <= chosen < model.num_classes:
        raise ValueError(f"The network has classes 0 to {model.num_classes - 1}, not {chosen}.")
    explainer = Explainer(
        asked,
        IntegratedGradients(steps, start),
        explanation_type="phenomenon",
        node_mask_type="attributes",
        edge_mask_type="object",
        model_config={
            "mode": "multiclass_classification",
            "task_level": "graph",
            "return_type": "raw",
        },
    )
    return explainer(
        clip.x,
        clip.edge_index,
        edge_weight=clip.edge_weight,
        clip=clip,
        target=torch.tensor([chosen]),
    )
