"""The arrays of st-gcn: clips without their padding, with names and labels, read from the file."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stgraph import layouts
from stgraph.formats.clip import Clip
from stgraph.formats.stgcn_arrays import StgcnClips, read_stgcn_arrays

from .fuzzing import Case, fuzz
from .test_arrays import npy

NAMES = ["S001C001P001R001A060.skeleton", "S001C001P001R001A002.skeleton", "x-1.json"]


def data(joints: int = 25, channels: int = 3) -> Any:
    """Three clips ``[N, C, T, V, M]``: two persons in 3 frames, one in 5, one that comes late."""
    array = np.zeros((3, channels, 6, joints, 2), "f4")
    rng = np.random.default_rng(0)
    array[0, :, :3] = rng.normal(size=(channels, 3, joints, 2))
    array[1, :, :5, :, 0] = rng.normal(size=(channels, 5, joints))
    array[2, :, 2:4, :, 1] = rng.normal(size=(channels, 2, joints))
    array[0, :, 1, 1, 0] = 0
    return array


def save(folder: Path, array: Any, labels: Any = (NAMES, [59, 1, 7]), **options: Any) -> StgcnClips:
    (folder / "data.npy").write_bytes(npy(array))
    (folder / "label.pkl").write_bytes(pickle.dumps(labels))
    return read_stgcn_arrays(folder / "data.npy", folder / "label.pkl", **options)


def read(path: Path) -> list[Clip]:
    labels = path.with_name("labels.pkl")
    labels.write_bytes(pickle.dumps((NAMES, [0, 1, 2])))
    return list(read_stgcn_arrays(path, labels, split="train"))


def read_labels(path: Path) -> list[Clip]:
    array = path.with_name("clips.npy")
    array.write_bytes(npy(data(5)))
    return list(read_stgcn_arrays(array, path))


def seeds() -> list[bytes]:
    arrays = [data(4), data(17).astype("f2"), np.asfortranarray(data(3, 2)), data(18).astype(">f8")]
    return [npy(array) for array in arrays]


def label_seeds() -> list[bytes]:
    pairs = [(NAMES, [0, 1, 2]), [tuple(NAMES), np.arange(3)]]
    return [npy(np.arange(3)), *(pickle.dumps(pair, n) for pair in pairs for n in range(6))]


CASE = Case("st-gcn arrays", seeds, read, ".npy")
LABELS = Case("st-gcn labels", label_seeds, read_labels, ".pkl")


def test_clips_have_true_length_bare_names_and_labels(tmp_path: Path) -> None:
    array = data()
    clips = save(tmp_path, array, split="train")
    assert [clip.name for clip in clips] == [
        "S001C001P001R001A060",
        "S001C001P001R001A002",
        "x-1",
    ]
    assert [clip.label for clip in clips] == [59, 1, 7]
    assert [clip.keypoints.shape for clip in clips] == [
        (2, 3, 25, 3),
        (1, 5, 25, 3),
        (1, 4, 25, 3),
    ]
    assert clips[0].splits == ("train",) and clips[0].layout is layouts.NTU25
    assert (clips[1].keypoints[0, 4, 20] == array[1, :, 4, 20, 0]).all()


@pytest.mark.parametrize(("joints", "lost"), [(18, 1), (17, 1), (25, 0), (20, 0)])
def test_a_joint_of_zeros_was_not_seen_where_there_are_scores(
    tmp_path: Path, joints: int, lost: int
) -> None:
    array = np.random.default_rng(0).normal(size=(3, 3, 4, joints, 2))
    array[0, :, 1, 1, 0] = 0
    found = np.isnan(save(tmp_path, array)[0].keypoints).all(axis=-1)
    assert found.sum() == lost and found[0, 1, 1] == bool(lost)


def test_frames_of_zeros_are_without_people(tmp_path: Path) -> None:
    clips = save(tmp_path, data())
    assert np.isnan(clips[2].keypoints[0, :2]).all()
    assert not np.isnan(clips[2].keypoints[0, 2:]).any()


@pytest.mark.parametrize(
    ("joints", "channels", "layout"),
    [
        (25, 3, layouts.NTU25),
        (18, 3, layouts.OPENPOSE18),
        (17, 3, layouts.COCO17),
        (20, 3, layouts.UCLA20),
        (11, 3, None),
        (25, 2, None),
    ],
)
def test_the_layout_follows_from_the_joints(
    joints: int, channels: int, layout: Any, tmp_path: Path
) -> None:
    assert save(tmp_path, data(joints, channels))[0].layout is layout


def test_a_layout_can_be_given(tmp_path: Path) -> None:
    assert save(tmp_path, data(), layout=layouts.BODY25)[0].layout is layouts.BODY25
    with pytest.raises(ValueError, match="expected 17 joints of layout 'COCO17', found 25"):
        save(tmp_path, data(), layout=layouts.COCO17)


def test_labels_may_be_an_array(tmp_path: Path) -> None:
    save(tmp_path, data())
    (tmp_path / "label.npy").write_bytes(npy(np.array([4, 5, 6])))
    clips = read_stgcn_arrays(tmp_path / "data.npy", tmp_path / "label.npy", split="val")
    assert [(clip.name, clip.label) for clip in clips] == [
        ("val-000000", 4),
        ("val-000001", 5),
        ("val-000002", 6),
    ]


def test_a_label_of_minus_one_is_none(tmp_path: Path) -> None:
    assert save(tmp_path, data(), (NAMES, [-1, 0, np.int64(2)])).labels == [None, 0, 2]


def test_clips_go_to_other_processes_without_their_array(tmp_path: Path) -> None:
    clips = save(tmp_path, np.concatenate([data()] * 100), (NAMES * 100, [1] * 300))
    sent = pickle.dumps(clips)
    assert len(sent) < 20_000 < (tmp_path / "data.npy").stat().st_size
    assert (pickle.loads(sent)[3].keypoints == clips[0].keypoints)[0, 0].all()


def test_clips_are_a_sequence(tmp_path: Path) -> None:
    clips = save(tmp_path, data())
    assert clips[-1].name == "x-1" and [clip.name for clip in clips[1:]] == [
        clips[1].name,
        "x-1",
    ]
    with pytest.raises(IndexError):
        clips[3]


def test_a_clip_of_zeros_is_refused_alone(tmp_path: Path) -> None:
    array = data()
    array[1] = 0
    clips = save(tmp_path, array)
    assert clips[0].label == 59
    with pytest.raises(ValueError, match=r"data\.npy, clip 1 \('S001.*found nobody"):
        clips[1]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ((NAMES, [1, 2]), "expected 3 of each .* found 3 names and 2 classes"),
        ((NAMES[:2], [1, 2]), "found 2 names and 2 classes"),
        (NAMES, "expected a pair of names and classes, found a list of 3"),
        ({"a": 1}, "found a dict of 1"),
        ((NAMES, 3), "a list of classes, found 3"),
        ((NAMES, [1, "2", 3]), "class 1: expected a class, .* found '2'"),
        ((NAMES, [1, True, 3]), "class 1.* found True"),
        ((NAMES, [1, 2**40, 3]), "class 1.*"),
        ((["a", 1, "c"], [1, 2, 3]), "name 1: expected a name, found 1"),
        ((["a", "\udc80", "c"], [1, 2, 3]), "name 1: expected a name"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"label\.pkl.*{message}"):
        save(tmp_path, data(), labels)


def test_an_array_of_other_axes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data\.npy: expected \[clips, .* found shape \[3, 4\]"):
        save(tmp_path, np.ones((3, 4)))


def test_hostile_labels_are_read_or_refused(tmp_path: Path) -> None:
    assert fuzz(LABELS, 100, tmp_path) > 0
