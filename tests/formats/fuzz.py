"""``python -m tests.formats.fuzz --inputs 100000``: the long run of docs/reliability.md.

Prints a row for each reader: how many hostile files it was given, how many of them could be read
and how many were refused. A file that is neither stops the run, and stays in ``--folder``. With
``--real FOLDER`` the seeds are the recordings there: frames of OpenPose, BVH files of 20 frames.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from .cases import CASES
from .fuzzing import Case, fuzz


def real_cases(data: Path) -> list[Case]:
    """The cases of formats of which there are real files, with those as seeds."""
    frames = sorted(data.rglob("*_json/*.json"))[::60]
    motions = [shortened(path.read_bytes()) for path in sorted(data.rglob("*.bvh"))]
    seeds = {"openpose": [path.read_bytes() for path in frames], "BVH": motions}
    return [
        replace(case, seeds=partial(list, seeds[case.name]))
        for case in CASES
        if seeds.get(case.name)
    ]


def shortened(motion: bytes, frames: int = 20) -> bytes:
    """A BVH file with so many frames."""
    head, _, rest = motion.partition(b"MOTION")
    lines = rest.splitlines()
    number = next(at for at, line in enumerate(lines) if line.startswith(b"Frames:"))
    lines[number] = b"Frames: %d" % frames
    return head + b"MOTION" + b"\n".join(lines[: number + 2 + frames]) + b"\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[case.name for case in CASES])
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--real", type=Path, default=None)
    chosen = parser.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    print("| reader | hostile files | read | refused | seconds |\n|---|---|---|---|---|")
    for case in CASES if chosen.real is None else real_cases(chosen.real):
        if case.name in chosen.only:
            start = time.monotonic()
            read = fuzz(case, chosen.inputs, folder, seed=chosen.seed)
            seconds = time.monotonic() - start
            refused = chosen.inputs - read
            print(
                f"| {case.name} | {chosen.inputs:,} | {read:,} | {refused:,} | {seconds:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
