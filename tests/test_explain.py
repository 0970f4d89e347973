"""Shares of joints and edges add up to what the network says, and point where the reason is."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.explain import Explainer, GNNExplainer

from stgraph import STGCN, SkeletonGraph, STGCNPlusPlus, build_clip, layouts
from stgraph.explain import ClipModel, IntegratedGradients, explain

GRAPH = SkeletonGraph.from_layout(layouts.COCO17, temporal_kernel=9)
CLASSIFIER = {"mode": "multiclass_classification", "task_level": "graph", "return_type": "raw"}


def network(kind=STGCN):
    torch.manual_seed(0)
    model = kind(3, 5, GRAPH, blocks=[(8, 1), (12, 2)]).double().eval()
    model.data_norm.running_mean.normal_()
    return model


def moving(model, frames: int = 9):
    generator = torch.Generator().manual_seed(1)
    keypoints = torch.randn(1, frames, 17, 3, generator=generator, dtype=torch.double)
    return build_clip(keypoints, model.graph)


@pytest.mark.parametrize("kind", [STGCN, STGCNPlusPlus])
def test_the_shares_add_up_to_the_gain_of_the_logit(kind):
    model = network(kind)
    clip = moving(model)
    found = explain(model, clip, 3, steps=64)
    still, lonely = clip.clone(), clip.clone()
    still.x = model.data_norm.running_mean[clip.joint]
    lonely.edge_weight = 0 * clip.edge_weight
    with torch.no_grad():
        full, without_motion, without_edges = (
            float(model(Batch.from_data_list([each]))[0, 3]) for each in (clip, still, lonely)
        )
    assert float(found.node_mask.sum()) == pytest.approx(full - without_motion, rel=2e-2)
    assert float(found.edge_mask.sum()) == pytest.approx(full - without_edges, rel=2e-2)
    assert found.node_mask.shape == clip.x.shape and int(found.target) == 3
    assert found.edge_mask.shape == clip.edge_weight.shape


def test_the_class_is_the_one_that_the_network_names():
    model = network()
    clip = moving(model)
    with torch.no_grad():
        named = int(model(Batch.from_data_list([clip])).argmax())
    assert int(explain(model, clip, steps=2).target) == named


def test_what_the_network_cannot_see_has_no_share():
    """With the first layer's weights for z at zero, z has no share in anything."""
    model = network()
    with torch.no_grad():
        model.blocks[0].spatial.weight[:, 2] = 0
    found = explain(model, moving(model), steps=4)
    assert not found.node_mask[:, 2].any() and found.node_mask[:, :2].any()


def test_nothing_of_the_network_or_the_clip_is_changed():
    model = network()
    clip = moving(model)
    x, weight = clip.x.clone(), clip.edge_weight.clone()
    explain(model, clip, steps=2)
    assert torch.equal(clip.x, x) and torch.equal(clip.edge_weight, weight)
    assert all(value.grad is None for value in model.parameters()) and not model.training


def test_other_explainers_of_pyg_take_the_same_model():
    model = network()
    clip = moving(model, frames=4)
    explainer = Explainer(
        ClipModel(model),
        GNNExplainer(epochs=2),
        explanation_type="model",
        node_mask_type="object",
        model_config=CLASSIFIER,
    )
    found = explainer(clip.x, clip.edge_index, edge_weight=clip.edge_weight, clip=clip)
    assert found.node_mask.shape == (clip.num_nodes, 1)


def test_what_cannot_be_explained_is_refused():
    model = network()
    clip = moving(model)
    with pytest.raises(ValueError, match="One clip with nodes and edges"):
        explain(model, Batch.from_data_list([clip, clip]))
    with pytest.raises(ValueError, match="classes 0 to 4, not 7"):
        explain(model, clip, 7)
    with pytest.raises(ValueError, match="at least one step"):
        IntegratedGradients(0)
    with pytest.raises(ValueError, match="call model.eval"):
        explain(model.train(), clip)
