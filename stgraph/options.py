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
        stream: joint, bone, joint_motion or bone_motion, taken of the prepared clip.
        clock: Whether nodes know their moment, by a further channel: then the network knows how
            long a clip is, which otherwise only padding tells.
        pad: Frames and persons that every clip gets, zeros where it has none, as in the released
            programs; empty: clips stay as they are.
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
    stream: Literal["joint", "bone", "joint_motion", "bone_motion"] = "joint"
    clock: bool = False
    pad: list[int] = field(default_factory=list)

    @property
    def bodies(self) -> Bodies:
        """Which bodies of an NTU file become persons."""
        return PRESETS[self.preset].bodies if self.preset else "two"


@dataclass(frozen=True)
class ModelOptions:
    """The graph of a frame and the network on it.

    Args:
        network: stgcn, stgcn++ (learns its adjacency, temporal branches) or stgcn-v0.1.0.
        partition: uniform, distance, spatial, spatial_2018 or local, or module:function for your
            own.
        normalization: per_target, per_subset, symmetric, none, random_walk_laplacian or
            symmetric_laplacian, or module:function for your own.
        temporal: factorized (space, then time) or product (one kernel over both).
        temporal_kernel: Frames that a node looks at, odd.
        max_hop: How many bones away a neighbour may be.
        blocks: ten (as published), small, or a list of [channels, stride].
        edge_importance: Whether blocks learn a factor for each edge; of stgcn++, its adjacency.
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
    edge_importance: bool = True
    dropout: float | None = None


@dataclass(frozen=True)
class TrainingOptions:
    """How a network is trained.

    Args:
        epochs: Passes over the training clips.
        batch_size: Clips per step and device.
        max_nodes: Fill batches up to so many nodes instead, counted as stored, before frames are
            sampled or padded; 0: by batch_size.
        optimizer: sgd or adamw.
        learning_rate: After warm-up, for steps of learning_rate_batch clips.
        learning_rate_batch: The rate grows in proportion to the clips of a step, of all devices
            together (Goyal et al. 2017, for SGD; with its root for AdamW); 0: it stays as it is.
        weight_decay: L2 penalty on all weights, as in the released programs.
        momentum: Of SGD.
        nesterov: Whether SGD looks ahead.
        schedule: What the rate does after warm-up: cosine down to zero, in steps, or constant.
        milestones: Epochs after which the rate of schedule step falls.
        gamma: By which factor it falls.
        warmup_epochs: Epochs, or a part of one, in which the rate rises linearly from zero.
        label_smoothing: Share of the target spread over all classes.
        class_weights: none, or balanced: clips of a class weigh as much as those of any other.
        gradient_clip: Largest norm of the gradient; 0 leaves it.
        test_clips: Of each test clip so many are drawn in the final evaluation, as in training but
            without rotate and scale, and their probabilities averaged; 1: the clip itself.
        ema: Decay, per step, of an exponential moving average of the weights, which is what is
            tested and saved; 0: the weights themselves.
        early_stopping: Stop after so many epochs without a better accuracy; 0: never.
        sync_statistics: Whether normalisation sees the clips of all devices together.
        recompute: Keep between forward and backward what goes into blocks alone: less memory, more
            time.
        save_every: Steps after which a check point is written within an epoch; 0: at its end only.
        seed: Of everything random.
        workers: Processes that read clips; 0 reads in this one.
        devices: How many of a machine, or auto.
        num_nodes: How many machines.
        accelerator: cpu, gpu or auto.
        precision: 32-true, bf16-mixed, 16-mixed or 64-true.
    """

    epochs: int = 30
    batch_size: int = 16
    max_nodes: int = 0
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = 0.05
    learning_rate_batch: int = 16
    weight_decay: float = 5e-4
    momentum: float = 0.9
    nesterov: bool = True
    schedule: Literal["cosine", "step", "constant"] = "cosine"
    milestones: list[int] = field(default_factory=list)
    gamma: float = 0.1
    warmup_epochs: float = 1.0
    label_smoothing: float = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    gradient_clip: float = 0.0
    test_clips: int = 1
    ema: float = 0.0
    early_stopping: int = 0
    sync_statistics: bool = False
    recompute: bool = False
    save_every: int = 0
    seed: int = 0
    workers: int = 1
    devices: int | Literal["auto"] = "auto"
    num_nodes: int = 1
    accelerator: str = "auto"
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "64-true"] = "32-true"

    def __post_init__(self) -> None:
        least = {
            **dict.fromkeys(("epochs", "batch_size", "test_clips", "num_nodes"), 1),
            **dict.fromkeys(("workers", "max_nodes", "learning_rate_batch"), 0),
            **dict.fromkeys(("early_stopping", "save_every"), 0),
        }
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise ValueError(f"{name} is at least {bound}, found {getattr(self, name)}.")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate is above 0, found {self.learning_rate}.")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema is at least 0 and below 1, found {self.ema}.")
        if (self.schedule == "step") != bool(self.milestones):
            raise ValueError(
                f"The schedule is '{self.schedule}' and milestones are {self.milestones}; those "
                "of schedule 'step' are needed, others have none."
            )
