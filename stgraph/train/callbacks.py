"""What is printed and saved while a network trains."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback

SILENCE = 30  # seconds after which a long epoch says where it is


class EpochLine(Callback):
    """One printed line per epoch, more in long ones, readable in a terminal and in a log file."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._start = self._said = time.monotonic()
        if trainer.global_step and trainer.is_global_zero:
            print(f"goes on after step {trainer.global_step}", flush=True)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now, bar = time.monotonic(), trainer.progress_bar_callback
        if now - self._said < SILENCE or not trainer.is_global_zero or bar is not None:
            return
        self._said = now
        loss = float(trainer.callback_metrics["train_loss_step"])
        steps = f"step {batch_idx + 1}/{trainer.num_training_batches}"
        print(f"epoch {trainer.current_epoch + 1:3d}  {steps}  loss {loss:.4f}", flush=True)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self._start = self._said = time.monotonic()

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


class SaveWithin(Callback):
    """A check point every so many steps of an epoch; that of its end is somebody else's.

    Args:
        path: Where to write, over what is there.
        every: After how many steps.
    """

    def __init__(self, path: Path, every: int) -> None:
        self.path, self.every = path, every

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step % self.every == 0 and not trainer.is_last_batch:
            trainer.save_checkpoint(self.path)
