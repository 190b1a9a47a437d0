"""The arithmetic of layers: shapes and parameters, in whole numbers and without torch.

A shape is (C, H, W) for a picture and (N,) for a vector. Rules raise `Misfit` when a layer cannot take what comes in.
Sizes follow torch.nn's documentation. Multiply-adds are counted as torchinfo counts them: every weight and bias of a convolution
once for each position of its output, those of any other layer once. The weights of a transposed convolution are multiplied once for
each position of its input, and so counted, as torch's own flop counter does (torchinfo takes its output, stride*stride as many).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from vpc2.text import Plural, Text

Shape = tuple[int, ...]
Params = dict[str, Any]

SAME = "same"
LARGEST_PADDING = 256

_TOO_LARGE = Text(
    "A window of {window:,} does not fit into {side:,} pixels with a padding of {padding:,}: {side:,} + "
    "2*{padding:,} = {padded:,} is less than "
    "{window:,}. A kernel of at most {most:,} fits."
)
_NONE_FITS = Text(
    "A window of {window:,} does not fit into {side:,} pixels with a padding of {padding:,}: {side:,} + "
    "2*{padding:,} = {padded:,} is less than {window:,}."
)
_WIDE_PADDING = Text("The padding of a pooling layer may be at most half its window: {padding:,} is more than {window:,}/2.")
_SAME_STRIDE = Text("A padding of “same” keeps the sides, and a stride of {stride:,} would shrink them: it needs a stride of 1.")
_GROUPS = Plural(
    "{groups:,} groups do not divide {channels:,} channel: {channels:,} / {groups:,} is not whole.",
    "{groups:,} groups do not divide {channels:,} channels: {channels:,} / {groups:,} is not whole.",
    count="channels",
)
_LONE_GROUP = Text("With {groups:,} groups each would hold a single number, and there is nothing to normalise in it.")
_NEEDS_PICTURE = Text("This layer needs a picture (channels, height, width) and gets a vector of {length:,}: move it before the Flatten.")
_NEEDS_VECTOR = Text(
    "A dense layer needs a vector and gets a picture of {height:,} × {width:,} × {channels:,}: insert a Flatten, which makes it "
    "{height:,}*{width:,}*{channels:,} = {length:,}."
)
_EXPECTS = Text("This layer expects {wanted:,} {what} and gets {found:,}.")
_OUT_PADDING = Text("The extra border of {extra:,} must be smaller than the stride or the dilation ({most:,}).")
_NOTHING_LEFT = Text(
    "With a padding of {padding:,} nothing is left of the picture: "
    "({side:,} - 1)*{stride:,} - 2*{padding:,} + {window:,} + {extra:,} = {out:,}."
)
CHANNELS, NUMBERS = Plural("channel", "channels"), Plural("number", "numbers")
_SET = Text("Set {what} to {value}")
_KEEP = Text("Set the padding to {value}: keeps {sides}")
_CHANGE = Text("Change it to {value:,}")
_INSERT_FLATTEN = Text("Insert Flatten")
_REMOVE = Text("Remove this layer")
_WHAT = {
    "kernel_size": Text("the kernel"),
    "padding": Text("the padding"),
    "stride": Text("the stride"),
    "groups": Text("the groups"),
    "num_groups": Text("the groups"),
    "dilation": Text("the dilation"),
    "output_padding": Text("the extra border"),
    "expects": Text("what it expects"),
}


@dataclass(frozen=True)
class Mend:
    """A repair as data: "set" a parameter of the layer, "insert" a layer before it, "remove" it, or "keep" the sides inside a block."""

    title: Text
    action: str
    key: str = ""
    value: Any = None


class Misfit(Exception):
    """A layer cannot take the shape that comes in; `text` shows the arithmetic, `mends` what would fit."""

    def __init__(self, text: Text, mends: tuple[Mend, ...] = ()):
        super().__init__(text.en)
        self.text, self.mends = text, mends


def setting(key: str, value: Any) -> Mend:
    """Return the repair that sets one parameter."""
    shown = " × ".join(map(str, value)) if isinstance(value, list) else value
    return Mend(_SET.fill(what=_WHAT[key], value=shown), "set", key, value)


def removing() -> Mend:
    """Return the repair that takes the layer away."""
    return Mend(_REMOVE, "remove")


def sides_of(value: int | list[int]) -> tuple[int, int]:
    """Return a parameter for (height, width): one number stands for both."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def side_params(p: Params) -> tuple[Params, Params]:
    """Return a window's parameters for the height and for the width, each of whole numbers; "same" padding stays a word."""
    if list not in map(type, p.values()):
        return p, p
    split = [{key: value[i] if isinstance(value, list) else value for key, value in p.items()} for i in (0, 1)]
    return split[0], split[1]


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
    if padding == SAME:
        return side
    if is_pooling and 2 * padding > kernel:
        raise Misfit(_WIDE_PADDING.fill(padding=padding, window=kernel), (setting("padding", kernel // 2),))
    room = side + 2 * padding - window
    ceil = p.get("ceil_mode", False)
    out = (room + (stride - 1 if ceil else 0)) // stride + 1
    if ceil and (out - 1) * stride >= side + padding:
        out -= 1
    if room < 0 and not (ceil and out >= 1) or out < 1:
        raise _too_large(side, window, kernel, padding, dilation, stride, is_pooling)
    return out


def _too_large(side: int, window: int, kernel: int, padding: int, dilation: int, stride: int, is_pooling: bool) -> Misfit:
    most = (side + 2 * padding - 1) // dilation + 1
    mends = []
    if 1 <= most < kernel and not (is_pooling and 2 * padding > most):
        mends.append(setting("kernel_size", most))
    if dilation > 1:
        mends.append(setting("dilation", 1))
    highest = kernel // 2 if is_pooling else LARGEST_PADDING
    keeping, wanted = (window - 1) // 2, math.ceil((window - side) / 2)
    if stride == 1 and window % 2 and keeping <= highest:
        mends.append(Mend(_KEEP.fill(value=keeping, sides=side), "set", "padding", keeping))
    elif wanted <= highest:
        mends.append(setting("padding", wanted))
    values_ = {"window": window, "side": side, "padding": padding, "padded": side + 2 * padding}
    text = _TOO_LARGE.fill(most=most, **values_) if most >= 1 else _NONE_FITS.fill(**values_)
    return Misfit(text, (*mends, removing()))


def window_sides(shape: Shape, p: Params, *, is_pooling: bool) -> tuple[int, int]:
    """Return the output's height and width under a window; see `window_side`."""
    if p["padding"] == SAME and p["stride"] != 1:
        stride = max(sides_of(p["stride"]))
        kept = [(d * (k - 1)) // 2 for k, d in zip(sides_of(p["kernel_size"]), sides_of(p.get("dilation", 1)), strict=True)]
        number = kept[0] if kept[0] == kept[1] else kept
        raise Misfit(_SAME_STRIDE.fill(stride=stride), (setting("stride", 1), setting("padding", number)))
    high, wide = side_params(p)
    return window_side(shape[1], high, is_pooling=is_pooling), window_side(shape[2], wide, is_pooling=is_pooling)


def need_picture(shape: Shape) -> None:
    """Raise `Misfit` unless `shape` is a picture's."""
    if len(shape) != 3:
        raise Misfit(_NEEDS_PICTURE.fill(length=shape[0]), (removing(),))


def need_expected(p: Params, shape: Shape, what: Text = CHANNELS) -> None:
    """Raise `Misfit` where a layer says what it expects (0: whatever comes in) and gets something else."""
    wanted = p["expects"]
    if wanted and wanted != shape[0]:
        raise Misfit(
            _EXPECTS.fill(wanted=wanted, found=shape[0], what=what.fill(n=wanted)),
            (Mend(_CHANGE.fill(value=shape[0]), "set", "expects", shape[0]),),
        )


def need_divisible(groups: int, channels: int, key: str = "groups", other: int = 0) -> None:
    """Raise `Misfit` unless `groups` divide the channels (and those of `other`, where the repair must fit both)."""
    if channels % groups:
        raise Misfit(_GROUPS.fill(groups=groups, channels=channels), (setting(key, math.gcd(math.gcd(channels, other), groups)),))


def convolution(p: Params, shape: Shape) -> Shape:
    """Return (out_channels, H', W'). Raises `Misfit` for a window too large or groups that do not divide."""
    need_picture(shape)
    need_expected(p, shape)
    need_divisible(p["groups"], shape[0], other=p["out_channels"])
    need_divisible(p["groups"], p["out_channels"], other=shape[0])
    return (p["out_channels"], *window_sides(shape, p, is_pooling=False))


def depthwise(p: Params, shape: Shape) -> Shape:
    """Return (C*multiplier, H', W'): every channel has filters of its own."""
    need_picture(shape)
    return (shape[0] * p["multiplier"], *window_sides(shape, p, is_pooling=False))


def pointwise(p: Params, shape: Shape) -> Shape:
    """Return (out_channels, H, W)."""
    need_picture(shape)
    return (p["out_channels"], *shape[1:])


def transposed(p: Params, shape: Shape) -> Shape:
    """Return (out_channels, H', W') with H' = (H - 1)*stride - 2*padding + d*(k - 1) + 1 + output_padding (torch.nn.ConvTranspose2d)."""
    need_picture(shape)
    need_divisible(p["groups"], shape[0], other=p["out_channels"])
    need_divisible(p["groups"], p["out_channels"], other=shape[0])
    return (p["out_channels"], *(_transposed_side(side, one) for side, one in zip(shape[1:], side_params(p), strict=True)))


def _transposed_side(side: int, p: Params) -> int:
    stride, padding, extra, dilation = p["stride"], p["padding"], p["output_padding"], p["dilation"]
    most = max(stride, dilation)
    if extra >= most:
        raise Misfit(_OUT_PADDING.fill(extra=extra, most=most), (setting("output_padding", most - 1),))
    window = dilation * (p["kernel_size"] - 1) + 1
    out = (side - 1) * stride - 2 * padding + window + extra
    if out < 1:
        fits = ((side - 1) * stride + window + extra - 1) // 2
        text = _NOTHING_LEFT.fill(padding=padding, side=side, stride=stride, window=window, extra=extra, out=out)
        raise Misfit(text, (setting("padding", fits), removing()))
    return out


def upsampled(p: Params, shape: Shape) -> Shape:
    """Return (C, f*H, f*W)."""
    need_picture(shape)
    return (shape[0], *(side * p["scale_factor"] for side in shape[1:]))


def pooling(p: Params, shape: Shape) -> Shape:
    """Return (C, H', W') of max or average pooling."""
    need_picture(shape)
    return (shape[0], *window_sides(shape, p, is_pooling=True))


def adaptive(p: Params, shape: Shape) -> Shape:
    """Return (C, n, m): adaptive pooling gives the size it is asked for."""
    need_picture(shape)
    return (shape[0], *sides_of(p["output_size"]))


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


def grouped(p: Params, shape: Shape) -> Shape:
    """Return the shape unchanged where the groups divide its channels."""
    groups = p["num_groups"]
    need_divisible(groups, shape[0], "num_groups")
    if values(shape) == groups:  # torch refuses it for a single picture
        raise Misfit(_LONE_GROUP.fill(groups=groups), ((setting("num_groups", 1),) if groups > 1 else ()) + (removing(),))
    return shape


def flat(p: Params, shape: Shape) -> Shape:
    """Return (C*H*W,)."""
    return (values(shape),)


def dense(p: Params, shape: Shape) -> Shape:
    """Return (out_features,). Raises `Misfit` on a picture, with a Flatten as repair, and on another length than it expects."""
    if len(shape) == 3:
        channels, height, width = shape
        raise Misfit(
            _NEEDS_VECTOR.fill(channels=channels, height=height, width=width, length=values(shape)),
            (Mend(_INSERT_FLATTEN, "insert", "Flatten"),),
        )
    need_expected(p, shape, NUMBERS)
    return (p["out_features"],)


def convolution_params(p: Params, shape: Shape) -> int:
    """Return kh*kw*(C/groups)*out + out biases, also of a transposed convolution."""
    high, wide = sides_of(p["kernel_size"])
    return high * wide * (shape[0] // p["groups"]) * p["out_channels"] + (p["out_channels"] if p["bias"] else 0)


def depthwise_params(p: Params, shape: Shape) -> int:
    """Return kh*kw weights, and a bias, for each channel that comes out."""
    high, wide = sides_of(p["kernel_size"])
    return (high * wide + p["bias"]) * shape[0] * p["multiplier"]


def pointwise_params(p: Params, shape: Shape) -> int:
    """Return C*out + out biases."""
    return (shape[0] + p["bias"]) * p["out_channels"]


def dense_params(p: Params, shape: Shape) -> int:
    """Return in*out + out biases."""
    return shape[0] * p["out_features"] + (p["out_features"] if p["bias"] else 0)


def norm_params(p: Params, shape: Shape) -> int:
    """Return a scale and a shift for each channel, if they are learned."""
    return 2 * shape[0] if p["affine"] else 0


def layer_norm_params(p: Params, shape: Shape) -> int:
    """Return a scale and a shift for each value, if they are learned."""
    return 2 * values(shape) if p["elementwise_affine"] else 0


def once(p: Params, shape: Shape, out: Shape, params: int) -> int:
    """Return the multiply-adds of a layer that uses every parameter once."""
    return params


def everywhere(p: Params, shape: Shape, out: Shape, params: int) -> int:
    """Return the multiply-adds of a convolution: every weight and bias once for each position of its output."""
    return params * positions(out)


def transposed_macs(p: Params, shape: Shape, out: Shape, params: int) -> int:
    """Return the multiply-adds of a transposed convolution: weights once for each position that comes in, biases for each that goes out."""
    biases = p["out_channels"] if p["bias"] else 0
    return (params - biases) * positions(shape) + biases * positions(out)


def no_params(p: Params, shape: Shape) -> int:
    """Return 0."""
    return 0
