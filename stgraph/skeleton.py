"""Anatomy as a value: which joints a skeleton has and which bones join them."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import networkx as nx


@dataclass(frozen=True)
class SkeletonLayout:
    """The joints and bones of one kind of skeleton: a frozen value that checks itself.

    A layout of your own is one call::

        chair = SkeletonLayout(
            "chair", ["seat", "back", "left leg", "right leg"],
            bones=[(1, 0), (2, 0), (3, 0)], center=0, mirror_pairs=[(2, 3)],
        )

    Args:
        name: What the layout is called in messages and files.
        joint_names: One name per joint, all different; the position is the joint's number.
        bones: Pairs ``(child, parent)`` of joint numbers. Cycles are allowed, doubles are not.
            Which end is the parent matters to the bone stream alone; graphs are undirected.
        center: The joint that stands for the body's gravity centre in the spatial partition.
        mirror_pairs: Pairs ``(left, right)``; a joint in no pair lies on the body's axis.
        positions: A rest pose for drawings, one ``(x, y)`` per joint with y upwards, or ``None``.
        source: Where joints and bones were published.

    Raises:
        ValueError: If a bone, a pair, the centre or the rest pose does not fit the joints.
    """

    name: str
    joint_names: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    center: int = 0
    mirror_pairs: tuple[tuple[int, int], ...] = ()
    positions: tuple[tuple[float, float], ...] | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.joint_names, str):
            raise ValueError(f"joint_names is a list of names, not the text {self.joint_names!r}.")
        positions = None if self.positions is None else _pairs("position", self.positions, float)
        object.__setattr__(self, "joint_names", tuple(self.joint_names))
        object.__setattr__(self, "center", _integer(self.center))
        object.__setattr__(self, "bones", _pairs("bone", self.bones, _integer))
        mirror_pairs = _pairs("mirror pair", self.mirror_pairs, _integer)
        object.__setattr__(self, "mirror_pairs", mirror_pairs)
        object.__setattr__(self, "positions", positions)
        self._check_joints()
        self._check_bones()
        self._check_pairs()

    @classmethod
    def from_names(
        cls,
        name: str,
        bones: Sequence[tuple[str, str]],
        *,
        center: str,
        mirror_pairs: Sequence[tuple[str, str]] = (),
        source: str = "",
    ) -> SkeletonLayout:
        """A layout from bones given by joint names; joints are numbered as they first appear."""
        names = list(dict.fromkeys(joint for bone in bones for joint in bone)) or [center]
        number = {joint: index for index, joint in enumerate(names)}
        unknown = ({center} | {joint for pair in mirror_pairs for joint in pair}) - set(number)
        if unknown:
            raise ValueError(
                f"Layout '{name}': {sorted(unknown)} appear in no bone; "
                f"the bones name {', '.join(names)}."
            )
        return cls(
            name,
            tuple(names),
            tuple((number[child], number[parent]) for child, parent in bones),
            center=number[center],
            mirror_pairs=tuple((number[left], number[right]) for left, right in mirror_pairs),
            source=source,
        )

    @classmethod
    def grid(cls, height: int, width: int) -> SkeletonLayout:
        """A pixel grid, row by row, each pixel joined to its eight neighbours.

        With :func:`stgraph.partition.grid` the layer on it is a 3x3 image convolution.
        """
        pixels = [(row, column) for row in range(height) for column in range(width)]
        steps = ((0, 1), (1, -1), (1, 0), (1, 1))
        bones = tuple(
            (row * width + column, (row + down) * width + column + right)
            for row, column in pixels
            for down, right in steps
            if row + down < height and 0 <= column + right < width
        )
        return cls(
            f"grid {height}x{width}",
            tuple(f"pixel {row},{column}" for row, column in pixels),
            bones,
            center=(height // 2) * width + width // 2,
            positions=tuple((float(column), float(-row)) for row, column in pixels),
        )

    @classmethod
    def load(cls, path: str | Path) -> SkeletonLayout:
        """Read a layout from a JSON file as :meth:`to_dict` describes it."""
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except ValueError as error:
            raise ValueError(f"{path} does not describe a layout: {error}") from None

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> SkeletonLayout:
        """The layout that :meth:`to_dict` wrote."""
        known = tuple(cls.__dataclass_fields__)
        if not isinstance(fields, Mapping):
            raise ValueError(f"A layout is an object with keys, not {type(fields).__name__}.")
        wrong = set(fields) - set(known) | {"name", "joint_names", "bones"} - set(fields)
        if wrong:
            raise ValueError(
                f"A layout has the keys {', '.join(known)} (the first three are needed); "
                f"missing or unknown here: {', '.join(sorted(wrong))}."
            )
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain Python values, fit for JSON and for safe check points."""
        return asdict(self)

    @property
    def num_joints(self) -> int:
        return len(self.joint_names)

    @property
    def is_tree(self) -> bool:
        """Whether the bones join all joints without a cycle."""
        return nx.is_tree(self.to_networkx())

    @property
    def mirrored(self) -> tuple[int, ...]:
        """For each joint the one on the other side of the body; itself on the axis."""
        other = list(range(self.num_joints))
        for left, right in self.mirror_pairs:
            other[left], other[right] = right, left
        return tuple(other)

    def index(self, joint_name: str) -> int:
        """The number of a joint, by name."""
        if joint_name not in self.joint_names:
            raise ValueError(
                f"Layout '{self.name}' has no joint '{joint_name}'; "
                f"it has {', '.join(self.joint_names)}."
            )
        return self.joint_names.index(joint_name)

    def to_networkx(self) -> nx.Graph:
        """Joints as nodes (with ``name``), bones as undirected edges."""
        graph = nx.Graph(name=self.name)
        graph.add_nodes_from((i, {"name": name}) for i, name in enumerate(self.joint_names))
        graph.add_edges_from(self.bones)
        return graph

    def _check_joints(self) -> None:
        if not self.joint_names:
            raise ValueError(f"Layout '{self.name}' has no joints; it needs at least one.")
        if len(set(self.joint_names)) < self.num_joints:
            doubles = {name for name in self.joint_names if self.joint_names.count(name) > 1}
            raise ValueError(
                f"Layout '{self.name}' uses joint names twice: {sorted(doubles)}; "
                "give every joint a name of its own."
            )
        if not 0 <= self.center < self.num_joints:
            raise ValueError(
                f"Layout '{self.name}' has joints 0 to {self.num_joints - 1}, "
                f"but its centre is {self.center}."
            )
        if self.positions is not None and len(self.positions) != self.num_joints:
            raise ValueError(
                f"Layout '{self.name}' has {self.num_joints} joints, "
                f"but its rest pose has {len(self.positions)} positions."
            )

    def _check_bones(self) -> None:
        self._check_range("bone", self.bones)
        seen: set[frozenset[int]] = set()
        for child, parent in self.bones:
            if child == parent:
                raise ValueError(
                    f"Layout '{self.name}' joins joint {child} to itself; "
                    "leave self-loops out, graphs add them."
                )
            if frozenset((child, parent)) in seen:
                raise ValueError(
                    f"Layout '{self.name}' has bone {child}-{parent} twice; "
                    "list each bone once, in one direction."
                )
            seen.add(frozenset((child, parent)))

    def _check_pairs(self) -> None:
        self._check_range("mirror pair", self.mirror_pairs)
        members = [joint for pair in self.mirror_pairs for joint in pair]
        doubles = sorted({joint for joint in members if members.count(joint) > 1})
        if doubles:
            raise ValueError(
                f"Layout '{self.name}' has joints {doubles} twice in its mirror pairs; "
                "a joint has one partner, joints on the body's axis have none."
            )

    def _check_range(self, what: str, pairs: Iterable[tuple[int, int]]) -> None:
        for pair in pairs:
            if not all(0 <= joint < self.num_joints for joint in pair):
                raise ValueError(
                    f"Layout '{self.name}' has joints 0 to {self.num_joints - 1}, "
                    f"but {what} {pair} names another; joint numbers are 0-based."
                )


def _integer(value: Any) -> int:
    """Whole numbers of any kind, NumPy's included, as ``int``."""
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(
            f"Joints are numbered 0, 1, 2 ...; {value!r} is no joint number "
            "(SkeletonLayout.from_names takes names)."
        ) from None


def _pairs(what: str, values: Any, convert: Callable[[Any], Any]) -> tuple[Any, ...]:
    try:
        pairs = tuple(tuple(convert(item) for item in value) for value in values)
    except TypeError:
        raise ValueError(f"Expected a list of pairs for each {what}, found {values!r}.") from None
    wrong = next((pair for pair in pairs if len(pair) != 2), None)
    if wrong is not None:
        raise ValueError(f"A {what} is a pair, but {wrong} has {len(wrong)} numbers.")
    return pairs
