"""A network with its loss, its metrics and its optimiser, for Lightning."""

from __future__ import annotations

from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torchmetrics import MeanMetric, Metric
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix

from stgraph.checkpoints import check_same_network, describe
from stgraph.data import SkeletonData
from stgraph.evaluate import mean_of_classes
from stgraph.nn import SkeletonNetwork
from stgraph.nn.norm import sync_statistics
from stgraph.options import TrainingOptions
from stgraph.processes import place, total
from stgraph.train.optimization import make_optimizer, share_of_rate


class MeanClassAccuracy(MulticlassConfusionMatrix):
    """The mean accuracy of the classes that have clips."""

    def compute(self) -> Tensor:
        return mean_of_classes(super().compute())


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
        if options.sync_statistics:
            sync_statistics(self.model)
        self.options = options
        self.class_names = class_names
        self.data = data
        self.train_loss = MeanMetric()
        self.register_buffer("class_weights", class_weights, persistent=False)
        classes = model.num_classes
        self.metrics = torch.nn.ModuleDict(
            {
                f"top{top}": MulticlassAccuracy(classes, top_k=top, average="micro")
                for top in (1, 5)
                if top <= classes
            }
            | {"mean_class": MeanClassAccuracy(classes)}
        )

    def on_train_batch_start(self, batch: SkeletonData, batch_idx: int) -> None:
        """What is random in a step follows from the seed and the step, whatever went before."""
        torch.manual_seed(step_seed(self.options.seed, self.global_step, self.global_rank))

    def training_step(self, batch: SkeletonData) -> Tensor:
        logits = self.model(batch)
        share, loss = self.weighted_loss(logits, batch.y)
        if not bool(share.isfinite()):
            raise ValueError(self._not_finite(loss, batch))
        self.train_loss.update(loss.detach(), batch.num_graphs)
        self.log("train_loss", self.train_loss, on_step=False, on_epoch=True)
        self.log("train_loss_step", loss, batch_size=batch.num_graphs)
        return share * loss

    def validation_step(self, batch: SkeletonData) -> None:
        logits = self.model(batch)
        loss = self.loss(logits, batch.y)
        self.log("val_loss", loss, batch_size=batch.num_graphs, sync_dist=True)
        for name, metric in self.metrics.items():
            assert isinstance(metric, Metric)
            metric.update(logits, batch.y)
            self.log(f"val_{name}", metric, batch_size=batch.num_graphs)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy with smoothed labels and weighted classes, the weighted mean over clips."""
        smoothing = self.options.label_smoothing
        return cross_entropy(logits, labels, self.class_weights, label_smoothing=smoothing)

    def weighted_loss(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and what it has to be multiplied with where processes average gradients.

        Their batches have different numbers of clips; the average of gradients is that of all
        clips of the step together if each process counts by its clips. That factor is NaN in all
        processes if the loss of one is not finite, so that they stop together.
        """
        loss = self.loss(logits, labels)
        own = loss.new_tensor(len(labels))
        if self.class_weights is not None:
            own = self.class_weights[labels].sum()
        return own * place()[1] / total(own + 0 * loss.detach()), loss

    def _not_finite(self, loss: Tensor, batch: SkeletonData) -> str:
        epoch, remedy = self.current_epoch + 1, "lower learning_rate or set gradient_clip."
        if bool(loss.isfinite()):
            return f"The loss of another process is not finite in epoch {epoch}; {remedy}"
        names = ", ".join(str(clip.name) for clip in batch.clips)
        return f"The loss is {loss.item()} in epoch {epoch}, clips {names}; {remedy}"

    def plan_steps(self, steps_per_epoch: int, clips: int) -> None:
        """Say how many steps all processes make together over so many clips.

        Asking the trainer instead would set up its loaders before it restores where they were.
        """
        self.steps_per_epoch, self.clips_per_step = steps_per_epoch, clips / steps_per_epoch

    def configure_optimizers(self) -> Any:
        options, steps = self.options, self.steps_per_epoch * self.options.epochs
        optimizer = make_optimizer(self.model.parameters(), options, self.clips_per_step)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: share_of_rate(options, step, steps)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["stgraph"] = describe(self.model, self.class_names, self.data)
        if not self.trainer.is_last_batch:  # the mean over the epoch goes on
            checkpoint["train_loss"] = dict(self.train_loss.metric_state)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        check_same_network(checkpoint, describe(self.model, self.class_names, self.data))
        for name, value in checkpoint.get("train_loss", {}).items():
            setattr(self.train_loss, name, value)


def step_seed(seed: int, step: int, rank: int) -> int:
    """A number for each seed, step and process."""
    return int(np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)[0] >> 1)
