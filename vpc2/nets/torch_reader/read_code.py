"""Nets that others wrote: pasted PyTorch code becomes a net, read as text and never run. Standard library only."""

from __future__ import annotations

import ast
import math
import re
from collections import ChainMap
from collections.abc import Iterator
from typing import Any

from vpc2 import codec
from vpc2.nets.spec import CHANNELS, SIDE
from vpc2.nets.torch_reader.graph import Part, Value
from vpc2.nets.torch_reader.interpreter import Reader
from vpc2.nets.torch_reader.messages import TooMuch, refuse
from vpc2.nets.torch_reader.python_calls import call
from vpc2.nets.torch_reader.values import Chain, Class, Dotted, Module, Scope, Thing, is_net
from vpc2.text import Plural, Refusal, Text, clean_name

MOST_BYTES = 64 * 1024
MOST_BRACKETS = 90  # nodes of the syntax tree inside one another
MOST_NOTES = 20
USUAL = (3, 32, 32)

_TOO_LONG = Text("This text is too long to be read as a net: at most {most} kB.")
_NOT_PYTHON = Text("Line {line}: this is not Python that can be read.")
_TOO_NESTED = Text("This text has brackets or operations too deep inside one another to be a net.")
_IMPORT = Text("“import {what}” has no place in a net. Code is only read here, never run: paste the part that makes the net.")
_MACHINE = Text("“{what}” speaks to the machine, not to a net. Code is only read here, never run.")
_NO_NET = Text("There is no net in this text: an nn.Sequential(...) or a class of nn.Module with a forward is wanted.")
_NO_LAYERS = Text("The net in this text has no layers.")
_MORE = Plural("And {n:,} more place could not be read.", "And {n:,} more places could not be read.")
_NO_VALUE = Text("this net gives back something that no layer gives.")
# What people have at the top of a file with a net in it.
_IMPORTED = {
    "torch", "torchvision", "torchinfo", "torchsummary", "numpy", "matplotlib", "tqdm", "math", "typing", "collections", "functools",
    "dataclasses", "__future__", "time", "random",
}  # fmt: skip
_FORBIDDEN = {
    "eval", "exec", "compile", "open", "input", "globals", "locals", "vars", "getattr", "setattr", "delattr", "breakpoint", "memoryview",
    "__import__", "__builtins__", "__loader__", "os", "sys", "subprocess", "shutil", "socket", "ctypes", "builtins", "importlib",
}  # fmt: skip
_MADE = ("zeros", "ones", "randn", "rand", "empty")
_CHANGING = ("append", "insert", "extend", "pop", "add_module", "register_module", "register_forward_hook", "register_forward_pre_hook")
_SUMMARIES = ("summary",)
_SIZES = re.compile(r"(\d{1,4})\s*[x×*]\s*(\d{1,4})\s*[x×*]\s*(\d{1,4})")


def read_code(text: str, side_px: int | None = None) -> codec.Read:
    """Return the net that PyTorch code describes, with a note for each line that could not be read; raise `Refusal` where there is none.

    The picture that comes in has `side_px`, or the size that the text names (`torch.zeros(1, 3, 32, 32)`, a comment), or 32 pixels.
    Where a layer is told another number than arrives, the number stays as what it expects.
    """
    tree = _parsed(text)
    reader, scope = Reader(), ChainMap({})
    found, notes = _find(reader, tree, scope)
    start = reader.calls.graph.start()
    here = ast.Call(func=ast.Name("net"), args=[], keywords=[], lineno=_line_of(found), col_offset=0)
    end = call(reader, here, found, [start], {})
    if not isinstance(end, Value):
        raise refuse(here, _NO_VALUE)
    shape = _said_shape(tree, text)
    net = reader.calls.graph.to_net(_name_of(found), lambda first: _shape(shape, side_px, first), start, end)
    if not net.layers:
        raise Refusal(_NO_LAYERS)
    notes = (*notes, *reader.calls.graph.notes)
    if len(notes) > MOST_NOTES:
        notes = (*notes[:MOST_NOTES], _MORE.fill(n=len(notes) - MOST_NOTES))
    return codec.Read(net, notes)


def _parsed(text: str) -> ast.Module:
    """Return the syntax tree of a text that may stand for a net; what speaks to the machine is refused by its line."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise Refusal(_TOO_LONG.fill(most=MOST_BYTES // 1024))
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise Refusal(_NOT_PYTHON.fill(line=error.lineno or 1)) from None
    except ValueError:  # a NUL, or a number of more digits than Python converts
        raise Refusal(_NOT_PYTHON.fill(line=1)) from None
    except (RecursionError, MemoryError):
        raise Refusal(_TOO_NESTED) from None
    layer: list[ast.AST] = [tree]
    for _depth in range(MOST_BRACKETS):
        layer = [inner for node in layer for inner in ast.iter_child_nodes(node)]
        for node in layer:
            _check(node)
        if not layer:
            return tree
    raise Refusal(_TOO_NESTED)


def _check(node: ast.AST) -> None:
    """Raise `Refusal` for an import that no net needs, and for names by which code reaches the machine."""
    modules = [one.name for one in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom):
        modules = [node.module or "."]
    for module in modules:
        if module.partition(".")[0] not in _IMPORTED:
            raise refuse(node, _IMPORT, what=module[:40])
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    is_hidden = isinstance(node, ast.Attribute) and name.startswith("__") and name != "__init__"
    if isinstance(node, ast.Name) and name in _FORBIDDEN or is_hidden:
        raise refuse(node, _MACHINE, what=name[:40])


def _find(reader: Reader, tree: ast.Module, scope: Scope) -> tuple[Any, tuple[Text, ...]]:
    """Return the net of a text: the last one that is made at its top, or its last class; and what could not be read before it."""
    found, notes, kept = None, [], []
    failed: Refusal | None = None
    for node in _top(tree.body):
        try:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                value = reader.value(node.value, scope)
            else:
                reader.run([node], scope)
                is_assigned = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
                value = scope.get(node.targets[0].id) if is_assigned else None
        except TooMuch:
            raise
        except Refusal as refusal:
            failed = failed or refusal
            is_change = _changes_a_net(node, scope)
            if is_change or _can_matter(node, scope):
                notes.append(refusal.text)
            if is_change:  # also after the net was found
                kept.append(refusal.text)
            continue
        if isinstance(value, Thing | Chain) and is_net(value):
            found, kept = value, list(notes)
    if found is None:
        classes = [one for one in scope.values() if isinstance(one, Class) and one.is_module]
        if not classes:
            raise failed or Refusal(_NO_NET)
        begin = classes[-1].find("forward") or classes[-1].find("__init__")
        here = ast.Call(func=ast.Name(classes[-1].name), args=[], keywords=[], lineno=begin.node.lineno if begin else 1, col_offset=0)
        found, kept = call(reader, here, classes[-1], [], {}), notes
    return found, tuple(kept)


def _can_matter(node: ast.stmt, scope: Scope) -> bool:
    """True where a net could lack something because this was not read: a name that is missing is told where it is used."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return False
    names = [one.id for one in ast.walk(node) if isinstance(one, ast.Name)]
    return not isinstance(node, ast.Expr) or not isinstance(scope.get(names[0]) if names else None, Dotted | None)


def _changes_a_net(node: ast.stmt, scope: Scope) -> bool:
    """True for a statement that puts something into a net, or something else under its name."""
    targets = getattr(node, "targets", [node.target] if isinstance(node, ast.AnnAssign | ast.AugAssign) else [])
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        targets = [node.value.func.value] if node.value.func.attr in _CHANGING else []
    for target in targets:
        while isinstance(target, ast.Attribute | ast.Subscript):
            target = target.value
        if isinstance(target, ast.Name) and isinstance(scope.get(target.id), Thing | Chain | Module):
            return True
    return False


def _top(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Go through the statements at the top of a text, those under `if __name__ == "__main__"` with them."""
    for node in statements:
        if isinstance(node, ast.If) and any(isinstance(one, ast.Name) and one.id == "__name__" for one in ast.walk(node.test)):
            yield from _top(node.body)
        else:
            yield node


def _line_of(found: Any) -> int:
    forward = found.cls.find("forward") if isinstance(found, Thing) else None
    return forward.node.lineno if forward else getattr(found, "line", 1)


def _name_of(found: Any) -> str:
    return clean_name(found.cls.name) if isinstance(found, Thing) else ""


def _said_shape(tree: ast.Module, text: str) -> tuple[int, ...] | None:
    """Return the shape of a picture that a text names: of a tensor it makes, of a summary it asks for, or in a comment."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = [*node.args, *(one.value for one in node.keywords)]
            tuples = [one.elts for one in given if isinstance(one, ast.Tuple | ast.List)]
            for listed in ([given[:4]] if name in _MADE else []) + (tuples if name in (*_MADE, *_SUMMARIES) else []):
                sizes = [one.value for one in listed if isinstance(one, ast.Constant) and type(one.value) is int]
                if len(sizes) == len(listed) and (shape := _plausible(sizes[-3:])) and len(sizes) in (3, 4):
                    return shape
    for line in text.splitlines():
        if (comment := line.partition("#")[2]) and (said := _SIZES.search(comment)):
            sizes = [int(one) for one in said.groups()]
            if shape := _plausible(sizes) or _plausible([sizes[2], *sizes[:2]]):
                return shape
    return None


def _plausible(sizes: list[int]) -> tuple[int, ...] | None:
    fits = len(sizes) == 3 and sizes[0] in CHANNELS and all(4 <= side <= SIDE.high for side in sizes[1:])
    return tuple(sizes) if fits else None


def _shape(said: tuple[int, ...] | None, side_px: int | None, first: Part | None) -> tuple[int, int, int]:
    """Return the shape of what comes in: as said, with the visitor's sides, and as many channels as the first layer asks for."""
    channels, height, width = said or USUAL
    asked = first.given.get("in_channels") if first else None
    if asked in CHANNELS and (said is None or side_px):
        channels = asked
    length = first.given.get("in_features") if first else None
    if said is None and side_px is None and isinstance(length, int):  # a dense layer first: the square picture of so many numbers
        for count in CHANNELS:
            side = math.isqrt(length // count) if length > 0 else 0
            if side * side * count == length and 4 <= side <= SIDE.high:
                return count, side, side
    return (channels, side_px, side_px) if side_px else (channels, height, width)
