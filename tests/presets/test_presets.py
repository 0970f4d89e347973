"""What holds for every preset: no NaN, its shape, its input untouched, chance by the generator."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stgraph import SkeletonGraph, layouts, presets, transforms
from stgraph.datasets import SyntheticActions
from stgraph.presets import PRESETS, check_preset

from .material import NAN, body, seeded

TESTING = dict.fromkeys(PRESETS, 300) | {
    "ctrgcn": 64,
    "ctrgcn-120": 64,
    "pyskl": 100,
    "pyskl-2d": 100,
}
TRAINING = TESTING | {"stgcn-kinetics": 150, "agcn-kinetics": 150}
RANDOM = {"stgcn-kinetics", "agcn-kinetics", "ctrgcn", "ctrgcn-120", "pyskl", "pyskl-2d"}
STREAMS_FIRST = {"pyskl", "pyskl-2d", "pyskl-vanilla"}  # before frames are sampled or padded
SKELETONS = {25: layouts.NTU25_PYSKL, 18: layouts.OPENPOSE18, 17: layouts.COCO17_CYCLIC}
EVERY = pytest.mark.parametrize("name", PRESETS)


def clip_for(name: str, *, persons: int = 2, frames: int = 40, seed: int = 0) -> Tensor:
    """A clip ``[M, T, V, 3]`` fit for a preset, with lost joints and absent bodies."""
    joints = PRESETS[name].joints or 17
    clip = torch.stack([body(frames, seed=seed + row) for row in range(persons)])[:, :, :joints]
    if joints < 25:
        clip[..., 2] = torch.rand(persons, frames, joints, generator=seeded(seed))
    lost = torch.rand(persons, frames, joints, generator=seeded(seed + 1)) < 0.1
    lost[:, :, :13] &= joints < 25  # a body that lost its spine cannot be turned by it
    clip[lost] = NAN
    clip[1:, : frames // 4] = NAN
    return clip


@EVERY
@settings(deadline=None, max_examples=8)
@given(st.integers(1, 4), st.integers(12, 120), st.integers(0, 999))
def test_a_preset_returns_two_persons_without_nan(
    name: str, persons: int, frames: int, seed: int
) -> None:
    clip = clip_for(name, persons=persons, frames=frames, seed=seed)
    before = clip.clone()
    for generator, length in ((None, TESTING[name]), (seeded(seed), TRAINING[name])):
        given = PRESETS[name].prepare(clip, generator=generator)
        assert given.shape == (2, length, *clip.shape[2:]) and given.dtype == clip.dtype
        assert bool(given.isfinite().all()) and bool(given.any())
        given.fill_(7.0)
        assert torch.equal(clip.nan_to_num(), before.nan_to_num()), "the input was changed"
        assert torch.equal(clip.isnan(), before.isnan())


@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_preset_keeps_the_type_of_number(name: str, dtype: torch.dtype) -> None:
    clip = clip_for(name)
    given = PRESETS[name].prepare(clip.to(dtype))
    assert given.dtype == dtype
    torch.testing.assert_close(given.float(), PRESETS[name].prepare(clip), atol=1e-5, rtol=0)


@EVERY
def test_chance_comes_from_the_generator_alone_and_only_into_training(name: str) -> None:
    clip, prepare = clip_for(name, frames=120), PRESETS[name].prepare
    first = prepare(clip, generator=seeded(1))
    torch.rand(3)
    assert torch.equal(prepare(clip, generator=seeded(1)), first)
    assert torch.equal(prepare(clip), prepare(clip))
    others = [prepare(clip, generator=seeded(seed)) for seed in (2, 3)]
    assert any(not torch.equal(other, first) for other in others) == (name in RANDOM)
    if name not in RANDOM:
        assert torch.equal(prepare(clip), first)
    assert PRESETS[name].random == (name in RANDOM)


def stream(clip: Tensor, name: str, of: str, **options: Any) -> Tensor:
    return PRESETS[name].prepare_stream(clip, of, SKELETONS[clip.shape[2]], **options)


@EVERY
@pytest.mark.parametrize("seed", [None, 4])
def test_the_joint_stream_is_the_prepared_clip(name: str, seed: int | None) -> None:
    clip = clip_for(name, frames=120)
    wanted, found = (
        call(clip, generator=None if seed is None else seeded(seed))
        for call in (PRESETS[name].prepare, partial(stream, name=name, of="joint"))
    )
    assert torch.equal(found, wanted)


@EVERY
def test_motion_is_of_neighbouring_frames_of_what_the_program_has_when_it_makes_it(
    name: str,
) -> None:
    clip = clip_for(name, frames=250, persons=1)  # of which pyskl takes every second or third
    motion = stream(clip, name, "joint_motion")
    steps = PRESETS[name].prepare(clip).diff(dim=1)
    channels = 2 if PRESETS[name].score else 3
    same = torch.allclose(motion[:, :-1, :, :channels], steps[..., :channels], atol=1e-5)
    assert same == (name not in STREAMS_FIRST)


def test_pyskl_samples_the_motion_of_the_whole_clip() -> None:
    clip = clip_for("pyskl", frames=250, persons=1)
    whole = presets.motion_stream(presets.pyskl.ntu_normalized(clip))
    wanted = presets.clips_for_testing(whole, clips=1)[0]
    assert torch.equal(stream(clip, "pyskl", "joint_motion")[:1], wanted)


def test_pyskl_pads_motion_that_ends_with_the_clip() -> None:
    clip = clip_for("pyskl-vanilla", frames=40, persons=1)
    assert not stream(clip, "pyskl-vanilla", "joint_motion")[:, 39:].any()


def test_agcn_moves_the_bones_of_kinetics_and_not_its_joints() -> None:
    clip, bones = clip_for("agcn-kinetics", frames=200), presets.BONES_OPENPOSE
    kept = presets.bone_stream(presets.agcn.kinetics_stored(clip), bones)
    wanted = presets.stgcn.kinetics_window(kept, generator=seeded(5))
    assert torch.equal(stream(clip, "agcn-kinetics", "bone", generator=seeded(5)), wanted)


@pytest.mark.parametrize(
    ("name", "child", "parent"), [("pyskl", 21, 22), ("pyskl-2d", 11, 0), ("ctrgcn", 23, 24)]
)
def test_bones_are_paired_as_the_program_does(name: str, child: int, parent: int) -> None:
    """It may join other joints in its graph."""
    clip = clip_for(name, persons=1).nan_to_num(1.0)
    joints, bones = PRESETS[name].prepare(clip), stream(clip, name, "bone")
    wanted = joints[0, :, child] - joints[0, :, parent]
    if name == "pyskl-2d":  # its third channel is a score
        wanted[:, 2] = (joints[0, :, child, 2] + joints[0, :, parent, 2]) / 2
    torch.testing.assert_close(bones[0, :, child], wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("channels", [2, 3])
def test_bones_of_joints_that_no_program_knows_are_those_of_the_layout(channels: int) -> None:
    layout, preset = layouts.H36M17, PRESETS["pyskl-2d"]
    clip = torch.rand(1, 100, 17, channels)
    found = preset.prepare_stream(clip, "bone", layout)[:1]
    joints = preset.prepare(clip)[:1]
    wanted = transforms.stream(joints, "bone", layout, coordinates=2)
    torch.testing.assert_close(found, wanted)


def test_a_stream_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no stream 'legs'; there are joint, bone"):
        stream(clip_for("ctrgcn"), "ctrgcn", "legs")


@EVERY
def test_a_preset_refuses_keypoints_of_one_person_without_its_axis(name: str) -> None:
    with pytest.raises(ValueError, match=r"\[persons, frames, joints, channels\]"):
        PRESETS[name].prepare(clip_for(name)[0])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("synthetic")


@pytest.mark.parametrize("name", [name for name in PRESETS if PRESETS[name].joints == 25])
def test_a_preset_prepares_the_clips_of_a_data_set(name: str, root: Path) -> None:
    preset = PRESETS[name]
    clips = SyntheticActions(
        root,
        performers=2,
        bodies=preset.bodies,
        graph=SkeletonGraph.from_layout(layouts.NTU25),
        keypoint_transform=preset.prepare,
    )
    one_person = clips[0]
    assert one_person.num_nodes == 2 * TESTING[name] * 25
    assert bool(one_person.x.isfinite().all())


@pytest.mark.parametrize(("joints", "channels"), [(17, 3), (25, 2)])
def test_a_preset_is_refused_for_another_skeleton(joints: int, channels: int) -> None:
    check_preset("agcn", 25, 3)
    check_preset("pyskl-2d", joints, 3)
    with pytest.raises(ValueError, match=f"25 joints and 3 channels, .*{joints} joints and"):
        check_preset("agcn", joints, channels)
