"""What mmaction2 0.x feeds to its network on NTU RGB+D.

Source: open-mmlab/mmaction2 0.x:tools/data/skeleton/gen_ntu_rgbd_raw.py, which has the steps of
2s-AGCN, and configs/skeleton/stgcn/stgcn_80e_ntu60_xsub_keypoint_3d.py, PaddingWithLoop(300).
"""

from __future__ import annotations

import torch
from torch import Tensor

from stgraph.presets import agcn
from stgraph.presets.steps import pad_loop
from stgraph.presets.stgcn import FRAMES


def ntu(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """As :func:`stgraph.presets.agcn.ntu`, the clip as a whole looped to 300: ``[2, 300, V, 3]``.

    There each person loops on its own; here frame i is frame i mod T of what the first T frames
    have become. ``generator`` is not used.

    Raises:
        ValueError: As :func:`stgraph.presets.agcn.ntu`, or if the clip has no frame.
    """
    return pad_loop(agcn.ntu(keypoints)[:, : keypoints.shape[1]], FRAMES)
