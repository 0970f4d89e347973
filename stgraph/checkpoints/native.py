"""Check points of stgraph: a network with all that is needed to build it again, and no code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stgraph.checkpoints.files import check_tensors, checkpoint_file, read_file, weights_of
from stgraph.graph import SkeletonGraph
from stgraph.nn import NETWORKS, SkeletonNetwork

FORMAT = 2

MAY_CHANGE = {"root", "workers", "on_error", "dtype"}  # of data settings, when a run is resumed


@dataclass(frozen=True)
class Checkpoint:
    """A network and what belongs to it.

    Attributes:
        model: In evaluation mode, on the CPU.
        class_names: One per output; numbers where none were saved.
        data: How its clips were read and prepared, plain values; empty if the network takes
            keypoints as they are, ``{"preset": "unknown"}`` if a released file leaves it open.
    """

    model: SkeletonNetwork
    class_names: tuple[str, ...]
    data: dict[str, Any]

    def index(self, class_name: str) -> int:
        """The number of a class, by name."""
        if class_name not in self.class_names:
            raise ValueError(
                f"There is no class '{class_name}'; there are {', '.join(self.class_names)}."
            )
        return self.class_names.index(class_name)


def describe(
    model: SkeletonNetwork, class_names: tuple[str, ...] = (), data: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Plain values from which :func:`read_checkpoint` builds the network; no weights."""
    return {
        "format": FORMAT,
        "network": type(model).__name__,
        "in_channels": model.in_channels,
        "num_classes": model.num_classes,
        "settings": model.settings,
        "graph": model.graph.to_dict(),
        "class_names": list(class_names),
        "data": dict(data or {}),
    }


def read_native(content: Mapping[str, Any], path: str | Path) -> Checkpoint:
    """The network that a file of ours describes, with class names and data settings.

    Raises:
        ValueError: If it describes none, or weights do not fit the network.
    """
    check_native(content, path)
    known = content["stgraph"]
    try:
        network = NETWORKS[known["network"]]
        graph = SkeletonGraph.from_dict(known["graph"])
        model = network(known["in_channels"], known["num_classes"], graph, **known["settings"])
        class_names, data = tuple(known["class_names"]), dict(known["data"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} describes no network that this version knows: {error}") from None
    weights = {
        name.removeprefix("model."): value for name, value in weights_of(content, path).items()
    }
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    check_tensors(wanted, {name: tuple(value.shape) for name, value in weights.items()}, path)
    model.load_state_dict(weights)
    names = class_names or tuple(str(label) for label in range(model.num_classes))
    return Checkpoint(model.eval(), names, data)


def check_same_network(content: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Compare the description in a check point with that of the network to resume.

    Raises:
        ValueError: If they differ in anything that the weights or the classes depend on.
    """
    found = content.get("stgraph", {})
    for key in ("network", "settings", "graph", "in_channels", "num_classes", "class_names"):
        for place, ours, theirs in _differences(key, found.get(key), wanted[key]):
            raise ValueError(
                f"The check point to resume from is of another architecture: {place} is "
                f"{str(ours)[:80]} there and {str(theirs)[:80]} here; resume with the options of "
                "its config.yaml."
            )
    data = wanted.get("data") or {}
    for key in sorted(set(data) & set(found.get("data") or {}) - MAY_CHANGE):
        if found["data"][key] != data[key]:
            raise ValueError(
                f"The check point to resume from was trained on other clips: data.{key} is "
                f"{str(found['data'][key])[:80]!r} there and {str(data[key])[:80]!r} here; resume "
                "with the options of its config.yaml, or start a new run."
            )


def _differences(place: str, ours: Any, theirs: Any) -> Iterator[tuple[str, Any, Any]]:
    """The places inside two values at which they differ."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for key in sorted(set(ours) | set(theirs), key=str):
            yield from _differences(f"{place}.{key}", ours.get(key), theirs.get(key))
    elif ours != theirs:
        yield place, ours, theirs


def check_resume(path: str | Path, epochs: int) -> dict[str, Any]:
    """The check point at ``path``, of a run that has not had ``epochs`` epochs yet.

    Raises:
        ValueError: If it is missing, damaged or finished.
    """
    content = read_run(path)
    done = epochs_done(content)
    if done >= epochs:
        raise ValueError(
            f"{path} has had {done} epochs already and {epochs} were asked for; raise --epochs to "
            "go on."
        )
    return content


def read_run(path: str | Path) -> dict[str, Any]:
    """The check point at ``path``, or the last one of the run in that folder.

    Raises:
        ValueError: If it is missing, damaged or not one of ours.
    """
    if not checkpoint_file(path).is_file():
        raise ValueError(f"There is no check point to resume from at {path}.")
    content = read_file(path)
    check_native(content, path)
    return content


def epochs_done(content: Mapping[str, Any]) -> int:
    """How many epochs a check point has had in full."""
    return int(content.get("epoch", -1)) + _ends_an_epoch(content)


def _ends_an_epoch(content: Mapping[str, Any]) -> bool:
    """Whether a check point was written after the last step of its epoch, not within."""
    loops = content.get("loops", {}).get("fit_loop", {})
    return bool(loops.get("epoch_loop.batch_progress", {}).get("is_last_batch", True))


def check_native(content: Mapping[str, Any], path: str | Path) -> None:
    """Raise :class:`ValueError` unless the file is one of ours and of this format."""
    if not all(isinstance(content.get(key), dict) for key in ("stgraph", "state_dict")):
        raise ValueError(
            f"{path} is no check point of stgraph: it lacks the keys 'stgraph' and 'state_dict'. "
            "Expected a file written by stgraph train or stgraph.save_checkpoint."
        )
    found = content["stgraph"].get("format")
    if found != FORMAT:
        raise ValueError(
            f"{path} has the format {found}, this version reads {FORMAT}; use the version of "
            "stgraph that wrote it."
        )
