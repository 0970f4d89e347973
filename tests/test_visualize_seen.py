"""Responses and explanations are drawn where and as large as they are."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PathCollection
from torch_geometric.data import Batch

from stgraph import SkeletonGraph, build_clip, layouts, normalization
from stgraph.build import clip_nodes
from stgraph.visualize import (
    draw_classes,
    draw_explanation,
    draw_frame_shares,
    draw_importances,
    draw_responses,
)

GRAPH = SkeletonGraph.from_layout(layouts.COCO17, temporal_kernel=3)


def moving(frames: int = 8, persons: int = 1):
    generator = torch.Generator().manual_seed(0)
    return build_clip(torch.rand(persons, frames, 17, 3, generator=generator), GRAPH)


def of_kind(ax, kind):
    return [found for found in ax.collections if isinstance(found, kind)]


def test_joints_are_as_large_as_they_respond_in_the_frames_shown():
    clip = moving()
    strength = torch.rand(clip.num_nodes)
    strength[clip.frame == 5] = torch.nan
    ax = draw_responses(clip, layouts.COCO17, strength, frames=[1, 5, 6])
    marks = of_kind(ax, PathCollection)
    wanted = [160 * strength[(clip.frame == frame)] for frame in (1, 6)]
    np.testing.assert_allclose(marks[0].get_sizes(), wanted[0], rtol=1e-6)
    assert len(marks[1].get_sizes()) == 0  # nothing is known of that frame
    np.testing.assert_allclose(marks[2].get_sizes(), wanted[1], rtol=1e-6)
    assert [len(lines.get_segments()) for lines in of_kind(ax, LineCollection)] == [16] * 3
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "5", "6"]


def test_frames_stand_beside_each_other_and_keep_their_poses():
    clip = moving()
    ax = draw_responses(clip, layouts.COCO17, torch.ones(clip.num_nodes), frames=[0, 3])
    first, second = (np.asarray(marks.get_offsets()) for marks in of_kind(ax, PathCollection))
    assert first[:, 0].max() < second[:, 0].min()
    apart = second - first - (clip.x[clip.frame == 3] - clip.x[clip.frame == 0])[:, :2].numpy()
    np.testing.assert_allclose(apart - apart[0], 0, atol=1e-6)


def test_a_walker_does_not_walk_into_other_frames():
    clip = moving(persons=2)
    clip.x[:, 0] -= 3 * clip.frame  # to the left
    ax = draw_responses(clip, layouts.COCO17, torch.ones(clip.num_nodes), frames=[0, 4, 7])
    places = [np.asarray(marks.get_offsets())[:, 0] for marks in of_kind(ax, PathCollection)]
    assert places[0].max() < places[1].min() and places[1].max() < places[2].min()
    for tick, place in zip(ax.get_xticks(), places, strict=True):
        assert place.min() < tick < place.max()


def test_who_is_not_there_is_not_drawn():
    clip = moving(persons=2)
    clip.x[(clip.person == 1) | (clip.frame > 3)] = torch.nan
    ax = draw_responses(clip, layouts.COCO17, torch.ones(clip.num_nodes))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1", "2", "3"]
    assert [len(lines.get_segments()) for lines in of_kind(ax, LineCollection)] == [16] * 4
    with pytest.raises(ValueError, match=r"frames \[5\]; frames with nodes: 0 to 3"):
        draw_responses(clip, layouts.COCO17, torch.ones(clip.num_nodes), frames=[5])


def test_six_frames_are_shown_by_default_and_fewer_of_short_clips():
    for frames, wanted in ((20, 6), (2, 2), (1, 1)):
        clip = moving(frames)
        ax = draw_responses(clip, layouts.COCO17, torch.ones(clip.num_nodes))
        assert len(of_kind(ax, PathCollection)) == wanted


def test_strengths_and_frames_that_are_not_there_are_refused():
    clip = moving()
    with pytest.raises(ValueError, match="Expected 136 strengths"):
        draw_responses(clip, layouts.COCO17, torch.ones(3))
    with pytest.raises(ValueError, match="frames with nodes: 0 to 7"):
        draw_responses(clip, layouts.COCO17, torch.ones(136), frames=[8])


def test_shares_of_all_frames_are_added_up_for_joints_and_bones():
    clip = moving(frames=4)
    nodes, edges = torch.randn(clip.num_nodes, 3), torch.randn(clip.num_edges)
    ax = draw_explanation(clip, GRAPH, nodes, edges)
    joints = nodes.view(4, 17, 3).sum((0, 2))
    speaking, against = of_kind(ax, PathCollection)
    assert len(speaking.get_offsets()) == int((joints > 0).sum())
    assert len(against.get_offsets()) == int((joints < 0).sum())
    sizes = np.sort(np.concatenate([speaking.get_sizes(), against.get_sizes()]))
    np.testing.assert_allclose(sizes, np.sort(160 * joints.abs() / joints.abs().max()), rtol=1e-4)
    assert np.allclose(against.get_facecolors(), 1)  # hollow, in black and white too
    spatial = clip.edge_template >= 0
    bones = torch.zeros(GRAPH.num_edges).index_add(0, clip.edge_template[spatial], edges[spatial])
    bones = bones[GRAPH.edge_index[0] != GRAPH.edge_index[1]]
    skeleton, lines = of_kind(ax, LineCollection)
    assert len(skeleton.get_segments()) == 16
    widths = 0.4 + 6 * bones.abs() / bones.abs().max()  # the widest bone, whatever the loops are
    np.testing.assert_allclose(np.sort(lines.get_linewidths()), np.sort(widths), rtol=1e-4)
    dotted = sum(style[1] is not None for style in lines.get_linestyles())
    assert dotted == int((bones < 0).sum())


def test_subsets_of_a_pair_are_one_line_and_small_ones_of_whole_graphs_are_left_out():
    joints = GRAPH.num_joints
    every = torch.cartesian_prod(torch.arange(joints), torch.arange(joints)).T.repeat(1, 2)
    whole = SkeletonGraph.from_layout(
        layouts.COCO17,
        lambda layout, edge_index: (torch.arange(2).repeat_interleave(joints**2), ("a", "b")),
        edge_index=every,
        normalization=normalization.none,
        temporal_kernel=3,
    )
    clip = build_clip(torch.rand(1, 3, joints, 3), whole)
    edges = torch.zeros(clip.num_edges)
    ends = clip.edge_index.remainder(joints)
    pair = (ends[0] == 5) & (ends[1] == 9) & (clip.edge_template >= 0)
    assert pair.sum() == 6  # two subsets in three frames
    edges[pair] = torch.tensor([3.0, -1.0]).repeat(3)
    spatial = clip.edge_template >= 0
    edges[(ends[0] == 7) & (ends[1] == 8) & spatial] = 0.04  # 0.24 of 6: below a twentieth
    edges[(ends[0] == 9) & (ends[1] == 10) & spatial] = 0.06  # 0.36
    ax = draw_explanation(clip, whole, torch.ones(clip.num_nodes), edges)
    _, line = of_kind(ax, LineCollection)
    place = np.array(layouts.COCO17.positions)
    wanted = [
        [place[target], (place[source] + place[target]) / 2]
        for child, parent in [*layouts.COCO17.bones, (5, 9), (9, 10)]
        for source, target in [(child, parent), (parent, child)]
        if (source, target) not in ((9, 5), (10, 9))  # bones are drawn both ways, whatever they say
    ]
    drawn = np.array(line.get_segments()).reshape(-1, 4)
    np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(np.reshape(wanted, (-1, 4)), axis=0))
    assert len(drawn) == len(wanted) == 2 * 16 + 2


def test_edges_that_were_added_are_drawn_and_edges_across_frames_are_not():
    product = SkeletonGraph.from_layout(layouts.COCO17, temporal_kernel=3, temporal="product")
    for graph in (GRAPH, product):
        clip = build_clip(torch.rand(2, 4, 17, 3), graph)
        hands = [(clip.joint == joint) & (clip.person == who) for joint, who in ((9, 0), (10, 1))]
        joined = clip.with_edges(clip.pairs(*hands), 0)
        edges = torch.zeros(joined.num_edges)
        edges[clip.num_edges :] = 1.0
        late = joined.frame[joined.edge_index[0]] != joined.frame[joined.edge_index[1]]
        edges[late] = 100.0
        nodes = torch.ones(joined.num_nodes)
        widths = of_kind(draw_explanation(joined, graph, nodes, edges), LineCollection)[1]
        np.testing.assert_allclose(np.sort(widths.get_linewidths())[-3:], [0.4, 6.4, 6.4])
        lines = {line.get_label(): line for line in draw_frame_shares(joined, nodes, edges).lines}
        assert lines["edges of a frame"].get_ydata().tolist() == [2, 2, 2, 2]
        assert lines["in time"].get_ydata().sum() == 100 * int(late.sum())


def test_frames_keep_their_numbers():
    clip = moving(frames=4)
    clip.frame += 200
    ax = draw_frame_shares(clip, torch.ones(clip.num_nodes), torch.ones(clip.num_edges))
    (steps,) = ax.patches
    assert steps.get_data().edges.tolist() == [199.5, 200.5, 201.5, 202.5, 203.5]
    assert ax.lines[0].get_xdata().tolist() == [200, 201, 202, 203]


@pytest.mark.parametrize("draw", [draw_frame_shares, partial(draw_explanation, graph=GRAPH)])
def test_shares_of_something_else_are_refused(draw):
    clip = moving(frames=4)
    shares = {"node_mask": torch.ones(clip.num_nodes), "edge_mask": torch.ones(clip.num_edges)}
    with pytest.raises(ValueError, match="68 nodes and .* found"):
        draw(clip, **{**shares, "node_mask": torch.ones(3)})
    with pytest.raises(ValueError, match="edges, found"):
        draw(clip, **{**shares, "edge_mask": torch.ones(3)})
    with pytest.raises(ValueError, match="one clip"):
        draw(Batch.from_data_list([clip]), **shares)
    with pytest.raises(ValueError, match="one clip with nodes and edges"):
        draw(clip_nodes(torch.rand(1, 4, 17, 3), GRAPH), **shares)


def test_shares_of_frames_are_those_of_joints_edges_and_edges_in_time():
    clip = moving(frames=4)
    nodes, edges = torch.randn(clip.num_nodes, 3), torch.randn(clip.num_edges)
    ax = draw_frame_shares(clip, nodes, edges)
    shown = {patch.get_label(): patch.get_data().values for patch in ax.patches}
    shown |= {line.get_label(): line.get_ydata() for line in ax.lines}
    spatial, target = clip.edge_template >= 0, clip.frame[clip.edge_index[1]]
    wanted = {
        "joints": nodes.view(4, 17 * 3).sum(1),
        "edges of a frame": torch.zeros(4).index_add(0, target[spatial], edges[spatial]),
        "in time": torch.zeros(4).index_add(0, target[~spatial], edges[~spatial]),
    }
    for name, values in wanted.items():
        np.testing.assert_allclose(shown[name], values, rtol=1e-4, atol=1e-5)


def test_classes_are_sorted_and_other_runs_hollow():
    runs = {"ours": {"a": 0.9, "b": 0.5, "c": 0.7}, "theirs": {"a": 0.8, "b": 0.6}}
    ax = draw_classes(runs)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "c", "a"]
    ours, theirs = of_kind(ax, PathCollection)
    np.testing.assert_allclose(np.asarray(ours.get_offsets())[:, 0], [50, 70, 90])
    known = np.ma.filled(theirs.get_offsets(), np.nan)[:, 0]
    np.testing.assert_allclose(known, [60, np.nan, 80])
    assert not np.allclose(ours.get_facecolors()[:, :3], 1)
    assert np.allclose(theirs.get_facecolors()[:, :3], 1)


def test_importance_of_every_block_has_a_panel_and_one_key():
    factors = [torch.ones(GRAPH.num_edges) * (block + 1) for block in range(3)]
    factors[0].requires_grad_()  # as a layer has it
    panels = draw_importances(GRAPH, factors)
    assert [ax.get_title() for ax in panels] == ["block 1", "block 2", "block 3"]
    assert [ax.get_legend() is not None for ax in panels] == [False, False, True]
    widths = [np.max(of_kind(ax, LineCollection)[0].get_linewidths()) for ax in panels]
    np.testing.assert_allclose(np.array(widths) / widths[0], [1, 2, 3])
