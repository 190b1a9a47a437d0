"""The arithmetic of layers: shapes, parameters, multiply-adds and windows, in whole numbers and without torch.

A shape is (C, H, W) for a picture and (N,) for a vector. Rules raise `Misfit` when a layer cannot take what comes in.
Sizes follow torch.nn's documentation; multiply-adds are counted as torchinfo counts them: every weight and bias of a
convolution once for each position of its output, those of any other layer once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from vpc2.words import Text

Shape = tuple[int, ...]
Params = dict[str, Any]

_TOO_LARGE = Text(
    "A window of {window:,} does not fit into {side:,} pixels with a padding of {padding:,}: {side:,} + "
    "2*{padding:,} = {padded:,} is less than "
    "{window:,}. A kernel of at most {most:,} fits.",
    "Una ventana de {window:,} no entra en {side:,} píxeles con un relleno de {padding:,}: {side:,} + "
    "2*{padding:,} = {padded:,} es menos que "
    "{window:,}. Entra un núcleo de {most:,} como máximo.",
)
_NONE_FITS = Text(
    "A window of {window:,} does not fit into {side:,} pixels with a padding of {padding:,}: {side:,} + "
    "2*{padding:,} = {padded:,} is less than {window:,}.",
    "Una ventana de {window:,} no entra en {side:,} píxeles con un relleno de {padding:,}: {side:,} + "
    "2*{padding:,} = {padded:,} es menos que {window:,}.",
)
_WIDE_PADDING = Text(
    "The padding of a pooling layer may be at most half its window: {padding:,} is more than {window:,}/2.",
    "El relleno de una capa de pooling puede ser como máximo la mitad de su ventana: {padding:,} es más que {window:,}/2.",
)
_GROUPS = Text(
    "{groups:,} groups do not divide {channels:,} channels: {channels:,} / {groups:,} is not whole.",
    "{groups:,} grupos no dividen {channels:,} canales: {channels:,} / {groups:,} no es entero.",
)
_NEEDS_PICTURE = Text(
    "This layer needs a picture (channels, height, width) and gets a vector of {length:,}: move it before the Flatten.",
    "Esta capa necesita una imagen (canales, alto, ancho) y recibe un vector de {length:,}: hay que moverla antes del Flatten.",
)
_NEEDS_VECTOR = Text(
    "A dense layer needs a vector and gets a picture of {height:,} × {width:,} × {channels:,}: insert a Flatten, which makes it "
    "{height:,}*{width:,}*{channels:,} = {length:,}.",
    "Una capa densa necesita un vector y recibe una imagen de {height:,} × {width:,} × {channels:,}: hay que "
    "insertar un Flatten, que la vuelve "
    "{height:,}*{width:,}*{channels:,} = {length:,}.",
)
_SET = Text("Set {what} to {value:,}", "Poner {what} en {value:,}")
_INSERT_FLATTEN = Text("Insert Flatten", "Insertar Flatten")
_REMOVE = Text("Remove this layer", "Quitar esta capa")
_WHAT = {
    "kernel_size": Text("the kernel", "el núcleo"),
    "padding": Text("the padding", "el relleno"),
    "groups": Text("the groups", "los grupos"),
    "dilation": Text("the dilation", "la dilatación"),
}
LARGEST_PADDING = 256
_SIDE, _PARAMS, _LENGTH = Text("Output side", "Lado de salida"), Text("Parameters", "Parámetros"), Text("Length", "Longitud")
SYMBOLS = {
    "n": Text("side or numbers that come in", "lado o números que entran"),
    "k": Text("kernel", "núcleo"),
    "p": Text("padding", "relleno"),
    "s": Text("stride", "paso"),
    "d": Text("dilation", "dilatación"),
    "c": Text("channels that come in", "canales que entran"),
    "g": Text("groups", "grupos"),
    "f": Text("filters", "filtros"),
    "u": Text("units", "unidades"),
    "h": Text("height", "alto"),
    "w": Text("width", "ancho"),
}


@dataclass(frozen=True)
class Mend:
    """A repair as data: set a parameter of the layer, insert a layer before it, or remove it."""

    title: Text
    action: str  # "set", "insert" or "remove"
    key: str = ""
    value: Any = None


class Misfit(Exception):
    """A layer cannot take the shape that comes in; `text` shows the arithmetic, `mends` what would fit."""

    def __init__(self, text: Text, mends: tuple[Mend, ...] = ()):
        super().__init__(text.en)
        self.text, self.mends = text, mends


def setting(key: str, value: int) -> Mend:
    """Return the repair that sets one parameter."""
    return Mend(_SET.fill(what=_WHAT[key], value=value), "set", key, value)


def removing() -> Mend:
    """Return the repair that takes the layer away."""
    return Mend(_REMOVE, "remove")


@dataclass(frozen=True)
class Window:
    """What one output value looks at along one side: `size` input values, the next output `step` further on."""

    size: int
    step: Fraction


def positions(shape: Shape) -> int:
    """Return how many places a shape has: H*W of a picture, 1 of a vector."""
    return shape[1] * shape[2] if len(shape) == 3 else 1


def values(shape: Shape) -> int:
    """Return how many numbers a shape holds."""
    return math.prod(shape)


def window_side(side: int, p: Params, *, is_pooling: bool) -> int:
    """Return the output side of a convolution or pooling: floor((side - (d*(k - 1) + 1) + 2*padding)/stride) + 1.

    With `ceil_mode` the division rounds up, but a window that would begin in the right padding is dropped (torch.nn.MaxPool2d).
    """
    kernel, stride, padding, dilation = p["kernel_size"], p["stride"], p["padding"], p.get("dilation", 1)
    window = dilation * (kernel - 1) + 1
    if is_pooling and 2 * padding > kernel:
        raise Misfit(_WIDE_PADDING.fill(padding=padding, window=kernel), (setting("padding", kernel // 2),))
    room = side + 2 * padding - window
    ceil = p.get("ceil_mode", False)
    out = (room + (stride - 1 if ceil else 0)) // stride + 1
    if ceil and (out - 1) * stride >= side + padding:
        out -= 1
    if room < 0 and not (ceil and out >= 1) or out < 1:
        raise _too_large(side, window, kernel, padding, dilation, is_pooling)
    return out


def _too_large(side: int, window: int, kernel: int, padding: int, dilation: int, is_pooling: bool) -> Misfit:
    most = (side + 2 * padding - 1) // dilation + 1
    mends = []
    if 1 <= most < kernel and not (is_pooling and 2 * padding > most):
        mends.append(setting("kernel_size", most))
    if dilation > 1:
        mends.append(setting("dilation", 1))
    wanted = math.ceil((window - side) / 2)
    if wanted <= (kernel // 2 if is_pooling else LARGEST_PADDING):
        mends.append(setting("padding", wanted))
    values_ = {"window": window, "side": side, "padding": padding, "padded": side + 2 * padding}
    text = _TOO_LARGE.fill(most=most, **values_) if most >= 1 else _NONE_FITS.fill(**values_)
    return Misfit(text, (*mends, removing()))


def need_picture(shape: Shape) -> None:
    """Raise `Misfit` unless `shape` is a picture's."""
    if len(shape) != 3:
        raise Misfit(_NEEDS_PICTURE.fill(length=shape[0]), (removing(),))


def convolution(p: Params, shape: Shape) -> Shape:
    """Return (out_channels, H', W'). Raises `Misfit` for a window too large or groups that do not divide."""
    need_picture(shape)
    for channels in (shape[0], p["out_channels"]):
        if channels % p["groups"]:
            fits = math.gcd(math.gcd(shape[0], p["out_channels"]), p["groups"])
            raise Misfit(_GROUPS.fill(groups=p["groups"], channels=channels), (setting("groups", fits),))
    return (p["out_channels"], *(window_side(side, p, is_pooling=False) for side in shape[1:]))


def pooling(p: Params, shape: Shape) -> Shape:
    """Return (C, H', W') of max or average pooling."""
    need_picture(shape)
    return (shape[0], *(window_side(side, p, is_pooling=True) for side in shape[1:]))


def adaptive(p: Params, shape: Shape) -> Shape:
    """Return (C, n, n): adaptive pooling gives the size it is asked for."""
    need_picture(shape)
    return (shape[0], p["output_size"], p["output_size"])


def global_pooling(p: Params, shape: Shape) -> Shape:
    """Return (C,): one mean a channel, already flat."""
    need_picture(shape)
    return (shape[0],)


def same(p: Params, shape: Shape) -> Shape:
    """Return the shape unchanged."""
    return shape


def same_picture(p: Params, shape: Shape) -> Shape:
    """Return a picture's shape unchanged."""
    need_picture(shape)
    return shape


def flat(p: Params, shape: Shape) -> Shape:
    """Return (C*H*W,)."""
    return (values(shape),)


def dense(p: Params, shape: Shape) -> Shape:
    """Return (out_features,). Raises `Misfit` on a picture, with a Flatten as repair."""
    if len(shape) == 3:
        channels, height, width = shape
        raise Misfit(
            _NEEDS_VECTOR.fill(channels=channels, height=height, width=width, length=values(shape)),
            (Mend(_INSERT_FLATTEN, "insert", "Flatten"),),
        )
    return (p["out_features"],)


def convolution_params(p: Params, shape: Shape) -> int:
    """Return k*k*(C/groups)*out + out biases."""
    return p["kernel_size"] ** 2 * (shape[0] // p["groups"]) * p["out_channels"] + (p["out_channels"] if p["bias"] else 0)


def dense_params(p: Params, shape: Shape) -> int:
    """Return in*out + out biases."""
    return shape[0] * p["out_features"] + (p["out_features"] if p["bias"] else 0)


def norm_params(p: Params, shape: Shape) -> int:
    """Return a scale and a shift for each channel, if they are learned."""
    return 2 * shape[0] if p["affine"] else 0


def no_params(p: Params, shape: Shape) -> int:
    """Return 0."""
    return 0


def sliding(p: Params, shape: Shape) -> Window:
    """Return the window of a convolution or pooling, dilation included."""
    return Window(p.get("dilation", 1) * (p["kernel_size"] - 1) + 1, Fraction(p["stride"]))


def adapting(p: Params, shape: Shape) -> Window:
    """Return the widest window of adaptive pooling: from floor(i*n/m) to ceil((i + 1)*n/m)."""
    m = p["output_size"]
    widest = max(-((-(i + 1) * n) // m) - i * n // m for n in set(shape[1:]) for i in range(m))
    return Window(widest, Fraction(max(shape[1:]), m))


def covering(p: Params, shape: Shape) -> Window:
    """Return the window of a layer that looks at the whole picture."""
    side = max(shape[1:]) if len(shape) == 3 else 1
    return Window(side, Fraction(side))


@dataclass(frozen=True)
class Formula:
    """A formula in symbols and with today's numbers, both as plain arithmetic: `floor((n - k + 2*p)/s) + 1`."""

    what: Text
    law: str
    numbers: str
    result: int

    @property
    def text(self) -> Text:
        """Return the numbers and what they come to, the result written as each language writes it."""
        return Text(self.numbers + " = {n:,}", self.numbers + " = {n:,}").fill(n=self.result)


def side_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of each different side with today's numbers."""
    said = []
    for side, result in dict.fromkeys(zip(shape[1:], out[1:], strict=True)):
        dilation, kernel, padding, stride = p.get("dilation", 1), p["kernel_size"], p["padding"], p["stride"]
        window = f"{kernel}" if dilation == 1 else f"({dilation}*({kernel} - 1) + 1)"
        symbol = "k" if dilation == 1 else "(d*(k - 1) + 1)"
        rounding = "ceil" if p.get("ceil_mode") else "floor"
        # A window that would begin in the right padding is dropped (torch.nn.MaxPool2d, ceil_mode).
        is_dropped = rounding == "ceil" and -(-(side - kernel + 2 * padding) // stride) + 1 > result
        last = " - 1" if is_dropped else ""
        law = f"{rounding}((n - {symbol} + 2*p)/s) + 1{last}"
        said.append(Formula(_SIDE, law, f"{rounding}(({side} - {window} + 2*{padding})/{stride}) + 1{last}", result))
    return tuple(said)


def convolution_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formulas of a convolution's sides and of its parameters."""
    kernel, filters, groups = p["kernel_size"], p["out_channels"], p["groups"]
    symbol, per_group = ("c", f"{shape[0]}") if groups == 1 else ("(c/g)", f"({shape[0]}/{groups})")
    law, bias = (" + f", f" + {filters}") if p["bias"] else ("", "")
    return (
        *side_formulas(p, shape, out, params),
        Formula(_PARAMS, f"k*k*{symbol}*f{law}", f"{kernel}*{kernel}*{per_group}*{filters}{bias}", params),
    )


def dense_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of a dense layer's parameters."""
    units = p["out_features"]
    law, bias = (" + u", f" + {units}") if p["bias"] else ("", "")
    return (Formula(_PARAMS, f"n*u{law}", f"{shape[0]}*{units}{bias}", params),)


def flat_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the product that a flat vector's length is."""
    return (Formula(_LENGTH, "h*w*c", "*".join(str(n) for n in (*shape[1:], shape[0])), out[0]),) if len(shape) == 3 else ()


def norm_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of a normalisation's parameters."""
    return (Formula(_PARAMS, "2*c", f"2*{shape[0]}", params),) if params else ()


def no_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return nothing: the layer has no numbers to show."""
    return ()


def largest_that_fits(fits: Callable[[int], bool], value: int, high: int) -> int:
    """Return the largest whole number from `value` to `high` up to which `fits` holds without a gap."""
    while value < high and fits(value + 1):
        value += 1
    return value
