from __future__ import annotations

import json

import numpy as np
import pytest

from stgraph.datasets import NWUCLA
from stgraph.formats.ucla import UCLA_ACTIONS


@pytest.fixture
def root(tmp_path):
    """Every action seen once by each camera."""
    raw = tmp_path / "raw" / "all_sqe"
    raw.mkdir(parents=True)
    for label, action in enumerate(UCLA_ACTIONS, start=1):
        for view in (1, 2, 3):
            name = f"a{action:02d}_s01_e00_v{view:02d}"
            skeletons = np.random.default_rng(action).normal(size=(3, 20, 3)).tolist()
            content = {"file_name": name, "skeletons": skeletons, "label": label}
            (raw / f"{name}.json").write_text(json.dumps(content))
    return tmp_path


def test_two_views_train_and_the_third_tests(root):
    train, test = NWUCLA(root), NWUCLA(root, "test")
    assert len(train) == 20 and len(test) == 10
    assert set(train.facts("view")) == {1, 2} and set(test.facts("view")) == {3}
    assert sorted(set(test.labels.tolist())) == list(range(10)) and test.num_classes == 10


def test_the_clean_split_leaves_out_the_two_actions_that_leaked(root):
    clean = NWUCLA(root, "test-clean")
    assert len(clean) == 8 and not {2, 3} & set(clean.facts("action"))
    assert set(clean.names) < set(NWUCLA(root, "test").names)


def test_clips_have_one_person_and_twenty_joints(root):
    assert NWUCLA(root)[0].num_nodes == 3 * 20 and NWUCLA(root).channels == 3


def test_without_files_it_says_where_they_are(tmp_path):
    with pytest.raises(ValueError, match="no files like a01.*CTR-GCN"):
        NWUCLA(tmp_path)


def test_other_splits_are_named(root):
    with pytest.raises(ValueError, match="split 'val'.*test, test-clean, train"):
        NWUCLA(root, "val")
