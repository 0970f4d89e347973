"""``python -m tests.formats.fuzz --inputs 100000``: the long run of docs/reliability.md.

Prints a row for each reader: how many hostile files it was given, how many of them could be read
and how many were refused. A file that is neither stops the run, and stays in ``--folder``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from .cases import CASES
from .fuzzing import fuzz


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[case.name for case in CASES])
    parser.add_argument("--folder", type=Path, default=None)
    chosen = parser.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    print("| reader | hostile files | read | refused | seconds |\n|---|---|---|---|---|")
    for case in CASES:
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
