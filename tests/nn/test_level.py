"""A coarser level is the graph that the builder makes of every second frame."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Batch

from stgraph import SkeletonData, SkeletonGraph, SkeletonLayout, build_clip, partition
from stgraph.graph import Temporal
from stgraph.nn import Level
from stgraph.nn.typed_edges import TypedEdges

LIMBS = SkeletonLayout("limbs", tuple("abcd"), ((1, 0), (2, 0), (3, 2)))
MODES: list[Temporal] = ["factorized", "product", None]


def graph_of(temporal: Temporal, kernel: int = 3) -> SkeletonGraph:
    return SkeletonGraph.from_layout(LIMBS, temporal=temporal, temporal_kernel=kernel)


def clip(
    graph: SkeletonGraph,
    frames: int = 7,
    persons: int = 2,
    step: int = 1,
    seen: Tensor | None = None,
) -> SkeletonData:
    """Every ``step``-th frame of a clip whose coordinates say where they come from."""
    shape = (persons, frames, 4, 1)
    keypoints = torch.arange(persons * frames * 4.0).view(shape)[:, ::step]
    visible = None if seen is None else seen[:, ::step]
    return build_clip(keypoints, graph, visible=visible)


def half_seen(frames: int = 7, persons: int = 2) -> Tensor:
    """A mask in which the clip's first frame keeps at least a node."""
    seen = torch.rand(persons, frames, 4) < 0.6
    seen[0, 0, 0] = True
    return seen


def places(level: Level) -> list[tuple[int, ...]]:
    return list(zip(level.clip.tolist(), *(column.tolist() for column in level.nodes)))


def edge_set(level: Level, edges: TypedEdges | None) -> Counter:
    """Edges by where their ends are, whatever their order and the nodes' numbers."""
    if edges is None:
        return Counter()
    at, weight = places(level), edges.edge_weight
    weights = [1.0] * len(edges.edge_type) if weight is None else weight.tolist()
    ends = edges.edge_index.T.tolist()
    facts = zip(ends, edges.edge_type.tolist(), weights, edges.edge_template.tolist())
    return Counter((at[i], at[j], *rest) for (i, j), *rest in facts)


def assert_equal_levels(one: Level, other: Level) -> None:
    assert places(one) == places(other)
    assert (one.num_clips, one.num_persons) == (other.num_clips, other.num_persons)
    assert edge_set(one, one.spatial) == edge_set(other, other.spatial)
    assert edge_set(one, one.temporal) == edge_set(other, other.temporal)


@pytest.mark.parametrize("temporal", MODES)
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("frames", [1, 2, 7, 8])
def test_the_coarse_graph_of_a_full_clip_is_the_graph_of_every_second_frame(
    temporal: Temporal, kernel: int, stride: int, frames: int
):
    graph = graph_of(temporal, kernel)
    _, coarse = Level.of(clip(graph, frames), graph).coarsen(stride)
    wanted = Level.of(clip(graph, frames, step=stride), graph)
    assert wanted.spatial.edge_type.numel() > 0
    assert_equal_levels(coarse, wanted)


@pytest.mark.parametrize("temporal", MODES)
@pytest.mark.parametrize("stride", [2, 3])
def test_the_same_holds_where_nodes_were_dropped(temporal: Temporal, stride: int):
    graph = graph_of(temporal, 5)
    for _ in range(10):
        seen = half_seen()
        _, coarse = Level.of(clip(graph, seen=seen), graph).coarsen(stride)
        wanted = Level.of(clip(graph, step=stride, seen=seen), graph)
        assert_equal_levels(coarse, replace(wanted, num_persons=coarse.num_persons))


@pytest.mark.parametrize("temporal", MODES)
def test_a_batch_of_ragged_clips_is_coarsened_clip_by_clip(temporal: Temporal):
    graph = graph_of(temporal)
    lengths = [(7, 2), (1, 1), (4, 3), (2, 2)]
    batch = Batch.from_data_list([clip(graph, *size) for size in lengths])
    wanted = Batch.from_data_list([clip(graph, *size, step=2) for size in lengths])
    _, coarse = Level.of(batch, graph).coarsen(2)
    assert_equal_levels(coarse, Level.of(wanted, graph))


@pytest.mark.parametrize("temporal", MODES)
@pytest.mark.parametrize("kernel", [1, 3])
def test_a_batch_without_a_node_is_coarsened_to_one_without_a_node(temporal: Temporal, kernel: int):
    graph = graph_of(temporal, kernel)
    data = clip(graph)
    empty = data.subgraph(torch.zeros(data.num_nodes, dtype=torch.bool))
    fine = Level.of(Batch.from_data_list([empty, empty]), graph)
    step, coarse = fine.coarsen(2)
    assert (fine.num_nodes, fine.num_clips, coarse.num_nodes, coarse.num_clips) == (0, 2, 0, 2)
    assert step.edges.edge_index.shape == coarse.last.edge_index.shape == (2, 0)


@pytest.mark.parametrize("temporal", MODES)
def test_coarsening_twice_by_two_is_coarsening_once_by_four(temporal: Temporal):
    graph = graph_of(temporal, 5)
    fine = Level.of(clip(graph, 11), graph)
    _, middle = fine.coarsen(2)
    assert_equal_levels(middle.coarsen(2)[1], fine.coarsen(4)[1])


@pytest.mark.parametrize("temporal", MODES)
def test_the_edges_of_the_step_are_the_fine_edges_into_kept_nodes(temporal: Temporal):
    graph = graph_of(temporal, 5)
    fine = Level.of(clip(graph, seen=half_seen()), graph)
    step, coarse = fine.coarsen(2)
    assert (fine.nodes.frame[step.kept] % 2 == 0).all()
    assert [places(fine)[i][:3] for i in step.kept.tolist()] == [p[:3] for p in places(coarse)]
    source, target = step.edges.edge_index
    found = zip(source.tolist(), step.kept[target].tolist(), step.edges.edge_type.tolist())
    all_ends = zip(*fine.last.edge_index.tolist(), fine.last.edge_type.tolist())
    kept = set(step.kept.tolist())
    assert Counter(found) == Counter(edge for edge in all_ends if edge[1] in kept)


@pytest.mark.parametrize("temporal", MODES)
def test_frames_count_from_each_clips_first_node(temporal: Temporal):
    graph = graph_of(temporal)
    plain, late = clip(graph), clip(graph)
    late.frame = late.frame + 3
    together = Batch.from_data_list([plain, late])
    for data in (late, together):
        fine = Level.of(data, graph)
        assert int(fine.nodes.frame.min()) == 0
    assert_equal_levels(Level.of(plain, graph), Level.of(late, graph))
    coarse = [Level.of(data, graph).coarsen(2)[1] for data in (plain, late)]
    assert_equal_levels(*coarse)


def with_edge(data: SkeletonData, source: int, target: int, edge_type: int, weight: float):
    """The clip with an edge of the user's."""
    data = data.clone()
    added = {"edge_type": edge_type, "edge_weight": weight, "edge_template": -1}
    data.edge_index = torch.cat([data.edge_index, torch.tensor([[source], [target]])], dim=1)
    for key, value in added.items():
        data[key] = torch.cat([data[key], torch.tensor([value]).to(data[key].dtype)])
    return data


def node(data: SkeletonData, person: int, frame: int, joint: int) -> int:
    here = (data.person == person) & (data.frame == frame) & (data.joint == joint)
    return int(here.nonzero())


@pytest.mark.parametrize("temporal", MODES)
def test_an_edge_between_two_persons_survives_where_its_frame_is_kept(temporal: Temporal):
    graph = graph_of(temporal)
    tap = graph.num_subsets if temporal == "product" else 0
    data = clip(graph)
    for frame in (2, 3):
        ends = node(data, 0, frame, 3), node(data, 1, frame, 3)
        data = with_edge(data, *ends, tap + 1, 0.25)
    fine = Level.of(data, graph)
    coarse = fine.coarsen(2)[1]
    mine = [edge for edge in edge_set(coarse, coarse.spatial) if edge[-1] == -1]
    assert len([edge for edge in edge_set(fine, fine.spatial) if edge[-1] == -1]) == 2
    assert mine == [((0, 0, 3, 1), (0, 1, 3, 1), tap + 1, 0.25, -1)]


def test_removed_spatial_edges_stay_removed():
    graph = graph_of("factorized")
    data = clip(graph)
    keep = (data.edge_type >= 3) | (data.edge_type == 0)
    coarse = Level.of(data.edge_subgraph(keep), graph).coarsen(2)[1]
    assert coarse.num_nodes == 2 * 4 * 4
    assert set(coarse.spatial.edge_type.tolist()) == {0}


def test_weights_of_temporal_edges_are_kept_unless_all_are_one():
    graph = graph_of("factorized")
    data = clip(graph)
    assert Level.of(data, graph).temporal.edge_weight is None
    in_time = data.edge_type >= graph.num_subsets
    data.edge_weight = torch.where(in_time, 0.5, data.edge_weight)
    level = Level.of(data, graph)
    assert (level.temporal.edge_weight == 0.5).all()
    assert (level.coarsen(2)[0].edges.edge_weight == 0.5).all()


def test_a_level_holds_all_edges_once():
    graph = graph_of("factorized")
    data = clip(graph)
    level = Level.of(data, graph)
    counts = [len(edges.edge_type) for edges in (level.spatial, level.temporal)]
    assert sum(counts) == data.num_edges
    assert int(level.spatial.edge_type.max()) == 2
    assert set(level.temporal.edge_type.tolist()) == {0, 1, 2}
    assert level.num_nodes == data.num_nodes


@pytest.mark.parametrize(
    "other",
    [
        graph_of("product"),
        graph_of(None),
        graph_of("factorized", kernel=5),
        SkeletonGraph.from_layout(
            SkeletonLayout("five", tuple("abcde"), ((1, 0), (2, 0), (3, 2), (4, 3)))
        ),
    ],
    ids=["product", "no time", "another kernel", "another layout"],
)
def test_clips_of_another_graph_are_refused(other: SkeletonGraph):
    data = clip(graph_of("factorized"))
    for wrong in (data, Batch.from_data_list([data, data])):
        with pytest.raises(ValueError, match="build clips with the network's graph"):
            Level.of(wrong, other)


def test_a_clip_of_another_graph_is_found_inside_a_batch_and_named():
    graph = graph_of("factorized")
    stray = build_clip(torch.zeros(1, 2, 4, 1), graph_of("factorized", kernel=1), name="stray.npy")
    with pytest.raises(ValueError, match="stray.npy"):
        Level.of(Batch.from_data_list([clip(graph), stray]), graph)


def test_clips_of_another_partition_with_as_many_subsets_are_refused():
    data = clip(graph_of("factorized"))
    other = SkeletonGraph.from_layout(LIMBS, partition.spatial_2018, temporal_kernel=3)
    assert other.labels == graph_of("factorized").labels
    with pytest.raises(ValueError, match="built with another graph .*model.graph"):
        Level.of(data, other)


def test_edges_added_without_their_fields_are_refused():
    graph = graph_of("factorized")
    data = clip(graph)
    data.edge_index = torch.cat([data.edge_index, torch.tensor([[0], [5]])], dim=1)
    with pytest.raises(ValueError, match=r"There are \d+ edges, but .*the template -1"):
        Level.of(data, graph)
    del data.edge_template
    with pytest.raises(ValueError, match="'edge_template': None"):
        Level.of(data, graph)


def test_two_nodes_in_one_place_are_refused_and_a_person_of_their_own_helps():
    graph = graph_of("factorized")
    data = clip(graph, persons=1)
    doubled = data.clone()
    for key in ("x", "frame", "joint", "person"):
        doubled[key] = torch.cat([data[key], data[key][:1]])
    with pytest.raises(ValueError, match="same person, joint and frame"):
        Level.of(doubled, graph).coarsen(2)
    doubled.person[-1] = 1
    _, coarse = Level.of(doubled, graph).coarsen(2)
    assert coarse.num_nodes == 4 * 4 + 1


def test_joints_beyond_the_layout_are_refused():
    graph = graph_of("factorized")
    data = clip(graph)
    data.joint = data.joint + 1
    with pytest.raises(ValueError, match="joint numbers up to 4, layout 'limbs' has 0 to 3"):
        Level.of(data, graph)


def test_gradients_reach_the_weights_of_temporal_edges_that_are_all_one():
    graph = graph_of("factorized")
    data = clip(graph)
    data.edge_weight.requires_grad_()
    level = Level.of(data, graph)
    assert level.temporal.edge_weight is not None
    level.temporal.edge_weight.sum().backward()
    assert bool((data.edge_weight.grad[data.edge_type >= graph.num_subsets] == 1).all())


def without_edge(data: SkeletonData) -> SkeletonData:
    keep = torch.ones(data.num_edges, dtype=torch.bool)
    keep[5] = False
    return data.edge_subgraph(keep)


def without_node(data: SkeletonData) -> SkeletonData:
    keep = torch.ones(data.num_nodes, dtype=torch.bool)
    keep[5] = False
    return data.subgraph(keep)


def changed(key: str, value: float):
    def change(data: SkeletonData) -> SkeletonData:
        data = data.clone()
        data[key][5] = value
        return data

    return change


def turned(data: SkeletonData) -> SkeletonData:
    data = data.clone()
    data.edge_index[:, 5] = data.edge_index[:, 5].flip(0)
    return data


def in_another_order(data: SkeletonData) -> SkeletonData:
    data = data.clone()
    order = torch.arange(data.num_edges)
    order[:2] = torch.tensor([1, 0])
    data.edge_index = data.edge_index[:, order]
    for key in ("edge_type", "edge_weight", "edge_template"):
        data[key] = data[key][order]
    return data


def with_asked_gradient(data: SkeletonData) -> SkeletonData:
    data = data.clone()
    data.edge_weight.requires_grad_()
    return data


EDITS = {
    "edge removed": without_edge,
    "node removed": without_node,
    "another type": changed("edge_type", 2),
    "another weight": changed("edge_weight", 0.123),
    "no copy of a template edge": changed("edge_template", -1),
    "an edge turned round": turned,
    "another order": in_another_order,
    "weights with gradients": with_asked_gradient,
    "an edge between persons": lambda data: with_edge(data, 0, data.num_nodes - 1, 1, 0.5),
}


@pytest.mark.parametrize("frames", [1, 6])
def test_frames_that_nobody_touched_have_the_edges_of_one_frame(frames: int):
    graph = graph_of("factorized")
    batch = Batch.from_data_list([clip(graph, frames), clip(graph, 2, persons=1)])
    fine = Level.of(batch, graph)
    for level in (fine, fine.coarsen(2)[1]):
        frame = level.frame_edges
        assert frame is not None and frame.edge_type.shape[0] == graph.num_edges
        one = Level.of(clip(graph, 1, persons=1), graph).spatial
        for mine, wanted in zip(frame, one, strict=True):
            assert torch.equal(mine, wanted)


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_whatever_was_edited_there_is_no_one_frame(edit):
    graph = graph_of("factorized")
    assert Level.of(clip(graph), graph).frame_edges is not None
    data = edit(clip(graph))
    assert Level.of(data, graph).frame_edges is None
    assert Level.of(Batch.from_data_list([clip(graph), data]), graph).frame_edges is None


def test_the_product_partition_and_no_nodes_have_no_one_frame():
    graph = graph_of("product")
    assert Level.of(clip(graph), graph).frame_edges is None
    graph = graph_of(None)
    empty = clip(graph).subgraph(torch.zeros(56, dtype=torch.bool))
    assert Level.of(empty, graph).frame_edges is None
    assert Level.of(clip(graph), graph).frame_edges is not None


def test_dilated_edges_are_those_of_three_offsets():
    graph = graph_of("factorized", kernel=9)
    level = Level.of(clip(graph, 11), graph)
    step, _ = level.coarsen(2)
    assert len(level.dilated) == len(step.dilated) == 4
    frame = level.nodes.frame
    for number, edges in enumerate(level.dilated, start=1):
        source, target = edges.edge_index
        offset = frame[source] - frame[target]
        assert torch.equal(offset, (edges.edge_type - 1) * number)
        assert torch.equal(level.nodes.joint[source], level.nodes.joint[target])
        assert edges.edge_type.shape[0] == 2 * 4 * (3 * 11 - 2 * number)
    for number, edges in enumerate(step.dilated, start=1):
        source, target = edges.edge_index
        offset = frame[source] - frame[step.kept[target]]
        assert torch.equal(offset, (edges.edge_type - 1) * number)


def test_forward_derivatives_reach_the_weights_of_whole_frames():
    graph = graph_of("factorized")
    data = clip(graph)
    with torch.autograd.forward_ad.dual_level():
        tangent = torch.ones_like(data.edge_weight)
        data.edge_weight = torch.autograd.forward_ad.make_dual(data.edge_weight, tangent)
        level = Level.of(data, graph)
        assert level.frame_edges is None and level.temporal.edge_weight is not None
