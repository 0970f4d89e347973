"""What options of training do to losses, weights and the length of a run."""

from __future__ import annotations

import csv

import pytest
import torch
from torch.nn.functional import cross_entropy

from stgraph.train import ActionRecognizer, fit
from stgraph.train.recognizer import step_seed

from .sets import read_sets, recognizer, write_swings


@pytest.fixture
def sets(tmp_path):
    return read_sets(write_swings(tmp_path / "data"))


def test_classes_are_weighed_and_labels_smoothed(sets):
    made = recognizer(sets, label_smoothing=0.2)
    weighed = ActionRecognizer(
        made.model, made.options, sets[0].class_names, {}, torch.tensor([1.0, 3.0])
    )
    logits, labels = torch.randn(4, 2), torch.tensor([0, 0, 1, 0])
    wanted = cross_entropy(logits, labels, torch.tensor([1.0, 3.0]), label_smoothing=0.2)
    assert torch.equal(weighed.loss(logits, labels), wanted)
    share, loss = weighed.weighted_loss(logits, labels)
    assert share == 1 and torch.equal(loss, wanted)


def test_weights_of_classes_are_not_part_of_a_check_point(sets):
    made = recognizer(sets)
    weighed = ActionRecognizer(
        made.model, made.options, sets[0].class_names, {}, torch.tensor([1.0, 3.0])
    )
    assert weighed.state_dict().keys() == made.state_dict().keys()


def test_what_is_saved_and_returned_is_the_moving_average(sets, tmp_path):
    made = recognizer(sets, epochs=2, ema=0.75, learning_rate=0.1)
    averages: list[torch.Tensor] = []

    def watch(*arguments) -> None:
        now = made.model.classifier.weight.detach().clone()
        averages.append(now if not averages else 0.75 * averages[-1] + 0.25 * now)

    made.on_train_batch_end = watch
    fit(made, *sets, tmp_path)
    torch.testing.assert_close(made.model.classifier.weight, averages[-1])
    saved = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    torch.testing.assert_close(saved["model.classifier.weight"], averages[-1])


def test_a_run_without_progress_stops_early(sets, tmp_path):
    made = recognizer(sets, epochs=9, early_stopping=2, learning_rate=1e-9)
    fit(made, *sets, tmp_path)
    with open(tmp_path / "metrics.csv", newline="") as file:
        epochs = [int(row["epoch"]) for row in csv.DictReader(file) if row["val_top1"]]
    assert epochs == [0, 1, 2]


def test_the_rate_follows_the_clips_of_a_step(sets, tmp_path):
    """24 clips in steps of 6, said for 12: half of it."""
    made = recognizer(
        sets, epochs=1, batch_size=6, learning_rate_batch=12, warmup_epochs=0, learning_rate=0.1
    )
    rates = []
    made.on_before_zero_grad = lambda optimizer: rates.append(optimizer.param_groups[0]["lr"])
    fit(made, *sets, tmp_path)
    assert rates[0] == pytest.approx(0.05) and made.clips_per_step == 6


def test_chance_differs_between_seeds_steps_and_processes():
    seeds = {step_seed(*place) for place in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]}
    assert len(seeds) == 4 and all(0 <= seed < 2**63 for seed in seeds)
