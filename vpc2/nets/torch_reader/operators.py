"""Binary operators of the interpreter: on numbers, lists, strings, sizes and graph values. Standard library only."""

from __future__ import annotations

import ast
import operator
from typing import Any

from vpc2.nets.torch_reader import messages
from vpc2.nets.torch_reader.graph import GraphValue
from vpc2.nets.torch_reader.messages import ReadingLimit, line_text, refuse, source_of
from vpc2.nets.torch_reader.torch_calls import UNKNOWN_SIZE, SizeQuery
from vpc2.nets.torch_reader.values import RepeatedValues

_BINARY = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}  # fmt: skip


def evaluate_binary(
    interpreter: Any, node: ast.expr | ast.stmt, operator_: ast.operator, left: Any, right: Any, *, is_in_place: bool = False
) -> Any:
    """Return the result of a binary operator; with `is_in_place` the left operand is overwritten, as by `out += x` in torch."""
    if isinstance(left, GraphValue) or isinstance(right, GraphValue):
        operation = {ast.Add: "add", ast.Mult: "mul"}.get(type(operator_))
        if operation and isinstance(left, GraphValue) and isinstance(right, GraphValue):
            return interpreter.calls.call_function(f"i{operation}" if is_in_place else operation, [left, right], {}, line_text(node.lineno))
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    if isinstance(left, SizeQuery) or isinstance(right, SizeQuery):
        return (
            left.times(right) if isinstance(operator_, ast.Mult) and isinstance(left, SizeQuery) else UNKNOWN_SIZE
        )  # an unknown size, which may only be passed on
    if (
        isinstance(operator_, ast.Add)
        and isinstance(left, list | tuple | RepeatedValues)
        and isinstance(right, list | tuple | RepeatedValues)
    ):
        items = interpreter.check_length(node, [*interpreter.items_or_repeated(node, left), *interpreter.items_or_repeated(node, right)])
        if is_in_place and isinstance(left, list):  # other names of the list change with it
            left[:] = items
            return left
        return items
    if isinstance(operator_, ast.Add) and isinstance(left, str) and isinstance(right, str):
        return interpreter.join_text(node, left, right)
    if isinstance(operator_, ast.Mult) and isinstance(left, list | tuple) and isinstance(right, int):
        if len(left) * right > messages.MAX_ITERATIONS:
            raise refuse(node, messages.TOO_LONG, ReadingLimit, turns=len(left) * right)
        return left * right
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    if isinstance(operator_, ast.Pow) and abs(left) <= 1024 and isinstance(right, int) and 0 <= right <= 16:
        value = left**right
    elif type(operator_) in _BINARY and not (right == 0 and isinstance(operator_, ast.Div | ast.FloorDiv | ast.Mod)):
        value = _BINARY[type(operator_)](left, right)
    else:
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    if abs(value) > messages.MAX_NUMBER:
        raise refuse(node, messages.TOO_LARGE)
    return value
