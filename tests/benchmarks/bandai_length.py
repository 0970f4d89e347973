"""What the length of a clip says of its class, beside what a network says of it.

In the motion capture of ``bandai_motion.py`` raising a hand and waving it, walking and running, can
be told apart by the length of the recording. Padded clips show their length, ragged ones do not::

    python -m tests.benchmarks.bandai_length motion2.npz runs/bandai/ragged-stgcn-joint/seed-*
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stgraph.cli.fusion import read_scores
from tests.benchmarks.bandai_motion import TEST_STYLES

WIDTH = 8.0  # frames, of the normal density around each training clip's length


def log_density(asked: NDArray[np.int_], known: NDArray[np.int_]) -> NDArray[np.float64]:
    """Of each length asked for, given the lengths of a class's training clips."""
    apart = (asked[:, None] - known[None]) / WIDTH
    return np.log(1e-6 + np.exp(-0.5 * apart**2).mean(axis=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="motion2.npz")
    parser.add_argument("runs", type=Path, nargs="+", help="folders of runs")
    arguments = parser.parse_args()
    archive = np.load(arguments.source, allow_pickle=False)
    lengths, content = np.diff(archive["offsets"]), archive["content"]
    training = ~np.isin(archive["style"], TEST_STYLES)
    of_clip = dict(zip(archive["name"].tolist(), lengths.tolist(), strict=True))
    for name in np.unique(content):
        least, middle, most = np.percentile(lengths[content == name], [5, 50, 95])
        print(f"{name:20s} {least:4.0f} {middle:4.0f} {most:4.0f} frames (5, 50, 95 %)")
    for run in arguments.runs:
        found = read_scores(run).found
        asked = np.array([of_clip[name] for name in found.names])
        said = [log_density(asked, lengths[training & (content == c)]) for c in found.class_names]
        labels = found.labels.numpy()
        network, length = found.logits.log_softmax(dim=1).numpy(), np.stack(said, axis=1)
        scores = {"network": network, "length": length, "both": network + length}
        right = {what: 100 * (each.argmax(1) == labels).mean() for what, each in scores.items()}
        print(run, ", ".join(f"{what} {share:.2f} %" for what, share in right.items()))


if __name__ == "__main__":
    main()
