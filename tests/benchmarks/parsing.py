"""How fast ``.skeleton`` files are read, against a line-by-line reader and bounds on any reader.

``python -m tests.benchmarks.parsing [frame_counts.txt]`` writes clips laid out as those of NTU
RGB+D are, reads each with every side in turn on one core and prints medians over the rounds and
ratios of medians. ``frame_counts.txt`` holds a clip length per line; lengths are drawn from it, or
else from a fixed list of the same mean.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from stgraph.formats.ntu import read_skeleton_file
from stgraph.formats.ntu_writer import write_skeleton_file

CLIPS, ROUNDS = 24, 15
TWO_BODIES = 73 / 258  # share of clips with a second body, among 258 real ones
LENGTHS = (36, 46, 52, 58, 63, 67, 70, 74, 79, 86, 96, 118, 117)  # mean 74

BODY_KEYS = (
    *("bodyID", "clipedEdges", "handLeftConfidence", "handLeftState", "handRightConfidence"),
    *("handRightState", "isResticted", "leanX", "leanY", "trackingState"),
)
JOINT_KEYS = (
    *("x", "y", "z", "depthX", "depthY", "colorX", "colorY"),
    *("orientationW", "orientationX", "orientationY", "orientationZ", "trackingState"),
)


def naive(path: Path) -> dict[str, Any]:
    """A dict per joint, line by line, as yysijie/st-gcn:tools/utils/ntu_read_skeleton.py reads."""
    with path.open() as file:
        sequence: dict[str, Any] = {"numFrame": int(file.readline()), "frameInfo": []}
        for _ in range(sequence["numFrame"]):
            frame: dict[str, Any] = {"numBody": int(file.readline()), "bodyInfo": []}
            for _ in range(frame["numBody"]):
                body: dict[str, Any] = {
                    key: float(text) for key, text in zip(BODY_KEYS, file.readline().split())
                }
                body["numJoint"] = int(file.readline())
                body["jointInfo"] = []
                for _ in range(body["numJoint"]):
                    joint = {
                        key: float(text) for key, text in zip(JOINT_KEYS, file.readline().split())
                    }
                    body["jointInfo"].append(joint)
                frame["bodyInfo"].append(body)
            sequence["frameInfo"].append(frame)
    return sequence


def split(path: Path) -> list[bytes]:
    """No reader: the bytes taken apart at blanks."""
    return path.read_bytes().split()


def columnar(text: bytes) -> pa.Table:
    """No reader: four columns of the lines of joints alone, by Arrow's CSV reader."""
    names = list(JOINT_KEYS)
    wanted = ["x", "y", "z", "trackingState"]
    return pyarrow.csv.read_csv(
        pa.py_buffer(text),
        pyarrow.csv.ReadOptions(use_threads=False, column_names=names),
        pyarrow.csv.ParseOptions(delimiter=" ", quote_char=False),
        pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.float64()), include_columns=wanted, null_values=[]
        ),
    )


def joint_lines(path: Path) -> bytes:
    lines = path.read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if line.count(b" ") == len(JOINT_KEYS) - 1)


def person(rng: np.random.Generator, frames: int) -> NDArray[np.float64]:
    """Joints ``[frames, 25, 3]`` that wander about a place three metres away, to seven digits."""
    rest = rng.normal((0, 0, 3), (0.3, 0.5, 0.2), (25, 3))
    joints = rest + rng.normal(0, 0.01, (frames, 25, 3)).cumsum(axis=0)
    digits = [float(f"{number:.7g}") for number in joints.ravel()]
    return np.array(digits).reshape(joints.shape)


def write_clips(folder: Path, lengths: Iterable[int]) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = []
    for number, frames in enumerate(lengths):
        bodies = 1 + (rng.random() < TWO_BODIES)
        path = folder / f"{number}.skeleton"
        write_skeleton_file(path, np.stack([person(rng, frames) for _ in range(bodies)]))
        paths.append(path)
    return paths


def same(path: Path) -> bool:
    """Whether our reader finds the numbers that the naive one finds."""
    ours = read_skeleton_file(path).by_position()
    for frame, info in enumerate(naive(path)["frameInfo"]):
        for place, body in enumerate(info["bodyInfo"]):
            theirs = [[joint["x"], joint["y"], joint["z"]] for joint in body["jointInfo"]]
            if (ours[place, frame] != np.array(theirs, dtype=np.float32)).any():
                return False
    return True


def medians(sides: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of each side over rounds in which all take their turn; one warm-up each."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(ROUNDS + 1):
        for name, side in sides.items():
            start = time.perf_counter()
            side()
            if number:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}


def one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def report(paths: list[Path]) -> None:
    texts = [joint_lines(path) for path in paths]
    size = sum(path.stat().st_size for path in paths)
    taken = medians(
        {
            "read_skeleton_file": lambda: [read_skeleton_file(path) for path in paths],
            "line by line, a dict per joint": lambda: [naive(path) for path in paths],
            "bytes.split() alone": lambda: [split(path) for path in paths],
            "CSV of the joints' lines alone": lambda: [columnar(text) for text in texts],
        }
    )
    ours = taken["read_skeleton_file"]
    print(f"{len(paths)} clips of {size / len(paths) / 1e3:.0f} kB, {ROUNDS} rounds, one core")
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.platform()}")
    versions = f"numpy {np.__version__}, pyarrow {pa.__version__}"
    print(f"Python {platform.python_version()}, {versions}")
    for name, seconds in taken.items():
        speed = f"{1e3 * seconds / len(paths):7.3f} ms a clip {size / seconds / 1e6:7.1f} MB/s"
        print(f"{name:32s} {speed}   {seconds / ours:5.2f} times ours")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frame_counts", type=Path, nargs="?")
    path = parser.parse_args().frame_counts
    known = [int(line) for line in path.read_text().split()] if path else list(LENGTHS)
    lengths = np.random.default_rng(0).choice(known, CLIPS).tolist()
    one_core()
    with tempfile.TemporaryDirectory() as folder:
        paths = write_clips(Path(folder), lengths)
        if not all(map(same, paths)):
            raise SystemExit("The two readers disagree.")
        report(paths)


if __name__ == "__main__":
    main()
