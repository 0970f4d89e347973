"""The loop over frames makes the edges that the library makes."""

from __future__ import annotations

from stgraph.bench.clips import GRAPH, ClipSize, keypoints_of, node_batch
from stgraph.bench.making import edges_by_loop
from stgraph.build import add_edges


def as_set(edge_index, edge_type, edge_weight):
    columns = (*edge_index.tolist(), edge_type.tolist(), edge_weight.tolist())
    edges = list(zip(*columns, strict=True))
    assert len(set(edges)) == len(edges)
    return set(edges)


def test_a_loop_over_frames_makes_the_same_edges():
    clips = (ClipSize(11, 1), ClipSize(3, 2), ClipSize(1, 1))
    batch = add_edges(node_batch(keypoints_of(clips), "cpu"), GRAPH)
    made = as_set(batch.edge_index, batch.edge_type, batch.edge_weight)
    assert made == as_set(*edges_by_loop(clips, GRAPH))
