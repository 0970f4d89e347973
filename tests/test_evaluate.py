from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch

from stgraph import STGCN, build_clip, layouts
from stgraph.datasets import from_clips
from stgraph.evaluate import Evaluation, evaluate
from stgraph.formats import Clip

NAMES = ("walk", "run", "jump", "sit", "stand", "fall", "wave")


def evaluation() -> Evaluation:
    """Four clips: two hits, one second guess, one whose class has the least logit."""
    logits = torch.arange(7.0).flip(0).repeat(4, 1)  # class 0 first, class 6 last
    labels = torch.tensor([0, 0, 1, 6])
    return Evaluation(("a", "b", "c", "d"), labels, logits, NAMES)


def test_accuracy_counts_clips_whose_class_is_among_the_highest_logits():
    found = evaluation()
    assert found.accuracy() == 2 / 4
    assert found.accuracy(2) == found.accuracy(5) == 3 / 4
    assert found.accuracy(7) == found.accuracy(100) == 1


def test_the_mean_of_classes_is_over_those_that_have_clips():
    found = evaluation()  # walk 2 of 2, run 0 of 1, wave 0 of 1
    assert found.mean_class_accuracy() == pytest.approx(1 / 3)
    assert found.summary() == "top-1 50.00 %, top-5 75.00 %, mean of classes 33.33 %"


def test_the_confusion_matrix_has_true_classes_in_rows():
    confusion = evaluation().confusion
    assert confusion[1, 0] == 1 and confusion[6, 0] == 1 and confusion[0, 0] == 2
    assert confusion.sum() == 4


def test_classes_without_clips_have_no_accuracy():
    table = {name: (clips, share) for name, clips, share in evaluation().per_class()}
    assert table["walk"] == (2, "1.0000") and table["wave"] == (1, "0.0000")
    assert table["sit"] == (0, "")


def test_written_tables_hold_every_clip_and_class(tmp_path):
    evaluation().write(tmp_path / "deep" / "folder")
    folder = tmp_path / "deep" / "folder"
    assert json.loads((folder / "metrics.json").read_text()) == {
        "clips": 4,
        "top1": 0.5,
        "top5": 0.75,
        "mean_class": pytest.approx(1 / 3),
    }
    with open(folder / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["clip"] for row in rows] == ["a", "b", "c", "d"]
    assert {row["prediction"] for row in rows} == {"walk"}
    expected = float(torch.arange(7.0).softmax(0).max())
    assert abs(float(rows[0]["probability"]) - expected) < 1e-5
    with open(folder / "confusion.csv", newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["true class", *NAMES]


def test_clips_without_a_label_are_refused_by_name():
    clip = Clip("mystery", np.zeros((1, 3, 25, 3), dtype=np.float32))
    clips = from_clips([clip], layouts.NTU25, ["a", "b"])
    model = STGCN(3, 2, clips.graph, blocks=[(4, 1)])
    with pytest.raises(ValueError, match="1 of 1 clips .*have no label, the first is 'mystery'"):
        evaluate(model, clips)


def test_saved_scores_are_read_back(tmp_path):
    found = evaluation()
    found.write(tmp_path)
    again = Evaluation.load(tmp_path / "scores.npz")
    assert again.names == found.names and again.class_names == found.class_names
    assert torch.equal(again.logits, found.logits) and torch.equal(again.labels, found.labels)


def moving_clips(augment=None):
    rng = np.random.default_rng(0)
    clips = [
        Clip(f"clip {i}", rng.normal(size=(1, 9, 25, 3)).astype(np.float32), label=i % 2)
        for i in range(5)
    ]
    return from_clips(clips, layouts.NTU25, ["a", "b"], augment=augment)


def test_several_draws_of_a_clip_are_averaged_as_probabilities():
    seen = []

    def some_frames(keypoints, generator):
        seen.append(int(torch.randint(5, (), generator=generator)))
        return keypoints[:, seen[-1] :]

    clips = moving_clips(some_frames)
    model = STGCN(3, 2, clips.graph, blocks=[(4, 1)]).eval()
    found = evaluate(model, clips, draws=4, batch_size=2, workers=0)
    assert len(seen) == 20 and len(set(seen)) > 1
    plain = moving_clips()
    for row in range(5):
        kept = [plain.keypoints(row)[:, first:] for first in seen[row::5]]
        each = [model(build_clip(points, clips.graph)).softmax(1)[0] for points in kept]
        torch.testing.assert_close(found.probabilities[row], torch.stack(each).mean(0).detach())


def test_the_seed_says_what_is_drawn():
    clips = moving_clips(lambda keypoints, generator: torch.randn(1, 4, 25, 3, generator=generator))
    model = STGCN(3, 2, clips.graph, blocks=[(4, 1)]).eval()
    one, same, other = (evaluate(model, clips, draws=2, seed=seed).logits for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_draws_of_clips_that_never_differ_are_refused():
    clips = moving_clips()
    with pytest.raises(ValueError, match="10 times without any difference"):
        evaluate(STGCN(3, 2, clips.graph, blocks=[(4, 1)]), clips, draws=10)
