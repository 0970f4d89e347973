from __future__ import annotations

import shutil
import threading
import zipfile

import numpy as np
import pytest
import torch
from filelock import FileLock
from torch_geometric.loader import DataLoader

from stgraph import SkeletonGraph, layouts, partition, transforms
from stgraph.datasets import NTURGBD, SyntheticActions
from stgraph.formats import read_skeleton_file, write_skeleton_file


def wave(persons=1, frames=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(persons, frames, 25, 3)).astype(np.float32)


@pytest.fixture
def root(tmp_path):
    """Two subjects of each side, three cameras, actions 1, 2 and 61, one of the missing samples."""
    raw = tmp_path / "ntu" / "raw" / "nested"
    raw.mkdir(parents=True)
    for performer in (1, 2, 3, 6):
        for camera in (1, 2, 3):
            for action in (1, 2, 61):
                name = f"S{performer:03d}C{camera:03d}P{performer:03d}R001A{action:03d}"
                write_skeleton_file(raw / f"{name}.skeleton", wave(seed=performer))
    write_skeleton_file(raw / "S001C002P005R002A008.skeleton", wave())
    return tmp_path / "ntu"


@pytest.mark.parametrize(
    ("protocol", "train", "test"),
    [
        ("ntu60-xsub", 12, 12),
        ("ntu60-xview", 16, 8),
        ("ntu120-xsub", 18, 18),
        ("ntu120-xset", 18, 18),
    ],
)
def test_every_benchmark_takes_its_clips(root, protocol, train, test):
    sets = [NTURGBD(root, split, protocol) for split in ("train", "test")]
    assert [len(clips) for clips in sets] == [train, test]
    names = [set(clips.names) for clips in sets]
    assert not names[0] & names[1]
    assert sets[0].num_classes == (60 if "60" in protocol else 120)


def test_labels_are_actions_counted_from_zero(root):
    clips = NTURGBD(root, "train", "ntu120-xsub")
    assert set(clips.labels.tolist()) == {0, 1, 60}
    assert all(clip.y.item() == int(clip.clip.name[-3:]) - 1 for clip in clips)


def test_all_benchmarks_share_one_store(root):
    for benchmark in ("ntu60-xsub", "ntu60-xview", "ntu120-xset"):
        NTURGBD(root, benchmark=benchmark)
    assert [path.name for path in (root / "processed").iterdir() if path.is_dir()] == ["ntu"]


def test_the_larger_benchmark_asks_for_its_actions(root):
    for path in root.rglob("*A061.skeleton"):
        path.unlink()
    assert len(NTURGBD(root)) == 12
    with pytest.raises(ValueError, match="actions of NTU RGB.D 60 only.*force_reload=True"):
        NTURGBD(root, benchmark="ntu120-xsub")


def test_a_store_that_lacks_clips_is_not_served_to_who_did_not_consent(root):
    (root / "raw" / "S001C001P001R001A003.skeleton").write_text("broken")
    NTURGBD(root, on_error="skip")
    with pytest.raises(ValueError, match="leaves out 1 clips.*on_error='skip'.*force_reload=True"):
        NTURGBD(root)
    (root / "raw" / "S001C001P001R001A003.skeleton").unlink()
    assert len(NTURGBD(root, force_reload=True)) == 12


def test_coordinates_can_be_prepared_once_and_kept_in_half_the_space(root):
    prepared = NTURGBD(root, pre_transform=lambda keypoints: keypoints[:, ::2], dtype="float16")
    assert prepared.keypoints(0).shape[1] == 4 and prepared.keypoints(0).dtype == torch.float32
    assert prepared.store.keypoints(0).dtype == np.float16


def test_archives_are_unpacked_once(root):
    raw = root / "raw"
    with zipfile.ZipFile(raw / "nturgbd_skeletons.zip", "w") as archive:
        for path in sorted((raw / "nested").iterdir()):
            archive.write(path, f"nturgb+d_skeletons/{path.name}")
    (raw / "deep").mkdir()
    (raw / "nturgbd_skeletons.zip").rename(raw / "deep" / "nturgbd_skeletons.zip")
    kept = sorted((raw / "nested").iterdir())[:5]
    for path in sorted((raw / "nested").iterdir())[5:]:
        path.unlink()
    assert len(NTURGBD(root)) == 12
    unpacked = list((raw / "deep" / "nturgbd_skeletons").glob("*.skeleton"))
    assert len(unpacked) == 32 and not {path.name for path in kept} & {p.name for p in unpacked}


def test_while_one_process_looks_at_raw_files_another_waits(root):
    raw = root / "raw"
    with zipfile.ZipFile(raw / "skeletons.zip", "w") as archive:
        for path in sorted((raw / "nested").iterdir()):
            archive.write(path, path.name)
    shutil.rmtree(raw / "nested")
    (root / "processed").mkdir()
    other = threading.Thread(target=NTURGBD, args=(root,))
    with FileLock(root / "processed" / "ntu.raw.lock"):
        other.start()
        other.join(1)
        assert other.is_alive() and not (raw / "skeletons").exists()
    other.join(60)
    assert len(list((raw / "skeletons").iterdir())) == 37


def scaled(factor):
    return lambda keypoints: keypoints * factor


def test_an_interrupted_store_does_not_go_on_with_another_preparation(root):
    (root / "raw" / "S001C001P001R001A003.skeleton").write_text("broken")
    with pytest.raises(ValueError, match="1 of 37"):
        NTURGBD(root, pre_transform=scaled(2.0))
    plain = NTURGBD(root, pre_transform=scaled(3.0), on_error="skip")
    path = next(root.rglob(f"{plain.names[0]}.skeleton"))
    original = torch.from_numpy(read_skeleton_file(path).keypoints)
    assert torch.equal(plain.keypoints(0), 3 * original)


def test_missing_samples_are_left_out(root):
    names = NTURGBD(root).store.table["name"].to_pylist()
    assert "S001C002P005R002A008" not in names and len(names) == 36


def test_a_clip_holds_the_coordinates_of_its_file(root):
    clips = NTURGBD(root, "test")
    path = next(root.rglob(f"{clips[3].clip.name}.skeleton"))
    assert torch.equal(
        clips[3].x, torch.from_numpy(read_skeleton_file(path).keypoints).reshape(-1, 3)
    )


def test_no_files_say_where_to_get_them(tmp_path):
    with pytest.raises(ValueError, match=r"no \.skeleton files.*rose1\.ntu\.edu\.sg"):
        NTURGBD(tmp_path / "nothing")


def test_an_unknown_benchmark_or_split_is_named(root):
    with pytest.raises(ValueError, match="ntu60-xsub, ntu60-xview.*not 'xsub'"):
        NTURGBD(root, benchmark="xsub")
    with pytest.raises(ValueError, match="no clips in the split 'val'.*test, train"):
        NTURGBD(root, "val")


def test_a_corrupt_file_stops_processing_unless_skipped(root):
    path = root / "raw" / "S001C001P001R001A003.skeleton"
    path.write_bytes(bytes(100))
    with pytest.raises(ValueError, match=r"1 of 37 clips.*S001C001P001R001A003.*on_error='skip'"):
        NTURGBD(root)
    assert not (root / "processed" / "ntu").exists()
    clips = NTURGBD(root, on_error="skip")
    assert len(clips) == 12
    assert path.name in (root / "processed" / "ntu" / "skipped.txt").read_text()


def test_a_clip_that_shows_nobody_is_reported(root):
    path = root / "raw" / "S001C001P001R001A003.skeleton"
    path.write_text("2\r\n0\r\n0\r\n")
    with pytest.raises(ValueError, match="found nobody in 2 frames"):
        NTURGBD(root)


def test_processed_files_are_used_again_without_the_raw_ones(root):
    first = NTURGBD(root)[0]
    for path in root.rglob("*.skeleton"):
        path.write_bytes(b"gone")
    assert torch.equal(NTURGBD(root)[0].x, first.x)


def test_of_three_bodies_the_two_that_move_most_are_kept(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    bodies = wave(persons=3)
    bodies[0] *= 0.01
    write_skeleton_file(raw / "S001C001P001R001A001.skeleton", bodies)
    clip = NTURGBD(tmp_path)[0]
    assert clip.clip.persons == 2 and float(clip.x.abs().max()) > 1
    assert float(clip.x.std()) > 0.5


def crowd(folder):
    """A file of three bodies, of which the first hardly moves and the second comes late."""
    folder.mkdir(parents=True)
    bodies = wave(persons=3)
    bodies[0] *= 0.01
    bodies[1, :5] = np.nan
    write_skeleton_file(folder / "S001C001P001R001A001.skeleton", bodies)
    return bodies


def test_all_bodies_or_their_places_in_the_frame_can_be_asked_for(tmp_path):
    bodies = crowd(tmp_path / "raw")
    two, everyone, placed = (
        NTURGBD(tmp_path, bodies=which).keypoints(0).numpy() for which in ("two", "all", "position")
    )
    assert len(two) == 2 and np.nanstd(two) > 0.5
    np.testing.assert_array_equal(everyone, bodies[[0, 2, 1]], "in order of first appearance")
    np.testing.assert_array_equal(placed[:, 5:], bodies[:, 5:])
    np.testing.assert_array_equal(placed[:2, :5], bodies[[0, 2], :5])
    assert np.isnan(placed[2, :5]).all()


def test_each_choice_of_bodies_has_a_store_of_its_own(tmp_path):
    crowd(tmp_path / "raw")
    for _ in range(2):
        persons = {
            which: NTURGBD(tmp_path, bodies=which)[0].clip.persons
            for which in ("all", "two", "position")
        }
        assert persons == {"all": 3, "two": 2, "position": 3}
    stores = {path.name for path in (tmp_path / "processed").iterdir() if path.is_dir()}
    assert stores == {"ntu", "ntu-all", "ntu-position"}
    assert torch.equal(NTURGBD(tmp_path)[0].x, NTURGBD(tmp_path, bodies="two")[0].x)


def test_an_unknown_choice_of_bodies_is_refused(tmp_path):
    for data_set in (NTURGBD, SyntheticActions):
        with pytest.raises(ValueError, match="one of two, all, position, not 'three'"):
            data_set(tmp_path, bodies="three")


def test_synthetic_files_are_written_once_whatever_bodies_are_read(tmp_path):
    by_id, by_place = (
        SyntheticActions(tmp_path, performers=2, bodies=which) for which in ("all", "position")
    )
    assert len(list((tmp_path / "raw").rglob("*.skeleton"))) == 2 * 33
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["seed0-performers2"]
    assert len(by_id) == len(by_place) and by_id.tag != by_place.tag
    for index in (0, len(by_id) - 1):
        assert by_id[index].num_nodes == by_place[index].num_nodes


def test_an_absent_body_makes_no_nodes(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    bodies = wave(persons=2, frames=10)
    bodies[1, 3:] = np.nan
    bodies[0, 5, 7] = np.nan
    write_skeleton_file(raw / "S001C001P001R001A001.skeleton", bodies)
    clip = NTURGBD(tmp_path)[0]
    assert clip.num_nodes == 10 * 25 - 1 + 3 * 25
    assert bool(clip.x.isfinite().all())


def test_graph_and_transforms_are_the_callers(root):
    graph = SkeletonGraph.from_layout(layouts.NTU25, partition.distance, temporal_kernel=3)
    clips = NTURGBD(
        root,
        graph=graph,
        keypoint_transform=lambda keypoints: transforms.resample(keypoints, 4),
        transform=lambda clip: clip.update({"marked": True}) or clip,
    )
    assert clips[0].num_nodes == 4 * 25
    assert clips[0].marked and clips[0].clip.labels == graph.labels


def test_stored_keypoints_follow_the_slice(root):
    tail = NTURGBD(root)[3:]
    assert torch.equal(tail.keypoints(0).reshape(-1, 3), tail[0].x)
    assert tail.names[0] == tail[0].clip.name
    assert tail.sizes[0] == tail[0].num_nodes and tail.facts("camera")[0] == int(tail.names[0][7])


def test_slices_and_loaders_of_pyg_work(root):
    clips = NTURGBD(root)
    half = clips[:6]
    assert len(half) == 6 and len(half.names) == 6 and len(half.labels) == 6
    batch = next(iter(DataLoader(half, batch_size=6, num_workers=2)))
    assert batch.num_graphs == 6 and torch.equal(batch.y, half.labels)


def test_synthetic_actions_are_genuine_files_that_ntu_reads_too(tmp_path):
    synthetic = SyntheticActions(tmp_path / "synthetic", performers=3)
    assert len(synthetic) == 2 * 3 * 11 and synthetic.num_classes == 11
    assert len(SyntheticActions(tmp_path / "synthetic", "test", performers=3)) == 33
    raw = tmp_path / "ntu" / "raw"
    shutil.copytree(tmp_path / "synthetic" / "raw", raw)
    real = {clip.clip.name: clip for clip in NTURGBD(tmp_path / "ntu", benchmark="ntu60-xsub")}
    clip = synthetic[20]
    assert torch.equal(real[clip.clip.name].x, clip.x)
    assert torch.equal(real[clip.clip.name].edge_index, clip.edge_index)


def test_the_same_seed_gives_the_same_files_and_half_finished_ones_are_completed(tmp_path):
    SyntheticActions(tmp_path / "a", performers=2)
    SyntheticActions(tmp_path / "b", performers=2)
    files = sorted((tmp_path / "a").rglob("*.skeleton"))
    twins = sorted((tmp_path / "b").rglob("*.skeleton"))
    assert [f.read_bytes() for f in files] == [f.read_bytes() for f in twins]
    kept = files[5].read_bytes()
    files[5].unlink()
    SyntheticActions(tmp_path / "a", performers=2, force_reload=True)
    assert files[5].read_bytes() == kept


def test_another_seed_gives_other_clips(tmp_path):
    one, two = (SyntheticActions(tmp_path, performers=2, seed=seed)[0] for seed in (0, 1))
    assert one.x.shape != two.x.shape or not torch.equal(one.x, two.x)


@pytest.mark.parametrize("wrong", [{"performers": 1}, {"performers": 107}, {"seed": -1}])
def test_impossible_settings_of_the_synthetic_set_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="performers and seeds"):
        SyntheticActions(tmp_path, **wrong)
