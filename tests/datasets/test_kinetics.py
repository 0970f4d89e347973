from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from stgraph import layouts
from stgraph.datasets import KineticsSkeleton

LABELS = {"a": "abseiling", "b": "zumba", "c": "abseiling", "d": "zumba"}
NUMBERS = {"abseiling": 0, "zumba": 2}


def clip(name, frames=4):
    rng = np.random.default_rng(ord(name))
    person = [
        {"pose": rng.uniform(0.1, 0.9, 36).round(3).tolist(), "score": [0.5] * 18}
        for _ in range(frames)
    ]
    data = [{"frame_index": t, "skeleton": [person[t]]} for t in range(frames)]
    return {"data": data, "label": LABELS[name], "label_index": NUMBERS[LABELS[name]]}


@pytest.fixture
def root(tmp_path):
    """Three training clips, of which one shows nobody, and one to validate."""
    raw = tmp_path / "raw"
    for split, names in (("train", "abc"), ("val", "d")):
        home = raw / f"kinetics_{split}"
        home.mkdir(parents=True)
        index = {}
        for name in names:
            label = LABELS[name]
            has_skeleton = name != "c"
            index[name] = {
                "has_skeleton": has_skeleton,
                "label": label,
                "label_index": NUMBERS[label],
            }
            if has_skeleton:
                (home / f"{name}.json").write_text(json.dumps(clip(name)))
        (raw / f"kinetics_{split}_label.json").write_text(json.dumps(index))
    return tmp_path


def test_both_splits_and_the_names_of_their_classes_come_from_the_index(root):
    train, val = KineticsSkeleton(root), KineticsSkeleton(root, "val")
    assert train.names == ["a", "b"] and val.names == ["d"]
    assert train.class_names == ("abseiling", "1", "zumba") == val.class_names
    assert train.labels.tolist() == [0, 2] and val.labels.tolist() == [2]


def test_clips_are_graphs_of_eighteen_joints_with_a_score(root):
    data = KineticsSkeleton(root)[0]
    assert data.x.shape == (4 * 18, 3) and torch.all(data.x[:, 2] == 0.5)
    pose = clip("a")["data"][0]["skeleton"][0]["pose"]
    assert data.x[0, :2].tolist() == pytest.approx(pose[:2])
    assert KineticsSkeleton(root).graph.layout == layouts.OPENPOSE18


def test_a_label_that_the_index_says_otherwise_is_refused(root):
    path = root / "raw" / "kinetics_train" / "a.json"
    path.write_text(json.dumps({**clip("a"), "label_index": 2}))
    with pytest.raises(ValueError, match=r"a\.json: expected the label 0 of the index, found 2"):
        KineticsSkeleton(root)


def test_a_listed_file_that_is_missing_is_reported(root):
    (root / "raw" / "kinetics_train" / "a.json").unlink()
    with pytest.raises(ValueError, match=r"1 of 3 clips.*a\.json"):
        KineticsSkeleton(root)
    assert KineticsSkeleton(root, on_error="skip").names == ["b"]


def test_one_split_alone_will_do(root):
    (root / "raw" / "kinetics_train_label.json").unlink()
    assert len(KineticsSkeleton(root, "val")) == 1
    with pytest.raises(ValueError, match="no clips in the split 'train'; its 1 clips are in: val"):
        KineticsSkeleton(root)


def test_without_files_it_says_where_they_are(tmp_path):
    with pytest.raises(ValueError, match=r"kinetics_train_label\.json.*st-gcn"):
        KineticsSkeleton(tmp_path)


def test_an_index_with_two_names_for_a_label_is_refused(root):
    path = root / "raw" / "kinetics_val_label.json"
    index = json.loads(path.read_text())
    index["d"]["label"] = "yoga"
    path.write_text(json.dumps(index))
    with pytest.raises(ValueError, match="index of val, d: expected one name.*found 'yoga' for 2"):
        KineticsSkeleton(root)
