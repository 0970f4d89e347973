"""Who is who from frame to frame: poses without identity are linked into tracks (follow)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

_NEAREST = 8  # tracks that a pose may be linked to: keeps the matching small in a crowd
_CROWD = 100  # poses and tracks in a group beyond which the best matching would take too long
_WHOLE = 2**40  # the matching is exact on whole numbers
_TREND = 0.5  # how much of a track's velocity comes from its last step


@dataclass(frozen=True, eq=False)
class _Track:
    """Where somebody was seen last, ``pose [V, C]``, and the drift per frame, ``velocity [C]``."""

    number: int
    frame: int
    pose: NDArray[np.float64]
    velocity: NDArray[np.float64]

    def expected(self, frame: int) -> NDArray[np.float64]:
        return self.pose + self.velocity * (frame - self.frame)

    def moved(self, frame: int, pose: NDArray[np.float64]) -> _Track:
        step = np.nanmean(pose - self.pose, axis=0) / (frame - self.frame)
        velocity = _TREND * step + (1 - _TREND) * self.velocity
        return _Track(self.number, frame, pose, velocity)


def follow(
    poses: Sequence[Floats], *, most_move: float = 0.5, most_gap: int = 10
) -> list[NDArray[np.int64]]:
    """The identity of each pose of each frame.

    A pose costs, against a track, the mean distance over the joints seen in both between the pose
    and the place where the track would be if it had drifted on (as a whole, at its recent speed),
    divided by the larger of the two sizes; a size is the diagonal of the box around a pose. Frame
    by frame poses and tracks are paired so that the sum of ``most_move - cost`` over the pairs is
    largest. A pose left over starts a track.

    Only its eight nearest tracks are open to a pose, and where more than 100 poses and tracks could
    be each other the nearest are paired first: a crowd must not take minutes. A pose without a
    joint in common with a track, or without extent like it, is not linked to it. The order of the
    poses within a frame does not matter, up to the names and where costs tie.

    Args:
        poses: Per frame ``[P_t, V, C]``: persons, joints, coordinates of any unit (no scores). A
            joint that was not seen is NaN in all coordinates. ``P_t`` may be 0.
        most_move: The cost, in sizes of a person, from which on it must be somebody else.
        most_gap: Frames that a track may be absent and still go on.

    Returns:
        Per frame ``[P_t]`` int64: identities 0, 1, 2 ... in order of first appearance, each at most
        once per frame.

    Raises:
        ValueError: If the frames do not have the same joints and coordinates.
    """
    shapes = {pose.shape[1:] for pose in poses}
    if len(shapes) > 1 or any(len(shape) != 2 for shape in shapes):
        raise ValueError(
            "Poses are [persons, joints, coordinates] with the same joints and coordinates in all "
            f"frames, found {sorted(shapes)} behind the persons."
        )
    tracks: dict[int, _Track] = {}
    identities, count = [], 0
    for frame, people in enumerate(poses):
        present = people.astype(np.float64)  # squares of the largest float32 do not fit in one
        tracks = {n: track for n, track in tracks.items() if frame - track.frame <= most_gap + 1}
        links = _links(present, list(tracks.values()), frame, most_move)
        names: list[int] = []
        for pose in present:
            track = links.get(len(names))
            if track is None:
                track, count = _Track(count, frame, pose, np.zeros(pose.shape[1])), count + 1
            else:
                track = track.moved(frame, pose)
            tracks[track.number] = track
            names.append(track.number)
        identities.append(np.array(names, dtype=np.int64))
    return identities


def _links(
    present: NDArray[np.float64], tracks: list[_Track], frame: int, most_move: float
) -> dict[int, _Track]:
    """The track that goes on in each pose of a frame, by the pose's place in it."""
    if not tracks or not len(present):
        return {}
    expected = np.stack([track.expected(frame) for track in tracks])
    graph = nx.Graph()
    for place, pose in enumerate(present):
        costs = _costs(pose, expected)
        for row in np.argsort(costs, kind="stable")[:_NEAREST]:
            if costs[row] < most_move:
                weight = 1 + int(_WHOLE * (1 - costs[row] / most_move))
                graph.add_edge(place, ~int(row), weight=weight)
    groups = (graph.subgraph(group) for group in nx.connected_components(graph))
    pairs = (pair for group in groups for pair in _paired(group))
    return {max(pair): tracks[~min(pair)] for pair in pairs}


def _paired(group: nx.Graph) -> set[tuple[int, int]]:
    """Pairs of nodes of the largest weight; in a crowd the largest weights first."""
    if len(group) <= _CROWD:
        return nx.max_weight_matching(group)
    pairs: set[tuple[int, int]] = set()
    taken: set[int] = set()
    edges = group.edges(data="weight")
    for one, other, _ in sorted(edges, key=lambda edge: edge[2], reverse=True):
        if one not in taken and other not in taken:
            pairs.add((one, other))
            taken |= {one, other}
    return pairs


def _costs(pose: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean distance from ``[V, C]`` to each of ``[A, V, C]`` in sizes of a person, ``[A]``."""
    distance = np.linalg.norm(expected - pose, axis=-1)
    both = ~np.isnan(distance)
    total = np.where(both, distance, 0).sum(axis=-1)
    scale = both.sum(axis=-1) * np.fmax(_size(expected), _size(pose))
    return np.divide(total, scale, out=np.full(len(expected), np.inf), where=scale > 0)


def _size(poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """The diagonal of the box around poses ``[..., V, C]``, ``[...]``; NaN if nothing is seen."""
    sides = np.fmax.reduce(poses, axis=-2) - np.fmin.reduce(poses, axis=-2)
    return np.asarray(np.linalg.norm(sides, axis=-1), dtype=np.float64)
