"""In evaluation a batch goes through in parts, and nobody notices."""

from __future__ import annotations

import pytest
import torch
from torch.nn import SyncBatchNorm
from torch_geometric.data import Batch

from stgraph.build import clip_nodes

from .networks import KINDS, batch_for, network
from .oracles import assert_same


@pytest.mark.parametrize("edges", [True, False])
@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_features_of_parts_are_those_of_the_batch(monkeypatch, kind, missing: float, edges: bool):
    monkeypatch.setattr("stgraph.nn.network.PART", 300)
    model = network(kind)
    data = batch_for(model, missing=missing, edges=edges)
    whole = model.node_features(data)
    with torch.no_grad():
        assert len(model.level_of(data)[0].parts(300)) > 1 or (edges and missing > 0)
        parts = model.node_features(data)
        torch.testing.assert_close(model(data), model.compute(data.x, model.plan(data)))
    torch.testing.assert_close(parts.x, whole.x, rtol=1e-10, atol=1e-10)
    assert torch.equal(parts.frame, whole.frame)
    assert all(map(torch.equal, parts.level.nodes, whole.level.nodes))


def test_nodes_in_any_order_go_through_as_one_part(monkeypatch):
    monkeypatch.setattr("stgraph.nn.network.PART", 300)
    model = network("STGCN")
    data = batch_for(model)
    order = torch.randperm(data.num_nodes)
    for key in ("x", "joint", "frame", "person", "batch"):
        data[key] = data[key][order]
    with torch.no_grad():
        found = model(data)
    torch.testing.assert_close(found, model(data), rtol=1e-10, atol=1e-10)


def test_in_training_all_nodes_share_statistics(monkeypatch):
    monkeypatch.setattr("stgraph.nn.network.PART", 300)
    model = network("STGCN").train()
    data = batch_for(model)
    with torch.no_grad():
        found = model.node_features(data).x
        wanted = model.run_blocks(data.x, model.plan(data))
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)


def test_a_hook_on_a_block_sees_the_whole_batch(monkeypatch):
    monkeypatch.setattr("stgraph.nn.network.PART", 300)
    model, rows = network("STGCN"), []
    data = batch_for(model)
    model.blocks[0].register_forward_hook(lambda block, inputs, out: rows.append(len(out)))
    with torch.no_grad():
        model(data)
    assert rows == [data.num_nodes]


@pytest.mark.parametrize(("stride", "start"), [(2, 3), (3, 4), (3, 5), (4, 3)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_person_who_comes_between_kept_frames_is_the_same_on_the_grid_and_by_edges(
    kind: str, stride: int, start: int
):
    model = network(kind, blocks=((12, 1), (18, stride), (24, 1)))
    clips = [
        clip_nodes(torch.randn(2, frames, 25, 3, dtype=torch.double), model.graph)
        for frames in (9, 14)
    ]
    late = [clip.subgraph((clip.person == 0) | (clip.frame >= start)) for clip in clips]
    data = Batch.from_data_list(late)
    level, _ = model.level_of(data)
    assert level.runs is not None and start in level.runs[:, 0]
    x = data.x.clone().requires_grad_()
    plan = model.plan(data)
    by_edges = model.plan_of(*model.level_of(data, one_by_one=True))
    outs = [model.compute(x, some) for some in (plan, by_edges)]
    assert_same(*outs, [x, *model.parameters()], tolerance=1e-9)


def test_normalisation_can_be_replaced():
    model = SyncBatchNorm.convert_sync_batchnorm(network("STGCN"))
    assert any(isinstance(module, SyncBatchNorm) for module in model.modules())
