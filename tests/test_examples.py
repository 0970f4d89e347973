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
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
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
        content = (tmp_path / "pictures" / name).read_bytes()
        assert content.startswith(b"\x89PNG") and len(content) > 10_000


def test_own_data_writes_a_folder_and_reads_it(tmp_path: Path):
    printed = run("own_data.py", "--root", tmp_path / "cranes", folder=tmp_path)
    raw = tmp_path / "cranes" / "raw"
    layout = SkeletonLayout.load(raw / "layout.json")
    clips = sorted((raw / "clips").glob("*.npy"))
    assert len(clips) == 12
    assert all(np.load(path).shape[1:] == (layout.num_joints, 3) for path in clips)
    assert "6 clips of lift, turn" in printed
    assert "logits: [6, 2]" in printed


def test_every_example_is_tested_and_says_what_it_does():
    tests = Path(__file__).read_text(encoding="utf-8")
    assert EXAMPLES
    for path in EXAMPLES:
        assert f'run("{path.name}"' in tests, f"{path.name} has no test"
        assert path.read_text(encoding="utf-8").startswith('"""')
