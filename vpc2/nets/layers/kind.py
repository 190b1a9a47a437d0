"""`LayerKind`: the description of a layer type and its rules, and the knobs that several types share. Standard library only.

The table of all layer types is `catalog.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from vpc2.catalog import Entry
from vpc2.knobs import Flag, Pair, Whole
from vpc2.nets.layers import formula_texts
from vpc2.nets.layers import shape_rules as rule
from vpc2.nets.layers.formula_texts import Formula
from vpc2.nets.layers.shape_rules import Params, Shape
from vpc2.nets.layers.window_rules import Windows
from vpc2.text import Text

FAMILIES = {
    "convolution": Text("Convolution"),
    "pooling": Text("Pooling"),
    "activation": Text("Activation"),
    "normalisation": Text("Normalisation"),
    "regularisation": Text("Regularisation"),
    "reshaping": Text("Reshaping"),
    "dense": Text("Dense"),
    "block": Text("Block"),
}

LayerItems = list[tuple[str, Params]]


class ReadLayer(Protocol):
    """A layer that was read from PyTorch code."""

    kind: str
    params: Params


ReadBranches = list[tuple[Any, ...]]  # of `ReadLayer`


@dataclass(frozen=True)
class BlockMatch:
    """A block recognised in branches that meet: its parameters, its branches, and the layers that must equal its derived branch."""

    params: Params
    branches: ReadBranches = field(default_factory=list)
    shortcut: tuple[Any, ...] = ()


def _no_arguments(p: Params, shape: Shape) -> dict[str, Any]:
    return {}


def _no_remark(p: Params, out: Shape) -> Text | None:
    return None


def _can_export(p: Params) -> Text | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Block:
    """The rules of a layer type that contains other layers.

    - `min_branches`, `max_branches`: bounds of the number of branches.
    - `join`: returns the output shape from the input shape and the branches' output shapes, or raises `ShapeMismatch`.
    - `derive`: returns the layers (kind, parameters) of one more branch, computed from the shapes, such as the shortcut of a
      residual block; `join` gets its output shape too. It counts in the receptive field if `sees_derived`.
    - `is_chain`: the body is repeated `times` times in sequence, each copy with weights of its own; nothing is added to it.
    - `extras`: modules of torch.nn, by argument name, that the block's class takes besides its branches.
    - `starter`: the branches of a new block for a number of input channels.
    - `formulas`: the formulas that the page shows for the block.
    - `sign`: how the branches' outputs are combined: added ("+"), multiplied ("×"), concatenated ("|"), or not at all ("").

    For reading PyTorch code:

    - `recognise`: returns the block that branches joined by `sign` are, or None where they are not of this kind.
    - `after`: the parameter that names the layer applied to the joined value.
    - `free`: parameters that take their default where nothing is derived from the shapes.
    """

    join: Callable[[Params, Shape, tuple[Shape, ...]], Shape]
    sign: str = ""
    min_branches: int = 1
    max_branches: int = 1
    derive: Callable[[Params, Shape, tuple[Shape, ...]], LayerItems] | None = None
    sees_derived: bool = True
    times: Callable[[Params], int] = lambda params: 1
    is_chain: bool = False
    extras: Callable[[Params], dict[str, str]] = lambda params: {}
    starter: Callable[[int], tuple[LayerItems, ...]] = lambda channels: ([],)
    formulas: Callable[[Params, Shape, tuple[Shape, ...], Shape], tuple[Formula, ...]] = lambda p, shape, outs, out: ()
    recognise: Callable[[ReadBranches], BlockMatch | None] = lambda branches: None
    after: str = ""
    free: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LayerKind(Entry):
    """A type of layer with its rules.

    - `stem`: prefix of the names of such layers in a net ("conv" gives "conv1").
    - `output`: returns the output shape from parameters and input shape, or raises `ShapeMismatch`.
    - `params`: number of learned parameters.
    - `macs`: multiply-adds, from the parameters, the input shape, the output shape and the number of learned parameters.
    - `window`: the windows of the input that one output value depends on (height, width); None where it depends on one value.
    - `formulas`: the formulas that the page shows for the layer.
    - `shape_arguments`: the torch arguments that follow from the input shape.
    - `app_only_knobs`: the knobs that are no arguments of the torch class.
    - `vector_target`: the torch class for a vector input, where it is another one than `target`.
    - `fixed`: torch arguments that are always the same.
    - `divides`: knobs whose value must divide the number of input channels.
    - `multiples`: pairs (knob, other knob) where the first must be a multiple of the second.
    - `block`: the rules of its branches, None for a layer that contains no others.
    - `sees_whole`: True where its statistics or gate depend on the whole image, which receptive fields leave out.
    - `remark`: returns a warning (with a field `{name}`) from parameters and output shape, or None.
    - `no_onnx`: returns why the layer cannot be exported to ONNX (with a field `{name}`), or None.
    - `script`: the exported code of the layer, where it is no call of the torch class.

    For reading PyTorch code:

    - `function`: the equivalent function of torch, by its name, or with its arguments after the image where `inspect` finds none
      (`max_pool2d(kernel_size, …)`).
    - `also_reads`: further classes of torch.nn that are read as this kind, each with a note on what differs, or None.
    - `is_view`: True where the output may share the memory of the input.
    """

    stem: str
    output: Callable[[Params, Shape], Shape] = rule.same_shape
    params: Callable[[Params, Shape], int] = rule.no_params
    macs: Callable[[Params, Shape, Shape, int], int] = rule.params_macs
    window: Callable[[Params, Shape], Windows] | None = None
    formulas: Callable[[Params, Shape, Shape, int], tuple[Formula, ...]] = formula_texts.no_formulas
    shape_arguments: Callable[[Params, Shape], dict[str, Any]] = _no_arguments
    app_only_knobs: tuple[str, ...] = ()
    vector_target: str = ""
    fixed: tuple[tuple[str, Any], ...] = ()
    divides: tuple[str, ...] = ()
    multiples: tuple[tuple[str, str], ...] = ()
    block: Block | None = None
    sees_whole: bool = False
    remark: Callable[[Params, Shape], Text | None] = _no_remark
    no_onnx: Callable[[Params], Text | None] = _can_export
    script: str = ""
    function: str = ""
    also_reads: tuple[tuple[str, Text | None], ...] = ()
    is_view: bool = False

    @property
    def has_weights(self) -> bool:
        """True for a layer that may have learned parameters."""
        return self.params is not rule.no_params

    def arguments(self, params: Params, shape: Shape) -> dict[str, Any]:
        """Return the torch class's arguments for an input shape: those that follow from the shape, then the knobs; pairs as tuples."""
        from_knobs = {
            key: tuple(value) if isinstance(value, list) else value for key, value in params.items() if key not in self.app_only_knobs
        }
        return {**self.shape_arguments(params, shape), **dict(self.fixed), **from_knobs}

    def target_for(self, shape: Shape) -> str:
        """Return the dotted name of the torch class for an input shape."""
        return self.vector_target if self.vector_target and len(shape) == 1 else self.target


def kernel_knob(default: int) -> Pair:
    return Pair(
        key="kernel_size",
        title=Text("Kernel"),
        default=default,
        low=1,
        high=1024,
        aliases=("k", "kernel"),
        unit="px",
        help=Text("Sides of the window that slides over the picture."),
    )


def stride_knob(default: int) -> Pair:
    return Pair(
        key="stride",
        title=Text("Stride"),
        default=default,
        low=1,
        high=64,
        unit="px",
        help=Text("How far the window moves each time."),
    )


def padding_knob(allows_same: bool) -> Pair:
    return Pair(
        key="padding",
        title=Text("Padding"),
        default=0,
        low=0,
        high=rule.MAX_PADDING,
        aliases=("pad",),
        unit="px",
        words={rule.SAME: Text("same", context="padding")} if allows_same else {},
        help=Text("Rows and columns of zeros added on every side; “same” keeps the picture's sides.")
        if allows_same
        else Text("Rows and columns added on every side."),
    )


DILATION = Pair(
    key="dilation",
    title=Text("Dilation"),
    default=1,
    low=1,
    high=64,
    help=Text("Distance between the pixels a filter looks at."),
)
GROUPS = Whole(
    key="groups",
    title=Text("Groups"),
    default=1,
    low=1,
    high=4096,
    help=Text("Splits the channels into groups that do not see one another."),
)
BIAS = Flag(
    key="bias",
    title=Text("Bias"),
    default=True,
    help=Text("Adds one learned number to each output."),
)
FILTERS = Whole(
    key="out_channels",
    title=Text("Filters"),
    default=16,
    low=1,
    high=4096,
    aliases=("out", "filters"),
    help=Text("Channels that come out, one a filter."),
)
EXPECTS = Whole(
    key="expects",
    title=Text("Expects (0: what comes in)"),
    default=0,
    low=0,
    high=10**9,
    help=Text("In torch you write how much comes in, and a wrong number stops the net. 0 follows what comes in."),
)


def channels_in(key: str) -> Callable[[Params, Shape], dict[str, Any]]:
    """Return the `shape_arguments` rule of a torch class that takes the number of input channels as the argument `key`."""
    return lambda params, shape: {key: shape[0]}
