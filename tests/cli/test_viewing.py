"""``stgraph view`` shows files as they are, or as a network sees them."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from stgraph import STGCN, SkeletonGraph, layouts, save_checkpoint
from stgraph.checkpoints import read_checkpoint
from stgraph.cli import main
from stgraph.cli.viewing import axes_of, make_scene
from stgraph.formats import write_skeleton_file
from stgraph.options import DataOptions

from ..formats.test_bvh import ARM, FRAMES

ALIGNED = ["spine base", "spine mid", "left shoulder", "right shoulder"]


@pytest.fixture
def clip(tmp_path):
    keypoints = torch.randn(1, 12, 25, 3, generator=torch.Generator().manual_seed(0)).numpy()
    keypoints[0, 4, 7] = np.nan
    np.save(tmp_path / "walk.npy", keypoints)
    return tmp_path / "walk.npy", torch.from_numpy(keypoints)


def asked(**options) -> Namespace:
    return Namespace(
        **{"layout": None, "fps": None, "view": "auto", "preset": None, "label": None, **options}
    )


def trained(folder: Path, layout=layouts.NTU25, channels: int = 3, **options):
    graph = SkeletonGraph.from_layout(layout, temporal_kernel=3)
    model = STGCN(channels, 4, graph, blocks=[(8, 1), (8, 2)])
    data = asdict(DataOptions(**options))
    save_checkpoint(model, folder / "net.ckpt", class_names=("a", "b", "c", "d"), data=data)
    return read_checkpoint(folder / "net.ckpt")


def test_a_file_is_shown_as_it_is(clip):
    scene = make_scene(clip[0], asked(), None)
    torch.testing.assert_close(scene.keypoints, clip[1], equal_nan=True)
    assert (scene.name, scene.view, scene.fps) == ("walk", "kinect", 30.0)
    assert scene.response is None and scene.class_shares is None


def test_a_file_that_knows_its_skeleton_needs_no_layout(tmp_path):
    (tmp_path / "jump.bvh").write_text("\n".join([ARM.rstrip(), *FRAMES]))
    scene = make_scene(tmp_path / "jump.bvh", asked(), None)
    assert scene.layout.joint_names == ("hip", "elbow", "hand") and scene.view == "y"
    assert scene.keypoints.shape[1] == 2 and scene.fps == pytest.approx(25)
    assert make_scene(tmp_path / "jump.bvh", asked(fps=60.0), None).fps == 60


@pytest.mark.parametrize(
    ("layout", "channels", "view", "wanted"),
    [
        ("COCO17", 3, "auto", ("image", 2)),
        ("H36M17", 2, "auto", ("image", 2)),
        ("H36M17", 3, "auto", ("y", 3)),
        ("H36M17", 3, "z", ("z", 3)),
    ],
)
def test_axes_follow_the_layout(layout, channels, view, wanted, tmp_path):
    np.save(tmp_path / "x.npy", np.ones((1, 3, 17, channels), "f4"))
    scene = make_scene(tmp_path / "x.npy", asked(layout=layout, view=view), None)
    assert (scene.view, scene.coordinates) == wanted


def test_a_network_sees_what_it_is_given_and_says_where_and_when(clip, tmp_path):
    checkpoint = trained(tmp_path, every=2, center=False)
    scene = make_scene(clip[0], asked(), checkpoint)
    torch.testing.assert_close(scene.keypoints, clip[1][:, ::2], equal_nan=True)
    assert scene.fps == 15 and scene.view == "kinect"
    assert scene.response.shape == (1, 6, 25)
    assert scene.response[0, 2, 7].isnan() and scene.response.isnan().sum() <= 2
    assert scene.class_names == ("a", "b", "c", "d")
    assert scene.class_frames.tolist() == [0, 2, 4] and scene.class_shares.shape == (3, 4)


def test_the_class_is_said_where_the_file_knows_it(clip, tmp_path):
    np.savez(tmp_path / "x.npz", keypoints=clip[1].numpy(), label=2)
    checkpoint = trained(tmp_path)
    assert make_scene(tmp_path / "x.npz", asked(), checkpoint).label == "c"
    assert make_scene(tmp_path / "x.npz", asked(), None).label == "number 2"
    assert make_scene(clip[0], asked(), checkpoint).label == ""
    named = tmp_path / "S001C001P001R001A004.skeleton"
    write_skeleton_file(named, clip[1].nan_to_num().numpy())
    assert make_scene(named, asked(), None).label == "A004"
    assert make_scene(named, asked(), checkpoint).label == "d"  # of a set with names like NTU's
    assert make_scene(named, asked(), trained(tmp_path, name="folder")).label == "A004"
    named = named.rename(tmp_path / "S001C001P001R001A999.skeleton")
    assert make_scene(named, asked(), checkpoint).label == "A999"
    named = named.rename(tmp_path / "mine.skeleton")
    assert make_scene(named, asked(), checkpoint).label == ""


def test_responses_are_for_the_class_that_is_asked_for(clip, tmp_path):
    checkpoint = trained(tmp_path)
    scenes = {name: make_scene(clip[0], asked(label=name), checkpoint) for name in "abcd"}
    assert [scene.speaks for scene in scenes.values()] == ["a", "b", "c", "d"]
    assert not scenes["a"].response.equal(scenes["b"].response)
    with pytest.raises(ValueError, match="no class 'e'; there are a, b, c, d"):
        make_scene(clip[0], asked(label="e"), checkpoint)


def test_of_bones_and_motion_the_joints_are_shown(clip, tmp_path):
    scene = make_scene(clip[0], asked(), trained(tmp_path, stream="bone", center=False))
    torch.testing.assert_close(scene.keypoints, clip[1], equal_nan=True)


def test_moments_are_no_coordinates(clip, tmp_path):
    scene = make_scene(clip[0], asked(), trained(tmp_path, channels=4, clock=True, center=False))
    torch.testing.assert_close(scene.keypoints, clip[1], equal_nan=True)


def test_aligned_clips_stand_along_z(clip, tmp_path):
    assert make_scene(clip[0], asked(), trained(tmp_path, align=ALIGNED)).view == "aligned"
    assert make_scene(clip[0], asked(view="y"), trained(tmp_path, align=ALIGNED)).view == "y"


def test_zeros_of_padded_clips_are_nobody(clip, tmp_path):
    scene = make_scene(clip[0], asked(), trained(tmp_path, pad=[16, 2]))
    assert scene.keypoints.shape == (2, 16, 25, 3) and scene.fps == 30
    assert scene.keypoints[1].isnan().all() and scene.keypoints[0, 12:].isnan().all()
    assert not scene.keypoints[0, :12].isnan().any()  # the centre, at zero, too


@pytest.mark.parametrize(
    ("preset", "frames", "persons", "view", "fps"),
    [
        ("stgcn", 12, 1, "kinect", 30),
        ("ctrgcn", 64, 1, "kinect", 160),  # 12 frames stretched to 64
        ("ctrgcn-120", 64, 2, "kinect", 160),
        ("agcn", 300, 1, "aligned", 30),
        ("pyskl", 100, 1, "aligned", 30),  # run through again and again
    ],
)
def test_clips_of_presets_stand_and_have_their_frames(
    preset, frames, persons, view, fps, clip, tmp_path
):
    scene = make_scene(clip[0], asked(), trained(tmp_path, preset=preset, center=False))
    assert scene.view == view and scene.fps == pytest.approx(fps)
    seen = scene.keypoints.isfinite().flatten(2).any(dim=2)
    assert seen[0].sum() == frames and seen.any(dim=1).sum() == persons


def test_clips_of_kinetics_that_were_turned_stand_along_y():
    keypoints = torch.zeros(1, 2, 18, 3)
    turned = DataOptions(preset="agcn-kinetics")
    assert axes_of(keypoints, layouts.OPENPOSE18, "auto", turned) == {"coordinates": 2, "view": "y"}
    assert axes_of(keypoints, layouts.OPENPOSE18, "auto")["view"] == "image"


def test_the_command_writes_one_page_of_several_clips(clip, tmp_path, capsys):
    trained(tmp_path)
    page = tmp_path / "deep" / "page.html"
    files = [str(clip[0]), str(clip[0])]
    network = ["--checkpoint", str(tmp_path / "net.ckpt")]
    assert main(["view", *files, *network, "-o", str(page)]) == 0
    assert page.read_text().count('"name": "walk"') == 2
    assert str(page) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--label", "a"], "--label would be without effect: give --checkpoint"),
        (["--preset", "pyskl"], "--preset would be without effect"),
        (["--layout", "NTU25", "--checkpoint", "x.ckpt"], "--layout would be without effect"),
        (["--fps", "0"], "above 0, not 0"),
        (["-o", "page.txt"], "an .html file, not page.txt"),
    ],
)
def test_what_would_be_without_effect_is_refused(options, words, clip, capsys):
    assert main(["view", str(clip[0]), *options]) == 1
    assert words in capsys.readouterr().err


def test_a_file_of_other_joints_is_refused(clip, capsys):
    assert main(["view", str(clip[0]), "--layout", "COCO17"]) == 1
    assert "17 joints, channels] of layout COCO17, found [1, 12, 25, 3]" in capsys.readouterr().err
