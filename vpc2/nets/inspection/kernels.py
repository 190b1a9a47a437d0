"""Example kernels (edges, blur, sharpen), and the geometry of a layer's sliding window. Standard library only."""

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
class ExampleKernel(Entry):
    """A well-known 3 x 3 kernel of whole numbers, divided by `divisor`."""

    rows: tuple[tuple[int, int, int], ...]
    divisor: int = 1


KERNELS: Catalog[ExampleKernel] = Catalog(
    Text("kernel"),
    ExampleKernel(
        key="vertical",
        title=Text("Vertical edges (Sobel)"),
        help=Text("Large where it gets brighter from left to right."),
        rows=((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    ),
    ExampleKernel(
        key="horizontal",
        title=Text("Horizontal edges (Sobel)"),
        help=Text("Large where it gets brighter from top to bottom."),
        rows=((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    ),
    ExampleKernel(
        key="edges",
        title=Text("All edges (Laplace)"),
        help=Text("Zero where nothing changes, large at every edge."),
        rows=((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    ),
    ExampleKernel(
        key="blur",
        title=Text("Blur (mean)"),
        help=Text("The mean of nine pixels."),
        rows=((1, 1, 1), (1, 1, 1), (1, 1, 1)),
        divisor=9,
    ),
    ExampleKernel(
        key="sharpen",
        title=Text("Sharpen"),
        help=Text("The pixel five times, less its four neighbours."),
        rows=((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    ),
    ExampleKernel(
        key="emboss",
        title=Text("Emboss"),
        help=Text("As if lit from the top left."),
        rows=((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
    ),
    ExampleKernel(
        key="identity",
        title=Text("Identity"),
        help=Text("Gives the pixel back."),
        rows=((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    ),
)


@dataclass(frozen=True)
class WindowGeometry:
    """The geometry of a layer's sliding window, as (height, width): kernel, stride, dilation, padding before and after the image."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]
    is_ceil: bool = False

    @property
    def window(self) -> tuple[int, int]:
        """The sides of the window, dilation included."""
        height, width = (d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True))
        return height, width


def has_window(facts: LayerFacts) -> bool:
    """True for a convolution or pooling that fits."""
    return facts.output is not None and facts.kind in (*CONVOLUTIONS, *POOLINGS)


def fits_window(sides: tuple[int, int]) -> bool:
    """True where an example kernel, 3 x 3, fits into a window of these sides."""
    return min(sides) >= 3


def geometry_of(facts: LayerFacts) -> WindowGeometry:
    """Return the geometry of the window of a convolution or pooling."""
    assert facts.input is not None
    arguments = LAYERS[facts.kind].arguments(facts.layer.params, facts.input)
    kernel, stride, dilation = (_pair(arguments.get(key, 1)) for key in ("kernel_size", "stride", "dilation"))
    if arguments.get("padding", 0) == SAME:
        height, width = (d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
        before, after = (height // 2, width // 2), (height - height // 2, width - width // 2)
    else:
        before = after = _pair(arguments.get("padding", 0))
    return WindowGeometry(kernel, stride, dilation, before, after, bool(arguments.get("ceil_mode")))


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)
