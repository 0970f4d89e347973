"""Edge counts of the paper and of released programs, small cases by hand, then properties."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from stgraph import layouts, partition
from stgraph.graph import SkeletonGraph
from stgraph.skeleton import SkeletonLayout

from .draws import layout_of, skeletons, trees

CHAIN = layout_of([(1, 0), (2, 1)], joints=3)
PAPER = {
    "NTU25": [25, 24, 24],
    "NTU25_PYSKL": [25, 24, 24],
    "NTU_EDGE24": [24, 23, 23],
    "OPENPOSE18": [18, 17, 17],
    "COCO17": [17, 16, 16],
    "COCO17_CYCLIC": [17 + 6, 16, 16],  # six edges join joints that are equally far
    "HAND21": [21, 20, 20],
}
RELEASED = {
    ("NTU25", 1): [25, 40, 8],
    ("NTU25_PYSKL", 1): [25, 40, 8],
    ("NTU25", 2): [25, 36, 12, 42, 12],
    ("NTU_EDGE24", 1): [24, 41, 5],
    ("NTU_EDGE24", 2): [24, 37, 9, 41, 11],
    ("OPENPOSE18", 1): [18, 25, 9],
    ("OPENPOSE18", 2): [18, 19, 15, 26, 14],
    ("COCO17", 1): [17, 22, 10],
    ("COCO17_CYCLIC", 1): [17, 34, 4],
    ("COCO17_CYCLIC", 2): [17, 32, 6, 40, 12],
    ("HAND21", 1): [21, 30, 10],
}


def counts(strategy: partition.Strategy, layout: SkeletonLayout, *hood: int) -> list[int]:
    labels, names = strategy(layout, partition.neighborhood(layout, *hood))
    return torch.bincount(labels, minlength=len(names)).tolist()


def labelled(strategy: partition.Strategy, layout: SkeletonLayout, *hood: int) -> dict:
    """The label of each edge (source, target)."""
    edge_index = partition.neighborhood(layout, *hood)
    edges = map(tuple, edge_index.T.tolist())
    return dict(zip(edges, strategy(layout, edge_index)[0].tolist(), strict=True))


@pytest.mark.parametrize(("name", "expected"), PAPER.items())
def test_spatial_splits_each_skeleton_as_the_paper_says(name: str, expected: list[int]):
    assert counts(partition.spatial, getattr(layouts, name)) == expected


@pytest.mark.parametrize(("key", "expected"), RELEASED.items(), ids=str)
def test_spatial_2018_splits_each_skeleton_as_the_released_program_does(key, expected):
    name, hops = key
    assert counts(partition.spatial_2018, getattr(layouts, name), hops) == expected


def test_spatial_2018_finds_only_eight_centrifugal_sources_around_the_spine_of_ntu25():
    labels = labelled(partition.spatial_2018, layouts.NTU25)
    nearer = {(s + 1, t + 1) for (s, t), label in labels.items() if label == 2}
    assert nearer == {(21, 2), (21, 3), (21, 5), (21, 9), (2, 1), (3, 4), (5, 6), (9, 10)}


@pytest.mark.parametrize(
    ("name", "ties"),
    [("NTU25", 32), ("OPENPOSE18", 16), ("COCO17", 12), ("HAND21", 20), ("NTU_EDGE24", 36)],
)
def test_spatial_2018_labels_both_ways_of_far_bones_alike(name: str, ties: int):
    labels = labelled(partition.spatial_2018, getattr(layouts, name))
    assert sum(labels[s, t] == labels[t, s] for s, t in labels if s != t) == ties


def test_spatial_2018_names_two_subsets_per_hop():
    edge_index = partition.neighborhood(layouts.NTU25, 2)
    assert partition.spatial_2018(layouts.NTU25, edge_index)[1] == (
        "root",
        "hop 1, farther or tied",
        "hop 1, nearer",
        "hop 2, farther or tied",
        "hop 2, nearer",
    )


@pytest.mark.parametrize(("hops", "edges"), [(0, [25]), (1, [25, 48]), (2, [25, 48, 54])])
def test_distance_has_one_subset_per_hop_and_uniform_has_one_in_all(hops: int, edges: list[int]):
    assert counts(partition.distance, layouts.NTU25, hops) == edges
    assert counts(partition.uniform, layouts.NTU25, hops) == [sum(edges)]


def test_subsets_have_the_words_of_the_paper():
    edge_index = partition.neighborhood(CHAIN, 2)
    assert partition.uniform(CHAIN, edge_index)[1] == ("all",)
    assert partition.distance(CHAIN, edge_index)[1] == ("0 hops", "1 hop", "2 hops")
    assert partition.spatial(CHAIN, edge_index)[1] == ("root", "centripetal", "centrifugal")


def test_spatial_calls_a_source_nearer_the_centre_centripetal():
    assert labelled(partition.spatial, CHAIN) == {
        (0, 0): 0, (1, 1): 0, (2, 2): 0, (0, 1): 1, (1, 2): 1, (1, 0): 2, (2, 1): 2,
    }  # fmt: skip


def test_dilation_skips_the_distances_between():
    line = layout_of([(i + 1, i) for i in range(6)], joints=7)
    edges = {tuple(edge) for edge in partition.neighborhood(line, max_hop=5, dilation=2).T.tolist()}
    assert edges == {(s, t) for s in range(7) for t in range(7) if abs(s - t) in (0, 2, 4)}
    assert counts(partition.distance, line, 5, 2) == [7, 10, 6]


@pytest.mark.parametrize(("hops", "dilation"), [(-1, 1), (1, 0)])
def test_an_impossible_neighbourhood_is_refused(hops: int, dilation: int):
    with pytest.raises(ValueError, match=rf"max_hop >= 0 and dilation >= 1, not {hops} and"):
        partition.neighborhood(CHAIN, hops, dilation)


def test_without_self_loops_no_subset_is_the_root():
    edge_index = partition.neighborhood(layouts.NTU25, self_loops=False)
    assert partition.spatial(layouts.NTU25, edge_index)[0].bincount().tolist() == [0, 24, 24]
    assert partition.spatial_2018(layouts.NTU25, edge_index)[0].bincount().tolist() == [0, 40, 8]
    labels, names = partition.distance(layouts.NTU25, edge_index)
    assert labels.unique().tolist() == [0] and names == ("1 hop",)


def test_a_lonely_joint_without_self_loops_has_no_edges_to_label():
    dot = layout_of([], joints=1)
    edge_index = partition.neighborhood(dot, self_loops=False)
    assert edge_index.shape == (2, 0)
    for strategy in (partition.uniform, partition.distance, partition.spatial):
        assert strategy(dot, edge_index)[0].shape == (0,)
    assert partition.spatial_2018(dot, edge_index)[0].shape == (0,)


def test_spatial_names_the_joints_that_no_bones_join_to_the_centre():
    broken = SkeletonLayout("broken", ("hip", "knee", "hat", "brim"), ((1, 0), (3, 2)))
    with pytest.raises(ValueError, match=r"centre 'hip'; in layout 'broken' .* to hat, brim\. Add"):
        partition.spatial(broken, partition.neighborhood(broken))
    assert counts(partition.distance, broken) == [4, 4]


def test_a_users_function_can_set_left_against_right():
    coco = layouts.COCO17

    def by_side(layout: SkeletonLayout, edge_index: Tensor) -> tuple[Tensor, tuple[str, ...]]:
        side = torch.tensor([("left" in n) + 2 * ("right" in n) for n in layout.joint_names])
        return side[edge_index[0]], ("axis", "left", "right")

    graph = SkeletonGraph.from_layout(coco, by_side)
    assert graph.num_subsets == 3 and graph.subset_names == ("axis", "left", "right")
    for source, label in zip(graph.edge_index[0].tolist(), graph.edge_type.tolist(), strict=True):
        assert coco.joint_names[source].startswith(("nose", "left", "right")[label])


def clip(*frames: list[float]) -> Tensor:
    """One person whose joints lie on the x axis."""
    return torch.tensor(frames)[None, :, :, None] * torch.tensor([1.0, 0.0])


def test_spatial_from_data_compares_measured_radii():
    clips = [clip([0.0, 1.0, 5.0])]  # centre 2, radii 2, 1, 3
    assert partition.mean_radius(clips).tolist() == [2.0, 1.0, 3.0]
    assert labelled(partition.spatial_from_data(clips), CHAIN) == {
        (0, 0): 0, (1, 1): 0, (2, 2): 0, (1, 0): 1, (1, 2): 1, (0, 1): 2, (2, 1): 2,
    }  # fmt: skip


def test_spatial_from_data_leaves_unseen_joints_out_of_centre_and_mean():
    clips = [clip([0.0, 1.0, 5.0]), clip([0.0, 4.0, math.nan], [math.nan] * 3)]  # centres 2 and 2
    assert partition.mean_radius(clips).tolist() == [2.0, 1.5, 3.0]


def test_spatial_from_data_weighs_frames_and_persons_alike_not_clips():
    long, short = clip([0.0, 2.0, 4.0], [0.0, 2.0, 4.0]), clip([0.0, 0.0, 0.0])
    expected = pytest.approx([4 / 3, 0.0, 4 / 3])
    assert partition.mean_radius([long, short]).tolist() == expected
    two_persons = torch.cat([long, short.expand(1, 2, 3, 2)])
    assert partition.mean_radius([two_persons[:, :1], long[:, :1]]).tolist() == expected


def test_spatial_from_data_does_not_depend_on_where_the_body_stands():
    keypoints = torch.randn(2, 5, 18, 3, dtype=torch.double)
    moved = keypoints + torch.tensor([3.0, -1.0, 2.0])
    edge_index = partition.neighborhood(layouts.OPENPOSE18)
    here, there = (partition.spatial_from_data([k]) for k in (keypoints, moved))
    assert torch.equal(
        here(layouts.OPENPOSE18, edge_index)[0], there(layouts.OPENPOSE18, edge_index)[0]
    )


def test_spatial_from_data_refuses_another_layout_unseen_joints_and_no_clips():
    strategy = partition.spatial_from_data([clip([0.0, 1.0, 5.0])])
    with pytest.raises(ValueError, match="clips have 3 joints, layout 'NTU25' has 25; measure"):
        SkeletonGraph.from_layout(layouts.NTU25, strategy)
    for clips in ([], [clip([0.0, 1.0, math.nan])]):
        with pytest.raises(ValueError, match="Every joint must be seen in at least one frame"):
            partition.spatial_from_data(clips)


@pytest.mark.parametrize("hops", [1, 2])
def test_grid_labels_are_the_taps_of_a_kernel_row_by_row(hops: int):
    pixels = SkeletonLayout.grid(4, 5)
    size = 2 * hops + 1
    for (source, target), label in labelled(partition.grid, pixels, hops).items():
        down, right = source // 5 - target // 5, source % 5 - target % 5
        assert label == (down + hops) * size + right + hops
    names = partition.grid(pixels, partition.neighborhood(pixels, hops))[1]
    assert len(names) == size**2 and names[0] == f"-{hops},-{hops}" and "+0,+1" in names


def test_grid_asks_for_positions():
    with pytest.raises(ValueError, match=r"layout 'drawn' has none; make one with .*grid\(height"):
        partition.grid(CHAIN, partition.neighborhood(CHAIN))


@given(skeletons())
def test_hop_distance_is_the_length_of_the_shortest_path(layout: SkeletonLayout):
    ways = dict(nx.all_pairs_shortest_path_length(layout.to_networkx()))
    joints = range(layout.num_joints)
    expected = [[ways[a].get(b, math.inf) for b in joints] for a in joints]
    assert partition.hop_distance(layout).tolist() == expected


@given(skeletons(), st.integers(0, 4), st.integers(1, 3), st.booleans())
def test_a_neighbourhood_is_sorted_and_holds_each_allowed_distance_once(
    layout: SkeletonLayout, hops: int, dilation: int, loops: bool
):
    away = partition.hop_distance(layout).tolist()
    allowed = set(range(0 if loops else dilation, hops + 1, dilation))
    joints = range(layout.num_joints)
    expected = [[s, t] for t in joints for s in joints if away[s][t] in allowed]
    assert partition.neighborhood(layout, hops, dilation, loops).T.tolist() == expected


@given(trees())
def test_on_a_tree_spatial_gives_each_bone_one_way_in_and_one_way_out(layout: SkeletonLayout):
    labels = labelled(partition.spatial, layout)
    assert all((label == 0) == (source == target) for (source, target), label in labels.items())
    assert all(labels[t, s] == (0, 2, 1)[label] for (s, t), label in labels.items())


@given(skeletons(), st.integers(0, 3))
def test_spatial_is_equation_8_on_every_connected_skeleton(layout: SkeletonLayout, hops: int):
    radius = partition.hop_distance(layout)[layout.center].tolist()
    assume(math.inf not in radius)
    for (source, target), label in labelled(partition.spatial, layout, hops).items():
        nearer, farther = radius[source] < radius[target], radius[source] > radius[target]
        assert label == (1 if nearer else 2 if farther else 0)


@settings(deadline=None)
@given(skeletons(), st.integers(1, 3))
def test_spatial_2018_is_the_loop_of_the_released_program(layout: SkeletonLayout, hops: int):
    away = partition.hop_distance(layout).numpy()
    away = np.where(away <= hops, away, np.inf)
    center = away[:, layout.center]
    for (source, target), label in labelled(partition.spatial_2018, layout, hops).items():
        hop = int(away[source, target])
        nearer = center[source] < center[target]
        assert label == (0 if hop == 0 else 2 * hop - 1 + int(nearer))


def test_edges_between_unconnected_joints_have_no_length():
    islands = SkeletonLayout("islands", ("a", "b", "c"), ((1, 0),))
    with pytest.raises(ValueError, match="no bones of layout 'islands' connect"):
        partition.distance(islands, torch.tensor([[0, 2], [1, 1]]))
