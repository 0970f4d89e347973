from __future__ import annotations

import numpy as np
import pytest
import torch

from stgraph import SkeletonGraph, SkeletonLayout
from stgraph.datasets import from_arrays, from_clips
from stgraph.formats import Clip

ARM = SkeletonLayout.from_names(
    "arm", [("hand", "elbow"), ("elbow", "shoulder")], center="shoulder"
)


def arm(frames, persons=None):
    shape = (frames, 3, 2) if persons is None else (persons, frames, 3, 2)
    return np.random.default_rng(frames).normal(size=shape)


def test_arrays_labels_and_a_layout_are_a_data_set():
    clips = from_arrays([arm(4), arm(5, persons=2)], ["wave", "rest"], ARM)
    assert clips.class_names == ("rest", "wave") and clips.labels.tolist() == [1, 0]
    assert [clip.num_nodes for clip in clips] == [12, 30]
    assert torch.equal(clips[0].x, torch.from_numpy(arm(4)).float().reshape(-1, 2))
    assert clips[1].clip.name == "clip1" and len(clips[1:]) == 1


def test_numbers_as_labels_are_positions_of_class_names():
    clips = from_arrays([arm(4), arm(5)], [2, 0], ARM, class_names=["a", "b", "c"])
    assert clips.num_classes == 3 and clips.labels.tolist() == [2, 0]
    assert from_arrays([arm(4)], [2], ARM).num_classes == 3
    assert from_arrays([arm(4)], np.array([2]), ARM).labels.tolist() == [2]


def test_words_that_look_like_numbers_are_words_and_tensors_are_numbers():
    words = from_arrays([arm(4), arm(5)], ["2", "1"], ARM)
    assert words.class_names == ("1", "2") and words.labels.tolist() == [1, 0]
    assert from_arrays([arm(4), arm(5)], torch.tensor([1, 0]), ARM).labels.tolist() == [1, 0]


def test_a_graph_can_be_given_instead_of_a_layout():
    graph = SkeletonGraph.from_layout(ARM, temporal_kernel=3)
    assert from_arrays([arm(4)], ["a"], graph).graph is graph


def test_joints_that_were_not_seen_make_no_nodes():
    array = arm(4)
    array[1, 2] = np.nan
    assert from_arrays([array], ["a"], ARM)[0].num_nodes == 11


@pytest.mark.parametrize(
    ("arrays", "labels", "message"),
    [
        ([arm(4)], ["a", "b"], "each of 1 arrays, found 2 labels"),
        (
            [np.zeros((4, 4, 2))],
            ["a"],
            r"'clip0': expected 3 joints with 2 channels, found \[4, 2\]",
        ),
        ([np.zeros((4, 3))], ["a"], r"'clip0': expected numbers .*found float64 of shape \[4, 3\]"),
        ([arm(4), np.zeros((4, 3, 1))], ["a", "a"], "'clip1': expected 3 joints with 2 channels"),
        ([np.full((4, 3, 2), np.nan)], ["a"], "'clip0': expected at least one joint"),
        ([], [], "at least one clip, found none"),
        ([arm(4)], [-1], "Expected labels of .*found '-1'"),
    ],
)
def test_what_does_not_fit_is_named(arrays, labels, message):
    with pytest.raises(ValueError, match=message):
        from_arrays(arrays, labels, ARM)


def test_labels_outside_the_class_names_are_refused():
    with pytest.raises(ValueError, match="labels of a, b, found 'c'"):
        from_arrays([arm(4)], ["c"], ARM, class_names=["a", "b"])
    with pytest.raises(ValueError, match="'clip0': expected a label from 0 to 1, found 2"):
        from_arrays([arm(4)], [2], ARM, class_names=["a", "b"])


def test_clips_of_a_reader_can_be_narrowed_to_a_split():
    clips = [
        Clip(name, arm(4, persons=1), label=0, splits=(split,), facts={"camera": 1})
        for name, split in (("a", "train"), ("b", "test"), ("c", "train"))
    ]
    found = from_clips(clips, ARM, ["only"], split="train")
    assert found.names == ["a", "c"] and found.facts("camera").tolist() == [1, 1]
    with pytest.raises(ValueError, match="found none. Check the split"):
        from_clips(clips, ARM, ["only"], split="val")
