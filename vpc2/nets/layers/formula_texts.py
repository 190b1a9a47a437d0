"""The formulas that the page shows for a layer: in symbols and with the layer's own numbers, both as plain arithmetic.

Symbols are the lecture's letters: n side, f filter, p padding, s stride, n_C channels, n_f filters; `SYMBOLS` explains them all.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from vpc2.nets.layers.shape_rules import SAME, Params, Shape, position_count, side_params, sides_of, value_count
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
    "n_H": Text("height that comes in"),
    "n_W": Text("width that comes in"),
    "f": Text("side of the filter"),
    "f_H": Text("height of the filter"),
    "f_W": Text("width of the filter"),
    "p": Text("padding"),
    "s": Text("stride"),
    "d": Text("dilation"),
    "o": Text("extra border"),
    "n_C": Text("channels that come in"),
    "g": Text("groups"),
    "z": Text("scale"),
    "n_f": Text("filters"),
    "m": Text("filters a channel"),
    "u": Text("units"),
    "h": Text("height"),
    "w": Text("width"),
    "r": Text("receptive field before"),
    "R": Text("receptive field"),
    "j": Text("jump before"),
    "q": Text("window"),
    "t": Text("parameters"),
    "b": Text("position of the first unit's field"),
}


class Formula(NamedTuple):
    """A formula in symbols and with numbers, both as plain arithmetic: `floor((n - f + 2*p)/s) + 1`; `result` is its value."""

    quantity: Text
    symbolic: str
    numeric: str
    result: int | float

    @property
    def text(self) -> Text:
        """Return the numbers and their result, the result as each language writes it."""
        spec = ":,}" if isinstance(self.result, int) else ":,.6g}"
        return Verbatim(self.numeric + " = {n" + spec).fill(n=self.result)


def symbols_in(formula: str) -> list[str]:
    """Return the keys of `SYMBOLS` that occur in a symbolic formula, in order; the numbered `n_C1` counts as `n_C`."""
    names = (re.sub(r"\d+$", "", name) for name in re.findall(r"[A-Za-z]\w*", formula))
    return [name for name in dict.fromkeys(names) if name in SYMBOLS]


def _each_side(shape: Shape, out: Shape, p: Params) -> list[tuple[Text, int, int, Params]]:
    """Return (name, input side, output side, parameters) once where height and width are alike, else for each of them."""
    height_p, width_p = side_params(p)
    if height_p == width_p and shape[1] == shape[2]:
        return [(SIDE, shape[1], out[1], height_p)]
    return [(HEIGHT, shape[1], out[1], height_p), (WIDTH, shape[2], out[2], width_p)]


def side_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of the output side of a convolution or pooling: one where the sides are alike, else height and width."""
    formulas = []
    for name, side, result, side_p in _each_side(shape, out, p):
        dilation, kernel, padding, stride = side_p.get("dilation", 1), side_p["kernel_size"], side_p["padding"], side_p["stride"]
        if padding == SAME:
            formulas.append(Formula(name, "n", f"{side}", result))
            continue
        window = f"{kernel}" if dilation == 1 else f"({dilation}*({kernel} - 1) + 1)"
        symbol = "f" if dilation == 1 else "(d*(f - 1) + 1)"
        rounding = "ceil" if side_p.get("ceil_mode") else "floor"
        # A window that would begin in the right padding is dropped (torch.nn.MaxPool2d, ceil_mode).
        is_dropped = rounding == "ceil" and -(-(side - kernel + 2 * padding) // stride) + 1 > result
        last = " - 1" if is_dropped else ""
        symbolic = f"{rounding}((n - {symbol} + 2*p)/s) + 1{last}"
        formulas.append(Formula(name, symbolic, f"{rounding}(({side} - {window} + 2*{padding})/{stride}) + 1{last}", result))
    return tuple(formulas)


def _filter_area(p: Params) -> tuple[str, str]:
    """Return the area of a filter in symbols and in numbers."""
    height, width = sides_of(p["kernel_size"])
    return "f*f" if height == width else "f_H*f_W", f"{height}*{width}"


def _bias(p: Params, symbol: str, count: int | str) -> tuple[str, str]:
    """Return the summand of the biases in symbols and in numbers, empty without biases."""
    return (f" + {symbol}", f" + {count}") if p["bias"] else ("", "")


def convolution_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formulas of a convolution's sides, channels and parameters."""
    filters, groups = p["out_channels"], p["groups"]
    symbol, per_group = ("n_C", f"{shape[0]}") if groups == 1 else ("(n_C/g)", f"({shape[0]}/{groups})")
    (bias_symbol, bias), (area_symbol, area) = _bias(p, "n_f", filters), _filter_area(p)
    return (
        *side_formulas(p, shape, out, params),
        Formula(CHANNELS, "n_f", f"{filters}", filters),
        Formula(PARAMS, f"{area_symbol}*{symbol}*n_f{bias_symbol}", f"{area}*{per_group}*{filters}{bias}", params),
    )


def depthwise_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formulas of a depthwise convolution's sides, channels and parameters: `multiplier` filters for each channel."""
    multiplier = p["multiplier"]
    (bias_symbol, bias), (area_symbol, area) = _bias(p, "n_C*m", f"{shape[0]}*{multiplier}"), _filter_area(p)
    return (
        *side_formulas(p, shape, out, params),
        Formula(CHANNELS, "n_C*m", f"{shape[0]}*{multiplier}", out[0]),
        Formula(PARAMS, f"{area_symbol}*n_C*m{bias_symbol}", f"{area}*{shape[0]}*{multiplier}{bias}", params),
    )


def pointwise_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of a 1 x 1 convolution's parameters."""
    bias_symbol, bias = _bias(p, "n_f", p["out_channels"])
    return (Formula(PARAMS, f"1*1*n_C*n_f{bias_symbol}", f"1*1*{shape[0]}*{p['out_channels']}{bias}", params),)


def transposed_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formulas of a transposed convolution's sides, channels and parameters."""
    sides = tuple(
        Formula(
            name,
            "(n - 1)*s - 2*p + d*(f - 1) + 1 + o",
            f"({side} - 1)*{side_p['stride']} - 2*{side_p['padding']} + {side_p['dilation']}*({side_p['kernel_size']} - 1) + 1"
            f" + {side_p['output_padding']}",
            result,
        )
        for name, side, result, side_p in _each_side(shape, out, p)
    )
    return (*sides, *convolution_formulas({**p, "padding": SAME}, shape, shape, params)[-2:])


def upsampling_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of the output side of upsampling."""
    return tuple(Formula(name, "z*n", f"{p['scale_factor']}*{side}", result) for name, side, result, _p in _each_side(shape, out, p))


def dense_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of a dense layer's parameters."""
    units = p["out_features"]
    bias_symbol, bias = _bias(p, "u", units)
    return (Formula(PARAMS, f"n*u{bias_symbol}", f"{shape[0]}*{units}{bias}", params),)


def _all_values(shape: Shape) -> tuple[str, str]:
    """Return the number of values of an input in symbols and in numbers."""
    return "h*w*n_C" if len(shape) == 3 else "n", "*".join(str(n) for n in (*shape[1:], shape[0]))


def flat_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of the length of a flattened image."""
    return (Formula(LENGTH, *_all_values(shape), out[0]),) if len(shape) == 3 else ()


def norm_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of a normalisation's parameters: a scale and a shift for each channel."""
    return (Formula(PARAMS, "2*n_C" if len(shape) == 3 else "2*n", f"2*{shape[0]}", params),) if params else ()


def layer_norm_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return the formula of layer normalisation's parameters: a scale and a shift for each value."""
    symbolic, numeric = _all_values(shape)
    return (Formula(PARAMS, f"2*{symbolic}", f"2*{numeric}", params),) if params else ()


def sum_formulas(p: Params, shape: Shape, outs: tuple[Shape, ...], out: Shape) -> tuple[Formula, ...]:
    """Return the formula of the channels, or of the length, of a concatenation."""
    quantity, symbol = (CHANNELS, "n_C") if len(out) == 3 else (LENGTH, "n")
    symbolic = " + ".join(f"{symbol}{i}" for i in range(1, len(outs) + 1))
    return (Formula(quantity, symbolic, " + ".join(str(branch[0]) for branch in outs), out[0]),)


def no_formulas(p: Params, shape: Shape, out: Shape, params: int) -> tuple[Formula, ...]:
    """Return no formulas."""
    return ()


def _output_channels(p: Params) -> str:
    """Return the symbol of the channels of an output."""
    return "n_f" if "out_channels" in p else "n_C*m" if "multiplier" in p else "n_C"


def cost_formulas(p: Params, shape: Shape, out: Shape, params: int, macs: int) -> tuple[Formula, ...]:
    """Return the formulas of a layer's costs: multiply-adds (see `shape_rules`) where it has parameters, and memory of its output."""
    if len(out) == 3:
        memory = Formula(MEMORY, f"{BYTES}*h*w*{_output_channels(p)}", f"{BYTES}*{out[1]}*{out[2]}*{out[0]}", BYTES * value_count(out))
    else:
        memory = Formula(MEMORY, f"{BYTES}*u", f"{BYTES}*{out[0]}", BYTES * value_count(out))
    if not params:
        return (memory,)
    if macs == params:
        return (Formula(MACS, "t", f"{params}", macs), memory)
    if macs == params * position_count(out):
        return (Formula(MACS, "t*h*w", f"{params}*{out[1]}*{out[2]}", macs), memory)
    # A transposed convolution: its weights are multiplied once for each input position.
    symbol, positions = "n*n" if shape[1] == shape[2] else "n_H*n_W", f"{shape[1]}*{shape[2]}"
    if not p["bias"]:
        return (Formula(MACS, f"t*{symbol}", f"{params}*{positions}", macs), memory)
    filters = p["out_channels"]
    numeric = f"({params} - {filters})*{positions} + {filters}*{out[1]}*{out[2]}"
    return (Formula(MACS, f"(t - n_f)*{symbol} + n_f*h*w", numeric, macs), memory)


def field_formulas(p: Params, window: Window, size: Fraction | int, jump: Fraction | int, start: Fraction | int) -> tuple[Formula, ...]:
    """Return the formulas of the receptive field behind a window (Araujo and others, 2019); `size`, `jump`, `start` are those before it."""
    field, first, step = size + (window.size - 1) * jump, start + window.start * jump, jump * window.step
    field_text, jump_text = _n(field), _n(jump)
    is_filter = type(window) is Window and "kernel_size" in p and p.get("dilation", 1) in (1, [1, 1])
    return (
        Formula(FIELD, f"r + ({'f' if is_filter else 'q'} - 1)*j", f"{_n(size)} + ({window.size} - 1)*{jump_text}", _whole(field)),
        Formula(JUMP, "j*s", f"{jump_text}*{_n(window.step)}", _whole(step)),
        Formula(CENTRE, "b + (R - 1)/2", f"{_n(first)} + ({field_text} - 1)/2", _half(2 * first + field - 1)),
    )


def _whole(value: Fraction | int) -> int | float:
    return value if isinstance(value, int) else value.numerator if value.denominator == 1 else float(value)


def _half(value: Fraction | int) -> int | float:
    return _whole(Fraction(value, 2)) if not isinstance(value, int) else value / 2 if value % 2 else value // 2


def _n(value: Fraction | int) -> str:
    whole = _whole(value)
    text = str(whole) if isinstance(whole, int) else f"{whole:.6g}"
    return f"({text})" if whole < 0 else text
