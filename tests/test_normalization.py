"""Each weight against the dense matrix formula that it stands for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from stgraph import layouts, normalization, partition
from stgraph.graph import SkeletonGraph
from stgraph.skeleton import SkeletonLayout

from .draws import layout_of, skeletons

STAR = layout_of([(1, 0), (2, 0), (3, 0)], joints=4)
ALL = (
    normalization.per_target,
    normalization.per_subset,
    normalization.symmetric,
    normalization.none,
    normalization.random_walk_laplacian,
    normalization.symmetric_laplacian,
)


@st.composite
def labelled_skeletons(draw: st.DrawFn) -> tuple[SkeletonLayout, Tensor, Tensor]:
    """A skeleton with neighbourhoods of one to three hops and random labels 0 to 3."""
    layout = draw(skeletons())
    edge_index = partition.neighborhood(layout, draw(st.integers(1, 3)))
    edges = edge_index.shape[1]
    labels = draw(st.lists(st.integers(0, 3), min_size=edges, max_size=edges))
    return layout, edge_index, torch.tensor(labels)


def dense(edge_index: Tensor, values: Tensor, joints: int) -> np.ndarray:
    """The matrix ``[V, V]`` with an edge's value in row source, column target."""
    matrix = np.zeros((joints, joints))
    matrix[tuple(edge_index.numpy())] = values.numpy()
    return matrix


def weighted(norm: normalization.Normalization, drawn: tuple) -> tuple[np.ndarray, np.ndarray]:
    """The adjacency A with self-loops, and the weights at the same places."""
    layout, edge_index, edge_type = drawn
    joints = layout.num_joints
    weights = norm(edge_index, edge_type, joints)
    assert weights.shape == edge_type.shape and weights.dtype == torch.float
    ones = torch.ones(edge_index.shape[1])
    return dense(edge_index, ones, joints), dense(edge_index, weights, joints)


def power(degree: np.ndarray, exponent: float) -> np.ndarray:
    """The diagonal matrix of degrees to a power, with 0 for joints without neighbours."""
    positive = degree > 0
    return np.diag(np.where(positive, np.where(positive, degree, 1) ** exponent, 0))


def test_the_middle_of_a_star_weighs_its_four_neighbours_a_quarter_each():
    graph = SkeletonGraph.from_layout(STAR)
    assert graph.adjacency.sum(0)[:, 0].tolist() == [0.25] * 4
    assert graph.adjacency.sum(0)[:, 1].tolist() == [0.5, 0.5, 0.0, 0.0]


def test_per_subset_divides_by_the_size_of_the_targets_subset():
    graph = SkeletonGraph.from_layout(STAR, normalization=normalization.per_subset)
    root, inwards, outwards = graph.adjacency
    assert torch.equal(root, torch.eye(4))
    assert inwards[0].tolist() == [0.0, 1.0, 1.0, 1.0]
    assert outwards[:, 0].tolist() == pytest.approx([0.0, 1 / 3, 1 / 3, 1 / 3])


def test_symmetric_weights_of_a_star_are_one_over_root_eight():
    graph = SkeletonGraph.from_layout(
        STAR, partition.uniform, normalization=normalization.symmetric
    )
    assert graph.adjacency[0, 0].tolist() == pytest.approx([1 / 4] + [8**-0.5] * 3)


@pytest.mark.parametrize("norm", ALL)
def test_no_edges_have_no_weights(norm: normalization.Normalization):
    nothing = torch.empty(2, 0, dtype=torch.long)
    assert norm(nothing, nothing[0], 3).shape == (0,)


@pytest.mark.parametrize("norm", ALL)
def test_weights_of_published_skeletons_are_finite(norm: normalization.Normalization):
    for layout in (layouts.NTU25, layouts.COCO17_CYCLIC, layouts.MEDIAPIPE33):
        graph = SkeletonGraph.from_layout(layout, normalization=norm)
        assert graph.edge_weight.isfinite().all()


@pytest.mark.parametrize(
    ("norm", "expected"),
    [(normalization.random_walk_laplacian, 1.0), (normalization.symmetric_laplacian, 1.0)],
)
def test_the_laplacian_of_a_joint_without_neighbours_is_the_joint_itself(norm, expected):
    edge_index = partition.neighborhood(layout_of([], joints=2))
    assert norm(edge_index, torch.zeros(2, dtype=torch.long), 2).tolist() == [expected] * 2


@given(labelled_skeletons())
def test_per_target_is_adjacency_over_in_degree_so_columns_sum_to_one(drawn):
    adjacency, weights = weighted(normalization.per_target, drawn)
    np.testing.assert_allclose(weights, adjacency @ power(adjacency.sum(0), -1), atol=1e-6)
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-6)


@given(labelled_skeletons())
def test_per_subset_columns_sum_to_one_in_every_subset_that_has_members(drawn):
    layout, edge_index, edge_type = drawn
    weights = normalization.per_subset(edge_index, edge_type, layout.num_joints)
    for subset in range(4):
        mine = edge_type == subset
        ones = torch.ones(int(mine.sum()))
        adjacency = dense(edge_index[:, mine], ones, layout.num_joints)
        expected = adjacency @ power(adjacency.sum(0), -1)
        found = dense(edge_index[:, mine], weights[mine], layout.num_joints)
        np.testing.assert_allclose(found, expected, atol=1e-6)


@given(labelled_skeletons())
def test_symmetric_is_the_matrix_of_kipf_and_welling(drawn):
    adjacency, weights = weighted(normalization.symmetric, drawn)
    root = power(adjacency.sum(0), -0.5)
    np.testing.assert_allclose(weights, root @ adjacency @ root, atol=1e-6)
    np.testing.assert_allclose(weights, weights.T, atol=1e-6)


@given(labelled_skeletons())
def test_none_leaves_the_adjacency_as_it_is(drawn):
    adjacency, weights = weighted(normalization.none, drawn)
    np.testing.assert_array_equal(weights, adjacency)


@given(labelled_skeletons())
def test_random_walk_laplacian_is_one_minus_neighbours_over_degree(drawn):
    adjacency, weights = weighted(normalization.random_walk_laplacian, drawn)
    neighbors = adjacency - np.eye(len(adjacency))
    degree = neighbors.sum(0)
    expected = np.eye(len(adjacency)) - neighbors @ power(degree, -1)
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    np.testing.assert_allclose(weights.sum(0), degree == 0, atol=1e-6)


@given(labelled_skeletons())
def test_symmetric_laplacian_has_eigenvalues_between_zero_and_two(drawn):
    adjacency, weights = weighted(normalization.symmetric_laplacian, drawn)
    neighbors = adjacency - np.eye(len(adjacency))
    root = power(neighbors.sum(0), -0.5)
    np.testing.assert_allclose(weights, np.eye(len(weights)) - root @ neighbors @ root, atol=1e-6)
    eigenvalues = np.linalg.eigvalsh(weights)
    assert eigenvalues.min() > -1e-5 and eigenvalues.max() < 2 + 1e-5


@given(labelled_skeletons())
def test_only_per_subset_looks_at_the_labels(drawn):
    layout, edge_index, edge_type = drawn
    for norm in set(ALL) - {normalization.per_subset}:
        one_label = norm(edge_index, torch.zeros_like(edge_type), layout.num_joints)
        assert torch.equal(norm(edge_index, edge_type, layout.num_joints), one_label)
