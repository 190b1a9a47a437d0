"""From the click on Stop until the run says that it stopped, and has tested and saved its model.

    python tests/benchmarks/stops.py [--count 50]

The runs train the drawn shapes in a worker of their own, one after another; each is stopped at a random moment. The aim is that 95 of
100 have stopped within 2 s.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from vpc2.training.presets import RECIPES  # noqa: E402
from vpc2.training.queue.local import LocalQueue  # noqa: E402
from vpc2.training.runs.events import read_events  # noqa: E402
from vpc2.training.runs.store import RunStore  # noqa: E402

AIM_S = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50)
    count, chance, took = parser.parse_args().count, random.Random(0), []
    recipe = RECIPES["shapes"].recipe
    recipe = replace(recipe, settings={**recipe.settings, "epochs": 10_000, "budget_s": 600.0})
    with tempfile.TemporaryDirectory() as place:
        store = RunStore(Path(place))
        queue = LocalQueue(store)
        try:
            for _stop in range(count):
                run = store.create(recipe)
                queue.start(run)
                while not any(event["type"] == "step" for event in read_events(run.folder)[0]):
                    time.sleep(0.01)
                time.sleep(chance.uniform(0.0, 1.5))
                began = time.perf_counter()
                queue.stop(run.id, by="")
                while store.state(run.id) != "stopped":
                    time.sleep(0.005)
                took.append(time.perf_counter() - began)
        finally:
            queue.shutdown()
    took.sort()
    late = took[min(int(0.95 * len(took)), len(took) - 1)]
    print(f"{count} stops: median {statistics.median(took):.2f} s, 95 of 100 within {late:.2f} s, slowest {took[-1]:.2f} s")
    print(f"aim {AIM_S} s: {'met' if late <= AIM_S else 'MISSED'}")


if __name__ == "__main__":
    main()
