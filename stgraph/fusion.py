"""Several networks asked about the same clips: their probabilities averaged.

Streams are fused with the weights 2 : 2 : 1 : 1 for joint, bone, joint motion and bone motion (Duan
et al., PYSKL, 2022), 1 : 1 for joint and bone (Shi et al., 2s-AGCN, 2019).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from stgraph.evaluate import Evaluation

USUAL_WEIGHTS = {"joint": 2.0, "bone": 2.0, "joint_motion": 1.0, "bone_motion": 1.0}


def fuse(parts: Sequence[Evaluation], weights: Sequence[float]) -> Evaluation:
    """The weighted mean of probabilities, clip by clip; logits are its logarithms.

    Args:
        parts: Of the same clips; they may be in another order in each.
        weights: One for each part, not negative, not all zero.

    Raises:
        ValueError: If clips, their labels or classes differ, or weights do not fit.
    """
    if len(weights) != len(parts) or min(weights, default=-1) < 0 or sum(weights) <= 0:
        raise ValueError(
            f"Expected {len(parts)} weights that are not negative and not all zero, found "
            f"{list(weights)}."
        )
    first = parts[0]
    shares = torch.tensor(weights, dtype=torch.double) / sum(weights)
    stacked = torch.stack([_in_order_of(first, part) for part in parts])
    mean = torch.einsum("p,pbc->bc", shares, stacked)
    return Evaluation(first.names, first.labels, mean.log().float(), first.class_names)


def search_weights(parts: Sequence[Evaluation], steps: int = 10) -> tuple[float, ...]:
    """The weights, multiples of ``1 / steps`` that sum to 1, with which most clips are right.

    Of those that are equally good the ones that differ least. Search on clips that nothing else is
    measured on: on the test clips themselves the result flatters.
    """
    first = parts[0]
    stacked = torch.stack([_in_order_of(first, part) for part in parts])
    choices = torch.tensor(list(_compositions(steps, len(parts))), dtype=torch.double) / steps
    right = torch.stack(
        [
            (torch.einsum("p,pbc->bc", choice, stacked).argmax(1) == first.labels).sum()
            for choice in choices
        ]
    )
    best = choices[right == right.max()]
    return tuple(best[best.var(dim=1, correction=0).argmin()].tolist())


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to write ``total`` as a sum of so many numbers."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _compositions(total - first, parts - 1):
            yield (first, *rest)


def _in_order_of(first: Evaluation, part: Evaluation) -> Tensor:
    """The probabilities of ``part`` ``[B, classes]`` in the order of the clips of ``first``."""
    if part.class_names != first.class_names:
        raise ValueError(
            f"Scores of {len(first.class_names)} classes and of {len(part.class_names)}, or of "
            "other names, cannot be fused; evaluate all networks on one data set."
        )
    row = {name: number for number, name in enumerate(part.names)}
    if len(row) != len(part.names) or set(row) != set(first.names):
        differ = sorted(set(row) ^ set(first.names))[:3]
        raise ValueError(
            f"Scores are of other clips: {len(first.names)} and {len(part.names)}, of which differ "
            f"{', '.join(differ) or 'none'}; evaluate all networks on one split, each clip once."
        )
    order = torch.tensor([row[name] for name in first.names])
    if not torch.equal(part.labels[order], first.labels):
        raise ValueError("The same clips have other labels; evaluate again with one data set.")
    return part.logits[order].double().softmax(dim=1)
