"""Labelled clips without a licence: a body, its motions, a camera, and the data set of them."""

from stgraph.datasets.synthetic.dataset import SyntheticActions

__all__ = ["SyntheticActions"]
