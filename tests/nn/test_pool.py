"""Clips are means over persons of means over nodes."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch

from stgraph import SkeletonGraph, layouts
from stgraph.build import clip_nodes
from stgraph.nn.level import Level
from stgraph.nn.pool import pool_clips

GRAPH = SkeletonGraph.from_layout(layouts.NTU25)


def level_of(*sizes: tuple[int, int]) -> Level:
    """Clips of so many persons and frames."""
    clips = [clip_nodes(torch.zeros(*size, 25, 3), GRAPH) for size in sizes]
    return Level.of(Batch.from_data_list(clips), GRAPH)


def test_persons_count_alike_however_long_they_are_there():
    data = clip_nodes(torch.zeros(2, 10, 25, 3), GRAPH)
    data = data.subgraph((data.person == 0) | (data.frame < 3))
    level = Level.of(data, GRAPH)
    x = torch.where(level.nodes.body == 0, 1.0, 5.0)[:, None]
    torch.testing.assert_close(pool_clips(x, level), torch.tensor([[3.0]]))


def test_a_clip_of_one_person_is_not_halved_by_one_of_two():
    level = level_of((1, 4), (2, 6))
    x = (1.0 + level.clip)[:, None].float()
    torch.testing.assert_close(pool_clips(x, level), torch.tensor([[1.0], [2.0]]))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.half])
def test_many_nodes_in_half_precision_are_added_up_in_single(dtype):
    """Sums in bfloat16 would end at 256, in half precision at 2048."""
    level = level_of((1, 300))
    pooled = pool_clips(torch.ones(level.num_nodes, 2, dtype=dtype), level)
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled, torch.ones(1, 2))


def test_double_precision_stays():
    level = level_of((1, 3))
    x = torch.full((level.num_nodes, 1), 0.1, dtype=torch.double)
    torch.testing.assert_close(pool_clips(x, level), x[:1])
