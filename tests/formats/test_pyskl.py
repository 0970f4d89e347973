"""Annotation pickles of PYSKL and MMAction2: every clip, or a refusal of that clip alone."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stgraph import layouts
from stgraph.formats.clip import Clip
from stgraph.formats.pyskl import PysklClips, read_pyskl_pickle

from .fuzzing import Case, fuzz


def annotation(name: str = "S001C001P001R001A001", **changes: Any) -> dict[str, Any]:
    """Two persons in three frames, 25 joints; the second is absent from the last frame."""
    points = np.random.default_rng(0).normal(size=(2, 3, 25, 3)).astype("f2")
    points[1, 2] = 0
    points[0, 1, 7] = 0
    made = {"frame_dir": name, "label": 0, "keypoint": points, "total_frames": 3, **changes}
    return {key: value for key, value in made.items() if value is not None}


def flat(name: str = "v_1", **changes: Any) -> dict[str, Any]:
    """One person in four frames, 17 joints in two dimensions with scores."""
    rng = np.random.default_rng(1)
    made = {
        "frame_dir": name,
        "label": 3,
        "total_frames": 4,
        "img_shape": (240, 320),
        "original_shape": (480, 640),
        "keypoint": rng.uniform(1, 200, (1, 4, 17, 2)).astype("f2"),
        "keypoint_score": rng.uniform(0.1, 1, (1, 4, 17)).astype("f2"),
    }
    return {**made, **changes}


def loose(name: str = "k_1", **changes: Any) -> dict[str, Any]:
    """Five skeletons in frames 2, 2, 5, 9 and 9 of a video of 20 frames; keypoints elsewhere."""
    made = {
        "frame_dir": name,
        "label": 4,
        "total_frames": 20,
        "img_shape": (240, 320),
        "frame_inds": np.array([2, 2, 5, 9, 9], "i2"),
        "box_score": np.array([0.9, 0.6, 0.5, 0.8, 0.7], "f2"),
        "valid": {0.5: 3, 0.6: 2, 0.7: 2, 0.8: 2, 0.9: 1},
    }
    return {**made, **changes}


SKELETONS = np.random.default_rng(2).uniform(1, 200, (5, 17, 3)).astype("f2")


def save(folder: Path, value: Any, **options: Any) -> PysklClips:
    path = folder / "ntu60.pkl"
    path.write_bytes(pickle.dumps(value))
    return read_pyskl_pickle(path, **options)


def only(folder: Path, value: dict[str, Any], **options: Any) -> Clip:
    return save(folder, [value], **options)[0]


def keypoint_file(folder: Path, name: str = "k_1.pkl", value: Any = None) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps({"keypoint": SKELETONS} if value is None else value))


def seeds() -> list[bytes]:
    splits = {"xsub_train": ["S001C001P001R001A001"], "xsub_val": ["v_1", "k_1", "k_2"]}
    clips = [annotation(), flat(), loose(), loose("k_2", raw_file="many.pkl")]
    full = {"split": splits, "annotations": clips}
    return [
        *(pickle.dumps(full, protocol) for protocol in range(6)),
        *(pickle.dumps([clip]) for clip in clips),
    ]


def read(path: Path) -> list[Clip]:
    keypoint_file(path.parent)
    keypoint_file(path.parent, "many.pkl", {"k_2": {"keypoint": SKELETONS}})
    return list(read_pyskl_pickle(path))


def read_keypoints(path: Path) -> list[Clip]:
    main = path.with_name("annotations.pkl")
    main.write_bytes(pickle.dumps([loose(path.stem)]))
    return list(read_pyskl_pickle(main, box_threshold=0.6))


CASE = Case("PYSKL pickle", seeds, read, ".pkl")
FILES = Case(
    "PYSKL keypoint file",
    lambda: [pickle.dumps({"keypoint": SKELETONS}, protocol) for protocol in range(6)],
    read_keypoints,
    ".pkl",
)


def test_a_clip_in_three_dimensions_is_read_without_its_zeros(tmp_path: Path) -> None:
    clip = only(tmp_path, annotation())
    assert (clip.name, clip.label, clip.facts) == ("S001C001P001R001A001", 0, {})
    assert clip.layout is layouts.NTU25 and clip.keypoints.shape == (2, 3, 25, 3)
    lost = np.isnan(clip.keypoints).all(axis=-1)
    assert lost.sum() == 26 and lost[1, 2].all() and lost[0, 1, 7]
    assert (clip.keypoints[0, 0] == annotation()["keypoint"][0, 0].astype("f4")).all()


def test_scores_become_the_last_channel(tmp_path: Path) -> None:
    made = flat()
    made["keypoint"][0, 1, 3], made["keypoint_score"][0, 1, 3] = 0, 0
    made["keypoint"][0, 2, 3], made["keypoint_score"][0, 2, 3] = 0, 0.5
    clip = only(tmp_path, made)
    assert clip.layout is layouts.COCO17 and clip.keypoints.shape == (1, 4, 17, 3)
    assert np.isnan(clip.keypoints).all(axis=-1).sum() == 1
    assert np.isnan(clip.keypoints[0, 1, 3]).all()
    assert clip.keypoints[0, 2, 3].tolist() == [0, 0, 0.5]
    assert (clip.keypoints[0, 0, :, 2] == made["keypoint_score"][0, 0]).all()
    assert clip.facts == {"width": 320, "height": 240}


def test_a_clip_knows_its_splits_and_a_split_its_clips(tmp_path: Path) -> None:
    content = {
        "split": {"xsub_train": ["a", "c.skeleton"], "xview_train": ["c"], "xsub_val": ["b", "d"]},
        "annotations": [annotation("a.skeleton"), annotation("b"), annotation("c")],
    }
    clips = save(tmp_path, content)
    assert [clip.name for clip in clips] == ["a", "b", "c"]
    assert clips.splits == {"xsub_train": [0, 2], "xview_train": [2], "xsub_val": [1]}
    assert [clip.splits for clip in clips] == [
        ("xsub_train",),
        ("xsub_val",),
        ("xsub_train", "xview_train"),
    ]


def test_a_list_without_splits_is_read(tmp_path: Path) -> None:
    clips = save(tmp_path, [annotation("a"), annotation("b")])
    assert len(clips) == 2 and clips.splits == {} and clips[1].splits == ()


def test_filename_serves_as_name_and_a_label_may_be_missing(tmp_path: Path) -> None:
    clip = only(tmp_path, {**annotation(label=None, frame_dir=None), "filename": "x.json"})
    assert (clip.name, clip.label) == ("x", None)


def test_a_layout_can_be_given_and_an_unknown_one_is_none(tmp_path: Path) -> None:
    clip = only(tmp_path, annotation(), layout=layouts.NTU25_PYSKL)
    assert clip.layout is layouts.NTU25_PYSKL
    assert only(tmp_path, annotation(keypoint=np.ones((1, 3, 13, 3), "f4"))).layout is None


def test_a_broken_annotation_does_not_lose_the_others(tmp_path: Path) -> None:
    clips = save(tmp_path, [annotation("a"), 5, annotation("c")])
    assert len(clips) == 3 and clips[2].name == "c" and clips.labels == [0, None, 0]
    with pytest.raises(ValueError, match=r"ntu60\.pkl, annotations\[1\]: expected a dict, found 5"):
        clips[1]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (annotation(frame_dir=None), "expected a name, found None"),
        (annotation(frame_dir=""), "expected a name, found ''"),
        (annotation(label="wave"), "label: expected a class"),
        (annotation(label=[1, 2]), "label: expected a class, .* found a list of 2"),
        (annotation(total_frames=4), "expected 3 as total_frames.* found 4"),
        (annotation(keypoint=[[1]]), "keypoint: expected an array of numbers with 4 axes"),
        (annotation(keypoint=np.ones((3, 25, 3))), r"found an array of shape \[3, 25, 3\]"),
        (annotation(keypoint=np.ones((0, 3, 25, 3))), r"found an array of shape \[0, 3, 25, 3\]"),
        (annotation(keypoint=np.zeros((1, 3, 25, 3))), "found nobody in 3 frames"),
        (annotation(keypoint=np.full((1, 3, 25, 3), 1e99)), "infinite"),
        (flat(keypoint_score=np.ones((1, 3, 17))), r"scores \[1, 4, 17\].*found \[1, 3, 17\]"),
        (flat(keypoint_score=3), "keypoint_score: expected an array"),
        (flat(img_shape=5), "img_shape: expected height and width, found 5"),
        (flat(img_shape=(0, 1)), "img_shape: expected height and width in pixels"),
    ],
)
def test_what_is_wrong_with_a_clip_is_said(
    made: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=rf"annotations\[0\].*{message}"):
        only(tmp_path, made)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (5, "expected a dict with a list of annotations, found 5"),
        ({"annotations": {}}, "found a dict of 1"),
        ({"annotations": [], "split": [1]}, "split: expected lists of names, found a list of 1"),
        ({"annotations": [], "split": {"train": 5}}, "split: expected lists of names"),
        ({"annotations": [], "split": {"train": [5]}}, r"split\['train'\]\[0\]: expected a name"),
        ({"annotations": [], "split": np.ones(3)}, "split: expected lists of names"),
    ],
)
def test_a_file_of_another_kind_is_refused_when_opened(
    content: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=rf"ntu60\.pkl.*{message}"):
        save(tmp_path, content)


def test_one_long_list_in_many_splits_is_refused(tmp_path: Path) -> None:
    names = [f"{number}" for number in range(2000)]
    content = {"annotations": [], "split": {f"split {n}": names for n in range(2000)}}
    with pytest.raises(ValueError, match="4000000 names"):
        save(tmp_path, content)


def test_code_in_the_file_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "evil.pkl"
    path.write_bytes(b"cos\nsystem\n(S'touch attacked'\ntR.")
    with pytest.raises(ValueError, match=r"evil\.pkl, byte 11.*os\.system"):
        read_pyskl_pickle(path)


# Kinetics-400


def expected_kinetics() -> Any:
    keypoints = np.full((2, 3, 17, 3), np.nan, "f4")
    keypoints[0, 0], keypoints[1, 0], keypoints[0, 1], keypoints[0, 2], keypoints[1, 2] = SKELETONS
    return keypoints


def test_skeletons_are_put_into_the_frames_that_have_some(tmp_path: Path) -> None:
    keypoint_file(tmp_path)
    clip = only(tmp_path, loose())
    assert np.array_equal(clip.keypoints, expected_kinetics(), equal_nan=True)
    assert clip.layout is layouts.COCO17 and clip.facts == {"width": 320, "height": 240}


def test_a_file_of_many_clips_is_found_by_raw_file(tmp_path: Path) -> None:
    keypoint_file(tmp_path, "kp/part.pkl", {"k_1": {"keypoint": SKELETONS}, "k_2": 5})
    clip = only(tmp_path, loose(raw_file="kp/part.pkl"))
    assert np.array_equal(clip.keypoints, expected_kinetics(), equal_nan=True)
    with pytest.raises(ValueError, match=r"the clip 'k_3' in it, found a dict of 2"):
        only(tmp_path, loose("k_3", raw_file="kp/part.pkl"))


def test_low_boxes_can_be_left_out(tmp_path: Path) -> None:
    keypoint_file(tmp_path / "kp")
    clip = only(tmp_path, loose(), keypoint_folder=tmp_path / "kp", box_threshold=0.65)
    expected = SKELETONS[[[0, 3], [0, 4]]].astype("f4")
    expected[1, 0] = np.nan
    assert np.array_equal(clip.keypoints, expected, equal_nan=True)


def test_the_ten_best_of_a_crowded_frame_stay(tmp_path: Path) -> None:
    skeletons = np.ones((14, 17, 3), "f4")
    skeletons[..., 2] = np.array([9, 1, *range(12, 0, -1)])[:, None] / 20  # summed scores
    frame = np.array([0, 0, *[4] * 12])
    keypoint_file(tmp_path, value={"keypoint": skeletons})
    made = loose(frame_inds=frame, box_score=np.ones(14, "f2"))
    score = only(tmp_path, made).keypoints[..., 0, 2]
    assert score.shape == (10, 2)
    assert np.allclose(score[:2, 0], [0.45, 0.05]) and np.isnan(score[2:, 0]).all()
    assert np.allclose(score[:, 1], np.arange(12, 2, -1) / 20)


@pytest.mark.parametrize("inner", ["../k.pkl", "/etc/passwd", "a/../../k", "C:\\k.pkl", "\\\\s\\k"])
def test_a_path_out_of_the_folder_is_refused(inner: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    keypoint_file(tmp_path, "k.pkl", {"k_1": {"keypoint": SKELETONS}})
    for made in (loose(raw_file=inner), loose(inner)):
        with pytest.raises(ValueError, match="expected a file inside .*elsewhere"):
            only(tmp_path / "in", made)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "expected an array 'keypoint', found 5"),
        ({"keypoint": [1]}, "expected an array 'keypoint', found a list of 1"),
        ({"keypoint": SKELETONS[..., :2]}, r"found shape \[5, 17, 2\]"),
        ({"keypoint": SKELETONS[:4]}, r"frame_inds: expected a number for each of 4 skeletons"),
        ({"keypoint": SKELETONS, "frame_inds": 3}, "frame_inds: expected an array"),
        ({"keypoint": SKELETONS, "box_score": 3}, "box_score: expected an array"),
    ],
)
def test_keypoints_that_do_not_fit_are_refused(value: Any, message: str, tmp_path: Path) -> None:
    keypoint_file(tmp_path, value=value)
    with pytest.raises(ValueError, match=rf"annotations\[0\] \('k_1'\), .*{message}"):
        only(tmp_path, loose(), box_threshold=0.1)


def test_missing_keypoints_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"found no .*k_1\.pkl\. Set keypoint_folder"):
        only(tmp_path, loose())


def test_clips_go_to_other_processes(tmp_path: Path) -> None:
    keypoint_file(tmp_path, "part.pkl", {"k_1": {"keypoint": SKELETONS}})
    clips = save(tmp_path, [annotation(), loose(raw_file="part.pkl")])
    first = clips[1]
    sent = pickle.dumps(clips)
    assert len(sent) < len(pickle.dumps(clips.annotations)) + 2000
    assert np.array_equal(pickle.loads(sent)[1].keypoints, first.keypoints, equal_nan=True)


def test_hostile_keypoint_files_are_read_or_refused(tmp_path: Path) -> None:
    assert fuzz(FILES, 100, tmp_path) > 0
