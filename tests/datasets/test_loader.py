from __future__ import annotations

import pytest
import torch
from torch_geometric.loader import DataLoader

from stgraph import STGCN, SkeletonGraph, layouts, transforms
from stgraph.build import add_edges
from stgraph.datasets import SkeletonLoader, from_arrays, from_clips
from stgraph.formats import Clip


def vary(keypoints, generator):
    return transforms.random_rotation(keypoints, 0.5, generator=generator)


def some_clips(count=12, **options):
    arrays = [torch.randn(1 + n % 2, 4 + n, 25, 3).numpy() for n in range(count)]
    return from_arrays(arrays, [n % 3 for n in range(count)], layouts.NTU25, **options)


def seen(loader):
    """What each clip became, by name."""
    return {clip.clip.name: clip.x for batch in loader for clip in batch.to_data_list()}


def same(one, two):
    return set(one) == set(two) and all(torch.equal(one[name], two[name]) for name in one)


def test_batches_hold_nodes_alone():
    batch = next(iter(SkeletonLoader(some_clips(), batch_size=4)))
    assert "edge_index" not in batch
    assert set(batch.keys()) == {"x", "frame", "joint", "person", "y", "clip", "batch", "ptr"}


def test_edges_added_to_a_batch_are_those_that_pyg_would_have_collated():
    clips = some_clips()
    late = next(iter(SkeletonLoader(clips, batch_size=4)))
    early = next(iter(DataLoader(clips, batch_size=4)))
    late = add_edges(late, clips.graph)
    for key in early.to_dict():
        same_field = (
            torch.equal(early[key], late[key]) if key != "clip" else early.clip == late.clip
        )
        assert same_field, key
    for one, two in zip(early.to_data_list(), late.to_data_list(), strict=True):
        assert torch.equal(one.edge_index, two.edge_index)
        assert torch.equal(one.edge_template, two.edge_template)


def test_a_network_says_the_same_of_a_batch_with_and_without_edges():
    clips = some_clips()
    model = STGCN(3, 3, clips.graph, blocks=[(8, 1), (16, 2)]).eval()
    bare, full = SkeletonLoader(clips, batch_size=5), DataLoader(clips, batch_size=5)
    torch.testing.assert_close(model(next(iter(bare))), model(next(iter(full)))[:4])


@pytest.mark.parametrize("bound", [{"batch_size": 4}, {"max_nodes": 2000}])
def test_neither_workers_nor_batches_change_what_a_clip_becomes(bound):
    clips = some_clips(augment=vary)
    alone = seen(SkeletonLoader(clips, shuffle=True, seed=3, **bound))
    shared = seen(SkeletonLoader(clips, shuffle=True, seed=3, num_workers=2, **bound))
    assert same(alone, shared)
    assert same(alone, seen(SkeletonLoader(clips, seed=3, batch_size=1)))
    assert not same(alone, seen(SkeletonLoader(clips, seed=4, batch_size=1)))


def test_each_epoch_varies_clips_anew_and_can_be_repeated():
    loader = SkeletonLoader(some_clips(augment=vary), batch_size=4, shuffle=True)
    first, second = seen(loader), seen(loader)
    assert not same(first, second)
    loader.set_epoch(0)
    assert same(first, seen(loader))


def test_asked_for_directly_clips_vary_by_the_global_seed():
    clips = some_clips(augment=vary)
    torch.manual_seed(5)
    one, two = clips[3].x, clips[3].x
    torch.manual_seed(5)
    assert torch.equal(clips[3].x, one) and not torch.equal(one, two)


def test_a_transform_sees_edges_and_its_batches_keep_them():
    def cut(clip):
        clip.edge_index = clip.edge_index[:, :5]
        for key in ("edge_type", "edge_weight", "edge_template"):
            clip[key] = clip[key][:5]
        return clip

    batch = next(iter(SkeletonLoader(some_clips(transform=cut), batch_size=4)))
    assert batch.num_edges == 4 * 5


def test_subsets_of_a_data_set_are_loaded_by_their_own_numbers():
    clips = some_clips()[4:9]
    names = [name for batch in SkeletonLoader(clips, batch_size=2) for name in batch.clip]
    assert [facts.name for facts in names] == [f"clip{n}" for n in range(4, 9)]


@pytest.mark.parametrize("labels", [(0, None), (None, 0), (None, None)])
def test_a_class_that_is_not_known_is_minus_one_in_batches(labels):
    some = [
        Clip(f"clip{n}", torch.randn(1, 3, 25, 3).numpy(), label) for n, label in enumerate(labels)
    ]
    clips = from_clips(some, SkeletonGraph.from_layout(layouts.NTU25), ["a"])
    batch = next(iter(SkeletonLoader(clips, batch_size=2)))
    expected = [-1 if label is None else label for label in labels]
    assert batch.y.tolist() == clips.labels.tolist() == expected


def test_an_augmentation_that_fails_names_the_clip():
    def fail(keypoints, generator):
        raise ValueError("too short.")

    with pytest.raises(ValueError, match=r"Clip clip0: too short\."):
        next(iter(SkeletonLoader(some_clips(augment=fail), batch_size=1)))
