"""What blocks recognise of branches that meet in PyTorch code, each kind its own. Standard library only."""

from __future__ import annotations

from vpc2.knobs import Whole
from vpc2.nets.layers.elementwise import PLAIN
from vpc2.nets.layers.kind import Branches, Meeting, Read

_GATE = ("AdaptiveAvgPool2d", "Conv2d", "ReLU", "Conv2d", "Sigmoid")
_POINTWISE = {"kernel_size": 1, "padding": 0, "groups": 1}
_NORM = next(entry for entry in PLAIN if entry.key == "BatchNorm2d")


def side_by_side(branches: Branches) -> Meeting:
    """Return the branches as they are."""
    return Meeting({}, branches)


def residual(branches: Branches) -> Meeting | None:
    """Return a body to which what came in is added, as it is or through the 1 x 1 convolution of `branch_rules.shortcut`."""
    first, second = branches
    for body, shortcut in ((first, second), (second, first)):
        projection = _projection(shortcut)
        if projection and (body or not shortcut):
            return Meeting({"projection": projection, "activation": "none"}, [body], shortcut)
    return None


def _projection(parts: tuple[Read, ...]) -> str:
    """Return the projection of a residual block that these layers may be: "none" where there are none, "" where they are no projection."""
    kinds = tuple(part.kind for part in parts)
    if not kinds:
        return "none"
    if kinds not in (("Conv2d",), ("Conv2d", "BatchNorm2d")) or not _is_pointwise(parts[0]):
        return ""
    has_norm = len(kinds) == 2
    if has_norm and parts[1].params != _NORM.defaults():
        return ""
    return ("conv_bn" if has_norm else "conv") if parts[0].params["bias"] is not has_norm else ""


def _is_pointwise(part: Read) -> bool:
    return all(part.params[key] == value for key, value in _POINTWISE.items())


def gate(branches: Branches, reduction: Whole) -> Meeting | None:
    """Return a squeeze-and-excitation (`branch_rules.gate`) where one branch is its gate, the other what came in; `reduction`: its knob."""
    first, second = branches
    found = 0 if first and second else _reduction(first or second, reduction)
    return Meeting({"reduction": found}) if found else None


def _reduction(gate: tuple[Read, ...], knob: Whole) -> int:
    """Return by how much a gate squeezes the channels, 0 where it is no gate of squeeze-and-excitation."""
    if tuple(part.kind for part in gate) != _GATE or gate[0].params["output_size"] != 1:
        return 0
    squeeze, excite = gate[1], gate[3]
    if not all(_is_pointwise(one) and one.params["bias"] and one.params["stride"] == 1 for one in (squeeze, excite)):
        return 0
    channels, squeezed = excite.params["out_channels"], squeeze.params["out_channels"]
    tried = (knob.default, *range(knob.low, knob.high + 1))
    return next((one for one in tried if max(1, channels // one) == squeezed), 0)
