"""Training with Lightning; the only file that imports it."""

from __future__ import annotations

import logging
import math
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import (
    Callback,
    LearningRateMonitor,
    ModelCheckpoint,
    RichProgressBar,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor
from torchmetrics.classification import MulticlassAccuracy

from stgraph.checkpoints import check_resume, check_same_network, describe
from stgraph.data import SkeletonData
from stgraph.datasets import ClipDataset, SkeletonLoader
from stgraph.evaluate import check_labelled
from stgraph.nn import SkeletonNetwork
from stgraph.options import TrainingOptions

_EXPECTED_WARNINGS = (
    ".*does not have many workers.*",
    ".*number of training batches.*",
    ".*exists and is not empty.*",
    ".*treespec, LeafSpec.*",
)
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


class ActionRecognizer(lightning.LightningModule):
    """A network, its loss, its metrics and its optimiser.

    Args:
        model: The network.
        options: How it is trained.
        class_names: One per output.
        data: How clips are prepared, kept in check points for later prediction.
    """

    def __init__(
        self,
        model: SkeletonNetwork,
        options: TrainingOptions,
        class_names: tuple[str, ...],
        data: dict[str, Any],
    ) -> None:
        super().__init__()
        self.model = model
        self.model.recompute = options.recompute
        self.options = options
        self.class_names = class_names
        self.data = data
        self.loss = torch.nn.CrossEntropyLoss(label_smoothing=options.label_smoothing)
        classes = model.num_classes
        self.metrics = torch.nn.ModuleDict(
            {
                f"top{top}": MulticlassAccuracy(classes, top_k=top, average="micro")
                for top in (1, 5)
                if top <= classes
            }
        )

    def training_step(self, batch: SkeletonData) -> Tensor:
        loss = self.loss(self.model(batch), batch.y)
        if not bool(loss.isfinite()):
            names = ", ".join(str(clip.name) for clip in batch.clips)
            raise ValueError(
                f"The loss is {loss.item()} in epoch {self.current_epoch + 1}, clips {names}; "
                "lower learning_rate or set gradient_clip."
            )
        size = batch.num_graphs
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=size, sync_dist=True)
        return loss

    def validation_step(self, batch: SkeletonData) -> None:
        logits = self.model(batch)
        loss = self.loss(logits, batch.y)
        self.log("val_loss", loss, batch_size=batch.num_graphs, sync_dist=True)
        for name, metric in self.metrics.items():
            assert isinstance(metric, MulticlassAccuracy)
            metric(logits, batch.y)
            self.log(f"val_{name}", metric, batch_size=batch.num_graphs)

    def configure_optimizers(self) -> Any:
        options = self.options
        optimizer = torch.optim.SGD(
            self.model.parameters(),
            lr=options.learning_rate,
            momentum=options.momentum,
            nesterov=options.momentum > 0,
            weight_decay=options.weight_decay,
        )
        steps = int(self.trainer.estimated_stepping_batches)
        warmup = max(1, round(options.warmup_epochs * steps / options.epochs))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: warm_cosine(step, warmup, steps)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["stgraph"] = describe(self.model, self.class_names, self.data)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        check_same_network(checkpoint, describe(self.model, self.class_names, self.data))


def warm_cosine(step: int, warmup: int, steps: int) -> float:
    """The share of the learning rate at a step: a line up to 1, then half a cosine down to 0."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    share = (step - warmup) / max(1, steps - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and PyTorch, here and in the processes that read clips."""
    lightning.seed_everything(seed, workers=True, verbose=False)


class EpochLine(Callback):
    """One printed line per epoch, readable in a terminal and in a log file."""

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self._start = time.monotonic()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if not trainer.is_global_zero:
            return
        found = {key: float(value) for key, value in trainer.callback_metrics.items()}
        print(
            f"epoch {trainer.current_epoch + 1:3d}/{trainer.max_epochs}"
            f"  loss {found.get('train_loss', float('nan')):.4f}"
            f"  test top-1 {100 * found.get('val_top1', float('nan')):5.1f} %"
            f"  {time.monotonic() - self._start:.0f} s",
            flush=True,
        )


def fit(
    recognizer: ActionRecognizer,
    train_set: ClipDataset,
    test_set: ClipDataset,
    out: str | Path,
    *,
    resume: str | Path | None = None,
) -> dict[str, float]:
    """Train, writing to ``out``: metrics.csv, TensorBoard events, checkpoints/best and last.

    Returns:
        The metrics of the last epoch.

    Raises:
        ValueError: If a clip has no label, the check point to resume from is missing or of another
            architecture, or the loss is no longer finite.
    """
    options, out = recognizer.options, Path(out)
    for clips in (train_set, test_set):
        check_labelled(clips)
    if resume is not None:
        check_resume(resume, options.epochs)
    loaders = [
        SkeletonLoader(
            clips,
            batch_size=None if options.max_nodes else options.batch_size,
            max_nodes=options.max_nodes or None,
            shuffle=training,
            seed=options.seed,
            num_workers=options.workers,
            persistent_workers=options.workers > 0,
        )
        for clips, training in ((train_set, True), (test_set, False))
    ]
    _keep_metrics(out)
    trainer = make_trainer(options, out)
    with warnings.catch_warnings():
        for expected in _EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message=expected)
        train_loader, test_loader = loaders
        trainer.fit(recognizer, train_loader, test_loader, ckpt_path=resume, weights_only=True)
    return {key: float(value) for key, value in trainer.callback_metrics.items()}


def _keep_metrics(out: Path) -> None:
    """Move the metrics of an earlier run out of the way; the logger would delete them."""
    metrics = out / "metrics.csv"
    if metrics.is_file():
        metrics.rename(out / f"metrics-{len(list(out.glob('metrics*.csv')))}.csv")


def make_trainer(options: TrainingOptions, out: Path) -> lightning.Trainer:
    """Lightning's trainer with our loggers and check points."""
    folder = out / "checkpoints"
    always: dict[str, Any] = {"save_on_train_epoch_end": True, "enable_version_counter": False}
    callbacks: list[Callback] = [
        ModelCheckpoint(folder, "best", monitor="val_top1", mode="max", **always),
        ModelCheckpoint(folder, "last", **always),
        LearningRateMonitor("epoch"),
        EpochLine(),
    ]
    interactive = sys.stderr.isatty()
    if interactive:
        callbacks.append(RichProgressBar(leave=False))
    try:
        return lightning.Trainer(
            max_epochs=options.epochs,
            devices=options.devices,
            accelerator=options.accelerator,
            precision=options.precision,
            gradient_clip_val=options.gradient_clip or None,
            logger=[
                CSVLogger(out, name="", version=""),
                TensorBoardLogger(out, name="", version="tensorboard"),
            ],
            callbacks=callbacks,
            enable_progress_bar=interactive,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,  # our sampler knows the processes
            log_every_n_steps=1,
        )
    except (MisconfigurationException, ModuleNotFoundError) as error:
        raise ValueError(f"Lightning cannot train with these settings: {error}") from None
