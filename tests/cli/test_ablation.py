"""``stgraph ablate`` trains what it says, and goes on where it stopped."""

from __future__ import annotations

import csv
import json
import math
import shutil
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import torch
import yaml
from jsonargparse import ArgumentParser
from torch_geometric.data import Batch

from stgraph import SkeletonGraph, layouts, partition, train
from stgraph.cli import ablation, main, objects, trials
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
    _, options, _ = vary(embedded, PAPER[variant])
    graph = objects.make_graph(layouts.NTU25, options)
    clips = from_arrays(np.ones((2, 1, 5, 25, 3)), [0, 1], graph)
    model = objects.make_model(clips, options, graph)
    assert model(Batch.from_data_list(list(clips))).shape == (2, 2)


def test_what_was_found_is_not_trained_again_unless_settings_differ(root, out, monkeypatch, capsys):
    before = rows_of(out)
    monkeypatch.setattr(trials, "_train", lambda *arguments: pytest.fail("trained again"))
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


@pytest.mark.slow
def test_jobs_end_with_the_study_that_is_killed(root, tmp_path):
    """Or they would train on, beside those of a study that goes on."""
    data = ("--data.root", root, "--data.performers", 3, "--data.every", 1)
    arguments = map(str, (*TINY, *data, "--out", tmp_path, "--jobs", 2, "--epochs", 1000))
    running = subprocess.Popen([sys.executable, "-m", "stgraph", "ablate", *arguments])
    try:
        wait_for(lambda: len(list(tmp_path.glob("*/seed-0/metrics.csv"))) == 2)
        jobs = psutil.Process(running.pid).children(recursive=True)
        assert len(jobs) >= 2
    finally:
        running.kill()
        running.wait()
    assert not psutil.wait_procs(jobs, timeout=30)[1]


def wait_for(condition, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_seeds_are_averaged():
    results = [
        trials.Result("spatial", seed, top1, 1.0, top1, 10, seconds)
        for seed, top1, seconds in ((0, 0.5, math.nan), (1, 0.7, 2.0))
    ]
    row = "| spatial configuration | 60.0 ± 14.1 | 60.0 ± 14.1 | 100.0 ± 0.0 | 10 | 2 |"
    table = ablation.ablation_table({"spatial configuration": results, "interrupted": results[:1]})
    assert row in table  # what was interrupted has no time
    assert "| interrupted | 50.0 | 50.0 | 100.0 | 10 | - |" in table


def test_settings_of_every_run_are_kept(out):
    known = json.loads((out / "local" / "seed-0" / "trial.json").read_text())
    assert known["plan"]["model"]["partition"] == "local"
    assert not known["plan"]["model"]["edge_importance"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--variants", "nope"), "no variant 'nope'"),
        (("--seeds", "0"), "--seeds and --jobs are at least 1"),
        (("--devices", "2"), "trained on one device"),
        (("--study", "nope"), "no study 'nope'; the package has paper"),
        (("--study", "nope.yaml"), "no file 'nope.yaml'; the package has paper"),
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


def test_a_fusion_brings_its_parts_along_and_others_stay_in_the_table(root, own, tmp_path):
    study = (*("--study", own / "study.yaml"), *("--seeds", 1), "--variants")
    assert ablate(root, tmp_path, *study, "both") == 0
    assert {row["variant"] for row in rows_of(tmp_path)} == {"whole", "bones", "both"}
    shutil.rmtree(tmp_path / "bones")
    assert ablate(root, tmp_path, *study, "bones") == 0
    assert {row["variant"] for row in rows_of(tmp_path)} == {"whole", "bones", "both"}


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_fails_is_named_and_the_rest_is_trained(jobs: int, root, tmp_path, capsys):
    study = tmp_path / "study.yaml"
    study.write_text("wild: {learning_rate: 1.0e+30}\ncalm:\n")
    assert ablate(root, tmp_path, "--study", study, "--seeds", 1, "--jobs", jobs) == 1
    said = capsys.readouterr()
    assert "wild, seed 0: failed. The loss is " in said.out
    assert "1 of 2 trainings failed: wild, seed 0" in said.err
    assert {row["variant"] for row in rows_of(tmp_path)} == {"calm"}


def test_a_trial_with_other_options_does_not_go_on_from_check_points_of_before(root, tmp_path):
    study = ("--seeds", 1, "--variants", "spatial")
    assert ablate(root, tmp_path, *study, "--epochs", 2) == 0
    assert ablate(root, tmp_path, *study, "--epochs", 3) == 0
    log = (tmp_path / "spatial" / "seed-0" / "log.txt").read_text()
    assert "goes on" not in log and log.count("/3  loss") == 3


def test_a_trial_that_lacks_its_evaluation_alone_is_not_trained_again(root, tmp_path, monkeypatch):
    study = ("--seeds", 1, "--variants", "spatial")
    assert ablate(root, tmp_path, *study) == 0
    file = tmp_path / "spatial" / "seed-0" / "trial.json"
    known = json.loads(file.read_text())
    file.write_text(json.dumps({"plan": known["plan"]}))
    monkeypatch.setattr(train, "fit", lambda *arguments, **options: pytest.fail("trained again"))
    assert ablate(root, tmp_path, *study) == 0
    again = json.loads(file.read_text())["result"]
    assert math.isnan(again.pop("seconds")) and known["result"].pop("seconds") > 0
    assert again == known["result"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2]", "expected a mapping"),
        ("a: [", "study.yaml"),
        ("a: 3", "a: expected a mapping"),
        ("a: {data: {steam: bone}}", "steam"),
        ("a: {data.stream: bone}", "no option 'data.stream'"),
        ("a: {seed: 3}", "no option 'seed'"),
        ("a: {epochs: many}", "epochs"),
        ("a: {epochs: 0}", "Variant a: "),
        ("a: {test_clips: 10, data: {frames: 0}}", "10 draws of a clip are equal"),
        ("a: {what: x}\nb: {what: x}", "same name for people"),
        ("a: {}\nb: {fuse: {a: 0}}", "not all zero"),
        ("a: {}\nb: {data: {root: z}}\nc: {fuse: {a: 1, b: 1}}", "fuses scores of other clips"),
        ("a: {}\nb: {fuse: {c: 1}}", "found c"),
        ("a: {}\nb: {epochs: 3, fuse: {a: 1}}", "found epochs"),
        ("a: {}\nb: {fuse: [a]}", "fuse gives weights"),
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
