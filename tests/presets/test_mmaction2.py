"""mmaction2 0.x: the steps of 2s-AGCN, then the whole clip again and again."""

from __future__ import annotations

import torch

from stgraph.presets import agcn, mmaction2

from .material import body, clip_of


def test_the_clip_is_looped_as_a_whole() -> None:
    clip = clip_of(40, (0, body(40)), (0, body(25, seed=1)))
    given, prepared = mmaction2.ntu(clip), agcn.ntu(clip)
    assert given.shape == (2, 300, 25, 3)
    for frame in (0, 39, 40, 83, 299):
        assert torch.equal(given[:, frame], prepared[:, frame % 40])
    assert not torch.equal(given, prepared), "there a person loops after 25 frames of its own"


def test_one_person_loops_as_in_2s_agcn() -> None:
    clip = clip_of(40, (0, body(40)))
    assert torch.equal(mmaction2.ntu(clip), agcn.ntu(clip))
