"""``python -m stgraph.bench SETTING JOB``: one measurement, its figures as a line of JSON."""

from __future__ import annotations

import json
import sys

from stgraph.bench.cases import chosen_cases
from stgraph.bench.measure import time_sides
from stgraph.bench.memory import peak_growth
from stgraph.bench.setting import Setting


def main() -> None:
    """Measure what the arguments, two JSON objects, say."""
    setting, job = Setting.from_json(sys.argv[1]), json.loads(sys.argv[2])
    setting.prepare()
    (case,) = chosen_cases(setting.sizes, [job["case"]])
    if job["task"] == "memory":
        print(json.dumps(peak_growth(case.sides[job["side"]], setting)))
    else:
        print(json.dumps(time_sides(case, setting)))


if __name__ == "__main__":
    main()
