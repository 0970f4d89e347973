"""The objects that options stand for: text becomes layouts, functions, data sets and networks."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import yaml

from stgraph import datasets, layouts, normalization, partition
from stgraph.checkpoints import Checkpoint
from stgraph.cli.preparation import Preparation
from stgraph.datasets import SkeletonDataset
from stgraph.graph import SkeletonGraph
from stgraph.nn import (
    STGCN,
    TEN_BLOCKS,
    EdgeImportance,
    SkeletonNetwork,
    STGCNPlusPlus,
    STGCNv010,
)
from stgraph.options import DataOptions, ModelOptions, TrainingOptions
from stgraph.presets import PRESETS
from stgraph.skeleton import SkeletonLayout

DATASETS: dict[str, Callable[..., SkeletonDataset]] = {
    "folder": datasets.SkeletonFolder,
    "kinetics": datasets.KineticsSkeleton,
    "nw-ucla": datasets.NWUCLA,
    "pyskl": datasets.PYSKL,
    "stgcn-arrays": datasets.StgcnArrays,
    "ctrgcn-arrays": datasets.CtrgcnArrays,
}
DATASETS_WITH_LAYOUT = ("folder", "pyskl", "stgcn-arrays", "ctrgcn-arrays")
LAYOUTS = {"kinetics": layouts.OPENPOSE18, "nw-ucla": layouts.UCLA20}

SMALL_BLOCKS = ((32, 1), (64, 2), (64, 1), (128, 2))

NETWORKS: dict[str, type[SkeletonNetwork]] = {
    "stgcn": STGCN,
    "stgcn++": STGCNPlusPlus,
    "stgcn-v0.1.0": STGCNv010,
}
PARTITIONS = ("uniform", "distance", "spatial", "spatial_2018", "local")
NORMALIZATIONS = (
    "per_target",
    "per_subset",
    "symmetric",
    "none",
    "random_walk_laplacian",
    "symmetric_laplacian",
)


def data_options(checkpoint: Checkpoint, preset: str | None = None) -> DataOptions:
    """How the clips of a check point were prepared, or by ``preset`` if the user says so.

    Raises:
        ValueError: If the check point says nothing, or nothing that this version knows.
    """
    known = dict(checkpoint.data)
    if preset is not None:
        known = {"preset": preset, **{key: known[key] for key in ("name", "root") if key in known}}
    if known.get("preset") == "unknown":
        raise ValueError(
            "The check point does not say how its clips were prepared; name what the program that "
            f"trained it does with --preset: {', '.join(PRESETS)}, or 'none' for clips as they are."
        )
    if not known or known.get("preset") == "none":  # clips are taken as they are
        known |= {"preset": "", "center": False}
    try:
        data = DataOptions(**known)
    except TypeError as error:
        raise ValueError(f"The check point has data settings that are not known: {error}") from None
    _check_data(data)
    return data


def make_layout(data: DataOptions) -> SkeletonLayout:
    """The skeleton of a data set."""
    if data.name == "folder" and not data.layout:
        return datasets.folder_layout(data.root)
    if data.name in LAYOUTS:
        return LAYOUTS[data.name]
    return layout_by_name(data.layout or "NTU25")


def make_graph(layout: SkeletonLayout, model: ModelOptions) -> SkeletonGraph:
    """The labelled frame that the options ask for."""
    return SkeletonGraph.from_layout(
        layout,
        _function(model.partition, partition, PARTITIONS, "partition"),
        normalization=_function(
            model.normalization, normalization, NORMALIZATIONS, "normalization"
        ),
        edge_index=partition.neighborhood(layout, model.max_hop),
        temporal_kernel=model.temporal_kernel,
        temporal=model.temporal,
    )


def clip_graph(graph: SkeletonGraph, model: ModelOptions) -> SkeletonGraph:
    """The graph that clips for this network are built with."""
    return NETWORKS[model.network].clip_graph(graph)


def make_dataset(
    data: DataOptions,
    split: str,
    graph: SkeletonGraph,
    *,
    training: bool = False,
    draws: int = 1,
) -> SkeletonDataset:
    """The clips of a split, prepared as the options say.

    Frames are chosen at random for ``training`` and for several ``draws`` of a clip, ``rotate`` and
    ``scale`` for training alone; a preset has one random form for both.

    Raises:
        ValueError: If the options mean nothing, or several draws of a clip would be equal.
    """
    _check_data(data)
    check_draws(data, draws)
    prepare = Preparation(graph.layout, data, vary=training)
    options: dict[str, Any] = {
        "augment" if training or draws > 1 else "keypoint_transform": prepare,
        "graph": graph,
        "on_error": data.on_error,
        "workers": data.workers,
        "dtype": data.dtype,
    }
    if data.name in datasets.BENCHMARKS:
        options |= {"benchmark": data.name, "bodies": data.bodies}
        return datasets.NTURGBD(data.root, split, **options)
    if data.name.startswith("synthetic-"):
        protocol: Any = data.name.removeprefix("synthetic-")
        options |= {"performers": data.performers, "bodies": data.bodies}
        return datasets.SyntheticActions(data.root, split, protocol, **options)
    if data.name in DATASETS_WITH_LAYOUT:
        options["layout"] = graph.layout
    return DATASETS[data.name](data.root, split, **options)


def check_draws(data: DataOptions, draws: int) -> None:
    """Raise :class:`ValueError` if several draws of a clip would be equal."""
    if draws == 1:
        return
    _check_data(data)
    by_preset = bool(data.preset) and PRESETS[data.preset].random
    if not (by_preset or data.frames or data.every > 1):
        raise ValueError(
            f"Nothing is chosen at random, so {draws} draws of a clip are equal; sample frames "
            "(data.frames), or take each clip once."
        )


def make_model(
    dataset: SkeletonDataset, model: ModelOptions, graph: SkeletonGraph
) -> SkeletonNetwork:
    """A fresh network on a graph, for the clips of a data set."""
    presets: dict[Any, Any] = {"ten": TEN_BLOCKS, "small": SMALL_BLOCKS}
    blocks = presets.get(model.blocks) if isinstance(model.blocks, str) else model.blocks
    if not blocks or any(len(block) != 2 or min(block) < 1 for block in blocks):
        raise ValueError(
            f"blocks is ten, small, or a list of [channels, stride], not {model.blocks!r}."
        )
    if model.dropout is not None and not 0 <= model.dropout < 1:
        raise ValueError(f"dropout is a probability below 1, not {model.dropout}.")
    with torch.random.fork_rng(devices=[]):  # looking at a clip shall not change the weights
        channels = dataset[0].num_node_features
    network = NETWORKS[model.network](
        channels,
        dataset.num_classes,
        graph,
        blocks=[(width, stride) for width, stride in blocks],
        dropout=model.dropout,
    )
    for module in network.modules():
        if isinstance(module, EdgeImportance):
            module.requires_grad_(model.edge_importance)
    return network


def config_text(training: TrainingOptions, **groups: Any) -> str:
    """Options as the YAML file that ``stgraph train --config`` takes."""
    plain = asdict(training) | {name: asdict(group) for name, group in groups.items()}
    return yaml.safe_dump(plain, sort_keys=False)


def _check_data(data: DataOptions) -> None:
    names = ("synthetic-xsub", "synthetic-xview", *datasets.BENCHMARKS, *DATASETS)
    if data.name not in names:
        raise ValueError(f"There is no data set '{data.name}'; there are {', '.join(names)}.")
    if data.preset and data.preset not in PRESETS:
        raise ValueError(f"There is no preset '{data.preset}'; there are {', '.join(PRESETS)}.")
    known = DataOptions()
    others = [
        f"--data.{name} is {getattr(data, name)}, not {getattr(known, name)}"
        for name in ("frames", "every", "align", "rotate", "scale")
        if getattr(data, name) != getattr(known, name)
    ]
    if data.preset and others:
        raise ValueError(
            f"The preset '{data.preset}' is all that is done to clips, but {', '.join(others)}, "
            "by the command line, a recipe or a file; set it so."
        )
    if data.pad and (len(data.pad) != 2 or min(data.pad) < 1):
        raise ValueError(f"pad takes frames and persons, such as [300, 2], found {data.pad}.")
    if data.align and len(data.align) != 4:
        raise ValueError(f"align takes four joint names, found {len(data.align)}.")
    if min(data.frames, data.rotate, data.scale, data.coordinates) < 0 or data.every < 1:
        raise ValueError(
            "frames, rotate, scale and coordinates are not negative, every is at least 1; found "
            f"{data.frames}, {data.rotate}, {data.scale}, {data.coordinates}, {data.every}."
        )


def _function(text: str, home: Any, known: tuple[str, ...], what: str) -> Callable[..., Any]:
    """The function of that name in ``home``, or ``module:function``."""
    if ":" in text:
        sys.path.insert(0, "")  # the console script does not look into the current folder
        module, _, name = text.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise ValueError(f"The {what} '{text}' cannot be imported: {error}.") from None
    if text not in known:
        raise ValueError(
            f"There is no {what} '{text}'; there are {', '.join(known)}, or module:function."
        )
    return getattr(home, text)


def layout_by_name(name: str) -> SkeletonLayout:
    """A constant of :mod:`stgraph.layouts` by name, or a layout from a JSON file."""
    if Path(name).suffix == ".json":
        return SkeletonLayout.load(name)
    known = {
        key: value for key, value in vars(layouts).items() if isinstance(value, SkeletonLayout)
    }
    if name.upper() not in known:
        raise ValueError(
            f"There is no layout '{name}'; there are {', '.join(sorted(known))}, or a JSON file."
        )
    return known[name.upper()]
