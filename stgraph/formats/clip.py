"""What every reader gives, whatever the file was: one clip, checked (Clip)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.refusal import refuse
from stgraph.skeleton import SkeletonLayout

Fact = int | float | str
RESERVED = ("name", "label", "persons", "frames", "offset", "splits")  # what all clips have


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip out of a file or an array: the one door that all readers end in.

    Attributes:
        name: What the clip is called, unique in its data set.
        keypoints: ``[M, T, V, C]`` float32: persons, frames, joints, channels. A joint that was not
            seen is NaN in all channels, a person absent from a frame NaN in all joints.
        label: The class, 0-based; ``None`` if the file does not say.
        splits: The parts of the data set that the clip itself says it belongs to.
        facts: Whatever else is known, by name: subject, camera ...
        layout: The skeleton, if the format knows it.
        source: Where the clip was found, for messages.

    Raises:
        ValueError: If the shape is not ``[M, T, V, C]`` or not the layout's, a coordinate is
            infinite, a joint is NaN in some channels only, nothing was seen at all, or the label is
            negative.
    """

    name: str
    keypoints: NDArray[np.float32]
    label: int | None = None
    splits: tuple[str, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    layout: SkeletonLayout | None = None
    source: str = ""

    def __post_init__(self) -> None:
        source, keypoints = self.source or f"Clip '{self.name}'", self.keypoints
        if keypoints.dtype != np.float32:
            with np.errstate(over="ignore"):  # what is too large is refused as infinite
                object.__setattr__(self, "keypoints", keypoints.astype(np.float32))
        if self.label is not None and self.label < 0:
            refuse(source, "a label from 0 on, or None", f"{self.label}", "Count classes from 0.")
        joints = "joints" if self.layout is None else f"{self.layout.num_joints} joints"
        fits = keypoints.ndim == 4 and keypoints.shape[3] > 0
        if not fits or (self.layout and keypoints.shape[2] != self.layout.num_joints):
            expected = f"keypoints [persons, frames, {joints}, channels]"
            refuse(source, expected, f"shape {list(keypoints.shape)}", "Check the layout.")
        taken = [name for name in self.facts if name in RESERVED]
        if taken:
            expected = f"facts not called {', '.join(RESERVED)}"
            refuse(source, expected, f"'{taken[0]}'", "Give that fact, or column, another name.")
        self._check_joints(source)

    def _check_joints(self, source: str) -> None:
        lost = np.isnan(self.keypoints)
        whole: NDArray[np.bool_] = lost.any(axis=-1) == lost.all(axis=-1)
        if np.isinf(self.keypoints).any() or not whole.all():
            refuse(
                source,
                "joints that are finite in all channels, or NaN in all if not seen",
                "infinite or half-missing ones",
                "Set joints that were not seen to NaN altogether.",
            )
        if lost.all():
            found = f"nobody in {self.keypoints.shape[1]} frames"
            refuse(source, "at least one joint that is seen", found, "Leave the clip out.")
