"""Which clips go into which batch: equal batches by number of clips or of nodes, by seed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from stgraph.processes import place

GRID = 256  # steps into which sizes are rounded up: clips of one step are exchanged at random


class Draw(NamedTuple):
    """A clip to take, by its number, and the seed of whatever is random about it."""

    clip: int
    seed: int


class ClipBatchSampler(Sampler[list[Draw]]):
    """All clips once per epoch, dealt into batches of equal size.

    The number of batches is the same in every epoch. In distributed training it is a multiple of
    the number of processes, each of which takes its share: all make equally many steps, and no
    clip is taken twice. Sizes are looked up, never found out by reading clips.

    Where clips do not divide by the processes, batches of one clip become batches of two, so that
    steps stay equal; only there a batch has more than its bound.

    Batches by number of nodes are made so that none has more than ``max_nodes`` (but for a clip
    that alone has more), with as few batches as that allows: the largest clips are dealt first,
    each into the batch that is emptiest (longest processing time first, Graham 1969). With
    ``shuffle`` clips of about the same size change places at random.

    Args:
        sizes: The number of nodes of each clip, such as :attr:`ClipDataset.sizes`.
        batch_size: How many clips a batch has at most; or
        max_nodes: how many nodes. One of the two.
        shuffle: Whether the order is drawn anew in each epoch; otherwise batches keep the order
            of the clips as far as they can.
        seed: Of the order, and of the seeds that clips get.

    Attributes:
        epoch: The one that comes next. It counts itself; :meth:`set_epoch` sets it.
        skip: How many batches of the next epoch are left out, since a run before had them.
    """

    def __init__(
        self,
        sizes: ArrayLike,
        *,
        batch_size: int | None = None,
        max_nodes: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
    ) -> None:
        limit = max_nodes if batch_size is None else batch_size
        if (batch_size is None) == (max_nodes is None) or limit is None or limit < 1:
            raise ValueError(
                "A batch is bounded by batch_size or by max_nodes, a number of at least 1, found "
                f"{batch_size} and {max_nodes}."
            )
        self.sizes: NDArray[np.int64] = np.asarray(sizes, dtype=np.int64)
        self.batch_size, self.max_nodes = batch_size, max_nodes
        self.shuffle, self.seed, self.epoch = shuffle, seed, 0
        self.skip = 0
        self._counts: dict[int, int] = {}

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        _, world = place()
        return self.num_batches(world) // world

    def __iter__(self) -> Iterator[list[Draw]]:
        rank, world = place()
        epoch, self.epoch = self.epoch, self.epoch + 1
        skip, self.skip = self.skip, 0
        rng = np.random.default_rng((self.seed, epoch))
        seeds = rng.integers(2**62, size=len(self.sizes)).tolist()
        batches = self._batches(self.num_batches(world), world, rng)
        for batch in batches[rank::world][skip:]:
            yield [Draw(clip, seeds[clip]) for clip in batch.tolist()]

    def num_batches(self, world: int = 1) -> int:
        """How many batches there are for so many processes together."""
        if world not in self._counts:
            self._counts[world] = self._count(world)
        return self._counts[world]

    def _count(self, world: int) -> int:
        clips = len(self.sizes)
        if clips < world:
            raise ValueError(f"{clips} clips are too few for {world} processes; take fewer.")
        most = clips // world * world  # every process gets as many, and none an empty one
        if self.batch_size is not None:
            return min(_multiple(-(-clips // self.batch_size), world), most)
        assert self.max_nodes is not None
        low = min(_multiple(max(1, -(-int(self.sizes.sum()) // self.max_nodes)), world), most)
        high = low
        while high < most and self._heaviest(high) > self.max_nodes:
            low, high = high + world, min(_multiple(high + high // 4 + 1, world), most)
        while low < high:
            middle = (low + high) // 2 // world * world
            if self._heaviest(middle) > self.max_nodes:
                low = middle + world
            else:
                high = middle
        return high

    def _batches(self, count: int, world: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
        order = np.arange(len(self.sizes))
        if self.shuffle:
            order = rng.permutation(order)
        if self.max_nodes is None:
            groups = np.array_split(order, count // world)  # what all processes take in one step
            return [batch for group in groups for batch in self._shares(group, world)]
        rounded = self._rounded()[order]
        order = order[np.argsort(-rounded, kind="stable")]
        owner = _deal(self._rounded()[order], count)
        batches = [order[owner == batch] for batch in range(count)]
        if self.shuffle:
            return [rng.permutation(batches[i]) for i in rng.permutation(count)]
        return sorted((np.sort(batch) for batch in batches), key=lambda batch: int(batch[0]))

    def _shares(self, clips: NDArray[np.int64], world: int) -> list[NDArray[np.int64]]:
        """The clips of a step, as many for each process and with about as many nodes.

        From the largest clip to the smallest they are dealt forth and back.
        """
        if world == 1:
            return [clips]
        turn = np.arange(len(clips)) % (2 * world)
        owner = np.minimum(turn, 2 * world - 1 - turn)
        order = np.argsort(-self.sizes[clips], kind="stable")
        return [clips[np.sort(order[owner == rank])] for rank in range(world)]

    def _rounded(self) -> NDArray[np.int64]:
        assert self.max_nodes is not None
        step = max(1, self.max_nodes // GRID)
        return np.maximum(1, -(-self.sizes // step)) * step

    def _heaviest(self, count: int) -> int:
        """The largest batch of many clips, if there are so many batches, in rounded nodes."""
        rounded = np.sort(self._rounded())[::-1]
        owner = _deal(rounded, count)
        many = np.bincount(owner, minlength=count) > 1
        return int(np.bincount(owner, weights=rounded, minlength=count)[many].max(initial=0))


def _deal(sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The batch of each clip: always the one with the fewest nodes so far, then fewest clips."""
    heap = [(0, 0, batch) for batch in range(count)]
    owner = np.empty(len(sizes), dtype=np.int64)
    for clip, size in enumerate(sizes.tolist()):
        nodes, clips, batch = heap[0]
        heapq.heapreplace(heap, (nodes + size, clips + 1, batch))
        owner[clip] = batch
    return owner


def _multiple(count: int, world: int) -> int:
    return -(-count // world) * world
