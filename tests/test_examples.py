"""Each example runs as its docstring says, on little data."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stgraph import SkeletonLayout
from stgraph.datasets.synthetic.kinematics import clip_rng, generate_clip
from stgraph.formats import write_skeleton_file

REPOSITORY = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((REPOSITORY / "examples").glob("*.py"))


def run(example: str, *arguments: object, folder: Path) -> str:
    """What the example prints when it is started in ``folder``."""
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "examples" / example), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_recordings(folder: Path) -> None:
    """Eight clips named as NTU RGB+D names them: performer 1 trains, performer 3 tests."""
    folder.mkdir(parents=True)
    for performer in (1, 3):
        for action in range(1, 5):
            clip = generate_clip(action - 1, performer, 1, clip_rng(0, performer, action))
            name = f"S001C001P{performer:03d}R001A{action:03d}.skeleton"
            write_skeleton_file(folder / name, clip)


def test_train_ntu_reports_the_accuracy_on_recordings(tmp_path: Path):
    write_recordings(tmp_path / "ntu" / "raw")
    printed = run("train_ntu.py", "--root", tmp_path / "ntu", "--epochs", 2, folder=tmp_path)
    assert [float(loss) > 0 for loss in re.findall(r"epoch +\d+: loss (\S+)", printed)] == [
        True
    ] * 2
    assert re.search(r"accuracy: \S+% of 4 seen, \S+% of 4 unseen", printed)


@pytest.mark.slow
def test_train_ntu_learns_from_synthetic_clips(tmp_path: Path):
    printed = run("train_ntu.py", folder=tmp_path)
    unseen = re.search(r"(\S+)% of \d+ unseen", printed)
    assert unseen and float(unseen[1]) > 30, printed


def test_image_grid_equals_conv2d_and_learns(tmp_path: Path):
    printed = run("image_grid.py", folder=tmp_path)
    difference = re.search(r"difference from conv2d: (\S+)", printed)
    accuracy = re.search(r"accuracy: (\S+)% of 500 new images", printed)
    assert difference and float(difference[1]) < 1e-12
    assert accuracy and float(accuracy[1]) > 90


def test_draw_partitions_writes_its_pictures(tmp_path: Path):
    run("draw_partitions.py", "--out", tmp_path / "pictures", folder=tmp_path)
    for name in ("partitions.png", "clip.png"):
        assert picture(tmp_path / "pictures" / name)


def test_own_data_writes_a_folder_and_reads_it(tmp_path: Path):
    printed = run("own_data.py", "--root", tmp_path / "cranes", folder=tmp_path)
    raw = tmp_path / "cranes" / "raw"
    layout = SkeletonLayout.load(raw / "layout.json")
    clips = sorted((raw / "clips").glob("*.npy"))
    assert len(clips) == 12
    assert all(np.load(path).shape[1:] == (layout.num_joints, 3) for path in clips)
    assert "6 clips of lift, turn" in printed
    assert "logits: [6, 2]" in printed


def picture(path: Path) -> bool:
    content = path.read_bytes()
    return content.startswith(b"\x89PNG") and len(content) > 10_000


def percent(printed: str, name: str) -> float:
    found = re.search(rf"{name}: (\S+)%", printed)
    assert found, printed
    return float(found[1])


def test_own_layout_learns_gestures_of_a_hand(tmp_path: Path):
    printed = run("own_layout.py", "--out", tmp_path, folder=tmp_path)
    assert percent(printed, "accuracy") > 90
    hand = SkeletonLayout.load(tmp_path / "layout.json")
    assert hand.num_joints == 16 and hand.is_tree and hand.positions is not None
    assert picture(tmp_path / "hand.png")


def test_own_partition_tells_left_from_right_where_the_papers_does_not(tmp_path: Path):
    printed = run("own_partition.py", "--out", tmp_path, folder=tmp_path)
    paper, ours = (float(number) for number in re.findall(r"changes by (\S+)", printed))
    assert paper < 1e-6 and ours > 0.1
    assert "itself: 17, axis: 4, left: 14, right: 14" in printed
    assert picture(tmp_path / "sides.png")


def test_objects_decide_what_bodies_leave_open(tmp_path: Path):
    printed = run("objects.py", "--out", tmp_path, folder=tmp_path)
    assert percent(printed, "with things") > 90
    assert percent(printed, "bodies alone") < 50  # of three classes
    assert int(re.search(r"(\d+) edges of touch", printed)[1]) > 0
    assert picture(tmp_path / "objects.png")


def test_two_persons_need_the_edges_between_them(tmp_path: Path):
    printed = run("two_persons.py", "--out", tmp_path, folder=tmp_path)
    assert percent(printed, "hands joined") > 90
    assert percent(printed, "persons apart") < 70  # of two classes
    assert picture(tmp_path / "joined.png")


def test_explain_prediction_names_joints_and_writes_pictures_and_a_page(tmp_path: Path):
    printed = run("explain_prediction.py", "--out", tmp_path, folder=tmp_path)
    assert "the network says: sit down; it is: sit down" in printed
    shares = [float(share) for share in re.findall(r": (\S+) of", printed)]
    assert len(shares) == 3 and shares == sorted(shares, reverse=True) and shares[-1] > 0
    assert picture(tmp_path / "responses.png") and picture(tmp_path / "explanation.png")
    assert '"speaks": "sit down"' in (tmp_path / "clip.html").read_text(encoding="utf-8")


def test_released_checkpoint_is_written_read_and_equal(tmp_path: Path):
    printed = run("released_checkpoint.py", folder=tmp_path)
    assert "STGCN of 60 classes" in printed and "prepared by 'stgcn'" in printed
    assert "largest difference after writing and reading: 0.0e+00" in printed
    written = tmp_path / "runs" / "released" / "st_gcn.pt"
    clip = tmp_path / "S001C001P001R001A001.skeleton"
    write_skeleton_file(clip, generate_clip(0, 1, 1, clip_rng(0, 1)))
    again = run("released_checkpoint.py", "--checkpoint", written, "--clip", clip, folder=tmp_path)
    assert again.count("%") == 3 and "difference" not in again


def test_every_example_is_tested_and_says_what_it_does():
    tests = Path(__file__).read_text(encoding="utf-8")
    assert EXAMPLES
    for path in EXAMPLES:
        assert f'run("{path.name}"' in tests, f"{path.name} has no test"
        title, line = path.read_text(encoding="utf-8").splitlines()[:2]
        assert title.startswith('"""') and line == "=" * (len(title) - 3)  # the gallery wants it
