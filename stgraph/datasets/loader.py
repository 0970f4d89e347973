"""Batches for a network: nodes only, since the network makes the edges where it runs."""

from __future__ import annotations

from typing import Any

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
            _Batches(dataset),  # type: ignore[arg-type]
            batch_size=None,
            sampler=sampler,  # as such, trainers find it and tell it the epoch
            collate_fn=_unchanged,
            **options,
        )

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; otherwise it counts itself."""
        self.sampler.set_epoch(epoch)  # type: ignore[attr-defined]


class _Batches:
    """A data set, asked for a batch of draws at a time."""

    def __init__(self, dataset: ClipDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, draws: list[Draw]) -> SkeletonData:
        return Batch.from_data_list([self.dataset.draw(*draw) for draw in draws])


def _unchanged(batch: Any) -> Any:
    return batch
