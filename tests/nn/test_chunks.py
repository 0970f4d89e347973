"""A clip in chunks of frames is the clip."""

from __future__ import annotations

import pytest
import torch

from stgraph import STGCN, SkeletonGraph, build_clip, layouts
from stgraph.build import clip_nodes
from stgraph.nn import in_chunks
from stgraph.nn.chunks import receptive_reach

from .networks import KINDS, batch_for, network


@pytest.mark.parametrize("edges", [True, False])
@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("frames", [1, 4, 6, 1000])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_in_chunks_are_those_of_the_whole_batch(kind, frames, missing, edges):
    model = network(kind)
    data = batch_for(model, missing=missing, edges=edges)
    wanted = model(data)
    torch.testing.assert_close(in_chunks(model, data, frames), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("frames", [8, 17])
@pytest.mark.parametrize("temporal", ["product", None])
def test_it_holds_for_other_graphs(temporal, frames: int):
    graph = SkeletonGraph.from_layout(layouts.NTU25, temporal=temporal, temporal_kernel=5)
    model = network("STGCN", graph=graph)
    data = build_clip(torch.randn(2, 60, 25, 3, dtype=torch.double), graph)
    torch.testing.assert_close(in_chunks(model, data, frames), model(data), rtol=1e-9, atol=1e-9)


def test_a_chunk_sees_as_far_as_the_network_and_no_farther():
    """Four blocks' worth of ⌊Γ/2⌋ = 4 frames, at strides 1, 1, 2."""
    model = network("STGCN")
    clip = clip_nodes(torch.randn(1, 200, 25, 3, dtype=torch.double), model.graph)
    reach = receptive_reach(model, model.level_of(clip)[0])
    assert reach == 4 + 4 + 8
    x = clip.x.clone().requires_grad_()
    clip.x = x
    features = model.node_features(clip)
    at = (features.frame == 100).nonzero().squeeze(1)
    (grad,) = torch.autograd.grad(features.x[at].square().sum(), x)
    frames = clip.frame[grad.abs().sum(1) > 0]
    assert (int(frames.min()), int(frames.max())) == (100 - reach, 100 + reach)


def test_edges_to_other_frames_that_somebody_added_are_followed():
    model = network("STGCN")
    clip = build_clip(torch.randn(1, 60, 25, 3, dtype=torch.double), model.graph)
    added = torch.tensor([[25 * 40], [25 * 10]])
    clip.edge_index = torch.cat([clip.edge_index, added], dim=1)
    clip.edge_type = torch.cat([clip.edge_type, torch.tensor([1])])
    clip.edge_weight = torch.cat([clip.edge_weight, clip.edge_weight.new_ones(1)])
    clip.edge_template = torch.cat([clip.edge_template, torch.tensor([-1])])
    torch.testing.assert_close(in_chunks(model, clip, 4), model(clip), rtol=1e-9, atol=1e-9)


def test_a_clip_that_starts_late_and_has_gaps_is_cut_at_its_own_frames():
    model = network("STGCN")
    clip = clip_nodes(torch.randn(1, 50, 25, 3, dtype=torch.double), model.graph)
    clip = clip.subgraph((clip.frame < 11) | (clip.frame > 29))
    clip.frame = clip.frame + 7
    torch.testing.assert_close(in_chunks(model, clip, 8), model(clip), rtol=1e-9, atol=1e-9)


def test_memory_does_not_grow_with_the_clip():
    """No tensor of the blocks has more rows than a chunk and what is around it."""
    model = network("STGCN")
    clip = clip_nodes(torch.randn(1, 400, 25, 3, dtype=torch.double), model.graph)
    rows = []
    model.blocks[0].register_forward_hook(lambda block, inputs, out: rows.append(len(out)))
    in_chunks(model, clip, 32)
    assert len(rows) == 13 and max(rows) == 25 * (32 + 2 * 16)


@pytest.mark.slow
@pytest.mark.parametrize("edges", [False, True])
def test_an_hour_of_video_is_what_it_is_as_a_whole(edges: bool):
    """108,000 frames in one graph and ten blocks; half a minute and 5 GB (docs/benchmarks.md)."""
    torch.manual_seed(0)
    model = STGCN(3, 60, SkeletonGraph.from_layout(layouts.NTU25)).eval()
    build = build_clip if edges else clip_nodes
    clip = build(torch.randn(1, 108_000, 25, 3), model.graph)
    with torch.inference_mode():
        torch.testing.assert_close(in_chunks(model, clip), model(clip), rtol=1e-5, atol=1e-5)


def test_training_is_refused():
    model = network("STGCN").train()
    with pytest.raises(ValueError, match=r"call model.eval\(\)"):
        in_chunks(model, batch_for(model))
