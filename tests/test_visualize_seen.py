"""Responses and explanations are drawn where and as large as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PathCollection

from stgraph import SkeletonGraph, build_clip, layouts
from stgraph.visualize import (
    draw_classes,
    draw_explanation,
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


def test_shares_of_all_frames_are_added_up_for_joints_bones_and_frames():
    clip = moving(frames=4)
    nodes, edges = torch.randn(clip.num_nodes, 3), torch.randn(clip.num_edges)
    figure = draw_explanation(clip, GRAPH, nodes, edges)
    left, right = figure.axes
    (steps,) = right.patches
    np.testing.assert_allclose(
        steps.get_data().values, nodes.view(4, 17 * 3).sum(1), rtol=1e-4, atol=1e-6
    )
    joints = nodes.view(4, 17, 3).sum((0, 2))
    speaking, against = of_kind(left, PathCollection)
    assert len(speaking.get_offsets()) == int((joints > 0).sum())
    assert len(against.get_offsets()) == int((joints < 0).sum())
    sizes = np.sort(np.concatenate([speaking.get_sizes(), against.get_sizes()]))
    np.testing.assert_allclose(sizes, np.sort(160 * joints.abs() / joints.abs().max()), rtol=1e-4)
    assert np.allclose(against.get_facecolors(), 1)  # hollow, in black and white too
    spatial = clip.edge_template >= 0
    bones = torch.zeros(GRAPH.num_edges).index_add(0, clip.edge_template[spatial], edges[spatial])
    loops = GRAPH.edge_index[0] == GRAPH.edge_index[1]
    lines = of_kind(left, LineCollection)
    dotted = sum(style[1] is not None for found in lines for style in found.get_linestyles())
    widths = np.concatenate([found.get_linewidths() for found in lines])
    assert widths.max() == pytest.approx(6.4)  # the widest bone, whatever the loops are
    assert dotted == int((bones[~loops] < 0).sum())


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
    panels = draw_importances(GRAPH, factors).axes
    assert [ax.get_title() for ax in panels] == ["block 1", "block 2", "block 3"]
    assert [ax.get_legend() is not None for ax in panels] == [False, False, True]
    widths = [np.max(of_kind(ax, LineCollection)[0].get_linewidths()) for ax in panels]
    np.testing.assert_allclose(np.array(widths) / widths[0], [1, 2, 3])
