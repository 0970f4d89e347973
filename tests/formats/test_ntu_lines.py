"""Two ways through an NTU file, the quick and the tolerant one: they find the same numbers."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from stgraph.formats.ntu import quick_bodies
from stgraph.formats.ntu_lines import read_lines
from stgraph.formats.ntu_writer import write_skeleton_file

from .fuzzing import mutated
from .recordings import everything

PATH = Path("clip.skeleton")
JOINT = "0.2181153 -0.1725972 3.785547 277.419 191.82 1036.2 519.16 -0.2 0.05 0.97 -0.12 2"


def text(*joints: str, end: str = "\r\n") -> bytes:
    """Two frames of one body, some of whose first joints are given."""
    body = ["1", "72057594037937513 0 1 1 1 1 0 0.01 -0.2 2", "25"]
    lines = ["2", *body, *joints, *[JOINT] * (25 - len(joints)), *body, *[JOINT] * 25]
    return (end.join(lines) + end).encode("utf-8")


def written(folder: Path, seed: int = 0, final_newline: bool = True) -> bytes:
    recording = everything(np.random.default_rng(seed))
    write_skeleton_file(folder / "a", **recording, final_newline=final_newline)
    return (folder / "a").read_bytes()


def agree(data: bytes) -> bool:
    """Whether the quick way was taken; fails if it found other numbers or let bad ones pass."""
    quick = quick_bodies(data)
    if quick is None:
        return False
    slow = read_lines(PATH, data)
    assert quick.ids == slow.ids and quick.counts.tolist() == slow.counts.tolist()
    assert quick.joints.shape == slow.joints.shape
    assert quick.joints.tobytes() == slow.joints.tobytes()
    return True


@pytest.mark.parametrize("final_newline", [True, False])
def test_files_laid_out_like_the_release_are_read_the_quick_way(
    tmp_path: Path, final_newline: bool
) -> None:
    assert agree(written(tmp_path, final_newline=final_newline))
    assert agree(text()) and agree(text(end="\n"))


def test_a_file_without_bodies_is_read_the_quick_way() -> None:
    assert agree(b"0\r\n") and agree(b"3\r\n0\r\n0\r\n0")


@pytest.mark.parametrize("seed", range(4))
def test_both_ways_agree_on_damaged_files(tmp_path: Path, seed: int) -> None:
    seeds = [written(tmp_path, seed), text(), text(end="\n"), b"2\r\n0\r\n0\r\n"]
    rng = random.Random(seed)
    quick = sum(agree(mutated(seeds, rng)) for _ in range(600))
    assert 60 < quick < 500


@pytest.mark.parametrize("seed", range(2))
def test_both_ways_agree_where_single_bytes_differ(seed: int) -> None:
    data, rng = text(), random.Random(seed)
    quick = 0
    for _ in range(1500):
        at, byte = rng.randrange(len(data) // 2), rng.choice(b" \t\r\n\x0b\x1c\x00+-._eEnx0123\x80")
        quick += agree(data[:at] + bytes([byte]) + data[at + rng.randrange(2) :])
    assert 200 < quick < 1400


def test_numbers_of_any_length_are_read_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        numbers = rng.normal(size=(25, 2)) * 10.0 ** rng.integers(-30, 30, (25, 2))
        joints = [f"{a!r} {b:.30f} {a:.3g} 1 2 3 4 1 0 0 0 1" for a, b in numbers.tolist()]
        assert agree(text(*joints))


NUMERALS = (
    *("1", "1.", ".5", "-.5", "1e5", "1E-05", "1e+2", "-0", "-0.0", "00.5", "1e-400", "9" * 40),
    *("+1", "1_0", "0x1", "1e", "e1", "-", ".", "1..2", "1,5", "nan", "NaN", "inf", "-Infinity"),
    *(
        "1e400",
        "1e39",
        "1d2",
        "true",
        "null",
        "NULL",
        "NA",
        '"1"',
        "'1'",
        "1f",
        "\N{ROMAN NUMERAL ONE}",
    ),
    *("2.47032822920623272e-324", "0.1000000000000000055511151231257827021181583404541015625"),
)


@pytest.mark.parametrize("numeral", NUMERALS)
@pytest.mark.parametrize("column", [0, 2, 5, 8, 11])
def test_both_ways_agree_on_what_is_a_number(numeral: str, column: int) -> None:
    fields = JOINT.split()
    fields[column] = numeral
    taken = agree(text(" ".join(fields)))
    assert taken or column not in (5, 8) or not numeral.isascii(), "these are not looked at"


@pytest.mark.parametrize(
    "joint",
    [
        JOINT + " ",
        " " + JOINT,
        JOINT.replace(" 277", "  277"),
        JOINT.replace(" 277.419", " "),  # eleven fields and a gap
        JOINT.replace(" ", "\t"),
        JOINT.replace(" 277.419 ", "\t"),
        "\N{BYTE ORDER MARK}" + JOINT,
        JOINT + "\r",
        JOINT + "\x0c",
    ],
)
def test_unusual_blanks_are_left_to_the_tolerant_way(joint: str) -> None:
    assert not agree(text(joint))


@pytest.mark.parametrize("count", ["+2", "2_", "02", "2.0", "²", "1" * 5000, ""])
def test_both_ways_agree_on_what_is_a_count(count: str) -> None:
    data = text()
    agree(count.encode("utf-8") + data[1:])
    agree(data[:3] + count.encode("utf-8") + data[4:])
    agree(data.replace(b"72057594037937513", count.encode("utf-8")))
    agree(data.replace(b"\r\n25\r\n", b"\r\n" + count.encode("utf-8") + b"\r\n"))
    assert agree(data)
