"""Block types, which contain other layers: residual, parallel, repeat, squeeze-and-excitation. Standard library only."""

from __future__ import annotations

from vpc2.knobs import Choice, Whole
from vpc2.nets.layers import branch_recognition, branch_rules, formula_texts
from vpc2.nets.layers.kind import Block, LayerItems, LayerKind
from vpc2.text import Text


def _conv(out: int, kernel: int, **params: object) -> tuple[str, dict]:
    return "Conv2d", {"out_channels": out, "kernel_size": kernel, "padding": kernel // 2, **params}


def _residual_body(channels: int) -> tuple[LayerItems, ...]:
    """Return the body of a ResNet-18 block whose output has as many channels as its input (He and others, 2015)."""
    conv = _conv(channels, 3, bias=False)
    return ([conv, ("BatchNorm2d", {}), ("ReLU", {}), conv, ("BatchNorm2d", {})],)


def _inception_branches(channels: int) -> tuple[LayerItems, ...]:
    """Return four branches with windows of different sizes, as in GoogLeNet (Szegedy and others, 2014)."""
    branch_channels = max(1, channels // 4)
    pool = ("MaxPool2d", {"kernel_size": 3, "stride": 1, "padding": 1})
    return (
        [_conv(branch_channels, 1), ("ReLU", {})],
        [_conv(branch_channels, 1), ("ReLU", {}), _conv(branch_channels, 3), ("ReLU", {})],
        [_conv(branch_channels, 1), ("ReLU", {}), _conv(branch_channels, 5), ("ReLU", {})],
        [pool, _conv(branch_channels, 1), ("ReLU", {})],
    )


_REDUCTION = Whole(
    key="reduction",
    title=Text("Squeezed to one in"),
    default=16,
    low=1,
    high=256,
    help=Text("By how much the channels are squeezed in between."),
)

BLOCK_LAYERS: tuple[LayerKind, ...] = (
    LayerKind(
        key="Residual",
        title=Text("Residual block"),
        help=Text("What comes in is added to what the body makes of it, so that a deep net still learns (ResNet, 2015)."),
        target="vpc2.nets.layers.block_modules.Residual",
        family="block",
        stem="res",
        block=Block(
            join=branch_rules.residual_shape,
            sign="+",
            derive=branch_rules.shortcut_layers,
            extras=lambda params: {} if params["activation"] == "none" else {"activation": params["activation"]},
            starter=_residual_body,
            recognise=branch_recognition.recognise_residual,
            after="activation",
            free=("projection",),
        ),
        knobs=(
            Choice(
                key="projection",
                title=Text("Where shapes differ"),
                default="conv_bn",
                options={
                    "conv_bn": Text("1 × 1 convolution, batch norm"),
                    "conv": Text("1 × 1 convolution", context="projection"),
                    "none": Text("no projection"),
                },
                help=Text("What brings the picture that came in to the shape of the body's, so that they can be added."),
            ),
            Choice(
                key="activation",
                title=Text("After adding"),
                default="ReLU",
                options={"ReLU": Text("ReLU"), "none": Text("nothing")},
                help=Text("What the sum goes through."),
            ),
        ),
    ),
    LayerKind(
        key="Parallel",
        title=Text("Parallel branches"),
        help=Text("Several branches look at the same picture; their channels are laid side by side (Inception, 2014)."),
        target="vpc2.nets.layers.block_modules.Parallel",
        family="block",
        stem="par",
        aliases=("Inception",),
        block=Block(
            join=branch_rules.concatenated_shape,
            sign="|",
            max_branches=8,
            starter=_inception_branches,
            formulas=formula_texts.sum_formulas,
            recognise=branch_recognition.recognise_parallel,
        ),
    ),
    LayerKind(
        key="Repeat",
        title=Text("Repeat"),
        help=Text("The same layers several times in a row, each time with weights of their own."),
        target="torch.nn.Sequential",
        family="block",
        stem="rep",
        block=Block(
            join=branch_rules.chain_shape,
            is_chain=True,
            times=lambda params: params["times"],
            starter=lambda channels: ([_conv(channels, 3), ("ReLU", {})],),
        ),
        knobs=(
            Whole(
                key="times",
                title=Text("Times"),
                default=2,
                low=1,
                high=10_000,
                aliases=("n",),
                help=Text("How often the layers stand in a row."),
            ),
        ),
    ),
    LayerKind(
        key="SqueezeExcite",
        title=Text("Squeeze-and-excitation"),
        help=Text("Looks at the mean of every channel and decides how much each one counts (Hu and others, 2017)."),
        target="vpc2.nets.layers.block_modules.SqueezeExcite",
        family="block",
        stem="se",
        sees_whole=True,
        block=Block(
            join=branch_rules.scaled_shape,
            sign="×",
            min_branches=0,
            max_branches=0,
            derive=branch_rules.gate_layers,
            sees_derived=False,
            starter=lambda channels: (),
            recognise=lambda branches: branch_recognition.recognise_gate(branches, _REDUCTION),
        ),
        knobs=(_REDUCTION,),
    ),
)
