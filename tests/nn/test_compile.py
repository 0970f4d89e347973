"""Networks are compiled as a whole, for batches of any size, and say the same."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch_geometric.data import Batch

from .networks import KINDS, batch_for, network


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_is_one_graph_for_batches_of_all_sizes(kind: str):
    """``fullgraph=True`` refuses breaks; the backend counts how often it is asked to compile."""
    torch.compiler.reset()
    model = network(kind)
    compiled, graphs = copy.deepcopy(model), []

    def backend(graph: torch.fx.GraphModule, inputs: object):
        graphs.append(graph)
        return graph.forward

    compiled.compile(backend=backend)
    for copies in (1, 2, 5):
        data = Batch.from_data_list(batch_for(model).to_data_list() * copies)
        torch.testing.assert_close(compiled(data), model(data), rtol=1e-9, atol=1e-9)
    assert len(graphs) == 1


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_a_compiled_network_are_its_own(kind: str, missing: float):
    torch.compiler.reset()
    model = network(kind).train()
    compiled = copy.deepcopy(model)
    compiled.compile(backend="aot_eager")
    data = batch_for(model, missing=missing)
    found = []
    for some in (model, compiled):
        logits = some(data)
        logits.square().sum().backward()
        found.append([logits, *(value.grad for value in some.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


@pytest.mark.slow
def test_generated_code_says_the_same():
    torch.compiler.reset()
    model = network("STGCN").float()
    compiled = copy.deepcopy(model)
    compiled.compile()
    data = batch_for(model)
    data.x = data.x.float()
    torch.testing.assert_close(compiled(data), model(data), rtol=1e-4, atol=1e-5)


def test_copies_and_pickles_of_a_compiled_network_are_not_compiled():
    model = network("STGCN")
    data = batch_for(model)
    wanted = model(data)
    model.compile(backend="eager")
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), model.fuse()):
        assert other._compiled is None
        torch.testing.assert_close(other(data), wanted, rtol=1e-9, atol=1e-9)
