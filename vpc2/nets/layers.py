"""What a net can be built of: one literal a layer. Standard library only; `target` is resolved when a net is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vpc2.catalog import Catalog, Entry
from vpc2.knobs import Flag, Number, Whole
from vpc2.nets import arithmetic as rule
from vpc2.nets.arithmetic import Formula, Params, Shape, Window
from vpc2.words import Text

FAMILIES = {
    "convolution": Text("Convolution", "Convolución"),
    "pooling": Text("Pooling", "Pooling"),
    "activation": Text("Activation", "Activación"),
    "normalisation": Text("Normalisation", "Normalización"),
    "regularisation": Text("Regularisation", "Regularización"),
    "reshaping": Text("Reshaping", "Cambio de forma"),
    "dense": Text("Dense", "Densa"),
}


@dataclass(frozen=True, kw_only=True)
class LayerKind(Entry):
    """A kind of layer with its rules.

    `stem` begins the name of each such layer in a net ("conv1"). `output` gives the shape that comes out or raises
    `Misfit`; `inner` the torch argument that follows from the shape that comes in; `flat_target` the torch class on a
    vector where it is another one; `window` what one value looks at, None where it is itself.
    """

    stem: str
    output: Callable[[Params, Shape], Shape]
    params: Callable[[Params, Shape], int] = rule.no_params
    window: Callable[[Params, Shape], Window] | None = None
    formulas: Callable[[Params, Shape, Shape, int], tuple[Formula, ...]] = rule.no_formulas
    inner: str = ""
    flat_target: str = ""
    fixed: tuple[tuple[str, Any], ...] = ()

    def macs(self, params: int, out: Shape) -> int:
        """Return multiply-adds as torchinfo counts them: a convolution's parameters once for each position."""
        return params * rule.positions(out) if self.family == "convolution" else params


def _kernel(default: int) -> Whole:
    return Whole(
        key="kernel_size",
        title=Text("Kernel", "Núcleo"),
        default=default,
        low=1,
        high=1024,
        aliases=("k", "kernel"),
        unit="px",
        help=Text("Side of the window that slides over the picture.", "Lado de la ventana que se desliza sobre la imagen."),
    )


def _stride(default: int) -> Whole:
    return Whole(
        key="stride",
        title=Text("Stride", "Paso (stride)"),
        default=default,
        low=1,
        high=64,
        unit="px",
        help=Text("How far the window moves each time.", "Cuánto avanza la ventana cada vez."),
    )


_PADDING = Whole(
    key="padding",
    title=Text("Padding", "Relleno (padding)"),
    default=0,
    low=0,
    high=rule.LARGEST_PADDING,
    aliases=("pad",),
    unit="px",
    help=Text("Rows and columns of zeros added on every side.", "Filas y columnas de ceros que se agregan de cada lado."),
)
_BIAS = Flag(
    key="bias",
    title=Text("Bias", "Sesgo"),
    default=True,
    help=Text("Adds one learned number to each output.", "Suma un número aprendido a cada salida."),
)
_CEIL = Flag(
    key="ceil_mode",
    title=Text("Round up", "Redondear hacia arriba"),
    default=False,
    help=Text("Keeps the last, incomplete window.", "Conserva la última ventana, incompleta."),
)


def _activation(key: str, help_en: str, help_es: str, *knobs: Any) -> LayerKind:
    return LayerKind(
        key=key,
        title=Text(key, key),
        help=Text(help_en, help_es),
        target=f"torch.nn.{key}",
        family="activation",
        stem=key.lower(),
        output=rule.same,
        knobs=knobs,
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
        window=rule.sliding,
        formulas=rule.side_formulas,
        aliases=aliases,
        knobs=(_kernel(2), _stride(2), _PADDING, _CEIL),
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
        window=rule.adapting,
        knobs=(
            Whole(
                key="output_size",
                title=Text("Output side", "Lado de salida"),
                default=1,
                low=1,
                high=64,
                unit="px",
                aliases=("size",),
                help=Text("Side of the picture that comes out.", "Lado de la imagen que sale."),
            ),
        ),
    )


LAYERS: Catalog[LayerKind] = Catalog(
    Text("layer", "capa"),
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
        window=rule.sliding,
        formulas=rule.convolution_formulas,
        inner="in_channels",
        aliases=("Conv", "Convolution"),
        knobs=(
            Whole(
                key="out_channels",
                title=Text("Filters", "Filtros"),
                default=16,
                low=1,
                high=4096,
                aliases=("out", "filters"),
                help=Text("Channels that come out, one a filter.", "Canales que salen, uno por filtro."),
            ),
            _kernel(3),
            _stride(1),
            _PADDING,
            Whole(
                key="dilation",
                title=Text("Dilation", "Dilatación"),
                default=1,
                low=1,
                high=64,
                help=Text("Distance between the pixels a filter looks at.", "Distancia entre los píxeles que mira un filtro."),
            ),
            Whole(
                key="groups",
                title=Text("Groups", "Grupos"),
                default=1,
                low=1,
                high=4096,
                help=Text(
                    "Splits the channels into groups that do not see one another.", "Divide los canales en grupos que no se ven entre sí."
                ),
            ),
            _BIAS,
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
        target="vpc2.nets.module.GlobalAvgPool",
        family="pooling",
        stem="pool",
        output=rule.global_pooling,
        window=rule.covering,
        aliases=("GlobalAvgPool2d",),
    ),
    _activation("ReLU", "max(0, x): negative values become zero.", "max(0, x): los valores negativos pasan a cero."),
    _activation(
        "LeakyReLU",
        "Like ReLU, but negative values keep a small slope.",
        "Como ReLU, pero los valores negativos conservan una pendiente chica.",
        Number(
            key="negative_slope",
            title=Text("Negative slope", "Pendiente negativa"),
            default=0.01,
            low=0.0,
            high=1.0,
            help=Text("What negative values are multiplied by.", "Por cuánto se multiplican los valores negativos."),
        ),
    ),
    _activation("GELU", "A smooth ReLU, usual in transformers.", "Un ReLU suave, usual en transformers."),
    _activation("SiLU", "x times its sigmoid: smooth, usual in EfficientNet.", "x por su sigmoide: suave, usual en EfficientNet."),
    _activation("Sigmoid", "Squeezes every value into 0 to 1.", "Lleva cada valor al intervalo de 0 a 1."),
    _activation("Tanh", "Squeezes every value into -1 to 1.", "Lleva cada valor al intervalo de -1 a 1."),
    LayerKind(
        key="Softmax",
        title=Text("Softmax", "Softmax"),
        help=Text(
            "Turns values into probabilities that add up to 1; cross-entropy does this by itself.",
            "Convierte valores en probabilidades que suman 1; la entropía cruzada ya lo hace sola.",
        ),
        target="torch.nn.Softmax",
        family="activation",
        stem="softmax",
        output=rule.same,
        fixed=(("dim", 1),),
    ),
    LayerKind(
        key="BatchNorm2d",
        title=Text("Batch normalisation", "Normalización por lotes"),
        help=Text(
            "Centres and scales each channel by the batch's own mean and spread.",
            "Centra y escala cada canal con la media y la dispersión del propio lote.",
        ),
        target="torch.nn.BatchNorm2d",
        flat_target="torch.nn.BatchNorm1d",
        family="normalisation",
        stem="bn",
        output=rule.same,
        params=rule.norm_params,
        formulas=rule.norm_formulas,
        inner="num_features",
        aliases=("BatchNorm", "BatchNorm1d"),
        knobs=(
            Flag(
                key="affine",
                title=Text("Learned scale", "Escala aprendida"),
                default=True,
                help=Text("Learns a scale and a shift for each channel.", "Aprende una escala y un desplazamiento por canal."),
            ),
        ),
    ),
    LayerKind(
        key="LocalResponseNorm",
        title=Text("Local response normalisation", "Normalización de respuesta local"),
        help=Text(
            "Divides each value by its neighbours in the channels next to it, as AlexNet did.",
            "Divide cada valor por sus vecinos en los canales de al lado, como hacía AlexNet.",
        ),
        target="torch.nn.LocalResponseNorm",
        family="normalisation",
        stem="lrn",
        output=rule.same_picture,
        aliases=("LRN",),
        knobs=(
            Whole(
                key="size",
                title=Text("Neighbours", "Vecinos"),
                default=5,
                low=1,
                high=63,
                help=Text("Channels looked at.", "Canales que se miran."),
            ),
        ),
    ),
    LayerKind(
        key="Dropout",
        title=Text("Dropout", "Dropout"),
        help=Text(
            "Sets a random share of the values to zero while training.",
            "Pone en cero una parte de los valores, al azar, durante el entrenamiento.",
        ),
        target="torch.nn.Dropout",
        family="regularisation",
        stem="drop",
        output=rule.same,
        knobs=(
            Number(
                key="p",
                title=Text("Share", "Parte"),
                default=0.5,
                low=0.0,
                high=1.0,
                help=Text("Share that is dropped.", "Parte que se descarta."),
            ),
        ),
    ),
    LayerKind(
        key="Flatten",
        title=Text("Flatten", "Aplanar (Flatten)"),
        help=Text("Lays a picture out as one long vector.", "Extiende una imagen como un vector largo."),
        target="torch.nn.Flatten",
        family="reshaping",
        stem="flatten",
        output=rule.flat,
        formulas=rule.flat_formulas,
    ),
    LayerKind(
        key="Linear",
        title=Text("Dense layer", "Capa densa"),
        help=Text(
            "Every output sees every input, each through a weight of its own.",
            "Cada salida ve todas las entradas, cada una con su propio peso.",
        ),
        target="torch.nn.Linear",
        family="dense",
        stem="fc",
        output=rule.dense,
        params=rule.dense_params,
        formulas=rule.dense_formulas,
        inner="in_features",
        aliases=("Dense",),
        knobs=(
            Whole(
                key="out_features",
                title=Text("Units", "Unidades"),
                default=10,
                low=1,
                high=65536,
                aliases=("out", "units"),
                help=Text("Numbers that come out.", "Números que salen."),
            ),
            _BIAS,
        ),
    ),
)
