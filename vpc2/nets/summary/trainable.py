"""Whether a net can be trained on this host, and repairs where it cannot; by arithmetic only."""

from __future__ import annotations

from vpc2.nets.layers import shape_rules
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.spec import Net, edit_add, edit_param
from vpc2.nets.summary.layer_summary import Problem, Repair, Summary
from vpc2.nets.summary.summarise import summarise
from vpc2.system.host import LIMITS, MB
from vpc2.text import Plural, Text

DEFAULT_BATCH = 64  # images, for the memory that training takes

_NO_VECTOR = Text(
    "This net ends in a picture of {shape}, not in one number a class: end it with a pooling over the whole picture and a dense layer."
)
_ONE_OUTPUT = Text("This net ends in a single number: one class alone is always right and teaches nothing. It needs one output a class.")
_WRONG_CLASSES = Plural(
    "This net ends in {found:,} number and the data has {classes:,} classes.",
    "This net ends in {found:,} numbers and the data has {classes:,} classes.",
    count="found",
)
_SET_CLASSES = Text("End in {classes:,}")
_ADD_HEAD = Text("Add a global pooling and a dense layer of {classes:,}")
_ADD_DENSE = Text("Add a dense layer of {classes:,}")
_HEAVY = Text("This net has {params:,} parameters; at most {most:,} can be trained here. It can still be looked at and exported.")
_LONG = Text("This net has {count:,} layers; at most {most:,} can be trained here. It can still be looked at.")
_LARGE = Text(
    "A batch of {batch:,} pictures would hold {found:,} MB of outputs; at most {most:,} MB fit here. Smaller "
    "pictures, fewer filters or an earlier pooling help."
)


def check_trainable(net: Net, classes: int, batch: int = DEFAULT_BATCH) -> Problem | None:
    """Return why a net cannot be trained on this host to classify `classes` classes, or None."""
    summary = summarise(net)
    if summary.problem is not None:
        return summary.problem
    assert summary.output is not None
    if len(summary.output) == 3:
        head = Repair(
            _ADD_HEAD.fill(classes=classes), lambda net: edit_add(edit_add(net, "GlobalAvgPool"), "Linear", {"out_features": classes})
        )
        height, width, channels = summary.output[1], summary.output[2], summary.output[0]
        return Problem(_NO_VECTOR.fill(shape=f"{height} × {width} × {channels}"), (head,))
    outputs = summary.output[0]
    if outputs == 1 or outputs != classes:
        text = _ONE_OUTPUT if outputs == 1 else _WRONG_CLASSES.fill(found=outputs, classes=classes)
        return Problem(text, (_repair_classes(net, classes),))
    return check_host_limits(summary, batch)


def check_host_limits(summary: Summary, batch: int = DEFAULT_BATCH) -> Problem | None:
    """Return why a net is too large to be trained on this host, or None."""
    if summary.params > LIMITS.trainable_params:
        return Problem(_HEAVY.fill(params=summary.params, most=LIMITS.trainable_params))
    if summary.count > LIMITS.built_layers:
        return Problem(_LONG.fill(count=summary.count, most=LIMITS.built_layers))
    if summary.activation_bytes * batch > LIMITS.activation_bytes:
        activation_mb = summary.activation_bytes * batch // MB
        return Problem(_LARGE.fill(batch=batch, found=activation_mb, most=LIMITS.activation_bytes // MB))
    return None


def _repair_classes(net: Net, classes: int) -> Repair:
    last_dense = next((layer for layer in reversed(net.layers) if LAYERS[layer.kind].family == "dense"), None)
    layers_after = net.layers[net.layers.index(last_dense) + 1 :] if last_dense else ()
    if last_dense is not None and all(
        LAYERS[layer.kind].output is shape_rules.same_shape and LAYERS[layer.kind].block is None for layer in layers_after
    ):
        return Repair(_SET_CLASSES.fill(classes=classes), lambda net: edit_param(net, last_dense.id, "out_features", classes))
    return Repair(_ADD_DENSE.fill(classes=classes), lambda net: edit_add(net, "Linear", {"out_features": classes}))


def review_saved_net(net: Net) -> tuple[Problem | None, tuple[Text, ...]]:
    """Return the problem of a saved net, or None, and its remarks.

    A net that is only viewed may have any size; a saved one must end in one number for each class.
    """
    summary = summarise(net)
    if summary.problem is not None:
        return summary.problem, summary.remarks
    assert summary.output is not None
    if len(summary.output) == 3 or summary.output == (1,):
        return check_trainable(net, 2), summary.remarks
    return None, summary.remarks
