"""Real recordings become data sets, and are what their description says."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stgraph import SkeletonLayout
from stgraph.datasets import NTURGBD, SkeletonFolder, from_arrays
from stgraph.datasets.ntu_names import parse_name
from stgraph.datasets.store import FACTS, KEYPOINTS, table_of
from stgraph.layouts import BODY25

pytestmark = pytest.mark.real


@cache
def names_of(path: Path) -> list[str]:
    if not path.is_file():
        pytest.skip(f"the names of the clips are not at {path}")
    return path.read_text().split()


def test_motion_capture_is_a_data_set_of_ten_actions(shared):
    path = shared / "data" / "bandai_motion" / "motion2.npz"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    file = np.load(path)
    names = [str(name) for name in file["joint_names"]]
    parents = file["parents"].tolist()
    bones = tuple((joint, parent) for joint, parent in enumerate(parents) if parent >= 0)
    layout = SkeletonLayout("bandai", tuple(names), bones, center=parents.index(-1))
    ends = file["offsets"]
    arrays = np.split(file["xyz"], ends[1:-1])
    clips = from_arrays(arrays, [str(word) for word in file["content"]], layout)
    lengths = clips.facts("frames")
    assert len(clips) == 2902 and clips.num_classes == 10 and clips.store.joints == 22
    assert lengths.sum() == 384_931 == ends[-1]
    assert (lengths.min(), int(np.median(lengths)), lengths.max()) == (19, 117, 466)
    assert round(lengths.mean(), 1) == 132.6
    assert set(clips.facts("persons")) == {1}
    everything = clips.store.numbers
    assert np.isfinite(everything).all() and np.abs(everything).max() < 20  # metres
    assert clips[7].num_nodes == lengths[7] * 22
    held_out = np.isin(file["style"], ["youthful", "exhausted"])
    assert (held_out.sum(), (~held_out).sum()) == (754, 2148)


@pytest.mark.parametrize(
    ("which", "train", "test"),
    [
        ("ntu60-xsub", 40_091, 16_487),
        ("ntu60-xview", 37_646, 18_932),
        ("ntu120-xsub", 63_026, 50_919),
        ("ntu120-xset", 54_468, 59_477),
    ],
)
def test_the_benchmarks_have_their_published_sizes(shared, tmp_path, which, train, test):
    """A store of all official names, each with a clip of one frame."""
    release = which.split("-")[0]
    names = names_of(shared / "data" / "ntu_metadata" / f"{release}_names.txt")
    folder = tmp_path / "processed" / "ntu"
    folder.mkdir(parents=True)
    fixed = {"persons": 1, "frames": 1, "splits": []}
    rows = []
    for at, name in enumerate(names):
        fields = parse_name(name)._asdict()
        label = fields["action"] - 1
        rows.append({"name": name, "label": label, "offset": 75 * at, **fixed, **fields})
    about = b'{"joints": 25, "channels": 3, "dtype": "float32", "class_names": []}'
    table = table_of(rows).replace_schema_metadata({b"stgraph": about})
    with pa.OSFile(str(folder / FACTS), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    with open(folder / KEYPOINTS, "wb") as file:
        file.truncate(4 * 75 * len(names))
    sides = [NTURGBD(tmp_path, split, which) for split in ("train", "test")]
    assert [len(side) for side in sides] == [train, test]
    assert not set(sides[0].names) & set(sides[1].names)


def test_folders_of_openpose_are_clips_of_a_folder_data_set(shared, tmp_path):
    home = shared / "data" / "openpose_body25"
    streams = sorted(path for path in home.rglob("*_json") if path.is_dir())
    if not streams:
        pytest.skip(f"needs {home}")
    clips = tmp_path / "raw" / "clips"
    clips.mkdir(parents=True)
    rows = ["name,label,split"]
    for number, stream in enumerate(streams[:6]):
        (clips / f"stream{number}").symlink_to(stream, target_is_directory=True)
        rows.append(f"stream{number},{stream.parent.parent.name},train")
    (tmp_path / "raw" / "clips.csv").write_text("\n".join(rows) + "\n")
    found = SkeletonFolder(tmp_path, layout=BODY25, on_error="skip")
    assert len(found) == 6 and found.channels == 3
    assert Counter(found.facts("frames") >= 12) == {True: 6}
