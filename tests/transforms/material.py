"""What the tests of transforms share: clips with gaps, and every transform with its arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from hypothesis import strategies as st
from torch import Tensor

from stgraph import layouts, transforms

from ..draws import clips, layout_of

TAIL = layout_of([(1, 0), (2, 1), (3, 1)], joints=4)
COCO = layouts.COCO17
SIDELESS = layout_of([], joints=17)

Change = Callable[..., Tensor]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@st.composite
def spotted_clips(draw: st.DrawFn, channels: int = 3) -> Tensor:
    """Clips ``[M, T, 17, channels]`` with NaN where a joint was not seen."""
    visible = draw(clips(17))[1]
    keypoints = torch.randn(*visible.shape, channels, generator=seeded(draw(st.integers(0, 99))))
    return keypoints.where(visible[..., None], torch.nan)


def same(ours: Tensor, theirs: Tensor, tolerance: float = 0.0) -> bool:
    return torch.allclose(ours, theirs, rtol=0, atol=tolerance, equal_nan=True)


def lengths(keypoints: Tensor) -> Tensor:
    return transforms.bones(keypoints, COCO).norm(dim=-1)


def track(*values: float) -> Tensor:
    """One joint of one person with one coordinate, in as many frames."""
    return torch.tensor(values).view(1, -1, 1, 1)


# Called with keypoints [M, T, 17, 3] and generator=.
RANDOM_IN_PLACE: dict[str, Change] = {
    "random_rotation": partial(transforms.random_rotation, most=0.3),
    "random_scale": partial(transforms.random_scale, most=0.2),
    "random_shear": partial(transforms.random_shear, most=0.5),
    "random_translation": partial(transforms.random_translation, most=0.5),
    "random_move": partial(transforms.random_move, angle=0.2, scale=0.1, shift=0.2),
    "random_noise": partial(transforms.random_noise, sigma=0.1),
}
RANDOM_IN_TIME: dict[str, Change] = {
    "resample": partial(transforms.resample, frames=4),
    "sample_frames": partial(transforms.sample_frames, frames=4),
    "thin": partial(transforms.thin, step=2),
    "random_window": partial(transforms.random_window, frames=4),
    "crop_resize": partial(transforms.crop_resize, frames=4),
}
DROPPING: dict[str, Change] = {
    "drop_joints": partial(transforms.drop_joints, share=0.5),
    "drop_frames": partial(transforms.drop_frames, share=0.5),
    "drop_persons": partial(transforms.drop_persons, share=0.5),
}
RANDOM = {**RANDOM_IN_PLACE, **RANDOM_IN_TIME, **DROPPING}

# Called with keypoints alone.
IN_PLACE: dict[str, Change] = {
    "center": partial(transforms.center, joint=0),
    "align": partial(transforms.align, up=(11, 5), across=(5, 6)),
    "mirror": partial(transforms.mirror, layout=SIDELESS),
    "rotate": partial(transforms.rotate, angles=(0.1, 0.2, 0.3)),
}
OTHERS: dict[str, Change] = {
    "bones": partial(transforms.bones, layout=COCO),
    "motion": transforms.motion,
    "stream": partial(transforms.stream, name="bone_motion", layout=COCO, coordinates=2),
    "from_bones": lambda k: transforms.from_bones(k, k[:, :, 0], COCO),
    "from_motion": lambda k: transforms.from_motion(k, k[:, 0]),
    "mirror with partners": partial(transforms.mirror, layout=COCO),
    "resample evenly": partial(transforms.resample, frames=4),
    "thin from the first": partial(transforms.thin, step=2),
    "crop_resize the middle": partial(transforms.crop_resize, frames=4),
    "reverse": transforms.reverse,
    "clock": transforms.clock,
    "keep_persons": partial(transforms.keep_persons, most=2),
}


def _seeded(change: Change) -> Change:
    return lambda keypoints: change(keypoints, generator=seeded(1))


JOINTWISE = {**IN_PLACE, **{name: _seeded(change) for name, change in RANDOM_IN_PLACE.items()}}
EVERY = {**IN_PLACE, **OTHERS, **{name: _seeded(change) for name, change in RANDOM.items()}}
