"""All readers under fuzz, each with its seeds, from the tests of the readers."""

from __future__ import annotations

from . import (
    test_arrays,
    test_bvh,
    test_ctrgcn_arrays,
    test_kinetics,
    test_mediapipe,
    test_mmskeleton,
    test_ntu,
    test_openpose,
    test_pickles,
    test_pyskl,
    test_stgcn_arrays,
    test_ucla,
)
from .fuzzing import Case

MODULES = (
    *(test_ntu, test_kinetics, test_openpose, test_mmskeleton, test_ucla, test_bvh),
    *(test_arrays, test_mediapipe, test_stgcn_arrays, test_ctrgcn_arrays, test_pyskl, test_pickles),
)
CASES = [value for module in MODULES for value in vars(module).values() if type(value) is Case]
