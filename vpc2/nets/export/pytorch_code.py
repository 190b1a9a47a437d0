"""`to_code`: exports a net as a runnable, readable PyTorch script."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.nets.summary.summarise import copies_of, summarise
from vpc2.sources import Carrier
from vpc2.version import MADE_WITH

_INDENT = "    "
_NN = "torch.nn."
_IMPORTS = ("import torch", "from torch import nn")


def to_code(net: Net) -> str:
    """Return a script that builds the net as `net`, an `nn.Sequential`, and prints the shape of its output.

    Where a layer does not fit, the code ends before it with the reason in a comment.
    """
    summary = summarise(net)
    lines, (imports, classes) = _layers(_fitting(summary.layers), 1), _classes(summary)
    if summary.problem is not None:
        lines.append(f"{_INDENT}# {summary.problem.text.en}")
    channels, height, width = net.input
    return MADE_WITH + "\n".join(
        [
            *_IMPORTS,
            *imports,
            "",
            *classes,
            f"# {_comment(net.name)}{summary.params:,} parameters, {summary.macs:,} multiply-adds for a picture of {height} "
            f"x {width} x {channels}.",
            "net = nn.Sequential(",
            *lines,
            ")",
            "",
            f"images = torch.zeros(1, {channels}, {height}, {width})",
            "print(net.eval()(images).shape)",
            "",
        ]
    )


def _comment(name: str) -> str:
    printable = "".join(c for c in name if c.isprintable())
    return f"{printable}: " if printable else ""


def _fitting(layers: Sequence[LayerFacts]) -> list[LayerFacts]:
    return [facts for facts in layers if facts.output is not None]


def _classes(summary: Summary) -> tuple[list[str], list[str]]:
    """Return the imports that classes which torch lacks need besides torch's, and their source, as the app itself uses them."""
    kinds, carrier = {facts.kind for facts in _fitting(list(summary.walk()))}, Carrier()
    for key, entry in LAYERS.items():
        if key in kinds and not entry.script:
            for target in filter(None, (entry.target, entry.vector_target)):
                _class_name(target, carrier)
    lines = [line for text in carrier.definitions for line in ("", *text.splitlines(), "", "")][1:]
    return [line for line in carrier.imports if line not in _IMPORTS], lines


def _class_name(target: str, carrier: Carrier | None = None) -> str:
    """Return the name of a layer's class in the code."""
    if target.startswith(_NN):
        return f"nn.{target.removeprefix(_NN)}"
    return (carrier or Carrier()).name_of(target)


def _layers(layers: Iterable[LayerFacts], depth: int) -> list[str]:
    return [line for facts in layers for line in _lines(facts, depth)]


def _lines(facts: LayerFacts, depth: int) -> list[str]:
    assert facts.output is not None
    indent, shape = _INDENT * depth, " x ".join(str(n) for n in (*facts.output[1:], facts.output[0]))
    note = f"  # {facts.name}: {shape}"
    block = LAYERS[facts.kind].block
    if block is None:
        return [f"{indent}{_call(facts)},{note}"]
    if block.is_chain:
        copies = [line for copy, count in copies_of(facts) for line in _copy(copy, count, depth + 1)]
        return [f"{indent}nn.Sequential({note}", *copies, f"{indent}),"]
    branches = [line for branch in facts.built_branches for line in _branch(branch, depth + 1)]
    extras = [f"{indent}{_INDENT}{key}=nn.{name}()," for key, name in block.extras(facts.layer.params).items()]
    return [f"{indent}{_class_name(LAYERS[facts.kind].target)}({note}", *branches, *extras, f"{indent}),"]


def _branch(layers: Sequence[LayerFacts], depth: int) -> list[str]:
    indent = _INDENT * depth
    return [f"{indent}nn.Sequential(", *_layers(layers, depth + 1), f"{indent}),"] if layers else [f"{indent}nn.Sequential(),"]


def _copy(layers: Sequence[LayerFacts], count: int, depth: int) -> list[str]:
    """Return the code of one copy, or a comprehension for `count` equal ones."""
    if count == 1:
        return _branch(layers, depth)
    indent = _INDENT * depth
    *lines, last = _branch(layers, depth + 1)
    return [f"{indent}*[", *lines, last.rstrip(","), f"{indent}{_INDENT}for _ in range({count})", f"{indent}],"]


def _call(facts: LayerFacts) -> str:
    entry = LAYERS[facts.kind]
    if entry.script:
        return entry.script
    assert facts.input is not None
    arguments, target = entry.arguments(facts.layer.params, facts.input), entry.target_for(facts.input)
    defaults, positional, keyword = _defaults(target), [], []
    for key, value in arguments.items():
        if key not in defaults:
            positional.append(repr(value))
        # A fraction, such as a dropout's chance, is always written: it is what a reader looks for.
        elif isinstance(value, float) or value != _default(key, defaults, arguments):
            keyword.append(f"{key}={value!r}")
    return f"{_class_name(target)}({', '.join([*positional, *keyword])})"


def _default(key: str, defaults: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    """Return the value that torch takes where the argument is left out: for the stride of a pooling, None, that is its kernel."""
    is_kernel = key == "stride" and defaults[key] is None
    return arguments["kernel_size"] if is_kernel else defaults[key]


@cache
def _defaults(target: str) -> Mapping[str, Any]:
    """Return the defaults of the arguments of a layer's class; one without a default is missing, and is written by position."""
    module, _dot, name = target.rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.default is not parameter.empty}
