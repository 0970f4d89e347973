"""Joints, frames and persons lost at random: NaN, so that their nodes vanish from the graph.

Shapes stay, and what is not lost stays as it is. Of what was seen something is always left: of
those that could be lost, one drawn by lot never is. That changes the odds only where all would
have been lost. Without a generator torch's own is drawn from.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stgraph.transforms.chance import fraction
from stgraph.transforms.checks import axes, check_share
from stgraph.transforms.places import visible


def drop_joints(
    keypoints: Tensor, share: float, *, generator: torch.Generator | None = None
) -> Tensor:
    """Each joint of each person is lost for the whole clip with the probability ``share``.

    Each person who was seen keeps at least one joint that was. Single joints, where the occluded
    clips of Song et al., RA-GCN (2020), lack whole parts of the body.

    Raises:
        ValueError: If the share is not from 0 to 1.
    """
    persons, frames, joints, channels = axes(keypoints)
    seen = visible(keypoints).any(dim=1)
    lost = _lost(seen, share, generator)
    return keypoints.masked_fill(lost[:, None, :, None], torch.nan)


def drop_frames(
    keypoints: Tensor, share: float, *, generator: torch.Generator | None = None
) -> Tensor:
    """Each frame is lost for all persons with the probability ``share``; its place in time stays.

    At least one frame that shows somebody is left.

    Raises:
        ValueError: If the share is not from 0 to 1.
    """
    axes(keypoints)
    seen = visible(keypoints).any(dim=2).any(dim=0)
    lost = _lost(seen, share, generator)
    return keypoints.masked_fill(lost[:, None, None], torch.nan)


def drop_persons(
    keypoints: Tensor, share: float, *, generator: torch.Generator | None = None
) -> Tensor:
    """Each person is lost for the whole clip with the probability ``share``; the row stays.

    At least one person who was seen is left.

    Raises:
        ValueError: If the share is not from 0 to 1.
    """
    axes(keypoints)
    seen = visible(keypoints).flatten(1).any(dim=1)
    lost = _lost(seen, share, generator)
    return keypoints.masked_fill(lost[:, None, None, None], torch.nan)


def _lost(seen: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Which are lost, bool like ``seen``; in each row not the seen one with the greatest draw."""
    check_share(share)
    draw = fraction(*seen.shape, generator=generator).to(seen.device)
    spared = draw.where(seen, -1.0).argsort(dim=-1)[..., -1:]
    return (draw < share).scatter(-1, spared, False)
