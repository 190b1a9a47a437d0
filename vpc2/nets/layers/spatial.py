"""Layers that look at a window: convolutions, poolings and what enlarges. Standard library only."""

from __future__ import annotations

from vpc2.knobs import Choice, Flag, Pair, Whole
from vpc2.nets.layers import formulas, window_rules
from vpc2.nets.layers import shape_rules as rule
from vpc2.nets.layers.kind import BIAS, DILATION, EXPECTS, FILTERS, GROUPS, LayerKind, channels_in, kernel, padding, stride
from vpc2.words import Text

_CEIL = Flag(
    key="ceil_mode",
    title=Text("Round up", "Redondear hacia arriba"),
    default=False,
    help=Text("Keeps the last, incomplete window.", "Conserva la última ventana, incompleta."),
)
_MULTIPLIER = Whole(
    key="multiplier",
    title=Text("Filters a channel", "Filtros por canal"),
    default=1,
    low=1,
    high=64,
    help=Text("How many filters look at each channel.", "Cuántos filtros miran cada canal."),
)


def _pooling(key: str, en: str, es: str, help_: Text, aliases: tuple[str, ...]) -> LayerKind:
    return LayerKind(
        key=key,
        title=Text(en, es),
        help=help_,
        target=f"torch.nn.{key}",
        family="pooling",
        stem="pool",
        output=rule.pooling,
        window=window_rules.sliding,
        formulas=formulas.side_formulas,
        aliases=aliases,
        knobs=(kernel(2), stride(2), padding(words=False), _CEIL),
    )


def _adaptive(key: str, en: str, es: str) -> LayerKind:
    return LayerKind(
        key=key,
        title=Text(en, es),
        help=Text(
            "Pools with windows chosen so that the output has the size asked for.",
            "Agrupa con ventanas elegidas para que la salida tenga el tamaño pedido.",
        ),
        target=f"torch.nn.{key}",
        family="pooling",
        stem="pool",
        output=rule.adaptive,
        window=window_rules.adapting,
        knobs=(
            Pair(
                key="output_size",
                title=Text("Output side", "Lado de salida"),
                default=1,
                low=1,
                high=64,
                unit="px",
                aliases=("size",),
                help=Text("Sides of the picture that comes out.", "Lados de la imagen que sale."),
            ),
        ),
    )


WINDOWS: tuple[LayerKind, ...] = (
    LayerKind(
        key="Conv2d",
        title=Text("Convolution", "Convolución"),
        help=Text(
            "Slides small filters over the picture; the same weights look everywhere.",
            "Desliza filtros chicos sobre la imagen; los mismos pesos miran en todas partes.",
        ),
        target="torch.nn.Conv2d",
        family="convolution",
        stem="conv",
        output=rule.convolution,
        params=rule.convolution_params,
        macs=rule.everywhere,
        window=window_rules.sliding,
        formulas=formulas.convolution_formulas,
        inner=channels_in("in_channels"),
        hidden=("expects",),
        divides=("groups",),
        multiples=(("out_channels", "groups"),),
        aliases=("Conv", "Convolution"),
        knobs=(FILTERS, kernel(3), stride(1), padding(words=True), DILATION, GROUPS, BIAS, EXPECTS),
    ),
    LayerKind(
        key="DepthwiseConv2d",
        title=Text("Depthwise convolution", "Convolución por canal (depthwise)"),
        help=Text(
            "Every channel has filters of its own and sees no other: few weights (MobileNet, 2017).",
            "Cada canal tiene sus propios filtros y no ve a los demás: pocos pesos (MobileNet, 2017).",
        ),
        target="torch.nn.Conv2d",
        family="convolution",
        stem="dwconv",
        output=rule.depthwise,
        params=rule.depthwise_params,
        macs=rule.everywhere,
        window=window_rules.sliding,
        formulas=formulas.depthwise_formulas,
        inner=lambda p, shape: {"in_channels": shape[0], "out_channels": shape[0] * p["multiplier"], "groups": shape[0]},
        hidden=("multiplier",),
        knobs=(_MULTIPLIER, kernel(3), stride(1), padding(words=True), DILATION, BIAS),
    ),
    LayerKind(
        key="PointwiseConv2d",
        title=Text("1 × 1 convolution", "Convolución de 1 × 1"),
        help=Text(
            "Mixes the channels of each pixel and looks at no neighbour: changes how many channels there are.",
            "Mezcla los canales de cada píxel y no mira vecinos: cambia la cantidad de canales.",
        ),
        target="torch.nn.Conv2d",
        family="convolution",
        stem="pwconv",
        output=rule.pointwise,
        params=rule.pointwise_params,
        macs=rule.everywhere,
        formulas=formulas.pointwise_formulas,
        inner=lambda p, shape: {"in_channels": shape[0], "out_channels": p["out_channels"], "kernel_size": 1},
        aliases=("Conv1x1",),
        knobs=(FILTERS, BIAS),
    ),
    LayerKind(
        key="ConvTranspose2d",
        title=Text("Transposed convolution", "Convolución transpuesta"),
        help=Text(
            "Lays a filter down for every pixel: the picture grows, with learned weights.",
            "Apoya un filtro por cada píxel: la imagen crece, con pesos aprendidos.",
        ),
        target="torch.nn.ConvTranspose2d",
        family="convolution",
        stem="deconv",
        output=rule.transposed,
        params=rule.convolution_params,
        macs=rule.transposed_macs,
        window=window_rules.spreading,
        formulas=formulas.transposed_formulas,
        divides=("groups",),
        multiples=(("out_channels", "groups"),),
        inner=channels_in("in_channels"),
        knobs=(
            FILTERS,
            kernel(2),
            stride(2),
            padding(words=False),
            Pair(
                key="output_padding",
                title=Text("Extra border", "Borde extra"),
                default=0,
                low=0,
                high=63,
                unit="px",
                help=Text(
                    "Rows and columns added at one end of the result.", "Filas y columnas que se agregan en un extremo del resultado."
                ),
            ),
            GROUPS,
            BIAS,
            DILATION,
        ),
    ),
    _pooling(
        "MaxPool2d",
        "Max pooling",
        "Pooling máximo",
        Text("Keeps the largest value of each window.", "Se queda con el mayor valor de cada ventana."),
        ("MaxPool",),
    ),
    _pooling(
        "AvgPool2d",
        "Average pooling",
        "Pooling promedio",
        Text("Keeps the mean of each window.", "Se queda con el promedio de cada ventana."),
        ("AvgPool",),
    ),
    _adaptive("AdaptiveAvgPool2d", "Adaptive average pooling", "Pooling promedio adaptativo"),
    _adaptive("AdaptiveMaxPool2d", "Adaptive max pooling", "Pooling máximo adaptativo"),
    LayerKind(
        key="GlobalAvgPool",
        title=Text("Global average pooling", "Pooling promedio global"),
        help=Text("One mean a channel, already a flat vector.", "Un promedio por canal, ya como vector plano."),
        target="vpc2.nets.layers.block_modules.GlobalAvgPool",
        family="pooling",
        stem="pool",
        output=rule.global_pooling,
        window=window_rules.covering,
        aliases=("GlobalAvgPool2d",),
    ),
    LayerKind(
        key="Upsample",
        title=Text("Upsample", "Ampliar (upsample)"),
        help=Text("Makes the picture larger, without weights.", "Agranda la imagen, sin pesos."),
        target="torch.nn.Upsample",
        family="reshaping",
        stem="up",
        output=rule.upsampled,
        window=window_rules.enlarging,
        formulas=formulas.upsampling_formulas,
        knobs=(
            Whole(
                key="scale_factor",
                title=Text("Times as large", "Veces más grande"),
                default=2,
                low=1,
                high=16,
                aliases=("scale",),
                help=Text("What each side is multiplied by.", "Por cuánto se multiplica cada lado."),
            ),
            Choice(
                key="mode",
                title=Text("Between pixels", "Entre píxeles"),
                default="nearest",
                options={"nearest": Text("nearest", "el más cercano"), "bilinear": Text("bilinear", "bilineal")},
                help=Text(
                    "Repeats the nearest pixel, or blends the four around.", "Repite el píxel más cercano o mezcla los cuatro de alrededor."
                ),
            ),
        ),
    ),
)
