"""How released programs prepare their clips, as named presets.

The released programs know no NaN: **zero means not there**. A preset takes keypoints ``[M, T, V,
C]`` as our readers give them, NaN where a joint was not seen or a body is absent, and returns the
array that the program feeds to its network, ``[M', T', V, C]`` without NaN, zeros included. With
a generator it is the random form that training uses, without one the form of testing::

    preset = PRESETS["ctrgcn"]
    clips = NTURGBD(root, bodies=preset.bodies, keypoint_transform=preset.prepare)

A padded zero is a joint at the origin to such a network, so its clips are dense.

================ ================ ======== ==================================================
preset           result           bodies   the program
================ ================ ======== ==================================================
stgcn            2 x 300          position st-gcn, mmskeleton on NTU RGB+D
stgcn-kinetics   2 x 300 or 150   position the same on Kinetics-Skeleton
agcn             2 x 300          position 2s-AGCN, MS-G3D, continual-skeletons on NTU RGB+D
agcn-kinetics    2 x 300 or 150   position the same on Kinetics-Skeleton: y upwards
mmaction2-0.x    2 x 300          position mmaction2 0.x on NTU RGB+D
ctrgcn           2 x 64           all      CTR-GCN and those after it on NTU RGB+D 60
ctrgcn-120       2 x 64           all      the same on NTU RGB+D 120: one person twice
pyskl            2 x 100          all      pyskl on NTU RGB+D, 3-D
pyskl-vanilla    2 x 300          all      the same for its plain ST-GCN
pyskl-2d         2 x 100          all      pyskl on 2-D key points
================ ================ ======== ==================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from stgraph.presets import agcn, ctrgcn, mmaction2, pyskl, stgcn
from stgraph.presets.sampling import clips_for_testing, training_clip, uniform_sample
from stgraph.presets.steps import pad_loop, pad_zeros, rotation_onto, slots, turn_upright, zero_fill
from stgraph.presets.streams import (
    BONES_COCO,
    BONES_NTU,
    BONES_OPENPOSE,
    BONES_UCLA,
    bone_stream,
    motion_stream,
    program_stream,
)
from stgraph.skeleton import SkeletonLayout


class Prepare(Protocol):
    """The one signature of presets."""

    def __call__(
        self, keypoints: Tensor, *, generator: torch.Generator | None = None
    ) -> Tensor: ...


class Preset(NamedTuple):
    """One way of preparing clips, and what it is meant for.

    Attributes:
        prepare: From keypoints ``[M, T, V, C]`` with NaN to ``[M', T', V, C]`` without.
        bodies: What the rows must be: ``"position"`` the bodies of a frame in the order of the
            file, ``"all"`` all bodies by their id, ``"two"`` the two of these that move most; the
            keyword ``bodies`` of :class:`stgraph.datasets.NTURGBD`.
        joints: How many joints the program's skeleton has; ``None`` for any.
        channels: How many channels it works on.
        source: The program.
        random: Whether ``generator`` is used: training sees what testing does not.
        steps: ``prepare`` in two steps, where the program makes bones and motion between them.
        score: Whether the third channel of a bone or a motion is the mean of its two scores.
        upright: Which way bodies stand in what it returns, if it turns them: ``"aligned"`` along z
            with the right shoulder towards x, or ``"y"`` upwards.
        stretches: Whether clips with fewer frames than it returns are stretched in time.
    """

    prepare: Prepare
    bodies: Literal["two", "all", "position"]
    joints: int | None
    channels: int
    source: str
    random: bool = False
    steps: tuple[Callable[[Tensor], Tensor], Prepare] | None = None
    score: bool = False
    upright: Literal["aligned", "y"] | None = None
    stretches: bool = False

    def prepare_stream(
        self,
        keypoints: Tensor,
        name: str,
        layout: SkeletonLayout,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Joints, bones or motion, made where the program makes them and as it pairs joints.

        pyskl makes them before it samples or pads, 2s-AGCN before it moves clips of Kinetics,
        others of what they feed to their networks. st-gcn knows no bones: its are 2s-AGCN's.

        Args:
            keypoints: As for ``prepare``.
            name: One of :data:`stgraph.transforms.STREAMS`.
            layout: The skeleton. Of joints that programs know bones are their pairs, see
                :func:`program_stream`.
            generator: As for ``prepare``.

        Raises:
            ValueError: As ``prepare``, or if there is no such stream.
        """
        if self.steps is None:
            prepared = self.prepare(keypoints, generator=generator)
            return program_stream(prepared, name, layout, score=self.score)
        first, second = self.steps
        clip = program_stream(first(keypoints), name, layout, score=self.score)
        return second(clip, generator=generator)


def check_preset(name: str, joints: int, channels: int) -> None:
    """Raise :class:`ValueError` unless a preset is meant for such keypoints."""
    preset = PRESETS[name]
    if (preset.joints or joints, preset.channels) != (joints, channels):
        expected = f"{preset.joints or 'any number of'} joints and {preset.channels} channels"
        raise ValueError(
            f"The preset '{name}' is for {expected}, these clips have {joints} joints and "
            f"{channels} channels; presets.PRESETS lists what others are for."
        )


# fmt: off
PRESETS: dict[str, Preset] = {
    "stgcn": Preset(
        stgcn.ntu, "position", 25, 3, "yysijie/st-gcn:tools/ntu_gendata.py"),
    "stgcn-kinetics": Preset(
        stgcn.kinetics, "position", 18, 3, "yysijie/st-gcn:tools/kinetics_gendata.py",
        random=True),
    "agcn": Preset(
        agcn.ntu, "position", 25, 3, "lshiwjx/2s-AGCN:data_gen/ntu_gendata.py",
        upright="aligned"),
    "agcn-kinetics": Preset(
        agcn.kinetics, "position", 18, 3, "lshiwjx/2s-AGCN:data_gen/kinetics_gendata.py",
        random=True, steps=(agcn.kinetics_stored, stgcn.kinetics_window), upright="y"),
    "mmaction2-0.x": Preset(
        mmaction2.ntu, "position", 25, 3,
        "open-mmlab/mmaction2 0.x:tools/data/skeleton/gen_ntu_rgbd_raw.py",
        upright="aligned"),
    "ctrgcn": Preset(
        ctrgcn.ntu60, "all", 25, 3, "Uason-Chen/CTR-GCN:data/ntu/ and feeders/",
        random=True, stretches=True),
    "ctrgcn-120": Preset(
        ctrgcn.ntu120, "all", 25, 3, "Uason-Chen/CTR-GCN:data/ntu120/ and feeders/",
        random=True, stretches=True),
    "pyskl": Preset(
        pyskl.ntu, "all", 25, 3,
        "kennymckormick/pyskl:configs/stgcn/stgcn_pyskl_ntu60_xsub_3dkp/j.py",
        random=True, steps=(pyskl.ntu_normalized, pyskl.sampled), upright="aligned"),
    "pyskl-vanilla": Preset(
        pyskl.vanilla, "all", 25, 3,
        "kennymckormick/pyskl:configs/stgcn/stgcn_vanilla_ntu60_xsub_3dkp/j.py",
        steps=(pyskl.ntu_normalized, pyskl.padded), upright="aligned"),
    "pyskl-2d": Preset(
        pyskl.image, "all", None, 3,
        "kennymckormick/pyskl:configs/stgcn/stgcn_pyskl_ntu60_xsub_hrnet/j.py",
        random=True, steps=(pyskl.image_normalized, pyskl.sampled), score=True),
}
# fmt: on

__all__ = [
    "PRESETS",
    "Preset",
    "check_preset",
    "agcn",
    "ctrgcn",
    "mmaction2",
    "pyskl",
    "stgcn",
    "zero_fill",
    "slots",
    "pad_zeros",
    "pad_loop",
    "rotation_onto",
    "turn_upright",
    "uniform_sample",
    "clips_for_testing",
    "training_clip",
    "BONES_NTU",
    "BONES_OPENPOSE",
    "BONES_COCO",
    "BONES_UCLA",
    "bone_stream",
    "motion_stream",
    "program_stream",
]
