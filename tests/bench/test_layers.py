"""The layers that are compared compute the same sums."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.nn import FastRGCNConv, RGCNConv

from stgraph.bench import Setting
from stgraph.bench.layers import TYPES, Work, floor, inputs, ours, typed_edges
from stgraph.nn import STGCNConv

SETTING = Setting(quick=True)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("other", [RGCNConv, FastRGCNConv])
def test_relational_layers_are_the_same_sum(kind, other):
    work = Work(kind, 4)
    given = inputs(SETTING, work)
    layer = STGCNConv(4, 4, work.types, bias=False)
    theirs = other(4, 4, work.types, aggr="add", root_weight=False, bias=False)
    assert theirs.root is None and theirs.bias is None
    theirs.weight = layer.weight
    arguments = (given.x, given.edge_index, given.edge_type)
    torch.testing.assert_close(layer(*arguments), theirs(*arguments), rtol=1e-4, atol=1e-4)


def test_the_image_convolution_is_the_same_sum_on_temporal_edges():
    work = Work("temporal", 4)
    given = inputs(SETTING, work)
    layer = STGCNConv(4, 4, work.types, bias=False)
    shape = (SETTING.sizes.bodies, SETTING.sizes.frames, 25, 4)
    kernel = layer.weight.permute(2, 1, 0)[..., None]
    image = given.x.view(shape).permute(0, 3, 1, 2)
    theirs = torch.nn.functional.conv2d(image, kernel, padding=(4, 0))
    out = layer(given.x, given.edge_index, given.edge_type)
    torch.testing.assert_close(out, theirs.permute(0, 2, 3, 1).reshape(out.shape))


@pytest.mark.parametrize(
    ("kind", "edges"),
    [
        ("spatial", 2 * 24 * 73),
        ("temporal", 2 * 25 * (9 * 24 - 20)),
        ("product", 2 * 73 * (9 * 24 - 20)),
    ],
)
def test_edges_are_those_of_whole_clips(kind, edges):
    edge_index, edge_type = typed_edges(kind, 2, 24)
    assert edge_index.shape == (2, edges) and edge_index.max() == 2 * 24 * 25 - 1
    assert edge_type.unique().tolist() == list(range(TYPES[kind]))


def test_a_step_leaves_gradients_of_features_and_of_weights():
    work = Work("spatial", 4)
    kept = []
    original = STGCNConv.forward

    def watched(layer, x, *rest):
        kept.append((layer, x))
        return original(layer, x, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(STGCNConv, "forward", watched)
        ours(SETTING, work).run()
    layer, x = kept[0]
    assert x.grad.abs().sum() > 0 and layer.weight.grad.abs().sum() > 0


def test_the_floor_is_below_what_any_layer_takes_in_work():
    step = floor(SETTING, Work("spatial", 64))
    assert step.amount == 2 * 24 * 25
    step.run()
