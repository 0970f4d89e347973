"""A training step trains, inference leaves everything as it was."""

from __future__ import annotations

import torch

from stgraph.bench import Setting
from stgraph.bench.clips import GRAPH, hour, keypoints_of, node_batch, ragged
from stgraph.bench.dense import DenseSTGCN
from stgraph.bench.networks import dense, inference, inference_in_chunks, sparse, training
from stgraph.nn import STGCN

SETTING = Setting(quick=True)


def small():
    torch.manual_seed(0)
    return STGCN(3, 60, GRAPH, blocks=[(8, 1)])


def test_a_training_step_lowers_the_loss_of_its_batch():
    batch = node_batch(keypoints_of(ragged(SETTING)), "cpu")
    model = small()
    step = training(SETTING, model, batch.clone)
    before = torch.nn.functional.cross_entropy(model(batch), torch.arange(2))
    for _ in range(20):
        step.run()
    assert torch.nn.functional.cross_entropy(model(batch), torch.arange(2)) < before
    assert step.amount == batch.num_nodes


def test_inference_gives_logits_without_gradients_or_new_statistics():
    batch = node_batch(keypoints_of(ragged(SETTING)), "cpu")
    model = small()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    logits = inference(SETTING, model, batch.clone).run()
    assert logits.shape == (2, 60) and not logits.requires_grad
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_long_clip_has_the_same_logits_in_chunks():
    batch = node_batch(keypoints_of(hour(SETTING)), "cpu")
    model = small()
    chunked, whole = (
        task(SETTING, model, batch.clone).run() for task in (inference_in_chunks, inference)
    )
    assert batch.num_nodes == 2500
    torch.testing.assert_close(chunked, whole, rtol=1e-5, atol=1e-5)


def test_bf16_settings_compute_in_bf16():
    batch = node_batch(keypoints_of(ragged(SETTING)), "cpu")
    setting = Setting(quick=True, precision="bf16")
    assert inference(setting, small(), batch.clone).run().dtype == torch.bfloat16


def test_our_side_has_the_real_nodes_and_the_dense_side_the_padded_ones():
    seen = []

    def look(setting, model, data):
        seen.append(type(model))
        return inference(setting, model, data)

    real = sum(size.frames * size.persons * 25 for size in ragged(SETTING))
    assert sparse(SETTING, look, ragged).amount == real
    assert dense(SETTING, look, ragged).amount == 2 * 2 * 24 * 25
    assert dense(SETTING, training, ragged, pad=False).amount < 2 * 2 * 24 * 25
    assert seen == [STGCN, DenseSTGCN]
