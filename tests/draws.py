"""What property tests draw from, skeletons and clips, and the loops that they compare with."""

from __future__ import annotations

from itertools import combinations

import hypothesis.strategies as st
import torch
from torch import Tensor

from stgraph.data import SkeletonData
from stgraph.graph import SkeletonGraph
from stgraph.skeleton import SkeletonLayout


def layout_of(bones: list[tuple[int, int]], joints: int, center: int = 0) -> SkeletonLayout:
    return SkeletonLayout("drawn", tuple(f"j{i}" for i in range(joints)), tuple(bones), center)


@st.composite
def trees(draw: st.DrawFn, most: int = 9) -> SkeletonLayout:
    """Every joint but the first hangs on one before it."""
    joints = draw(st.integers(1, most))
    bones = [(child, draw(st.integers(0, child - 1))) for child in range(1, joints)]
    return layout_of(bones, joints, draw(st.integers(0, joints - 1)))


@st.composite
def skeletons(draw: st.DrawFn, most: int = 7) -> SkeletonLayout:
    """Any bones at all: cycles, several pieces, lonely joints, a single joint."""
    joints = draw(st.integers(1, most))
    pairs = list(combinations(range(joints), 2))
    bones = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return layout_of(bones, joints, draw(st.integers(0, joints - 1)))


@st.composite
def clips(draw: st.DrawFn, joints: int, frames: int = 6) -> tuple[Tensor, Tensor]:
    """Keypoints ``[M, T, V, C]`` and which of them were seen, at least one."""
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, frames)), joints)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    visible = torch.rand(shape, generator=generator) < draw(st.sampled_from([0.2, 0.7, 1.0]))
    visible[-1, -1, -1] |= not bool(visible.any())
    channels = draw(st.integers(1, 3))
    return torch.randn(*shape, channels, generator=generator), visible


def edges_by_definition(visible: Tensor, graph: SkeletonGraph) -> list[tuple]:
    """Every edge as (source place, target place, type, template, weight), by loops."""
    labels, seen = graph.labels, {tuple(place) for place in visible.nonzero().tolist()}
    reach, edges = labels.temporal_kernel // 2, []
    template = zip(*graph.edge_index.tolist(), graph.edge_type.tolist(), graph.edge_weight.tolist())
    copies = list(enumerate(template))
    for person, frame, joint in seen:
        target = (person, frame, joint)
        for offset in range(-reach, reach + 1):
            tau = offset + reach
            for number, (source, end, label, weight) in copies:
                there = (person, frame + offset, source)
                product = labels.temporal == "product"
                if end == joint and there in seen and (product or offset == 0):
                    kind = label + labels.num_subsets * tau if product else label
                    edges.append((there, target, kind, number, weight))
            there = (person, frame + offset, joint)
            if labels.temporal == "factorized" and there in seen:
                edges.append((there, target, labels.num_subsets + tau, -1, 1.0))
    return sorted(edges)


def edges_of(data: SkeletonData) -> list[tuple]:
    place = list(map(tuple, torch.stack([data.person, data.frame, data.joint]).T.tolist()))
    sources, targets = data.edge_index.tolist()
    columns = (data.edge_type, data.edge_template, data.edge_weight)
    edges = zip(sources, targets, *(column.tolist() for column in columns), strict=True)
    return sorted((place[source], place[target], *rest) for source, target, *rest in edges)
