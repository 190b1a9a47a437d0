"""Layer types with a spatial window: convolutions, poolings and upsampling. Standard library only."""

from __future__ import annotations

from typing import Any

from vpc2.knobs import Choice, Flag, Pair, Whole
from vpc2.nets.layers import formula_texts, window_rules
from vpc2.nets.layers import shape_rules as rule
from vpc2.nets.layers.kind import BIAS, DILATION, EXPECTS, FILTERS, GROUPS, LayerKind, channels_in, kernel_knob, padding_knob, stride_knob
from vpc2.text import Text

_CEIL = Flag(
    key="ceil_mode",
    title=Text("Round up"),
    default=False,
    help=Text("Keeps the last, incomplete window."),
)
_MULTIPLIER = Whole(
    key="multiplier",
    title=Text("Filters a channel"),
    default=1,
    low=1,
    high=64,
    help=Text("How many filters look at each channel."),
)


_NO_ADAPTIVE_MAX = Text("{name}: ONNX has no adaptive max pooling; adaptive average pooling or a plain max pooling can be written.")


def _pooling(key: str, title: Text, help_: Text, aliases: tuple[str, ...], function: str) -> LayerKind:
    return LayerKind(
        key=key,
        title=title,
        help=help_,
        target=f"torch.nn.{key}",
        family="pooling",
        stem="pool",
        output=rule.pooling_shape,
        window=window_rules.sliding_windows,
        formulas=formula_texts.side_formulas,
        aliases=aliases,
        function=function,
        knobs=(kernel_knob(2), stride_knob(2), padding_knob(allows_same=False), _CEIL),
    )


def _adaptive(key: str, title: Text, function: str, **others: Any) -> LayerKind:
    return LayerKind(
        key=key,
        title=title,
        help=Text("Pools with windows chosen so that the output has the size asked for."),
        target=f"torch.nn.{key}",
        family="pooling",
        stem="pool",
        output=rule.adaptive_shape,
        window=window_rules.adaptive_windows,
        function=function,
        **others,
        knobs=(
            Pair(
                key="output_size",
                title=Text("Output side"),
                default=1,
                low=1,
                high=64,
                unit="px",
                aliases=("size",),
                help=Text("Sides of the picture that comes out."),
            ),
        ),
    )


SPATIAL_LAYERS: tuple[LayerKind, ...] = (
    LayerKind(
        key="Conv2d",
        title=Text("Convolution"),
        help=Text("Slides small filters over the picture; the same weights look everywhere."),
        target="torch.nn.Conv2d",
        family="convolution",
        stem="conv",
        output=rule.convolution_shape,
        params=rule.convolution_params,
        macs=rule.convolution_macs,
        window=window_rules.sliding_windows,
        formulas=formula_texts.convolution_formulas,
        shape_arguments=channels_in("in_channels"),
        app_only_knobs=("expects",),
        divides=("groups",),
        multiples=(("out_channels", "groups"),),
        aliases=("Conv", "Convolution"),
        knobs=(FILTERS, kernel_knob(3), stride_knob(1), padding_knob(allows_same=True), DILATION, GROUPS, BIAS, EXPECTS),
    ),
    LayerKind(
        key="DepthwiseConv2d",
        title=Text("Depthwise convolution"),
        help=Text("Every channel has filters of its own and sees no other: few weights (MobileNet, 2017)."),
        target="torch.nn.Conv2d",
        family="convolution",
        stem="dwconv",
        output=rule.depthwise_shape,
        params=rule.depthwise_params,
        macs=rule.convolution_macs,
        window=window_rules.sliding_windows,
        formulas=formula_texts.depthwise_formulas,
        shape_arguments=lambda p, shape: {"in_channels": shape[0], "out_channels": shape[0] * p["multiplier"], "groups": shape[0]},
        app_only_knobs=("multiplier",),
        knobs=(_MULTIPLIER, kernel_knob(3), stride_knob(1), padding_knob(allows_same=True), DILATION, BIAS),
    ),
    LayerKind(
        key="PointwiseConv2d",
        title=Text("1 × 1 convolution"),
        help=Text("Mixes the channels of each pixel and looks at no neighbour: changes how many channels there are."),
        target="torch.nn.Conv2d",
        family="convolution",
        stem="pwconv",
        output=rule.pointwise_shape,
        params=rule.pointwise_params,
        macs=rule.convolution_macs,
        formulas=formula_texts.pointwise_formulas,
        shape_arguments=lambda p, shape: {"in_channels": shape[0], "out_channels": p["out_channels"], "kernel_size": 1},
        aliases=("Conv1x1",),
        knobs=(FILTERS, BIAS),
    ),
    LayerKind(
        key="ConvTranspose2d",
        title=Text("Transposed convolution"),
        help=Text("Lays a filter down for every pixel: the picture grows, with learned weights."),
        target="torch.nn.ConvTranspose2d",
        family="convolution",
        stem="deconv",
        output=rule.transposed_shape,
        params=rule.convolution_params,
        macs=rule.transposed_macs,
        window=window_rules.transposed_windows,
        formulas=formula_texts.transposed_formulas,
        divides=("groups",),
        multiples=(("out_channels", "groups"),),
        shape_arguments=channels_in("in_channels"),
        knobs=(
            FILTERS,
            kernel_knob(2),
            stride_knob(2),
            padding_knob(allows_same=False),
            Pair(
                key="output_padding",
                title=Text("Extra border"),
                default=0,
                low=0,
                high=63,
                unit="px",
                help=Text("Rows and columns added at one end of the result."),
            ),
            GROUPS,
            BIAS,
            DILATION,
        ),
    ),
    _pooling(
        "MaxPool2d",
        Text("Max pooling"),
        Text("Keeps the largest value of each window."),
        ("MaxPool",),
        "max_pool2d(kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False)",
    ),
    _pooling(
        "AvgPool2d",
        Text("Average pooling"),
        Text("Keeps the mean of each window."),
        ("AvgPool",),
        "avg_pool2d(kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None)",
    ),
    _adaptive("AdaptiveAvgPool2d", Text("Adaptive average pooling"), "adaptive_avg_pool2d"),
    _adaptive(
        "AdaptiveMaxPool2d",
        Text("Adaptive max pooling"),
        "adaptive_max_pool2d(output_size, return_indices=False)",
        no_onnx=lambda p: None if rule.sides_of(p["output_size"]) == (1, 1) else _NO_ADAPTIVE_MAX,
    ),
    LayerKind(
        key="GlobalAvgPool",
        title=Text("Global average pooling"),
        help=Text("One mean a channel, already a flat vector."),
        target="vpc2.nets.layers.block_modules.GlobalAvgPool",
        family="pooling",
        stem="pool",
        output=rule.global_pooling_shape,
        window=window_rules.global_windows,
        script="nn.AdaptiveAvgPool2d(1), nn.Flatten()",
        aliases=("GlobalAvgPool2d",),
    ),
    LayerKind(
        key="Upsample",
        title=Text("Upsample"),
        help=Text("Makes the picture larger, without weights."),
        target="torch.nn.Upsample",
        family="reshaping",
        stem="up",
        output=rule.upsampled_shape,
        window=window_rules.upsampling_windows,
        function="interpolate",
        formulas=formula_texts.upsampling_formulas,
        knobs=(
            Whole(
                key="scale_factor",
                title=Text("Times as large"),
                default=2,
                low=1,
                high=16,
                aliases=("scale",),
                help=Text("What each side is multiplied by."),
            ),
            Choice(
                key="mode",
                title=Text("Between pixels"),
                default="nearest",
                options={"nearest": Text("nearest"), "bilinear": Text("bilinear")},
                help=Text("Repeats the nearest pixel, or blends the four around."),
            ),
        ),
    ),
)
