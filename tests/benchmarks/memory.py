"""Whether memory stays flat: 200 moves of a knob through the page's own kept results, each in a thread of its own as Streamlit runs it.

    python tests/benchmarks/memory.py [--moves N] [--plain]   (Linux)

Prints resident memory at every fifty moves, and what is kept. `--plain` leaves the C library to itself.
"""

import argparse
import os
import sys
import threading
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parents[2]))

from streamlit import logger  # noqa: E402

from vpc2.augment.presets import PIPELINES  # noqa: E402
from vpc2.augment.spec import edit_param  # noqa: E402
from vpc2.images.samples import load_sample  # noqa: E402
from vpc2.system import host  # noqa: E402
from vpc2.ui.computed import augmented  # noqa: E402

logger.set_log_level("CRITICAL")  # "missing ScriptRunContext": there is no page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--plain", action="store_true")
    given = parser.parse_args()
    if given.plain:
        augmented.HEAP.growth_bytes = sys.maxsize
    else:
        host.keep_freed_memory()
    photos = [vars(load_sample(key)) for key in ("chelsea", "coffee")]
    pipelines = [PIPELINES[key].pipeline for key in ("strong", "further")]

    def draw(move: int) -> None:
        """Move a knob of one step, now of this pipeline, now of that one."""
        pipeline = pipelines[move // 5 % 2]
        step = pipeline.steps[move // 10 % len(pipeline.steps)]
        moved = edit_param(pipeline, step.id, "p", 0.5 + move / given.moves / 2)
        for photo in photos:
            augmented.augmented_draws(moved, photo, 8, 384)

    print(f"{'moves':>6}{'resident, MB':>14}{'stages, MB':>12}{'trims':>7}")
    for move in range(given.moves + 1):
        thread = threading.Thread(target=draw, args=(move,))
        thread.start()
        thread.join()
        if move % 50 == 0:
            print(
                f"{move:6}{host.resident_bytes() / host.MB:14.0f}{augmented.STAGES.bytes / host.MB:12.0f}{augmented.HEAP.trims:7}",
                flush=True,
            )


if __name__ == "__main__":
    main()
