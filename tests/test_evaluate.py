from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch

from stgraph import STGCN, layouts
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
