"""A net as a graph that TensorBoard draws."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.shape_rules import Shape
from vpc2.nets.spec import Net
from vpc2.nets.summary.csv_table import named_branches, short_name
from vpc2.nets.summary.layer_summary import LayerFacts
from vpc2.nets.summary.summarise import summarise

if TYPE_CHECKING:
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.node_def_pb2 import NodeDef
from vpc2.nets.export.onnx import IMAGES, SCORES


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
