"""Output shapes, parameter counts and multiply-adds of the layers, in whole numbers and without torch.

A shape is (C, H, W) for an image and (N,) for a vector. A rule raises `ShapeMismatch` where a layer cannot take its input shape.
Sizes follow torch.nn's documentation. Multiply-adds are counted as torchinfo counts them: every weight and bias of a convolution
once for each position of its output, those of any other layer once. The weights of a transposed convolution are counted once for
each position of its input, as torch's own flop counter does (torchinfo counts each position of its output, stride*stride times as
many).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from vpc2.text import Plural, Text

Shape = tuple[int, ...]
Params = dict[str, Any]

SAME = "same"
MAX_PADDING = 256

_TOO_LARGE = Text(
    "A window of {window:,} does not fit into {side:,} pixels with a padding of {padding:,}: {side:,} + "
    "2*{padding:,} = {padded:,} is less than "
    "{window:,}. A kernel of at most {most:,} fits."
)
_NO_KERNEL_FITS = Text(
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
_SET_KNOB = Text("Set {what} to {value}")
_KEEP_SIDES = Text("Set the padding to {value}: keeps {sides}")
_CHANGE = Text("Change it to {value:,}")
_INSERT_FLATTEN = Text("Insert Flatten")
_REMOVE = Text("Remove this layer")
_KNOB_NAMES = {
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
class RepairAction:
    """A repair of a layer as data.

    `action` is "set" (parameter `key` to `value`), "insert" (a layer of kind `key` before it), "remove" (the layer), or "keep"
    (padding inside a block that keeps height and width).
    """

    title: Text
    action: str
    key: str = ""
    value: Any = None


class ShapeMismatch(Exception):
    """A layer cannot take its input shape; `text` shows the arithmetic, `actions` the repairs that may make it fit."""

    def __init__(self, text: Text, actions: tuple[RepairAction, ...] = ()):
        super().__init__(text.en)
        self.text, self.actions = text, actions


def set_action(key: str, value: Any) -> RepairAction:
    """Return the action that sets one parameter of the layer."""
    shown = " × ".join(map(str, value)) if isinstance(value, list) else value
    return RepairAction(_SET_KNOB.fill(what=_KNOB_NAMES[key], value=shown), "set", key, value)


def remove_action() -> RepairAction:
    """Return the action that removes the layer."""
    return RepairAction(_REMOVE, "remove")


def sides_of(value: int | list[int]) -> tuple[int, int]:
    """Return a parameter as (height, width); a single number counts for both."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def side_params(p: Params) -> tuple[Params, Params]:
    """Return the parameters of a window along the height and along the width, each with whole numbers; padding may stay "same"."""
    if list not in map(type, p.values()):
        return p, p
    sides = [{key: value[i] if isinstance(value, list) else value for key, value in p.items()} for i in (0, 1)]
    return sides[0], sides[1]


def position_count(shape: Shape) -> int:
    """Return the number of positions of a shape: H*W for an image, 1 for a vector."""
    return shape[1] * shape[2] if len(shape) == 3 else 1


def value_count(shape: Shape) -> int:
    """Return the number of values of a shape: C*H*W or N."""
    return math.prod(shape)


def window_side(side: int, p: Params, *, is_pooling: bool) -> int:
    """Return the output side of a convolution or pooling: floor((n - (d*(f - 1) + 1) + 2*p)/s) + 1.

    n is the input side, f the kernel, d the dilation, p the padding, s the stride. With `ceil_mode` the
    division rounds up, but a window that would begin in the right padding is dropped (torch.nn.MaxPool2d).
    """
    kernel, stride, padding, dilation = p["kernel_size"], p["stride"], p["padding"], p.get("dilation", 1)
    window = dilation * (kernel - 1) + 1
    if padding == SAME:
        return side
    if is_pooling and 2 * padding > kernel:
        raise ShapeMismatch(_WIDE_PADDING.fill(padding=padding, window=kernel), (set_action("padding", kernel // 2),))
    room = side + 2 * padding - window
    ceil = p.get("ceil_mode", False)
    out = (room + (stride - 1 if ceil else 0)) // stride + 1
    if ceil and (out - 1) * stride >= side + padding:
        out -= 1
    if room < 0 and not (ceil and out >= 1) or out < 1:
        raise _too_large(side, window, kernel, padding, dilation, stride, is_pooling)
    return out


def _too_large(side: int, window: int, kernel: int, padding: int, dilation: int, stride: int, is_pooling: bool) -> ShapeMismatch:
    max_kernel = (side + 2 * padding - 1) // dilation + 1
    actions = []
    if 1 <= max_kernel < kernel and not (is_pooling and 2 * padding > max_kernel):
        actions.append(set_action("kernel_size", max_kernel))
    if dilation > 1:
        actions.append(set_action("dilation", 1))
    max_padding = kernel // 2 if is_pooling else MAX_PADDING
    same_padding, needed_padding = (window - 1) // 2, math.ceil((window - side) / 2)
    if stride == 1 and window % 2 and same_padding <= max_padding:
        actions.append(RepairAction(_KEEP_SIDES.fill(value=same_padding, sides=side), "set", "padding", same_padding))
    elif needed_padding <= max_padding:
        actions.append(set_action("padding", needed_padding))
    fields = {"window": window, "side": side, "padding": padding, "padded": side + 2 * padding}
    text = _TOO_LARGE.fill(most=max_kernel, **fields) if max_kernel >= 1 else _NO_KERNEL_FITS.fill(**fields)
    return ShapeMismatch(text, (*actions, remove_action()))


def window_sides(shape: Shape, p: Params, *, is_pooling: bool) -> tuple[int, int]:
    """Return the output's height and width of a convolution or pooling; see `window_side`."""
    if p["padding"] == SAME and p["stride"] != 1:
        stride = max(sides_of(p["stride"]))
        same_paddings = [(d * (k - 1)) // 2 for k, d in zip(sides_of(p["kernel_size"]), sides_of(p.get("dilation", 1)), strict=True)]
        padding = same_paddings[0] if same_paddings[0] == same_paddings[1] else same_paddings
        raise ShapeMismatch(_SAME_STRIDE.fill(stride=stride), (set_action("stride", 1), set_action("padding", padding)))
    p_height, p_width = side_params(p)
    return window_side(shape[1], p_height, is_pooling=is_pooling), window_side(shape[2], p_width, is_pooling=is_pooling)


def require_image(shape: Shape) -> None:
    """Raise `ShapeMismatch` unless `shape` is that of an image."""
    if len(shape) != 3:
        raise ShapeMismatch(_NEEDS_PICTURE.fill(length=shape[0]), (remove_action(),))


def require_expected(p: Params, shape: Shape, what: Text = CHANNELS) -> None:
    """Raise `ShapeMismatch` where the knob `expects` names another number of input channels than `shape` has; 0 expects any."""
    expected = p["expects"]
    if expected and expected != shape[0]:
        raise ShapeMismatch(
            _EXPECTS.fill(wanted=expected, found=shape[0], what=what.fill(n=expected)),
            (RepairAction(_CHANGE.fill(value=shape[0]), "set", "expects", shape[0]),),
        )


def require_divisible(groups: int, channels: int, key: str = "groups", other: int = 0) -> None:
    """Raise `ShapeMismatch` unless `groups` divides `channels`; the repair offered divides `other` too, where it is given."""
    if channels % groups:
        raise ShapeMismatch(_GROUPS.fill(groups=groups, channels=channels), (set_action(key, math.gcd(math.gcd(channels, other), groups)),))


def convolution_shape(p: Params, shape: Shape) -> Shape:
    """Return (out_channels, H', W'). Raises `ShapeMismatch` for a window that is too large or groups that do not divide the channels."""
    require_image(shape)
    require_expected(p, shape)
    require_divisible(p["groups"], shape[0], other=p["out_channels"])
    require_divisible(p["groups"], p["out_channels"], other=shape[0])
    return (p["out_channels"], *window_sides(shape, p, is_pooling=False))


def depthwise_shape(p: Params, shape: Shape) -> Shape:
    """Return (C*multiplier, H', W'): `multiplier` filters for each input channel."""
    require_image(shape)
    return (shape[0] * p["multiplier"], *window_sides(shape, p, is_pooling=False))


def pointwise_shape(p: Params, shape: Shape) -> Shape:
    """Return (out_channels, H, W)."""
    require_image(shape)
    return (p["out_channels"], *shape[1:])


def transposed_shape(p: Params, shape: Shape) -> Shape:
    """Return (out_channels, H', W') with H' = (H - 1)*stride - 2*padding + d*(f - 1) + 1 + output_padding (torch.nn.ConvTranspose2d)."""
    require_image(shape)
    require_divisible(p["groups"], shape[0], other=p["out_channels"])
    require_divisible(p["groups"], p["out_channels"], other=shape[0])
    return (p["out_channels"], *(_transposed_side(side, side_p) for side, side_p in zip(shape[1:], side_params(p), strict=True)))


def _transposed_side(side: int, p: Params) -> int:
    stride, padding, extra, dilation = p["stride"], p["padding"], p["output_padding"], p["dilation"]
    bound = max(stride, dilation)
    if extra >= bound:
        raise ShapeMismatch(_OUT_PADDING.fill(extra=extra, most=bound), (set_action("output_padding", bound - 1),))
    window = dilation * (p["kernel_size"] - 1) + 1
    out = (side - 1) * stride - 2 * padding + window + extra
    if out < 1:
        max_padding = ((side - 1) * stride + window + extra - 1) // 2
        text = _NOTHING_LEFT.fill(padding=padding, side=side, stride=stride, window=window, extra=extra, out=out)
        raise ShapeMismatch(text, (set_action("padding", max_padding), remove_action()))
    return out


def upsampled_shape(p: Params, shape: Shape) -> Shape:
    """Return (C, z*H, z*W), where z is the scale factor."""
    require_image(shape)
    return (shape[0], *(side * p["scale_factor"] for side in shape[1:]))


def pooling_shape(p: Params, shape: Shape) -> Shape:
    """Return (C, H', W') of max or average pooling."""
    require_image(shape)
    return (shape[0], *window_sides(shape, p, is_pooling=True))


def adaptive_shape(p: Params, shape: Shape) -> Shape:
    """Return (C, n, m), where (n, m) is the knob `output_size`."""
    require_image(shape)
    return (shape[0], *sides_of(p["output_size"]))


def global_pooling_shape(p: Params, shape: Shape) -> Shape:
    """Return (C,): one mean for each channel, as a vector."""
    require_image(shape)
    return (shape[0],)


def same_shape(p: Params, shape: Shape) -> Shape:
    """Return the shape unchanged."""
    return shape


def same_image_shape(p: Params, shape: Shape) -> Shape:
    """Return the shape unchanged. Raises `ShapeMismatch` for a vector."""
    require_image(shape)
    return shape


def group_norm_shape(p: Params, shape: Shape) -> Shape:
    """Return the shape unchanged. Raises `ShapeMismatch` where the groups do not divide the channels."""
    groups = p["num_groups"]
    require_divisible(groups, shape[0], "num_groups")
    if value_count(shape) == groups:  # torch refuses one value a group
        raise ShapeMismatch(_LONE_GROUP.fill(groups=groups), ((set_action("num_groups", 1),) if groups > 1 else ()) + (remove_action(),))
    return shape


def flat_shape(p: Params, shape: Shape) -> Shape:
    """Return (C*H*W,)."""
    return (value_count(shape),)


def dense_shape(p: Params, shape: Shape) -> Shape:
    """Return (out_features,). Raises `ShapeMismatch` for an image (repair: insert a Flatten) and for another length than `expects`."""
    if len(shape) == 3:
        channels, height, width = shape
        raise ShapeMismatch(
            _NEEDS_VECTOR.fill(channels=channels, height=height, width=width, length=value_count(shape)),
            (RepairAction(_INSERT_FLATTEN, "insert", "Flatten"),),
        )
    require_expected(p, shape, NUMBERS)
    return (p["out_features"],)


def convolution_params(p: Params, shape: Shape) -> int:
    """Return the parameters f_h*f_w*(C/groups)*n_f, and n_f biases, of a convolution or transposed convolution."""
    f_height, f_width = sides_of(p["kernel_size"])
    return f_height * f_width * (shape[0] // p["groups"]) * p["out_channels"] + (p["out_channels"] if p["bias"] else 0)


def depthwise_params(p: Params, shape: Shape) -> int:
    """Return the parameters: f_h*f_w weights, and a bias, for each output channel."""
    f_height, f_width = sides_of(p["kernel_size"])
    return (f_height * f_width + p["bias"]) * shape[0] * p["multiplier"]


def pointwise_params(p: Params, shape: Shape) -> int:
    """Return the parameters C*n_f, and n_f biases, of a 1 x 1 convolution."""
    return (shape[0] + p["bias"]) * p["out_channels"]


def dense_params(p: Params, shape: Shape) -> int:
    """Return the parameters of a dense layer: inputs times units, and a bias for each unit."""
    return shape[0] * p["out_features"] + (p["out_features"] if p["bias"] else 0)


def norm_params(p: Params, shape: Shape) -> int:
    """Return the parameters of batch or group normalisation: a scale and a shift for each channel, if they are learned."""
    return 2 * shape[0] if p["affine"] else 0


def layer_norm_params(p: Params, shape: Shape) -> int:
    """Return the parameters of layer normalisation: a scale and a shift for each value, if they are learned."""
    return 2 * value_count(shape) if p["elementwise_affine"] else 0


def params_macs(p: Params, shape: Shape, out: Shape, params: int) -> int:
    """Return the multiply-adds of a layer that uses every parameter once."""
    return params


def convolution_macs(p: Params, shape: Shape, out: Shape, params: int) -> int:
    """Return the multiply-adds of a convolution: every weight and bias once for each position of its output."""
    return params * position_count(out)


def transposed_macs(p: Params, shape: Shape, out: Shape, params: int) -> int:
    """Return the multiply-adds of a transposed convolution: weights once for each input position, biases once for each output position."""
    biases = p["out_channels"] if p["bias"] else 0
    return (params - biases) * position_count(shape) + biases * position_count(out)


def no_params(p: Params, shape: Shape) -> int:
    """Return 0."""
    return 0
