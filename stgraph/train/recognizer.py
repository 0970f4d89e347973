"""A network with its loss, its metrics and its optimiser, for Lightning."""

from __future__ import annotations

from typing import Any

import lightning
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torchmetrics.classification import MulticlassAccuracy

from stgraph.checkpoints import check_same_network, describe
from stgraph.data import SkeletonData
from stgraph.nn import SkeletonNetwork
from stgraph.options import TrainingOptions
from stgraph.train.optimization import make_optimizer, share_of_rate


class ActionRecognizer(lightning.LightningModule):
    """A network, its loss, its metrics and its optimiser.

    Args:
        model: The network.
        options: How it is trained.
        class_names: One per output.
        data: How clips are prepared, kept in check points for later prediction.
        class_weights: How much a clip of each class counts in the loss, float ``[classes]``.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        model: SkeletonNetwork,
        options: TrainingOptions,
        class_names: tuple[str, ...],
        data: dict[str, Any],
        class_weights: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.model.recompute = options.recompute
        self.options = options
        self.class_names = class_names
        self.data = data
        self.register_buffer("class_weights", class_weights, persistent=False)
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

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy with smoothed labels and weighted classes, the weighted mean over clips."""
        return cross_entropy(
            logits,
            labels,
            self.class_weights,
            label_smoothing=self.options.label_smoothing,
        )

    def configure_optimizers(self) -> Any:
        options = self.options
        steps = int(self.trainer.estimated_stepping_batches)
        self.clips_per_step = self.num_clips * options.epochs / steps
        optimizer = make_optimizer(self.model.parameters(), options, self.clips_per_step)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: share_of_rate(options, step, steps)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    @property
    def num_clips(self) -> int:
        """Clips of an epoch, of all processes together."""
        loader = self.trainer.train_dataloader
        assert loader is not None
        return len(loader.dataset)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["stgraph"] = describe(self.model, self.class_names, self.data)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        check_same_network(checkpoint, describe(self.model, self.class_names, self.data))
