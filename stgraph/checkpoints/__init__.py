"""Check points: networks of stgraph and of the released programs, read without running code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from stgraph.checkpoints.families import FAMILIES, Family
from stgraph.checkpoints.files import LAST, checkpoint_file, read_file, weights_of
from stgraph.checkpoints.native import (
    FORMAT,
    Checkpoint,
    check_resume,
    check_same_network,
    describe,
    epochs_done,
    read_native,
    read_run,
)
from stgraph.checkpoints.released import read_released, write_released
from stgraph.datasets.ntu_names import NTU_CLASSES
from stgraph.graph import SkeletonGraph
from stgraph.nn import SkeletonNetwork
from stgraph.skeleton import SkeletonLayout


def load_checkpoint(
    path: str | Path,
    layout: SkeletonLayout | None = None,
    *,
    graph: SkeletonGraph | None = None,
    strides: Sequence[int] | None = None,
) -> SkeletonNetwork:
    """The network of a check point, in evaluation mode, on the CPU.

    Files of ``stgraph train`` and :func:`save_checkpoint` hold all that is needed. Files of
    released programs are known by the names in them: st-gcn (v0.1.0 and since), mmskeleton,
    mmaction2 (0.x and 1.x) and pyskl (ST-GCN and ST-GCN++), with or without ``module.`` before
    names, bare or in ``{"state_dict": ...}``. The adjacency is the file's where it has one, and
    **clips are built with** ``model.graph``. The keyword arguments are for those files alone.

    Args:
        path: The file; code in it is never run.
        layout: The skeleton, if it is none that the released programs know.
        graph: The labelled frame, where the file has no adjacency (v0.1.0) and it was not the
            program's "uniform", "distance" or "spatial".
        strides: Temporal stride of each block; by default 2 where a block has a convolution beside
            it, as in all published networks.

    Raises:
        ValueError: If the file is missing, damaged or of another kind, or if weights are missing,
            unknown or misshapen.
    """
    return read_checkpoint(path, layout, graph=graph, strides=strides).model


def read_checkpoint(
    path: str | Path,
    layout: SkeletonLayout | None = None,
    *,
    graph: SkeletonGraph | None = None,
    strides: Sequence[int] | None = None,
) -> Checkpoint:
    """As :func:`load_checkpoint`, with class names and how the network's clips were prepared."""
    content = read_file(path)
    if "stgraph" in content:
        known = read_native(content, path)
        if (
            graph is not None
            or strides is not None
            or layout not in (None, known.model.graph.layout)
        ):
            raise ValueError(
                f"{path} is a check point of stgraph, which says layout, graph and strides itself; "
                "leave them out."
            )
        return known
    weights = weights_of(content, path)
    model, family = read_released(weights, path, layout=layout, graph=graph, strides=strides)
    data = {"preset": family.presets.get(model.graph.num_joints, "unknown")}
    return Checkpoint(model.eval(), _class_names(model), data)


def save_checkpoint(
    model: SkeletonNetwork,
    path: str | Path,
    *,
    family: str | None = None,
    class_names: tuple[str, ...] = (),
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write a network to ``path``, in the format of stgraph or of a released program.

    Args:
        model: The network.
        path: Where to write.
        family: ``None`` for stgraph's own format, which keeps everything; or ``"st-gcn"``,
            ``"mmskeleton"``, ``"st-gcn-v0.1.0"``, ``"mmaction2-0.x"``, ``"mmaction2-1.x"`` or
            ``"pyskl"``, so that the weights load there (strictly, all names are there).
        class_names: One per output; kept in stgraph's format only.
        data: How clips are prepared, plain values; kept in stgraph's format only.

    Raises:
        ValueError: If the program has no such network, or would compute something else with it; or
            if normalisation is part of other layers.
    """
    if model.is_fused:
        raise ValueError(
            "The network has no normalisation of its own, as model.fuse() makes it; save the "
            "network that it was made from, and fuse it again after loading."
        )
    path = Path(path)
    if family is not None:
        released = write_released(model, family)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(released, path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"stgraph": describe(model, class_names, data), "state_dict": model.state_dict()}
    torch.save(content, path)


def _class_names(model: SkeletonNetwork) -> tuple[str, ...]:
    """Those of NTU RGB+D for networks of its size; else numbers."""
    if model.graph.num_joints == 25 and model.num_classes in (60, 120):
        return NTU_CLASSES[: model.num_classes]
    return tuple(str(label) for label in range(model.num_classes))


__all__ = [
    "FAMILIES",
    "FORMAT",
    "LAST",
    "Checkpoint",
    "Family",
    "check_resume",
    "checkpoint_file",
    "check_same_network",
    "describe",
    "epochs_done",
    "load_checkpoint",
    "read_checkpoint",
    "read_run",
    "save_checkpoint",
]
