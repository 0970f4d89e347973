"""The adjacencies of released programs, reproduced by the names that they have there."""

from __future__ import annotations

import json

import pytest
import torch

from stgraph import layouts, normalization, partition
from stgraph.graph import SkeletonGraph

SPATIAL, UNIFORM, DISTANCE = partition.spatial, partition.uniform, partition.distance
RELEASED_SPATIAL, PER_TARGET = partition.spatial_2018, normalization.per_target
PER_SUBSET = normalization.per_subset

# What the released programs call their layouts and strategies, and what they are here.
LAYOUTS = {
    ("st-gcn-master", "openpose"): layouts.OPENPOSE18,
    ("st-gcn-master", "ntu-rgb+d"): layouts.NTU25,
    ("st-gcn-master", "ntu_edge"): layouts.NTU_EDGE24,
    ("mmskeleton", "coco"): layouts.COCO17_CYCLIC,
    ("pyskl", "openpose"): layouts.OPENPOSE18,
    ("pyskl", "nturgb+d"): layouts.NTU25_PYSKL,
    ("pyskl", "coco"): layouts.COCO17,
    ("pyskl", "handmp"): layouts.HAND21,
    ("mmaction2", "openpose"): layouts.OPENPOSE18,
    ("mmaction2", "nturgb+d"): layouts.NTU25_PYSKL,
    ("mmaction2", "coco"): layouts.COCO17,
    ("st-gcn-v0.1.0", "ntu_rgb_d"): layouts.NTU25,
    ("st-gcn-v0.1.0", "kinetics"): layouts.OPENPOSE18,
}
MASTER = {
    "uniform": (UNIFORM, PER_TARGET),
    "distance": (DISTANCE, PER_TARGET),
    "spatial": (RELEASED_SPATIAL, PER_TARGET),
}
PYSKL = {
    "stgcn_spatial": (RELEASED_SPATIAL, PER_TARGET),
    "spatial": (SPATIAL, PER_SUBSET),
    "binary_adj": (UNIFORM, normalization.none),  # the only one without self-loops
}
STRATEGIES = {
    "st-gcn-master": MASTER,
    "mmskeleton": MASTER,
    "pyskl": PYSKL,
    "mmaction2": PYSKL,
    "st-gcn-v0.1.0": {
        "uniform": (UNIFORM, PER_SUBSET),
        "distance*": (UNIFORM, normalization.random_walk_laplacian),
        "distance": (DISTANCE, PER_SUBSET),
        "spatial": (SPATIAL, PER_SUBSET),
        "DAD": (UNIFORM, normalization.symmetric),
        "DLD": (UNIFORM, normalization.symmetric_laplacian),
    },
}
HOPS = {"st-gcn-master": ("|hop1", "|hop2"), "mmskeleton": ("|hop1", "|hop2")}
HOPS |= {"pyskl": ("|hop1",), "mmaction2": ("|hop1",), "st-gcn-v0.1.0": ("",)}
RELEASED = [
    f"{source}|{layout}|{strategy}{hop}"
    for source, layout in LAYOUTS
    for strategy in STRATEGIES[source]
    for hop in HOPS[source]
]
COLUMN_SUMS = {  # least and greatest over all subsets; 1 where nothing else is said
    "pyskl|spatial": (2, 3),
    "mmaction2|spatial": (2, 3),
    "st-gcn-v0.1.0|distance": (2, 2),
    "st-gcn-v0.1.0|spatial": (2, 3),
    "st-gcn-v0.1.0|distance*": (0, 0),
}
COLUMN_SUMS_OF_ONE = {
    "pyskl|openpose|binary_adj|hop1": (1, 3),
    "pyskl|nturgb+d|binary_adj|hop1": (1, 4),
    "pyskl|coco|binary_adj|hop1": (1, 4),
    "pyskl|handmp|binary_adj|hop1": (1, 5),
    "st-gcn-v0.1.0|ntu_rgb_d|DAD": (0.880, 1.233),
    "st-gcn-v0.1.0|kinetics|DAD": (0.908, 1.077),
    "st-gcn-v0.1.0|ntu_rgb_d|DLD": (-0.414, 0.293),
    "st-gcn-v0.1.0|kinetics|DLD": (-0.207, 0.293),
}


def released(key: str) -> SkeletonGraph:
    source, name, strategy, *hop = key.split("|")
    layout = LAYOUTS[source, name]
    split, norm = STRATEGIES[source][strategy]
    hops, loops = int(hop[0][3:]) if hop else 1, strategy != "binary_adj"
    edges = partition.neighborhood(layout, hops, self_loops=loops)
    return SkeletonGraph.from_layout(layout, split, normalization=norm, edge_index=edges)


def column_sums(key: str) -> tuple[float, float]:
    source, _, strategy = key.split("|")[:3]
    key = key.replace("mmaction2", "pyskl")
    return COLUMN_SUMS_OF_ONE.get(key) or COLUMN_SUMS.get(f"{source}|{strategy}") or (1, 1)


def test_the_table_names_every_released_adjacency_once(shared):
    fixtures = json.loads((shared / "reference/graph_fixtures.json").read_text())
    assert sorted(RELEASED) == sorted(fixtures) and len(RELEASED) == 57


@pytest.mark.parametrize("key", RELEASED)
def test_a_released_adjacency_is_reproduced_by_name(key: str, shared):
    fixture = json.loads((shared / "reference/graph_fixtures.json").read_text())[key]
    expected = torch.zeros(fixture["shape"])
    for subset, source, target, value in fixture["entries"]:
        expected[subset, source, target] = value
    graph = released(key)
    torch.testing.assert_close(graph.adjacency, expected, rtol=0, atol=1e-7)
    assert graph.num_edges == len(fixture["entries"])


@pytest.mark.parametrize("key", RELEASED)
def test_columns_of_a_released_adjacency_add_up_as_its_normalisation_says(key: str):
    sums = released(key).adjacency.sum((0, 1))
    least, most = column_sums(key)
    assert sums.min().item() == pytest.approx(least, abs=6e-4)
    assert sums.max().item() == pytest.approx(most, abs=6e-4)


@pytest.mark.parametrize(
    ("one", "other", "different"),
    [
        ("pyskl|openpose|stgcn_spatial|hop1", "st-gcn-master|openpose|spatial|hop1", 0),
        ("st-gcn-v0.1.0|ntu_rgb_d|uniform", "st-gcn-master|ntu-rgb+d|uniform|hop1", 0),
        ("st-gcn-v0.1.0|kinetics|spatial", "pyskl|openpose|spatial|hop1", 0),
        ("st-gcn-master|ntu-rgb+d|spatial|hop1", "pyskl|nturgb+d|stgcn_spatial|hop1", 18),
    ],
)
def test_programs_agree_where_their_layouts_do(one: str, other: str, different: int):
    assert int((released(one).adjacency != released(other).adjacency).sum()) == different
