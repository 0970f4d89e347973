"""What pyskl feeds to its networks.

Source: kennymckormick/pyskl:tools/data/ntu_preproc.py for the stored NTU RGB+D skeletons,
pyskl/datasets/pipelines/pose_related.py and sampling.py for what is done when they are read.

Stored coordinates are float16, and pyskl goes on computing with that when it centres a clip and
measures its first turn. So do these.

Bones and motion are made before frames are sampled, of the result of :func:`ntu_normalized` or
:func:`image_normalized`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stgraph.presets.actors import (
    bodies_by_id,
    by_motion,
    two_actors,
    without_ghosts,
    without_short,
)
from stgraph.presets.sampling import clips_for_testing, training_clip
from stgraph.presets.steps import SHOULDERS, check_clip, pad_zeros, turn_upright, zero_fill

PERSONS = 2
VANILLA_FRAMES = 300  # configs/stgcn/stgcn_vanilla_ntu60_xsub_3dkp/j.py, PadTo
OVERLAP = 0  # frames that two bodies of one actor may share
EMPTY = 1e-3  # ntu_preproc.py, eps: the least sum of absolute coordinates of a frame or joint
CLOSE = 1e-8  # numpy.isclose to 0
CENTER = 1  # NTU-25: spine mid
WIDTH, HEIGHT, THRESHOLD = 1920, 1080, 0.01  # PreNormalize2D


def ntu(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """Two actors, centred and turned once, sampled to 100 frames: ``[2, 100, V, 3]``.

    Args:
        keypoints: ``[M, T, V, 3]``, rows are all bodies of the file by id, joints as on NTU-25.
        generator: With one, as for training, random frames; otherwise the first of pyskl's test
            clips (:func:`~stgraph.presets.sampling.clips_for_testing` gives all ten).

    Raises:
        ValueError: If there are not three channels and at least nine joints, if nobody is seen,
            or if of several bodies none is seen in more than 11 frames, or none taller than wide.
    """
    return sampled(ntu_normalized(keypoints), generator=generator)


def vanilla(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """As :func:`ntu`, but all frames, and zeros to 300: ``[2, 300, V, 3]``.

    Training sees what testing sees, so ``generator`` is not used.

    Raises:
        ValueError: As :func:`ntu`, or if more than 300 frames are left.
    """
    return padded(ntu_normalized(keypoints))


def image(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """The first two persons around the middle of the image, sampled: ``[2, 100, V, C]``.

    Args:
        keypoints: ``[M, T, V, C]``: x and y in pixels of a 1920 x 1080 image, and perhaps a score.
            For another image call :func:`pre_normalize_2d`.
        generator: As for :func:`ntu`.

    Raises:
        ValueError: If there are not two or three channels, or no frame.
    """
    return sampled(image_normalized(keypoints), generator=generator)


def ntu_normalized(keypoints: Tensor) -> Tensor:
    """What :func:`ntu` samples, and what its bones and motion are made of: ``[1 or 2, T', V, 3]``.

    Raises:
        ValueError: As :func:`ntu`.
    """
    check_clip(keypoints, "pyskl", channels=(3,), joints=max(SHOULDERS) + 1)
    clip = pre_normalize_3d(denoise(zero_fill(keypoints)).half())
    return clip.to(keypoints.dtype)


def image_normalized(keypoints: Tensor) -> Tensor:
    """What :func:`image` samples, and what its bones and motion are made of: ``[M, T, V, C]``.

    Raises:
        ValueError: As :func:`image`.
    """
    check_clip(keypoints, "pyskl-2d", channels=(2, 3))
    return pre_normalize_2d(zero_fill(keypoints))


def sampled(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """100 frames of the first two persons, ``[2, 100, V, C]``: the last steps."""
    if generator is None:
        return two_persons(clips_for_testing(keypoints, clips=1)[0])
    return two_persons(training_clip(keypoints, generator=generator))


def denoise(keypoints: Tensor) -> Tensor:
    """The one or two actors of a clip, ``[1 or 2, T', V, 3]``, as pyskl stores them.

    As :func:`stgraph.presets.ctrgcn.denoise`, but: two bodies of an actor share no frame; the
    last ghost is not spared; frames that show nobody are dropped at both ends only; and the
    actors change places if only the second one has joint 1 in the first frame.
    """
    bodies, frames = bodies_by_id(keypoints)
    if len(bodies) > 1:
        bodies = without_short(by_motion(bodies))
    if len(bodies) > 1:
        bodies = by_motion(without_ghosts(bodies, spare_last=False))
    if len(bodies) == 1:
        return bodies[0].points[None]
    clip = _trim(two_actors(bodies, frames, overlap=OVERLAP))
    first, second = (clip[:, 0, CENTER].abs().sum(dim=1)).tolist()
    return clip.flip(0) if first < EMPTY < second else clip


def padded(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """The clip with zeros to two persons and 300 frames: the last step of :func:`vanilla`."""
    return pad_zeros(keypoints, VANILLA_FRAMES, persons=PERSONS)


def pre_normalize_3d(keypoints: Tensor) -> Tensor:
    """The clip of its main person, who comes first, starts at the origin and faces one way.

    The main person is the one who is there in more frames; frames without that person are
    dropped. Joint 1 of the main person in the first frame left (of other than 25 joints the last
    one) becomes the origin, joints at zero stay, and the clip is turned by that frame.

    Args:
        keypoints: ``[M, T, V, 3]`` of at most two persons; float16 as pyskl stores them, or
            wider.

    Returns:
        ``[M, T', V, 3]``, float32 for float16.

    Raises:
        ValueError: If there are more.

    Source: PreNormalize3D.
    """
    if len(keypoints) > PERSONS:
        raise ValueError(
            f"Expected at most {PERSONS} persons, found {len(keypoints)}; choose them with "
            "presets.pyskl.denoise or transforms.keep_persons."
        )
    filled = (keypoints.abs() > CLOSE).flatten(2).any(dim=2)
    if not bool(filled.any()):
        return keypoints.clone()
    main = int(filled.sum(dim=1).argmax())  # of equals the first
    order = [main, *(person for person in range(len(keypoints)) if person != main)]
    clip = keypoints[order][:, filled[main]]
    center = CENTER if clip.shape[2] == 25 else -1
    moved = clip - clip[0, 0, center]
    return turn_upright(torch.where(clip.ne(0).any(dim=3, keepdim=True), moved, 0.0))


def pre_normalize_2d(
    keypoints: Tensor, *, width: int = WIDTH, height: int = HEIGHT, threshold: float = THRESHOLD
) -> Tensor:
    """Keypoints with x and y from -1 to 1 across the image, but 0 where the score is low.

    Without a third channel nothing is set to 0, and (0, 0) becomes (-1, -1).

    Args:
        keypoints: ``[M, T, V, 2 or 3]``: x and y in pixels, and perhaps a score.
        width: Of the image, in pixels.
        height: Of the image, in pixels.
        threshold: A score that is not above it is low.

    Source: PreNormalize2D(mode="fix").
    """
    half = keypoints.new_tensor([width / 2, height / 2])
    plane = (keypoints[..., :2] - half) / half
    if keypoints.shape[3] == 2:
        return plane
    score = keypoints[..., 2:]
    return torch.cat([torch.where(score > threshold, plane, 0.0), score], dim=3)


def two_persons(keypoints: Tensor) -> Tensor:
    """The first two persons, zeros for those that are missing: ``[2, T, V, C]``."""
    return pad_zeros(keypoints[:PERSONS], keypoints.shape[1], persons=PERSONS)


def _trim(clip: Tensor) -> Tensor:
    """The frames from the first to the last that shows somebody."""
    filled = (clip.abs().sum(dim=(0, 2, 3)) >= EMPTY).nonzero().flatten()
    return clip[:, int(filled[0]) : int(filled[-1]) + 1]
