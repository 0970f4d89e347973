"""What a network sees in one clip: which joints speak for a class, and when."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Batch
from torch_geometric.utils import scatter

from stgraph.data import SkeletonData
from stgraph.nn import SkeletonNetwork


class Responses(NamedTuple):
    """How strongly each node of a clip speaks for a class, and the classes over time.

    The last layer's responses, which the paper draws on the skeleton (Yan et al. 2018), are seen
    here by the classifier: its scores of a person's nodes have the person's score as their mean.

    Attributes:
        label: The class.
        strength: Of each node ``[N]``, 1 where it is strongest: how far the node's score for the
            class is above the mean of its scores for all, 0 below. A frame that the last block does
            not keep has the strength of the one before; NaN where that lacks the joint.
        frame: Frames of the clip that the last block keeps ``[T']``.
        shares: Probabilities of all classes in these frames ``[T', classes]``, of the mean of the
            scores of a frame's nodes.
    """

    label: int
    strength: Tensor
    frame: Tensor
    shares: Tensor


@torch.inference_mode()
def respond(model: SkeletonNetwork, clip: SkeletonData, label: int | None = None) -> Responses:
    """Run a network on one clip and ask its nodes.

    Args:
        model: In evaluation mode.
        clip: Built with the network's graph.
        label: The class; by default the one that the network names.

    Raises:
        ValueError: If the network is in training mode, the clip is a batch or has no nodes, or
            there is no such class.
    """
    if model.training:
        raise ValueError("Responses are of a network in evaluation mode; call model.eval().")
    if clip.batch is not None or not clip.num_nodes:
        raise ValueError("Responses are of one clip that has nodes; of a batch take batch[i].")
    scores, kept = model.responses(Batch.from_data_list([clip]))
    level, step = kept.level, kept.frame // model.unit
    if label is None:
        label = int(model.classify(kept.x, level).argmax())
    if not 0 <= label < model.num_classes:
        raise ValueError(f"The network has classes 0 to {model.num_classes - 1}, not {label}.")
    above = (scores[:, label] - scores.mean(dim=1)).clamp(min=0)
    shape = (level.num_persons, int(step.max()) + 1, model.graph.num_joints)
    strength = above.new_full(shape, torch.nan)
    strength[level.nodes.body, step, level.nodes.joint] = above / above.max().clamp(min=1e-12)
    first = int(clip.frame.min())
    steps = ((clip.frame - first) // model.unit).clamp(max=shape[1] - 1)
    there = step.unique()
    means = scatter(scores, step, dim_size=shape[1], reduce="mean")[there]
    return Responses(
        label,
        strength[clip.person, steps, clip.joint],
        there * model.unit + first,
        means.softmax(dim=1),
    )
