"""Layers that look at no neighbours: activations, normalisations, dropout, and those on vectors. Standard library only."""

from __future__ import annotations

from typing import Any

from vpc2.knobs import Flag, Number, Whole
from vpc2.nets.layers import formulas
from vpc2.nets.layers import shape_rules as rule
from vpc2.nets.layers.kind import BIAS, EXPECTS, LayerKind, channels_in
from vpc2.words import Text


def _activation(key: str, help_en: str, help_es: str, *knobs: Any) -> LayerKind:
    return LayerKind(
        key=key,
        title=Text(key, key),
        help=Text(help_en, help_es),
        target=f"torch.nn.{key}",
        family="activation",
        stem=key.lower(),
        knobs=knobs,
    )


def _learned(key: str) -> Flag:
    return Flag(
        key=key,
        title=Text("Learned scale", "Escala aprendida"),
        default=True,
        help=Text("Learns a scale and a shift.", "Aprende una escala y un desplazamiento."),
    )


_SHARE = Number(
    key="p",
    title=Text("Share", "Parte"),
    default=0.5,
    low=0.0,
    high=1.0,
    help=Text("Share that is dropped.", "Parte que se descarta."),
)


PLAIN: tuple[LayerKind, ...] = (
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
    _activation("ReLU6", "A ReLU that stops at 6 (MobileNet).", "Un ReLU que se detiene en 6 (MobileNet)."),
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
        params=rule.norm_params,
        formulas=formulas.norm_formulas,
        inner=channels_in("num_features"),
        aliases=("BatchNorm", "BatchNorm1d"),
        knobs=(_learned("affine"),),
    ),
    LayerKind(
        key="LayerNorm",
        title=Text("Layer normalisation", "Normalización por capa"),
        help=Text(
            "Centres and scales all values of one picture together, whatever the batch.",
            "Centra y escala todos los valores de una imagen juntos, sin mirar el lote.",
        ),
        target="torch.nn.LayerNorm",
        family="normalisation",
        stem="ln",
        params=rule.layer_norm_params,
        formulas=formulas.layer_norm_formulas,
        inner=lambda p, shape: {"normalized_shape": shape},
        knobs=(_learned("elementwise_affine"),),
    ),
    LayerKind(
        key="GroupNorm",
        title=Text("Group normalisation", "Normalización por grupos"),
        help=Text(
            "Centres and scales groups of channels of one picture, whatever the batch.",
            "Centra y escala grupos de canales de una imagen, sin mirar el lote.",
        ),
        target="torch.nn.GroupNorm",
        family="normalisation",
        stem="gn",
        output=rule.grouped,
        params=rule.norm_params,
        formulas=formulas.norm_formulas,
        divides=("num_groups",),
        inner=lambda p, shape: {"num_groups": p["num_groups"], "num_channels": shape[0]},
        knobs=(
            Whole(
                key="num_groups",
                title=Text("Groups", "Grupos"),
                default=1,
                low=1,
                high=4096,
                aliases=("groups",),
                help=Text("Groups into which the channels are split.", "Grupos en que se dividen los canales."),
            ),
            _learned("affine"),
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
        aliases=("Dropout1d",),
        knobs=(_SHARE,),
    ),
    LayerKind(
        key="Dropout2d",
        title=Text("Dropout of channels", "Dropout de canales"),
        help=Text(
            "Sets whole channels to zero at random while training.",
            "Pone en cero canales enteros, al azar, durante el entrenamiento.",
        ),
        target="torch.nn.Dropout2d",
        family="regularisation",
        stem="drop",
        output=rule.same_picture,
        knobs=(_SHARE,),
    ),
    LayerKind(
        key="Flatten",
        title=Text("Flatten", "Aplanar (Flatten)"),
        help=Text("Lays a picture out as one long vector.", "Extiende una imagen como un vector largo."),
        target="torch.nn.Flatten",
        family="reshaping",
        stem="flatten",
        output=rule.flat,
        formulas=formulas.flat_formulas,
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
        formulas=formulas.dense_formulas,
        inner=channels_in("in_features"),
        hidden=("expects",),
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
            BIAS,
            EXPECTS,
        ),
    ),
)
