"""Batches for a network: nodes only, since the network makes the edges where it runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader
from torch_geometric.data import Batch

from stgraph.data import SkeletonData
from stgraph.datasets.base import ClipDataset
from stgraph.datasets.sampler import ClipBatchSampler, Draw


class SkeletonLoader(DataLoader[SkeletonData]):
    """Clips in batches of nodes, for :class:`~stgraph.STGCN` and its relatives.

    Edges weigh many times what coordinates do, so they are not sent between processes or devices:
    a batch holds ``x``, ``frame``, ``joint``, ``person``, ``y`` and the clips' facts, and networks
    make the edges they need on the device where they run. For other layers :func:`add_edges` makes
    them, on the device of the batch::

        for batch in SkeletonLoader(clips, max_nodes=40_000, shuffle=True, num_workers=2):
            batch = add_edges(batch.to("cuda"), clips.graph)

    PyG's own ``DataLoader`` works on the same data sets and gives the edges right away.

    Args:
        dataset: The clips. If it has a ``transform``, that needs to see edges, and they are made.
        batch_size, max_nodes, shuffle, seed: As in :class:`ClipBatchSampler`. Nodes are counted as
            stored: transforms that sample or pad frames change them. The seed is also
            that of augmentation: the same seed and epoch give the same batches, whatever the
            number of workers.
        options: Further arguments of :class:`torch.utils.data.DataLoader`, such as
            ``num_workers``, ``pin_memory``, ``persistent_workers``.
    """

    def __init__(
        self,
        dataset: ClipDataset,
        *,
        batch_size: int | None = None,
        max_nodes: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
        **options: Any,
    ) -> None:
        sampler = ClipBatchSampler(
            dataset.sizes, batch_size=batch_size, max_nodes=max_nodes, shuffle=shuffle, seed=seed
        )
        super().__init__(
            _Clips(dataset),  # type: ignore[arg-type]
            batch_size=None,
            sampler=sampler,  # as such, trainers find it and tell it the epoch
            collate_fn=_unchanged,
            # Workers take their seeds from here, so that nobody else's chance depends on them.
            generator=torch.Generator().manual_seed(seed),
            **options,
        )
        self._taken = 0

    def __iter__(self) -> Iterator[SkeletonData]:  # type: ignore[override]
        self._taken = self._batches.skip
        for batch in super().__iter__():
            self._taken += 1
            yield batch

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; otherwise it counts itself."""
        self._batches.set_epoch(epoch)

    def steps(self, world: int) -> int:
        """How many batches of an epoch each of so many processes gets."""
        return self._batches.num_batches(world) // world

    def state_dict(self) -> dict[str, int]:
        """Where in which epoch it is, so that an interrupted run goes on with the next batch."""
        epoch, steps = self._batches.epoch, len(self._batches)
        within = 0 < self._taken < steps
        epoch, batches = (epoch - 1, self._taken) if within else (epoch, 0)
        return {"epoch": epoch, "batches": batches, "batches_of_epoch": steps}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where :meth:`state_dict` was asked.

        Raises:
            ValueError: If an epoch has another number of batches now.
        """
        if state["batches"] and state["batches_of_epoch"] != len(self._batches):
            raise ValueError(
                f"The interrupted epoch had {state['batches_of_epoch']} batches for each process, "
                f"now it has {len(self._batches)}; go on with the same clips, batch size and "
                "number of processes, or from a check point of an epoch's end."
            )
        self._batches.epoch, self._batches.skip = state["epoch"], state["batches"]

    @property
    def _batches(self) -> ClipBatchSampler:
        assert isinstance(self.sampler, ClipBatchSampler)
        return self.sampler


class _Clips:
    """A data set, asked for a batch of draws at a time."""

    def __init__(self, dataset: ClipDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, draws: list[Draw]) -> SkeletonData:
        return Batch.from_data_list([self.dataset.draw(*draw) for draw in draws])


def _unchanged(batch: Any) -> Any:
    return batch
