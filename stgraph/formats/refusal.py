"""How readers refuse: what was expected, what was found, what to do; sizes before memory."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

MEMORY_FACTOR = 10  # a reader takes at most so many times the size of its file ...
MEMORY_FLOOR = 1 << 20  # ... and so many bytes, which small files may always take
IMPLAUSIBLE = "The file is damaged, or a few numbers in it are: mend it or leave it out."
DAMAGED = "The file is cut short or damaged: fetch it again or leave it out."


def refuse(source: str | Path, expected: str, found: str, remedy: str) -> NoReturn:
    """Say no, always in the same words.

    Args:
        source: The file, and the line or place in it, such as ``clip.json, data[3].skeleton[0]``.
        expected: What should stand there.
        found: What stands there.
        remedy: A sentence on what to do, with its full stop.

    Raises:
        ValueError: Always.
    """
    raise ValueError(f"{source}: expected {expected}, found {found}. {remedy}")


def shown(value: object, most: int = 60) -> str:
    """A value for a message, cut off."""
    if isinstance(value, list | dict):
        inside = value.values() if isinstance(value, dict) else value
        deep = any(isinstance(item, list | dict) for item in inside)
        if len(value) > 4 or deep or len(repr(value)) > most:
            return f"a {type(value).__name__} of {len(value)}"
    text = (
        f"a list of {len(value)}" if isinstance(value, np.ndarray) and value.ndim else repr(value)
    )
    return text if len(text) <= most else f"{text[:most]}..."


def read_bytes(path: str | Path) -> bytes:
    """All of a file.

    Raises:
        ValueError: If there is no such file, or it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        refuse(path, "a file that can be read", str(reason), "Check the path.")


def check_memory(
    source: str | Path, needed: int, file_size: int, what: str, remedy: str = IMPLAUSIBLE
) -> None:
    """Refuse to take memory that is out of proportion to the file.

    Args:
        source: As in :func:`refuse`.
        needed: Bytes that would be taken.
        file_size: Bytes of the file that they come from.
        what: What they are for, such as ``5 persons in 1000000000 frames``.
        remedy: As in :func:`refuse`.
    """
    allowed = MEMORY_FACTOR * file_size + MEMORY_FLOOR
    if needed > allowed:
        found = f"{what}, {needed:,} bytes"
        refuse(source, f"what {file_size:,} bytes can hold", found, remedy)


def nobody_yet(
    source: str | Path,
    shape: tuple[int, int, int, int],
    file_size: int,
    remedy: str = IMPLAUSIBLE,
) -> NDArray[np.float32]:
    """Keypoints ``[M, T, V, C]`` of NaN to fill in, if a file of that size may ask for them."""
    persons, frames, joints, channels = shape
    needed = 4 * math.prod(max(length, 1) for length in shape)
    check_memory(source, needed, file_size, f"{persons} persons in {frames} frames", remedy)
    return np.full(shape, np.nan, dtype=np.float32)
