"""Fused scores are weighted means of probabilities, clip by clip."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stgraph.evaluate import Evaluation
from stgraph.fusion import fuse, search_weights

CLASSES = ("walk", "run", "jump")
NAMES = ("a", "b", "c", "d")
LABELS = torch.tensor([0, 1, 2, 0])


def scores(probabilities: list[list[float]]) -> Evaluation:
    return Evaluation(NAMES, LABELS, torch.tensor(probabilities).log(), CLASSES)


def one_hot(guesses: list[int], sure: float = 0.8) -> Evaluation:
    """Sure of these classes; the rest is spread."""
    rows = torch.full((len(guesses), 3), (1 - sure) / 2)
    rows[torch.arange(len(guesses)), guesses] = sure
    return scores(rows.tolist())


def test_probabilities_are_averaged_with_the_weights():
    first = scores([[0.5, 0.3, 0.2]] * 4)
    second = scores([[0.1, 0.1, 0.8]] * 4)
    fused = fuse([first, second], (3, 1))
    wanted = torch.tensor([[0.4, 0.25, 0.35]]).expand(4, -1)
    torch.testing.assert_close(fused.probabilities, wanted)
    assert fused.names == NAMES and torch.equal(fused.labels, LABELS)


@given(st.permutations(range(4)))
def test_clips_are_found_by_name(order):
    part = scores(torch.rand(4, 3).add(0.1).tolist())
    other = Evaluation(
        tuple(NAMES[i] for i in order), LABELS[list(order)], part.logits[list(order)], CLASSES
    )
    both = fuse([part, other], (1, 1))
    torch.testing.assert_close(both.probabilities, part.probabilities)


@pytest.mark.parametrize("weights", [(1,), (1, -1), (0, 0), (1, 1, 1), ()])
def test_weights_that_mean_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="Expected 2 weights"):
        fuse([one_hot([0, 1, 2, 0])] * 2, weights)


def test_other_clips_labels_and_classes_are_refused():
    part = one_hot([0, 1, 2, 0])
    others = {
        "other clips: 4 and 4, of which differ a, z": Evaluation(
            ("z", *NAMES[1:]), LABELS, part.logits, CLASSES
        ),
        "each clip once": Evaluation(("a", "a", "c", "d"), LABELS, part.logits, CLASSES),
        "other labels": Evaluation(NAMES, LABELS.flip(0), part.logits, CLASSES),
        "3 classes and of 3": Evaluation(NAMES, LABELS, part.logits, ("x", "y", "z")),
    }
    for words, other in others.items():
        with pytest.raises(ValueError, match=words):
            fuse([part, other], (1, 1))


def test_a_search_finds_the_network_that_knows():
    wise, foolish = one_hot([0, 1, 2, 0], sure=0.5), one_hot([1, 2, 0, 1], sure=0.9)
    weights = search_weights([foolish, wise])
    assert sum(weights) == pytest.approx(1) and weights[1] > weights[0]
    assert fuse([foolish, wise], weights).accuracy() == 1


def test_of_equally_good_weights_those_that_differ_least_are_taken():
    same = one_hot([0, 1, 2, 1])
    assert search_weights([same, same]) == (0.5, 0.5)
    assert search_weights([same, same, same], steps=3) == pytest.approx((1 / 3,) * 3)


def test_a_search_is_no_worse_than_any_weights_it_may_take():
    torch.manual_seed(0)
    labels = torch.randint(3, (60,))
    names = tuple(map(str, range(60)))
    parts = [Evaluation(names, labels, torch.randn(60, 3), CLASSES) for _ in range(3)]
    best = fuse(parts, search_weights(parts, steps=4)).accuracy()
    tried = [(a, b, 4 - a - b) for a in range(5) for b in range(5 - a)]
    assert best == max(fuse(parts, weights).accuracy() for weights in tried)
