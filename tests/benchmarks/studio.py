"""What a visitor waits for, ours beside Albumentations in its usual way: the same visible work, in turns, in one process.

    python tests/benchmarks/studio.py [--turns N] [--device cpu|cuda|mps]

A phone photograph of 12 megapixels, eight draws shown at 384 px, one operation at a time. *Upload*: from the file's bytes to
eight JPEGs. *Moved knob*: the photograph is known already, only the draws are new. Then every operation there is, ours alone, and
a pipeline of four steps whose last knob moves, with and without what was kept of the steps before. What loses, or is slowest, is
printed first; ratios below 1 mean that ours is quicker. Needs `pip install -r tests/requirements.txt`.
"""

import argparse
import io
import math
import os
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parents[2]))

import albumentations  # noqa: E402
import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402

from vpc2.augment.draw_cache import DrawCache  # noqa: E402
from vpc2.augment.export.call_parser import make  # noqa: E402
from vpc2.augment.export.other_libraries import own_names, to_call  # noqa: E402
from vpc2.augment.operations.catalog import OPS  # noqa: E402
from vpc2.augment.pipeline import draw_images  # noqa: E402
from vpc2.augment.spec import Pipeline, edit_add, edit_param, edit_scale  # noqa: E402
from vpc2.images.decode import decode_photo  # noqa: E402
from vpc2.images.encode import resize_pixels, to_jpeg, to_tensor  # noqa: E402
from vpc2.images.samples import load_sample  # noqa: E402
from vpc2.system import host  # noqa: E402
from vpc2.system.device import pick_device  # noqa: E402

SIDE_PX, DRAWS = 384, 8
FOUR = (  # dear steps, and cheap ones
    ("RandomAffine", "ColorJitter", "RandomGaussianBlur", "RandomErasing"),
    ("RandomHorizontalFlip", "RandomBrightness", "RandomContrast", "RandomInvert"),
)
# Exported lines that chain Albumentations' transforms to make the app's own pictures: the one transform that its users would call.
ONE_CALL = {
    "ColorJitter": "A.ColorJitter((0.8, 1.2), (0.8, 1.2), (0.8, 1.2), (-0.05, 0.05), p=1.0)",
    "RandomGamma": "A.RandomGamma(gamma_limit=(70, 150), p=1.0)",
    "RandomSolarize": "A.Solarize(threshold_range=(0.4, 0.6), p=1.0)",
}


def phone_photograph() -> bytes:
    """Return a JPEG of 4000 x 3000 pixels with the detail of a real one."""
    pixels = np.asarray(Image.fromarray(load_sample("astronaut").pixels).resize((4000, 3000), Image.Resampling.BICUBIC))
    noisy = np.clip(pixels.astype(np.int16) + np.random.default_rng(0).normal(0, 6, pixels.shape).astype(np.int16), 0, 255)
    out = io.BytesIO()
    Image.fromarray(noisy.astype(np.uint8)).save(out, "JPEG", quality=92)
    return out.getvalue()


def ours_upload(data, pipeline, device, kept=None):
    pixels = decode_photo(data, "phone.jpg").pixels
    return ours_moved((pixels.shape, resize_pixels(pixels, SIDE_PX)), pipeline, device, kept)


def ours_moved(known, pipeline, device, kept=None):
    """Draw as the page does: the photograph at the size that is shown is known."""
    shape, small = known
    scaled = edit_scale(pipeline, SIDE_PX / max(shape[:2]))
    return [to_jpeg(draw.image) for draw in draw_images(scaled, to_tensor(small), DRAWS, device=device, cache=kept)]


def albumentations_of(key) -> albumentations.Compose:
    """Return an operation in Albumentations' usual way: its own transforms, on bytes.

    The exported script works on floats, with classes of its own where Albumentations' make other pictures: that is no peer's speed.
    """
    (step,) = one_step(key).steps
    call = ONE_CALL.get(key) or to_call(step, "albumentations")
    stock = {name: getattr(albumentations, name) for name in own_names(call)}
    return albumentations.Compose([make(call, {"A": albumentations, "SIZE": (224, 224), **stock})], seed=1)


def theirs_upload(data, augment):
    pixels = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return theirs_moved(pixels, augment)


def theirs_moved(pixels, augment):
    factor = SIDE_PX / max(pixels.shape[:2])
    small = cv2.resize(pixels, (round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)), interpolation=cv2.INTER_AREA)
    return [cv2.imencode(".jpg", augment(image=small)["image"], [cv2.IMWRITE_JPEG_QUALITY, 90])[1] for _ in range(DRAWS)]


def in_turns(turns, *works) -> list[list[float]]:
    """Return the milliseconds of each work, one list each; the first turn warms all up and is not counted."""
    series = [[] for _ in works]
    for turn in range(turns + 1):
        for times, work in zip(series, works, strict=True):
            began = time.perf_counter()
            work(turn)
            if turn:
                times.append(1000 * (time.perf_counter() - began))
    return series


def most_of(values, share=0.95) -> float:
    """Return what this share of the values does not exceed."""
    return sorted(values)[min(math.ceil(share * len(values)) - 1, len(values) - 1)]


def one_step(key) -> Pipeline:
    return edit_add(Pipeline(seed=1), key, {} if OPS[key].is_policy else {"p": 1.0})


def compare_matched(turns, device, data, known) -> None:
    theirs_known, rows = np.asarray(Image.open(io.BytesIO(data)).convert("RGB").resize((1024, 768))), []
    for key, entry in OPS.items():
        if not entry.albumentations:
            continue
        pipeline, augment = one_step(key), albumentations_of(key)
        works = (
            lambda _turn, pipeline=pipeline: ours_moved(known, pipeline, device),
            lambda _turn, augment=augment: theirs_moved(theirs_known, augment),
            lambda _turn, pipeline=pipeline: ours_upload(data, pipeline, device),
            lambda _turn, augment=augment: theirs_upload(data, augment),
        )
        rows.append((key, *map(statistics.median, in_turns(turns, *works))))
    rows.sort(key=lambda row: -row[1] / row[2])
    print(f"\n{len(rows)} matched operations; Albumentations on the CPU; ms, medians of {turns} turns")
    print(f"{'operation':26}{'moved: ours':>12}{'theirs':>9}{'ratio':>7}{'upload: ours':>15}{'theirs':>9}{'ratio':>7}")
    for key, a, b, c, d in rows:
        print(f"{key:26}{a:12.0f}{b:9.0f}{a / b:7.2f}{c:15.0f}{d:9.0f}{c / d:7.2f}")
    ahead = sum(row[3] < row[4] for row in rows)
    print(f"from upload to screen, ours is ahead for {ahead} of {len(rows)} ({100 * ahead / len(rows):.0f} %)")


def time_all(turns, device, data, known) -> None:
    rows = []
    for key in OPS:
        pipeline = one_step(key)
        moved, upload = in_turns(
            turns,
            lambda _turn, pipeline=pipeline: ours_moved(known, pipeline, device),
            lambda _turn, pipeline=pipeline: ours_upload(data, pipeline, device),
        )
        rows.append((key, moved, upload))
    rows.sort(key=lambda row: -statistics.median(row[1]))
    print(f"\nall {len(rows)} operations, ours; ms")
    print(f"{'operation':32}{'moved: median':>14}{'slowest':>9}{'upload: median':>16}")
    for key, moved, upload in rows:
        print(f"{key:32}{statistics.median(moved):14.0f}{max(moved):9.0f}{statistics.median(upload):16.0f}")
    medians = [statistics.median(moved) for _key, moved, _upload in rows]
    moves = [ms for _key, moved, _upload in rows for ms in moved]
    more = [statistics.median(upload) - statistics.median(moved) for _key, moved, upload in rows]
    print(f"a moved knob: median operation {statistics.median(medians):.0f} ms (150), 95 of 100 moves within {most_of(moves):.0f} ms (300)")
    print(f"the first time: {statistics.median(more):.0f} ms more (250), 95 of 100 operations within {most_of(more):.0f} ms more")


def time_last_knob(turns, device, known) -> None:
    print("\nfour steps, the last knob moves: with what was kept of the steps before, and without; ms")
    for ops in FOUR:
        pipeline, kept = Pipeline(seed=1), DrawCache(64 * host.MB)
        for op in ops:
            pipeline = edit_add(pipeline, op, {"p": 1.0})
        moved = [edit_param(pipeline, pipeline.steps[-1].id, "p", 0.99 + 0.01 * turn / (turns + 1)) for turn in range(turns + 1)]
        ours, plain = in_turns(
            turns,
            lambda turn, moved=moved, kept=kept: ours_moved(known, moved[turn], device, kept),
            lambda turn, moved=moved: ours_moved(known, moved[turn], device),
        )
        a, b = statistics.median(ours), statistics.median(plain)
        print(f"{', '.join(ops):85}{a:7.0f}{b:7.0f}{a / b:7.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--device", default=pick_device())
    given = parser.parse_args()
    host.keep_freed_memory()
    data = phone_photograph()
    pixels = decode_photo(data, "phone.jpg").pixels
    known = pixels.shape, resize_pixels(pixels, SIDE_PX)
    name = torch.cuda.get_device_name() if given.device == "cuda" else given.device
    print(f"{DRAWS} draws at {SIDE_PX} px of a photograph of 12 megapixels; ours on {name}, {torch.get_num_threads()} threads")
    compare_matched(given.turns, given.device, data, known)
    time_all(given.turns, given.device, data, known)
    time_last_knob(given.turns, given.device, known)


if __name__ == "__main__":
    main()
