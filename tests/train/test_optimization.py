"""Rates follow the size of a step and the schedule."""

from __future__ import annotations

import math

import pytest
import torch

from stgraph.options import TrainingOptions
from stgraph.train.optimization import (
    balanced_weights,
    make_optimizer,
    scaled_rate,
    share_of_rate,
)


def rates(steps: int, **options) -> list[float]:
    chosen = TrainingOptions(**options)
    return [share_of_rate(chosen, step, steps) for step in range(steps)]


@pytest.mark.parametrize(
    ("optimizer", "batch", "clips", "times"),
    [
        ("sgd", 64, 64, 1),
        ("sgd", 64, 16, 1 / 4),
        ("sgd", 64, 256, 4),
        ("sgd", 0, 999, 1),
        ("adamw", 64, 16, 1 / 2),
        ("adamw", 64, 256, 2),
        ("adamw", 0, 999, 1),
    ],
)
def test_the_rate_grows_with_the_clips_of_a_step(optimizer, batch, clips, times):
    options = TrainingOptions(
        optimizer=optimizer, learning_rate=0.1, learning_rate_batch=batch, weight_decay=0.01
    )
    assert math.isclose(scaled_rate(options, clips), 0.1 * times)
    made = make_optimizer([torch.zeros(1, requires_grad=True)], options, clips)
    (group,) = made.param_groups
    assert math.isclose(group["lr"], 0.1 * times) and group["weight_decay"] == 0.01


@pytest.mark.parametrize(("nesterov", "momentum", "found"), [(True, 0.9, 1), (False, 0.9, 0)])
def test_sgd_looks_ahead_if_told_to(nesterov: bool, momentum: float, found: bool):
    options = TrainingOptions(nesterov=nesterov, momentum=momentum)
    made = make_optimizer([torch.zeros(1, requires_grad=True)], options, 16)
    assert made.param_groups[0]["nesterov"] == found
    still = TrainingOptions(nesterov=nesterov, momentum=0.0)
    assert not make_optimizer([torch.zeros(1)], still, 16).param_groups[0]["nesterov"]


def test_steps_fall_after_the_milestones():
    """aaai18: a tenth after epoch 10, a hundredth after epoch 50 of 80."""
    found = rates(160, epochs=80, schedule="step", milestones=[10, 50], warmup_epochs=0)
    assert found[:20] == [1.0] * 20
    torch.testing.assert_close(found[20:100], [0.1] * 80)
    torch.testing.assert_close(found[100:], [0.01] * 60)


def test_warm_up_is_a_line_and_a_cosine_ends_at_zero():
    found = rates(40, epochs=4, warmup_epochs=1)
    torch.testing.assert_close(found[:10], [(i + 1) / 11 for i in range(10)])
    torch.testing.assert_close(
        found[10:], [(1 + math.cos(math.pi * i / 30)) / 2 for i in range(30)]
    )
    assert rates(40, epochs=4, warmup_epochs=0)[0] == 1.0


def test_a_constant_rate_stays():
    assert rates(30, epochs=3, schedule="constant", warmup_epochs=0) == [1.0] * 30


def test_balanced_classes_weigh_alike_and_clips_weigh_one_on_average():
    labels = torch.tensor([0] * 6 + [1] * 3 + [3] * 3)
    weights = balanced_weights(labels, 5)
    torch.testing.assert_close(weights, torch.tensor([2 / 3, 4 / 3, 0.0, 4 / 3, 0.0]))
    torch.testing.assert_close(weights[labels].mean(), torch.tensor(1.0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epochs": 0}, "epochs is at least 1"),
        ({"batch_size": 0}, "batch_size is at least 1"),
        ({"workers": -1}, "workers is at least 0"),
        ({"learning_rate": 0.0}, "learning_rate is above 0"),
        ({"test_clips": 0}, "test_clips is at least 1"),
        ({"max_nodes": -1}, "max_nodes is at least 0"),
        ({"ema": 1.0}, "below 1"),
        ({"schedule": "step"}, "those of schedule 'step' are needed"),
        ({"milestones": [3]}, "others have none"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, words: str):
    with pytest.raises(ValueError, match=words):
        TrainingOptions(**options)
