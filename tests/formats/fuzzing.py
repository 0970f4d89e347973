"""Hostile files for every reader: a clip, or a `ValueError` with file and remedy, and nothing else.

`python -m tests.formats.fuzz` runs many inputs; `test_fuzz.py` runs a few of every case.
"""

from __future__ import annotations

import random
import re
import signal
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stgraph.formats import Clip
from stgraph.formats.refusal import MEMORY_FACTOR, MEMORY_FLOOR

SECONDS = 10  # no file of a few hundred kilobytes may take longer

EXTREMES = (
    *(b"0", b"-1", b"1", b"2", b"255", b"65536", b"999999999", b"2147483648"),
    *(b"18446744073709551616", b"1e999", b"-1e39", b"NaN", b"inf", b"null", b"true", b'""'),
    *(b"[]", b"{}", b"1" * 400, b"0.1.2", b"\xff\xfe", b"\x00", b"\r", b"\n", b" ", b"[" * 50),
)
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Case:
    """A reader under test.

    Attributes:
        name: Of the format.
        seeds: Makes valid files as bytes, small ones (real ones too, if given a folder with them).
        read: Reads the file at a path into clips. Formats of several files write the others there.
        suffix: Of the file.
    """

    name: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], Iterable[Clip]]
    suffix: str


def mutated(seeds: list[bytes], rng: random.Random) -> bytes:
    """One of the seeds, changed in one to four places."""
    data = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        data = rng.choice(_CHANGES)(data, seeds, rng)
    return data


def _flip(data: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _byte(data: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes([rng.randrange(256)]) + data[at + rng.randrange(2) :]


def _cut(data: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _remove(data: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.choice((1, 2, 4, 8, 64, 1024)) :]


def _repeat(data: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    at, length = rng.randrange(len(data) + 1), rng.choice((1, 4, 32, 256, 2048))
    return (
        data[: at + length] + data[at : at + length] * rng.choice((1, 1, 3)) + data[at + length :]
    )


def _splice(data: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    other = rng.choice(seeds)
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _number(data: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    """A number anywhere becomes an extreme one, or something that is none."""
    start = rng.randrange(len(data) + 1)
    match = NUMBER.search(data, start) or NUMBER.search(data)
    if match is None:
        return data
    return data[: match.start()] + rng.choice(EXTREMES) + data[match.end() :]


def _line(data: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    """A line is left out, doubled or moved."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    line = lines.pop(at)
    for _ in range(rng.randrange(3)):
        lines.insert(rng.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


_CHANGES = (_flip, _byte, _cut, _remove, _repeat, _splice, _number, _number, _number, _line)


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """An `AssertionError` if the block takes longer (main thread only)."""

    def late(signum: int, frame: object) -> None:
        raise AssertionError(f"still reading after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def check(case: Case, data: bytes, folder: Path, *, memory: bool) -> bool:
    """Whether the file was read; fails the test if it was neither read nor refused as promised."""
    path = folder / f"clip{case.suffix}"
    path.write_bytes(data)
    if memory:
        tracemalloc.start()
    try:
        with time_limit(SECONDS):
            clips = list(case.read(path))
        assert all(isinstance(clip, Clip) for clip in clips)
        return True
    except ValueError as error:
        assert type(error) is ValueError, f"{case.name}: {type(error).__name__}: {error}"
        text = str(error)
        told = path.stem in text and "found" in text and text.rstrip().endswith((".", "?"))
        assert told, f"{case.name}: the message lacks file or remedy: {text[:300]}"
        return False
    finally:
        if memory:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            allowed = MEMORY_FACTOR * len(data) + 4 * MEMORY_FLOOR
            assert peak <= allowed, f"{case.name}: {peak:,} bytes for a file of {len(data):,}"


def fuzz(case: Case, inputs: int, folder: Path, *, seed: int = 0, memory_every: int = 10) -> int:
    """Check so many hostile files and all seeds; how many of the hostile ones could be read.

    The failing file stays in ``folder``.
    """
    seeds, rng = case.seeds(), random.Random(seed)
    for data in seeds:
        assert check(case, data, folder, memory=True), f"{case.name}: a valid file was refused"
    return sum(
        check(case, mutated(seeds, rng), folder, memory=number % memory_every == 0)
        for number in range(inputs)
    )
