from __future__ import annotations

import pickle

import numpy as np
import pytest

from stgraph.datasets import Checks, FileClips, Store, write_store
from stgraph.formats import Clip


def clips(count=3):
    rng = np.random.default_rng(0)
    for index in range(count):
        shape = (1 + index % 2, 4 + index, 5, 3)
        yield Clip(
            f"clip{index}",
            rng.normal(size=shape).astype(np.float32),
            label=index % 2,
            splits=("train", "fold1") if index % 2 else ("test",),
            facts={"camera": index, "actor": f"P{index}"},
        )


class Source(list):
    """Clips in memory, whose contents are told apart by their names."""

    def key(self, position):
        return self[position].name


def write(folder, source=None, **options):
    source = Source(clips()) if source is None else source
    return write_store(folder, source, Checks(joints=5, classes=2), **options)


@pytest.fixture
def store(tmp_path):
    return write(tmp_path / "set")


def test_a_store_gives_back_every_clip_bit_by_bit(store):
    assert len(store) == 3
    for index, clip in enumerate(clips()):
        assert store.name(index) == clip.name and store.labels[index] == clip.label
        assert np.array_equal(store.keypoints(index), clip.keypoints)
        assert store.column("camera")[index] == index
        assert store.column("actor")[index] == f"P{index}"


def test_reading_a_clip_is_a_view_of_the_file(store):
    view = store.keypoints(1)
    assert not view.flags.owndata and not view.flags.writeable


def test_splits_are_positions_and_a_clip_may_be_in_several(store):
    assert store.splits() == ["fold1", "test", "train"]
    assert store.members("test").tolist() == [0, 2]
    assert store.members("train").tolist() == store.members("fold1").tolist() == [1]
    assert store.members("val").tolist() == []


def test_float16_halves_the_file_and_rounds(tmp_path):
    full, half = write(tmp_path / "full"), write(tmp_path / "half", dtype="float16")
    sizes = [(tmp_path / name / "keypoints.bin").stat().st_size for name in ("full", "half")]
    assert sizes[0] == 2 * sizes[1]
    assert half.keypoints(2).dtype == np.float16
    assert np.array_equal(half.keypoints(2), full.keypoints(2).astype(np.float16))


def test_coordinates_that_float16_cannot_hold_are_refused(tmp_path):
    large = Source([Clip("far", np.full((1, 1, 5, 3), 70000, dtype=np.float32), label=0)])
    with pytest.raises(ValueError, match=r"far: expected.*65504.*found 70000.*float32"):
        write(tmp_path / "set", large, dtype="float16")


def test_a_pickled_store_is_a_path_and_opens_again(store):
    text = pickle.dumps(store)
    assert len(text) < 1000
    again = pickle.loads(text)
    assert np.array_equal(again.keypoints(2), store.keypoints(2))
    assert isinstance(again.numbers, np.memmap)


def test_a_store_in_memory_serves_the_same(store):
    memory = Store.of(clips())
    assert memory.table.drop_columns("splits").equals(store.table.drop_columns("splits"))
    assert all(np.array_equal(memory.keypoints(i), store.keypoints(i)) for i in range(3))
    again = pickle.loads(pickle.dumps(memory))
    assert np.array_equal(again.keypoints(1), store.keypoints(1))


def test_a_fact_that_some_clips_lack_is_empty_there(tmp_path):
    one, two = (Clip(name, np.ones((1, 1, 5, 2), np.float32), label=0) for name in "ab")
    two = Clip("b", two.keypoints, label=0, facts={"age": 7})
    column = write(tmp_path / "set", Source([one, two])).column("age")
    assert np.isnan(column[0]) and column[1] == 7


def test_an_unknown_fact_is_refused_with_those_that_there_are(store):
    with pytest.raises(ValueError, match="no fact 'age'; they have name, label.*camera"):
        store.column("age")


def test_what_is_no_store_is_refused(tmp_path, store):
    with pytest.raises(ValueError, match="not a complete store.*delete it"):
        Store.open(tmp_path / "nothing")
    with open(tmp_path / "set" / "keypoints.bin", "ab") as file:
        file.write(b"abcd")
    with pytest.raises(ValueError, match="damaged: keypoints.bin holds 301 numbers.*says 300"):
        Store.open(tmp_path / "set")
    (tmp_path / "set" / "clips.arrow").write_bytes(b"no table")
    with pytest.raises(ValueError, match="not a complete store"):
        Store.open(tmp_path / "set")


def test_file_clips_know_their_files_by_size_and_time(tmp_path):
    path = tmp_path / "a.npy"
    source = FileClips([path], lambda path: None)
    absent = source.key(0)
    path.write_bytes(b"12")
    before = source.key(0)
    path.write_bytes(b"123")
    assert len({absent, before, source.key(0)}) == 3
