"""Evaluates one line of exported code without `eval`: only names, attributes, literals and calls are supported."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any


def make(expression: str, names: Mapping[str, Any]) -> Any:
    """Return the value of an expression of calls, attributes, literals and these names; raise ValueError for any other syntax."""
    return _value(ast.parse(expression, mode="eval").body, names)


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return names[node.id]
    if isinstance(node, ast.Attribute):
        return getattr(_value(node.value, names), node.attr)
    if isinstance(node, ast.Call):
        keywords = {_name_of(keyword): _value(keyword.value, names) for keyword in node.keywords}
        return _value(node.func, names)(*(_value(argument, names) for argument in node.args), **keywords)
    if isinstance(node, ast.List):
        return [_value(item, names) for item in node.elts]
    return ast.literal_eval(node)


def _name_of(keyword: ast.keyword) -> str:
    if keyword.arg is None:
        raise ValueError("arguments that are unpacked by ** are not understood")
    return keyword.arg
