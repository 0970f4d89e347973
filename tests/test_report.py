"""The page about a run says what the numbers say."""

from __future__ import annotations

import math

import torch

from stgraph import STGCN, SkeletonGraph, layouts
from stgraph.evaluate import Evaluation
from stgraph.nn import STGCNPlusPlus
from stgraph.report import hardest_pairs, read_curves, surest_mistakes, write_report

CLASSES = ("walk", "run|jog", "jump")
LABELS = torch.tensor([0, 0, 0, 1, 1, 2])
GUESSES = torch.tensor([1, 1, 0, 1, 2, 2])
SURE = torch.tensor([0.6, 0.9, 0.8, 0.7, 0.95, 0.5])


def found() -> Evaluation:
    """Three of six clips are wrong: two walks, one run."""
    rows = ((1 - SURE) / 2)[:, None].repeat(1, 3)
    rows[torch.arange(6), GUESSES] = SURE
    names = tuple(f"clip {number}" for number in range(6))
    return Evaluation(names, LABELS, rows.log(), CLASSES)


def test_hardest_pairs_are_those_of_most_clips():
    first, second = hardest_pairs(found())
    assert first[:3] == ("walk", "run|jog", 2) and math.isclose(first.share, 2 / 3, rel_tol=1e-6)
    assert second == ("run|jog", "jump", 1, 1 / 2)
    assert hardest_pairs(found(), most=1) == [first]


def test_surest_mistakes_come_first_and_hits_never():
    wrong = surest_mistakes(found())
    assert [each.clip for each in wrong] == ["clip 4", "clip 1", "clip 0"]
    assert wrong[0].predicted == "jump" and math.isclose(wrong[0].probability, 0.95, rel_tol=1e-6)


def test_without_mistakes_there_are_none():
    right = Evaluation(("a",), torch.tensor([1]), torch.eye(3)[1:2], CLASSES)
    assert hardest_pairs(right) == [] and surest_mistakes(right) == []


def test_curves_of_a_resumed_run_are_joined_by_epoch(tmp_path):
    header = "epoch,step,lr-SGD,train_loss,train_loss_step,val_top1\n"
    (tmp_path / "metrics-1.csv").write_text(
        header + ",0,0.1,,,\n0,1,,,2.5,\n0,2,,,,0.5\n0,2,,1.5,,\n1,3,,,0.7,\n"
    )
    (tmp_path / "metrics.csv").write_text(header + "1,4,,,,0.75\n1,4,,0.5,,\n2,5,,0.25,,\n")
    curves = read_curves(tmp_path)
    assert curves["train_loss"] == [1.5, 0.5, 0.25]
    assert curves["val_top1"][:2] == [0.5, 0.75] and math.isnan(curves["val_top1"][2])
    assert curves["lr-SGD"][0] == 0.1
    assert set(curves) == {"lr-SGD", "train_loss", "val_top1"}
    assert read_curves(tmp_path / "nothing") == {}


def test_the_page_has_every_section_and_its_pictures(tmp_path):
    graph = SkeletonGraph.from_layout(layouts.NTU25)
    (tmp_path / "metrics.csv").write_text("epoch,step,train_loss,val_top1\n0,1,0.5,0.5\n")
    model = STGCN(3, 3, graph, blocks=[(4, 1), (4, 1)])
    page = write_report(tmp_path, found(), model, [10, 20, 30, 40, 50, 60], title="A run")
    text = page.read_text()
    assert text.startswith("# A run\n") and "| top-1 | 50.00 % |" in text
    assert "| walk | run\\|jog | 2 | 67 % |" in text
    assert "| clip 4 | run\\|jog | jump | 95.0 % |" in text
    pictures = {path.name for path in (tmp_path / "figures").iterdir()}
    names = {"curves", "confusion", "length", "importance-first", "importance-last"}
    assert pictures == {f"{name}.png" for name in names}
    assert all(f"(figures/{name})" in text for name in pictures)


def test_networks_without_importance_and_runs_without_metrics_have_a_shorter_page(tmp_path):
    graph = SkeletonGraph.from_layout(layouts.NTU25)
    model = STGCNPlusPlus(3, 3, graph, blocks=[(8, 1)])
    text = write_report(tmp_path, found(), model, torch.arange(6)).read_text()
    assert "importance" not in text and "## Training" not in text
