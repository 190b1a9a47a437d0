"""Layer types without a spatial window: activations, normalisations, dropout, Flatten and dense layers. Standard library only."""

from __future__ import annotations

from typing import Any

from vpc2.knobs import Flag, Number, Whole
from vpc2.nets.layers import formula_texts
from vpc2.nets.layers import shape_rules as rule
from vpc2.nets.layers.kind import BIAS, EXPECTS, LayerKind, channels_in
from vpc2.text import Text, Verbatim

_ALL_DROPPED = Text("{name}: a dropout of 1 sets every value to zero, so nothing is learned.")
_LONE_NORM = Text(
    "{name}: on 1 × 1 a batch of one picture has nothing to normalise. Training never makes one: its batches have two pictures or more."
)
_EARLY_SOFTMAX = Text("{name}: cross-entropy applies a softmax by itself; a second one makes training slow.")
_WHOLE_ROWS = Text("{where}: {name} drops whole rows; here it drops single values.")


def _warn_all_dropped(p: rule.Params, out: rule.Shape) -> Text | None:
    return _ALL_DROPPED if p["p"] == 1 else None


def _activation(key: str, help_: Text, *knobs: Any, function: str = "") -> LayerKind:
    return LayerKind(
        key=key,
        title=Verbatim(key),
        help=help_,
        target=f"torch.nn.{key}",
        family="activation",
        stem=key.lower(),
        function=function or key.lower(),
        knobs=knobs,
    )


def _affine_knob(key: str) -> Flag:
    return Flag(
        key=key,
        title=Text("Learned scale"),
        default=True,
        help=Text("Learns a scale and a shift."),
    )


_DROPOUT_RATE = Number(
    key="p",
    title=Text("Share", context="of what is dropped"),
    default=0.5,
    low=0.0,
    high=1.0,
    help=Text("Share that is dropped."),
)


ELEMENTWISE_LAYERS: tuple[LayerKind, ...] = (
    _activation("ReLU", Text("max(0, x): negative values become zero.")),
    _activation(
        "LeakyReLU",
        Text("Like ReLU, but negative values keep a small slope."),
        Number(
            key="negative_slope",
            title=Text("Negative slope"),
            default=0.01,
            low=0.0,
            high=1.0,
            help=Text("What negative values are multiplied by."),
        ),
        function="leaky_relu",
    ),
    _activation(
        "ELU",
        Text("Like ReLU, but negative values level off smoothly at minus alpha (Clevert and others, 2015)."),
        Number(
            key="alpha",
            title=Text("Alpha"),
            default=1.0,
            low=0.0,
            high=10.0,
            help=Text("How far below zero negative values level off."),
        ),
    ),
    _activation("ReLU6", Text("A ReLU that stops at 6 (MobileNet).")),
    _activation(
        "GELU",
        Text("A smooth ReLU, usual in transformers."),
        function="gelu(approximate='none')",
    ),
    _activation("SiLU", Text("x times its sigmoid: smooth, usual in EfficientNet.")),
    _activation("Sigmoid", Text("Squeezes every value into 0 to 1.")),
    _activation("Tanh", Text("Squeezes every value into -1 to 1.")),
    LayerKind(
        key="Softmax",
        title=Text("Softmax"),
        help=Text("Turns values into probabilities that add up to 1; cross-entropy does this by itself."),
        target="torch.nn.Softmax",
        family="activation",
        stem="softmax",
        fixed=(("dim", 1),),
        remark=lambda p, out: _EARLY_SOFTMAX,
        function="softmax",
    ),
    LayerKind(
        key="BatchNorm2d",
        title=Text("Batch normalisation"),
        help=Text("Centres and scales each channel by the batch's own mean and spread."),
        target="torch.nn.BatchNorm2d",
        vector_target="torch.nn.BatchNorm1d",
        family="normalisation",
        stem="bn",
        params=rule.norm_params,
        formulas=formula_texts.norm_formulas,
        shape_arguments=channels_in("num_features"),
        remark=lambda p, out: _LONE_NORM if rule.position_count(out) == 1 else None,
        aliases=("BatchNorm", "BatchNorm1d"),
        knobs=(_affine_knob("affine"),),
    ),
    LayerKind(
        key="LayerNorm",
        title=Text("Layer normalisation"),
        help=Text("Centres and scales all values of one picture together, whatever the batch."),
        target="torch.nn.LayerNorm",
        family="normalisation",
        stem="ln",
        params=rule.layer_norm_params,
        formulas=formula_texts.layer_norm_formulas,
        shape_arguments=lambda p, shape: {"normalized_shape": shape},
        sees_whole=True,
        knobs=(_affine_knob("elementwise_affine"),),
    ),
    LayerKind(
        key="GroupNorm",
        title=Text("Group normalisation"),
        help=Text("Centres and scales groups of channels of one picture, whatever the batch."),
        target="torch.nn.GroupNorm",
        family="normalisation",
        stem="gn",
        output=rule.group_norm_shape,
        params=rule.norm_params,
        formulas=formula_texts.norm_formulas,
        divides=("num_groups",),
        shape_arguments=lambda p, shape: {"num_groups": p["num_groups"], "num_channels": shape[0]},
        sees_whole=True,
        knobs=(
            Whole(
                key="num_groups",
                title=Text("Groups"),
                default=1,
                low=1,
                high=4096,
                aliases=("groups",),
                help=Text("Groups into which the channels are split."),
            ),
            _affine_knob("affine"),
        ),
    ),
    LayerKind(
        key="LocalResponseNorm",
        title=Text("Local response normalisation"),
        help=Text("Divides each value by its neighbours in the channels next to it, as AlexNet did."),
        target="torch.nn.LocalResponseNorm",
        family="normalisation",
        stem="lrn",
        output=rule.same_image_shape,
        aliases=("LRN",),
        function="local_response_norm",
        knobs=(
            Whole(
                key="size",
                title=Text("Neighbours"),
                default=5,
                low=1,
                high=63,
                help=Text("Channels looked at."),
            ),
        ),
    ),
    LayerKind(
        key="Dropout",
        title=Text("Dropout"),
        help=Text("Sets a random share of the values to zero while training."),
        target="torch.nn.Dropout",
        family="regularisation",
        stem="drop",
        aliases=("Dropout1d",),
        remark=_warn_all_dropped,
        function="dropout",
        also_reads=(("Dropout1d", _WHOLE_ROWS),),
        is_view=True,
        knobs=(_DROPOUT_RATE,),
    ),
    LayerKind(
        key="Dropout2d",
        title=Text("Dropout of channels"),
        help=Text("Sets whole channels to zero at random while training."),
        target="torch.nn.Dropout2d",
        family="regularisation",
        stem="drop",
        output=rule.same_image_shape,
        remark=_warn_all_dropped,
        function="dropout2d",
        is_view=True,
        knobs=(_DROPOUT_RATE,),
    ),
    LayerKind(
        key="Flatten",
        title=Text("Flatten"),
        help=Text("Lays a picture out as one long vector."),
        target="torch.nn.Flatten",
        family="reshaping",
        stem="flatten",
        output=rule.flat_shape,
        formulas=formula_texts.flat_formulas,
        function="flatten(start_dim=0, end_dim=-1)",  # by default it flattens the batch too
        is_view=True,
    ),
    LayerKind(
        key="Linear",
        title=Text("Dense layer"),
        help=Text("Every output sees every input, each through a weight of its own."),
        target="torch.nn.Linear",
        family="dense",
        stem="fc",
        output=rule.dense_shape,
        params=rule.dense_params,
        formulas=formula_texts.dense_formulas,
        shape_arguments=channels_in("in_features"),
        app_only_knobs=("expects",),
        aliases=("Dense",),
        knobs=(
            Whole(
                key="out_features",
                title=Text("Units"),
                default=10,
                low=1,
                high=65536,
                aliases=("out", "units"),
                help=Text("Numbers that come out."),
            ),
            BIAS,
            EXPECTS,
        ),
    ),
)
