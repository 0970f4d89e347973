"""BVH motion capture: forward kinematics by hand and on real files, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stgraph.formats.bvh import read_bvh

from .fuzzing import Case, fuzz

ARM = """HIERARCHY
ROOT hip
{
    OFFSET 0 0 0
    CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
    JOINT elbow
    {
        OFFSET 2 0 0
        CHANNELS 3 Zrotation Xrotation Yrotation
        JOINT hand
        {
            OFFSET 0 1 0
            CHANNELS 0
            End Site
            {
                OFFSET 0 5 0
            }
        }
    }
}
MOTION
Frames: 2
Frame Time: 0.04
"""
FRAMES = ["1 2 3 0 0 0 0 0 0", "1 2 3 90 0 0 0 90 0"]


def save(folder: Path, text: str) -> Path:
    path = folder / "clip.bvh"
    path.write_bytes(text.encode("utf-8"))
    return path


def one_joint(channels: str, values: str, offset: str = "0 0 0") -> str:
    """A root at the origin and a tip at 1 2 3 from a joint that has the channels."""
    count = len(channels.split())
    return (
        f"HIERARCHY\nROOT a {{ OFFSET 0 0 0 CHANNELS 0\n"
        f"JOINT b {{ OFFSET {offset} CHANNELS {count} {channels}\n"
        f"JOINT c {{ OFFSET 1 2 3 CHANNELS 0 }} }} }}\nMOTION\nFrames: 1\nFrame Time: 1\n{values}\n"
    )


def seeds() -> list[bytes]:
    arm = ARM + "\n".join(FRAMES) + "\n"
    return [
        arm.encode(),
        arm.replace("\n", "\r\n").encode(),
        one_joint("Yrotation Zposition Zrotation Xposition", "90 4 180 5.5").encode(),
        one_joint("Zrotation", "1e-3").encode(),
        arm.replace("Frames: 2", "Frames: 20").encode() + "\n".join(FRAMES * 9).encode(),
    ]


CASE = Case("BVH", seeds, lambda path: [read_bvh(path)], ".bvh")


# What is read


def test_joints_are_where_the_angles_put_them(tmp_path: Path) -> None:
    clip = read_bvh(save(tmp_path, ARM + "\n".join(FRAMES)))
    assert clip.keypoints.shape == (1, 2, 3, 3) and clip.keypoints.dtype == np.float32
    np.testing.assert_allclose(clip.keypoints[0, 0], [[1, 2, 3], [3, 2, 3], [3, 3, 3]])
    # The root turned +x into +y; then the elbow turned +y into +z, seen from the root.
    np.testing.assert_allclose(clip.keypoints[0, 1], [[1, 2, 3], [1, 4, 3], [1, 4, 4]], atol=1e-6)


def test_name_rate_and_hierarchy_are_told(tmp_path: Path) -> None:
    clip = read_bvh(save(tmp_path, ARM + "\n".join(FRAMES)))
    assert clip.name == "clip" and clip.source == str(tmp_path / "clip.bvh")
    assert clip.facts == {"fps": 25.0} and clip.label is None
    assert clip.layout is not None and clip.layout.joint_names == ("hip", "elbow", "hand")
    assert clip.layout.bones == ((1, 0), (2, 1)) and clip.layout.center == 0


def test_scale_multiplies_every_coordinate(tmp_path: Path) -> None:
    path = save(tmp_path, ARM + "\n".join(FRAMES))
    np.testing.assert_allclose(
        read_bvh(path, scale=0.01).keypoints, 0.01 * read_bvh(path).keypoints, rtol=1e-6
    )
    for scale in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="scale is a positive number"):
            read_bvh(path, scale=scale)


@pytest.mark.parametrize(
    ("channels", "values", "tip"),
    [
        ("Xrotation", "90", (1, -3, 2)),
        ("Yrotation", "90", (3, 2, -1)),
        ("Zrotation", "90", (-2, 1, 3)),
        ("Xrotation Yrotation", "90 90", (3, 1, 2)),  # about y first, then x
        ("Yrotation Xrotation", "90 90", (2, -3, -1)),
        ("Zrotation Zrotation", "30 60", (-2, 1, 3)),
        ("Xposition Zrotation Zposition", "10 90 20", (8, 1, 23)),
        ("ZROTATION", "90", (-2, 1, 3)),
    ],
)
def test_channels_act_in_their_order(
    tmp_path: Path, channels: str, values: str, tip: tuple[float, ...]
) -> None:
    clip = read_bvh(save(tmp_path, one_joint(channels, values)))
    np.testing.assert_allclose(clip.keypoints[0, 0, 2], tip, atol=1e-6)


def test_a_position_channel_takes_the_place_of_the_offset_along_its_axis(tmp_path: Path) -> None:
    clip = read_bvh(save(tmp_path, one_joint("Yposition", "7", offset="4 5 6")))
    np.testing.assert_allclose(clip.keypoints[0, 0, 1], [4, 7, 6])


def test_line_ends_and_blanks_do_not_matter(tmp_path: Path) -> None:
    text = ARM + "\n".join(FRAMES)
    expected = read_bvh(save(tmp_path, text)).keypoints
    for other in (
        text.replace("\n", "\r\n") + "\r\n \r\n",
        text.replace("\n", "\r"),
        text.replace("    ", "\t").replace("1 2 3", "  1\t2   3 "),
        text.replace("\n{", " {").replace("JOINT", "joint"),
    ):
        np.testing.assert_array_equal(read_bvh(save(tmp_path, other)).keypoints, expected)


def test_a_chain_of_a_thousand_joints_is_read(tmp_path: Path) -> None:
    depth = 1000
    joints = "".join(f"JOINT j{n} {{ OFFSET 0 1 0 CHANNELS 1 Zrotation " for n in range(1, depth))
    text = f"HIERARCHY ROOT j0 {{ OFFSET 0 0 0 CHANNELS 1 Zrotation {joints}{'}' * depth}"
    text += f"\nMOTION\nFrames: 1\nFrame Time: 1\n{'0 ' * depth}"
    tip = read_bvh(save(tmp_path, text)).keypoints[0, 0, -1]
    np.testing.assert_array_equal(tip, [0, depth - 1, 0])


# What is refused


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HIERARCHY", "", "line 2: expected HIERARCHY, found 'ROOT'"),
        ("ROOT", "JOINT", "line 2: expected ROOT, found 'JOINT'"),
        ("OFFSET 2 0 0", "OFFSET 2 0", "line 9: expected z, a number, found 'CHANNELS'"),
        ("OFFSET 2 0 0", "OFFSET 2 0 nan", "line 8: expected z, a number, found 'nan'"),
        ("OFFSET 2 0 0", "OFFSET 2 0 1e39", "line 8: expected z, a number"),
        ("CHANNELS 3", "CHANNELS 4", "line 10: expected a channel like Xposition"),
        ("CHANNELS 3", "CHANNELS 2", "line 9: expected JOINT, End Site or }, found 'Yrotation'"),
        ("CHANNELS 3", "CHANNELS -3", "line 9: expected the number of channels, a whole number"),
        ("CHANNELS 3", "CHANNELS " + "9" * 5000, "line 9: expected the number of channels"),
        ("Zrotation", "Wrotation", "line 5: expected a channel like Xposition or Zrotation"),
        ("JOINT hand", "JOINT hip", "line 10: expected a name of its own for each joint"),
        ("MOTION", "ROOT b", "line 21: expected MOTION, found 'ROOT'"),
        (
            "Frames: 2",
            "Frames: 3",
            "line 23: expected 3 frames after this line, at least 1, found 2 lines",
        ),
        (
            "Frames: 2",
            "Frames: 0",
            "line 23: expected 0 frames after this line, at least 1, found 2 lines",
        ),
        ("Frames: 2", "Frames: 999999999", "line 23: expected 999999999 frames after this line"),
        (
            "Frames: 2",
            "Frames: 1000000000",
            "line 22: expected the number of frames, a whole number",
        ),
        ("Frames: 2", "Frames: 1", "line 25: expected the end of the file after 1 frames"),
        ("0.04", "0", "line 23: expected the time of a frame in seconds, found 0"),
        ("0.04", "0.04 1", "line 23: expected the end of the line, found '1'"),
        ("90 0 0 0 90 0", "90 0 0 0 90", "line 25: expected 9 numbers, one per channel, found 8"),
        ("90 0 0 0 90 0", "90 0 0 0 90 0 1", "line 25: expected 9 numbers, one per channel"),
        ("90 0 0 0 90 0", "90 0 0 0 nan 0", "line 25: expected 9 finite numbers, found '1 2 3"),
        ("90 0 0 0 90 0", "90 0 0 0 x 0", "line 25: expected 9 finite numbers"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = save(tmp_path, (ARM + "\n".join(FRAMES) + "\n").replace(old, new, 1))
    with pytest.raises(ValueError) as caught:
        read_bvh(path)
    assert str(caught.value).startswith(f"{path}, {message}")


def test_positions_that_no_float_can_hold_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, ARM + "1 2 3 0 0 0 0 0 0\n3e38 0 0 0 0 0 0 0 0\n")
    with pytest.raises(ValueError, match="line 25: expected positions up to"):
        read_bvh(path, scale=10)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    text = ARM + "\n".join(FRAMES)
    for length in range(0, len(text) - 1, 7):
        with pytest.raises(ValueError, match=r"clip\.bvh, line \d+: expected"):
            read_bvh(save(tmp_path, text[:length]))


def test_nesting_without_end_takes_no_memory(tmp_path: Path) -> None:
    joints = "".join(f"JOINT j{n} {{ OFFSET 0 1 0 CHANNELS 0 " for n in range(20_000))
    with pytest.raises(ValueError, match="bytes can hold, found .* joints"):
        read_bvh(save(tmp_path, "HIERARCHY ROOT r { OFFSET 0 0 0 CHANNELS 0 " + joints))


def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    assert 20 < fuzz(CASE, 400, tmp_path) < 350


# Real files


@pytest.mark.real
def test_real_motion_is_that_of_its_archive(shared: Path) -> None:
    folder = shared / "data" / "bandai_motion"
    clip = read_bvh(folder / "bvh" / "dataset-2_wave-both-hands_active_001.bvh", scale=0.01)
    with np.load(folder / "motion2.npz") as archive:
        number = archive["name"].tolist().index(clip.name)
        start, stop = archive["offsets"][number : number + 2]
        theirs = archive["xyz"][start:stop]
        assert clip.layout is not None
        assert clip.layout.joint_names == tuple(archive["joint_names"].tolist())
        assert [parent for _, parent in clip.layout.bones] == archive["parents"][1:].tolist()
    assert theirs.shape == clip.keypoints.shape[1:] and theirs.dtype == np.float16
    np.testing.assert_allclose(clip.keypoints[0], theirs, rtol=2**-11, atol=2e-7)


@pytest.mark.real
def test_all_real_files_are_read(shared: Path) -> None:
    paths = sorted((shared / "data" / "bandai_motion" / "bvh").glob("*.bvh"))
    clips = [read_bvh(path, scale=0.01) for path in paths]
    assert [clip.keypoints.shape[1] for clip in clips] == [138, 358, 224, 24, 195, 179]
    for clip in clips:
        assert clip.keypoints.shape[2:] == (22, 3) and clip.layout is not None
        assert clip.facts["fps"] == pytest.approx(30, abs=1e-3)
        points = clip.keypoints[0]
        assert 1.2 < np.ptp(points[..., 1]) < 1.9, "a person's height, y upwards"
        assert np.abs(points).max() < 5
        child, parent = np.array(
            clip.layout.bones[1:]
        ).T  # the first leads from the floor to the hips
        lengths = np.linalg.norm(points[:, child] - points[:, parent], axis=-1)
        assert (np.ptp(lengths, axis=0) < 1e-3 * lengths.mean(axis=0)).all()
