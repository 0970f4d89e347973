"""What files of many clips share: clips read when asked for, bare names, labels, zeros unseen."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.clip import Clip
from stgraph.formats.pickles import described
from stgraph.formats.refusal import refuse

_SUFFIXES = (".skeleton", ".json")
_MOST_CLASSES = 1 << 31


class LazyClips(Sequence[Clip]):
    """Clips that are read when asked for, by position."""

    @abstractmethod
    def _read(self, position: int) -> Clip:
        """The clip at a position from 0."""

    @overload
    def __getitem__(self, position: int, /) -> Clip: ...

    @overload
    def __getitem__(self, position: slice, /) -> list[Clip]: ...

    def __getitem__(self, position: int | slice, /) -> Clip | list[Clip]:
        if isinstance(position, slice):
            return [self._read(at) for at in range(len(self))[position]]
        return self._read(range(len(self))[position])


def bare_name(value: Any, source: str) -> str:
    """A clip's name without the suffix of the file that it once was.

    Raises:
        ValueError: If it is no text, empty, or has letters that cannot be shown.
    """
    if not isinstance(value, str) or not value.isprintable() or not value.strip():
        refuse(source, "a name", described(value), "Give the clip a name.")
    name = str(value)
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix) or name
    return name


def class_label(value: Any, source: str) -> int | None:
    """A class from 0; ``None`` if there is none, which may be written as ``None`` or -1.

    Raises:
        ValueError: If it is anything but a whole number from -1.
    """
    if value is None:
        return None
    if not is_class(value):
        refuse(source, "a class, a whole number from 0", described(value), "Correct the label.")
    return None if value == -1 else int(value)


def is_class(value: Any) -> bool:
    """Whether it is a whole number from -1, which stands for none."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return whole and -1 <= int(value) < _MOST_CLASSES


def zeros_unseen(values: NDArray[Any]) -> NDArray[np.float32]:
    """``[..., V, C]`` as float32, with NaN for joints that are exactly 0 in all channels."""
    with np.errstate(over="ignore", invalid="ignore"):  # Clip refuses what became infinite
        keypoints = np.array(values, dtype=np.float32, order="C")
    keypoints[(keypoints == 0).all(axis=-1)] = np.nan
    return keypoints


def zeros_absent(values: NDArray[Any]) -> NDArray[np.float32]:
    """``[..., V, C]`` as float32, with NaN where all joints of a person are exactly 0 in a frame.

    For clips that were centred: there a joint at 0 is the centre, not one that was lost.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        keypoints = np.array(values, dtype=np.float32, order="C")
    keypoints[(keypoints == 0).all(axis=(-2, -1))] = np.nan
    return keypoints


def without_padding(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    """``[M, T, V, C]`` without persons that are never seen and without empty frames at the end."""
    seen: NDArray[np.bool_] = np.logical_not(np.isnan(keypoints).all(axis=(2, 3)))
    frames = np.flatnonzero(seen.any(axis=0))
    end = int(frames[-1]) + 1 if len(frames) else 0
    return keypoints[seen.any(axis=1), :end]
