"""The lecture's exercise, measured: what augmentation brings on photographs of hands, by the loop itself.

    VPC2_DATA=... python tests/benchmarks/hands.py [--seeds 3] [--share 0.1] [--px 32] [--epochs 40] [--pipeline gentle]

Prints the test accuracies of each seed without and with the pipeline, the gap with its interval, and the seconds of a run.
The epochs end the runs, so the accuracies are the same on any machine; the seconds are not.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from vpc2.augment.presets import PIPELINES  # noqa: E402
from vpc2.training.experiments.comparison import measure_gap  # noqa: E402
from vpc2.training.presets import RECIPES  # noqa: E402
from vpc2.training.spec import Experiment, without  # noqa: E402
from vpc2.training.trainer.trainer import fit  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    base = RECIPES["hands-augmented"].recipe
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--share", type=float, default=base.settings["train_share"])
    parser.add_argument("--px", type=int, default=base.settings["size_px"])
    parser.add_argument("--epochs", type=int, default=base.settings["epochs"])
    parser.add_argument("--pipeline", default="gentle")
    given = parser.parse_args()
    settings = {**base.settings, "train_share": given.share, "size_px": given.px, "epochs": given.epochs, "budget_s": 600.0}
    recipe = replace(base, pipeline=PIPELINES[given.pipeline].pipeline, settings=settings)
    hits: tuple[list, list] = ([], [])
    seconds: tuple[list, list] = ([], [])
    for pair in Experiment(without(recipe), recipe, seeds=given.seeds).recipes():
        for side, one in enumerate(pair):
            events: list[dict] = []
            fit(one, events.append)
            hits[side].append(np.frombuffer(events[-1]["test_hits"].encode(), np.uint8) == ord("1"))
            seconds[side].append(events[-1]["elapsed_s"])
    gap = measure_gap(np.stack(hits[0]), np.stack(hits[1]), events[-1]["test_groups"])
    for name, side, took in zip(("without", "with"), hits, seconds, strict=True):
        print(f"{name:8} {' '.join(f'{one.mean():.3f}' for one in side)}   {np.mean(took):.1f} s a run")
    print(f"gap {100 * gap.mean:+.1f} points, 95 % interval {100 * gap.low:+.1f} to {100 * gap.high:+.1f}, {gap.units} people in the test")


if __name__ == "__main__":
    main()
