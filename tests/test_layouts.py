"""Every layout against its published source, typed again here in the source's own words."""

from __future__ import annotations

import re

import networkx as nx
import pytest

from stgraph import layouts
from stgraph.skeleton import SkeletonLayout

# fmt: off
SHAPES = {  # joints, bones, independent cycles, centre
    "NTU25": (25, 24, 0, "spine shoulder"), "NTU25_PYSKL": (25, 24, 0, "spine shoulder"),
    "NTU_EDGE24": (24, 23, 0, "neck"), "UCLA20": (20, 19, 0, "spine shoulder"),
    "OPENPOSE18": (18, 17, 0, "neck"), "BODY25": (25, 24, 0, "neck"),
    "COCO17": (17, 16, 0, "nose"), "COCO17_CYCLIC": (17, 19, 3, "nose"),
    "HALPE26": (26, 27, 2, "neck"), "MEDIAPIPE33": (33, 39, 7, "nose"),
    "HAND21": (21, 20, 0, "wrist"), "H36M17": (17, 16, 0, "spine mid"),
    "SMPL24": (24, 23, 0, "pelvis"),
}

# (child, parent) in the numbering of the source: its first joint is number `base`.
DIRECTED: dict[str, tuple[int, list[tuple[int, int]]]] = {
    "NTU25": (1, [
        (1, 2), (2, 21), (3, 21), (4, 3), (5, 21), (6, 5), (7, 6), (8, 7), (9, 21), (10, 9),
        (11, 10), (12, 11), (13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18),
        (20, 19), (22, 23), (23, 8), (24, 25), (25, 12)]),
    "NTU25_PYSKL": (1, [
        (1, 2), (2, 21), (3, 21), (4, 3), (5, 21), (6, 5), (7, 6), (8, 7), (9, 21), (10, 9),
        (11, 10), (12, 11), (13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18),
        (20, 19), (22, 8), (23, 8), (24, 12), (25, 12)]),
    "NTU_EDGE24": (1, [
        (1, 2), (3, 2), (4, 3), (5, 2), (6, 5), (7, 6), (8, 7), (9, 2), (10, 9), (11, 10),
        (12, 11), (13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18), (20, 19),
        (21, 22), (22, 8), (23, 24), (24, 12)]),
    "UCLA20": (1, [
        (1, 2), (2, 3), (4, 3), (5, 3), (6, 5), (7, 6), (8, 7), (9, 3), (10, 9), (11, 10),
        (12, 11), (13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18), (20, 19)]),
    "OPENPOSE18": (0, [
        (4, 3), (3, 2), (7, 6), (6, 5), (13, 12), (12, 11), (10, 9), (9, 8), (11, 5), (8, 2),
        (5, 1), (2, 1), (0, 1), (15, 0), (14, 0), (17, 15), (16, 14)]),
    "COCO17": (0, [
        (15, 13), (13, 11), (16, 14), (14, 12), (11, 5), (12, 6), (9, 7), (7, 5), (10, 8),
        (8, 6), (5, 0), (6, 0), (1, 0), (3, 1), (2, 0), (4, 2)]),
    "COCO17_CYCLIC": (1, [
        (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (8, 6),
        (9, 7), (10, 8), (11, 9), (2, 3), (2, 1), (3, 1), (4, 2), (5, 3), (4, 6), (5, 7)]),
    "HAND21": (0, [
        (1, 0), (2, 1), (3, 2), (4, 3), (5, 0), (6, 5), (7, 6), (8, 7), (9, 0), (10, 9),
        (11, 10), (12, 11), (13, 0), (14, 13), (15, 14), (16, 15), (17, 0), (18, 17), (19, 18),
        (20, 19)]),
}

BODY25_PARENT_THEN_CHILD = [
    1,8, 1,2, 1,5, 2,3, 3,4, 5,6, 6,7, 8,9, 9,10, 10,11, 8,12, 12,13, 13,14, 1,0,
    0,15, 15,17, 0,16, 16,18, 14,19, 19,20, 14,21, 11,22, 22,23, 11,24]
SMPL_PARENTS = [
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
H36M_32_PARENTS = [
    -1, 0, 1, 2, 3, 4, 0, 6, 7, 8, 9, 0, 11, 12, 13, 14, 12,
    16, 17, 18, 19, 20, 19, 22, 12, 24, 25, 26, 27, 28, 27, 30]
H36M_REMOVED = [4, 5, 9, 10, 11, 16, 20, 21, 22, 23, 24, 28, 29, 30, 31]
HALPE_LINKS = """
    left_ankle left_knee, left_knee left_hip, left_hip hip, right_ankle right_knee,
    right_knee right_hip, right_hip hip, head neck, neck hip, neck left_shoulder,
    left_shoulder left_elbow, left_elbow left_wrist, neck right_shoulder,
    right_shoulder right_elbow, right_elbow right_wrist, left_eye right_eye, nose left_eye,
    nose right_eye, left_eye left_ear, right_eye right_ear, left_ear left_shoulder,
    right_ear right_shoulder, left_ankle left_big_toe, left_ankle left_small_toe,
    left_ankle left_heel, right_ankle right_big_toe, right_ankle right_small_toe,
    right_ankle right_heel"""
MEDIAPIPE_LINKS = """
    NOSE RIGHT_EYE_INNER, RIGHT_EYE_INNER RIGHT_EYE, RIGHT_EYE RIGHT_EYE_OUTER,
    RIGHT_EYE_OUTER RIGHT_EAR, NOSE LEFT_EYE_INNER, LEFT_EYE_INNER LEFT_EYE,
    LEFT_EYE LEFT_EYE_OUTER, LEFT_EYE_OUTER LEFT_EAR, MOUTH_RIGHT MOUTH_LEFT,
    RIGHT_SHOULDER LEFT_SHOULDER, RIGHT_SHOULDER RIGHT_ELBOW, RIGHT_ELBOW RIGHT_WRIST,
    RIGHT_WRIST RIGHT_PINKY, RIGHT_WRIST RIGHT_INDEX, RIGHT_WRIST RIGHT_THUMB,
    RIGHT_PINKY RIGHT_INDEX, LEFT_SHOULDER LEFT_ELBOW, LEFT_ELBOW LEFT_WRIST,
    LEFT_WRIST LEFT_PINKY, LEFT_WRIST LEFT_INDEX, LEFT_WRIST LEFT_THUMB, LEFT_PINKY LEFT_INDEX,
    RIGHT_SHOULDER RIGHT_HIP, LEFT_SHOULDER LEFT_HIP, RIGHT_HIP LEFT_HIP, RIGHT_HIP RIGHT_KNEE,
    LEFT_HIP LEFT_KNEE, RIGHT_KNEE RIGHT_ANKLE, LEFT_KNEE LEFT_ANKLE, RIGHT_ANKLE RIGHT_HEEL,
    LEFT_ANKLE LEFT_HEEL, RIGHT_HEEL RIGHT_FOOT_INDEX, LEFT_HEEL LEFT_FOOT_INDEX,
    RIGHT_ANKLE RIGHT_FOOT_INDEX, LEFT_ANKLE LEFT_FOOT_INDEX"""

JOINTS = {  # as the sources spell them, in their order
    "UCLA20": "hip_center spine shoulder_center head shoulder_left elbow_left wrist_left hand_left "
        "shoulder_right elbow_right wrist_right hand_right hip_left knee_left ankle_left foot_left "
        "hip_right knee_right ankle_right foot_right",
    "OPENPOSE18": "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist RHip RKnee RAnkle "
        "LHip LKnee LAnkle REye LEye REar LEar",
    "BODY25": "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist MidHip RHip RKnee RAnkle "
        "LHip LKnee LAnkle REye LEye REar LEar LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel",
    "HALPE26": "Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip RHip "
        "LKnee RKnee LAnkle RAnkle Head Neck Hip LBigToe RBigToe LSmallToe RSmallToe LHeel RHeel",
    "MEDIAPIPE33": "NOSE LEFT_EYE_INNER LEFT_EYE LEFT_EYE_OUTER RIGHT_EYE_INNER RIGHT_EYE "
        "RIGHT_EYE_OUTER LEFT_EAR RIGHT_EAR MOUTH_LEFT MOUTH_RIGHT LEFT_SHOULDER RIGHT_SHOULDER "
        "LEFT_ELBOW RIGHT_ELBOW LEFT_WRIST RIGHT_WRIST LEFT_PINKY RIGHT_PINKY LEFT_INDEX "
        "RIGHT_INDEX LEFT_THUMB RIGHT_THUMB LEFT_HIP RIGHT_HIP LEFT_KNEE RIGHT_KNEE LEFT_ANKLE "
        "RIGHT_ANKLE LEFT_HEEL RIGHT_HEEL LEFT_FOOT_INDEX RIGHT_FOOT_INDEX",
    "HAND21": "WRIST THUMB_CMC THUMB_MCP THUMB_IP THUMB_TIP INDEX_FINGER_MCP INDEX_FINGER_PIP "
        "INDEX_FINGER_DIP INDEX_FINGER_TIP MIDDLE_FINGER_MCP MIDDLE_FINGER_PIP MIDDLE_FINGER_DIP "
        "MIDDLE_FINGER_TIP RING_FINGER_MCP RING_FINGER_PIP RING_FINGER_DIP RING_FINGER_TIP "
        "PINKY_MCP PINKY_PIP PINKY_DIP PINKY_TIP",
    "H36M17": "Hip RHip RKnee RFoot LHip LKnee LFoot Spine Thorax Neck/Nose Head LShoulder LElbow "
        "LWrist RShoulder RElbow RWrist",
    "SMPL24": "pelvis left_hip right_hip spine1 left_knee right_knee spine2 left_ankle right_ankle "
        "spine3 left_foot right_foot neck left_collar right_collar head left_shoulder "
        "right_shoulder left_elbow right_elbow left_wrist right_wrist left_hand right_hand",
}
OUR_WORDS = {
    "hip": "pelvis", "mid hip": "pelvis", "spine": "spine mid", "neck/nose": "neck",
    "hip center": "spine base", "shoulder center": "spine shoulder",
    "spine1": "spine lower", "spine2": "spine mid", "spine3": "spine upper",
    "left mouth": "left mouth corner", "right mouth": "right mouth corner",
    "left index": "left index finger", "right index": "right index finger",
}
# fmt: on

LAYOUTS = {name: x for name, x in vars(layouts).items() if isinstance(x, SkeletonLayout)}
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())


def our_name(published: str, *, ankles_are_feet: bool = False) -> str:
    """``RBigToe``, ``big_toe_right`` or ``RIGHT_BIG_TOE`` as ``right big toe``."""
    name = re.sub(r"^R(?=[A-Z][a-z])", "Right ", re.sub(r"^L(?=[A-Z][a-z])", "Left ", published))
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower()
    name = re.sub(r"^(.+) (left|right)$", r"\2 \1", name).replace("pinky", "little finger")
    return OUR_WORDS.get(name, name).replace("foot" if ankles_are_feet else "\0", "ankle")


def named_pairs(layout: SkeletonLayout, links: str) -> list[set[int]]:
    return [{layout.index(our_name(end)) for end in link.split()} for link in links.split(",")]


def distances(layout: SkeletonLayout) -> dict[int, int]:
    return nx.single_source_shortest_path_length(layout.to_networkx(), layout.center)


def test_the_table_of_shapes_names_every_layout():
    assert set(SHAPES) == set(LAYOUTS)


@every_layout
def test_a_layout_is_called_as_its_constant(layout):
    assert LAYOUTS[layout.name] is layout


@every_layout
def test_joints_bones_cycles_and_centre_are_as_listed(layout):
    joints, bones, cycles, center = SHAPES[layout.name]
    assert (layout.num_joints, len(layout.bones)) == (joints, bones)
    assert len(nx.cycle_basis(layout.to_networkx())) == cycles
    assert layout.is_tree == (cycles == 0)
    assert layout.joint_names[layout.center] == center


@every_layout
def test_every_joint_can_be_reached_from_the_centre(layout):
    assert len(distances(layout)) == layout.num_joints


@every_layout
def test_mirror_pairs_are_exactly_the_joints_named_left_and_right(layout):
    pairs = {(layout.joint_names[a], layout.joint_names[b]) for a, b in layout.mirror_pairs}
    lefts = {name for name in layout.joint_names if name.startswith("left ")}
    rights = {name for name in layout.joint_names if name.startswith("right ")}
    assert pairs == {(name, "right" + name.removeprefix("left")) for name in lefts}
    assert rights == {right for _, right in pairs}


@every_layout
def test_mirroring_maps_bones_onto_bones(layout):
    edges = {frozenset(bone) for bone in layout.bones}
    assert {frozenset(layout.mirrored[end] for end in edge) for edge in edges} == edges


@every_layout
def test_the_rest_pose_is_distinct_and_symmetric_with_left_on_the_viewers_right(layout):
    assert len(set(layout.positions)) == layout.num_joints
    for left, right in layout.mirror_pairs:
        x, y = layout.positions[left]
        assert x > 0 and layout.positions[right] == (-x, y)


@every_layout
def test_the_rest_pose_stands_upright(layout):
    heights = {name: y for name, (_, y) in zip(layout.joint_names, layout.positions, strict=True)}
    chain = ["middle finger tip", "head", "nose", "left shoulder", "left hip", "left knee"]
    found = [heights[name] for name in [*chain, "left ankle", "wrist"] if name in heights]
    assert len(found) > 1 and found == sorted(found, reverse=True)


@every_layout
def test_the_source_names_a_repository_and_a_file(layout):
    assert re.match(r"[\w.-]+/[\w.-]+:[\w./-]+\.(py|hpp)", layout.source)


@pytest.mark.parametrize("name", DIRECTED)
def test_bones_are_the_published_list_in_its_order_and_direction(name):
    base, published = DIRECTED[name]
    assert list(LAYOUTS[name].bones) == [
        (child - base, parent - base) for child, parent in published
    ]


def test_body25_bones_are_the_rendered_pairs_of_openpose_turned_to_child_parent():
    flat = BODY25_PARENT_THEN_CHILD
    assert list(layouts.BODY25.bones) == list(zip(flat[1::2], flat[0::2], strict=True))


def test_smpl24_bones_are_the_kinematic_tree():
    assert list(layouts.SMPL24.bones) == list(enumerate(SMPL_PARENTS))[1:]


def test_h36m17_bones_follow_from_the_32_published_joints():
    kept = [joint for joint in range(32) if joint not in H36M_REMOVED]

    def nearest_kept(joint: int) -> int:
        return kept.index(joint) if joint in kept else nearest_kept(H36M_32_PARENTS[joint])

    bones = {kept.index(joint): nearest_kept(H36M_32_PARENTS[joint]) for joint in kept[1:]}
    assert (bones[11], bones[14]) == (7, 7)
    assert list(layouts.H36M17.bones) == sorted((bones | {11: 8, 14: 8}).items())


def test_halpe26_bones_are_the_links_of_mmpose_in_their_order():
    published = named_pairs(layouts.HALPE26, HALPE_LINKS)
    assert [set(bone) for bone in layouts.HALPE26.bones] == published


def test_mediapipe33_has_the_35_published_connections_and_four_of_ours():
    published = {frozenset(pair) for pair in named_pairs(layouts.MEDIAPIPE33, MEDIAPIPE_LINKS)}
    ours = {frozenset(bone) for bone in layouts.MEDIAPIPE33_ADDED_BONES}
    assert (len(published), len(ours)) == (35, 4) and not published & ours
    assert {frozenset(bone) for bone in layouts.MEDIAPIPE33.bones} == published | ours


def test_mediapipe33_falls_into_face_mouth_and_body_without_the_added_bones():
    graph = layouts.MEDIAPIPE33.to_networkx()
    graph.remove_edges_from(layouts.MEDIAPIPE33_ADDED_BONES)
    assert sorted(map(len, nx.connected_components(graph))) == [2, 9, 22]


@pytest.mark.parametrize("name", ["BODY25", "HALPE26", "MEDIAPIPE33", "SMPL24"])
def test_no_bone_points_away_from_the_centre_where_the_direction_is_ours(name):
    away = distances(LAYOUTS[name])
    assert all(away[parent] <= away[child] for child, parent in LAYOUTS[name].bones)


@pytest.mark.parametrize("name", JOINTS)
def test_joints_are_the_published_ones_in_their_order(name):
    published = [our_name(j, ankles_are_feet=name == "H36M17") for j in JOINTS[name].split()]
    assert list(LAYOUTS[name].joint_names) == published


def test_coco_joints_are_the_first_17_of_halpe26():
    assert layouts.COCO17.joint_names == layouts.COCO17_CYCLIC.joint_names
    assert layouts.COCO17.joint_names == layouts.HALPE26.joint_names[:17]


def test_ntu25_joints_are_the_25_of_the_kinect_v2_in_1_based_order():
    number = {name: index + 1 for index, name in enumerate(layouts.NTU25.joint_names)}
    firsts = {"left shoulder": 5, "right shoulder": 9, "left hip": 13, "right hip": 17}
    rest = {"shoulder": ["elbow", "wrist", "hand"], "hip": ["knee", "ankle", "foot"]}
    expected = dict(firsts)
    for first, base in firsts.items():
        side, part = first.split()
        expected |= {f"{side} {name}": base + 1 + i for i, name in enumerate(rest[part])}
    expected |= {"spine base": 1, "spine mid": 2, "neck": 3, "head": 4, "spine shoulder": 21}
    expected |= {"left hand tip": 22, "left thumb": 23, "right hand tip": 24, "right thumb": 25}
    assert number == expected
    assert layouts.NTU25_PYSKL.joint_names == layouts.NTU25.joint_names


def test_ntu_edge24_is_ntu25_without_its_joint_21():
    names = layouts.NTU25.joint_names
    assert layouts.NTU_EDGE24.joint_names == (*names[:20], *names[21:])


def test_ntu25_and_its_pyskl_version_differ_in_the_two_hand_tips_only():
    differing = set(layouts.NTU25.bones) ^ set(layouts.NTU25_PYSKL.bones)
    assert differing == {(21, 22), (23, 24), (21, 7), (23, 11)}
