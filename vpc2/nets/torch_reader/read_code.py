"""`read_code`: converts pasted PyTorch code to a net; the code is parsed and never executed. Standard library only."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from typing import Any

from vpc2 import codec
from vpc2.nets.spec import CHANNELS, SIDE
from vpc2.nets.torch_reader.graph import GraphValue, ParsedLayer
from vpc2.nets.torch_reader.interpreter import Interpreter
from vpc2.nets.torch_reader.messages import ReadingLimit, refuse
from vpc2.nets.torch_reader.python_calls import evaluate_call
from vpc2.nets.torch_reader.values import ImportedName, Scope, SequentialModule, SourceClass, SourceObject, TorchModule, is_callable_module
from vpc2.text import Plural, Refusal, Text, clean_name

MAX_CODE_BYTES = 64 * 1024
MAX_TREE_DEPTH = 90  # of the syntax tree
MAX_NOTES = 20
DEFAULT_INPUT = (3, 32, 32)

_TOO_LONG = Text("This text is too long to be read as a net: at most {most} kB.")
_NOT_PYTHON = Text("Line {line}: this is not Python that can be read.")
_TOO_NESTED = Text("This text has brackets or operations too deep inside one another to be a net.")
_IMPORT = Text("“import {what}” has no place in a net. Code is only read here, never run: paste the part that makes the net.")
_MACHINE = Text("“{what}” speaks to the machine, not to a net. Code is only read here, never run.")
_NO_NET = Text("There is no net in this text: an nn.Sequential(...) or a class of nn.Module with a forward is wanted.")
_NO_LAYERS = Text("The net in this text has no layers.")
_MORE = Plural("And {n:,} more place could not be read.", "And {n:,} more places could not be read.")
_NO_VALUE = Text("this net gives back something that no layer gives.")
# Modules that files with a net usually import.
_ALLOWED_IMPORTS = {
    "torch", "torchvision", "torchinfo", "torchsummary", "numpy", "matplotlib", "tqdm", "math", "typing", "collections", "functools",
    "dataclasses", "__future__", "time", "random",
}  # fmt: skip
_FORBIDDEN_NAMES = {
    "eval", "exec", "compile", "open", "input", "globals", "locals", "vars", "getattr", "setattr", "delattr", "breakpoint", "memoryview",
    "__import__", "__builtins__", "__loader__", "os", "sys", "subprocess", "shutil", "socket", "ctypes", "builtins", "importlib",
}  # fmt: skip
_TENSOR_FUNCTIONS = ("zeros", "ones", "randn", "rand", "empty")
_CHANGING_METHODS = (
    "append",
    "insert",
    "extend",
    "pop",
    "add_module",
    "register_module",
    "register_forward_hook",
    "register_forward_pre_hook",
)
_SUMMARY_FUNCTIONS = ("summary",)
_SIZES = re.compile(r"(\d{1,4})\s*[x×*]\s*(\d{1,4})\s*[x×*]\s*(\d{1,4})")


def read_code(text: str, side_px: int | None = None) -> codec.Read:
    """Return the net that PyTorch code describes, with a note for each line that could not be read; raise `Refusal` where there is none.

    The input has `side_px`, or the size that the code mentions (`torch.zeros(1, 3, 32, 32)`, a comment), or 32 pixels. Where a
    layer declares another number of inputs than it gets, that number becomes its parameter `expects`.
    """
    tree = _parse(text)
    interpreter, scope = Interpreter(), Scope({})
    net_value, notes = _find_net(interpreter, tree, scope)
    input_value = interpreter.calls.graph.add_input()
    call_node = ast.Call(func=ast.Name("net"), args=[], keywords=[], lineno=_line_of(net_value), col_offset=0)
    output = evaluate_call(interpreter, call_node, net_value, [input_value], {})
    if not isinstance(output, GraphValue):
        raise refuse(call_node, _NO_VALUE)
    shape = _mentioned_shape(tree, text)
    net = interpreter.calls.graph.to_net(_name_of(net_value), lambda first: _input_shape(shape, side_px, first), input_value, output)
    if not net.layers:
        raise Refusal(_NO_LAYERS)
    notes = (*notes, *interpreter.calls.graph.notes)
    if len(notes) > MAX_NOTES:
        notes = (*notes[:MAX_NOTES], _MORE.fill(n=len(notes) - MAX_NOTES))
    return codec.Read(net, notes)


def _parse(text: str) -> ast.Module:
    """Return the syntax tree of the code; names that reach the machine are refused with their line."""
    if len(text.encode("utf-8", "replace")) > MAX_CODE_BYTES:
        raise Refusal(_TOO_LONG.fill(most=MAX_CODE_BYTES // 1024))
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise Refusal(_NOT_PYTHON.fill(line=error.lineno or 1)) from None
    except ValueError:  # a NUL, or a number of more digits than Python converts
        raise Refusal(_NOT_PYTHON.fill(line=1)) from None
    except (RecursionError, MemoryError):
        raise Refusal(_TOO_NESTED) from None
    layer: list[ast.AST] = [tree]
    for _depth in range(MAX_TREE_DEPTH):
        layer = [inner for node in layer for inner in ast.iter_child_nodes(node)]
        for node in layer:
            _check(node)
        if not layer:
            return tree
    raise Refusal(_TOO_NESTED)


def _check(node: ast.AST) -> None:
    """Raise `Refusal` for an import that no net needs, and for names that give access to the machine."""
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom):
        modules = [node.module or "."]
    for module in modules:
        if module.partition(".")[0] not in _ALLOWED_IMPORTS:
            raise refuse(node, _IMPORT, what=module[:40])
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    is_hidden = isinstance(node, ast.Attribute) and name.startswith("__") and name != "__init__"
    if isinstance(node, ast.Name) and name in _FORBIDDEN_NAMES or is_hidden:
        raise refuse(node, _MACHINE, what=name[:40])


def _find_net(interpreter: Interpreter, tree: ast.Module, scope: Scope) -> tuple[Any, tuple[Text, ...]]:
    """Return the net of the code, and the notes: the last net assigned at its top level, else an instance of its last module class."""
    net, notes, net_notes = None, [], []
    first_refusal: Refusal | None = None
    for node in _top_level(tree.body):
        try:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                value = interpreter.evaluate(node.value, scope)
            else:
                interpreter.execute([node], scope)
                assigned = node.targets[0] if isinstance(node, ast.Assign) else None
                value = scope.get(assigned.id) if isinstance(assigned, ast.Name) else None
        except ReadingLimit:
            raise
        except Refusal as refusal:
            first_refusal = first_refusal or refusal
            is_change = _changes_net(node, scope)
            if is_change or _may_change_net(node, scope):
                notes.append(refusal.text)
            if is_change:  # notes about the net count even after it
                net_notes.append(refusal.text)
            continue
        if isinstance(value, SourceObject | SequentialModule) and is_callable_module(value):
            net, net_notes = value, list(notes)
    if net is None:
        classes = [value_ for value_ in scope.values() if isinstance(value_, SourceClass) and value_.is_module]
        if not classes:
            raise first_refusal or Refusal(_NO_NET)
        entry = classes[-1].find_attribute("forward") or classes[-1].find_attribute("__init__")
        call_node = ast.Call(func=ast.Name(classes[-1].name), args=[], keywords=[], lineno=entry.node.lineno if entry else 1, col_offset=0)
        net, net_notes = evaluate_call(interpreter, call_node, classes[-1], [], {}), notes
    return net, tuple(net_notes)


def _may_change_net(node: ast.stmt, scope: Scope) -> bool:
    """True where a statement that was not read may change the net; assignments are left out: a missing name is refused where it is used."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return False
    names = [name.id for name in ast.walk(node) if isinstance(name, ast.Name)]
    return not isinstance(node, ast.Expr) or not isinstance(scope.get(names[0]) if names else None, ImportedName | None)


def _changes_net(node: ast.stmt, scope: Scope) -> bool:
    """True for a statement that changes a net or reassigns its name."""
    targets = getattr(node, "targets", [node.target] if isinstance(node, ast.AnnAssign | ast.AugAssign) else [])
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        targets = [node.value.func.value] if node.value.func.attr in _CHANGING_METHODS else []
    for target in targets:
        while isinstance(target, ast.Attribute | ast.Subscript):
            target = target.value
        if isinstance(target, ast.Name) and isinstance(scope.get(target.id), SourceObject | SequentialModule | TorchModule):
            return True
    return False


def _top_level(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements at the top level, including those under `if __name__ == "__main__"`."""
    for node in statements:
        if isinstance(node, ast.If) and any(isinstance(child, ast.Name) and child.id == "__name__" for child in ast.walk(node.test)):
            yield from _top_level(node.body)
        else:
            yield node


def _line_of(net: Any) -> int:
    forward = net.cls.find_attribute("forward") if isinstance(net, SourceObject) else None
    return forward.node.lineno if forward else getattr(net, "line", 1)


def _name_of(net: Any) -> str:
    return clean_name(net.cls.name) if isinstance(net, SourceObject) else ""


def _mentioned_shape(tree: ast.Module, text: str) -> tuple[int, ...] | None:
    """Return the input shape that the code mentions: in the creation of a tensor, a call of `summary` or a comment; None without one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            arguments = [*node.args, *(argument.value for argument in node.keywords)]
            tuples = [argument.elts for argument in arguments if isinstance(argument, ast.Tuple | ast.List)]
            for elements in ([arguments[:4]] if name in _TENSOR_FUNCTIONS else []) + (
                tuples if name in (*_TENSOR_FUNCTIONS, *_SUMMARY_FUNCTIONS) else []
            ):
                sizes = [argument.value for argument in elements if isinstance(argument, ast.Constant) and type(argument.value) is int]
                if len(sizes) == len(elements) and (shape := _plausible_shape(sizes[-3:])) and len(sizes) in (3, 4):
                    return shape
    for line in text.splitlines():
        if (comment := line.partition("#")[2]) and (match := _SIZES.search(comment)):
            sizes = [int(argument) for argument in match.groups()]
            if shape := _plausible_shape(sizes) or _plausible_shape([sizes[2], *sizes[:2]]):
                return shape
    return None


def _plausible_shape(sizes: list[int]) -> tuple[int, ...] | None:
    fits = len(sizes) == 3 and sizes[0] in CHANNELS and all(4 <= side <= SIDE.high for side in sizes[1:])
    return tuple(sizes) if fits else None


def _input_shape(mentioned: tuple[int, ...] | None, side_px: int | None, first: ParsedLayer | None) -> tuple[int, int, int]:
    """Return the input shape: as mentioned in the code, with the visitor's `side_px`, and as many channels as the first layer declares."""
    channels, height, width = mentioned or DEFAULT_INPUT
    declared = first.declared.get("in_channels") if first else None
    if declared in CHANNELS and (mentioned is None or side_px):
        channels = declared
    length = first.declared.get("in_features") if first else None
    if mentioned is None and side_px is None and isinstance(length, int):  # a dense layer first: a square image with that many values
        for count in CHANNELS:
            side = math.isqrt(length // count) if length > 0 else 0
            if side * side * count == length and 4 <= side <= SIDE.high:
                return count, side, side
    return (channels, side_px, side_px) if side_px else (channels, height, width)
