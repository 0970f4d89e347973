"""Published skeletons as constants: joints, bones, centre, mirror pairs and a rest pose.

Joint numbers are 0-based, whatever base the source uses; bones are pairs (child, parent) in the
source's order. Where a source leaves the direction of its bones open, the parent is the end
nearer to the centre. A joint has the same name in every layout, so names carry over between them.

============== =============== ==================================================================
constant       centre          who uses that centre
============== =============== ==================================================================
NTU25          spine shoulder  st-gcn and all that followed
NTU25_PYSKL    spine shoulder  pyskl; differs from NTU25 in the hands
NTU_EDGE24     neck            st-gcn: index 2, although the hub of its bones is index 1
OPENPOSE18     neck            st-gcn
BODY25         neck            as OPENPOSE18
COCO17         nose            pyskl
COCO17_CYCLIC  nose            mmskeleton; 19 bones, so three cycles
HALPE26        neck            as OPENPOSE18; 27 bones, so two cycles
MEDIAPIPE33    nose            as COCO17; 39 bones, so seven cycles
HAND21         wrist           pyskl
UCLA20         spine shoulder  root of the bone list of CTR-GCN
H36M17         spine mid       graphs for 3D pose lifting; the bones are rooted at the pelvis
SMPL24         pelvis          root of the body model
============== =============== ==================================================================
"""

from __future__ import annotations

from collections.abc import Mapping

from stgraph.skeleton import SkeletonLayout

# fmt: off
_BODY = {  # front view in metres; the person's left side, which the viewer sees on the right
    "head": (0.0, 1.74), "nose": (0.0, 1.62), "neck": (0.0, 1.48), "thorax": (0.0, 1.40),
    "spine shoulder": (0.0, 1.42), "spine upper": (0.0, 1.30), "spine mid": (0.0, 1.20),
    "spine lower": (0.0, 1.09), "spine base": (0.0, 0.98), "pelvis": (0.0, 0.98),
    "eye": (0.035, 1.66), "eye inner": (0.018, 1.665), "eye outer": (0.052, 1.665),
    "ear": (0.08, 1.64), "mouth corner": (0.025, 1.57),
    "collar": (0.08, 1.43), "shoulder": (0.18, 1.42), "elbow": (0.27, 1.14),
    "wrist": (0.33, 0.89), "hand": (0.35, 0.81), "hand tip": (0.38, 0.70),
    "thumb": (0.31, 0.78), "index finger": (0.35, 0.72), "little finger": (0.40, 0.75),
    "hip": (0.10, 0.94), "knee": (0.12, 0.52), "ankle": (0.13, 0.10), "foot": (0.16, 0.02),
    "heel": (0.11, 0.04), "big toe": (0.16, 0.01), "small toe": (0.21, 0.02),
    "foot index": (0.17, 0.0),
}
_HAND = {  # palm view in metres, fingers up
    "wrist": (0.0, 0.0),
    "thumb cmc": (-0.03, 0.03), "thumb mcp": (-0.055, 0.06),
    "thumb ip": (-0.075, 0.085), "thumb tip": (-0.09, 0.11),
    "index finger mcp": (-0.025, 0.095), "index finger pip": (-0.028, 0.135),
    "index finger dip": (-0.03, 0.16), "index finger tip": (-0.031, 0.18),
    "middle finger mcp": (0.0, 0.1), "middle finger pip": (0.0, 0.145),
    "middle finger dip": (0.0, 0.172), "middle finger tip": (0.0, 0.195),
    "ring finger mcp": (0.022, 0.095), "ring finger pip": (0.025, 0.135),
    "ring finger dip": (0.027, 0.16), "ring finger tip": (0.028, 0.182),
    "little finger mcp": (0.042, 0.083), "little finger pip": (0.05, 0.112),
    "little finger dip": (0.054, 0.132), "little finger tip": (0.057, 0.15),
}
# fmt: on


def _named(
    name: str,
    joint_names: tuple[str, ...],
    *,
    bones: tuple[tuple[int, int], ...],
    center: str,
    source: str,
    rest_pose: Mapping[str, tuple[float, float]] = _BODY,
) -> SkeletonLayout:
    """A layout whose mirror pairs and rest pose follow from the names of its joints."""
    sides = ((joint, joint.replace("left ", "right ")) for joint in joint_names)
    return SkeletonLayout(
        name,
        joint_names,
        bones,
        center=joint_names.index(center),
        mirror_pairs=tuple(
            (joint_names.index(left), joint_names.index(right))
            for left, right in sides
            if left != right
        ),
        positions=tuple(_place(joint, rest_pose) for joint in joint_names),
        source=source,
    )


def _place(joint: str, rest_pose: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    side = 1.0 if joint.startswith("left ") else -1.0
    paired = joint.startswith(("left ", "right "))
    x, y = rest_pose[joint.split(" ", 1)[1] if paired else joint]
    return (side * x if paired else x, y)


# fmt: off
_KINECT1_JOINTS = (
    "spine base", "spine mid", "spine shoulder", "head",
    "left shoulder", "left elbow", "left wrist", "left hand",
    "right shoulder", "right elbow", "right wrist", "right hand",
    "left hip", "left knee", "left ankle", "left foot",
    "right hip", "right knee", "right ankle", "right foot",
)
_NTU_EDGE_JOINTS = (
    "spine base", "spine mid", "neck", *_KINECT1_JOINTS[3:],
    "left hand tip", "left thumb", "right hand tip", "right thumb",
)
_NTU_JOINTS = (*_NTU_EDGE_JOINTS[:20], "spine shoulder", *_NTU_EDGE_JOINTS[20:])
_NTU_BODY_BONES = (
    (0, 1), (1, 20), (2, 20), (3, 2),
    (4, 20), (5, 4), (6, 5), (7, 6), (8, 20), (9, 8), (10, 9), (11, 10),
    (12, 0), (13, 12), (14, 13), (15, 14), (16, 0), (17, 16), (18, 17), (19, 18),
)

NTU25 = _named(
    "NTU25", _NTU_JOINTS,
    bones=(*_NTU_BODY_BONES, (21, 22), (22, 7), (23, 24), (24, 11)),
    center="spine shoulder",
    source="yysijie/st-gcn:net/utils/graph.py, layout 'ntu-rgb+d'; the same in mmskeleton, "
           "2s-AGCN, CTR-GCN, MS-G3D",
)
NTU25_PYSKL = _named(
    "NTU25_PYSKL", _NTU_JOINTS,
    bones=(*_NTU_BODY_BONES, (21, 7), (22, 7), (23, 11), (24, 11)),
    center="spine shoulder",
    source="kennymckormick/pyskl:pyskl/utils/graph.py, layout 'nturgb+d'; the same in "
           "mmaction2 1.x",
)
NTU_EDGE24 = _named(
    "NTU_EDGE24", _NTU_EDGE_JOINTS,
    bones=(
        (0, 1), (2, 1), (3, 2),
        (4, 1), (5, 4), (6, 5), (7, 6), (8, 1), (9, 8), (10, 9), (11, 10),
        (12, 0), (13, 12), (14, 13), (15, 14), (16, 0), (17, 16), (18, 17), (19, 18),
        (20, 21), (21, 7), (22, 23), (23, 11),
    ),
    center="neck",
    source="yysijie/st-gcn:net/utils/graph.py, layout 'ntu_edge'; the same in mmskeleton",
)
UCLA20 = _named(
    "UCLA20", _KINECT1_JOINTS,
    bones=(
        (0, 1), (1, 2), (3, 2),
        (4, 2), (5, 4), (6, 5), (7, 6), (8, 2), (9, 8), (10, 9), (11, 10),
        (12, 0), (13, 12), (14, 13), (15, 14), (16, 0), (17, 16), (18, 17), (19, 18),
    ),
    center="spine shoulder",
    source="Uason-Chen/CTR-GCN:graph/ucla.py; joints in the order of the Kinect v1 SDK "
           "(NUI_SKELETON_POSITION_INDEX)",
)

_OPENPOSE_ARMS = (
    "nose", "neck", "right shoulder", "right elbow", "right wrist",
    "left shoulder", "left elbow", "left wrist",
)
_OPENPOSE_LEGS = (
    "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle",
)
_OPENPOSE_FACE = ("right eye", "left eye", "right ear", "left ear")

OPENPOSE18 = _named(
    "OPENPOSE18", (*_OPENPOSE_ARMS, *_OPENPOSE_LEGS, *_OPENPOSE_FACE),
    bones=(
        (4, 3), (3, 2), (7, 6), (6, 5), (13, 12), (12, 11), (10, 9), (9, 8), (11, 5), (8, 2),
        (5, 1), (2, 1), (0, 1), (15, 0), (14, 0), (17, 15), (16, 14),
    ),
    center="neck",
    source="yysijie/st-gcn:net/utils/graph.py, layout 'openpose'; the same in mmskeleton, pyskl",
)
BODY25 = _named(
    "BODY25",
    (*_OPENPOSE_ARMS, "pelvis", *_OPENPOSE_LEGS, *_OPENPOSE_FACE,
     "left big toe", "left small toe", "left heel",
     "right big toe", "right small toe", "right heel"),
    bones=(
        (8, 1), (2, 1), (5, 1), (3, 2), (4, 3), (6, 5), (7, 6), (9, 8), (10, 9), (11, 10),
        (12, 8), (13, 12), (14, 13), (0, 1), (15, 0), (17, 15), (16, 0), (18, 16),
        (19, 14), (20, 19), (21, 14), (22, 11), (23, 22), (24, 11),
    ),
    center="neck",
    source="CMU-Perceptual-Computing-Lab/openpose:include/openpose/pose/poseParametersRender.hpp, "
           "POSE_BODY_25_PAIRS_RENDER_GPU",
)

_COCO_JOINTS = (
    "nose", "left eye", "right eye", "left ear", "right ear",
    "left shoulder", "right shoulder", "left elbow", "right elbow", "left wrist", "right wrist",
    "left hip", "right hip", "left knee", "right knee", "left ankle", "right ankle",
)

COCO17 = _named(
    "COCO17", _COCO_JOINTS,
    bones=(
        (15, 13), (13, 11), (16, 14), (14, 12), (11, 5), (12, 6), (9, 7), (7, 5), (10, 8), (8, 6),
        (5, 0), (6, 0), (1, 0), (3, 1), (2, 0), (4, 2),
    ),
    center="nose",
    source="kennymckormick/pyskl:pyskl/utils/graph.py, layout 'coco'; the same in mmaction2 1.x",
)
COCO17_CYCLIC = _named(
    "COCO17_CYCLIC", _COCO_JOINTS,
    bones=(
        (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (7, 5), (8, 6),
        (9, 7), (10, 8), (1, 2), (1, 0), (2, 0), (3, 1), (4, 2), (3, 5), (4, 6),
    ),
    center="nose",
    source="open-mmlab/mmskeleton:mmskeleton/ops/st_gcn/graph.py, layout 'coco'",
)
HALPE26 = _named(
    "HALPE26",
    (*_COCO_JOINTS, "head", "neck", "pelvis", "left big toe", "right big toe",
     "left small toe", "right small toe", "left heel", "right heel"),
    bones=(
        (15, 13), (13, 11), (11, 19), (16, 14), (14, 12), (12, 19), (17, 18), (19, 18),
        (5, 18), (7, 5), (9, 7), (6, 18), (8, 6), (10, 8),
        (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
        (20, 15), (22, 15), (24, 15), (21, 16), (23, 16), (25, 16),
    ),
    center="neck",
    source="open-mmlab/mmpose:configs/_base_/datasets/halpe26.py; joints also in "
           "Fang-Haoshu/Halpe-FullBody:README.md",
)

# MediaPipe joins neither the mouth nor the face to the body. These four bones are ours: two would
# do to make every distance finite, four keep the left side and the right side alike.
MEDIAPIPE33_ADDED_BONES = ((9, 0), (10, 0), (11, 0), (12, 0))
MEDIAPIPE33 = _named(
    "MEDIAPIPE33",
    ("nose", "left eye inner", "left eye", "left eye outer",
     "right eye inner", "right eye", "right eye outer", "left ear", "right ear",
     "left mouth corner", "right mouth corner", "left shoulder", "right shoulder",
     "left elbow", "right elbow", "left wrist", "right wrist",
     "left little finger", "right little finger", "left index finger", "right index finger",
     "left thumb", "right thumb", "left hip", "right hip", "left knee", "right knee",
     "left ankle", "right ankle", "left heel", "right heel",
     "left foot index", "right foot index"),
    bones=(
        (1, 0), (2, 1), (3, 2), (7, 3), (4, 0), (5, 4), (6, 5), (8, 6), (9, 10),
        (11, 12), (13, 11), (15, 13), (17, 15), (19, 15), (21, 15), (17, 19),
        (14, 12), (16, 14), (18, 16), (20, 16), (22, 16), (18, 20),
        (23, 11), (24, 12), (23, 24), (25, 23), (26, 24), (27, 25), (28, 26),
        (29, 27), (30, 28), (29, 31), (30, 32), (31, 27), (32, 28),
        *MEDIAPIPE33_ADDED_BONES,
    ),
    center="nose",
    source="google-ai-edge/mediapipe:mediapipe/python/solutions/pose_connections.py, "
           "POSE_CONNECTIONS, and MEDIAPIPE33_ADDED_BONES",
)
HAND21 = _named(
    "HAND21", tuple(_HAND),
    bones=(
        (1, 0), (2, 1), (3, 2), (4, 3), (5, 0), (6, 5), (7, 6), (8, 7),
        (9, 0), (10, 9), (11, 10), (12, 11), (13, 0), (14, 13), (15, 14), (16, 15),
        (17, 0), (18, 17), (19, 18), (20, 19),
    ),
    center="wrist",
    source="kennymckormick/pyskl:pyskl/utils/graph.py, layout 'handmp'; joints as HandLandmark in "
           "google-ai-edge/mediapipe:mediapipe/python/solutions/hands.py",
    rest_pose=_HAND,
)
H36M17 = _named(
    "H36M17",
    ("pelvis", "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle",
     "spine mid", "thorax", "neck", "head", "left shoulder", "left elbow", "left wrist",
     "right shoulder", "right elbow", "right wrist"),
    bones=(
        (1, 0), (2, 1), (3, 2), (4, 0), (5, 4), (6, 5), (7, 0), (8, 7), (9, 8), (10, 9),
        (11, 8), (12, 11), (13, 12), (14, 8), (15, 14), (16, 15),
    ),
    center="spine mid",
    source="facebookresearch/VideoPose3D:common/h36m_dataset.py (17 of 32 joints, shoulders "
           "rewired); names from una-dinosauria/3d-pose-baseline:src/data_utils.py",
)
SMPL24 = _named(
    "SMPL24",
    ("pelvis", "left hip", "right hip", "spine lower", "left knee", "right knee", "spine mid",
     "left ankle", "right ankle", "spine upper", "left foot", "right foot", "neck",
     "left collar", "right collar", "head", "left shoulder", "right shoulder",
     "left elbow", "right elbow", "left wrist", "right wrist", "left hand", "right hand"),
    bones=(
        (1, 0), (2, 0), (3, 0), (4, 1), (5, 2), (6, 3), (7, 4), (8, 5), (9, 6), (10, 7), (11, 8),
        (12, 9), (13, 9), (14, 9), (15, 12), (16, 13), (17, 14), (18, 16), (19, 17), (20, 18),
        (21, 19), (22, 20), (23, 21),
    ),
    center="pelvis",
    source="mkocabas/VIBE:lib/data_utils/kp_utils.py, get_smpl_skeleton; names from "
           "vchoutas/smplx:smplx/joint_names.py",
)
# fmt: on
