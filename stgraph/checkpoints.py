"""Check points: a network with everything needed to build it again, and nothing that runs code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from stgraph.graph import SkeletonGraph
from stgraph.nn import STGCN

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """A network and what belongs to it.

    Attributes:
        model: In evaluation mode, on the CPU.
        class_names: One per output; numbers where none were saved.
        data: How its clips were read and prepared, plain values; empty if the network takes
            keypoints as they are.
    """

    model: STGCN
    class_names: tuple[str, ...]
    data: dict[str, Any]


def describe(
    model: STGCN, class_names: tuple[str, ...] = (), data: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Plain values from which :func:`read_checkpoint` builds the network; no weights."""
    return {
        "format": FORMAT,
        "network": "STGCN",
        "in_channels": model.in_channels,
        "num_classes": model.num_classes,
        "settings": model.settings,
        "graph": model.graph.to_dict(),
        "class_names": list(class_names),
        "data": dict(data or {}),
    }


def save_checkpoint(
    model: STGCN,
    path: str | Path,
    *,
    class_names: tuple[str, ...] = (),
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write a network to ``path`` so that :func:`load_checkpoint` reads it."""
    content = {"stgraph": describe(model, class_names, data), "state_dict": model.state_dict()}
    torch.save(content, path)


def load_checkpoint(path: str | Path) -> STGCN:
    """The network of a check point written by :func:`save_checkpoint` or by ``stgraph train``.

    Raises:
        ValueError: If the file is no check point of stgraph, or weights do not fit the network.
    """
    return read_checkpoint(path).model


def read_checkpoint(path: str | Path) -> Checkpoint:
    """As :func:`load_checkpoint`, with class names and data settings."""
    content = _load(Path(path))
    known = content["stgraph"]
    try:
        graph = SkeletonGraph.from_dict(known["graph"])
        model = STGCN(known["in_channels"], known["num_classes"], graph, **known["settings"])
        class_names, data = tuple(known["class_names"]), dict(known["data"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} describes no network that this version knows: {error}") from None
    weights = {name.removeprefix("model."): value for name, value in content["state_dict"].items()}
    check_weights(model, weights, path)
    model.load_state_dict(weights)
    names = class_names or tuple(str(label) for label in range(model.num_classes))
    return Checkpoint(model.eval(), names, data)


def check_weights(model: STGCN, weights: Mapping[str, Any], path: str | Path) -> None:
    """Name the first missing, extra or misshapen weight.

    Raises:
        ValueError: If there is one.
    """
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(getattr(value, "shape", ())) for name, value in weights.items()}
    missing, extra = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    if missing or extra:
        raise ValueError(
            f"{path} is a check point of another architecture: "
            f"{len(missing)} weights missing ({', '.join(missing[:3]) or 'none'}), "
            f"{len(extra)} unknown ({', '.join(extra[:3]) or 'none'})."
        )
    for name, shape in wanted.items():
        if found[name] != shape:
            raise ValueError(
                f"{path} is a check point of another architecture: {name} has the shape "
                f"{found[name]}, the network's is {shape}."
            )


def check_same_network(content: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Compare the description in a check point with that of the network to resume.

    Raises:
        ValueError: If they differ in anything that the weights or the classes depend on.
    """
    found = content.get("stgraph", {})
    for key in ("network", "settings", "graph", "in_channels", "num_classes", "class_names"):
        if found.get(key) != wanted[key]:
            raise ValueError(
                f"The check point to resume from is of another architecture: its {key} differ "
                f"(found {str(found.get(key))[:80]}, expected {str(wanted[key])[:80]}); resume "
                "with the options of its config.yaml."
            )


def check_resume(path: str | Path, epochs: int) -> dict[str, Any]:
    """The check point at ``path``, of a run that has not had ``epochs`` epochs yet.

    Raises:
        ValueError: If it is missing, damaged or finished.
    """
    if not Path(path).is_file():
        raise ValueError(f"There is no check point to resume from at {path}.")
    content = _load(Path(path))
    done = 1 + int(content.get("epoch", -1))
    if done >= epochs:
        raise ValueError(
            f"{path} has had {done} epochs already and {epochs} were asked for; raise --epochs to "
            "go on."
        )
    return content


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(f"There is no check point at {path}.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged pickle raises depends on its bytes
        reason = str(error).strip().splitlines()
        raise ValueError(
            f"{path} cannot be read as a check point, it is damaged, cut off or of another kind: "
            f"{reason[0] if reason else repr(error)}"
        ) from None
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), dict) for key in ("stgraph", "state_dict")
    ):
        raise ValueError(
            f"{path} is no check point of stgraph: it lacks the keys 'stgraph' and 'state_dict'. "
            "Expected a file written by stgraph train or stgraph.checkpoints.save_checkpoint."
        )
    if content["stgraph"].get("format") != FORMAT:
        raise ValueError(
            f"{path} has the format {content['stgraph'].get('format')}, this version reads "
            f"{FORMAT}; update stgraph."
        )
    return content
