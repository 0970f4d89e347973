"""The commands as a user calls them, in processes of their own."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
import yaml

from stgraph import STGCN, SkeletonGraph, SkeletonLayout, layouts
from stgraph.checkpoints import save_checkpoint
from stgraph.cli.training import where_to_resume
from stgraph.datasets import SyntheticActions
from stgraph.formats import write_skeleton_file

from .command import TINY, assert_one_clear_line, stgraph


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A small synthetic set, generated once."""
    folder = tmp_path_factory.mktemp("data")
    SyntheticActions(folder, performers=3)
    return folder


@pytest.fixture(scope="module")
def run(root, tmp_path_factory):
    """A trained run of two epochs."""
    out = tmp_path_factory.mktemp("run")
    data = ("--data.root", root, "--data.performers", 3)
    done = stgraph("train", *TINY, *data, "--epochs", 2, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def last(run):
    return run / "checkpoints" / "last.ckpt"


def epochs_of(path):
    with open(path, newline="") as file:
        return sorted({int(row["epoch"]) for row in csv.DictReader(file) if row["val_top1"]})


def test_training_leaves_config_metrics_and_check_points(run):
    assert epochs_of(run / "metrics.csv") == [0, 1]
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert list((run / "tensorboard").glob("events*"))
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["epochs"] == 2 and config["data"]["performers"] == 3


def test_the_last_check_point_is_of_the_last_epoch_and_the_best_of_the_best(run):
    with open(run / "metrics.csv", newline="") as file:
        scores = [float(row["val_top1"]) for row in csv.DictReader(file) if row["val_top1"]]
    best, last = (
        torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)["epoch"]
        for name in ("best", "last")
    )
    assert last == len(scores) - 1 == 1
    assert scores[best] == max(scores)


def test_evaluating_the_last_check_point_repeats_the_last_validation(run, last, tmp_path):
    assert stgraph("evaluate", last, "--out", tmp_path).returncode == 0
    with open(run / "metrics.csv", newline="") as file:
        scores = [float(row["val_top1"]) for row in csv.DictReader(file) if row["val_top1"]]
    assert np.isclose(json.loads((tmp_path / "metrics.json").read_text())["top1"], scores[-1])


def test_a_saved_config_given_back_repeats_the_run_bit_by_bit(run, tmp_path):
    done = stgraph("train", "--config", run / "config.yaml", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    one, two = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for folder in (run, tmp_path)
    )
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_run_is_resumed_where_it_ended(run, last, tmp_path):
    arguments = ("--config", run / "config.yaml", "--resume", last, "--epochs", 3)
    done = stgraph("train", *arguments, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert epochs_of(tmp_path / "metrics.csv") == [2]


def test_a_run_is_not_written_over(run, root):
    done = stgraph("train", *TINY, "--data.root", root, "--data.performers", 3, "--out", run)
    assert_one_clear_line(done, "There is a run in", "--resume")


def test_a_run_is_gone_on_with_if_there_is_one(run, tmp_path):
    """So that one command starts and goes on, as jobs with a time limit need."""
    assert where_to_resume("auto", tmp_path) is None
    assert where_to_resume("auto", run) == str(run)
    assert where_to_resume("elsewhere", run) == "elsewhere"
    assert where_to_resume(None, tmp_path) is None


def test_a_run_that_had_all_its_epochs_is_evaluated_once_more(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "evaluation")
    arguments = ("--config", run / "config.yaml", "--resume", "auto", "--out", tmp_path / "run")
    done = stgraph("train", *arguments)
    assert done.returncode == 0 and "epoch" not in done.stdout, done.stderr
    found, wanted = (
        (folder / "evaluation" / "predictions.csv").read_text()
        for folder in (tmp_path / "run", run)
    )
    assert found == wanted


def test_other_clips_are_not_gone_on_with(run, root, tmp_path):
    data = ("--data.root", root, "--data.performers", 3, "--data.stream", "bone")
    done = stgraph("train", *TINY, *data, "--epochs", 5, "--resume", run, "--out", tmp_path)
    assert_one_clear_line(done, "other clips: data.stream is 'joint' there and 'bone' here")


def test_a_run_leaves_a_report_and_stands_for_its_last_check_point(run, last):
    report = (run / "report.md").read_text()
    assert "synthetic-xsub, joint stream, split test" in report and "| epochs | 2 |" in report
    assert stgraph("evaluate", run, "--clips", 2, "--workers", 0).returncode == 0
    plain, drawn = (
        json.loads((run / name / "metrics.json").read_text())
        for name in ("evaluation", "evaluation-2-clips")
    )
    assert plain["clips"] == drawn["clips"] > 0


def test_evaluation_writes_tables_that_agree(run, last, tmp_path):
    done = stgraph("evaluate", last, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    with open(tmp_path / "confusion.csv", newline="") as file:
        rows = list(csv.reader(file))[1:]
    confusion = np.array([[int(count) for count in row[1:]] for row in rows])
    assert confusion.shape == (11, 11) and confusion.sum() == metrics["clips"] == 33
    assert np.isclose(np.trace(confusion) / 33, metrics["top1"])
    with open(tmp_path / "predictions.csv", newline="") as file:
        hits = [row["true class"] == row["prediction"] for row in csv.DictReader(file)]
    assert np.isclose(np.mean(hits), metrics["top1"])
    with open(tmp_path / "per_class.csv", newline="") as file:
        assert [int(row["clips"]) for row in csv.DictReader(file)] == [3] * 11
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert metrics["top1"] <= metrics["top5"] <= 1


def test_prediction_names_the_top_classes_of_skeleton_and_npy_files(last, root, tmp_path):
    clip = next(root.rglob("*A009.skeleton"))
    array = tmp_path / "clip.npy"
    np.save(array, np.random.default_rng(0).normal(size=(30, 25, 3)))
    done = stgraph("predict", clip, array, "--checkpoint", last, "--top", 3)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == str(clip) and lines[4] == str(array) and len(lines) == 8
    shares = [float(line.split("%")[0]) for line in lines[1:4]]
    assert shares == sorted(shares, reverse=True)


def test_prediction_and_evaluation_agree_on_a_clip_whatever_its_preparation(root, tmp_path):
    done = stgraph(
        "train", *TINY, "--data.root", root, "--data.performers", 3, "--out", tmp_path,
        "--epochs", 1, "--data.every", 2, "--data.rotate", 0.5,
        "--data.align", "[spine base, spine mid, left shoulder, right shoulder]",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    last = tmp_path / "checkpoints" / "last.ckpt"
    done = stgraph("evaluate", last, "--split", "train", "--out", tmp_path / "e")
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "e" / "predictions.csv", newline="") as file:
        row = list(csv.DictReader(file))[7]
    clip = next(root.rglob(f"{row['clip']}.skeleton"))
    done = stgraph("predict", clip, "--checkpoint", last, "--top", 1)
    share, name = done.stdout.splitlines()[1].split("%")
    assert name.strip() == row["prediction"]
    assert abs(float(share) / 100 - float(row["probability"])) < 1e-3


def test_check_points_saved_in_python_predict_numbered_classes(root, tmp_path):
    graph = SkeletonGraph.from_layout(layouts.NTU25)
    path = tmp_path / "plain.ckpt"
    save_checkpoint(STGCN(3, 4, graph, blocks=[(8, 1)]), path)
    clip = next(root.rglob("*.skeleton"))
    done = stgraph("predict", clip, "--checkpoint", path, "--top", 4)
    assert done.returncode == 0, done.stderr
    names = {line.split("%")[1].strip() for line in done.stdout.splitlines()[1:]}
    assert names == {"0", "1", "2", "3"}
    done = stgraph("evaluate", path)
    assert_one_clear_line(done, "does not say which data set", "--name")


def test_product_partitions_bf16_and_users_functions_train_from_the_command_line(root, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "def sides(layout, edge_index):\n"
        "    return (edge_index[0] % 2), ('even', 'odd')\n"
    )
    done = stgraph(
        "train", *TINY, "--data.root", root, "--data.performers", 3, "--out", tmp_path,
        "--model.partition", "mine:sides", "--model.temporal", "product",
        "--model.temporal_kernel", 3, "--precision", "bf16-mixed",
        "--epochs", 1,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = stgraph("evaluate", tmp_path / "checkpoints" / "last.ckpt", "--out", tmp_path / "e")
    assert done.returncode == 0, done.stderr


def test_the_demo_trains_evaluates_and_draws(root, tmp_path):
    done = stgraph(
        "demo", "--epochs", 1, "--performers", 3, "--root", root, "--out", tmp_path / "demo"
    )
    assert done.returncode == 0, done.stderr
    assert "top-1 accuracy" in done.stdout
    for name in ("partitions.png", "clip.png", "evaluation/confusion.png"):
        assert (tmp_path / "demo" / name).stat().st_size > 1000


@pytest.mark.parametrize("what", ["layout", "partitions", "clip"])
def test_drawing_writes_a_picture(what, root, tmp_path):
    clip = ("--clip", next(root.rglob("*.skeleton"))) if what == "clip" else ()
    done = stgraph("draw", what, *clip, "--out", tmp_path / "new" / f"{what}.svg")
    assert done.returncode == 0, done.stderr
    assert "<svg" in (tmp_path / "new" / f"{what}.svg").read_text()[:1000]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--data.name", "ntu"), ("no data set 'ntu'", "ntu60-xsub")),
        (("--model.partition", "spacial"), ("no partition 'spacial'", "spatial")),
        (("--model.partition", "nowhere:f"), ("cannot be imported",)),
        (("--model.normalization", "mean"), ("no normalization 'mean'", "per_target")),
        (("--model.temporal_kernel", 4), ("odd", "4")),
        (("--model.blocks", "[[8]]"), ("blocks is ten, small",)),
        (("--model.dropout", 1.5), ("dropout", "1.5")),
        (("--data.align", "[head]"), ("align takes four", "1")),
        (("--data.align", "[a, b, c, d]"), ("no joint 'a'",)),
        (("--epochs", 0), ("epochs", "0")),
        (("--data.test_split", "val"), ("no clips in the split 'val'",)),
        (("--accelerator", "tpu"), ("Lightning cannot train",)),
        (("--devices", 0), ("Lightning cannot train", "0")),
        (("--resume", "nowhere.ckpt"), ("no check point to resume from", "nowhere.ckpt")),
    ],
)
def test_bad_settings_get_one_clear_line(arguments, words, root, tmp_path):
    data = ("--data.root", root, "--data.performers", 3)
    done = stgraph("train", *TINY, *data, "--out", tmp_path, *arguments)
    assert_one_clear_line(done, *words)


def test_arguments_that_do_not_exist_are_refused_with_code_2():
    done = stgraph("train", "--data.nonsense", 1)
    assert done.returncode == 2 and "nonsense" in done.stderr and "Traceback" not in done.stderr
    done = stgraph("draw", "everything", "--out", "x.png")
    assert done.returncode == 2 and "everything" in done.stderr
    assert stgraph().returncode == 2


def test_missing_ntu_files_say_where_to_get_them(tmp_path):
    done = stgraph("train", "--data.name", "ntu60-xsub", "--data.root", tmp_path)
    assert_one_clear_line(done, "rose1.ntu.edu.sg", str(tmp_path))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ("empty",)),
        (bytes(5000), ("NUL",)),
        (b"hello\n", ("hello",)),
        (b"3\r\n1\r\n72057594037937513 0 1 1 1 1 0 0 0 2\r\n25\r\n", ("line",)),
        (b"1000000000\r\n0\r\n", ("1000000000",)),
    ],
)
def test_unusable_skeleton_files_are_named_by_predict(content, words, last, tmp_path):
    path = tmp_path / "S001C001P001R001A001.skeleton"
    path.write_bytes(content)
    done = stgraph("predict", path, "--checkpoint", last)
    assert_one_clear_line(done, path.name, *words)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((10, 17, 3)), ("expected 25 joints", "found 17")),
        (np.full((10, 25, 3), np.inf), ("infinite",)),
        (np.full((10, 25, 3), np.nan), ("nobody in 10 frames",)),
        (np.zeros((10, 25, 2)), ("[N, 3]",)),
    ],
)
def test_unusable_arrays_are_named_by_predict(array, words, last, tmp_path):
    np.save(tmp_path / "clip.npy", array)
    assert_one_clear_line(stgraph("predict", tmp_path / "clip.npy", "--checkpoint", last), *words)


def test_files_of_other_kinds_and_absent_ones_are_named(last, tmp_path):
    (tmp_path / "clip.txt").write_text("x")
    done = stgraph("predict", tmp_path / "clip.txt", "--checkpoint", last)
    assert_one_clear_line(done, "clip.txt")
    done = stgraph("predict", tmp_path / "clip.npy", "--checkpoint", last)
    assert_one_clear_line(done, "clip.npy")


def test_a_check_point_of_another_architecture_is_refused_on_resume(run, last, tmp_path):
    arguments = ("--config", run / "config.yaml", "--resume", last, "--out", tmp_path)
    done = stgraph("train", *arguments, "--epochs", 5, "--model.blocks", "[[8,1],[8,1],[8,1]]")
    assert_one_clear_line(done, "another architecture")
    assert not (tmp_path / "config.yaml").exists()


def test_a_file_that_is_no_check_point_is_refused(tmp_path):
    for name, content in (("text.ckpt", b"hello"), ("empty.ckpt", b"")):
        (tmp_path / name).write_bytes(content)
        done = stgraph("evaluate", tmp_path / name)
        assert_one_clear_line(done, name, "check point")


def folder_of_clips(root, count=2):
    layout = SkeletonLayout("stick", ("a", "b"), ((1, 0),))
    clips = root / "raw" / "clips"
    clips.mkdir(parents=True)
    (root / "raw" / "layout.json").write_text(json.dumps(layout.to_dict()))
    rows = ["name,label,split"]
    for index in range(count):
        np.save(clips / f"{index}.npy", np.random.default_rng(index).normal(size=(400, 2, 3)))
        rows.append(f"{index},{index % 2},{'train' if index % 4 < 2 else 'test'}")
    (root / "raw" / "clips.csv").write_text("\n".join(rows) + "\n")
    return ("train", *TINY, "--data.name", "folder", "--data.root", root)


def test_a_kill_in_the_middle_of_processing_leaves_nothing_that_counts(tmp_path):
    command = folder_of_clips(tmp_path, 8)
    blocked = tmp_path / "raw" / "clips" / "5.npy"
    content = blocked.read_bytes()
    blocked.unlink()
    os.mkfifo(blocked)
    command += ("--data.workers", 0)
    process = subprocess.Popen([sys.executable, "-m", "stgraph", *map(str, command)])
    processed = tmp_path / "processed"
    deadline = time.monotonic() + 120
    while not list(processed.glob("*.partial/keypoints.bin")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert {path.suffix for path in processed.glob("clips*")} == {".partial", ".lock"}
    blocked.unlink()
    blocked.write_bytes(content)
    done = stgraph(*command, "--epochs", 1, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {path.suffix for path in processed.glob("clips*")} == {"", ".lock"}


def test_a_full_disk_gets_one_clear_line_and_leaves_no_half_store(tmp_path):
    command = folder_of_clips(tmp_path, 8)
    limit = 20_000  # bytes that any one file may have: less than the keypoints need
    done = stgraph(
        *command,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert_one_clear_line(done, "File too large")
    assert not [path for path in (tmp_path / "processed").glob("clips-*") if path.suffix == ""]


def test_a_label_outside_the_classes_is_named(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    clip = np.random.default_rng(0).normal(size=(1, 5, 25, 3)).astype(np.float32)
    write_skeleton_file(raw / "S001C001P001R001A121.skeleton", clip)
    done = stgraph("train", "--data.name", "ntu120-xsub", "--data.root", tmp_path)
    assert_one_clear_line(done, "A121.skeleton", "120 classes", "found 120")


def test_evaluation_refuses_a_data_set_with_other_classes(last, tmp_path):
    folder_of_clips(tmp_path, 4)
    (tmp_path / "raw" / "layout.json").write_text(json.dumps(layouts.NTU25.to_dict()))
    for path in (tmp_path / "raw" / "clips").iterdir():
        np.save(path, np.zeros((4, 25, 3)) + np.arange(25)[None, :, None])
    done = stgraph("evaluate", last, "--name", "folder", "--root", tmp_path)
    assert_one_clear_line(done, "11 classes", "2")
