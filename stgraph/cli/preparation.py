"""What is done to the keypoints of a clip before its graph is made."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stgraph import transforms
from stgraph.options import DataOptions
from stgraph.presets import PRESETS, check_preset, pad_zeros, zero_fill
from stgraph.skeleton import SkeletonLayout


@dataclass(frozen=True)
class Preparation:
    """What is done to keypoints, in order: choose frames, centre, align, vary, subtract, pad.

    Random choices are made only with a generator, which is given to training clips.

    Attributes:
        layout: The skeleton.
        options: What is asked for.
        vary: Whether random choices are of turns and sizes too, or of frames alone.
    """

    layout: SkeletonLayout
    options: DataOptions
    vary: bool = True

    def __call__(self, keypoints: Tensor, generator: torch.Generator | None = None) -> Tensor:
        options, channels = self.options, self.options.coordinates or keypoints.shape[-1]
        if options.preset:
            check_preset(options.preset, self.layout.num_joints, keypoints.shape[-1])
            preset = PRESETS[options.preset]
            clip = preset.prepare_stream(
                keypoints, options.stream, self.layout, generator=generator
            )
        else:
            clip = self._prepare(keypoints, generator, channels)
            clip = transforms.stream(clip, options.stream, self.layout, coordinates=channels)
        if options.clock:
            clip = transforms.clock(clip)
        if not options.pad:
            return clip
        frames, persons = options.pad
        return pad_zeros(zero_fill(clip), frames, persons=persons)

    def _prepare(
        self, keypoints: Tensor, generator: torch.Generator | None, channels: int
    ) -> Tensor:
        options = self.options
        if options.every > 1:
            keypoints = transforms.thin(keypoints, options.every, generator=generator)
        if options.frames:
            keypoints = transforms.resample(keypoints, options.frames, generator=generator)
        points, score = keypoints[..., :channels], keypoints[..., channels:]
        return torch.cat([self._place(points, generator), score], dim=-1)

    def _place(self, points: Tensor, generator: torch.Generator | None) -> Tensor:
        options = self.options
        if options.center:
            points = transforms.center(points, self.layout.center)
        if options.align:
            bottom, top, left, right = (self.layout.index(name) for name in options.align)
            points = transforms.align(points, (bottom, top), (left, right))
        if generator is None or not self.vary:
            return points
        if options.rotate:
            points = transforms.random_rotation(points, options.rotate, generator=generator)
        if options.scale:
            points = transforms.random_scale(points, options.scale, generator=generator)
        return points
