from __future__ import annotations

import json

import numpy as np
import pytest

from stgraph.datasets import Store, write_store


def clips(count=3):
    rng = np.random.default_rng(0)
    for index in range(count):
        shape = (1 + index % 2, 4 + index, 5, 3)
        yield f"clip{index}", index % 2, "train", rng.normal(size=shape).astype(np.float32)


def test_a_store_gives_back_every_clip_bit_by_bit(tmp_path):
    write_store(tmp_path / "set", clips())
    store = Store(tmp_path / "set")
    assert len(store) == 3
    for index, (name, label, split, keypoints) in enumerate(clips()):
        record = store.records[index]
        assert (record.name, record.label, record.split) == (name, label, split)
        assert np.array_equal(store.keypoints(index), keypoints)


def test_reading_a_clip_is_a_view_of_the_file(tmp_path):
    write_store(tmp_path / "set", clips())
    view = Store(tmp_path / "set").keypoints(1)
    assert not view.flags.owndata and not view.flags.writeable


def test_a_clip_that_fails_leaves_neither_a_store_nor_a_partial_one(tmp_path):
    def broken():
        yield from clips(2)
        raise ValueError("third clip is broken")

    with pytest.raises(ValueError, match="third clip"):
        write_store(tmp_path / "set", broken())
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_store_that_was_there(tmp_path):
    write_store(tmp_path / "set", clips(1))

    def full_disk():
        yield from clips(2)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_store(tmp_path / "set", full_disk())
    assert len(Store(tmp_path / "set")) == 1


def test_what_a_killed_process_left_is_thrown_away(tmp_path):
    partial = tmp_path / "set.partial"
    partial.mkdir()
    (partial / "keypoints.f32").write_bytes(b"half a clip")
    write_store(tmp_path / "set", clips())
    assert len(Store(tmp_path / "set")) == 3 and not partial.exists()


def test_no_clips_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="no clips"):
        write_store(tmp_path / "set", iter(()))


@pytest.mark.parametrize("damage", ["cut", "no table", "table cut", "absent", "empty"])
def test_a_damaged_store_is_refused_with_a_remedy(tmp_path, damage):
    folder = tmp_path / "set"
    if damage != "absent":
        write_store(folder, clips())
    if damage == "cut":
        numbers = (folder / "keypoints.f32").read_bytes()
        (folder / "keypoints.f32").write_bytes(numbers[:-8])
    if damage == "no table":
        (folder / "clips.json").unlink()
    if damage == "table cut":
        (folder / "clips.json").write_text((folder / "clips.json").read_text()[:-20])
    if damage == "empty":
        (folder / "clips.json").write_text(json.dumps([]))
    with pytest.raises(ValueError, match=r"set is (not a complete store|damaged)"):
        Store(folder)
