"""The .npz files of CTR-GCN: clips of both splits, read in place or unpacked beside it."""

from __future__ import annotations

import gc
import pickle
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stgraph import layouts
from stgraph.formats.clip import Clip
from stgraph.formats.ctrgcn_arrays import CtrgcnClips, read_ctrgcn_npz
from stgraph.skeleton import SkeletonLayout

from .fuzzing import Case
from .test_arrays import npz

SMALL = SkeletonLayout("small", ("a", "b"), ((1, 0),))


def clips(joints: int = 25, count: int = 3, frames: int = 6) -> Any:
    """``[N, 2, T, V, 3]``: clip n has n + 2 frames, and the last one a second person."""
    array = np.zeros((count, 2, frames, joints, 3), "f4")
    rng = np.random.default_rng(0)
    for number in range(count):
        array[number, 0, : number + 2] = rng.normal(size=(number + 2, joints, 3))
    array[-1, 1, 1:3] = rng.normal(size=(2, joints, 3))
    return array


def flat(array: Any) -> Any:
    """As CTR-GCN writes it: ``[N, T, person joint channel]``."""
    count, persons, frames = array.shape[:3]
    return array.transpose(0, 2, 1, 3, 4).reshape(count, frames, -1)


def content(array: Any, labels: Any = (5, 0, 2)) -> dict[str, Any]:
    hot = np.eye(6)[list(labels)]
    return {"x_train": flat(array), "y_train": hot, "x_test": flat(array[:1]), "y_test": hot[:1]}


def save(folder: Path, packed: bool = False, **arrays: Any) -> Path:
    path = folder / "NTU60_CS.npz"
    path.write_bytes(npz(packed, **arrays))
    return path


def seeds() -> list[bytes]:
    small = content(clips(2))
    return [npz(**small), npz(True, **small), npz(**{**small, "y_train": np.array([1, 2, 3])})]


def read(path: Path) -> list[Clip]:
    return [*read_ctrgcn_npz(path, "train", layout=SMALL)]


CASE = Case("CTR-GCN npz", seeds, read, ".npz")


@pytest.mark.parametrize("packed", [False, True])
def test_clips_have_true_length_and_labels(tmp_path: Path, packed: bool) -> None:
    array = clips()
    train = read_ctrgcn_npz(save(tmp_path, packed, **content(array)), "train")
    assert [clip.name for clip in train] == ["train-000000", "train-000001", "train-000002"]
    assert [clip.label for clip in train] == [5, 0, 2]
    assert [clip.keypoints.shape[:2] for clip in train] == [(1, 2), (1, 3), (2, 4)]
    assert train[0].layout is layouts.NTU25 and train[0].splits == ("train",)
    assert (train[1].keypoints[0] == array[1, 0, :3]).all()
    assert (train[2].keypoints[1, 1:3] == array[2, 1, 1:3]).all()
    assert np.isnan(train[2].keypoints[1, [0, 3]]).all()


def test_the_other_split_is_the_other_split(tmp_path: Path) -> None:
    test = read_ctrgcn_npz(save(tmp_path, **content(clips())), "test")
    assert [(clip.name, clip.splits) for clip in test] == [("test-000000", ("test",))]


def test_a_copy_of_the_first_person_is_left_out(tmp_path: Path) -> None:
    array = clips()
    array[0, 1] = array[0, 0]
    array[1, 1] = array[1, 0] + 1e-6 * (array[1, 0] != 0)
    train = read_ctrgcn_npz(save(tmp_path, **content(array)), "train")
    assert [len(clip.keypoints) for clip in train] == [1, 2, 2]


def test_the_joint_on_which_clips_are_centred_is_seen_though_it_is_zero(tmp_path: Path) -> None:
    array = clips()
    array[1, 0, 0, 1] = 0
    array[1, 0, 1] = 0
    keypoints = read_ctrgcn_npz(save(tmp_path, **content(array)), "train")[1].keypoints
    assert (keypoints[0, 0, 1] == 0).all() and np.isnan(keypoints[0, 1]).all()
    assert np.isnan(keypoints).sum() == 25 * 3


def test_labels_may_be_numbers(tmp_path: Path) -> None:
    path = save(tmp_path, **{**content(clips()), "y_train": np.array([3, 1, 59])})
    assert read_ctrgcn_npz(path, "train").labels == [3, 1, 59]


def test_what_is_stored_stays_in_its_file(tmp_path: Path) -> None:
    path = save(tmp_path, **content(clips(frames=3000)))
    tracemalloc.start()
    train = read_ctrgcn_npz(path, "train")
    assert tracemalloc.get_traced_memory()[1] < 1 << 18 < path.stat().st_size
    tracemalloc.stop()
    assert len(pickle.dumps(train)) < 10_000
    assert (pickle.loads(pickle.dumps(train))[0].keypoints == train[0].keypoints).all()


def test_what_is_unpacked_goes_with_the_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    train = read_ctrgcn_npz(save(tmp_path, True, **content(clips())), "train")
    assert len(list(folder.iterdir())) == 1
    copy: CtrgcnClips = pickle.loads(pickle.dumps(train))
    assert copy[1].keypoints.shape == (1, 3, 25, 3)
    del copy
    gc.collect()
    assert train[0].label == 5
    del train
    gc.collect()
    assert not list(folder.iterdir())


def test_nothing_is_left_behind_where_a_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    path = save(tmp_path, True, **content(clips()))
    with pytest.raises(ValueError, match="floats"):
        read_ctrgcn_npz(path, "train", layout=SMALL)
    gc.collect()
    assert not list(folder.iterdir())


def test_a_padded_file_may_be_packed_a_hundredfold(tmp_path: Path) -> None:
    path = save(tmp_path, True, **content(clips(frames=3000)))
    assert path.stat().st_size < flat(clips(frames=3000)).nbytes / 100
    assert len(read_ctrgcn_npz(path, "train")[0].keypoints[0]) == 2


def test_a_clip_of_zeros_is_refused_alone(tmp_path: Path) -> None:
    array = clips()
    array[1] = 0
    train = read_ctrgcn_npz(save(tmp_path, **content(array)), "train")
    assert train[0].label == 5
    with pytest.raises(ValueError, match=r"NTU60_CS\.npz, 'x_train', clip 1: .* found nobody"):
        train[1]


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "two ones": ({"y_train": np.ones((3, 2))}, "row 0: expected a one among zeros"),
    "no one": ({"y_train": np.eye(3, 2)}, "row 2: expected a one among zeros"),
    "halves": ({"y_train": np.full((3, 2), 0.5)}, "row 0: expected a one among zeros"),
    "floats": ({"y_train": np.array([0.0, 1.0, 2.0])}, "one-hot or whole numbers"),
    "negative": ({"y_train": np.array([0, -1, 2])}, "classes from 0"),
    "one alone": ({"y_train": np.array(1)}, "one-hot or whole numbers"),
    "too few": ({"y_train": np.array([0, 1])}, "3 classes for as many clips, found 2"),
    "another width": ({"x_train": np.ones((3, 6, 148))}, r"\[clips, frames, 150\]"),
    "whole numbers": ({"x_train": np.ones((3, 6, 150), int)}, "floats"),
    "two axes": ({"x_train": np.ones((3, 150))}, r"shape \[3, 150\]"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", CHANGES)
def test_what_does_not_fit_is_refused(name: str, packed: bool, tmp_path: Path) -> None:
    change, message = CHANGES[name]
    with pytest.raises(ValueError, match=rf"NTU60_CS\.npz, .*{message}"):
        read_ctrgcn_npz(save(tmp_path, packed, **{**content(clips()), **change}), "train")


def test_a_file_without_the_split_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, x_test=np.ones(3))
    with pytest.raises(ValueError, match="x_train and y_train, found x_test"):
        read_ctrgcn_npz(path, "train")
