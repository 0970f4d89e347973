"""Training with Lightning; the only package that imports it."""

from stgraph.train.callbacks import EpochLine
from stgraph.train.optimization import balanced_weights, scaled_rate, share_of_rate
from stgraph.train.recognizer import ActionRecognizer
from stgraph.train.trainer import fit, make_trainer, seed_everything

__all__ = [
    "ActionRecognizer",
    "EpochLine",
    "balanced_weights",
    "fit",
    "make_trainer",
    "scaled_rate",
    "seed_everything",
    "share_of_rate",
]
