"""Recipes are complete settings, and what comes later wins."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import yaml
from jsonargparse import ArgumentParser

from stgraph.cli.recipes import configs_first, recipe_names, recipe_path
from stgraph.cli.training import option_groups, train_arguments
from stgraph.options import DataOptions, ModelOptions, TrainingOptions
from stgraph.presets import PRESETS

# What a machine or a user decides, not a recipe.
OPEN = {
    *("max_nodes", "batch_size", "devices", "num_nodes", "accelerator", "precision", "workers"),
    *("recompute", "save_every", "sync_statistics", "seed", "ema", "early_stopping"),
    *("class_weights", "label_smoothing", "gradient_clip", "milestones", "gamma", "test_clips"),
}


def parsed(*arguments: str):
    parser = ArgumentParser()
    train_arguments(parser)
    return option_groups(parser.parse_args(arguments))


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_says_all_that_decides_the_result(name: str):
    said = yaml.safe_load(recipe_path(name).read_text())
    known = set(asdict(TrainingOptions(schedule="cosine")))
    assert known - OPEN <= set(said)
    assert set(asdict(ModelOptions())) - {"max_hop"} <= set(said["model"])
    data, model, training = parsed("--recipe", name)
    for found, wanted in ((data, said["data"]), (model, said["model"]), (training, said)):
        values = asdict(found)
        assert all(values[key] == wanted[key] for key in wanted if key not in ("data", "model"))


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_is_cited_and_says_how_to_run_it(name: str):
    text = recipe_path(name).read_text()
    assert f"stgraph train --recipe {name}" in text and text.startswith("#")
    preset = yaml.safe_load(text)["data"].get("preset", "")
    assert preset == "" or preset in PRESETS


def test_what_comes_later_wins(tmp_path):
    config = tmp_path / "own.yaml"
    config.write_text("epochs: 7\nweight_decay: 0.25\n")
    _, _, training = parsed("--recipe", "practice", "--config", str(config), "--epochs", "3")
    assert (training.epochs, training.weight_decay, training.test_clips) == (3, 0.25, 10)
    _, _, training = parsed("--config", str(config), "--recipe", "practice")
    assert (training.epochs, training.weight_decay) == (80, 5e-4)


def test_options_win_over_files_wherever_they_stand():
    given = ["train", "--epochs", "3", "--recipe", "practice", "--config=own.yaml", "--seed", "1"]
    files = ["--recipe", "practice", "--config=own.yaml"]
    assert configs_first(given) == ["train", *files, "--epochs", "3", "--seed", "1"]
    assert configs_first(["predict", "a.npy"]) == ["predict", "a.npy"] and configs_first([]) == []
    assert configs_first(["train", "--config"]) == ["train", "--config"]


def test_there_are_recipes_for_the_paper_for_good_practice_and_for_few_clips():
    assert set(recipe_names()) == {
        *("aaai18", "aaai18-kinetics", "practice", "ragged", "small", "embedded")
    }


def test_ablation_starts_from_the_embedded_clips_unless_told_otherwise():
    own = ["ablate", "--recipe", "embedded", "--epochs", "3"]
    assert configs_first(["ablate", "--epochs", "3"]) == own
    assert configs_first(["ablate", "--recipe=small"]) == ["ablate", "--recipe=small"]


def test_a_recipe_that_is_not_there_is_refused_with_those_that_are(capsys):
    with pytest.raises(SystemExit):
        parsed("--recipe", "nope")
    assert "There is no recipe 'nope'; there are aaai18" in capsys.readouterr().err


def test_defaults_are_those_of_the_options():
    assert parsed() == (DataOptions(), ModelOptions(), TrainingOptions())
