"""``stgraph draw`` makes every picture that it names, or says what is missing."""

from __future__ import annotations

from dataclasses import asdict

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection

from stgraph import STGCN, SkeletonGraph, STGCNPlusPlus, layouts, save_checkpoint, visualize
from stgraph.cli import main
from stgraph.cli.drawing import PICTURES
from stgraph.evaluate import Evaluation
from stgraph.options import DataOptions

CLASSES = ("sit", "stand", "wave", "none")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A clip, a network and two runs."""
    folder = tmp_path_factory.mktemp("drawn")
    keypoints = torch.randn(1, 12, 25, 3, generator=torch.Generator().manual_seed(0))
    np.save(folder / "clip.npy", keypoints.numpy())
    graph = SkeletonGraph.from_layout(layouts.NTU25, temporal_kernel=9)
    for name, kind in (("net", STGCN), ("plus", STGCNPlusPlus)):
        model = kind(3, 4, graph, blocks=[(8, 1), (8, 2)])
        data = asdict(DataOptions())
        save_checkpoint(model, folder / f"{name}.ckpt", class_names=CLASSES, data=data)
    for number, run in enumerate(("one", "two")):
        logits = torch.eye(4)[torch.tensor([0, 1, number, 2])]
        labels = torch.tensor([0, 1, 2, 2])
        Evaluation(("a", "b", "c", "d"), labels, logits, CLASSES).write(folder / run / "evaluation")
        rows = "epoch,step,train_loss,val_top1\n0,1,2.0,0.5\n1,2,1.0,0.75\n"
        (folder / run / "metrics.csv").write_text(rows)
    return folder


@pytest.fixture(autouse=True)
def repeatable(monkeypatch):
    """Pictures of the same are the same."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    with matplotlib.rc_context({"svg.hashsalt": "same"}):
        yield


def draw(folder, what: str, *arguments: str, network: str = "net"):
    code = draw_code(folder, what, *arguments, network=network)
    return code, (folder / f"{what}.svg").read_text() if code == 0 else ""


def draw_code(folder, what: str, *arguments: str, network: str = "net") -> int:
    given = ["--clip", "clip.npy", "--checkpoint", f"{network}.ckpt", "--run", "one"]
    given = [str(folder / text) if not text.startswith("--") else text for text in given]
    return main(["draw", what, *given, *arguments, "--out", str(folder / f"{what}.svg")])


@pytest.mark.parametrize("what", PICTURES)
def test_every_picture_is_drawn(what, folder):
    code, text = draw(folder, what)
    assert code == 0 and "<svg" in text[:1000]


def test_an_explanation_is_of_the_class_that_is_asked_for(folder):
    for what in ("responses", "explanation"):
        sit, again, stand = (
            draw(folder, what, "--label", label)[1] for label in ("sit", "sit", "stand")
        )
        assert sit == again != stand


def figure_of(folder, monkeypatch, what: str):
    figures = []
    monkeypatch.setattr(visualize, "save_figure", lambda figure, path: figures.append(figure))
    assert draw_code(folder, what) == 0
    return figures[0]


def test_an_explanation_has_a_skeleton_and_the_frames(folder, monkeypatch):
    skeleton, frames = figure_of(folder, monkeypatch, "explanation").axes
    assert skeleton.get_xlabel() == "" and frames.get_xlabel() == "frame"


def test_bodies_before_a_sensor_are_drawn_as_it_sees_them(folder, monkeypatch):
    (ax,) = figure_of(folder, monkeypatch, "responses").axes
    bones = next(found for found in ax.collections if isinstance(found, LineCollection))
    drawn = np.array(bones.get_segments())[:, :, 0]
    x = -np.load(folder / "clip.npy")[0, 0, :, 0]  # the sensor's x grows to its left
    wanted = np.array([[x[child], x[parent]] for child, parent in layouts.NTU25.bones])
    np.testing.assert_allclose(drawn - drawn[0, 0], wanted - wanted[0, 0], atol=1e-5)


@pytest.mark.parametrize("what", ["responses", "explanation"])
def test_networks_of_other_kinds_are_asked_too(what, folder):
    assert draw(folder, what, network="plus")[0] == 0


def test_classes_are_compared_with_those_of_another_run(folder):
    alone = draw(folder, "classes")[1]
    assert alone != draw(folder, "classes", "--against", str(folder / "two"))[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["responses", "--clip", "x.npy"], "--checkpoint is missing"),
        (["confusion"], "stgraph draw confusion needs --run"),
        (["clip"], "--clip is missing"),
    ],
)
def test_what_is_missing_is_named(arguments, words, capsys):
    assert main(["draw", *arguments, "--out", "x.png"]) == 1
    assert words in capsys.readouterr().err


def test_what_is_not_there_is_refused(folder, capsys):
    assert draw(folder, "responses", "--label", "fly")[0] == 1
    assert "no class 'fly'; there are sit, stand" in capsys.readouterr().err
    assert draw(folder, "importance", network="plus")[0] == 1
    assert "STGCNPlusPlus learns no edge importance" in capsys.readouterr().err
    assert draw(folder, "curves", "--run", str(folder))[0] == 1
    assert "no metrics in" in capsys.readouterr().err
