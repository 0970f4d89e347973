"""File formats of skeleton clips: one reader each, all ending in :class:`Clip`."""

from stgraph.formats.clip import Clip

__all__ = ["Clip"]
