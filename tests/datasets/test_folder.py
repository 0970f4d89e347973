from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from stgraph import SkeletonGraph, SkeletonLayout
from stgraph.datasets import SkeletonFolder

LAYOUT = SkeletonLayout("stick", ("bottom", "middle", "top"), ((0, 1), (2, 1)), center=1)


def write(root, rows, arrays):
    (root / "raw" / "clips").mkdir(parents=True, exist_ok=True)
    (root / "raw" / "layout.json").write_text(json.dumps(LAYOUT.to_dict()))
    lines = ["name,label,split", *(",".join(row) for row in rows)]
    (root / "raw" / "clips.csv").write_text("\n".join(lines) + "\n")
    for name, array in arrays.items():
        path = root / "raw" / "clips" / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, array)


def stick(frames, persons=None):
    shape = (frames, 3, 2) if persons is None else (persons, frames, 3, 2)
    return np.random.default_rng(frames).normal(size=shape)


ROWS = [("a", "jump", "train"), ("b", "fall", "train"), ("sub/c", "jump", "test")]
ARRAYS = {"a": stick(4), "b": stick(5, persons=2), "sub/c": stick(6)}


def test_a_folder_of_arrays_becomes_clips(tmp_path):
    write(tmp_path, ROWS, ARRAYS)
    train, test = SkeletonFolder(tmp_path), SkeletonFolder(tmp_path, "test")
    assert train.class_names == ("fall", "jump") and train.num_classes == 2
    assert [clip.y.item() for clip in train] == [1, 0]
    assert [clip.num_nodes for clip in train] == [4 * 3, 2 * 5 * 3]
    assert test[0].clip.name == "sub/c"
    assert torch.equal(test[0].x, torch.from_numpy(ARRAYS["sub/c"]).float().reshape(-1, 2))


def test_numbers_as_labels_keep_their_order(tmp_path):
    write(tmp_path, [("a", "10", "train"), ("b", "9", "train")], ARRAYS)
    assert SkeletonFolder(tmp_path).class_names == ("9", "10")


def test_joints_that_were_not_seen_make_no_nodes(tmp_path):
    array = stick(4)
    array[2, 1] = np.nan
    write(tmp_path, ROWS[:1], {"a": array})
    assert SkeletonFolder(tmp_path)[0].num_nodes == 11


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.zeros((4, 5, 2)),
            r"expected keypoints \[persons, frames, 3 joints, channels\], found.*\[1, 4, 5, 2\]",
        ),
        (np.zeros((4, 6)), r"found.*\[4, 6\]"),
        (np.full((4, 3, 2), np.inf), "infinite or half-missing"),
        (np.array([[[1, np.nan]] * 3] * 2), "infinite or half-missing"),
        (np.full((4, 3, 2), np.nan), "nobody in 4 frames"),
        (np.array(["text"]), "numbers"),
        (np.array([{}], dtype=object), "plain array of numbers, found '|O'"),
    ],
)
def test_an_unusable_array_is_named_with_what_was_expected(tmp_path, array, message):
    write(tmp_path, ROWS[:1], {"a": array})
    with pytest.raises(ValueError, match=rf"a\.npy.*{message}"):
        SkeletonFolder(tmp_path)


def test_a_truncated_or_absent_array_is_named(tmp_path):
    write(tmp_path, ROWS, ARRAYS)
    path = tmp_path / "raw" / "clips" / "a.npy"
    path.write_bytes(path.read_bytes()[:50])
    (tmp_path / "raw" / "clips" / "b.npy").unlink()
    with pytest.raises(ValueError, match=r"2 of 3 clips.*a\.npy"):
        SkeletonFolder(tmp_path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("name,label\na,x\n", "starts with the columns name, label; it needs name, label, split"),
        ("", "starts with the columns nothing"),
        ("name,label,split\na,,train\n", "line 2: name, label or split is empty"),
        ("name,label,split\na,x,train\na,x,train\n", "line 3: 'a' comes twice"),
    ],
)
def test_a_wrong_table_is_named_with_its_line(tmp_path, table, message):
    write(tmp_path, ROWS, ARRAYS)
    (tmp_path / "raw" / "clips.csv").write_text(table)
    with pytest.raises(ValueError, match=message):
        SkeletonFolder(tmp_path)


def test_clips_with_other_channels_are_named(tmp_path):
    write(tmp_path, ROWS[:2], {"a": stick(4), "b": np.zeros((5, 3, 3))})
    with pytest.raises(
        ValueError, match=r"'b': expected 2 channels as in the clips before, found 3"
    ):
        SkeletonFolder(tmp_path)


def test_an_edited_table_is_read_anew(tmp_path):
    write(tmp_path, ROWS, ARRAYS)
    assert SkeletonFolder(tmp_path).class_names == ("fall", "jump")
    write(tmp_path, [("a", "dig", "train"), *ROWS[1:]], ARRAYS)
    edited = SkeletonFolder(tmp_path)
    named = {clip.clip.name: edited.class_names[clip.y.item()] for clip in edited}
    assert named == {"a": "dig", "b": "fall"}


def test_a_graph_of_other_joints_is_refused(tmp_path):
    write(tmp_path, ROWS, ARRAYS)
    other = SkeletonLayout("other", ("x", "y", "z"), ((0, 1), (2, 1)), center=1)
    with pytest.raises(ValueError, match="layout 'stick', the graph is of 'other'"):
        SkeletonFolder(tmp_path, graph=SkeletonGraph.from_layout(other))


@pytest.mark.parametrize("name", ["layout.json", "clips.csv"])
def test_a_folder_without_its_description_says_what_is_missing(tmp_path, name):
    write(tmp_path, ROWS, ARRAYS)
    (tmp_path / "raw" / name).unlink()
    with pytest.raises(ValueError, match=rf"There is no .*{name}"):
        SkeletonFolder(tmp_path)


def test_further_columns_become_facts_and_a_clip_may_be_in_several_splits(tmp_path):
    write(tmp_path, ROWS, ARRAYS)
    table = "name,label,split,actor\na,jump,train;fold1,Ada\nb,fall,train,Bo\nsub/c,jump,test,Ada\n"
    (tmp_path / "raw" / "clips.csv").write_text(table)
    assert SkeletonFolder(tmp_path).facts("actor").tolist() == ["Ada", "Bo"]
    assert SkeletonFolder(tmp_path, "fold1").names == ["a"]


def test_class_names_in_a_file_of_their_own_keep_its_order(tmp_path):
    write(tmp_path, ROWS, ARRAYS)
    (tmp_path / "raw" / "classes.txt").write_text("jump\nsit\n\nfall\n")
    clips = SkeletonFolder(tmp_path)
    assert clips.class_names == ("jump", "sit", "fall") and clips.labels.tolist() == [0, 2]
    (tmp_path / "raw" / "classes.txt").write_text("jump\nsit\n")
    with pytest.raises(ValueError, match=r"classes\.txt.*'fall' is missing"):
        SkeletonFolder(tmp_path)


def test_the_layout_can_be_given_instead_of_written(tmp_path):
    write(tmp_path, ROWS, ARRAYS)
    (tmp_path / "raw" / "layout.json").unlink()
    assert SkeletonFolder(tmp_path, layout=LAYOUT).graph.layout == LAYOUT


def test_a_row_with_too_many_cells_is_named(tmp_path):
    write(tmp_path, ROWS, ARRAYS)
    (tmp_path / "raw" / "clips.csv").write_text("name,label,split\na,x,train,more\n")
    with pytest.raises(ValueError, match=r"clips\.csv, line 2: more or fewer cells"):
        SkeletonFolder(tmp_path)


def test_labels_may_be_the_numbers_of_lines(tmp_path):
    write(tmp_path, [("a", "1", "train"), ("b", "0", "train")], ARRAYS)
    (tmp_path / "raw" / "classes.txt").write_text("jump\nsit\n")
    clips = SkeletonFolder(tmp_path)
    assert clips.labels.tolist() == [1, 0] and clips.class_names == ("jump", "sit")
    write(tmp_path, [("a", "2", "train")], ARRAYS)
    with pytest.raises(ValueError, match="'2' is missing"):
        SkeletonFolder(tmp_path)


def test_a_split_named_twice_takes_the_clip_once(tmp_path):
    write(tmp_path, [("a", "jump", "train;train"), ("b", "jump", "train")], ARRAYS)
    assert SkeletonFolder(tmp_path).names == ["a", "b"]


@pytest.mark.parametrize("rest", [b"a,h\xe9,train\n", b"a" * 200_000], ids=["latin1", "endless"])
def test_a_table_that_cannot_be_read_is_named(tmp_path, rest):
    write(tmp_path, ROWS, ARRAYS)
    (tmp_path / "raw" / "clips.csv").write_bytes(b"name,label,split\n" + rest)
    with pytest.raises(ValueError, match=r"clips\.csv: expected a table of commas in UTF-8"):
        SkeletonFolder(tmp_path)


def test_a_column_named_like_a_fact_of_all_clips_is_refused(tmp_path):
    write(tmp_path, ROWS, ARRAYS)
    (tmp_path / "raw" / "clips.csv").write_text("name,label,split,frames\na,x,train,4\n")
    with pytest.raises(ValueError, match="found 'frames'"):
        SkeletonFolder(tmp_path)


def test_two_files_for_one_clip_are_refused(tmp_path):
    write(tmp_path, ROWS, ARRAYS)
    np.savez(tmp_path / "raw" / "clips" / "a.npz", keypoints=stick(4))
    with pytest.raises(ValueError, match="expected one file for the clip 'a'"):
        SkeletonFolder(tmp_path)
