"""Step-through of a convolution or pooling window in numbers: the input patch, the kernel, the products, their sum and the outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vpc2.ui.components.definition import component

_FOLDER = Path(__file__).parent


def window_stepper(data: Mapping[str, Any], *, key: str, words: Mapping[str, str], language: str) -> None:
    """Draw the numbers of one window; the component sends nothing back.

    `data` holds `op` ("sum", "mean" or "max"), `cells` (None outside the input) and `kinds` (0 pixel, 1 padding, 2 beyond), `origin`,
    `kernel` (rows, or None), `divisor`, `bias`, `outputs`, `first`, `start` (index of the first output shown), and `stride`, `dilation`,
    `sides` (of the kernel) as (height, width); `range_in` and `range_out` (lowest, highest value) scale the greys.
    """
    component("vpc2.window_stepper", _FOLDER)(key=key, data={**data, "words": dict(words), "language": language})
