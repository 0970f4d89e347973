"""Random skeletons and clips, from which the property tests draw."""

from __future__ import annotations

from itertools import combinations

import hypothesis.strategies as st
import torch
from torch import Tensor

from stgraph.skeleton import SkeletonLayout


def layout_of(bones: list[tuple[int, int]], joints: int, center: int = 0) -> SkeletonLayout:
    return SkeletonLayout("drawn", tuple(f"j{i}" for i in range(joints)), tuple(bones), center)


@st.composite
def trees(draw: st.DrawFn, most: int = 9) -> SkeletonLayout:
    """Every joint but the first hangs on one before it."""
    joints = draw(st.integers(1, most))
    bones = [(child, draw(st.integers(0, child - 1))) for child in range(1, joints)]
    return layout_of(bones, joints, draw(st.integers(0, joints - 1)))


@st.composite
def skeletons(draw: st.DrawFn, most: int = 7) -> SkeletonLayout:
    """Any bones at all: cycles, several pieces, lonely joints, a single joint."""
    joints = draw(st.integers(1, most))
    pairs = list(combinations(range(joints), 2))
    bones = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return layout_of(bones, joints, draw(st.integers(0, joints - 1)))


@st.composite
def clips(draw: st.DrawFn, joints: int, frames: int = 6) -> tuple[Tensor, Tensor]:
    """Keypoints ``[M, T, V, C]`` and which of them were seen, at least one."""
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, frames)), joints)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    visible = torch.rand(shape, generator=generator) < draw(st.sampled_from([0.2, 0.7, 1.0]))
    visible[-1, -1, -1] |= not bool(visible.any())
    channels = draw(st.integers(1, 3))
    return torch.randn(*shape, channels, generator=generator), visible
