"""Today's numbers spelled out: each formula in symbols and with the numbers of the layer at hand, both as plain arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from vpc2.nets.layers.shape_rules import SAME, Params, Shape, positions, side_params, sides_of, values
from vpc2.nets.layers.window_rules import Window
from vpc2.text import Text, Verbatim

BYTES = 4  # of one float32

SIDE, HEIGHT, WIDTH = Text("Output side"), Text("Height"), Text("Width")
CHANNELS, LENGTH = Text("Channels"), Text("Length")
PARAMS, MACS = Text("Parameters"), Text("Multiply-adds")
MEMORY = Text("Output in memory (bytes)")
FIELD, JUMP = Text("Receptive field (px)"), Text("Jump (px)")
CENTRE = Text("Centre of the first unit (px)")
SYMBOLS = {
    "n": Text("side or numbers that come in"),
    "k": Text("kernel"),
    "p": Text("padding"),
    "s": Text("stride"),
    "d": Text("dilation"),
    "o": Text("extra border"),
    "c": Text("channels that come in"),
    "g": Text("groups"),
    "z": Text("scale"),
    "f": Text("filters"),
    "m": Text("filters a channel"),
    "u": Text("units"),
    "h": Text("height"),
    "w": Text("width"),
    "r": Text("receptive field before"),
    "j": Text("jump before"),
    "q": Text("window"),
    "t": Text("parameters"),
    "b": Text("position of the first unit's field"),
}


class Formula(NamedTuple):
    """A formula in symbols and with today's numbers, both as plain arithmetic: `floor((n - k + 2*p)/s) + 1`."""

    what: Text
    law: str
    numbers: str
    result: int | float

    @property
    def text(self) -> Text:
        """Return the numbers and what they come to, the result written as each language writes it."""
        spec = ":,}" if isinstance(self.result, int) else ":,.6g}"
        return Verbatim(self.numbers + " = {n" + spec).fill(n=self.result)


def _each_side(shape: Shape, out: Shape, p: Params) -> list[tuple[Text, int, int, Params]]:
    """Return (name, side that comes in, side that goes out, parameters) once where height and width are alike, else twice."""
    high, wide = side_params(p)
    if high == wide and shape[1] == shape[2]:
        return [(SIDE, shape[1], out[1], high)]
    return [(HEIGHT, shape[1], out[1], high), (WIDTH, shape[2], out[2], wide)]


def side_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of the sides with today's numbers: one where they are alike, else height and width."""
    said = []
    for name, side, result, one in _each_side(shape, out, p):
        dilation, kernel, padding, stride = one.get("dilation", 1), one["kernel_size"], one["padding"], one["stride"]
        if padding == SAME:
            said.append(Formula(name, "n", f"{side}", result))
            continue
        window = f"{kernel}" if dilation == 1 else f"({dilation}*({kernel} - 1) + 1)"
        symbol = "k" if dilation == 1 else "(d*(k - 1) + 1)"
        rounding = "ceil" if one.get("ceil_mode") else "floor"
        # A window that would begin in the right padding is dropped (torch.nn.MaxPool2d, ceil_mode).
        is_dropped = rounding == "ceil" and -(-(side - kernel + 2 * padding) // stride) + 1 > result
        last = " - 1" if is_dropped else ""
        law = f"{rounding}((n - {symbol} + 2*p)/s) + 1{last}"
        said.append(Formula(name, law, f"{rounding}(({side} - {window} + 2*{padding})/{stride}) + 1{last}", result))
    return tuple(said)


def _kernel(p: Params) -> tuple[str, str]:
    high, wide = sides_of(p["kernel_size"])
    return "k*k", f"{high}*{wide}"


def _bias(p: Params, symbol: str, count: int | str) -> tuple[str, str]:
    return (f" + {symbol}", f" + {count}") if p["bias"] else ("", "")


def convolution_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formulas of a convolution's sides, channels and parameters."""
    filters, groups = p["out_channels"], p["groups"]
    symbol, per_group = ("c", f"{shape[0]}") if groups == 1 else ("(c/g)", f"({shape[0]}/{groups})")
    (law, bias), (window, kernel) = _bias(p, "f", filters), _kernel(p)
    return (
        *side_formulas(p, shape, out, params),
        Formula(CHANNELS, "f", f"{filters}", filters),
        Formula(PARAMS, f"{window}*{symbol}*f{law}", f"{kernel}*{per_group}*{filters}{bias}", params),
    )


def depthwise_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formulas of a depthwise convolution: as many filters as channels, each looking at its own."""
    times = p["multiplier"]
    (law, bias), (window, kernel) = _bias(p, "c*m", f"{shape[0]}*{times}"), _kernel(p)
    return (
        *side_formulas(p, shape, out, params),
        Formula(CHANNELS, "c*m", f"{shape[0]}*{times}", out[0]),
        Formula(PARAMS, f"{window}*c*m{law}", f"{kernel}*{shape[0]}*{times}{bias}", params),
    )


def pointwise_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of a 1 x 1 convolution's parameters."""
    law, bias = _bias(p, "f", p["out_channels"])
    return (Formula(PARAMS, f"1*1*c*f{law}", f"1*1*{shape[0]}*{p['out_channels']}{bias}", params),)


def transposed_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formulas of a transposed convolution's sides and parameters."""
    sides = tuple(
        Formula(
            name,
            "(n - 1)*s - 2*p + d*(k - 1) + 1 + o",
            f"({side} - 1)*{one['stride']} - 2*{one['padding']} + {one['dilation']}*({one['kernel_size']} - 1) + 1"
            f" + {one['output_padding']}",
            result,
        )
        for name, side, result, one in _each_side(shape, out, p)
    )
    return (*sides, *convolution_formulas({**p, "padding": SAME}, shape, shape, params)[-2:])


def upsampling_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of the sides: each is multiplied."""
    return tuple(Formula(name, "z*n", f"{p['scale_factor']}*{side}", result) for name, side, result, _one in _each_side(shape, out, p))


def dense_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of a dense layer's parameters."""
    units = p["out_features"]
    law, bias = _bias(p, "u", units)
    return (Formula(PARAMS, f"n*u{law}", f"{shape[0]}*{units}{bias}", params),)


def flat_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the product that a flat vector's length is."""
    return (Formula(LENGTH, "h*w*c", "*".join(str(n) for n in (*shape[1:], shape[0])), out[0]),) if len(shape) == 3 else ()


def norm_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of a normalisation's parameters: a scale and a shift a channel."""
    return (Formula(PARAMS, "2*c", f"2*{shape[0]}", params),) if params else ()


def layer_norm_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of layer normalisation's parameters: a scale and a shift a value."""
    law = "2*h*w*c" if len(shape) == 3 else "2*n"
    return (Formula(PARAMS, law, "*".join(["2", *(str(n) for n in (*shape[1:], shape[0]))]), params),) if params else ()


def sum_formulas(p: Params, shape: Shape, outs: tuple[Shape, ...], out: Shape) -> tuple[Formula, ...]:
    """Return the sum of channels that a concatenation is."""
    what = CHANNELS if len(out) == 3 else LENGTH
    return (Formula(what, " + ".join("c" for _ in outs), " + ".join(str(one[0]) for one in outs), out[0]),)


def no_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return nothing: the layer has no numbers to show."""
    return ()


def cost_formulas(p: Params, shape: Shape, out: Shape, params: int, macs: int) -> tuple[Formula, ...]:
    """Return what a layer costs: multiply-adds, counted as `arithmetic.py` says, where it has parameters, and the memory of its output."""
    is_picture = len(out) == 3
    size = f"{out[1]}*{out[2]}*{out[0]}" if is_picture else f"{out[0]}"
    memory = Formula(MEMORY, f"{BYTES}*h*w*c" if is_picture else f"{BYTES}*u", f"{BYTES}*{size}", BYTES * values(out))
    if not params:
        return (memory,)
    if macs == params:
        return (Formula(MACS, "t", f"{params}", macs), memory)
    if macs == params * positions(out):
        return (Formula(MACS, "t*h*w", f"{params}*{out[1]}*{out[2]}", macs), memory)
    came = ("n*n", f"{shape[1]}*{shape[2]}")  # a transposed convolution: its weights are multiplied where something comes in
    if not p["bias"]:
        return (Formula(MACS, f"t*{came[0]}", f"{params}*{came[1]}", macs), memory)
    filters = p["out_channels"]
    numbers = f"({params} - {filters})*{came[1]} + {filters}*{out[1]}*{out[2]}"
    return (Formula(MACS, f"(t - f)*{came[0]} + f*h*w", numbers, macs), memory)


def field_formulas(window: Window, size: Fraction | int, jump: Fraction | int, start: Fraction | int) -> tuple[Formula, ...]:
    """Return how the receptive field (`size`, `jump`, `start` before the layer) grows by its window (Araujo and others, 2019)."""
    grown, first, step = size + (window.size - 1) * jump, start + window.start * jump, jump * window.step
    far, near = _n(grown), _n(jump)
    return (
        Formula(FIELD, "r + (q - 1)*j", f"{_n(size)} + ({window.size} - 1)*{near}", _whole(grown)),
        Formula(JUMP, "j*s", f"{near}*{_n(window.step)}", _whole(step)),
        Formula(CENTRE, "b + (r - 1)/2", f"{_n(first)} + ({far} - 1)/2", _half(2 * first + grown - 1)),
    )


def _whole(value: Fraction | int) -> int | float:
    return value if isinstance(value, int) else value.numerator if value.denominator == 1 else float(value)


def _half(value: Fraction | int) -> int | float:
    return _whole(Fraction(value, 2)) if not isinstance(value, int) else value / 2 if value % 2 else value // 2


def _n(value: Fraction | int) -> str:
    whole = _whole(value)
    written = str(whole) if isinstance(whole, int) else f"{whole:.6g}"
    return f"({written})" if whole < 0 else written
