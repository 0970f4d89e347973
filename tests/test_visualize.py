from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.text import Text
from mpl_toolkits.mplot3d.art3d import Line3DCollection
from torch_geometric.data import Batch

from stgraph import SkeletonData, SkeletonGraph, SkeletonLayout, build_clip, layouts, partition
from stgraph.visualize import (
    draw_accuracy_by_length,
    draw_clip,
    draw_comparison,
    draw_confusion,
    draw_curve,
    draw_curves,
    draw_importance,
    draw_importances,
    draw_layout,
    draw_partition,
    draw_partitions,
    draw_spatial_partitions,
    draw_subsets,
)

REPOSITORY = Path(__file__).resolve().parent.parent
ARM = SkeletonLayout.from_names(
    "arm", [("elbow", "shoulder"), ("wrist", "elbow"), ("thumb", "wrist")], center="shoulder"
)
ALL_LAYOUTS = [value for value in vars(layouts).values() if isinstance(value, SkeletonLayout)]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """No figure outlives its test."""
    yield
    plt.close("all")


def clip(
    persons: int = 1, frames: int = 20, *, layout: SkeletonLayout = ARM, **options
) -> SkeletonData:
    graph = SkeletonGraph.from_layout(layout, **options)
    return build_clip(torch.randn(persons, frames, layout.num_joints, 3), graph)


def skeleton_lines(ax) -> LineCollection:
    """The grey bones, the only collection of lines on flat axes."""
    (lines,) = [one for one in ax.collections if isinstance(one, LineCollection)]
    return lines


def points_by_label(ax) -> dict[str, np.ndarray]:
    """Where the markers under each entry of the legend stand."""
    return {
        str(one.get_label()): np.asarray(one.get_offsets())
        for one in ax.collections
        if isinstance(one, PathCollection) and not str(one.get_label()).startswith("_")
    }


def legend(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def segments(ax) -> dict[str, int]:
    """How many lines are drawn under each entry of the legend of a clip."""
    return {
        str(one.get_label()): len(one._segments3d)
        for one in ax.collections
        if isinstance(one, Line3DCollection)
    }


def joined(data: SkeletonData, shown: list[int]) -> Counter[str]:
    """What :func:`draw_clip` should draw, counted edge by edge."""
    nodes = dict(data.to_networkx().nodes(data=True))
    pairs = {frozenset(pair) for pair in data.edge_index.T.tolist() if pair[0] != pair[1]}
    found: Counter[str] = Counter()
    for first, second in pairs:
        frames = nodes[first]["frame"], nodes[second]["frame"]
        persons = nodes[first]["person"], nodes[second]["person"]
        if not set(frames) <= set(shown):
            continue
        apart = abs(shown.index(frames[0]) - shown.index(frames[1]))
        if apart == 0:
            same = persons[0] == persons[1]
            found[f"person {persons[0]}" if same else "edges between bodies"] += 1
        elif apart == 1:
            found["edges in time"] += 1
    return found


@pytest.mark.parametrize("layout", ALL_LAYOUTS, ids=lambda layout: layout.name)
def test_a_drawn_layout_has_all_bones_and_all_names(layout: SkeletonLayout):
    ax = draw_layout(layout)
    drawn = {frozenset(map(tuple, np.round(ends, 9))) for ends in skeleton_lines(ax).get_segments()}
    places = np.round(np.array(layout.positions), 9)
    assert len(skeleton_lines(ax).get_segments()) == len(layout.bones)
    assert drawn == {frozenset((tuple(places[a]), tuple(places[b]))) for a, b in layout.bones}
    assert Counter(text.get_text() for text in ax.texts) == Counter(layout.joint_names)
    assert [tuple(text.xy) for text in ax.texts] == [
        tuple(layout.positions[layout.index(text.get_text())]) for text in ax.texts
    ]


def test_the_cross_stands_on_the_centre():
    ax = draw_layout(layouts.NTU25)
    place = points_by_label(ax)["centre: spine shoulder"]
    assert place.tolist() == [list(layouts.NTU25.positions[20])]


@pytest.mark.parametrize("layout", [layouts.NTU25, layouts.MEDIAPIPE33, layouts.HAND21])
def test_names_do_not_lie_on_one_another(layout: SkeletonLayout):
    ax = draw_layout(layout)
    ax.figure.canvas.draw()
    boxes = [Text.get_window_extent(text) for text in ax.texts]  # without the leading line
    for number, box in enumerate(boxes):
        assert ax.figure.bbox.containsx(box.x0) and ax.figure.bbox.containsx(box.x1)
        assert not any(box.overlaps(other) for other in boxes[:number])


def test_a_layout_without_a_rest_pose_is_spread_out_the_same_way_each_time():
    layout = dataclasses.replace(layouts.NTU25, positions=None)
    first, second = (skeleton_lines(draw_layout(layout)).get_segments() for _ in range(2))
    places = {tuple(end) for ends in first for end in ends}
    assert len(first) == 24 and len(places) == 25
    assert np.array_equal(first, second)


def test_a_single_joint_and_unjoined_joints_can_be_drawn():
    for names in (("point",), ("one", "two", "three")):
        ax = draw_layout(SkeletonLayout("loose", names, ()))
        assert sorted(text.get_text() for text in ax.texts) == sorted(names)
        assert not [one for one in ax.collections if isinstance(one, LineCollection)]


def test_the_spatial_partition_is_shown_on_a_joint_with_all_three_subsets():
    graph = SkeletonGraph.from_layout(layouts.NTU25)
    ax = draw_partition(graph, target="right elbow")
    places, drawn = layouts.NTU25.positions, points_by_label(ax)
    expected = {
        "root: 1 of 25 edges": "right elbow",
        "centripetal: 1 of 24 edges": "right shoulder",
        "centrifugal: 1 of 24 edges": "right wrist",
        "target: right elbow": "right elbow",
        "centre: spine shoulder": "spine shoulder",
    }
    assert sorted(legend(ax)) == sorted(expected) == sorted(drawn)
    for label, joint in expected.items():
        assert drawn[label].tolist() == [list(places[layouts.NTU25.index(joint)])], label
    assert len(skeleton_lines(ax).get_segments()) == 24


@pytest.mark.parametrize("layout", ALL_LAYOUTS, ids=lambda layout: layout.name)
@pytest.mark.parametrize("max_hop", [1, 2])
def test_every_source_of_every_target_stands_in_its_subset(layout: SkeletonLayout, max_hop: int):
    edge_index = partition.neighborhood(layout, max_hop)
    graph = SkeletonGraph.from_layout(layout, edge_index=edge_index)
    places = np.array(layout.positions)
    for target in range(0, layout.num_joints, 12):
        drawn = points_by_label(draw_partition(graph, target=target))
        for subset, name in enumerate(graph.subset_names):
            member = graph.edge_type == subset
            sources = graph.edge_index[0, member & (graph.edge_index[1] == target)]
            label = f"{name}: {len(sources)} of {int(member.sum())} edges"
            assert np.array_equal(drawn[label], places[sources.numpy()])
        plt.close("all")


def test_subsets_differ_without_colour():
    layout = SkeletonLayout.grid(5, 5)
    ax = draw_partition(SkeletonGraph.from_layout(layout, partition.grid), target="pixel 2,2")
    marked = [one for one in ax.collections if str(one.get_label()).endswith("edges")]
    outlines = {one.get_paths()[0].vertices.tobytes() for one in marked}
    assert len(marked) == len(outlines) == 9


@pytest.mark.parametrize("layout", ALL_LAYOUTS, ids=lambda layout: layout.name)
def test_the_default_target_shows_root_centripetal_and_centrifugal(layout: SkeletonLayout):
    drawn = points_by_label(draw_partition(SkeletonGraph.from_layout(layout)))
    for name in partition.SPATIAL_SUBSETS:
        (label,) = [label for label in drawn if label.startswith(f"{name}: ")]
        assert len(drawn[label]) > 0


def test_an_unknown_target_is_refused():
    graph = SkeletonGraph.from_layout(ARM)
    with pytest.raises(ValueError, match="joints 0 to 3, none is 4"):
        draw_partition(graph, target=4)
    with pytest.raises(ValueError, match="has no joint 'tail'"):
        draw_partition(graph, target="tail")


def test_the_partitions_stand_side_by_side_with_their_counts():
    panels = draw_partitions(layouts.NTU25, released=True)
    titles = [ax.get_title() for ax in panels]
    counts = [
        [label.split(": ")[1].split(" of ")[1] for label in legend(ax) if label.endswith("edges")]
        for ax in panels
    ]
    assert titles == [
        "Uni-labeling",
        "Distance",
        "Spatial configuration",
        "Spatial, as released in 2018",
    ]
    assert counts == [
        ["73 edges"],
        ["25 edges", "48 edges"],
        ["25 edges", "24 edges", "24 edges"],
        ["25 edges", "40 edges", "8 edges"],
    ]
    assert len({label for ax in panels for label in legend(ax) if "target" in label}) == 1
    assert len(draw_partitions(layouts.NTU25)) == 3


def test_the_target_of_the_picture_tells_the_paper_from_the_released_program():
    *_, paper, released = draw_partitions(layouts.NTU25, released=True)
    assert [
        len(points) for label, points in points_by_label(paper).items() if "edges" in label
    ] == [
        1,
        1,
        1,
    ]
    assert "hop 1, farther or tied: 2 of 40 edges" in legend(released)


@pytest.mark.parametrize("temporal", ["factorized", "product", None])
@pytest.mark.parametrize("kernel", [1, 3, 9])
def test_a_drawn_clip_has_the_edges_of_its_frames(temporal, kernel: int):
    data = clip(persons=2, temporal_kernel=kernel, temporal=temporal)
    for shown in ([3, 4, 5], [2, 6, 10, 14], [0, 19], [7]):
        assert segments(draw_clip(data, frames=shown)) == joined(data, shown)


def test_by_default_frames_are_as_far_apart_as_edges_in_time_reach():
    for kernel, frames in ((3, "8 9 10 11"), (9, "3 7 11 15"), (5, "6 8 10 12")):
        data = clip(temporal_kernel=kernel, frames=20)
        ax = draw_clip(data)
        assert " ".join(text.get_text() for text in ax.get_yticklabels()) == frames
        assert segments(ax) == {"person 0": 4 * 3, "edges in time": 3 * 4}


def test_short_clips_are_drawn_whole():
    for frames in (1, 2, 3, 4):
        ax = draw_clip(clip(frames=frames))
        assert [text.get_text() for text in ax.get_yticklabels()] == list(map(str, range(frames)))
        assert segments(ax).get("edges in time", 0) == 4 * (frames - 1)


def test_an_edge_between_two_persons_is_drawn_and_a_deleted_bone_is_not():
    data = clip(persons=2, frames=6)
    at = (data.frame == 2).nonzero().squeeze(1)
    hands = at[data.joint[at] == ARM.index("thumb")]
    wrist_to_thumb = (data.frame == 3) & (data.person == 0) & (data.joint == ARM.index("thumb"))
    source, target = data.edge_index
    bone = (wrist_to_thumb[source] | wrist_to_thumb[target]) & (source != target)
    bone &= data.frame[source] == data.frame[target]
    data.edge_index = torch.cat([data.edge_index[:, ~bone], hands[:, None]], dim=1)
    drawn = segments(draw_clip(data, frames=[2, 3]))
    assert drawn == {
        "person 0": 5,
        "person 1": 6,
        "edges in time": 8,
        "edges between bodies": 1,
    }


def test_lost_joints_and_frames_are_not_drawn():
    keypoints = torch.randn(1, 12, 4, 3)
    visible = torch.ones(1, 12, 4, dtype=torch.bool)
    visible[0, 5] = False
    visible[0, 6, ARM.index("elbow")] = False
    data = build_clip(keypoints, SkeletonGraph.from_layout(ARM), visible=visible)
    ax = draw_clip(data, frames=[4, 6])
    assert segments(ax) == {"person 0": 3 + 1, "edges in time": 3}
    with pytest.raises(ValueError, match=r"No nodes to draw in frames \[4, 5\]"):
        draw_clip(data, frames=[4, 5])
    assert "5" not in [text.get_text() for text in draw_clip(data).get_yticklabels()]


def test_one_person_is_drawn_alone_and_an_absent_one_refused():
    data = clip(persons=3)
    assert set(segments(draw_clip(data, person=1))) == {"person 1", "edges in time"}
    assert legend(draw_clip(data)) == ["edges in time", "person 0", "person 1", "person 2"]
    with pytest.raises(ValueError, match="frames with nodes: none"):
        draw_clip(data, person=3)


def test_nodes_stand_where_the_channels_say():
    data = clip(frames=1)
    for channels in ((0, 1), (1, 2)):
        ax = draw_clip(data, channels=channels)
        (nodes,) = [one for one in ax.collections if isinstance(one, PathCollection)]
        right, along, up = (np.asarray(values) for values in nodes._offsets3d)
        assert np.allclose(np.stack([right, up], 1), data.x[:, list(channels)])
        assert np.allclose(along, 0)
    ax = draw_clip(data, channels=(0, 1, 2))
    (nodes,) = [one for one in ax.collections if isinstance(one, PathCollection)]
    depth = data.x[:, 2] - data.x[:, 2].mean()
    assert np.allclose(nodes._offsets3d[1], depth, atol=1e-6)


def test_flat_clips_with_and_without_a_score_are_drawn():
    graph = SkeletonGraph.from_layout(layouts.OPENPOSE18)
    for channels in (2, 3):
        data = build_clip(torch.rand(1, 16, 18, channels), graph)
        assert segments(draw_clip(data)) == {"person 0": 4 * 17, "edges in time": 3 * 18}


def test_persons_differ_without_colour():
    ax = draw_clip(clip(persons=3, temporal=None), frames=[0])
    lines = [one for one in ax.collections if isinstance(one, Line3DCollection)]
    assert len({str(one.get_linestyle()) for one in lines}) == 3


def test_a_batch_is_refused_and_its_clips_are_not():
    batch = Batch.from_data_list([clip(), clip()])
    with pytest.raises(ValueError, match="use batch"):
        draw_clip(batch)
    assert segments(draw_clip(batch[1])) == {"person 0": 12, "edges in time": 12}


def test_a_confusion_matrix_shows_counts_shares_and_names():
    names = ["sit", "stand", "never"]
    ax = draw_confusion(torch.tensor([[3, 1, 0], [0, 5, 0], [0, 0, 0]]), names)
    shares = np.asarray(ax.images[0].get_array())
    assert shares.tolist() == [[0.75, 0.25, 0], [0, 1, 0], [0, 0, 0]]
    assert {text.get_position(): text.get_text() for text in ax.texts} == {
        (0, 0): "3",
        (1, 0): "1",
        (1, 1): "5",
    }
    assert [label.get_text() for label in ax.get_xticklabels()] == names
    assert [label.get_text() for label in ax.get_yticklabels()] == names
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")


def test_a_confusion_matrix_fits_its_names():
    with pytest.raises(ValueError, match=r"shape \[2, 2\], not \[3, 3\]"):
        draw_confusion(np.eye(3), ["sit", "stand"])


def test_functions_draw_into_the_axes_they_are_given():
    figure = plt.figure()
    flat = figure.add_subplot(2, 1, 1)
    deep = figure.add_subplot(2, 1, 2, projection="3d")
    assert draw_layout(ARM, ax=flat) is flat
    assert draw_partition(SkeletonGraph.from_layout(ARM), ax=flat) is flat
    assert draw_confusion(np.eye(2), ["a", "b"], ax=flat) is flat
    assert draw_clip(clip(), ax=deep) is deep
    assert draw_curve({"loss": [2.0, 1.0]}, "loss", ax=flat) is flat
    assert len(plt.get_fignums()) == 1


def test_drawings_of_several_panels_fit_into_a_part_of_a_figure():
    figure = plt.figure()
    upper, lower, last = figure.subfigures(3, 1)
    graph = SkeletonGraph.from_layout(ARM)
    panels = draw_partitions(ARM, figure=upper)
    assert [ax.figure for ax in panels] == [upper] * 3
    panels = draw_spatial_partitions(ARM, figure=lower)
    assert [ax.figure for ax in panels] == [lower] * 2
    panels = draw_importances(graph, [np.ones(graph.num_edges)] * 7, figure=last)
    assert [ax.figure for ax in panels] == [last] * 7
    assert len(figure.axes) == 3 + 2 + 7  # empty places of the last row are no axes
    assert len(draw_curves({"train_loss": [1.0]}, figure=plt.figure())) == 3
    assert len(plt.get_fignums()) == 2


@pytest.mark.parametrize(
    ("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_pictures_are_saved_in_every_format(tmp_path: Path, kind: str, start: bytes):
    figures = {
        "layout": draw_layout(ARM).figure,
        "partitions": draw_partitions(layouts.COCO17, released=True)[0].figure,
        "clip": draw_clip(clip(persons=2)).figure,
        "confusion": draw_confusion(np.eye(30), list("abcdefghijklmnopqrstuvwxyz0123")).figure,
    }
    for name, figure in figures.items():
        path = tmp_path / f"{name}.{kind}"
        figure.savefig(path)
        assert path.read_bytes().startswith(start)
        assert path.stat().st_size > 2000


def test_drawing_needs_no_screen(tmp_path: Path):
    code = (
        "from stgraph import layouts, visualize\n"
        f"visualize.draw_layout(layouts.NTU25).figure.savefig({str(tmp_path / 'a.png')!r})\n"
    )
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
    env = {key: value for key, value in os.environ.items() if key not in hidden}
    env["PYTHONPATH"] = str(REPOSITORY)
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=120)
    assert (tmp_path / "a.png").stat().st_size > 2000


def test_every_half_of_every_bone_is_drawn_once_in_the_colour_of_its_subset():
    graph = SkeletonGraph.from_layout(layouts.NTU25, partition.spatial_2018)
    ax = draw_subsets(graph)
    drawn = {
        str(one.get_label()): len(one.get_segments())
        for one in ax.collections
        if isinstance(one, LineCollection)
    }
    assert drawn == {"hop 1, farther or tied: 40 edges": 40, "hop 1, nearer: 8 edges": 8}
    place = np.array(layouts.NTU25.positions)
    starts = Counter(
        tuple(segment[0])
        for one in ax.collections
        if isinstance(one, LineCollection)
        for segment in one.get_segments()
    )
    source, target = graph.edge_index
    ends = Counter(tuple(place[joint]) for joint in target[source != target].tolist())
    assert starts == ends


def test_a_half_ends_in_the_middle_of_its_bone():
    graph = SkeletonGraph.from_layout(layouts.COCO17)
    place = np.array(layouts.COCO17.positions)
    middles = {tuple(np.round((place[a] + place[b]) / 2, 9)) for a, b in layouts.COCO17.bones}
    for one in draw_subsets(graph).collections:
        if isinstance(one, LineCollection):
            assert {tuple(np.round(half[1], 9)) for half in one.get_segments()} <= middles


def test_the_two_spatial_partitions_stand_side_by_side():
    panels = draw_spatial_partitions(layouts.NTU25)
    titles = [ax.get_title() for ax in panels]
    labels = [[text.get_text() for text in ax.get_legend().get_texts()] for ax in panels]
    assert titles == ["The paper's", "As released in 2018"]
    assert labels[0][:3] == ["root: 25 edges", "centripetal: 24 edges", "centrifugal: 24 edges"]
    assert labels[1][1:3] == ["hop 1, farther or tied: 40 edges", "hop 1, nearer: 8 edges"]


@pytest.mark.parametrize("layout", ALL_LAYOUTS, ids=lambda layout: layout.name)
def test_the_subsets_of_every_layout_can_be_drawn(layout: SkeletonLayout):
    ax = draw_subsets(SkeletonGraph.from_layout(layout, partition.distance))
    assert ax.get_legend() is not None


def test_importance_is_width_and_area_and_what_is_negative_is_hollow():
    graph = SkeletonGraph.from_layout(layouts.NTU25)
    factor = torch.linspace(-1, 2, graph.num_edges)
    ax = draw_importance(graph, factor)
    outer, inner = lines_and_insides(ax)
    white = [found for found in ax.collections if (found.get_edgecolor()[:, :3] == 1).all()]
    others = [found for found in ax.collections if isinstance(found, LineCollection)]
    for inside in white:  # is drawn over its line
        assert inside.get_zorder() >= max(found.get_zorder() for found in others)
        place = ax.collections.index(inside)
        assert np.array_equal(inside.get_segments(), ax.collections[place - 1].get_segments())
    loops = graph.edge_index[0] == graph.edge_index[1]
    width = 2 * factor[~loops]
    np.testing.assert_allclose(np.sort(outer), np.sort(width.abs()), rtol=1e-6)
    hollow = np.where(width < 0, 0.5 * width.abs(), 0)
    np.testing.assert_allclose(np.sort(inner), np.sort(hollow), rtol=1e-6)
    key = ax.get_legend().get_lines()
    assert [line.get_linewidth() for line in key[1:]] == [2, 2]  # a factor of one
    dashes = {
        str(found.get_linestyles()) for found in ax.collections if len(found.get_linewidths())
    }
    assert len(dashes) >= 2  # subsets differ in black and white too
    assert key[0].get_markersize() ** 2 == pytest.approx(25)
    (marks,) = [found for found in ax.collections if isinstance(found, PathCollection)]
    np.testing.assert_allclose(marks.get_sizes(), 25 * factor[loops].abs(), rtol=1e-6)
    white = (marks.get_facecolors()[:, :3] == 1).all(axis=1)
    np.testing.assert_array_equal(white, factor[loops] < 0)


def lines_and_insides(ax) -> tuple[np.ndarray, np.ndarray]:
    """Widths of the lines in colour, and of the white ones that make them hollow."""
    lines = [found for found in ax.collections if isinstance(found, LineCollection)]
    white = [bool((found.get_colors()[:, :3] == 1).all()) for found in lines]
    widths = [found.get_linewidths() for found in lines]
    outer = np.concatenate([width for width, is_white in zip(widths, white) if not is_white])
    inner = np.concatenate([width for width, is_white in zip(widths, white) if is_white])
    return outer, inner


def test_importance_of_other_edges_is_refused():
    with pytest.raises(ValueError, match="each of the 73 edges"):
        draw_importance(SkeletonGraph.from_layout(layouts.NTU25), torch.ones(3))


def test_curves_are_drawn_by_epoch_in_percent():
    panels = draw_curves(
        {"train_loss": [2.0, 1.0], "val_top1": [0.5, 0.75], "lr-SGD": [0.1, 0.05], "other": [9, 9]}
    )
    drawn = {line.get_label(): line.get_ydata().tolist() for ax in panels for line in ax.lines}
    assert drawn == {"train loss": [2, 1], "test top1": [50, 75], "lr-SGD": [0.1, 0.05]}
    assert panels[0].get_figure().get_size_inches().tolist() == [12, 3.6]


def test_curves_differ_in_black_and_white_and_count_epochs_from_one():
    ax = draw_curve({"a": [1, 2], "b": [2, 3], "c": [3, 4]}, "loss")
    assert len({line.get_linestyle() for line in ax.lines}) == 3
    assert [line.get_xdata().tolist() for line in ax.lines] == [[1, 2]] * 3


def test_a_clip_is_drawn_where_it_shows_most():
    graph = SkeletonGraph.from_layout(layouts.COCO17, temporal_kernel=3)
    visible = torch.ones(2, 30, 17, dtype=torch.bool)
    visible[1, :22] = False  # the second person comes late
    ax = draw_clip(build_clip(torch.randn(2, 30, 17, 3), graph, visible=visible))
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["22", "23", "24", "25"]
    everybody = draw_clip(build_clip(torch.randn(2, 30, 17, 3), graph))
    assert [tick.get_text() for tick in everybody.get_yticklabels()] == ["13", "14", "15", "16"]


def test_accuracy_by_length_is_that_of_equally_many_clips():
    frames = [10, 20, 30, 40, 50, 60]
    ax = draw_accuracy_by_length(frames, [True, True, False, True, False, False], bins=3)
    line = ax.containers[0].lines[0]
    np.testing.assert_allclose(line.get_xdata(), [15, 35, 55])
    np.testing.assert_allclose(line.get_ydata(), [100, 50, 0])


def test_a_comparison_shows_every_run_and_the_means():
    ax = draw_comparison({"a": [80.0, 90.0], "b": [70.0]})
    means = [found.get_offsets().tolist() for found in ax.collections[1::2]]
    assert means == [[[85.0, 0.0]], [[70.0, 1.0]]]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b"]
