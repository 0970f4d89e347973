from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from stgraph import SkeletonGraph, SkeletonLayout, normalization
from stgraph.datasets import SkeletonFolder
from stgraph.evaluate import evaluate
from stgraph.train import fit, share_of_rate
from stgraph.train.recognizer import MeanClassAccuracy

from .sets import STICK, read_sets, recognizer, write_folder, write_swings


@pytest.fixture
def sets(tmp_path):
    return read_sets(write_swings(tmp_path / "data"))


def epochs_of(path):
    with open(path, newline="") as file:
        return [int(row["epoch"]) for row in csv.DictReader(file) if row["val_top1"]]


def test_training_learns_to_tell_motions_apart_on_clips_it_has_not_seen(sets, tmp_path):
    metrics = fit(recognizer(sets, epochs=15, batch_size=4), *sets, tmp_path)
    assert metrics["val_top1"] == 1.0
    assert metrics["train_loss"] < 0.3


def test_metrics_are_written_as_they_are_found(sets, tmp_path):
    """So that a run that is killed has told what it knew."""
    watched, written = recognizer(sets, epochs=2, batch_size=4), []
    metrics = tmp_path / "metrics.csv"

    def watch(optimizer) -> None:
        lines = metrics.read_text().splitlines() if metrics.is_file() else []
        written.append(sum(1 for row in csv.DictReader(lines) if row.get("train_loss_step")))

    watched.on_before_zero_grad = watch
    fit(watched, *sets, tmp_path)
    assert written == list(range(len(written))) and len(written) > 8


def test_the_mean_of_classes_is_that_of_the_last_epoch(sets, tmp_path):
    train_set, test_set = sets
    uneven = test_set[torch.tensor([0, 1, 2, 3, 4, 5, 6, 11])]
    made = recognizer(sets, epochs=2)
    metrics = fit(made, train_set, uneven, tmp_path)
    found = evaluate(made.model, uneven)
    assert metrics["val_mean_class"] == pytest.approx(found.mean_class_accuracy())
    assert metrics["val_top1"] == pytest.approx(found.accuracy())


def test_the_mean_of_classes_is_over_all_batches():
    mean = MeanClassAccuracy(3)
    mean.update(torch.eye(3)[[0, 0]], torch.tensor([0, 1]))
    mean.update(torch.eye(3)[[1]], torch.tensor([1]))
    assert float(mean.compute()) == pytest.approx((1 + 1 / 2) / 2)  # the third has no clips


def test_the_learning_rate_warms_up_then_falls_to_zero(sets, tmp_path):
    trained = recognizer(sets, epochs=4, learning_rate=0.1, warmup_epochs=1)
    rates = []
    trained.on_before_zero_grad = lambda optimizer: rates.append(optimizer.param_groups[0]["lr"])
    fit(trained, *sets, tmp_path)
    rates = rates[:12]
    assert np.argmax(rates) == 3 and np.isclose(max(rates), 0.1)
    assert all(np.diff(rates[:4]) > 0) and all(np.diff(rates[3:]) < 0) and rates[-1] < 0.01


def test_a_loss_that_is_not_finite_stops_with_the_names_of_the_clips(sets, tmp_path):
    broken = recognizer(sets, epochs=1)
    with torch.no_grad():
        broken.model.classifier.weight.fill_(float("nan"))
    batch = Batch.from_data_list([sets[0][0], sets[0][1]])
    with pytest.raises(ValueError, match=r"loss is nan .*clips 0, 1; lower learning_rate"):
        broken.training_step(batch)


def test_resuming_goes_on_with_the_next_epoch_and_keeps_the_old_metrics(sets, tmp_path):
    fit(recognizer(sets, epochs=2), *sets, tmp_path)
    last = tmp_path / "checkpoints" / "last.ckpt"
    fit(recognizer(sets, epochs=4), *sets, tmp_path, resume=last)
    assert epochs_of(tmp_path / "metrics-1.csv") == [0, 1]
    assert epochs_of(tmp_path / "metrics.csv") == [2, 3]
    assert torch.load(last, weights_only=True)["epoch"] == 3


def test_the_learning_rate_of_a_resumed_run_follows_the_new_number_of_epochs(sets, tmp_path):
    fit(recognizer(sets, epochs=2, learning_rate=0.1), *sets, tmp_path)
    resumed = recognizer(sets, epochs=4, learning_rate=0.1)
    rates = []
    resumed.on_before_zero_grad = lambda optimizer: rates.append(optimizer.param_groups[0]["lr"])
    fit(resumed, *sets, tmp_path, resume=tmp_path / "checkpoints" / "last.ckpt")
    expected = [0.1 * share_of_rate(resumed.options, step, 12) for step in range(7, 12)]
    assert np.allclose(rates[1:6], expected)


def test_a_finished_run_is_not_resumed(sets, tmp_path):
    fit(recognizer(sets, epochs=1), *sets, tmp_path)
    last = tmp_path / "checkpoints" / "last.ckpt"
    with pytest.raises(ValueError, match=r"has had 1 epochs already and 1 were asked for"):
        fit(recognizer(sets, epochs=1), *sets, tmp_path, resume=last)


def test_another_partition_of_the_same_shape_is_not_resumed(sets, tmp_path):
    fit(recognizer(sets, epochs=1), *sets, tmp_path)
    other = recognizer(sets, epochs=2)
    other.model.graph = SkeletonGraph.from_layout(STICK, normalization=normalization.per_subset)
    with pytest.raises(ValueError, match="another architecture: graph.edge_weight is"):
        fit(other, *sets, tmp_path, resume=tmp_path / "checkpoints" / "last.ckpt")


@pytest.mark.parametrize("wrong", [{"accelerator": "gpu"}, {"devices": 0}])
def test_machines_that_are_not_there_are_a_clear_error(sets, tmp_path, wrong):
    if "accelerator" in wrong and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    out = tmp_path / "run"
    with pytest.raises(ValueError, match="Lightning cannot train with these settings"):
        fit(recognizer(sets, epochs=1, **wrong), *sets, out, config="epochs: 1")
    assert not out.exists()


def test_settings_are_written_when_training_starts(sets, tmp_path):
    fit(recognizer(sets, epochs=1), *sets, tmp_path, config="epochs: 1\n")
    assert (tmp_path / "config.yaml").read_text() == "epochs: 1\n"


def test_one_seed_gives_one_network_bit_by_bit(sets, tmp_path):
    states = []
    for run in ("a", "b"):
        torch.manual_seed(5)
        trained = recognizer(sets, epochs=2)
        torch.manual_seed(5)
        fit(trained, *sets, tmp_path / run)
        states.append(trained.model.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def jittered(keypoints, generator):
    return keypoints + 0.1 * torch.randn(keypoints.shape, generator=generator)


@pytest.mark.parametrize("bound", [{"batch_size": 5}, {"max_nodes": 300}])
def test_the_number_of_workers_changes_no_weight(sets, tmp_path, bound):
    train_set, test_set = sets
    train_set.augment = jittered
    found = []
    for workers in (0, 2):
        trained = recognizer(sets, epochs=2, workers=workers, **bound)
        fit(trained, train_set, test_set, tmp_path / str(workers))
        found.append([value.clone() for value in trained.model.state_dict().values()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_each_epoch_sees_clips_varied_anew_and_a_resumed_one_goes_on(sets, tmp_path):
    """Two epochs in one go and one after the other leave the same weights: seeds know the epoch."""
    train_set, test_set = sets
    train_set.augment = jittered
    steady = {"learning_rate": 0.01, "warmup_epochs": 0, "batch_size": 8}
    epochs = []

    def run(out, last, resume=None):
        trained = recognizer(sets, epochs=last, **steady)
        trained.on_train_batch_start = lambda batch, _: epochs.append(batch.x.clone())
        fit(trained, train_set, test_set, tmp_path / out, resume=resume)
        return epochs[-6:]

    whole = run("whole", 2)
    assert not torch.equal(whole[0], whole[3])
    first = run("half", 1)[-3:]
    second = run("half", 2, tmp_path / "half" / "checkpoints" / "last.ckpt")[-3:]
    assert all(torch.equal(one, other) for one, other in zip(whole, first + second, strict=True))


@pytest.mark.real
def test_real_motion_capture_is_learnt(shared, tmp_path):
    archive = np.load(shared / "data" / "bandai_motion" / "motion2.npz", allow_pickle=False)
    joint_names, parents = archive["joint_names"].tolist(), archive["parents"].tolist()
    bones = tuple((child, parent) for child, parent in enumerate(parents) if parent >= 0)
    layout = SkeletonLayout("Bandai-22", tuple(joint_names), bones, joint_names.index("Hips"))
    xyz, offsets = archive["xyz"], archive["offsets"]
    chosen = {"wave-both-hands": 24, "walk-turn-left": 24}
    clips = []
    for label, count in chosen.items():
        for place, index in enumerate(np.flatnonzero(archive["content"] == label)[:count]):
            clip = xyz[offsets[index] : offsets[index + 1] : 4].astype(np.float32)
            clips.append((label, "test" if place % 3 == 0 else "train", clip))
    root = write_folder(tmp_path / "data", layout, clips)
    sets = SkeletonFolder(root), SkeletonFolder(root, "test")
    metrics = fit(recognizer(sets, epochs=6), *sets, tmp_path / "run")
    assert metrics["val_top1"] > 0.9
