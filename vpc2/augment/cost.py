"""What augmentation costs, online and offline, measured on a few draws of the very set: time, room, and how much is new."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor

from vpc2.augment.offline import LAYOUTS, Item, moved_marks
from vpc2.augment.pipeline import draw_images
from vpc2.augment.spec import Pipeline


@dataclass(frozen=True)
class Cost:
    """What drawing, writing and reading cost, measured on a few pictures of the set. Milliseconds and bytes are of one picture.

    `digests` holds for each picture looked at what the original and its first draws are on disk: equal ones are the same.
    """

    draw_ms: float
    move_ms: float
    encode_ms: float
    decode_ms: float
    original_bytes: float
    draw_bytes: float
    digests: tuple[tuple[bytes, ...], ...]

    def online_different(self, pictures: int, epochs: int) -> int:
        """Return how many different pictures so many epochs draw: of the sample's share, for all."""
        return round(pictures * sum(len(set(own[1 : 1 + epochs])) for own in self.digests) / len(self.digests))

    def offline_different(self, pictures: int, drawn: int) -> int:
        """Return how many different pictures the set holds, with `drawn` draws in all beside its pictures."""
        if all(len(set(own)) == len(own) for own in self.digests):
            return pictures + drawn
        copies = -(-drawn // pictures)
        return min(pictures + drawn, round(pictures * sum(len(set(own[: 1 + copies])) for own in self.digests) / len(self.digests)))

    def size_bytes(self, pictures: int, drawn: int) -> float:
        """Return the room that the pictures take on disk."""
        return pictures * self.original_bytes + drawn * self.draw_bytes

    def online_s(self, pictures: int) -> float:
        """Return the seconds an epoch spends on reading and drawing its pictures."""
        return pictures * (self.decode_ms + self.draw_ms) / 1000

    def offline_s(self, total: int) -> float:
        """Return the seconds an epoch spends on reading the pictures that were written."""
        return total * self.decode_ms / 1000

    def write_s(self, pictures: int, drawn: int) -> float:
        """Return the seconds that writing takes, once."""
        return (pictures * self.encode_ms + drawn * (self.draw_ms + self.move_ms + self.encode_ms)) / 1000


def measure_cost(
    pipeline: Pipeline,
    items: Sequence[Item],
    encode: Callable[[Tensor], bytes],
    decode: Callable[[bytes], object],
    *,
    draws: int = 10,
    layout: str = "ImageFolder",
    pictures: int = 2,
) -> Cost:
    """Return what a data set would cost, from `draws` draws of a few of its pictures, spread over the whole."""
    chosen = items[:: max(1, -(-len(items) // pictures))][:pictures]
    spent: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    digests = []

    @contextmanager
    def timed(what: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        spent[what] += time.perf_counter() - began

    for item in chosen:
        image, key = item.read(), f"{item.label}/{item.name}"
        draw_images(pipeline, image, 1, key)  # what is loaded at the first draw is no cost of the second
        original = encode(image)
        sizes["original"] += len(original)
        own = [hashlib.sha256(original).digest()]
        with timed("decode"):
            decode(original)
        for number in range(draws):
            with timed("draw"):
                (draw,) = draw_images(pipeline, image, number + 1, key, first=number)
            if LAYOUTS[layout].takes_marks:
                with timed("move"):
                    moved_marks(pipeline, item, image, number, key)
            with timed("encode"):
                data = encode(draw.image)
            sizes["draw"] += len(data)
            own.append(hashlib.sha256(data).digest())
        digests.append(tuple(own))
    made = len(chosen) * draws
    return Cost(
        draw_ms=1000 * spent["draw"] / made,
        move_ms=1000 * spent["move"] / made,
        encode_ms=1000 * spent["encode"] / made,
        decode_ms=1000 * spent["decode"] / len(chosen),
        original_bytes=sizes["original"] / len(chosen),
        draw_bytes=sizes["draw"] / made,
        digests=tuple(digests),
    )
