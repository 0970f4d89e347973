"""Names, classes and splits of NTU RGB+D."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from stgraph.datasets.ntu_names import (
    NTU_CLASSES,
    NTUName,
    Protocol,
    missing_samples,
    ntu_split,
    parse_name,
)


@pytest.mark.parametrize("end", ["", ".skeleton"])
def test_a_name_gives_its_five_numbers_and_back(end: str) -> None:
    name = parse_name("S001C002P003R002A013" + end)
    assert name == NTUName(setup=1, camera=2, performer=3, replication=2, action=13)
    assert str(name) == "S001C002P003R002A013"


@pytest.mark.parametrize(
    "name",
    ["", "S001C002P003R002", "s001c002p003r002a013", "S1C2P3R2A13", "S001C002P003R002A000",
     "S001C002P003R002A013.npy", "xS001C002P003R002A013", "S001C002P003R002A013\n"],
)  # fmt: skip
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="SsssCcccPpppRrrrAaaa"):
        parse_name(name)


def test_535_samples_are_missing_and_302_of_them_are_of_ntu60() -> None:
    assert len(missing_samples()) == 535
    assert sum(parse_name(name).action <= 60 for name in missing_samples()) == 302
    assert all(str(parse_name(name)) == name for name in missing_samples())


def test_there_are_120_classes_and_the_two_person_ones_lie_where_ntu_has_them() -> None:
    assert len(NTU_CLASSES) == len(set(NTU_CLASSES)) == 120
    assert NTU_CLASSES[0] == "drink water"
    assert NTU_CLASSES[49:60][0].startswith("punching")
    assert NTU_CLASSES[49:60][-1] == "walking apart from each other"
    assert NTU_CLASSES[105:][0] == "hit other person with something"
    assert NTU_CLASSES[-1].startswith("finger-guessing")


@pytest.mark.parametrize("subjects", [range(1, 41), range(1, 107)])
def test_xsub_trains_on_20_of_40_and_53_of_106_subjects(subjects: range) -> None:
    sides = [ntu_split(NTUName(1, 1, subject, 1, 1), "xsub") for subject in subjects]
    assert sides.count("train") == len(subjects) // 2


@pytest.mark.parametrize(
    ("release", "protocol", "train", "test"),
    [
        (60, "xsub", 40_091, 16_487),
        (60, "xview", 37_646, 18_932),
        (120, "xsub", 63_026, 50_919),
        (120, "xset", 54_468, 59_477),
    ],
)
def test_splits_have_the_published_sizes(
    shared: Path, release: int, protocol: Protocol, train: int, test: int
) -> None:
    path = shared / "data" / "ntu_metadata" / f"ntu{release}_names.txt"
    if not path.is_file():
        pytest.skip(f"the names of the NTU-{release} clips are not at {path}")
    names = path.read_text().split()
    assert Counter(ntu_split(name, protocol) for name in names) == {"train": train, "test": test}
    assert missing_samples().isdisjoint(names)


def test_an_unknown_protocol_or_number_is_refused() -> None:
    with pytest.raises(ValueError, match="xsub, xview, xset"):
        ntu_split("S001C001P001R001A001", "xsubject")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="performer 1 to 106, found 107"):
        ntu_split("S001C001P107R001A001", "xsub")
