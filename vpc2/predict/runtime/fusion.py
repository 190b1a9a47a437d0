"""Layer fusion for inference: batch norms and padding folded into convolutions, in-place ReLUs, with equal outputs.

Fewer passes over memory. For inference only: gradients, hooks and feature maps use the original module, which is not changed.
"""

from __future__ import annotations

import copy
import logging

import torch
import torch.nn.functional as F
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

MAX_BYTES = 128 << 20  # limit for weights, which are in memory twice afterwards
_LOG = logging.getLogger(__name__)


class _Tracer(fx.Tracer):
    """Traces into every module except torch's own layers and subclasses of its convolution."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, nn.Conv2d) or super().is_leaf_module(module, name)


@torch.no_grad()
def fold(module: nn.Module) -> nn.Module | None:
    """Return a module with the outputs of a module in evaluation mode, changed weights copied; None if it cannot be traced.

    A batch norm after a convolution is a scale and a shift of its weights (`torch.nn.utils.fusion`); zero padding in a layer of its own
    becomes the padding of the convolution; and an activation overwrites an input that no other layer uses.
    """
    if sum(value.numel() * value.element_size() for value in module.state_dict().values()) > MAX_BYTES:
        return None
    try:
        graph = _Tracer().trace(module)
    except (fx.proxy.TraceError, TypeError, ValueError, RuntimeError):
        _LOG.info("a module could not be followed, and answers as it is", exc_info=True)
        return None
    folded = fx.GraphModule(module, graph)
    for node in list(folded.graph.nodes):
        if node.op != "call_module":
            continue
        layer = folded.get_submodule(str(node.target))
        before = node.args[0] if node.args else None
        if isinstance(layer, nn.BatchNorm2d) and isinstance(before, fx.Node) and _is_wanted_once(folded, before):
            convolution = folded.get_submodule(str(before.target))
            if isinstance(convolution, nn.Conv2d):
                folded.set_submodule(str(before.target), fuse_conv_bn_eval(convolution, layer))
                node.replace_all_uses_with(before)
                folded.graph.erase_node(node)
    _own_padding(folded)
    _write_over(folded)
    folded.delete_all_unused_submodules()
    folded.recompile()
    return folded.eval()


def _is_wanted_once(folded: fx.GraphModule, node: fx.Node) -> bool:
    """True for a layer whose output nobody else wants, and that is called once."""
    if node.op != "call_module" or len(node.users) != 1:
        return False
    return sum(other.op == "call_module" and other.target == node.target for other in folded.graph.nodes) == 1


def _own_padding(folded: fx.GraphModule) -> None:
    """Replace separate padding, as in the convolutions of EfficientNet's package, by the convolution's own padding.

    Where there is one more row of zeros below than above, a kernel extended by a row of zeros on top and shifted up by one computes the
    same.
    """
    for name, layer in list(folded.named_modules()):
        zero_pad = getattr(layer, "static_padding", None)
        if not (isinstance(layer, nn.Conv2d) and isinstance(zero_pad, nn.ZeroPad2d) and tuple(layer.padding) == (0, 0)):
            continue
        left, right, top, bottom = zero_pad.padding
        extra_columns, extra_rows = right - left, bottom - top
        if not (extra_columns in (0, 1) and extra_rows in (0, 1)) or (extra_columns + extra_rows and tuple(layer.dilation) != (1, 1)):
            continue
        weight = F.pad(layer.weight, (extra_columns, 0, extra_rows, 0))
        padded = nn.Conv2d(
            layer.in_channels,
            layer.out_channels,
            (weight.shape[2], weight.shape[3]),
            (layer.stride[0], layer.stride[1]),
            (bottom, right),
            (layer.dilation[0], layer.dilation[1]),
            layer.groups,
            layer.bias is not None,
            device="meta",
        )
        padded.weight, padded.bias = nn.Parameter(weight, requires_grad=False), layer.bias
        folded.set_submodule(name, padded)


def _write_over(folded: fx.GraphModule) -> None:
    """Let activations overwrite the output of a convolution or dense layer that nothing else uses.

    Allocating memory costs more than the arithmetic.
    """
    for number, node in enumerate(folded.graph.nodes):
        if node.op != "call_module" or not isinstance(before := node.args[0] if node.args else None, fx.Node) or len(before.users) != 1:
            continue
        layer = folded.get_submodule(str(node.target))
        is_made_here = before.op == "call_module" and isinstance(folded.get_submodule(str(before.target)), nn.Conv2d | nn.Linear)
        if is_made_here and getattr(layer, "inplace", None) is False:
            in_place = copy.copy(layer)  # the original module is not changed
            vars(in_place)["inplace"] = True  # each activation has its own `inplace`, their common class has none
            node.target = f"in_place_{number}"
            folded.add_submodule(node.target, in_place)
