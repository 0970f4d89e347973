"""Learning rates: by the size of a step, and over the steps of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from stgraph.options import TrainingOptions


def scaled_rate(options: TrainingOptions, clips: float) -> float:
    """The learning rate for steps of so many clips, of all processes together.

    In proportion to them for SGD (Goyal et al., "Accurate, Large Minibatch SGD", 2017), to their
    root for AdamW (Malladi et al., "On the SDEs and Scaling Rules for Adaptive Gradient
    Algorithms", 2022).
    """
    if options.learning_rate_batch == 0:
        return options.learning_rate
    times = clips / options.learning_rate_batch
    return options.learning_rate * (times if options.optimizer == "sgd" else math.sqrt(times))


def make_optimizer(
    parameters: Iterable[Tensor], options: TrainingOptions, clips: float
) -> torch.optim.Optimizer:
    """The optimiser of the options, for steps of so many clips."""
    rate = scaled_rate(options, clips)
    if options.optimizer == "adamw":
        return torch.optim.AdamW(parameters, rate, weight_decay=options.weight_decay)
    return torch.optim.SGD(
        parameters,
        rate,
        momentum=options.momentum,
        nesterov=options.nesterov and options.momentum > 0,
        weight_decay=options.weight_decay,
    )


def share_of_rate(options: TrainingOptions, step: int, steps: int) -> float:
    """The share of the learning rate at a step: a line up to 1, then what the schedule says.

    ``cosine`` is half a cosine down to 0 at the last step; ``step`` multiplies by ``gamma`` after
    each of the ``milestones``, in epochs; ``constant`` stays at 1.
    """
    per_epoch = steps / options.epochs
    warmup = round(options.warmup_epochs * per_epoch)
    if options.warmup_epochs > 0:
        warmup = max(1, warmup)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if options.schedule == "step":
        return options.gamma ** sum(step >= round(at * per_epoch) for at in options.milestones)
    if options.schedule == "constant":
        return 1.0
    share = (step - warmup) / max(1, steps - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def balanced_weights(labels: Tensor, num_classes: int) -> Tensor:
    """A weight for each class, so that all weigh alike and a clip weighs 1 on average.

    A class without clips has weight 0.
    """
    count = torch.bincount(labels, minlength=num_classes)
    return len(labels) / ((count > 0).sum() * count.clamp(min=1)) * (count > 0)
