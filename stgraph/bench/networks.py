"""Cases of whole networks: ``STGCN`` on what is there, and the dense program on padded clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from stgraph.bench.case import Case, Side, Step
from stgraph.bench.clips import (
    GRAPH,
    Choose,
    full,
    hour,
    keypoints_of,
    node_batch,
    padded,
    ragged,
    recipe,
    single,
)
from stgraph.bench.dense import DenseSTGCN
from stgraph.bench.setting import Precision, Setting, Sizes
from stgraph.nn import STGCN, in_chunks

CLASSES = 60


def training(setting: Setting, model: torch.nn.Module, data: Callable[[], object]) -> Step:
    """Forward, cross-entropy, backward, SGD with momentum; ``data`` gives the batch of a step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def run() -> None:
        optimizer.zero_grad()
        batch = data()
        with setting.autocast():
            logits = model(batch)
            loss = cross_entropy(logits, labels_of(logits))
        loss.backward()
        optimizer.step()

    return Step(run, _nodes(data()))


def labels_of(logits: Tensor) -> Tensor:
    """A class for each clip."""
    return torch.arange(len(logits), device=logits.device) % CLASSES


def inference(setting: Setting, model: torch.nn.Module, data: Callable[[], object]) -> Step:
    """Logits in evaluation mode, nothing kept for a gradient; ours folds its normalisation."""
    model = model.eval()
    if isinstance(model, STGCN):
        model = model.fuse()

    def run() -> Tensor:
        with torch.inference_mode(), setting.autocast():
            return model(data())

    return Step(run, _nodes(data()))


def inference_in_chunks(
    setting: Setting, model: torch.nn.Module, data: Callable[[], object]
) -> Step:
    """As :func:`inference`, so many frames at a time."""
    assert isinstance(model, STGCN)
    fused, frames = model.fuse(), setting.sizes.chunk

    def run() -> Tensor:
        with torch.inference_mode(), setting.autocast():
            return in_chunks(fused, data(), frames)  # type: ignore[arg-type]

    return Step(run, _nodes(data()))


Task = Callable[[Setting, torch.nn.Module, Callable[[], object]], Step]


def sparse(setting: Setting, task: Task, choose: Choose) -> Step:
    """Our network; every step gets a batch it has not seen, as from a loader: nodes, no edges."""
    batch = node_batch(keypoints_of(choose(setting)), setting.device)
    return task(setting, STGCN(3, CLASSES, GRAPH).to(setting.device), batch.clone)


def dense(setting: Setting, task: Task, choose: Choose, pad: bool = True) -> Step:
    """The released network; on a GPU in channels-last form."""
    on_gpu = setting.device == "cuda"
    frames = setting.sizes.frames if pad else None
    array = padded(keypoints_of(choose(setting)), setting.device, frames)
    model = DenseSTGCN(3, CLASSES, GRAPH.adjacency, channels_last=on_gpu).to(setting.device)
    return task(setting, model, lambda: array)


def network_cases(sizes: Sizes) -> tuple[Case, ...]:
    """Training and inference against the dense program, precisions, and growth with clips."""
    batch = f"{sizes.batch} clips"
    train, infer = f"training step, {batch}", f"inference, {batch}"
    padded_to = f"dense ST-GCN, padded to {sizes.frames} x 2"
    unpadded = "dense ST-GCN, unpadded"
    return (
        _against("train-ragged", f"{train} as long as NTU's", padded_to, training, ragged),
        _against("train-full", f"{train} of {sizes.frames} x 2", unpadded, training, full),
        _against("train-100", f"{train} of {sizes.recipe} x 2", unpadded, training, recipe),
        _against("infer-ragged", f"{infer} as long as NTU's", padded_to, inference, ragged),
        _against("infer-one", f"inference, {sizes.single} x 1", padded_to, inference, single),
        Case("train-bf16", f"{train} as long as NTU's", _precisions(), each_precision=False),
        Case("infer-hour", f"inference, {sizes.hour:,} x 1", _long(sizes), most_rounds=3),
        Case("growth", "training step, more and more clips", _growth(sizes), "per unit"),
    )


def _against(key: str, what: str, name: str, task: Task, choose: Choose) -> Case:
    """``STGCN`` and the dense program on the same clips; frames x persons is what they hold."""
    ours = Side("STGCN", partial(sparse, task=task, choose=choose))
    pad = choose not in (full, recipe)
    return Case(key, what, (ours, Side(name, partial(dense, task=task, choose=choose, pad=pad))))


def _precisions() -> tuple[Side, ...]:
    names: dict[Precision, str] = {"bf16": "STGCN, bf16 autocast", "fp32": "STGCN, fp32"}
    return tuple(
        Side(name, partial(in_precision, precision=precision)) for precision, name in names.items()
    )


def in_precision(setting: Setting, precision: Precision) -> Step:
    """Our training step in a precision of its own."""
    return sparse(replace(setting, precision=precision), training, ragged)


def _long(sizes: Sizes) -> tuple[Side, ...]:
    return (
        Side(
            f"STGCN, in chunks of {sizes.chunk:,} frames",
            partial(sparse, task=inference_in_chunks, choose=hour),
        ),
        Side("STGCN, all at once", partial(sparse, task=inference, choose=hour)),
    )


def _growth(sizes: Sizes) -> tuple[Side, ...]:
    return tuple(
        Side(
            f"STGCN, clips: {count}",
            partial(sparse, task=training, choose=partial(ragged, count=count)),
        )
        for count in sizes.growth
    )


def _nodes(data: object) -> float:
    """Node rows of a batch, or of a padded array ``[B, M, T, V, C]``."""
    nodes = data[..., 0].numel() if isinstance(data, Tensor) else data.num_nodes  # type: ignore[attr-defined]
    return float(nodes)
