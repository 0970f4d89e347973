"""The nouns of the table: a case has sides, each of which prepares a step that is measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from stgraph.bench.setting import Setting


class Step(NamedTuple):
    """What is timed, and how much work it is.

    Attributes:
        run: One step; data, network and optimiser are there already.
        amount: Of ``unit``: nodes, multiply-adds, bytes.
    """

    run: Callable[[], object]
    amount: float
    unit: str = "nodes"


class Side(NamedTuple):
    """One way to do the work of a case.

    Attributes:
        name: For the table.
        prepare: Makes everything that the step needs.
        bound: Whether it is no other way, but what ours cannot be faster than.
    """

    name: str
    prepare: Callable[[Setting], Step]
    bound: bool = False


Reading = Literal["versus", "per unit", "rate"]


class Case(NamedTuple):
    """A few lines of the table; its sides are timed in turn, in one process.

    Attributes:
        key: By which it is chosen.
        what: The work, in words.
        sides: Ours first.
        reading: How its times are read: how many times faster the first side is than each other
            (``versus``), time per unit of work, or units of work per second.
        most_rounds: Fewer rounds than asked for, where a side takes long.
        each_precision: Whether a GPU measures it in bf16 as well as in fp32.
    """

    key: str
    what: str
    sides: tuple[Side, ...]
    reading: Reading = "versus"
    most_rounds: int | None = None
    each_precision: bool = True

    def rounds(self, setting: Setting) -> int:
        return min(setting.rounds, self.most_rounds or setting.rounds)
