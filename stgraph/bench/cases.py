"""All cases of the table, in its order."""

from __future__ import annotations

from collections.abc import Sequence

from stgraph.bench.case import Case
from stgraph.bench.layers import layer_cases
from stgraph.bench.making import making_cases
from stgraph.bench.networks import network_cases
from stgraph.bench.rates import rate_cases
from stgraph.bench.setting import FULL, Sizes


def all_cases(sizes: Sizes = FULL) -> tuple[Case, ...]:
    """Networks, layers, edges, and the machine."""
    parts = (network_cases, layer_cases, making_cases, rate_cases)
    return tuple(case for part in parts for case in part(sizes))


def chosen_cases(sizes: Sizes, keys: Sequence[str]) -> tuple[Case, ...]:
    """The cases with these keys, in the table's order; all if there are none.

    Raises:
        ValueError: If there is no case of that name.
    """
    cases = all_cases(sizes)
    known = [case.key for case in cases]
    for key in keys:
        if key not in known:
            raise ValueError(f"There is no case '{key}'; choose from {', '.join(known)}.")
    return tuple(case for case in cases if not keys or case.key in keys)
