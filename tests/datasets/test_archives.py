from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import torch

from stgraph import layouts
from stgraph.datasets import PYSKL, CtrgcnArrays, StgcnArrays


def bodies(frames, joints=25, persons=1, seed=0):
    return np.random.default_rng(seed).normal(size=(persons, frames, joints, 3))


@pytest.fixture
def pyskl(tmp_path):
    annotations = [
        {
            "frame_dir": f"S001C001P00{n}R001A00{n}",
            "label": n,
            "total_frames": 4 + n,
            "keypoint": bodies(4 + n, persons=1 + n % 2, seed=n).astype(np.float16),
        }
        for n in range(4)
    ]
    names = [annotation["frame_dir"] for annotation in annotations]
    content = {
        "split": {"xsub_train": names[:3], "xsub_val": names[3:], "xview_train": names[1:]},
        "annotations": annotations,
    }
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "ntu60_3danno.pkl").write_bytes(pickle.dumps(content))
    return tmp_path, annotations


def test_a_pickle_of_pyskl_is_one_store_with_the_splits_it_names(pyskl):
    root, annotations = pyskl
    train, val, view = (PYSKL(root, split) for split in ("xsub_train", "xsub_val", "xview_train"))
    assert [len(clips) for clips in (train, val, view)] == [3, 1, 3]
    assert torch.equal(
        train.keypoints(1), torch.from_numpy(annotations[1]["keypoint"].astype(np.float32))
    )
    assert val.labels.tolist() == [3] and val[0].num_nodes == 2 * 7 * 25
    with pytest.raises(ValueError, match="split 'train'.*xsub_train, xsub_val, xview_train"):
        PYSKL(root, "train")


def test_class_names_are_numbers_unless_a_file_or_the_count_says_more(pyskl):
    root, annotations = pyskl
    assert PYSKL(root).class_names == ("0", "1", "2", "3")
    (root / "raw" / "classes.txt").write_text("sit\nstand\nwalk\nrun\n")
    assert PYSKL(root, force_reload=True).class_names == ("sit", "stand", "walk", "run")
    (root / "raw" / "classes.txt").unlink()
    annotations[0]["label"] = 59
    path = root / "raw" / "ntu60_3danno.pkl"
    path.write_bytes(pickle.dumps({**pickle.loads(path.read_bytes()), "annotations": annotations}))
    assert PYSKL(root, force_reload=True).class_names[59] == "walking apart from each other"


def test_joints_of_another_skeleton_are_refused_unless_it_is_named(pyskl):
    root, annotations = pyskl
    for annotation in annotations:
        annotation["keypoint"] = bodies(annotation["total_frames"], 17)
    path = root / "raw" / "ntu60_3danno.pkl"
    path.write_bytes(
        pickle.dumps({"split": {"a": ["S001C001P000R001A000"]}, "annotations": annotations})
    )
    with pytest.raises(ValueError, match="25 joints"):
        PYSKL(root, "a")
    assert PYSKL(root, "a", layout=layouts.COCO17)[0].num_nodes == 4 * 17


def test_a_pickle_that_would_run_code_is_refused_and_runs_none(pyskl):
    root, _ = pyskl

    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {root}/ran",)

    (root / "raw" / "ntu60_3danno.pkl").write_bytes(pickle.dumps([Evil()]))
    with pytest.raises(ValueError, match=r"(posix|nt)\.system"):
        PYSKL(root)
    assert not (root / "ran").exists()


def test_more_than_one_pickle_is_refused(pyskl):
    root, _ = pyskl
    (root / "raw" / "other.pkl").write_bytes(b"")
    with pytest.raises(ValueError, match="expected one annotation file.*found 2"):
        PYSKL(root)


def padded(clips, frames=12):
    """[N, 3, T, 25, 2] with zeros where nobody is."""
    array = np.zeros((len(clips), 3, frames, 25, 2), dtype=np.float32)
    for at, clip in enumerate(clips):
        persons, length, _, _ = clip.shape
        array[at, :, :length, :, :persons] = clip.transpose(3, 1, 2, 0)
    return array


def test_arrays_of_stgcn_lose_their_padding(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    clips = [bodies(3 + n, persons=1 + n % 2, seed=n).astype(np.float32) for n in range(5)]
    for split, some in (("train", clips[:3]), ("val", clips[3:])):
        np.save(raw / f"{split}_data.npy", padded(some))
        names = [f"{split}{n}.skeleton" for n in range(len(some))]
        (raw / f"{split}_label.pkl").write_bytes(pickle.dumps((names, list(range(len(some))))))
    train, val = StgcnArrays(tmp_path), StgcnArrays(tmp_path, "val")
    assert train.names == ["train0", "train1", "train2"] and val.labels.tolist() == [0, 1]
    for at, clip in enumerate(clips[:3]):
        assert torch.equal(train.keypoints(at), torch.from_numpy(clip))
    assert torch.equal(val.keypoints(1), torch.from_numpy(clips[4]))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_of_ctrgcn_lose_their_padding_and_their_copies(tmp_path, save):
    raw = tmp_path / "raw"
    raw.mkdir()
    clips = [bodies(3 + n, persons=1 + n % 2, seed=n).astype(np.float32) for n in range(4)]
    rows = padded(clips).transpose(0, 2, 4, 3, 1)
    rows[0, :, 1] = rows[0, :, 0]  # what NTU-120 files do with a person who is alone
    rows = rows.reshape(4, 12, 150)
    hot = np.eye(4)[[0, 3, 1, 2]]
    save(raw / "NTU60_CS.npz", x_train=rows[:2], y_train=hot[:2], x_test=rows[2:], y_test=hot[2:])
    train, test = CtrgcnArrays(tmp_path), CtrgcnArrays(tmp_path, "test")
    assert train.labels.tolist() == [0, 3] and test.labels.tolist() == [1, 2]
    for at, clip in enumerate(clips):
        found = (train, test)[at // 2].keypoints(at % 2)
        assert torch.equal(found, torch.from_numpy(clip))


@pytest.mark.parametrize("kind", [StgcnArrays, CtrgcnArrays, PYSKL])
def test_without_files_it_says_which_are_expected(tmp_path, kind):
    with pytest.raises(ValueError, match="expected .*found"):
        kind(tmp_path)
