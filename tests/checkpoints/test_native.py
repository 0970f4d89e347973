"""A check point of ours is the network, bit for bit, and no code in a file is run."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from stgraph import SkeletonGraph, build_clip, layouts, load_checkpoint, normalization, partition
from stgraph.checkpoints import FORMAT, describe, read_checkpoint, save_checkpoint
from stgraph.nn import STGCN

GRAPHS = {
    "factorized": SkeletonGraph.from_layout(layouts.NTU25),
    "product": SkeletonGraph.from_layout(layouts.NTU25, temporal="product", temporal_kernel=3),
    "no time": SkeletonGraph.from_layout(layouts.OPENPOSE18, partition.distance, temporal=None),
    "released": SkeletonGraph.from_layout(
        layouts.COCO17, partition.spatial_2018, normalization=normalization.symmetric
    ),
}


def network(graph: SkeletonGraph = GRAPHS["factorized"], classes: int = 4) -> STGCN:
    model = STGCN(3, classes, graph, blocks=((6, 1), (8, 2)), dropout=0.25)
    model(clips(graph))  # so that running statistics are not those of a new network
    return model.eval()


def clips(graph: SkeletonGraph):
    sizes = [(1, 5), (2, 3)]
    joints = graph.num_joints
    return Batch.from_data_list([build_clip(torch.randn(*s, joints, 3), graph) for s in sizes])


def content(model: STGCN) -> dict[str, Any]:
    return {"stgraph": describe(model), "state_dict": model.state_dict()}


def saved(tmp_path: Path, values: object) -> Path:
    path = tmp_path / "network.ckpt"
    torch.save(values, path)
    return path


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_a_network_survives_a_file_bit_for_bit(tmp_path: Path, graph: SkeletonGraph):
    model, path, data = network(graph), tmp_path / "network.ckpt", clips(graph)
    save_checkpoint(model, path)
    again = load_checkpoint(path)
    assert torch.equal(again(data), model(data))
    assert again.settings == model.settings
    assert again.graph.to_dict() == graph.to_dict()
    assert not again.training


def test_class_names_and_data_settings_come_with_it(tmp_path: Path):
    model, names, data = network(), ("wave", "sit", "fall", "clap"), {"folder": "ntu", "pad": None}
    path = saved(tmp_path, content(model) | {"stgraph": describe(model, names, data)})
    known = read_checkpoint(path)
    assert known.class_names == names
    assert known.data == data
    save_checkpoint(model, path, class_names=names)
    assert read_checkpoint(str(path)).class_names == names


def test_the_description_is_plain_json():
    described = describe(network())
    again = json.loads(json.dumps(described))
    assert SkeletonGraph.from_dict(again.pop("graph")).to_dict() == described.pop("graph")
    assert again == described


def test_weights_saved_by_the_training_engine_are_read_without_their_prefix(tmp_path: Path):
    model = network()
    prefixed = {f"model.{name}": value for name, value in model.state_dict().items()}
    path = saved(tmp_path, content(model) | {"state_dict": prefixed, "epoch": 3})
    data = clips(model.graph)
    assert torch.equal(load_checkpoint(path)(data), model(data))


def broken(kind: str, whole: bytes) -> bytes:
    return {
        "empty": b"",
        "text": b"epoch,loss\n1,0.5\n",
        "NUL": bytes(4096),
        "a third": whole[: len(whole) // 3],
        "all but the end": whole[:-100],
        "a byte": whole[:1],
        "an image": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        "old pickle": pickle.dumps({"stgraph": 1}),
    }[kind]


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize(
    "kind",
    ["empty", "text", "NUL", "a third", "all but the end", "a byte", "an image", "old pickle"],
)
def test_a_damaged_file_is_refused(tmp_path: Path, kind: str):
    path = saved(tmp_path, content(network()))
    path.write_bytes(broken(kind, path.read_bytes()))
    with pytest.raises(ValueError, match=r"network\.ckpt (cannot be read as|is no) ") as error:
        load_checkpoint(path)
    assert "\n" not in str(error.value)


class Bomb:
    """Unpickling it leaves a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


@pytest.mark.parametrize("key", ["stgraph", "state_dict", "extra"])
@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_not_run(tmp_path: Path, key: str, zipped: bool):
    path, trace = tmp_path / "network.ckpt", tmp_path / "trace"
    values = content(network()) | {key: Bomb(trace)}
    torch.save(values, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"network\.ckpt cannot be read as a check point"):
        load_checkpoint(path)
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists()  # it would have been


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_code_in_a_plain_pickle_is_not_run(tmp_path: Path):
    path, trace = tmp_path / "network.ckpt", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Bomb(trace)))
    with pytest.raises(ValueError, match="cannot be read as a check point"):
        load_checkpoint(path)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["absent.ckpt", "."])
def test_a_missing_file_is_named(tmp_path: Path, name: str):
    with pytest.raises(ValueError, match="There is no check point at .*" + tmp_path.name):
        load_checkpoint(tmp_path / name)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"state_dict": {}}, r"holds no plain state dict \(it is empty\)"),
        ({"state_dict": {"a": 1}}, r"holds no plain state dict \(a is int\)"),
        ({"stgraph": {}}, "lacks the keys 'stgraph' and 'state_dict'"),
        (STGCN(3, 4, GRAPHS["factorized"], blocks=((4, 1),)).state_dict(), "called blocks.0"),
        ([1, 2], "holds list, not the named weights"),
        (torch.zeros(3), "holds Tensor, not the named weights"),
        ({}, r"holds no plain state dict \(it is empty\)"),
    ],
    ids=["no weights", "numbers", "no state dict", "ours, bare", "list", "tensor", "nothing"],
)
def test_files_that_hold_no_network_are_refused(tmp_path: Path, values: object, message: str):
    with pytest.raises(ValueError, match=rf"network\.ckpt .*{message}"):
        load_checkpoint(saved(tmp_path, values))


def test_an_archive_of_arrays_is_refused(tmp_path: Path):
    path = tmp_path / "network.npz"
    np.savez(path, x=np.zeros(3))
    with pytest.raises(ValueError, match=r"network\.npz cannot be read as a check point"):
        load_checkpoint(path)


def test_another_format_is_named(tmp_path: Path):
    values = content(network())
    values["stgraph"]["format"] = FORMAT + 1
    with pytest.raises(ValueError, match=f"has the format {FORMAT + 1}, this version reads"):
        load_checkpoint(saved(tmp_path, values))


@pytest.mark.parametrize("description", [3, None, [], "graph"], ids=repr)
def test_a_description_that_is_none_is_refused(tmp_path: Path, description: object):
    path = saved(tmp_path, {"stgraph": description, "state_dict": {}})
    with pytest.raises(ValueError, match=r"network\.ckpt"):
        load_checkpoint(path)


@pytest.mark.parametrize("key", ["graph", "settings", "in_channels", "class_names", "data"])
def test_a_description_with_a_gap_is_refused(tmp_path: Path, key: str):
    values = content(network())
    del values["stgraph"][key]
    with pytest.raises(ValueError, match=rf"network\.ckpt describes no network .*{key}"):
        load_checkpoint(saved(tmp_path, values))


def test_settings_that_do_not_exist_are_refused(tmp_path: Path):
    values = content(network())
    values["stgraph"]["settings"]["attention"] = True
    with pytest.raises(ValueError, match="describes no network that this version knows.*attention"):
        load_checkpoint(saved(tmp_path, values))


def test_weights_of_another_architecture_are_named(tmp_path: Path):
    model = network()
    weights = dict(model.state_dict())
    fewer = {name: value for name, value in weights.items() if "importance" not in name}
    cases = {
        r"2 weights missing \(blocks.0.importance.weight, .*0 unknown": fewer,
        r"0 weights missing .*1 unknown \(attention\)": weights | {"attention": torch.zeros(2)},
        r"classifier.weight has the shape \(5, 8\), the network's is \(4, 8\)": weights
        | {"classifier.weight": torch.zeros(5, 8)},
    }
    for message, state in cases.items():
        path = saved(tmp_path, content(model) | {"state_dict": state})
        with pytest.raises(ValueError, match=r"check point of another architecture: .*" + message):
            load_checkpoint(path)


def test_weights_that_are_no_tensors_are_refused(tmp_path: Path):
    values = content(network())
    values["state_dict"] = dict.fromkeys(values["state_dict"], 1.0)
    with pytest.raises(ValueError, match=r"network\.ckpt"):
        load_checkpoint(saved(tmp_path, values))


def test_classes_without_names_are_numbers(tmp_path: Path):
    save_checkpoint(network(), tmp_path / "plain.ckpt")
    known = read_checkpoint(tmp_path / "plain.ckpt")
    assert known.class_names == ("0", "1", "2", "3") and known.data == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("edge_index", [[0, 99], [0, 1]]),
        ("edge_type", [0, 99]),
        ("edge_weight", [1.0]),
    ],
)
def test_a_graph_that_is_none_is_refused(tmp_path: Path, key: str, value: object):
    values = content(network())
    graph = values["stgraph"]["graph"]
    graph |= {"edge_index": [[0, 1], [0, 1]], "edge_type": [0, 0], "edge_weight": [1.0, 1.0]}
    graph[key] = value
    with pytest.raises(ValueError, match=r"network\.ckpt describes no network"):
        load_checkpoint(saved(tmp_path, values))


@pytest.mark.parametrize(
    ("key", "value"), [("dropout", 2.0), ("blocks", [[-4, 1]]), ("persons", 0)]
)
def test_settings_that_make_no_network_are_refused(tmp_path: Path, key: str, value: object):
    values = content(network())
    values["stgraph"]["settings"][key] = value
    with pytest.raises(ValueError, match=r"network\.ckpt describes no network"):
        load_checkpoint(saved(tmp_path, values))


@pytest.mark.parametrize("family", [None, "st-gcn"])
def test_a_network_whose_normalisation_is_folded_is_not_saved(family: str | None, tmp_path: Path):
    with pytest.raises(ValueError, match="save the network that it was made from"):
        save_checkpoint(network().fuse(), tmp_path / "fused.pt", family=family)
    assert not list(tmp_path.iterdir())
