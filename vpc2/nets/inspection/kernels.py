"""Kernels known by what they do to a picture, and how the window of a layer walks. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from vpc2.catalog import Catalog, Entry
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.shape_rules import SAME
from vpc2.nets.summary.layer_summary import LayerFacts
from vpc2.text import Text

CONVOLUTIONS = ("Conv2d", "DepthwiseConv2d", "PointwiseConv2d")
POOLINGS = {"MaxPool2d": "max", "AvgPool2d": "mean"}


@dataclass(frozen=True, kw_only=True)
class Kernel(Entry):
    """A kernel known by what it does to a picture: 3 x 3 whole numbers, divided by `divisor`."""

    rows: tuple[tuple[int, int, int], ...]
    divisor: int = 1


KERNELS: Catalog[Kernel] = Catalog(
    Text("kernel"),
    Kernel(
        key="vertical",
        title=Text("Vertical edges (Sobel)"),
        help=Text("Large where it gets brighter from left to right."),
        rows=((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    ),
    Kernel(
        key="horizontal",
        title=Text("Horizontal edges (Sobel)"),
        help=Text("Large where it gets brighter from top to bottom."),
        rows=((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    ),
    Kernel(
        key="edges",
        title=Text("All edges (Laplace)"),
        help=Text("Zero where nothing changes, large at every edge."),
        rows=((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    ),
    Kernel(
        key="blur",
        title=Text("Blur (mean)"),
        help=Text("The mean of nine pixels."),
        rows=((1, 1, 1), (1, 1, 1), (1, 1, 1)),
        divisor=9,
    ),
    Kernel(
        key="sharpen",
        title=Text("Sharpen"),
        help=Text("The pixel five times, less its four neighbours."),
        rows=((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    ),
    Kernel(
        key="emboss",
        title=Text("Emboss"),
        help=Text("As if lit from the top left."),
        rows=((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
    ),
    Kernel(
        key="identity",
        title=Text("Identity"),
        help=Text("Gives the pixel back."),
        rows=((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    ),
)


@dataclass(frozen=True)
class Geometry:
    """How a layer's window walks, (height, width) each: kernel, stride, dilation, and padding before and after the picture."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]
    is_ceil: bool = False

    @property
    def window(self) -> tuple[int, int]:
        """The sides of the window, gaps of dilation included."""
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True))


def has_window(facts: LayerFacts) -> bool:
    """True for a convolution or pooling that the net reaches."""
    return facts.output is not None and facts.kind in (*CONVOLUTIONS, *POOLINGS)


def fits_window(sides: tuple[int, int]) -> bool:
    """True where a known kernel, 3 x 3, fits into a window of these sides."""
    return min(sides) >= 3


def geometry_of(facts: LayerFacts) -> Geometry:
    """Return how the window of a convolution or pooling walks."""
    given = LAYERS[facts.kind].arguments(facts.layer.params, facts.input)
    kernel, stride, dilation = (_pair(given.get(key, 1)) for key in ("kernel_size", "stride", "dilation"))
    if given.get("padding", 0) == SAME:
        whole = tuple(d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
        before, after = tuple(n // 2 for n in whole), tuple(n - n // 2 for n in whole)
    else:
        before = after = _pair(given.get("padding", 0))
    return Geometry(kernel, stride, dilation, before, after, bool(given.get("ceil_mode")))


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)
