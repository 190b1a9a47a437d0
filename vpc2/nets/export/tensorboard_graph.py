"""TensorBoard graph of a net."""

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
    """Return an event file with the net as a TensorBoard graph: layers by name, blocks that can be opened, shapes on the arrows.

    Of a repeating block the first copy is drawn. A layer that does not fit is left out, and so are the layers after it.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    out = io.BytesIO()
    writer = RecordWriter(out)
    for event in (Event(file_version="brain.Event:2"), Event(graph_def=build_graph(net).SerializeToString())):
        writer.write(event.SerializeToString())
    return out.getvalue()


def build_graph(net: Net) -> GraphDef:
    """Return a net as a TensorBoard graph."""
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.versions_pb2 import VersionDef

    nodes = [_node(IMAGES, "Input", (), net.input)]
    last = _add_layers(nodes, summarise(net).layers, IMAGES)
    nodes.append(_node(SCORES, "Output", (last,)))
    return GraphDef(node=nodes, versions=VersionDef(producer=22))


def _add_layers(nodes: list[NodeDef], layers: Sequence[LayerFacts], previous: str, prefix: str = "") -> str:
    """Append the nodes of layers in sequence after the node `previous`; return the name of the last one."""
    for facts in layers:
        if facts.output is None:
            break
        name, block = f"{prefix}{short_name(facts)}", LAYERS[facts.kind].block
        if block is None:
            nodes.append(_node(name, facts.kind, (previous,), facts.output, facts))
            previous = name
            continue
        last_names = [_add_layers(nodes, branch, previous, f"{name}/{branch_prefix}") for branch_prefix, branch in named_branches(facts)]
        if block.is_chain:
            previous = last_names[0]
            continue
        # Only in a block without own branches the input is an operand: in others a branch, or an empty one, represents it.
        nodes.append(
            _node(f"{name}/{facts.kind}", facts.kind, last_names if facts.layer.branches else (previous, *last_names), facts.output, facts)
        )
        previous = nodes[-1].name
    return previous


def _node(name: str, op: str, inputs: Sequence[str], output: Shape | None = None, facts: LayerFacts | None = None) -> NodeDef:
    from tensorboard.compat.proto.attr_value_pb2 import AttrValue
    from tensorboard.compat.proto.node_def_pb2 import NodeDef
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    details = {} if facts is None else {**facts.layer.params, "parameters": facts.params, "multiply_adds": facts.macs}
    attributes = {key: AttrValue(s=str(value).encode()) for key, value in details.items()}
    if output is not None:  # -1 is the batch, of any size
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=side) for side in (-1, *output)])
        attributes["_output_shapes"] = AttrValue(list=AttrValue.ListValue(shape=[shape]))
    return NodeDef(name=name, op=op, input=inputs, attr=attributes)
