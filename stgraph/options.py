"""What a config file or a command line says, and the objects it stands for.

This and :mod:`stgraph.cli` are the only places where text becomes objects.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from torch import Tensor

from stgraph import datasets, layouts, normalization, partition, transforms
from stgraph.datasets import SkeletonDataset
from stgraph.datasets.ntu import Bodies
from stgraph.graph import SkeletonGraph
from stgraph.nn import STGCN, TEN_BLOCKS, SkeletonNetwork, STGCNPlusPlus, STGCNv010
from stgraph.presets import PRESETS
from stgraph.skeleton import SkeletonLayout

SMALL_BLOCKS = ((32, 1), (64, 2), (64, 1), (128, 2))

NETWORKS: dict[str, type[SkeletonNetwork]] = {
    "stgcn": STGCN,
    "stgcn++": STGCNPlusPlus,
    "stgcn-v0.1.0": STGCNv010,
}
PARTITIONS = ("uniform", "distance", "spatial", "spatial_2018")
NORMALIZATIONS = (
    "per_target",
    "per_subset",
    "symmetric",
    "none",
    "random_walk_laplacian",
    "symmetric_laplacian",
)


@dataclass(frozen=True)
class DataOptions:
    """Which clips, and what is done to their keypoints before the graph is made.

    Args:
        name: synthetic-xsub, synthetic-xview, ntu60-xsub, ntu60-xview, ntu120-xsub, ntu120-xset,
            or folder for clips of your own (see docs/own_data.md).
        root: The folder of the data set; raw files lie in root/raw.
        performers: Of the synthetic set: how many people act.
        test_split: The split that evaluation looks at.
        on_error: fail, or skip raw files that cannot be read.
        preset: What a released program does to clips, by name, instead of all that follows here:
            stgcn, agcn, ctrgcn, pyskl ... (see stgraph.presets).
        coordinates: How many channels, from the first, are coordinates; 0: all. With x, y and a
            score it is 2, so that the score is left alone.
        center: Whether the layout's centre joint starts at the origin.
        align: Four joint names (from, to, from, to): the first two will point up, the others along
            x; for example [spine base, spine mid, left shoulder, right shoulder]. Empty: leave.
        frames: Sample every clip to this many frames; 0 keeps the clips' own lengths.
        every: Keep every so-many-th frame, which keeps the tempo of short and long clips alike.
        rotate: Training clips turn by up to this many radians about each axis.
        scale: Training clips grow or shrink by up to this share along each axis.
    """

    name: str = "synthetic-xsub"
    root: str = "datasets/synthetic-actions"
    performers: int = 40
    test_split: str = "test"
    on_error: Literal["fail", "skip"] = "fail"
    preset: str = ""
    coordinates: int = 0
    center: bool = True
    align: list[str] = field(default_factory=list)
    frames: int = 0
    every: int = 1
    rotate: float = 0.0
    scale: float = 0.0

    @property
    def bodies(self) -> Bodies:
        """Which bodies of an NTU file become persons."""
        return PRESETS[self.preset].bodies if self.preset else "two"


@dataclass(frozen=True)
class ModelOptions:
    """The graph of a frame and the network on it.

    Args:
        network: stgcn, stgcn++ (learns its adjacency, temporal branches) or stgcn-v0.1.0.
        partition: uniform, distance, spatial or spatial_2018, or module:function for your own.
        normalization: per_target, per_subset, symmetric, none, random_walk_laplacian or
            symmetric_laplacian, or module:function for your own.
        temporal: factorized (space, then time) or product (one kernel over both).
        temporal_kernel: Frames that a node looks at, odd.
        max_hop: How many bones away a neighbour may be.
        blocks: ten (as published), small, or a list of [channels, stride].
        dropout: In every block but the first; by default the network's own, 0.5 or, for stgcn++,
            none.
    """

    network: Literal["stgcn", "stgcn++", "stgcn-v0.1.0"] = "stgcn"
    partition: str = "spatial"
    normalization: str = "per_target"
    temporal: Literal["factorized", "product"] = "factorized"
    temporal_kernel: int = 9
    max_hop: int = 1
    blocks: Literal["ten", "small"] | list[list[int]] = "ten"
    dropout: float | None = None


@dataclass(frozen=True)
class TrainingOptions:
    """How a network is trained: SGD with Nesterov momentum, warm-up, then cosine to zero.

    Args:
        epochs: Passes over the training clips.
        batch_size: Clips per step and device.
        learning_rate: After warm-up.
        weight_decay: L2 penalty on all weights, as in the released programs.
        momentum: Of SGD.
        warmup_epochs: Epochs, or a part of one, in which the rate rises linearly from zero.
        label_smoothing: Share of the target spread over all classes.
        gradient_clip: Largest norm of the gradient; 0 leaves it.
        seed: Of everything random.
        workers: Processes that read clips; 0 reads in this one.
        devices: How many, or auto.
        accelerator: cpu, gpu or auto.
        precision: 32-true, bf16-mixed, 16-mixed or 64-true.
    """

    epochs: int = 30
    batch_size: int = 16
    learning_rate: float = 0.05
    weight_decay: float = 5e-4
    momentum: float = 0.9
    warmup_epochs: float = 1.0
    label_smoothing: float = 0.0
    gradient_clip: float = 0.0
    seed: int = 0
    workers: int = 1
    devices: int | Literal["auto"] = "auto"
    accelerator: str = "auto"
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "64-true"] = "32-true"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or self.learning_rate <= 0 or self.workers < 0:
            raise ValueError(
                f"epochs and batch_size are at least 1, learning_rate above 0, workers at least 0; "
                f"found {self.epochs}, {self.batch_size}, {self.learning_rate}, {self.workers}."
            )


@dataclass(frozen=True)
class Preparation:
    """What is done to the keypoints of a clip, in order: choose frames, centre, align, vary."""

    layout: SkeletonLayout
    options: DataOptions
    training: bool

    def __call__(self, keypoints: Tensor) -> Tensor:
        options = self.options
        generator = None
        if self.training:
            generator = torch.Generator().manual_seed(int(torch.randint(2**31, ())))
        if options.preset:
            return PRESETS[options.preset].prepare(keypoints, generator=generator)
        if options.every > 1:
            keypoints = transforms.thin(keypoints, options.every, generator=generator)
        if options.frames:
            keypoints = transforms.resample(keypoints, options.frames, generator=generator)
        channels = options.coordinates or keypoints.shape[-1]
        points, score = keypoints[..., :channels], keypoints[..., channels:]
        return torch.cat([self._place(points, generator), score], dim=-1)

    def _place(self, points: Tensor, generator: torch.Generator | None) -> Tensor:
        options = self.options
        if options.center:
            points = transforms.center(points, self.layout.center)
        if options.align:
            bottom, top, left, right = (self.layout.index(name) for name in options.align)
            points = transforms.align(points, (bottom, top), (left, right))
        if self.training and options.rotate:
            points = transforms.random_rotation(points, options.rotate, generator=generator)
        if self.training and options.scale:
            points = transforms.random_scale(points, options.scale, generator=generator)
        return points


def make_layout(data: DataOptions) -> SkeletonLayout:
    """The skeleton of a data set."""
    return datasets.folder_layout(data.root) if data.name == "folder" else layouts.NTU25


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
    data: DataOptions, split: str, graph: SkeletonGraph, *, training: bool = False
) -> SkeletonDataset:
    """The clips of a split, prepared as the options say, at random only if for ``training``."""
    _check_data(data)
    prepare = Preparation(graph.layout, data, training)
    if data.name == "folder":
        return datasets.SkeletonFolder(
            data.root, split, graph=graph, keypoint_transform=prepare, on_error=data.on_error
        )
    if data.name.startswith("synthetic-"):
        return datasets.SyntheticActions(
            data.root,
            split,
            "xview" if data.name.endswith("xview") else "xsub",
            performers=data.performers,
            bodies=data.bodies,
            graph=graph,
            keypoint_transform=prepare,
        )
    return datasets.NTURGBD(
        data.root,
        split,
        data.name,  # type: ignore[arg-type]
        bodies=data.bodies,
        graph=graph,
        keypoint_transform=prepare,
        on_error=data.on_error,
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
    channels = dataset.records[0].shape[3]
    return NETWORKS[model.network](
        channels,
        dataset.num_classes,
        graph,
        blocks=[(width, stride) for width, stride in blocks],
        dropout=model.dropout,
    )


def save_config(path: Path, training: TrainingOptions, **groups: Any) -> None:
    """Write options as the YAML file that ``stgraph train --config`` takes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = asdict(training) | {name: asdict(group) for name, group in groups.items()}
    path.write_text(yaml.safe_dump(plain, sort_keys=False), encoding="utf-8")


def _check_data(data: DataOptions) -> None:
    names = ("synthetic-xsub", "synthetic-xview", *datasets.BENCHMARKS, "folder")
    if data.name not in names:
        raise ValueError(f"There is no data set '{data.name}'; there are {', '.join(names)}.")
    if data.preset and data.preset not in PRESETS:
        raise ValueError(f"There is no preset '{data.preset}'; there are {', '.join(PRESETS)}.")
    if data.preset and (data.frames or data.every > 1 or data.align or data.rotate or data.scale):
        raise ValueError(
            f"The preset '{data.preset}' is all that is done to clips; leave out frames, every, "
            "align, rotate and scale."
        )
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
