"""Functions on keypoints ``[M, T, V, C]``; a joint that was not seen is NaN and stays so.

Each returns new keypoints of the same precision on the same device and leaves its input alone.
Random ones take a ``torch.Generator`` and draw from nothing else then: a seed repeats a clip.
"""

from stgraph.transforms.dropping import drop_frames, drop_joints, drop_persons
from stgraph.transforms.places import align, center, keep_persons, visible
from stgraph.transforms.space import (
    mirror,
    random_move,
    random_noise,
    random_rotation,
    random_scale,
    random_shear,
    random_translation,
    rotate,
)
from stgraph.transforms.streams import STREAMS, bones, from_bones, from_motion, motion, stream
from stgraph.transforms.time import (
    clock,
    crop_resize,
    random_window,
    resample,
    reverse,
    sample_frames,
    thin,
)

__all__ = [
    "STREAMS",
    "align",
    "bones",
    "center",
    "clock",
    "crop_resize",
    "drop_frames",
    "drop_joints",
    "drop_persons",
    "from_bones",
    "from_motion",
    "keep_persons",
    "mirror",
    "motion",
    "random_move",
    "random_noise",
    "random_rotation",
    "random_scale",
    "random_shear",
    "random_translation",
    "random_window",
    "resample",
    "reverse",
    "rotate",
    "sample_frames",
    "stream",
    "thin",
    "visible",
]
