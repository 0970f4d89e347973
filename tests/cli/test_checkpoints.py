"""Check points of released programs on the command line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from stgraph import (
    STGCN,
    SkeletonGraph,
    build_clip,
    layouts,
    load_checkpoint,
    partition,
    presets,
)
from stgraph.checkpoints import read_checkpoint, save_checkpoint
from stgraph.datasets import SyntheticActions, read_bodies

from .command import TINY, assert_one_clear_line, stgraph

RELEASED = SkeletonGraph.from_layout(layouts.NTU25, partition.spatial_2018)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A small synthetic set, generated once."""
    folder = tmp_path_factory.mktemp("data")
    SyntheticActions(folder, performers=3)
    return folder


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A file of st-gcn for NTU RGB+D 60."""
    path = tmp_path_factory.mktemp("released") / "st_gcn.pt"
    torch.manual_seed(3)
    save_checkpoint(STGCN(3, 60, RELEASED), path, family="st-gcn")
    return path


@pytest.mark.parametrize("network", ["stgcn++", "stgcn-v0.1.0"])
def test_every_network_is_trained_and_evaluated_by_name(network, root, tmp_path):
    tiny = ("--model.blocks", "[[8,1],[16,2]]", "--workers", 0, "--epochs", 1, "--batch_size", 8)
    data = ("--data.root", root, "--data.performers", 3, "--data.frames", 12)
    done = stgraph("train", *tiny, *data, "--model.network", network, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    last = tmp_path / "checkpoints" / "last.ckpt"
    done = stgraph("evaluate", last, "--workers", 0)
    assert done.returncode == 0 and "top-1" in done.stdout, done.stderr
    names = {"stgcn++": "STGCNPlusPlus", "stgcn-v0.1.0": "STGCNv010"}
    assert type(load_checkpoint(last)).__name__ == names[network]


def test_a_preset_prepares_clips_in_training_and_in_prediction(root, tmp_path):
    data = ("--data.root", root, "--data.performers", 3, "--data.preset", "ctrgcn")
    model = ("--model.blocks", "[[8,1],[16,2]]", "--workers", 0, "--epochs", 1)
    done = stgraph("train", *data, *model, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    last, file = tmp_path / "checkpoints" / "last.ckpt", next(root.rglob("*.skeleton"))
    known = read_checkpoint(last)
    assert known.data["preset"] == "ctrgcn"
    keypoints = presets.PRESETS["ctrgcn"].prepare(torch.from_numpy(read_bodies(file, "all")))
    assert keypoints.shape == (2, 64, 25, 3)
    logits = known.model(Batch.from_data_list([build_clip(keypoints, known.model.graph)]))
    share = 100 * logits.softmax(dim=1).max().item()
    done = stgraph("predict", "--checkpoint", last, "--top", 1, file)
    assert f"{share:.1f} %" in done.stdout, done.stdout


def test_a_released_file_predicts_as_it_is(released, root):
    """Padded to 300 frames and two bodies with zeros, bodies as listed in each frame."""
    file = next(root.rglob("*.skeleton"))
    keypoints = presets.PRESETS["stgcn"].prepare(torch.from_numpy(read_bodies(file, "position")))
    assert keypoints.shape == (2, 300, 25, 3)
    model = load_checkpoint(released)
    logits = model(Batch.from_data_list([build_clip(keypoints, model.graph)]))
    share = logits.softmax(dim=1)[0].max(dim=0)
    done = stgraph("predict", "--checkpoint", released, "--top", 1, file)
    assert done.returncode == 0, done.stderr
    name = read_checkpoint(released).class_names[int(share.indices)]
    assert f"{100 * share.values.item():.1f} %  {name}" in done.stdout, done.stdout


def test_convert_goes_to_our_format_and_back_bit_for_bit(released, tmp_path):
    ours, theirs = tmp_path / "new" / "ours.ckpt", tmp_path / "theirs.pt"
    done = stgraph("convert", released, "--out", ours)
    assert done.returncode == 0, done.stderr
    assert "STGCN: 3,098,832 parameters, 60 classes" in done.stdout
    assert "farther or tied: 40" in done.stdout and "the preset stgcn" in done.stdout
    known = read_checkpoint(ours)
    assert known.data == {"preset": "stgcn"} and known.class_names[7] == "sitting down"
    assert stgraph("convert", ours, "--to", "st-gcn", "--out", theirs).returncode == 0
    first, second = (torch.load(path, weights_only=True) for path in (released, theirs))
    assert list(first) == list(second)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_convert_goes_from_one_program_to_another(released, tmp_path):
    done = stgraph("convert", released, "--to", "mmaction2-1.x", "--out", tmp_path / "there.pth")
    assert done.returncode == 0, done.stderr
    one, other = load_checkpoint(released), load_checkpoint(tmp_path / "there.pth")
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters()))


def test_converting_to_a_program_without_such_a_network_gets_one_clear_line(released, tmp_path):
    out = tmp_path / "there.pt"
    done = stgraph("convert", released, "--to", "st-gcn-v0.1.0", "--out", out)
    assert_one_clear_line(done, "has no STGCN", "STGCNv010")
    assert not out.exists()


def test_a_file_that_leaves_preparation_open_asks_for_a_preset(root, tmp_path):
    hand = SkeletonGraph.from_layout(layouts.NTU_EDGE24)
    path, clip = tmp_path / "edge.pth", tmp_path / "clip.npy"
    save_checkpoint(STGCN(3, 4, hand, blocks=((8, 1),)), path, family="pyskl")
    np.save(clip, np.random.default_rng(0).normal(size=(1, 9, 24, 3)))
    assert_one_clear_line(stgraph("predict", "--checkpoint", path, clip), "--preset", "pyskl")
    done = stgraph("predict", "--checkpoint", path, "--preset", "none", clip)
    assert done.returncode == 0, done.stderr
    done = stgraph("predict", "--checkpoint", path, "--preset", "stgcn", clip)
    assert_one_clear_line(done, "clip.npy", "for 25 joints", "24 joints")


def test_evaluating_a_released_file_asks_for_the_data_set(released):
    done = stgraph("evaluate", released)
    assert_one_clear_line(done, "which data set", "--name ntu60-xsub")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--data.preset", "mmaction"), ("no preset 'mmaction'", "ctrgcn")),
        (("--data.preset", "pyskl", "--data.rotate", 0.3), ("all that is done", "rotate")),
        (("--model.network", "stgcn++", "--model.temporal_kernel", 5), ("at least 9",)),
        (("--model.network", "stgcn-v0.1.0", "--model.temporal", "product"), ("factorized",)),
    ],
)
def test_settings_that_do_not_fit_get_one_clear_line(arguments, words, root, tmp_path):
    data = ("--data.root", root, "--data.performers", 3)
    tiny = [value for value in TINY if value not in ("--data.frames", "12")]
    done = stgraph("train", *tiny, *data, "--out", tmp_path, *arguments)
    assert_one_clear_line(done, *words)
