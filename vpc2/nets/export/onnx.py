"""A net for other programs: as ONNX, as a graph for TensorBoard, and its picture in pixels.

What cannot be written is known beforehand: `check_onnx` says it without building anything.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from vpc2.host import MB
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.formulas import BYTES
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import Summary
from vpc2.nets.summary.summarise import summarise
from vpc2.text import Refusal, Text

if TYPE_CHECKING:
    from torch.nn import Module

ONNX_BYTES = 100 * MB  # of parameters
ONNX_LAYERS = 300  # every copy counted: a second for thirty layers, and browsers wait three minutes for a file
OPSET = 20
IMAGES, SCORES = "images", "scores"

_TOO_LARGE = Text("This net has {params:,} parameters, which would take {found:,} MB; at most {most:,} MB are written as ONNX here.")
_TOO_LONG = Text("This net has {count:,} layers; at most {most:,} are written as ONNX here.")
_LOCK = threading.Lock()  # torch's exporter changes global state while it works, and one export at a time is enough memory


def check_onnx(summary: Summary) -> None:
    """Raise `Refusal` where a net cannot be written as ONNX: it does not fit, is too large, or has a layer that ONNX lacks."""
    if summary.problem is not None:
        raise Refusal(summary.problem.text)
    if summary.params * BYTES > ONNX_BYTES:
        raise Refusal(_TOO_LARGE.fill(params=summary.params, found=-(-summary.params * BYTES // MB), most=ONNX_BYTES // MB))
    if summary.count > ONNX_LAYERS:
        raise Refusal(_TOO_LONG.fill(count=summary.count, most=ONNX_LAYERS))
    for facts in summary.walk():
        if (why := LAYERS[facts.kind].no_onnx(facts.layer.params)) is not None:
            raise Refusal(why.fill(name=facts.name))


def to_onnx(net: Net, seed: int = 1) -> bytes:
    """Return the net as one ONNX file, ready to answer (dropout off), with fresh weights that depend on `seed` alone.

    It takes `images` (B, C, H, W) of any batch and gives `scores`; weights keep their names of the state dict. Takes seconds.
    Raises `Refusal` as `check_onnx` does.
    """
    check_onnx(summarise(net))

    from vpc2.nets.module import build_net
    from vpc2.rng import drawing

    with drawing(seed):
        module = build_net(net).eval()
    return write_onnx(module, tuple(net.input), SCORES)


def write_onnx(module: Module, shape: tuple[int, int, int], output: str) -> bytes:
    """Return a module as ONNX that takes `images` (B, *shape) of any batch and gives `output`."""
    import torch

    from vpc2.nets.export.even_pooling import without_rounding_up

    with _LOCK, torch.no_grad():
        program = torch.onnx.export(
            without_rounding_up(module),
            (torch.zeros(2, *shape),),  # two pictures: one alone would be taken for a batch that is always one
            dynamo=True,
            input_names=[IMAGES],
            output_names=[output],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
        return program.model_proto.SerializeToString()
