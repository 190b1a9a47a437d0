"""Cost of augmentation, online and offline, measured on a sample: time, disk space, and the number of different pictures."""

from __future__ import annotations

import hashlib
import io
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from vpc2.augment.export.offline_dataset import Item, write_dataset
from vpc2.augment.pipeline import draw_images
from vpc2.augment.spec import Pipeline

_TIMED = 4  # draws per picture that are timed without writing, to separate drawing from writing


@dataclass(frozen=True)
class Cost:
    """Measured cost of drawing, writing and reading on a sample of the set. Milliseconds and bytes are per picture.

    Writing a draw includes drawing it and moving its labels; its bytes include its rows in the manifest. `digests` holds for each sampled
    picture the hashes of the original and its first draws as written: equal hashes are equal pictures.
    """

    draw_ms: float
    write_original_ms: float
    write_draw_ms: float
    read_ms: float
    original_bytes: float
    draw_bytes: float
    digests: tuple[tuple[bytes, ...], ...]

    def online_different(self, pictures: int, epochs: int) -> int:
        """Return the number of different pictures drawn in so many epochs, extrapolated from the sample."""
        return round(pictures * sum(len(set(hashes[1 : 1 + epochs])) for hashes in self.digests) / len(self.digests))

    def offline_different(self, pictures: int, drawn: int) -> int:
        """Return the number of different pictures in the set, with `drawn` draws in all besides its pictures."""
        if all(len(set(hashes)) == len(hashes) for hashes in self.digests):
            return pictures + drawn
        copies = -(-drawn // pictures)
        return min(pictures + drawn, round(pictures * sum(len(set(hashes[: 1 + copies])) for hashes in self.digests) / len(self.digests)))

    def size_bytes(self, pictures: int, drawn: int) -> float:
        """Return the size of the set on disk."""
        return pictures * self.original_bytes + drawn * self.draw_bytes

    def online_s(self, pictures: int) -> float:
        """Return the seconds per epoch spent on reading and drawing its pictures."""
        return pictures * (self.read_ms + self.draw_ms) / 1000

    def offline_s(self, total: int) -> float:
        """Return the seconds per epoch spent on reading the written pictures."""
        return total * self.read_ms / 1000

    def write_s(self, pictures: int, drawn: int) -> float:
        """Return the seconds that writing takes, once."""
        return (pictures * self.write_original_ms + drawn * self.write_draw_ms) / 1000


def measure_cost(
    pipeline: Pipeline,
    items: Sequence[Item],
    encode: Callable[[Tensor], bytes],
    decode: Callable[[bytes], object],
    *,
    draws: int = 10,
    layout: str = "ImageFolder",
    suffix: str = ".jpg",
    pictures: int = 2,
) -> Cost:
    """Return the cost of a data set, from `draws` draws of a few of its pictures, spread over the whole."""
    chosen = items[:: max(1, -(-len(items) // pictures))][:pictures]

    def timed(work: Callable[[], object]) -> float:
        began = time.perf_counter()
        work()
        return 1000 * (time.perf_counter() - began)

    def write(file: io.BytesIO, copies: int) -> None:
        write_dataset(file, pipeline, chosen, [copies] * len(chosen), encode, layout=layout, suffix=suffix)

    images = [item.read() for item in chosen]
    draw_images(pipeline, images[0], 1)  # warm-up: imports at the first draw are not timed
    decode(encode(images[0]))
    plain, augmented = io.BytesIO(), io.BytesIO()
    plain_ms, whole_ms = timed(lambda: write(plain, 0)), timed(lambda: write(augmented, draws))
    draw_ms = sum(timed(partial(draw_images, pipeline, image, _TIMED)) for image in images)
    with zipfile.ZipFile(augmented) as archive:
        written = [archive.read(name) for name in archive.namelist() if name.endswith(suffix)]
    read_ms = sum(timed(partial(decode, data)) for data in written)
    digests = [hashlib.sha256(data).digest() for data in written]
    plain_bytes, whole_bytes, draw_count = len(plain.getvalue()), len(augmented.getvalue()), len(chosen) * draws
    return Cost(
        draw_ms=draw_ms / (len(chosen) * _TIMED),
        write_original_ms=plain_ms / len(chosen),
        write_draw_ms=max(whole_ms - plain_ms, 0) / draw_count,
        read_ms=read_ms / len(written),
        original_bytes=plain_bytes / len(chosen),
        draw_bytes=(whole_bytes - plain_bytes) / draw_count,
        digests=tuple(tuple(digests[i : i + 1 + draws]) for i in range(0, len(digests), 1 + draws)),
    )
