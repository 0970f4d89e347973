"""``stgraph ablate`` trains what it says, and goes on where it stopped."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
import yaml
from jsonargparse import ArgumentParser
from torch_geometric.data import Batch

from stgraph import SkeletonGraph, layouts, partition
from stgraph.cli import ablation, main, objects
from stgraph.cli.studies import read_study, vary
from stgraph.cli.training import option_groups
from stgraph.datasets import SyntheticActions, from_arrays
from stgraph.evaluate import Evaluation
from stgraph.fusion import fuse
from stgraph.train import ActionRecognizer

TINY = ("--model.blocks", "[[4,2]]", "--data.frames", "8", "--epochs", "1", "--workers", "0")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    SyntheticActions(folder, performers=3)
    return folder


def ablate(root, out, *arguments) -> int:
    data = ("--data.root", root, "--data.performers", 3, "--data.every", 1)
    return main(["ablate", *map(str, (*TINY, *data, "--out", out, *arguments))])


def rows_of(out) -> list[dict[str, str]]:
    with open(out / "ablation.csv", newline="") as file:
        return list(csv.DictReader(file))


PAPER = read_study("paper")
SOME = ("temporal", "local", "spatial", "spatial-importance", "product")


@pytest.fixture(scope="module")
def out(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablation")
    assert ablate(root, folder, "--seeds", 1, "--variants", *SOME) == 0
    return folder


def test_variants_are_trained_on_their_graphs(out):
    found = {row["variant"]: int(row["parameters"]) for row in rows_of(out)}
    assert set(found) == set(SOME)
    weights = {"temporal": 1, "spatial": 3, "local": 73}
    # one block of 3 to 4 channels: K (C_in C_out weights + C_out biases) beside what all have
    rest = {name: found[name] - count * (3 * 4 + 4) for name, count in weights.items()}
    assert len(set(rest.values())) == 1
    assert found["spatial-importance"] - found["spatial"] == 3 * 25 * 25


def test_the_table_and_the_picture_have_all_variants(out):
    lines = (out / "ablation.md").read_text().splitlines()
    assert [line.split(" | ")[0][2:] for line in lines[2:]] == [PAPER[it].what for it in SOME]
    assert (out / "ablation.png").stat().st_size > 1000


@pytest.mark.slow
def test_every_variant_of_the_paper_can_be_trained(root, tmp_path):
    assert ablate(root, tmp_path, "--seeds", 1) == 0
    found = {row["variant"] for row in rows_of(tmp_path)}
    assert found == set(PAPER)


@pytest.mark.parametrize("variant", PAPER)
def test_every_variant_has_a_graph_and_a_network(variant: str):
    parser = ArgumentParser()
    ablation.ablate_arguments(parser)
    embedded = option_groups(parser.parse_args(["--recipe", "embedded"]))
    _, options, _ = vary(embedded, PAPER[variant], 0)
    graph = objects.make_graph(layouts.NTU25, options)
    clips = from_arrays(np.ones((2, 1, 5, 25, 3)), [0, 1], graph)
    model = objects.make_model(clips, options, graph)
    assert model(Batch.from_data_list(list(clips))).shape == (2, 2)


def test_what_was_found_is_not_trained_again_unless_settings_differ(root, out, monkeypatch, capsys):
    before = rows_of(out)
    monkeypatch.setattr(ablation, "_trained", lambda *arguments: pytest.fail("trained again"))
    assert ablate(root, out, "--seeds", 1, "--variants", *SOME) == 0
    assert rows_of(out) == before
    with pytest.raises(pytest.fail.Exception):
        ablate(root, out, "--seeds", 1, "--variants", *SOME, "--learning_rate", 0.2)


def test_what_was_interrupted_goes_on(root, tmp_path, monkeypatch):
    arguments = ("--epochs", 3, "--seeds", 1, "--variants", "spatial")

    def power_cut(self, optimizer):
        if self.current_epoch == 2:
            raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(ActionRecognizer, "on_before_zero_grad", power_cut)
        assert ablate(root, tmp_path / "cut", *arguments) == 1
    for out in ("cut", "whole"):
        assert ablate(root, tmp_path / out, *arguments) == 0
    log = (tmp_path / "cut" / "spatial" / "seed-0" / "log.txt").read_text()
    assert log.count("epoch   2/3") == log.count("epoch   3/3") == 1
    found, wanted = (
        Evaluation.load(tmp_path / out / "spatial" / "seed-0" / "evaluation" / "scores.npz")
        for out in ("cut", "whole")
    )
    assert torch.equal(found.logits, wanted.logits)


def test_seeds_are_averaged():
    runs = [
        ablation.Run("spatial", seed, top1, 1.0, 10, 2.0) for seed, top1 in enumerate((0.5, 0.7))
    ]
    table = ablation.ablation_table({"spatial configuration": runs})
    assert "| spatial configuration | 60.0 ± 14.1 | 100.0 ± 0.0 | 10 | 2 |" in table


def test_settings_of_every_run_are_kept(out):
    known = json.loads((out / "local" / "seed-0" / "run-of-ablation.json").read_text())
    assert known["plan"]["model"]["partition"] == "local"
    assert not known["plan"]["model"]["edge_importance"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--variants", "nope"), "no variant 'nope'"),
        (("--seeds", "0"), "--seeds and --jobs are at least 1"),
        (("--study", "nope"), "no study 'nope'; there are paper, or a YAML file"),
    ],
)
def test_bad_arguments_get_one_clear_line(arguments, words, root, tmp_path, capsys):
    assert ablate(root, tmp_path, *arguments) == 1
    assert words in capsys.readouterr().err


OWN = """
whole: {what: as it is, epochs: 2}
bones: {data: {stream: bone}}
both: {what: together, fuse: {whole: 2, bones: 1}}
"""


@pytest.fixture(scope="module")
def own(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "study.yaml").write_text(OWN)
    assert ablate(root, folder, "--seeds", 2, "--jobs", 2, "--study", folder / "study.yaml") == 0
    return folder


def test_a_study_of_ones_own_is_trained_by_several_jobs(own):
    rows = {(row["variant"], row["seed"]): row for row in rows_of(own)}
    assert set(rows) == {(name, seed) for name in ("whole", "bones", "both") for seed in "01"}
    config = yaml.safe_load((own / "bones" / "seed-1" / "config.yaml").read_text())
    assert (config["data"]["stream"], config["seed"], config["epochs"]) == ("bone", 1, 1)
    assert "epoch   2/2" in (own / "whole" / "seed-0" / "log.txt").read_text()


def test_jobs_find_what_one_process_finds(root, own, tmp_path):
    assert ablate(root, tmp_path, "--study", own / "study.yaml", "--seeds", 1) == 0
    once, again = (
        Evaluation.load(folder / "bones" / "seed-0" / "evaluation" / "scores.npz")
        for folder in (own, tmp_path)
    )
    assert torch.allclose(once.logits, again.logits, atol=1e-4)  # other numbers of threads


def test_fusions_average_the_scores_of_one_seed(own):
    parts = [
        Evaluation.load(own / name / "seed-1" / "evaluation" / "scores.npz")
        for name in ("whole", "bones")
    ]
    rows = {(row["variant"], row["seed"]): row for row in rows_of(own)}
    row = rows["both", "1"]
    assert float(row["top1"]) == fuse(parts, [2, 1]).accuracy()
    assert float(row["top5"]) == fuse(parts, [2, 1]).accuracy(5)
    assert int(row["parameters"]) == sum(
        int(rows[name, "1"]["parameters"]) for name in ("whole", "bones")
    )
    assert "| together |" in (own / "ablation.md").read_text()


def test_a_fusion_brings_its_parts_along(root, own, capsys):
    assert ablate(root, own, "--study", own / "study.yaml", "--variants", "both", "--seeds", 2) == 0
    assert {row["variant"] for row in rows_of(own)} == {"whole", "bones", "both"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2]", "expected a mapping"),
        ("a: {data: {steam: bone}}", "steam"),
        ("a: {epochs: many}", "epochs"),
        ("a: {}\nb: {fuse: {c: 1}}", "found c"),
        ("a: {}\nb: {epochs: 3, fuse: {a: 1}}", "found epochs"),
        ("a: {}\nb: {fuse: [a]}", "fuse is a mapping"),
        ("a/b: {}", "folder's name"),
    ],
)
def test_bad_studies_get_one_clear_line(text, words, root, tmp_path, capsys):
    (tmp_path / "study.yaml").write_text(text)
    assert ablate(root, tmp_path, "--study", tmp_path / "study.yaml") == 1
    assert words in capsys.readouterr().err


def test_local_edges_have_a_matrix_each():
    graph = SkeletonGraph.from_layout(layouts.NTU25, partition.local)
    assert torch.equal(graph.edge_type, torch.arange(73)) and graph.num_subsets == 73
    assert "left elbow to left wrist" in graph.subset_names
