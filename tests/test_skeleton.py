from __future__ import annotations

import dataclasses
import json

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stgraph.skeleton import SkeletonLayout

LIMBS = SkeletonLayout(
    "limbs",
    ("trunk", "left arm", "right arm", "tail"),
    ((1, 0), (2, 0), (3, 0)),
    mirror_pairs=((1, 2),),
    positions=((0.0, 1.0), (0.5, 1.0), (-0.5, 1.0), (0.0, 0.0)),
    source="invented",
)


@st.composite
def trees(draw: st.DrawFn) -> SkeletonLayout:
    """A random tree: joint i hangs on a joint before it, in random order and direction."""
    joints = draw(st.integers(1, 12))
    bones = [(child, draw(st.integers(0, child - 1))) for child in range(1, joints)]
    turned = [bone[::-1] if draw(st.booleans()) else bone for bone in draw(st.permutations(bones))]
    order = draw(st.permutations(range(joints)))
    half = draw(st.integers(0, joints // 2))
    coordinate = st.floats(-2, 2, allow_nan=False)
    place = st.tuples(coordinate, coordinate)
    return SkeletonLayout(
        draw(st.text(max_size=5)),
        tuple(f"joint {index}" for index in range(joints)),
        tuple(turned),
        center=draw(st.integers(0, joints - 1)),
        mirror_pairs=tuple(zip(order[:half], order[half : 2 * half], strict=True)),
        positions=draw(st.none() | st.tuples(*[place] * joints)),
        source=draw(st.text(max_size=5)),
    )


@given(trees())
def test_a_layout_survives_dict_and_json(layout: SkeletonLayout):
    assert SkeletonLayout.from_dict(layout.to_dict()) == layout
    assert SkeletonLayout.from_dict(json.loads(json.dumps(layout.to_dict()))) == layout


@given(trees())
def test_mirroring_twice_changes_nothing(layout: SkeletonLayout):
    mirrored = layout.mirrored
    assert sorted(mirrored) == list(range(layout.num_joints))
    assert [mirrored[joint] for joint in mirrored] == list(range(layout.num_joints))


@given(trees())
def test_mirroring_moves_exactly_the_paired_joints(layout: SkeletonLayout):
    paired = {joint for pair in layout.mirror_pairs for joint in pair}
    assert {j for j, other in enumerate(layout.mirrored) if other != j} == paired


@given(trees())
def test_random_trees_are_trees_until_a_bone_is_taken_away(layout: SkeletonLayout):
    assert layout.is_tree
    assert layout.to_networkx().number_of_edges() == layout.num_joints - 1
    if layout.bones:
        assert not dataclasses.replace(layout, bones=layout.bones[1:]).is_tree


@given(trees())
def test_equal_layouts_have_equal_hashes(layout: SkeletonLayout):
    assert hash(SkeletonLayout.from_dict(layout.to_dict())) == hash(layout)


def test_a_layout_survives_a_file(tmp_path):
    path = tmp_path / "limbs.json"
    path.write_text(json.dumps(LIMBS.to_dict()), encoding="utf-8")
    assert SkeletonLayout.load(path) == LIMBS


def test_a_file_that_is_not_json_is_named_in_the_error(tmp_path):
    path = tmp_path / "broken.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"broken\.json does not describe a layout"):
        SkeletonLayout.load(path)


def test_lists_become_tuples_so_that_a_layout_is_a_value():
    layout = SkeletonLayout("pair", ["a", "b"], [[1, 0]], positions=[[0, 0], [1, 0]])  # type: ignore[arg-type]
    assert layout.bones == ((1, 0),) and layout.joint_names == ("a", "b")
    assert layout == SkeletonLayout("pair", ("a", "b"), ((1, 0),), positions=((0, 0), (1, 0)))
    assert {layout: 1}[layout] == 1


def test_a_layout_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        LIMBS.center = 1  # type: ignore[misc]


def test_a_cycle_is_allowed_and_is_not_a_tree():
    ring = SkeletonLayout("ring", ("a", "b", "c"), ((0, 1), (1, 2), (2, 0)))
    assert not ring.is_tree and nx.is_connected(ring.to_networkx())


def test_one_joint_without_bones_is_a_tree():
    assert SkeletonLayout("dot", ("a",), ()).is_tree


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joint_names": ()}, r"'limbs' has no joints; it needs at least one"),
        ({"joint_names": ("a", "b", "a", "c")}, r"'limbs' uses joint names twice: \['a'\]"),
        ({"center": 4}, r"joints 0 to 3, but its centre is 4"),
        ({"center": -1}, r"joints 0 to 3, but its centre is -1"),
        ({"positions": ((0.0, 0.0),)}, r"4 joints, but its rest pose has 1 positions"),
        ({"bones": ((1, 0), (4, 0))}, r"0 to 3, but bone \(4, 0\) names another.*0-based"),
        ({"bones": ((-1, 0),)}, r"bone \(-1, 0\) names another"),
        ({"bones": ((2, 2),)}, r"joins joint 2 to itself; leave self-loops out"),
        ({"bones": ((1, 0), (1, 0))}, r"bone 1-0 twice"),
        ({"bones": ((1, 0), (0, 1))}, r"bone 0-1 twice"),
        ({"mirror_pairs": ((1, 4),)}, r"mirror pair \(1, 4\) names another"),
        ({"mirror_pairs": ((1, 2), (2, 3))}, r"twice in its mirror pairs; a joint has one partner"),
        ({"mirror_pairs": ((1, 1),)}, r"twice in its mirror pairs; a joint has one partner"),
    ],
)
def test_an_error_names_the_layout_what_was_expected_and_what_was_found(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(LIMBS, **change)


def test_index_finds_a_joint_and_an_unknown_one_is_answered_with_the_list():
    assert LIMBS.index("tail") == 3
    with pytest.raises(
        ValueError, match="no joint 'wing'; it has trunk, left arm, right arm, tail"
    ):
        LIMBS.index("wing")


def test_from_dict_names_missing_and_unknown_keys():
    fields = LIMBS.to_dict()
    fields["centre"] = fields.pop("bones")
    with pytest.raises(ValueError, match=r"first three are needed.*: bones, centre\."):
        SkeletonLayout.from_dict(fields)


def test_from_dict_needs_only_name_joints_and_bones():
    layout = SkeletonLayout.from_dict({"name": "p", "joint_names": ["a", "b"], "bones": [[1, 0]]})
    assert (layout.center, layout.mirror_pairs, layout.positions) == (0, (), None)


def test_from_names_numbers_joints_as_they_first_appear():
    layout = SkeletonLayout.from_names(
        "limbs",
        [("left arm", "trunk"), ("right arm", "trunk"), ("tail", "trunk")],
        center="trunk",
        mirror_pairs=[("left arm", "right arm")],
        source="invented",
    )
    assert layout.joint_names == ("left arm", "trunk", "right arm", "tail")
    assert layout.bones == ((0, 1), (2, 1), (3, 1))
    assert (layout.center, layout.mirror_pairs, layout.source) == (1, ((0, 2),), "invented")


def test_from_names_without_bones_is_the_centre_alone():
    assert SkeletonLayout.from_names("dot", [], center="a").joint_names == ("a",)


@pytest.mark.parametrize(
    "wrong", [{"center": "wing"}, {"center": "arm", "mirror_pairs": [("arm", "wing")]}]
)
def test_from_names_answers_an_unknown_joint_with_those_it_knows(wrong):
    with pytest.raises(
        ValueError, match=r"\['wing'\] appear in no bone; the bones name arm, trunk"
    ):
        SkeletonLayout.from_names("limbs", [("arm", "trunk")], **wrong)


@given(st.integers(1, 6), st.integers(1, 6))
def test_a_grid_joins_exactly_the_pixels_one_step_apart(height: int, width: int):
    grid = SkeletonLayout.grid(height, width)
    edges = {frozenset(bone) for bone in grid.bones}
    pixels = [divmod(joint, width) for joint in range(height * width)]
    for a, (row, column) in enumerate(pixels):
        for b in range(a):
            step = max(abs(row - pixels[b][0]), abs(column - pixels[b][1]))
            assert (frozenset((a, b)) in edges) == (step == 1)


def test_a_grid_is_numbered_row_by_row_around_its_middle():
    grid = SkeletonLayout.grid(3, 5)
    assert grid.num_joints == 15 and grid.name == "grid 3x5"
    assert grid.joint_names[grid.center] == "pixel 1,2"
    assert grid.index("pixel 2,4") == 14
    assert grid.positions is not None and grid.positions[14] == (4.0, -2.0)


def test_networkx_nodes_carry_the_joint_names():
    graph = LIMBS.to_networkx()
    assert graph.name == "limbs"
    assert [graph.nodes[joint]["name"] for joint in range(4)] == list(LIMBS.joint_names)
    assert {frozenset(edge) for edge in graph.edges} == {frozenset(b) for b in LIMBS.bones}
