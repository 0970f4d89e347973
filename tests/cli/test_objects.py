from __future__ import annotations

import json
import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from stgraph import STGCN, layouts, partition, transforms
from stgraph.cli.clips import read_clip
from stgraph.cli.objects import (
    SMALL_BLOCKS,
    config_text,
    layout_by_name,
    make_dataset,
    make_graph,
    make_layout,
    make_model,
)
from stgraph.cli.preparation import Preparation
from stgraph.datasets import SyntheticActions
from stgraph.formats import write_skeleton_file
from stgraph.options import DataOptions, ModelOptions, TrainingOptions
from stgraph.presets import PRESETS

ALIGNED = ["spine base", "spine mid", "left shoulder", "right shoulder"]


def prepared(keypoints, seed=None, **options):
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    return Preparation(layouts.NTU25, DataOptions(**options))(keypoints, generator)


def test_without_options_a_clip_is_only_centred():
    keypoints = torch.randn(1, 6, 25, 3)
    expected = transforms.center(keypoints, layouts.NTU25.center)
    assert torch.equal(prepared(keypoints), expected)
    assert torch.equal(prepared(keypoints, center=False), keypoints)


def test_testing_is_the_same_each_time_and_training_is_not():
    keypoints = torch.randn(2, 30, 25, 3)
    options = {"frames": 8, "rotate": 0.3, "scale": 0.1}
    assert torch.equal(prepared(keypoints, **options), prepared(keypoints, **options))
    first, second = (prepared(keypoints, seed, **options) for seed in range(2))
    assert first.shape == second.shape == (2, 8, 25, 3)
    assert not torch.equal(first, second)


def test_one_seed_gives_one_variation():
    keypoints = torch.randn(1, 30, 25, 3)
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append(prepared(keypoints, 7, frames=8, rotate=0.3))
    assert torch.equal(draws[0], draws[1])


def test_aligned_clips_stand_upright():
    keypoints = prepared(torch.randn(1, 5, 25, 3), align=ALIGNED)
    base, mid = (layouts.NTU25.index(name) for name in ALIGNED[:2])
    up = keypoints[0, 0, mid] - keypoints[0, 0, base]
    assert torch.allclose(up / up.norm(), torch.tensor([0.0, 0.0, 1.0]), atol=1e-5)


def test_a_score_beside_the_coordinates_is_left_alone():
    keypoints = torch.rand(1, 5, 25, 3)
    points = prepared(keypoints, 0, coordinates=2, scale=0.5)
    assert torch.equal(points[..., 2], keypoints[..., 2])
    assert not torch.equal(points[..., :2], keypoints[..., :2])


def test_a_preset_makes_streams_as_its_program_does():
    clip = torch.randn(1, 30, 25, 3)
    found = prepared(clip, preset="pyskl", stream="bone", center=False)
    assert torch.equal(found, PRESETS["pyskl"].prepare_stream(clip, "bone", layouts.NTU25))


@pytest.mark.parametrize("name", transforms.STREAMS)
def test_streams_are_taken_of_the_prepared_clip(name: str):
    clip = torch.randn(1, 9, 25, 3)
    found = prepared(clip, stream=name, every=2)
    wanted = transforms.stream(prepared(clip, every=2), name, layouts.NTU25)
    torch.testing.assert_close(found, wanted)


def test_a_stream_leaves_the_score_to_its_rule():
    clip = torch.randn(1, 5, 25, 3)
    found = prepared(clip, stream="bone", coordinates=2, center=False)
    torch.testing.assert_close(found, transforms.stream(clip, "bone", layouts.NTU25, coordinates=2))


def test_moments_come_after_all_and_are_of_seen_joints_and_no_padding():
    clip = torch.randn(1, 9, 25, 3)
    clip[0, 4, 3] = torch.nan
    found = prepared(clip, every=2, stream="bone", clock=True, pad=[8, 1])
    assert torch.equal(found[..., :3], prepared(clip, every=2, stream="bone", pad=[8, 1]))
    moments = torch.tensor([0, 0.01, 0.02, 0.03, 0.04, 0, 0, 0])
    torch.testing.assert_close(found[0, :, 0, 3], moments)
    assert found[0, 2, 3, 3] == 0 and found[0, 2, 4, 3] > 0


def test_a_network_takes_the_channels_that_prepared_clips_have(tmp_path):
    data = DataOptions(root=str(tmp_path), performers=2, clock=True)
    graph = make_graph(layouts.NTU25, ModelOptions())
    clips = make_dataset(data, "train", graph)
    model = make_model(clips, ModelOptions(blocks=[[4, 1]]), graph)
    assert model.in_channels == 4 and model(clips[0]).isfinite().all()


def test_the_weights_of_a_network_follow_from_the_seed_alone(tmp_path):
    graph = make_graph(layouts.NTU25, ModelOptions())
    weights = []
    for rotate in (0.0, 0.3):  # by chance, in training clips
        data = DataOptions(root=str(tmp_path), performers=2, rotate=rotate)
        clips = make_dataset(data, "train", graph, training=True)
        torch.manual_seed(5)
        weights.append(make_model(clips, ModelOptions(blocks=[[4, 1]]), graph).classifier.weight)
    torch.manual_seed(5)
    weights.append(STGCN(3, clips.num_classes, graph, blocks=[(4, 1)]).classifier.weight)
    assert torch.equal(weights[0], weights[1]) and torch.equal(weights[0], weights[2])


def test_padding_comes_last_and_fills_with_zeros():
    clip = torch.randn(1, 5, 25, 3)
    clip[0, 2, 3] = torch.nan
    found = prepared(clip, pad=[8, 2], stream="joint_motion")
    assert found.shape == (2, 8, 25, 3) and not found.isnan().any()
    assert not found[1].any() and not found[:, 5:].any() and not found[0, 1:3, 3].any()
    torch.testing.assert_close(found[0, :5], prepared(clip, stream="joint_motion")[0].nan_to_num())


@pytest.mark.parametrize(("vary", "turned"), [(True, True), (False, False)])
def test_draws_of_a_test_clip_vary_frames_and_nothing_else(vary: bool, turned: bool):
    clip = torch.randn(1, 4, 25, 3).expand(1, 4, 25, 3)
    options = DataOptions(center=False, rotate=1.0, scale=0.5)
    found = Preparation(layouts.NTU25, options, vary)(clip, torch.Generator().manual_seed(0))
    assert torch.equal(found, clip) != turned


@pytest.mark.parametrize("preset", ["", "stgcn"])
def test_draws_that_would_be_equal_are_refused(preset: str, tmp_path):
    data = DataOptions(root=str(tmp_path), preset=preset)
    graph = make_graph(layouts.NTU25, ModelOptions())
    with pytest.raises(ValueError, match="10 draws of a clip are equal"):
        make_dataset(data, "test", graph, draws=10)


def test_edge_importance_can_be_left_at_one(tmp_path):
    data = SyntheticActions(tmp_path, performers=2)
    graph = make_graph(layouts.NTU25, ModelOptions())
    for learnt in (True, False):
        model = make_model(data, ModelOptions(blocks=[[4, 1]], edge_importance=learnt), graph)
        assert model.blocks[0].importance.weight.requires_grad == learnt
        assert all(p.requires_grad for n, p in model.named_parameters() if "importance" not in n)


def test_a_split_called_train_varies_only_when_it_is_trained_on(tmp_path):
    data = DataOptions(root=str(tmp_path), performers=2, rotate=0.5)
    graph = make_graph(layouts.NTU25, ModelOptions())
    clips = make_dataset(data, "train", graph)
    assert torch.equal(clips[0].x, clips[0].x)
    varied = make_dataset(data, "train", graph, training=True)
    assert not torch.equal(varied[0].x, varied[0].x)


def test_thinning_comes_before_sampling():
    keypoints = torch.arange(12.0).view(1, 12, 1, 1).expand(1, 12, 25, 3)
    thinned = prepared(keypoints, center=False, every=4, frames=3)
    assert thinned[0, :, 0, 0].tolist() == [0, 4, 8]


def test_the_graph_is_what_the_options_say():
    graph = make_graph(
        layouts.COCO17,
        ModelOptions(
            partition="distance", normalization="none", temporal="product", temporal_kernel=3,
            max_hop=2,
        ),
    )  # fmt: skip
    assert graph.num_subsets == 3 and graph.num_edge_types == 9
    assert bool((graph.edge_weight == 1).all())
    assert torch.equal(graph.edge_index, partition.neighborhood(layouts.COCO17, 2))


def test_presets_and_lists_of_blocks_make_networks(tmp_path):
    data = DataOptions(root=str(tmp_path), performers=2)
    graph = make_graph(layouts.NTU25, ModelOptions())
    dataset = make_dataset(data, "train", graph)
    assert len(make_model(dataset, ModelOptions(), graph).blocks) == 10
    small = make_model(dataset, ModelOptions(blocks="small"), graph)
    assert [block.norm.num_features for block in small.blocks] == [w for w, _ in SMALL_BLOCKS]
    assert small.strides == [stride for _, stride in SMALL_BLOCKS]
    assert make_model(dataset, ModelOptions(blocks=[[4, 1], [6, 3]]), graph).strides == [1, 3]


@pytest.mark.parametrize("blocks", [[], [[4]], [[4, 0]], "tiny"])
def test_wrong_blocks_are_named(tmp_path, blocks):
    data = DataOptions(root=str(tmp_path), performers=2)
    graph = make_graph(layouts.NTU25, ModelOptions())
    dataset = make_dataset(data, "train", graph)
    with pytest.raises(ValueError, match="blocks is ten, small, or a list"):
        make_model(dataset, ModelOptions(blocks=blocks), graph)


@pytest.mark.parametrize(
    "wrong",
    [
        {"frames": -1},
        {"rotate": -0.1},
        {"scale": -1.0},
        {"every": 0},
        {"name": "ntu"},
        {"pad": [3]},
    ],
)
def test_impossible_data_options_are_refused(tmp_path, wrong):
    graph = make_graph(layouts.NTU25, ModelOptions())
    with pytest.raises(ValueError, match=r"not negative|no data set|frames and persons"):
        make_dataset(replace(DataOptions(root=str(tmp_path)), **wrong), "train", graph)


def test_layouts_are_found_by_name_or_read_from_a_file(tmp_path):
    assert layout_by_name("ntu25") is layouts.NTU25
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(layouts.HAND21.to_dict()))
    assert layout_by_name(str(path)) == layouts.HAND21
    with pytest.raises(ValueError, match="no layout 'NTU26'; there are .*NTU25"):
        layout_by_name("NTU26")


def test_a_saved_config_holds_every_option():
    config = yaml.safe_load(config_text(TrainingOptions(epochs=3), data=DataOptions(every=2)))
    assert config["epochs"] == 3 and config["data"]["every"] == 2
    assert set(config) == set(TrainingOptions.__dataclass_fields__) | {"data"}


def test_every_data_set_can_be_named_with_the_layout_it_needs(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    annotations = [
        {"frame_dir": f"clip{n}", "label": n % 2, "keypoint": np.random.rand(1, 5, 17, 3)}
        for n in range(4)
    ]
    names = [annotation["frame_dir"] for annotation in annotations]
    content = {"split": {"a": names[:3], "b": names[3:]}, "annotations": annotations}
    (raw / "clips.pkl").write_bytes(pickle.dumps(content))
    data = DataOptions(name="pyskl", root=str(tmp_path), layout="COCO17", dtype="float16")
    graph = make_graph(make_layout(data), ModelOptions())
    clips = make_dataset(data, "a", graph, training=True)
    assert len(clips) == 3 and clips[0].num_nodes == 5 * 17
    assert clips.store.keypoints(0).dtype == np.float16 and clips.augment is not None
    assert make_layout(DataOptions(name="nw-ucla")) is layouts.UCLA20
    assert make_layout(DataOptions(name="kinetics")) is layouts.OPENPOSE18
    assert make_layout(DataOptions(name="stgcn-arrays")) is layouts.NTU25


@pytest.mark.parametrize(("name", "persons"), [("folder", 3), ("ntu60-xsub", 2)])
def test_predict_reads_as_many_bodies_as_the_data_set_did(tmp_path, name, persons):
    path = tmp_path / "S001C001P001R001A001.skeleton"
    write_skeleton_file(path, np.random.default_rng(0).normal(size=(3, 5, 25, 3)))
    model = SimpleNamespace(graph=make_graph(layouts.NTU25, ModelOptions()))
    clip = read_clip(path, SimpleNamespace(model=model), DataOptions(name=name))
    assert clip.clip.persons == persons
