"""Sums and products in PyTorch code while it is being read: of numbers, lists, words, sizes and pictures. Standard library only."""

from __future__ import annotations

import ast
import operator
from typing import Any

from vpc2.nets.torch_reader import messages as words
from vpc2.nets.torch_reader.graph import Value
from vpc2.nets.torch_reader.messages import TooMuch, named, refuse, where
from vpc2.nets.torch_reader.torch_calls import SIZES, Sizes
from vpc2.nets.torch_reader.values import Copies

_BINARY = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}  # fmt: skip


def binary(reader: Any, node: ast.expr | ast.stmt, sign: ast.operator, left: Any, right: Any, *, is_in_place: bool = False) -> Any:
    """Return what an operator makes of two values; `is_in_place` writes into the left one, as `out += x` does in torch."""
    if isinstance(left, Value) or isinstance(right, Value):
        how = {ast.Add: "add", ast.Mult: "mul"}.get(type(sign))
        if how and isinstance(left, Value) and isinstance(right, Value):
            return reader.calls.function(f"i{how}" if is_in_place else how, [left, right], {}, where(node.lineno))
        raise refuse(node, words.UNREAD, what=named(node))
    if isinstance(left, Sizes) or isinstance(right, Sizes):
        return left.times(right) if isinstance(sign, ast.Mult) and isinstance(left, Sizes) else SIZES  # a size that is only passed on
    if isinstance(sign, ast.Add) and isinstance(left, list | tuple | Copies) and isinstance(right, list | tuple | Copies):
        made = reader.checked(node, [*reader.kept(node, left), *reader.kept(node, right)])
        if is_in_place and isinstance(left, list):  # other names of the list see it too
            left[:] = made
            return left
        return made
    if isinstance(sign, ast.Add) and isinstance(left, str) and isinstance(right, str):
        return reader.text(node, left, right)
    if isinstance(sign, ast.Mult) and isinstance(left, list | tuple) and isinstance(right, int):
        if len(left) * right > words.MOST_TURNS:
            raise refuse(node, words.TOO_LONG, TooMuch, turns=len(left) * right)
        return left * right
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise refuse(node, words.UNREAD, what=named(node))
    if isinstance(sign, ast.Pow) and abs(left) <= 1024 and isinstance(right, int) and 0 <= right <= 16:
        value = left**right
    elif type(sign) in _BINARY and not (right == 0 and isinstance(sign, ast.Div | ast.FloorDiv | ast.Mod)):
        value = _BINARY[type(sign)](left, right)
    else:
        raise refuse(node, words.UNREAD, what=named(node))
    if abs(value) > words.LARGEST:
        raise refuse(node, words.TOO_LARGE)
    return value
