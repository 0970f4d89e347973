"""``stgraph fuse`` on what runs leave behind."""

from __future__ import annotations

import pytest
import torch
import yaml

from stgraph.cli import main
from stgraph.evaluate import Evaluation
from stgraph.fusion import fuse

CLASSES = ("walk", "run", "jump")


@pytest.fixture
def runs(tmp_path):
    """Four runs of one split, one for each stream."""
    torch.manual_seed(0)
    names = tuple(f"clip {number}" for number in range(40))
    labels = torch.randint(3, (40,))
    folders = []
    for stream in ("joint", "bone", "joint_motion", "bone_motion"):
        folder = tmp_path / stream
        logits = torch.randn(40, 3) + 2 * torch.nn.functional.one_hot(labels, 3)
        Evaluation(names, labels, logits, CLASSES).write(folder / "evaluation")
        (folder / "config.yaml").write_text(yaml.safe_dump({"data": {"stream": stream}}))
        folders.append(folder)
    return folders


def fused(*arguments, out):
    assert main(["fuse", *map(str, arguments), "--out", str(out)]) == 0
    return Evaluation.load(out / "scores.npz"), (out / "fusion.md").read_text()


def parts(runs):
    return [Evaluation.load(run / "evaluation" / "scores.npz") for run in runs]


def test_four_streams_get_the_usual_weights_in_any_order(runs, tmp_path):
    shuffled = [runs[2], runs[0], runs[3], runs[1]]
    found, table = fused(*shuffled, out=tmp_path / "out")
    wanted = fuse(parts(runs), (2, 2, 1, 1))
    torch.testing.assert_close(found.probabilities, wanted.probabilities)
    lines = table.splitlines()
    assert lines[2].startswith("| joint_motion |") and "| joint + bone | 1 : 1 |" in table
    assert lines[-1] == f"| all | 1 : 2 : 1 : 2 | {100 * wanted.accuracy():.2f} | 100.00 |"


@pytest.mark.parametrize(("weights", "numbers"), [("equal", (1, 1)), ("3,1", (3, 1))])
def test_other_weights_can_be_said(weights, numbers, runs, tmp_path):
    files = [run / "evaluation" / "scores.npz" for run in runs[:2]]
    found, table = fused(*files, "--weights", weights, out=tmp_path / "out")
    torch.testing.assert_close(found.probabilities, fuse(parts(runs[:2]), numbers).probabilities)
    assert "joint + bone" not in table


def test_weights_are_searched_on_other_clips(runs, tmp_path):
    wise, foolish = (tmp_path / "wise.npz", tmp_path / "foolish.npz")
    names, labels = ("x", "y", "z"), torch.tensor([0, 1, 2])
    Evaluation(names, labels, 3 * torch.eye(3), CLASSES).save(wise)
    Evaluation(names, labels, 9 * torch.eye(3).roll(1, 1), CLASSES).save(foolish)
    search = ("--weights", "search", "--validation", wise, foolish)
    _, table = fused(*runs[:2], *search, out=tmp_path / "out")
    first, second = map(float, table.splitlines()[-1].split("|")[2].split(":"))
    assert first > second


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--weights", "many"), "not 'many'"),
        (("--weights", "search"), "needs as many --validation scores"),
        (("--weights", "1,2,3"), "Expected 4 weights"),
    ],
)
def test_bad_weights_get_one_clear_line(arguments, words, runs, tmp_path, capsys):
    assert main(["fuse", *map(str, runs), *arguments, "--out", str(tmp_path / "out")]) == 1
    assert words in capsys.readouterr().err


def test_runs_of_one_stream_have_no_usual_weights(runs, tmp_path, capsys):
    twice = [str(runs[0]), str(runs[0])]
    assert main(["fuse", *twice, "--out", str(tmp_path / "out")]) == 1
    assert "one run of each stream" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"nothing"])
def test_files_without_scores_are_named(content, tmp_path, capsys):
    path = tmp_path / "scores.npz"
    if content is not None:
        path.write_bytes(content)
    assert main(["fuse", str(path), str(path), "--out", str(tmp_path / "out")]) == 1
    assert "scores.npz" in capsys.readouterr().err
