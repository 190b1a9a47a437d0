"""What a kind of layer is, and the knobs that many of them share. Standard library only; the table is `layers.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from vpc2.catalog import Entry
from vpc2.knobs import Flag, Pair, Whole
from vpc2.nets.layers import formulas
from vpc2.nets.layers import shape_rules as rule
from vpc2.nets.layers.formulas import Formula
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

Sequence = list[tuple[str, Params]]


class Read(Protocol):
    """A layer that was read out of PyTorch code."""

    kind: str
    params: Params


Branches = list[tuple[Any, ...]]  # of `Read`


@dataclass(frozen=True)
class Meeting:
    """What a block makes of branches that meet: its parameters, what it holds, and the layers that must be what it derives."""

    params: Params
    branches: Branches = field(default_factory=list)
    shortcut: tuple[Any, ...] = ()


def _nothing(p: Params, shape: Shape) -> dict[str, Any]:
    return {}


def _no_remark(p: Params, out: Shape) -> Text | None:
    return None


def _can(p: Params) -> Text | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Block:
    """How a kind that holds layers works.

    `fewest` and `most` bound its branches; `join` gives the shape that comes out, from what came in and what each branch gives,
    or raises `Misfit`; `derive` gives one more branch that follows from the shapes (kinds with parameters), and is given
    back to `join` with the others; it counts in the receptive field where `sees_derived`. Where `is_chain`, the body stands
    `times` times in a row, each with weights of its own, and nothing is added to it.
    `extras` name modules of torch.nn that the block's class takes besides its branches, `starter` fills a new block for so many
    channels, and `formulas` says its sum. `sign` is how what its branches give is joined: added ("+"), multiplied ("×"), laid side
    by side ("|"), or not at all ("").
    Where PyTorch code is read, `recognise` is asked about branches that meet in that way and returns what this kind makes of them, or
    None where they are another's. `after` is the knob that names the layer which what was joined goes through, and `free` are knobs
    that take their default where the shapes left nothing to derive.
    """

    join: Callable[[Params, Shape, tuple[Shape, ...]], Shape]
    sign: str = ""
    fewest: int = 1
    most: int = 1
    derive: Callable[[Params, Shape, tuple[Shape, ...]], Sequence] | None = None
    sees_derived: bool = True
    times: Callable[[Params], int] = lambda params: 1
    is_chain: bool = False
    extras: Callable[[Params], dict[str, str]] = lambda params: {}
    starter: Callable[[int], tuple[Sequence, ...]] = lambda channels: ((),)
    formulas: Callable[[Params, Shape, tuple[Shape, ...], Shape], tuple[Formula, ...]] = lambda p, shape, outs, out: ()
    recognise: Callable[[Branches], Meeting | None] = lambda branches: None
    after: str = ""
    free: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LayerKind(Entry):
    """A kind of layer with its rules.

    `stem` begins the name of each such layer in a net ("conv1"). `output` gives the shape that comes out or raises
    `Misfit`; `macs` the multiply-adds, from the parameters, what comes in, what comes out and how many learned numbers there are;
    `inner` the torch arguments that follow from the shape that comes in, `hidden` the knobs that torch does not
    know; `flat_target` the torch class on a vector where it is another one; `window` what one value looks at, None where
    it is itself. `divides` names knobs whose value must divide the channels that come in, `multiples` knobs that are multiples
    of another. `block` says how it holds other layers, None where it holds none. `sees_whole` is True where its statistics or its
    gate look at the whole picture, which receptive fields leave out.

    `remark` says what is allowed and hardly meant, from the parameters and what comes out; `no_onnx` why it cannot be written as
    ONNX; both with a field for its `{name}`, or None. `script` is what exported code writes for it where that is no call of torch's
    class.

    Where PyTorch code is read, `function` is torch's function that does the same, by its name, or with its arguments behind the
    picture where `inspect` finds none (`max_pool2d(kernel_size, …)`). `also_reads` are further classes of torch.nn that are read as
    this kind, each with a sentence on what differs, or None. `is_view` says that what comes out may be the memory that came in.
    """

    stem: str
    output: Callable[[Params, Shape], Shape] = rule.same
    params: Callable[[Params, Shape], int] = rule.no_params
    macs: Callable[[Params, Shape, Shape, int], int] = rule.once
    window: Callable[[Params, Shape], Windows] | None = None
    formulas: Callable[[Params, Shape, Shape, int], tuple[Formula, ...]] = formulas.no_formulas
    inner: Callable[[Params, Shape], dict[str, Any]] = _nothing
    hidden: tuple[str, ...] = ()
    flat_target: str = ""
    fixed: tuple[tuple[str, Any], ...] = ()
    divides: tuple[str, ...] = ()
    multiples: tuple[tuple[str, str], ...] = ()
    block: Block | None = None
    sees_whole: bool = False
    remark: Callable[[Params, Shape], Text | None] = _no_remark
    no_onnx: Callable[[Params], Text | None] = _can
    script: str = ""
    function: str = ""
    also_reads: tuple[tuple[str, Text | None], ...] = ()
    is_view: bool = False

    @property
    def has_weights(self) -> bool:
        """True where it may learn numbers of its own."""
        return self.params is not rule.no_params

    def arguments(self, params: Params, shape: Shape) -> dict[str, Any]:
        """Return the arguments of the torch class for what comes in: what follows from its shape, then the knobs; pairs as tuples."""
        given = {key: tuple(value) if isinstance(value, list) else value for key, value in params.items() if key not in self.hidden}
        return {**self.inner(params, shape), **dict(self.fixed), **given}

    def target_for(self, shape: Shape) -> str:
        """Return the dotted name of the torch class for what comes in."""
        return self.flat_target if self.flat_target and len(shape) == 1 else self.target


def kernel(default: int) -> Pair:
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


def stride(default: int) -> Pair:
    return Pair(
        key="stride",
        title=Text("Stride"),
        default=default,
        low=1,
        high=64,
        unit="px",
        help=Text("How far the window moves each time."),
    )


def padding(words: bool) -> Pair:
    return Pair(
        key="padding",
        title=Text("Padding"),
        default=0,
        low=0,
        high=rule.LARGEST_PADDING,
        aliases=("pad",),
        unit="px",
        words={rule.SAME: Text("same", context="padding")} if words else {},
        help=Text("Rows and columns of zeros added on every side; “same” keeps the picture's sides.")
        if words
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
    """Return the rule of a class that wants the number of channels that come in under this name."""
    return lambda params, shape: {key: shape[0]}
