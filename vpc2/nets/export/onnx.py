"""ONNX export of a net and of modules.

`check_onnx` refuses nets that cannot be exported, without building them.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.formula_texts import BYTES
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import Summary
from vpc2.nets.summary.summarise import summarise
from vpc2.system.host import MB
from vpc2.text import Refusal, Text
from vpc2.version import APP

if TYPE_CHECKING:
    from torch.nn import Module

MAX_ONNX_BYTES = 100 * MB  # of parameters
MAX_ONNX_LAYERS = 300  # every copy counted: thirty layers take a second, and browsers wait three minutes for a file
OPSET = 20
IMAGES, SCORES = "images", "scores"

_TOO_LARGE = Text("This net has {params:,} parameters, which would take {found:,} MB; at most {most:,} MB are written as ONNX here.")
_TOO_LONG = Text("This net has {count:,} layers; at most {most:,} are written as ONNX here.")
_LOCK = threading.Lock()  # torch's exporter changes global state, and one export at a time takes enough memory


def check_onnx(summary: Summary) -> None:
    """Raise `Refusal` where a net cannot be exported: it does not fit, is too large, or has a layer that ONNX lacks."""
    if summary.problem is not None:
        raise Refusal(summary.problem.text)
    if summary.params * BYTES > MAX_ONNX_BYTES:
        raise Refusal(_TOO_LARGE.fill(params=summary.params, found=-(-summary.params * BYTES // MB), most=MAX_ONNX_BYTES // MB))
    if summary.count > MAX_ONNX_LAYERS:
        raise Refusal(_TOO_LONG.fill(count=summary.count, most=MAX_ONNX_LAYERS))
    for facts in summary.walk():
        if (why := LAYERS[facts.kind].no_onnx(facts.layer.params)) is not None:
            raise Refusal(why.fill(name=facts.name))


def to_onnx(net: Net, seed: int = 1) -> bytes:
    """Return the net as an ONNX file in evaluation mode (dropout off), with weights initialised from `seed`.

    Its input is `images` (B, C, H, W) with any batch size, its output `scores`; weights keep their names in the state dict. Takes
    seconds. Raises `Refusal` as `check_onnx` does.
    """
    check_onnx(summarise(net))

    from vpc2.nets.module import build_net
    from vpc2.rng import drawing

    with drawing(seed):
        module = build_net(net).eval()
    return write_onnx(module, net.input, SCORES)


def write_onnx(module: Module, shape: tuple[int, int, int], output: str) -> bytes:
    """Return a module as an ONNX file with the input `images` (B, *shape), of any batch size, and an output named `output`."""
    import torch

    from vpc2.nets.export.even_pooling import without_ceil_mode

    with _LOCK, torch.no_grad():
        program = torch.onnx.export(
            without_ceil_mode(module),
            (torch.zeros(2, *shape),),  # two images: a batch of one would be exported as a fixed size
            dynamo=True,
            input_names=[IMAGES],
            output_names=[output],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
        assert program is not None  # only the older exporter, dynamo=False, gives none
        model = program.model_proto
        entry = model.metadata_props.add()
        entry.key, entry.value = "app", APP
        return model.SerializeToString()
