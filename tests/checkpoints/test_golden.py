"""What released programs say of a clip, reproduced from their check points on explicit edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_geometric.data import Batch

from stgraph import SkeletonData, build_clip, layouts, load_checkpoint
from stgraph.nn import STGCN, Level, SkeletonNetwork, STGCNConv, STGCNPlusPlus
from stgraph.nn.backends import GENERAL

from ..nn.dense_released import network, plus_plus_block
from ..nn.oracles import dense_network

GOLDEN = {
    "stgcn_ntu_spatial.pt": (STGCN, layouts.NTU25),
    "stgcn_ntu_distance.pt": (STGCN, layouts.NTU25),
    "pyskl_stgcn_ntu.pth": (STGCN, layouts.NTU25_PYSKL),
    "pyskl_stgcnpp_ntu.pth": (STGCNPlusPlus, layouts.NTU25_PYSKL),
}
ALL = pytest.mark.parametrize("name", GOLDEN)
WITH_RESPONSES = pytest.mark.parametrize(
    "name", [name for name in GOLDEN if name.startswith("stgcn_")]
)
pytestmark = pytest.mark.real


@pytest.fixture
def golden(shared: Path, name: str) -> tuple[SkeletonNetwork, Tensor, dict[str, Tensor]]:
    """The network, its clips ``[B, M, T, V, C]`` padded with zeros, and what was published."""
    path = shared / "golden" / name
    archive = {
        key: torch.from_numpy(value)
        for key, value in np.load(f"{path.with_suffix('')}.npz").items()
    }
    if "x" in archive:  # [B, C, T, V, M]
        archive["keypoints"] = archive["x"].permute(0, 4, 2, 3, 1).contiguous()
    return load_checkpoint(path), archive["keypoints"], archive


def batch_of(model: SkeletonNetwork, clips: Tensor) -> SkeletonData:
    return Batch.from_data_list([build_clip(points, model.graph) for points in clips])


def use(model: SkeletonNetwork, backend: str) -> None:
    for module in model.modules():
        if isinstance(module, STGCNConv):
            module.backend = backend


def off(found: Tensor, wanted: Tensor) -> float:
    """The largest difference, as a share of the largest number."""
    return float((found - wanted).abs().max() / wanted.abs().max())


def shuffled(data: SkeletonData) -> SkeletonData:
    """The same edges in random order, over which nothing can be computed but message passing."""
    order = torch.randperm(data.num_edges)
    data.edge_index = data.edge_index[:, order]
    for key in ("edge_type", "edge_weight", "edge_template"):
        data[key] = data[key][order]
    return data


@ALL
@pytest.mark.parametrize("backend", GENERAL)
@torch.inference_mode()
def test_logits_are_those_of_the_program_by_message_passing_on_explicit_edges(
    golden, name: str, backend: str
):
    model, clips, archive = golden
    use(model, backend)
    data = shuffled(batch_of(model, clips))
    assert Level.of(data, model.graph).frame_edges is None
    assert off(model(data), archive["logits"]) < 2e-6


@ALL
@torch.inference_mode()
def test_logits_are_those_of_the_program_by_dense_frames(golden, name: str):
    model, clips, archive = golden
    data = batch_of(model, clips)
    assert Level.of(data, model.graph).frame_edges is not None
    assert off(model(data), archive["logits"]) < 2e-6


@WITH_RESPONSES
@torch.inference_mode()
def test_responses_of_the_last_layer_are_those_of_the_program(golden, name: str):
    model, clips, archive = golden
    wanted = archive["feature_mean"]  # [B, T', V, M]
    batch, frames, joints, persons = wanted.shape
    features = model.node_features(batch_of(model, clips)).x.mean(dim=1)
    found = features.view(batch, persons, frames, joints).permute(0, 2, 3, 1)
    assert off(found, wanted) < 2e-6


@ALL
@torch.inference_mode()
def test_all_ways_to_compute_agree_in_double_precision(golden, name: str):
    model, clips, _ = golden
    model = model.double()
    whole = batch_of(model, clips[:1, :, :40].double())
    logits, data = [model(whole)], shuffled(whole.clone())
    for backend in GENERAL:
        use(model, backend)
        logits.append(model(data))
    assert max(off(value, logits[1]) for value in logits) < 1e-9


@ALL
@torch.inference_mode()
def test_zeros_take_part_so_a_ragged_clip_gives_other_logits(golden, name: str):
    """Padding is a convention of those networks, not a way to compute the same."""
    model, clips, archive = golden
    clip = clips[0]
    present = clip.abs().sum(dim=(2, 3)) > 0
    frames = int(present.any(dim=0).nonzero().max()) + 1
    persons = int(present.any(dim=1).nonzero().max()) + 1
    ragged = clip[:persons, :frames]
    padded = build_clip(ragged, model.graph, pad=(clip.shape[1], clip.shape[0]))
    assert off(model(padded), archive["logits"][:1]) < 2e-6
    assert off(model(build_clip(ragged, model.graph)), archive["logits"][:1]) > 1e-3


@pytest.mark.parametrize("name", ["pyskl_stgcnpp_ntu.pth"])
@torch.inference_mode()
def test_the_dense_program_that_tests_compare_with_says_the_same(golden, name: str):
    model, clips, archive = golden
    logits, _ = network(model, clips, plus_plus_block)
    assert off(logits, archive["logits"]) < 2e-6


@pytest.mark.parametrize("name", [name for name in GOLDEN if "pp" not in name])
@torch.inference_mode()
def test_so_does_the_dense_program_of_st_gcn(golden, name: str):
    model, clips, archive = golden
    assert off(dense_network(model, clips), archive["logits"]) < 2e-6


@ALL
def test_networks_and_layouts_are_recognised(golden, name: str):
    model, _, _ = golden
    assert (type(model), model.graph.layout) == GOLDEN[name]
    assert not model.training
