"""What a visitor waits for, ours beside Albumentations in its usual way: the same visible work, in turns, in one process.

    python tests/benchmarks/studio.py [--turns N]

A phone photograph of 12 megapixels, eight draws shown at 384 px, one operation at a time. *Upload*: from the file's bytes to
eight JPEGs. *Moved knob*: the photograph is known already, only the draws are new. Prints what loses first; ratios below 1 mean
that ours is quicker. Needs `pip install -r tests/requirements.txt`.
"""

import argparse
import io
import os
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parents[2]))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from vpc2.augment.equivalents import to_albumentations  # noqa: E402
from vpc2.augment.ops import OPS  # noqa: E402
from vpc2.augment.pipeline import draw_images, pick_device  # noqa: E402
from vpc2.augment.spec import Pipeline, edit_add, edit_scale  # noqa: E402
from vpc2.images.decode import decode_photo  # noqa: E402
from vpc2.images.encode import resize_pixels, to_jpeg, to_tensor  # noqa: E402
from vpc2.images.samples import load_sample  # noqa: E402

SIDE_PX, DRAWS = 384, 8
DEVICE = pick_device()


def phone_photograph() -> bytes:
    """Return a JPEG of 4000 x 3000 pixels with the detail of a real one."""
    pixels = np.asarray(Image.fromarray(load_sample("astronaut").pixels).resize((4000, 3000), Image.Resampling.BICUBIC))
    noisy = np.clip(pixels.astype(np.int16) + np.random.default_rng(0).normal(0, 6, pixels.shape).astype(np.int16), 0, 255)
    out = io.BytesIO()
    Image.fromarray(noisy.astype(np.uint8)).save(out, "JPEG", quality=92)
    return out.getvalue()


def ours_upload(data, pipeline, _augment):
    return ours_moved(decode_photo(data, "phone.jpg").pixels, pipeline, _augment)


def ours_moved(pixels, pipeline, _augment):
    small = resize_pixels(pixels, SIDE_PX)
    scaled = edit_scale(pipeline, SIDE_PX / max(pixels.shape[:2]))
    return [to_jpeg(draw.image) for draw in draw_images(scaled, to_tensor(small), DRAWS, device=DEVICE)]


def theirs_upload(data, _pipeline, augment):
    pixels = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return theirs_moved(pixels, _pipeline, augment)


def theirs_moved(pixels, _pipeline, augment):
    factor = SIDE_PX / max(pixels.shape[:2])
    small = cv2.resize(pixels, (round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)), interpolation=cv2.INTER_AREA)
    return [cv2.imencode(".jpg", augment(image=small)["image"], [cv2.IMWRITE_JPEG_QUALITY, 90])[1] for _ in range(DRAWS)]


def timed(work, *given) -> float:
    began = time.perf_counter()
    work(*given)
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns
    data = phone_photograph()
    known = decode_photo(data, "phone.jpg").pixels
    theirs_known = np.asarray(Image.open(io.BytesIO(data)).convert("RGB").resize((1024, 768)))
    rows = []
    for key, entry in OPS.items():
        if not entry.albumentations:
            continue
        pipeline = edit_add(Pipeline(seed=1), key, {"p": 1.0})
        scope = {"__name__": "exported"}
        exec(compile(to_albumentations(pipeline), "exported", "exec"), scope)
        augment = scope["augment"]
        pairs = {
            "upload": ((ours_upload, data), (theirs_upload, data)),
            "moved": ((ours_moved, known), (theirs_moved, theirs_known)),
        }
        row = {"op": key}
        for name, (ours, theirs) in pairs.items():
            series = ([], [])
            for turn in range(turns + 1):
                for side, (work, given) in zip(series, (ours, theirs), strict=True):
                    ms = timed(work, given, pipeline, augment)
                    if turn:  # the first turn warms both up
                        side.append(ms)
            row[name] = statistics.median(series[0]), statistics.median(series[1])
        rows.append(row)
    rows.sort(key=lambda row: -row["moved"][0] / row["moved"][1])
    print(f"{len(rows)} operations, {DRAWS} draws at {SIDE_PX} px, {turns} turns; ms; ours on {DEVICE}, Albumentations on the CPU")
    print(f"{'operation':26}{'moved: ours':>12}{'theirs':>9}{'ratio':>7}{'upload: ours':>15}{'theirs':>9}{'ratio':>7}")
    for row in rows:
        (a, b), (c, d) = row["moved"], row["upload"]
        print(f"{row['op']:26}{a:12.0f}{b:9.0f}{a / b:7.2f}{c:15.0f}{d:9.0f}{c / d:7.2f}")
    ahead = sum(row["upload"][0] < row["upload"][1] for row in rows)
    moved = sorted(row["moved"][0] for row in rows)
    most = moved[min(int(0.95 * len(moved)), len(moved) - 1)]
    print(f"from upload to screen, ours is ahead for {ahead} of {len(rows)}")
    print(f"a moved knob, ours: median {statistics.median(moved):.0f} ms, 95 of 100 within {most:.0f} ms")


if __name__ == "__main__":
    main()
