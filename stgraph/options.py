"""What a config file or a command line can say: plain values with their defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from stgraph.datasets.ntu import Bodies
from stgraph.presets import PRESETS


@dataclass(frozen=True)
class DataOptions:
    """Which clips, and what is done to their keypoints before the graph is made.

    Args:
        name: synthetic-xsub, synthetic-xview, ntu60-xsub, ntu60-xview, ntu120-xsub, ntu120-xset,
            kinetics, nw-ucla, pyskl, stgcn-arrays, ctrgcn-arrays, or folder for clips of your own
            (see docs/data.md).
        root: The folder of the data set; raw files lie in root/raw.
        performers: Of the synthetic set: how many people act.
        layout: The skeleton, where the data set does not know it (pyskl and arrays; default
            NTU25): a name of stgraph.layouts or a JSON file.
        train_split: The split that training takes.
        test_split: The split that evaluation looks at.
        on_error: fail, or skip clips that cannot be used.
        workers: Processes that read raw files on first use.
        dtype: float32 or float16, in which coordinates are kept on disk.
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
    layout: str = ""
    train_split: str = "train"
    test_split: str = "test"
    on_error: Literal["fail", "skip"] = "fail"
    workers: int = 1
    dtype: Literal["float32", "float16"] = "float32"
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
        max_nodes: Fill batches up to so many nodes instead, counted as stored, before frames are
            sampled or padded; 0: by batch_size.
        learning_rate: After warm-up.
        weight_decay: L2 penalty on all weights, as in the released programs.
        momentum: Of SGD.
        warmup_epochs: Epochs, or a part of one, in which the rate rises linearly from zero.
        label_smoothing: Share of the target spread over all classes.
        gradient_clip: Largest norm of the gradient; 0 leaves it.
        recompute: Keep between forward and backward what goes into blocks alone: less memory, more
            time.
        seed: Of everything random.
        workers: Processes that read clips; 0 reads in this one.
        devices: How many, or auto.
        accelerator: cpu, gpu or auto.
        precision: 32-true, bf16-mixed, 16-mixed or 64-true.
    """

    epochs: int = 30
    batch_size: int = 16
    max_nodes: int = 0
    learning_rate: float = 0.05
    weight_decay: float = 5e-4
    momentum: float = 0.9
    warmup_epochs: float = 1.0
    label_smoothing: float = 0.0
    gradient_clip: float = 0.0
    recompute: bool = False
    seed: int = 0
    workers: int = 1
    devices: int | Literal["auto"] = "auto"
    accelerator: str = "auto"
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "64-true"] = "32-true"

    def __post_init__(self) -> None:
        least = min(self.epochs - 1, self.batch_size - 1, self.workers, self.max_nodes)
        if least < 0 or self.learning_rate <= 0:
            raise ValueError(
                "epochs and batch_size are at least 1, learning_rate above 0, workers and "
                f"max_nodes at least 0; found {self.epochs}, {self.batch_size}, "
                f"{self.learning_rate}, {self.workers}, {self.max_nodes}."
            )
