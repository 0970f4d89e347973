"""Lightning's trainer, with our loggers, check points and loaders."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import lightning
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    EMAWeightAveraging,
    LearningRateMonitor,
    ModelCheckpoint,
    RichProgressBar,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from stgraph.checkpoints import check_resume, checkpoint_file
from stgraph.datasets import ClipDataset, SkeletonLoader
from stgraph.evaluate import check_labelled
from stgraph.options import TrainingOptions
from stgraph.train.callbacks import EpochLine, SaveWithin
from stgraph.train.facts import write_facts
from stgraph.train.files import WholeFiles
from stgraph.train.recognizer import ActionRecognizer

_EXPECTED_WARNINGS = (
    ".*does not have many workers.*",
    ".*number of training batches.*",
    ".*exists and is not empty.*",
    ".*treespec, LeafSpec.*",
)
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and PyTorch, here and in the processes that read clips."""
    lightning.seed_everything(seed, workers=True, verbose=False)


def fit(
    recognizer: ActionRecognizer,
    train_set: ClipDataset,
    test_set: ClipDataset,
    out: str | Path,
    *,
    resume: str | Path | None = None,
    config: str = "",
) -> dict[str, float]:
    """Train, writing to ``out``: metrics.csv, TensorBoard events, checkpoints/best and last.

    Args:
        recognizer: The network and how it is trained.
        train_set: Clips to train on.
        test_set: Clips to test on after each epoch.
        out: The folder of the run; nothing is written before all is found to fit.
        resume: A check point to go on from, or the folder of its run.
        config: What ``config.yaml`` of the run says.

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
        resume = checkpoint_file(resume)
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
    trainer, (train_loader, test_loader) = make_trainer(options, out), loaders
    recognizer.plan_steps(train_loader.steps(trainer.world_size), len(train_set))
    if trainer.is_global_zero:
        _keep_metrics(out, resume is not None)
        write_facts(out / "run.json", options.seed)
        if config:
            (out / "config.yaml").write_text(config, encoding="utf-8")
    with warnings.catch_warnings():
        for expected in _EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message=expected)
        trainer.fit(recognizer, train_loader, test_loader, ckpt_path=resume, weights_only=True)
    return {key: float(value) for key, value in trainer.callback_metrics.items()}


def _keep_metrics(out: Path, resumed: bool) -> None:
    """Move the metrics of an earlier start out of the way; those of another run are deleted."""
    metrics = out / "metrics.csv"
    if not resumed:
        for stale in [*out.glob("metrics*.csv"), out / "run.json"]:
            stale.unlink(missing_ok=True)
    elif metrics.is_file():
        metrics.rename(out / f"metrics-{len(list(out.glob('metrics*.csv')))}.csv")


def make_trainer(options: TrainingOptions, out: Path) -> lightning.Trainer:
    """Lightning's trainer with our loggers and check points."""
    interactive = sys.stderr.isatty()
    try:
        return lightning.Trainer(
            max_epochs=options.epochs,
            devices=options.devices,
            num_nodes=options.num_nodes,
            accelerator=options.accelerator,
            precision=options.precision,
            gradient_clip_val=options.gradient_clip or None,
            logger=[
                CSVLogger(out, name="", version="", flush_logs_every_n_steps=1),
                TensorBoardLogger(out, name="", version="tensorboard"),
            ],
            plugins=[WholeFiles()],
            callbacks=_callbacks(options, out / "checkpoints", interactive),
            enable_progress_bar=interactive,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,  # our sampler knows the processes
            log_every_n_steps=1,
        )
    except (MisconfigurationException, ModuleNotFoundError) as error:
        raise ValueError(f"Lightning cannot train with these settings: {error}") from None


def _callbacks(options: TrainingOptions, folder: Path, interactive: bool) -> list[Callback]:
    always: dict[str, Any] = {"save_on_train_epoch_end": True, "enable_version_counter": False}
    best: dict[str, Any] = {"monitor": "val_top1", "mode": "max"}
    callbacks: list[Callback] = [
        ModelCheckpoint(folder, "best", **best, **always),
        ModelCheckpoint(folder, "last", **always),
        LearningRateMonitor("epoch"),
        EpochLine(),
    ]
    if options.save_every:
        callbacks.append(SaveWithin(folder / "last.ckpt", options.save_every))
    if options.ema:
        callbacks.insert(0, EMAWeightAveraging(decay=options.ema))
    if options.early_stopping:
        callbacks.append(EarlyStopping(**best, patience=options.early_stopping))
    if interactive:
        callbacks.append(RichProgressBar(leave=False))
    return callbacks
