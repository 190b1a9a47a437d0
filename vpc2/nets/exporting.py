"""A net for other programs: as ONNX, as a graph for TensorBoard, and its picture in pixels.

What cannot be written is known beforehand: `check_onnx` says it without building anything.
"""

from __future__ import annotations

import functools
import io
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from vpc2.host import MB
from vpc2.nets.arithmetic import Shape
from vpc2.nets.facts import LayerFacts, Summary
from vpc2.nets.formulas import BYTES
from vpc2.nets.layers import LAYERS
from vpc2.nets.shapes import summarise
from vpc2.nets.spec import Net
from vpc2.nets.table import named_branches, short_name
from vpc2.words import Refusal, Text

if TYPE_CHECKING:
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.node_def_pb2 import NodeDef
    from torch.nn import Module

ONNX_BYTES = 100 * MB  # of parameters
ONNX_LAYERS = 300  # every copy counted: a second for thirty layers, and browsers wait three minutes for a file
OPSET = 20
WIDEST_PX = 8000
# What stands for "sans-serif" in a picture, the first one that is there: what browsers take, then what Linux comes with.
SANS_FAMILIES = (
    *("Arial", "Helvetica", "Helvetica Neue", "Segoe UI", "Liberation Sans", "DejaVu Sans", "Noto Sans", "Open Sans", "Ubuntu"),
    *("Cantarell", "Roboto", "FreeSans", "Nimbus Sans", "Verdana", "Tahoma"),
)
IMAGES, SCORES = "images", "scores"

_TOO_LARGE = Text(
    "This net has {params:,} parameters, which would take {found:,} MB; at most {most:,} MB are written as ONNX here.",
    "Esta red tiene {params:,} parámetros, que ocuparían {found:,} MB; acá se escriben como máximo {most:,} MB en ONNX.",
)
_TOO_LONG = Text(
    "This net has {count:,} layers; at most {most:,} are written as ONNX here.",
    "Esta red tiene {count:,} capas; acá se escriben como máximo {most:,} en ONNX.",
)
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

    from vpc2.nets.even_pooling import without_rounding_up

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


def to_tensorboard(net: Net) -> bytes:
    """Return an event file with the net as a graph, as TensorBoard draws it: layers by name, blocks to open, shapes on the arrows.

    Of a block that repeats, its first copy is drawn. A layer that does not fit is left out, and so is what follows it.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    out = io.BytesIO()
    writer = RecordWriter(out)
    for event in (Event(file_version="brain.Event:2"), Event(graph_def=build_graph(net).SerializeToString())):
        writer.write(event.SerializeToString())
    return out.getvalue()


def build_graph(net: Net) -> GraphDef:
    """Return a net as the graph that TensorBoard draws."""
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.versions_pb2 import VersionDef

    nodes = [_node(IMAGES, "Input", (), net.input)]
    last = _add_layers(nodes, summarise(net).layers, IMAGES)
    nodes.append(_node(SCORES, "Output", (last,)))
    return GraphDef(node=nodes, versions=VersionDef(producer=22))


def _add_layers(nodes: list[NodeDef], layers: Sequence[LayerFacts], came: str, prefix: str = "") -> str:
    """Append the nodes of layers in a row behind the node `came`; return the name of the last one."""
    for facts in layers:
        if facts.output is None:
            break
        name, block = f"{prefix}{short_name(facts)}", LAYERS[facts.kind].block
        if block is None:
            nodes.append(_node(name, facts.kind, (came,), facts.output, facts))
            came = name
            continue
        lasts = [_add_layers(nodes, branch, came, f"{name}/{place}") for place, branch in named_branches(facts)]
        if block.is_chain:
            came = lasts[0]
            continue
        # Only a block that holds nothing of its own joins with what came in: elsewhere a branch, or an empty one, stands for it.
        nodes.append(_node(f"{name}/{facts.kind}", facts.kind, lasts if facts.layer.branches else (came, *lasts), facts.output, facts))
        came = nodes[-1].name
    return came


def _node(name: str, op: str, inputs: Sequence[str], output: Shape | None = None, facts: LayerFacts | None = None) -> NodeDef:
    from tensorboard.compat.proto.attr_value_pb2 import AttrValue
    from tensorboard.compat.proto.node_def_pb2 import NodeDef
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    told = {} if facts is None else {**facts.layer.params, "parameters": facts.params, "multiply_adds": facts.macs}
    attributes = {key: AttrValue(s=str(value).encode()) for key, value in told.items()}
    if output is not None:  # -1 is the batch, of any size
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=side) for side in (-1, *output)])
        attributes["_output_shapes"] = AttrValue(list=AttrValue.ListValue(shape=[shape]))
    return NodeDef(name=name, op=op, input=inputs, attr=attributes)


def to_png(svg: str, width_px: int = 0) -> bytes:
    """Return a picture of a net as PNG on white, so many pixels wide (0: twice its own width, up to a limit).

    Its words are set in the first of `SANS_FAMILIES` that this machine has. Where it has none, they are set in the font that Pillow
    carries, which has no sign of multiplication: an x stands for it.
    """
    import resvg_py

    width_px = width_px or min(2 * round(float(ElementTree.fromstring(svg).get("width"))), WIDEST_PX)
    family = _sans_family()
    if family is not None:
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=width_px, background="#ffffff", sans_serif_family=family))
    from PIL import ImageFont

    font = ImageFont.load_default(16)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "font.ttf"
        file.write_bytes(font.path.getvalue())
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=svg.replace("×", "x"),
                width=width_px,
                background="#ffffff",
                skip_system_fonts=True,
                font_files=[str(file)],
                sans_serif_family=font.getname()[0],
            )
        )


@functools.cache
def _sans_family() -> str | None:
    """Return the family that stands for "sans-serif" on this machine: a sign is drawn and looked for. resvg itself takes Arial alone."""
    import resvg_py
    from PIL import Image

    probe = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><text x="4" y="30" font-family="sans-serif">×</text></svg>'
    for family in SANS_FAMILIES:
        drawn = bytes(resvg_py.svg_to_bytes(svg_string=probe, sans_serif_family=family))
        if Image.open(io.BytesIO(drawn)).getbbox() is not None:
            return family
    return None
