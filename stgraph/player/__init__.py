"""Clips in 3-D on a page of their own, which opens without a network.

The page shows skeletons with three.js (MIT licence, ``three.LICENSE``), which is part of the page.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Literal

import torch
from torch import Tensor

from stgraph.skeleton import SkeletonLayout

HERE = Path(__file__).parent
TOP = 5  # classes
View = Literal["y", "z", "aligned", "kinect", "image"]


@dataclass(frozen=True, eq=False)
class Scene:
    """A clip to be played.

    Args:
        name: Of the clip.
        keypoints: ``[M, T, V, C]``, NaN where a joint was not seen; the first two or three channels
            are coordinates.
        layout: The skeleton.
        coordinates: How many channels are coordinates, 2 or 3.
        view: What the axes are, and where they are seen from: ``"y"`` upwards, seen against z;
            ``"z"`` upwards, seen along y; ``"aligned"`` (z upwards, the right shoulder towards x,
            seen against y: from the front); ``"kinect"`` (y upwards, seen along z as by the
            sensor); ``"image"`` (y downwards).
        fps: Frames a second.
        label: The true class, if it is known.
        response: A number from 0 to 1 for each joint ``[M, T, V]``, NaN for none.
        speaks: What responses speak for, such as a class.
        class_names: Of the probabilities.
        class_frames: Frames from which on probabilities hold, long ``[T']``, rising from 0.
        class_shares: The probabilities ``[T', classes]``.

    Raises:
        ValueError: If shapes do not fit.
    """

    name: str
    keypoints: Tensor
    layout: SkeletonLayout
    coordinates: int = 3
    view: View = "y"
    fps: float = 30.0
    label: str = ""
    response: Tensor | None = None
    speaks: str = ""
    class_names: Sequence[str] = ()
    class_frames: Tensor | None = None
    class_shares: Tensor | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.keypoints.shape)
        if len(shape) != 4 or shape[2] != self.layout.num_joints or 0 in shape[:2]:
            raise ValueError(
                f"{self.name}: expected keypoints [persons, frames, {self.layout.num_joints} "
                f"joints, channels] of layout {self.layout.name}, found {list(shape)}."
            )
        if self.coordinates not in (2, 3) or shape[3] < self.coordinates:
            raise ValueError(
                f"{self.name}: 2 or 3 of {shape[3]} channels are coordinates, not "
                f"{self.coordinates}."
            )
        if not self.keypoints[..., : self.coordinates].isfinite().any() or not self.fps > 0:
            raise ValueError(
                f"{self.name}: expected somebody to be seen, and frames a second; found "
                f"{self.fps} of them."
            )
        if self.response is not None and tuple(self.response.shape) != shape[:3]:
            raise ValueError(
                f"{self.name}: expected responses {list(shape[:3])}, found "
                f"{list(self.response.shape)}."
            )
        if (self.class_frames is None) != (self.class_shares is None) or (
            self.class_shares is not None
            and self.class_frames is not None
            and tuple(self.class_shares.shape) != (len(self.class_frames), len(self.class_names))
        ):
            raise ValueError(
                f"{self.name}: class_frames [T'] and class_shares [T', {len(self.class_names)} "
                "class_names] belong together."
            )

    @property
    def points(self) -> Tensor:
        """Where joints stand on the page, y upwards: ``[T, M, V, 3]``, NaN where not seen."""
        points = self.keypoints[..., : self.coordinates].float()
        if self.coordinates == 2:
            points = torch.cat([points, 0 * points[..., :1]], dim=-1)
        x, y, z = points.unbind(dim=-1)
        upright = (x, z, -y)
        turned = {"image": (x, -y, -z), "z": upright, "aligned": upright}
        x, y, z = turned.get(self.view, (x, y, z))
        return torch.stack([x, y, z], dim=-1).transpose(0, 1)

    @property
    def front(self) -> int:
        """On which side of the page's z axis the viewer stands at first: 1, or -1."""
        return -1 if self.view in ("kinect", "aligned") else 1

    @property
    def size(self) -> float:
        """How large a body is on the page: the median over bodies of their largest extent."""
        points = self.points
        seen = ~points.isnan()
        high = torch.where(seen, points, -torch.inf).amax(dim=2)
        low = torch.where(seen, points, torch.inf).amin(dim=2)
        extents = (high - low).amax(dim=-1)
        there = extents[extents.isfinite() & (extents > 0)]
        return float(there.median()) if len(there) else 1.0

    def describe(self) -> dict[str, Any]:
        """What the page needs, ready for JSON."""
        return {
            "name": self.name,
            "label": self.label,
            "joints": self.layout.joint_names,
            "bones": self.layout.bones,
            "persons": self.keypoints.shape[0],
            "frames": self.keypoints.shape[1],
            "fps": self.fps,
            "front": self.front,
            "size": self.size,
            "points": _packed(self.points),
            "response": None if self.response is None else _packed(self.response.transpose(0, 1)),
            "speaks": self.speaks,
            "classes": self._classes(),
        }

    def _classes(self) -> dict[str, Any] | None:
        """Names and probabilities of the classes that are most probable on the whole."""
        if self.class_shares is None or self.class_frames is None:
            return None
        best = self.class_shares.mean(dim=0).topk(min(TOP, self.class_shares.shape[1])).indices
        return {
            "names": [self.class_names[number] for number in best.tolist()],
            "frames": self.class_frames.tolist(),
            "shares": [[round(s, 4) for s in row] for row in self.class_shares[:, best].tolist()],
        }


def player_page(scenes: Sequence[Scene], *, title: str = "stgraph") -> str:
    """The page, HTML that needs nothing else.

    Raises:
        ValueError: If there is no scene.
    """
    if not scenes:
        raise ValueError("There is nothing to play: give at least one clip.")
    content = json.dumps([scene.describe() for scene in scenes], allow_nan=False)
    return Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(title),
        scenes=content.replace("<", "\\u003c"),
        **{
            name: (HERE / file).read_text(encoding="utf-8")
            for name, file in (
                ("style", "style.css"),
                ("three", "three.min.js"),
                ("player", "player.js"),
            )
        },
    )


def write_player(scenes: Sequence[Scene], path: str | Path, *, title: str | None = None) -> None:
    """Write the page of :func:`player_page`; its title is the name of the file by default."""
    path = Path(path)
    page = player_page(scenes, title=path.stem if title is None else title)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _packed(numbers: Tensor) -> str:
    """Little-endian float32 in base64."""
    plain = numbers.detach().cpu().float().contiguous().numpy().astype("<f4")
    return base64.b64encode(plain.tobytes()).decode("ascii")
