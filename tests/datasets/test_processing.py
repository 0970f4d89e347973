from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from stgraph.datasets import Checks, FileClips, write_store
from stgraph.formats import Clip


def array(number):
    rng = np.random.default_rng(number)
    return rng.normal(size=(1 + number % 2, 3 + number % 5, 5, 3)).astype(np.float32)


def read(path, pause=0.0):
    """A clip from a file that holds its number; those that hold a word cannot be read."""
    time.sleep(pause)
    text = path.read_text()
    if not text.isdecimal():
        raise ValueError(f"{path}, line 1: expected a number, found '{text}'. Mend it.")
    return Clip(path.stem, array(int(text)), label=int(text) % 2, facts={"number": int(text)})


def slowly(path):
    return read(path, 0.02)


def files(folder, count=40):
    folder.mkdir(exist_ok=True)
    paths = [folder / f"clip{number:03d}.txt" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_text(str(number))
    return paths


def write(folder, paths, reader=read, **options):
    return write_store(folder, FileClips(paths, reader), Checks(joints=5, classes=2), **options)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_number_of_workers_changes_no_byte(tmp_path):
    paths = files(tmp_path / "raw")
    for workers in (0, 1, 2):
        write(tmp_path / f"by{workers}", paths, workers=workers)
    one, two, three = (contents(tmp_path / f"by{workers}") for workers in (0, 1, 2))
    assert one == two == three and set(one) == {"clips.arrow", "keypoints.bin"}


def test_a_store_that_is_there_is_not_made_again_unless_asked(tmp_path):
    paths = files(tmp_path / "raw", 3)
    write(tmp_path / "set", paths)
    paths[0].write_text("7")
    assert write(tmp_path / "set", paths).column("number").tolist() == [0, 1, 2]
    assert write(tmp_path / "set", paths, anew=True).column("number").tolist() == [7, 1, 2]


def test_files_that_cannot_be_read_are_all_listed_and_nothing_is_finished(tmp_path):
    paths = files(tmp_path / "raw")
    paths[3].write_text("broken")
    paths[30].write_text("gone")
    with pytest.raises(ValueError, match=r"2 of 40 clips.*skipped\.txt.*clip003.*on_error='skip'"):
        write(tmp_path / "set", paths)
    assert not (tmp_path / "set").exists()
    report = (tmp_path / "set.partial" / "skipped.txt").read_text()
    assert "clip003.txt, line 1: expected a number" in report and "clip030.txt" in report


def test_with_consent_they_are_left_out_and_listed_beside_the_store(tmp_path):
    paths = files(tmp_path / "raw")
    paths[3].write_text("broken")
    store = write(tmp_path / "set", paths, on_error="skip")
    assert len(store) == 39 and "clip003" not in store.table["name"].to_pylist()
    assert "clip003.txt, line 1" in (tmp_path / "set" / "skipped.txt").read_text()
    assert store.about["skipped"] == 1
    assert np.array_equal(store.keypoints(3), array(4))


def test_without_a_single_usable_clip_there_is_no_store(tmp_path):
    paths = files(tmp_path / "raw", 2)
    for path in paths:
        path.write_text("broken")
    with pytest.raises(ValueError, match="no clips to put into.*The first: .*clip000"):
        write(tmp_path / "set", paths, on_error="skip")


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (Clip("b", np.ones((1, 2, 4, 3), np.float32)), "expected 5 joints, found 4"),
        (Clip("b", np.ones((1, 2, 5, 3), np.float32), label=2), "expected a label.*found 2"),
        (Clip("b", np.ones((1, 2, 5, 2), np.float32)), "expected 3 channels.*found 2"),
        (Clip("a", np.ones((1, 2, 5, 3), np.float32)), "'a': expected one of that name"),
    ],
)
def test_a_clip_that_does_not_fit_the_others_is_refused(tmp_path, clip, message):
    good = Clip("a", np.ones((1, 2, 5, 3), np.float32), label=0)
    read_one = {"x": good, "y": clip}.__getitem__
    source = FileClips([Path("x"), Path("y")], lambda path: read_one(path.name))
    with pytest.raises(ValueError, match=message):
        write_store(tmp_path / "set", source, Checks(joints=5, classes=2))


def interrupted(folder, paths):
    os.setsid()
    write(folder, paths, slowly, workers=2)


def lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_after_a_kill_at_any_moment_the_next_run_goes_on_and_the_result_is_the_same(tmp_path):
    paths = files(tmp_path / "raw", 300)
    write(tmp_path / "whole", paths)
    journal = tmp_path / "set.partial" / "journal.jsonl"
    finished = 0
    for _ in range(2):
        process = multiprocessing.get_context("fork").Process(
            target=interrupted, args=(tmp_path / "set", paths)
        )
        process.start()
        while process.is_alive() and lines(journal) <= finished:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
        assert lines(journal) > finished
        finished = lines(journal)
    assert finished < 300 and not (tmp_path / "set").exists()
    asked = []

    def counting(path):
        asked.append(path)
        return read(path)

    write(tmp_path / "set", paths, counting)
    assert len(asked) == 300 - finished
    assert contents(tmp_path / "set") == contents(tmp_path / "whole")


@pytest.fixture
def half_done(tmp_path):
    """What an earlier run left: 40 files, of which the last could not be read."""
    paths = files(tmp_path / "raw")
    paths[39].write_text("broken")
    with pytest.raises(ValueError, match="1 of 40"):
        write(tmp_path / "set", paths)
    return tmp_path / "set", paths


def read_again(folder, paths, **options):
    asked = []

    def counting(path):
        asked.append(path.name)
        return read(path)

    return write(folder, paths, counting, **options), asked


def test_what_was_refused_is_looked_at_again_though_its_file_is_the_same(half_done):
    """What it needed besides may be there now."""
    folder, paths = half_done
    asked = []

    def forgiving(path):
        asked.append(path.name)
        return Clip(path.stem, array(39), label=1, facts={"number": 39})

    assert len(write(folder, paths, forgiving)) == 40 and asked == ["clip039.txt"]


def test_an_interruption_before_the_last_rename_costs_no_reading(tmp_path, monkeypatch):
    paths = files(tmp_path / "raw")
    write(tmp_path / "whole", paths)
    write(tmp_path / "set", paths[:3])

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("stgraph.datasets.processing._publish", interrupted)
        write(tmp_path / "set", paths, anew=True)
    assert len(write(tmp_path / "set", paths)) == 3
    store, asked = read_again(tmp_path / "set", paths, anew=True)
    assert asked == [] and len(store) == 40
    assert contents(tmp_path / "set") == contents(tmp_path / "whole")


def test_a_fact_is_of_one_kind_in_all_clips(tmp_path):
    shape = np.ones((1, 2, 5, 3), np.float32)
    cameras = {"a": 1, "b": "x"}
    clips = {name: Clip(name, shape, 0, facts={"camera": cameras[name]}) for name in cameras}
    source = FileClips([Path("a"), Path("b")], lambda path: clips[path.name])
    with pytest.raises(ValueError, match="Clip 'b': expected the fact 'camera' to be of one kind"):
        write_store(tmp_path / "set", source, Checks(joints=5, classes=2))


def test_reading_leaves_the_global_random_numbers_alone(tmp_path):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    write(tmp_path / "set", files(tmp_path / "raw", 3))
    assert torch.equal(torch.rand(1), expected)


def test_a_mended_file_is_read_and_what_was_finished_is_kept(half_done):
    folder, paths = half_done
    paths[39].write_text("39")
    store, asked = read_again(folder, paths)
    assert asked == ["clip039.txt"] and len(store) == 40


def test_consent_given_later_costs_no_second_reading(half_done):
    folder, paths = half_done
    store, asked = read_again(folder, paths, on_error="skip")
    assert asked == [] and len(store) == 39


def test_a_changed_file_is_read_again_and_so_is_all_after_it(half_done):
    folder, paths = half_done
    paths[20].write_text("20000")
    store, asked = read_again(folder, paths, on_error="skip")
    assert asked == [path.name for path in paths[20:]]
    assert store.column("number")[20] == 20000
    assert np.array_equal(store.keypoints(20), array(20000))


def test_other_clips_or_settings_start_anew(half_done):
    folder, paths = half_done
    _, asked = read_again(folder, paths[:30])
    assert len(asked) == 30


@pytest.mark.parametrize("damage", ["half a line", "less data", "more data"])
def test_what_was_only_begun_never_counts(half_done, damage):
    folder, paths = half_done
    partial = folder.with_name("set.partial")
    journal, keypoints = partial / "journal.jsonl", partial / "keypoints.bin"
    if damage == "half a line":
        journal.write_bytes(journal.read_bytes()[:-30])
    elif damage == "less data":
        keypoints.write_bytes(keypoints.read_bytes()[:-30])
    else:
        keypoints.write_bytes(keypoints.read_bytes() + bytes(1000))
    paths[39].write_text("39")
    store, asked = read_again(folder, paths)
    assert len(asked) == {"half a line": 1, "less data": 2, "more data": 1}[damage]
    for number in range(40):
        assert np.array_equal(store.keypoints(number), array(number))


def together(folder, paths, done):
    write(folder, paths, slowly)
    done.put(os.getpid())


def test_two_processes_that_want_the_same_store_make_it_once(tmp_path):
    paths = files(tmp_path / "raw", 30)
    context = multiprocessing.get_context("fork")
    done = context.Queue()
    both = [
        context.Process(target=together, args=(tmp_path / "set", paths, done)) for _ in range(2)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert len(write(tmp_path / "set", paths)) == 30


def test_keypoints_can_be_prepared_before_they_are_stored(tmp_path):
    paths = files(tmp_path / "raw", 3)
    checks = Checks(joints=5, classes=2, prepare=lambda keypoints: 2 * keypoints)
    store = write_store(tmp_path / "set", FileClips(paths, read), checks)
    assert np.array_equal(store.keypoints(1), 2 * array(1))


@pytest.mark.parametrize("wrong", [{"dtype": "float64"}, {"on_error": "ignore"}])
def test_wrong_settings_are_named(tmp_path, wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        write(tmp_path / "set", files(tmp_path / "raw", 1), **wrong)


def test_preparation_that_changes_the_joints_is_refused_and_keeps_the_store(tmp_path):
    paths = files(tmp_path / "raw", 3)
    write(tmp_path / "set", paths)
    checks = Checks(joints=5, classes=2, prepare=lambda keypoints: keypoints[:, :, :2])
    with pytest.raises(ValueError, match="clip000': expected 5 joints, found 2"):
        write_store(tmp_path / "set", FileClips(paths, read), checks, anew=True)
    assert len(write(tmp_path / "set", paths)) == 3


def test_preparation_that_fails_names_the_clip(tmp_path):
    def fail(keypoints):
        raise ValueError("too short.")

    checks = Checks(joints=5, classes=2, prepare=fail)
    with pytest.raises(ValueError, match="Clip 'clip000': too short"):
        write_store(tmp_path / "set", FileClips(files(tmp_path / "raw", 1), read), checks)


def test_facts_cannot_take_the_names_of_what_all_clips_have():
    with pytest.raises(ValueError, match="facts not called .*found 'frames'"):
        Clip("a", np.ones((1, 2, 5, 3), np.float32), facts={"frames": 3})
