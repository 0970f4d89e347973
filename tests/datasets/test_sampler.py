from __future__ import annotations

import multiprocessing
from itertools import chain

import numpy as np
import pytest
import torch.distributed
from hypothesis import given
from hypothesis import strategies as st

from stgraph.datasets import ClipBatchSampler, sampler

SIZES = st.lists(st.integers(1, 400), min_size=1, max_size=60)


def clips_of(batches):
    return [[draw.clip for draw in batch] for batch in batches]


@pytest.fixture
def world(monkeypatch):
    """Act as one of several processes: ``world(rank, size)``."""

    def act(rank, size):
        monkeypatch.setattr(sampler, "place", lambda: (rank, size))

    return act


@given(sizes=SIZES, limit=st.integers(1, 1000), shuffle=st.booleans(), seed=st.integers(0, 9))
def test_every_clip_is_taken_once_and_no_batch_is_too_large(sizes, limit, shuffle, seed):
    batches = ClipBatchSampler(sizes, max_nodes=limit, shuffle=shuffle, seed=seed)
    for _ in range(2):
        found = clips_of(batches)
        assert sorted(chain(*found)) == list(range(len(sizes)))
        assert all(sum(sizes[c] for c in batch) <= limit or len(batch) == 1 for batch in found)
        assert all(found) and len(found) == len(batches)


@given(count=st.integers(1, 60), batch_size=st.integers(1, 20), shuffle=st.booleans())
def test_batches_by_number_differ_by_one_clip_at_most(count, batch_size, shuffle):
    found = clips_of(ClipBatchSampler([1] * count, batch_size=batch_size, shuffle=shuffle))
    assert sorted(chain(*found)) == list(range(count))
    lengths = {len(batch) for batch in found}
    assert max(lengths) <= batch_size and max(lengths) - min(lengths) <= 1


def test_without_shuffling_batches_by_number_are_in_order():
    batches = ClipBatchSampler([1] * 7, batch_size=3)
    assert clips_of(batches) == clips_of(batches) == [[0, 1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize("bound", [{"batch_size": 8}, {"max_nodes": 20_000}])
def test_the_seed_and_the_epoch_are_all_that_decides(bound):
    sizes = np.random.default_rng(0).integers(800, 5000, 300)
    one, two, other = (
        ClipBatchSampler(sizes, shuffle=True, seed=seed, **bound) for seed in (1, 1, 2)
    )
    first, second = list(one), list(one)
    assert first == list(two) and first != second and first != list(other)
    one.set_epoch(1)
    assert list(one) == second
    assert len(first) == len(second) == len(one)


def test_a_clip_gets_another_seed_in_each_epoch_and_whatever_its_batch_the_same_in_one():
    few = ClipBatchSampler([1] * 40, batch_size=3, shuffle=True)
    many = ClipBatchSampler([1] * 40, batch_size=20)
    seeds = [dict(chain(*batches)) for batches in (few, many, few)]
    assert seeds[0] == seeds[1] and not set(seeds[0].values()) & set(seeds[2].values())
    assert len(set(seeds[0].values())) == 40


@pytest.mark.parametrize(
    "bound", [{"batch_size": 7}, {"batch_size": 1}, {"max_nodes": 30_000}, {"max_nodes": 1}]
)
@pytest.mark.parametrize("size", [2, 3, 8])
def test_processes_take_equally_many_batches_and_share_all_clips(world, bound, size):
    sizes = np.random.default_rng(0).integers(800, 5000, 301)
    found = []
    for rank in range(size):
        world(rank, size)
        batches = ClipBatchSampler(sizes, shuffle=True, **bound)
        found.append(clips_of(batches))
        assert len(found[-1]) == len(batches) and all(found[-1])
    assert len({len(batches) for batches in found}) == 1
    assert sorted(chain(*chain(*found))) == list(range(301))


def test_batches_by_nodes_are_nearly_full():
    """Lengths as in NTU RGB+D: 32 to 225 frames, one or two bodies."""
    rng = np.random.default_rng(0)
    frames = np.clip(22 + 48 * np.exp(0.42 * rng.normal(size=5000)), 32, 225).astype(int)
    sizes = frames * 25 * (1 + (rng.random(5000) < 0.18))
    batches = ClipBatchSampler(sizes, max_nodes=35_000, shuffle=True)
    loads = [sum(sizes[draw.clip] for draw in batch) for batch in batches]
    assert min(loads) > 0.92 * 35_000 and max(loads) <= 35_000


def test_clips_meet_others_in_every_epoch():
    sizes = np.random.default_rng(0).integers(800, 5000, 2000)
    batches = ClipBatchSampler(sizes, max_nodes=35_000, shuffle=True)
    companions = [next(set(batch) for batch in clips_of(batches) if 7 in batch) for _ in range(5)]
    assert max(len((one & two) - {7}) for one in companions for two in companions if one != two) < 3


@pytest.mark.parametrize("bounds", [{}, {"batch_size": 2, "max_nodes": 3}, {"batch_size": 0}])
def test_a_batch_has_one_bound(bounds):
    with pytest.raises(ValueError, match="batch_size or by max_nodes"):
        ClipBatchSampler([1], **bounds)


def test_too_few_clips_for_the_processes_are_refused(world):
    world(0, 3)
    with pytest.raises(ValueError, match="2 clips are too few for 3 processes"):
        len(ClipBatchSampler([1, 1], batch_size=1))


def act_as(rank, world, folder, out):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=world
    )
    batches = ClipBatchSampler(np.arange(1, 42), max_nodes=100, shuffle=True)
    out.put((rank, len(batches), clips_of(batches)))
    torch.distributed.destroy_process_group()


def test_real_processes_divide_an_epoch_among_them(tmp_path):
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    processes = [context.Process(target=act_as, args=(n, 2, tmp_path, out)) for n in range(2)]
    for process in processes:
        process.start()
    found = [out.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(60)
    assert {rank for rank, _, _ in found} == {0, 1}
    assert len({length for _, length, _ in found}) == 1
    assert sorted(chain(*chain(*(batches for _, _, batches in found)))) == list(range(41))


def test_the_clips_of_a_step_are_dealt_by_size(world):
    """In the order in which they come, one process would get all the large ones."""
    sizes = [90, 10, 10, 90] * 4
    shares = []
    for rank in range(2):
        world(rank, 2)
        shares.append(clips_of(ClipBatchSampler(sizes, batch_size=4)))
    nodes = [[sum(sizes[clip] for clip in batch) for batch in share] for share in shares]
    assert nodes == [[200, 200], [200, 200]]
    assert sorted(chain(*shares[0], *shares[1])) == list(range(16))
