"""Files of released programs become our networks, and ours become their files."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Batch

from stgraph import (
    STGCN,
    SkeletonGraph,
    SkeletonLayout,
    STGCNPlusPlus,
    STGCNv010,
    build_clip,
    layouts,
    load_checkpoint,
    normalization,
    partition,
)
from stgraph.checkpoints import FAMILIES, read_checkpoint, save_checkpoint
from stgraph.checkpoints.adjacency import graph_of
from stgraph.checkpoints.released import write_released
from stgraph.nn import SkeletonNetwork

from ..nn.dense_released import network as dense_network
from ..nn.dense_released import plus_plus_block
from ..nn.oracles import randomize

RELEASED = SkeletonGraph.from_layout(layouts.NTU25, partition.spatial_2018)
IN_OUT = SkeletonGraph.from_layout(layouts.NTU25, normalization=normalization.per_subset)
IN_OUT_PYSKL = SkeletonGraph.from_layout(
    layouts.NTU25_PYSKL, normalization=normalization.per_subset
)
FEW = ((8, 1), (8, 1), (16, 2))

# A family and a network of ours that it has.
MODELS = {
    "st-gcn": partial(STGCN, 3, 5, RELEASED),
    "mmskeleton": partial(STGCN, 3, 400, SkeletonGraph.from_layout(layouts.OPENPOSE18)),
    "mmaction2-0.x": partial(
        STGCN, 3, 5, SkeletonGraph.from_layout(layouts.COCO17_CYCLIC, partition.spatial_2018)
    ),
    "st-gcn-v0.1.0": partial(STGCNv010, 3, 5, IN_OUT),
    "pyskl": partial(STGCN, 3, 5, RELEASED, blocks=FEW),
    "pyskl, persons apart": partial(STGCN, 3, 5, RELEASED, blocks=FEW, persons=2),
    "pyskl, ++": partial(STGCNPlusPlus, 3, 5, IN_OUT_PYSKL, blocks=FEW),
    "mmaction2-1.x": partial(STGCN, 2, 5, SkeletonGraph.from_layout(layouts.COCO17), blocks=FEW),
    "mmaction2-1.x, ++": partial(STGCNPlusPlus, 3, 5, IN_OUT_PYSKL, blocks=FEW),
}


def model_of(case: str) -> SkeletonNetwork:
    model = MODELS[case]()
    randomize(model)
    return model.eval()


def family_of(case: str) -> str:
    return case.split(",")[0]


def weights_in(path: Path) -> dict[str, Tensor]:
    content = torch.load(path, weights_only=True)
    return content.get("state_dict", content)


def logits_of(model: SkeletonNetwork) -> Tensor:
    torch.manual_seed(1)
    joints, channels = model.graph.num_joints, model.in_channels
    clips = [torch.randn(m, t, joints, channels) for m, t in ((2, 7), (1, 5))]
    return model(Batch.from_data_list([build_clip(points, model.graph) for points in clips]))


@pytest.mark.parametrize("case", MODELS)
def test_written_for_a_program_and_read_again_a_network_is_equal_bit_for_bit(
    case: str, tmp_path: Path
):
    model, path = model_of(case), tmp_path / "there.pth"
    save_checkpoint(model, path, family=family_of(case))
    again = load_checkpoint(path)
    assert type(again) is type(model)
    assert torch.equal(again.graph.adjacency, model.graph.adjacency)
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    assert torch.equal(logits_of(again), logits_of(model))


@pytest.mark.parametrize("case", MODELS)
def test_read_and_written_again_a_file_of_a_program_is_equal_bit_for_bit(case: str, tmp_path: Path):
    first, second = tmp_path / "first.pth", tmp_path / "second.pth"
    save_checkpoint(model_of(case), first, family=family_of(case))
    save_checkpoint(load_checkpoint(first), second, family=family_of(case))
    one, other = weights_in(first), weights_in(second)
    assert list(one) == list(other)
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("golden/stgcn_ntu_spatial.pt", "st-gcn"),
        ("golden/stgcn_ntu_distance.pt", "st-gcn"),
        ("golden/pyskl_stgcn_ntu.pth", "pyskl"),
        ("golden/pyskl_stgcnpp_ntu.pth", "pyskl"),
        ("data/weights/pyskl_stgcnpp_hagrid.pth", "pyskl"),
    ],
)
def test_files_of_the_programs_themselves_are_written_again_bit_for_bit(
    name: str, family: str, shared: Path, tmp_path: Path
):
    theirs = weights_in(shared / name)
    save_checkpoint(load_checkpoint(shared / name), tmp_path / "again.pth", family=family)
    again = weights_in(tmp_path / "again.pth")
    assert theirs.keys() == again.keys()
    assert all(torch.equal(theirs[key], again[key]) for key in theirs)


@pytest.mark.real
@torch.inference_mode()
def test_a_published_network_for_hands_is_the_dense_program(shared: Path):
    model = load_checkpoint(shared / "data/weights/pyskl_stgcnpp_hagrid.pth")
    assert model.graph.layout == layouts.HAND21
    assert model.settings["blocks"] == [[64, 1]] * 5 + [[128, 2]]
    assert sum(value.numel() for value in model.state_dict().values()) == 201_696
    assert all(int(block.adjacency.weight.count_nonzero()) == 1323 for block in model.blocks)
    hands = torch.randn(3, 1, 10, 21, 2).cumsum(dim=2)
    logits = model(Batch.from_data_list([build_clip(hand, model.graph) for hand in hands]))
    wanted, _ = dense_network(model, hands, plus_plus_block)
    torch.testing.assert_close(logits, wanted, rtol=1e-4, atol=1e-4 * wanted.abs().max().item())


def test_names_are_those_of_the_programs():
    named = {case: write_released(model_of(case), family_of(case)) for case in MODELS}
    assert len(named["st-gcn"]) == 172
    assert named["st-gcn"]["st_gcn_networks.0.gcn.conv.weight"].shape == (192, 3, 1, 1)
    assert named["st-gcn"]["st_gcn_networks.4.tcn.2.weight"].shape == (128, 128, 9, 1)
    assert named["st-gcn"]["fcn.weight"].shape == (5, 256, 1, 1)
    assert named["mmaction2-0.x"]["state_dict"]["cls_head.fc.weight"].shape == (5, 256, 1, 1)
    first_release = named["st-gcn-v0.1.0"]
    assert first_release["fcn.weight"].shape == (5, 256, 1)
    assert first_release["data_bn.weight"].shape == (150,)
    assert first_release["backbone.3.gcn1.conv_list.2.weight"].shape == (128, 64, 1, 1)
    assert first_release["backbone.6.down1.conv.weight"].shape == (256, 128, 1, 1)
    assert torch.equal(first_release["person_bn.running_var"], torch.ones(256))
    assert named["pyskl"]["state_dict"]["cls_head.fc_cls.weight"].shape == (5, 16)
    assert named["mmaction2-1.x"]["state_dict"]["cls_head.fc.weight"].shape == (5, 16)


def saved(tmp_path: Path, weights: object) -> Path:
    path = tmp_path / "weights.pth"
    torch.save(weights, path)
    return path


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapped", [None, "state_dict", "model_state_dict", "model"])
def test_wrapping_and_the_prefix_of_parallel_training_do_not_matter(
    prefix: str, wrapped: str | None, tmp_path: Path
):
    model = model_of("pyskl")
    weights = write_released(model, "pyskl")["state_dict"]
    weights = OrderedDict((prefix + name, value) for name, value in weights.items())
    content: Any = weights if wrapped is None else {"epoch": 3, wrapped: weights}
    assert torch.equal(logits_of(load_checkpoint(saved(tmp_path, content))), logits_of(model))


@pytest.mark.parametrize("case", MODELS)
def test_files_of_old_versions_of_torch_lack_the_count_of_batches(case: str, tmp_path: Path):
    model = model_of(case)
    weights = write_released(model, family_of(case))
    weights = weights.get("state_dict", weights)
    old = {name: value for name, value in weights.items() if "num_batches" not in name}
    assert len(old) < len(weights)
    assert torch.equal(logits_of(load_checkpoint(saved(tmp_path, old))), logits_of(model))


@pytest.mark.parametrize(
    ("case", "part"),
    [("st-gcn", "edge_importance"), ("pyskl", ".PA"), ("st-gcn-v0.1.0", ".mask")],
)
def test_networks_trained_without_edge_importance_have_ones(case: str, part: str, tmp_path: Path):
    again = model_of(case)
    weights = write_released(again, case)
    weights = weights.get("state_dict", weights)
    without = {name: value for name, value in weights.items() if part not in name}
    model = load_checkpoint(saved(tmp_path, without))
    assert all(bool((block.importance.weight == 1).all()) for block in model.blocks)
    for block in again.blocks:
        torch.nn.init.ones_(block.importance.weight)
    assert torch.equal(logits_of(model), logits_of(again))


def test_the_adjacency_of_the_file_counts_not_that_of_a_layout(tmp_path: Path):
    model = model_of("st-gcn")
    weights = write_released(model, "st-gcn")
    weights["A"] = weights["A"] * torch.rand(3, 25, 25)
    path = saved(tmp_path, weights)
    with pytest.raises(ValueError, match="is that of no released layout and partition; pass the"):
        load_checkpoint(path)
    loaded = load_checkpoint(path, layouts.NTU25)
    assert torch.equal(loaded.graph.adjacency, weights["A"])
    assert loaded.graph.subset_names == ("subset 0", "subset 1", "subset 2")


def test_layout_and_subsets_of_known_adjacencies_are_found():
    for graph in (RELEASED, IN_OUT, IN_OUT_PYSKL, SkeletonGraph.from_layout(layouts.OPENPOSE18)):
        found = graph_of(graph.adjacency, None, 9, "file")
        assert found.layout == graph.layout
        assert found.subset_names == graph.subset_names
        assert torch.equal(found.adjacency, graph.adjacency)


def test_a_layout_of_ones_own_is_taken(tmp_path: Path):
    chain = SkeletonLayout("chain", tuple("abcdef"), tuple((i + 1, i) for i in range(5)))
    model = STGCNPlusPlus(3, 4, SkeletonGraph.from_layout(chain), blocks=((6, 1), (12, 2)))
    path = tmp_path / "chain.pth"
    save_checkpoint(model, path, family="pyskl")
    with pytest.raises(ValueError, match=r"of a network with 6 joints; .*layout=\.\.\."):
        load_checkpoint(path)
    assert load_checkpoint(path, chain).graph.layout == chain
    with pytest.raises(ValueError, match="network with 6 joints, layout 'NTU25' has 25"):
        load_checkpoint(path, layouts.NTU25)


def test_strides_are_read_off_the_shortcuts_or_given(tmp_path: Path):
    model = STGCN(3, 4, RELEASED, blocks=((8, 1), (8, 2), (16, 2), (16, 1))).eval()
    path = tmp_path / "strides.pth"
    save_checkpoint(model, path, family="pyskl")
    assert [stride for _, stride in load_checkpoint(path).settings["blocks"]] == [1, 2, 2, 1]
    given = load_checkpoint(path, strides=[1, 2, 1, 1])
    assert given.strides == [1, 2, 1, 1]
    for wrong, message in (([1, 2], "strides has 2 numbers"), ([1, 2, 0, 1], "at least 1")):
        with pytest.raises(ValueError, match=message):
            load_checkpoint(path, strides=wrong)


def test_v010_needs_its_graph_told_where_it_is_not_the_usual_one(tmp_path: Path):
    laplacian = SkeletonGraph.from_layout(
        layouts.NTU25, partition.uniform, normalization=normalization.random_walk_laplacian
    )
    usual = SkeletonGraph.from_layout(
        layouts.NTU25, partition.uniform, normalization=normalization.per_subset
    )
    model, path = STGCNv010(3, 4, usual).eval(), tmp_path / "uniform.pth"
    save_checkpoint(model, path, family="st-gcn-v0.1.0")
    assert torch.equal(logits_of(load_checkpoint(path)), logits_of(model))
    told = load_checkpoint(path, graph=laplacian)
    assert told.graph.identity == laplacian.identity
    assert not torch.allclose(logits_of(told), logits_of(model))


def test_a_graph_beside_an_adjacency_is_refused(tmp_path: Path):
    path = tmp_path / "there.pth"
    save_checkpoint(model_of("st-gcn"), path, family="st-gcn")
    with pytest.raises(ValueError, match="holds its own adjacency; leave graph out"):
        load_checkpoint(path, graph=RELEASED)


@pytest.mark.parametrize("case", MODELS)
def test_a_missing_an_unknown_and_a_misshapen_tensor_are_named_as_the_file_names_them(
    case: str, tmp_path: Path
):
    weights = write_released(model_of(case), family_of(case))
    weights = weights.get("state_dict", weights)
    names = [name for name in weights if "conv" in name and "bias" in name]
    missing = names[-1]
    fewer = {name: value for name, value in weights.items() if name != missing}
    with pytest.raises(ValueError, match=rf"1 weights missing \({missing}\)"):
        load_checkpoint(saved(tmp_path, fewer))
    with pytest.raises(ValueError, match=r"0 weights missing .* 1 unknown \(attention\.W\)"):
        load_checkpoint(saved(tmp_path, {**weights, "attention.W": torch.zeros(2)}))
    longer = {**weights, missing: torch.zeros(len(weights[missing]) + 1)}
    with pytest.raises(ValueError, match=rf"{missing} has the shape"):
        load_checkpoint(saved(tmp_path, longer))


@pytest.mark.parametrize("case", MODELS)
def test_whatever_single_tensor_is_missing_or_flattened_the_error_is_one_sentence(
    case: str, tmp_path: Path
):
    weights = write_released(model_of(case), family_of(case))
    weights = weights.get("state_dict", weights)
    optional = ("num_batches", "edge_importance", "PA", "mask", "person_bn")
    needed = [name for name in weights if not any(part in name for part in optional)]
    for name in needed[:: len(needed) // 12]:
        fewer = {key: value for key, value in weights.items() if key != name}
        wrong = {**weights, name: torch.zeros(3, 0)}
        for content in (fewer, wrong):
            with pytest.raises(ValueError, match=r"weights\.pth "):
                load_checkpoint(saved(tmp_path, content))


@pytest.mark.parametrize("case", ["pyskl", "st-gcn"])
def test_a_body_without_its_classifier_is_named(case: str, tmp_path: Path):
    weights = write_released(model_of(case), case)
    weights = weights.get("state_dict", weights)
    body = {name: value for name, value in weights.items() if "fc" not in name}
    with pytest.raises(ValueError, match="without its classifier; expected (cls_head.fc|fcn)"):
        load_checkpoint(saved(tmp_path, body))


def test_other_networks_are_refused_by_name(tmp_path: Path):
    with pytest.raises(ValueError, match="nor of st-gcn, mmskeleton, .*called l1.gcn1.PA"):
        load_checkpoint(saved(tmp_path, {"l1.gcn1.PA": torch.zeros(3, 25, 25)}))


def test_a_graph_for_each_block_is_refused(tmp_path: Path):
    weights = write_released(model_of("pyskl"), "pyskl")["state_dict"]
    weights["backbone.gcn.1.gcn.A"] = weights["backbone.gcn.1.gcn.A"] + 0.1
    with pytest.raises(ValueError, match=r"graph of its own in each block \(backbone.gcn.1.gcn.A"):
        load_checkpoint(saved(tmp_path, weights))


@pytest.mark.parametrize(
    ("model", "family", "message"),
    [
        (partial(STGCN, 3, 5, RELEASED, blocks=FEW), "st-gcn", "knows the ten published blocks"),
        (partial(STGCN, 3, 5, RELEASED, persons=2), "st-gcn", "normalises persons together"),
        (partial(STGCNv010, 3, 5, IN_OUT, persons=None), "st-gcn-v0.1.0", "persons apart"),
        (partial(STGCNv010, 3, 5, RELEASED), "st-gcn-v0.1.0", "computes the adjacency itself"),
        (
            partial(STGCN, 3, 5, RELEASED, blocks=((8, 1), (16, 1))),
            "pyskl",
            "cannot say that blocks",
        ),
        (
            partial(STGCN, 3, 5, RELEASED, blocks=((8, 2), (8, 1))),
            "pyskl",
            "cannot say that blocks",
        ),
        (
            partial(STGCN, 3, 5, RELEASED, blocks=((8, 1), (8, 3))),
            "pyskl",
            "cannot say that blocks",
        ),
        (partial(STGCN, 3, 5, RELEASED), "st-gcn-v0.1.0", "has no STGCN; it reads STGCNv010"),
        (partial(STGCNPlusPlus, 3, 5, IN_OUT), "st-gcn", "has no STGCNPlusPlus"),
        (partial(STGCN, 3, 5, RELEASED), "ms-g3d", "no family 'ms-g3d'; there are st-gcn, "),
        (
            partial(STGCN, 3, 5, SkeletonGraph.from_layout(layouts.NTU25, temporal="product")),
            "st-gcn",
            "convolves 9 frames after each spatial step",
        ),
        (
            partial(STGCN, 3, 5, SkeletonGraph.from_layout(layouts.NTU25, temporal_kernel=5)),
            "pyskl",
            "convolves 9 frames after each spatial step",
        ),
    ],
)
def test_what_a_program_cannot_compute_is_not_written_for_it(
    model, family: str, message: str, tmp_path: Path
):
    path = tmp_path / "there.pth"
    with pytest.raises(ValueError, match=message):
        save_checkpoint(model(), path, family=family)
    assert not path.exists()


def test_v010_refuses_an_adjacency_that_it_would_not_compute(tmp_path: Path):
    nothing = SkeletonGraph.from_layout(layouts.NTU25, normalization=normalization.none)
    with pytest.raises(ValueError, match="computes the adjacency itself"):
        save_checkpoint(STGCNv010(3, 5, nothing), tmp_path / "there.pth", family="st-gcn-v0.1.0")


def test_classes_of_ntu_have_names_and_clips_a_preset(tmp_path: Path):
    model, path = STGCN(3, 60, RELEASED), tmp_path / "ntu.pt"
    save_checkpoint(model, path, family="st-gcn")
    known = read_checkpoint(path)
    assert known.class_names[0] == "drink water" and len(known.class_names) == 60
    assert known.data == {"preset": "stgcn"}
    assert read_checkpoint(
        saved(tmp_path, write_released(model_of("st-gcn"), "st-gcn"))
    ).class_names == tuple("01234")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda value: value.to_sparse(), "dense real numbers"),
        (lambda value: value.to(torch.complex64), "dense real numbers"),
        (lambda value: value.to(torch.int64), "dense real numbers"),
        (lambda value: torch.full_like(value, torch.nan), "NaN or infinity"),
        (lambda value: torch.zeros(()), "weights.pth"),
        (lambda value: value.flatten(), "weights.pth"),
    ],
)
@pytest.mark.parametrize("name", ["A", "fcn.weight", "st_gcn_networks.0.gcn.conv.weight"])
def test_tensors_of_another_kind_are_named(name: str, change, message: str, tmp_path: Path):
    weights = write_released(model_of("st-gcn"), "st-gcn")
    weights[name] = change(weights[name])
    with pytest.raises(ValueError, match=message):
        load_checkpoint(saved(tmp_path, weights), layouts.NTU25)


@pytest.mark.parametrize("dtype", [torch.half, torch.bfloat16, torch.double])
def test_weights_of_other_widths_become_float32(dtype: torch.dtype, tmp_path: Path):
    weights = write_released(model_of("pyskl"), "pyskl")["state_dict"]
    narrow = {n: v.to(dtype) if v.is_floating_point() else v for n, v in weights.items()}
    model = load_checkpoint(saved(tmp_path, narrow), layouts.NTU25)
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    assert torch.equal(model.classifier.bias, narrow["cls_head.fc_cls.bias"].float())


def test_one_missing_mask_is_a_missing_tensor(tmp_path: Path):
    weights = write_released(model_of("st-gcn"), "st-gcn")
    del weights["edge_importance.3"]
    with pytest.raises(ValueError, match="edge_importance.3 is missing, others of its kind"):
        load_checkpoint(saved(tmp_path, weights))


def test_an_adjacency_that_is_not_square_is_refused(tmp_path: Path):
    weights = write_released(model_of("st-gcn"), "st-gcn")
    weights["A"] = torch.zeros(3, 26, 25)
    with pytest.raises(ValueError, match="26 sources and 25 targets"):
        load_checkpoint(saved(tmp_path, weights), layouts.NTU25)


def test_a_graph_read_back_is_the_graph_of_its_layout_so_training_can_go_on(tmp_path: Path):
    path = tmp_path / "there.pt"
    save_checkpoint(model_of("st-gcn"), path, family="st-gcn")
    assert load_checkpoint(path).graph.identity == RELEASED.identity


def test_edges_given_twice_count_twice_in_a_file(tmp_path: Path):
    edges = partition.neighborhood(layouts.NTU25)
    doubled = torch.cat([edges, edges[:, :3]], dim=1)
    graph = SkeletonGraph.from_layout(layouts.NTU25, partition.uniform, edge_index=doubled)
    model, path = STGCN(3, 5, graph, blocks=FEW).eval(), tmp_path / "doubled.pth"
    save_checkpoint(model, path, family="pyskl")
    again = load_checkpoint(path, layouts.NTU25)
    torch.testing.assert_close(logits_of(again), logits_of(model), rtol=1e-4, atol=1e-5)


def test_what_our_own_files_say_themselves_is_not_asked_for(tmp_path: Path):
    path = tmp_path / "new" / "ours.ckpt"
    save_checkpoint(model_of("pyskl"), path)
    assert load_checkpoint(path, layouts.NTU25).graph.layout == layouts.NTU25
    with pytest.raises(ValueError, match="says layout, graph and strides itself"):
        load_checkpoint(path, layouts.COCO17)


def test_every_family_is_tried():
    assert {family_of(case) for case in MODELS} == {family.name for family in FAMILIES}


def test_code_in_a_file_of_a_program_is_not_run(tmp_path: Path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "trace",))

    content = {"state_dict": write_released(model_of("pyskl"), "pyskl")["state_dict"], "x": Bomb()}
    with pytest.raises(ValueError, match="code in it is not run: .*save its state_dict alone"):
        load_checkpoint(saved(tmp_path, content))
    assert not (tmp_path / "trace").exists()
