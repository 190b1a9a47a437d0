"""PyTorch code read from its syntax tree, and never run. Standard library only.

A small reader walks the tree and keeps, in place of torch's objects, notes of what they would be (`syntax_values.py`). It knows
numbers, lists, classes and functions of the text, and calls of torch that are layers; nothing that it meets is looked up in
Python. What it does is bounded in text, depth, steps and turns of a loop.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterable
from typing import Any

from vpc2.nets.torch_reader import messages as words
from vpc2.nets.torch_reader.graph import Value
from vpc2.nets.torch_reader.messages import TooMuch, named, refuse
from vpc2.nets.torch_reader.operators import binary
from vpc2.nets.torch_reader.python_calls import BUILTINS, call
from vpc2.nets.torch_reader.torch_calls import SIZES, Calls, Sizes
from vpc2.nets.torch_reader.values import Chain, Class, Copies, Dotted, Function, Method, Module, Parent, Returned, Scope, Thing

_COMPARED = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Is: operator.is_, ast.IsNot: operator.is_not,
}  # fmt: skip
_KNOWN = {"torch": Dotted("torch"), "nn": Dotted("torch.nn"), "F": Dotted("torch.nn.functional")}


class Reader:
    """Reads one text. `calls` holds the graph that the calls of its net write."""

    def __init__(self) -> None:
        self.calls = Calls()
        self._steps = 0
        self._depth = 0

    # ---- statements

    def run(self, statements: Iterable[ast.stmt], scope: Scope) -> None:
        """Read statements one after another."""
        for node in statements:
            self._count(node)
            method = getattr(self, f"_do_{type(node).__name__}", None)
            if method is None:
                raise refuse(node, words.UNREAD, what=named(node))
            method(node, scope)

    def _count(self, node: ast.AST) -> None:
        self._steps += 1
        if self._steps > words.MOST_STEPS:
            raise refuse(node, words.TOO_MUCH, TooMuch)

    def _do_Import(self, node: ast.Import, scope: Scope) -> None:
        for name in node.names:
            scope[name.asname or name.name.partition(".")[0]] = Dotted(name.name if name.asname else name.name.partition(".")[0])

    def _do_ImportFrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        for name in node.names:
            scope[name.asname or name.name] = Dotted(f"{node.module}.{name.name}")

    def _do_ClassDef(self, node: ast.ClassDef, scope: Scope) -> None:
        own: dict[str, Any] = {}
        values = scope.new_child(own)
        bases = [self.value(base, scope) for base in node.bases]
        cls = Class(node.name, bases, {}, own)
        for inner in node.body:
            if isinstance(inner, ast.FunctionDef):
                cls.methods[inner.name] = Function(inner, scope, cls=cls)
            else:
                self.run([inner], values)
        scope[node.name] = cls

    def _do_FunctionDef(self, node: ast.FunctionDef, scope: Scope) -> None:
        scope[node.name] = Function(node, scope)

    def _do_Assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.value(node.value, scope)
        for target in node.targets:
            self._assign(target, value, scope)

    def _do_AnnAssign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self._assign(node.target, self.value(node.value, scope), scope)

    def _do_AugAssign(self, node: ast.AugAssign, scope: Scope) -> None:
        value = binary(self, node, node.op, self.value(node.target, scope), self.value(node.value, scope), is_in_place=True)
        self._assign(node.target, value, scope)

    def _assign(self, target: ast.AST, value: Any, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            scope[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, list | tuple) and len(value) == len(target.elts):
            for one, part in zip(target.elts, value, strict=True):
                self._assign(one, part, scope)
        elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, Sizes):
            for index, one in enumerate(target.elts):
                self._assign(one, value.at(index), scope)
        elif isinstance(target, ast.Attribute) and isinstance(owner := self.value(target.value, scope), Thing):
            owner.put(target.attr, value)
        elif isinstance(target, ast.Subscript) and isinstance(owner := self.value(target.value, scope), dict):
            owner[self._key(target.slice, scope)] = value
        else:
            raise refuse(target, words.UNREAD, what=named(target))

    def _do_Expr(self, node: ast.Expr, scope: Scope) -> None:
        value = None if isinstance(node.value, ast.Constant) else self.value(node.value, scope)
        if isinstance(value, Value) and "0call" in scope and not value.is_written:
            self.calls.note(words.UNUSED.fill(line=node.lineno, what=named(node)))

    def _do_Return(self, node: ast.Return, scope: Scope) -> None:
        if "0call" not in scope:
            raise refuse(node, words.UNREAD, what=named(node))
        raise Returned(self.value(node.value, scope) if node.value else None)

    def _do_If(self, node: ast.If, scope: Scope) -> None:
        self.run(node.body if self._truth(node.test, scope) else node.orelse, scope)

    def _do_For(self, node: ast.For, scope: Scope) -> None:
        for item in self.items(node.iter, self.value(node.iter, scope)):
            self._count(node)
            self._assign(node.target, item, scope)
            self.run(node.body, scope)
        self.run(node.orelse, scope)

    def _do_Pass(self, node: ast.Pass, scope: Scope) -> None:
        pass

    _do_Assert = _do_Pass

    # ---- expressions

    def value(self, node: ast.expr, scope: Scope) -> Any:
        """Return what an expression stands for."""
        self._count(node)
        method = getattr(self, f"_of_{type(node).__name__}", None)
        if method is None:
            raise refuse(node, words.UNREAD, what=named(node))
        self._depth += 1
        try:
            if self._depth > words.MOST_DEPTH:
                raise refuse(node, words.TOO_DEEP, TooMuch)
            return method(node, scope)
        finally:
            self._depth -= 1

    def _of_Constant(self, node: ast.Constant, scope: Scope) -> Any:
        if isinstance(node.value, int | float) and abs(node.value) > words.LARGEST:
            raise refuse(node, words.TOO_LARGE)
        return node.value

    def _of_JoinedStr(self, node: ast.JoinedStr, scope: Scope) -> str:
        parts = [self.value(one.value if isinstance(one, ast.FormattedValue) else one, scope) for one in node.values]
        return self.text(node, *(str(part) if isinstance(part, int | float | str) else "…" for part in parts))

    def text(self, node: ast.AST, *parts: str) -> str:
        """Return parts of a text joined, where that is no longer than any name needs."""
        if sum(map(len, parts)) > words.MOST_TURNS:
            raise refuse(node, words.TOO_MUCH, TooMuch)
        return "".join(parts)

    def _of_Name(self, node: ast.Name, scope: Scope) -> Any:
        if node.id in scope:
            return scope[node.id]
        if node.id in _KNOWN:
            return _KNOWN[node.id]
        if node.id in BUILTINS:
            return Dotted(node.id)
        raise refuse(node, words.UNKNOWN, what=node.id)

    def _of_Attribute(self, node: ast.Attribute, scope: Scope) -> Any:
        owner, name = self.value(node.value, scope), node.attr
        if isinstance(owner, Dotted):
            return Dotted(f"{owner.path}.{name}")
        if isinstance(owner, Thing):
            if name in owner.values:
                return owner.values[name]
            found = owner.cls.find(name)
            if isinstance(found, Function):
                return Function(found.node, found.scope, owner, found.cls)
            if found is not None:
                return found
        if isinstance(owner, Value) and name == "shape":
            return Sizes(self.calls.graph.now(owner))
        return Method(owner, name)

    def _of_Tuple(self, node: ast.Tuple, scope: Scope) -> tuple:
        return tuple(self._elements(node.elts, scope))

    def _of_List(self, node: ast.List, scope: Scope) -> list:
        return self._elements(node.elts, scope)

    def _of_Dict(self, node: ast.Dict, scope: Scope) -> dict:
        keys = [key for key in node.keys if key is not None]
        if len(keys) < len(node.keys):  # `**other`
            raise refuse(node, words.UNREAD, what=named(node))
        return {self._key(key, scope): self.value(value, scope) for key, value in zip(keys, node.values, strict=True)}

    def _key(self, node: ast.expr, scope: Scope) -> Any:
        key = self.value(node, scope)
        if not isinstance(key, int | str):
            raise refuse(node, words.UNREAD, what=named(node))
        return key

    def _elements(self, nodes: list[ast.expr], scope: Scope) -> list[Any]:
        made: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                value = self.value(node.value, scope)
                made.extend([value] if isinstance(value, Copies) else self.items(node, value))
            else:
                made.append(self.value(node, scope))
            self.checked(node, made)
        return made

    def checked(self, node: ast.AST, made: list[Any]) -> list[Any]:
        """Return a list that is not too long; lists that are laid end to end grow faster than any loop is counted."""
        if len(made) > words.MOST_ITEMS:
            raise refuse(node, words.TOO_MUCH, TooMuch)
        return made

    def _of_ListComp(self, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> Any:
        (loop, *others) = node.generators
        if others:
            raise refuse(node, words.UNREAD, what=named(node))
        turns, inner = self.value(loop.iter, scope), scope.new_child()
        names = {one.id for one in ast.walk(loop.target) if isinstance(one, ast.Name)}
        uses = {one.id for one in ast.walk(node.elt) if isinstance(one, ast.Name)}
        if isinstance(turns, range) and not loop.ifs and not names & uses:
            if len(turns) > words.MOST_COPIES:
                raise refuse(node, words.TOO_LONG, TooMuch, turns=len(turns))
            return Copies(lambda: self.value(node.elt, inner), len(turns))
        made = []
        for item in self.items(loop.iter, turns):
            self._assign(loop.target, item, inner)
            if all(self._truth(test, inner) for test in loop.ifs):
                made.append(self.value(node.elt, inner))
        return made

    _of_GeneratorExp = _of_ListComp

    def _of_Subscript(self, node: ast.Subscript, scope: Scope) -> Any:
        owner = self.value(node.value, scope)
        if isinstance(owner, Sizes):
            return SIZES if isinstance(node.slice, ast.Slice) or type(key := self.value(node.slice, scope)) is not int else owner.at(key)
        if isinstance(owner, Chain):
            owner.items = self.items(node, owner)
            owner = owner.items
        elif isinstance(owner, Copies):
            owner = self.items(node, owner)
        if isinstance(node.slice, ast.Slice):
            ends = [None if end is None else self.value(end, scope) for end in (node.slice.lower, node.slice.upper, node.slice.step)]
            if isinstance(owner, list | tuple) and all(end is None or isinstance(end, int) and end for end in ends[2:]):
                if all(end is None or isinstance(end, int) for end in ends):
                    return owner[slice(*ends)]
        else:
            key = self._key(node.slice, scope)
            if (
                isinstance(owner, dict)
                and key in owner
                or isinstance(owner, list | tuple)
                and isinstance(key, int)
                and -len(owner) <= key < len(owner)
            ):
                return owner[key]
        raise refuse(node, words.UNREAD, what=named(node))

    def _of_IfExp(self, node: ast.IfExp, scope: Scope) -> Any:
        return self.value(node.body if self._truth(node.test, scope) else node.orelse, scope)

    def _of_BoolOp(self, node: ast.BoolOp, scope: Scope) -> Any:
        is_and = isinstance(node.op, ast.And)
        value = None
        for one in node.values:
            value = self.value(one, scope)
            if self._is_true(one, value) is not is_and:
                return value
        return value

    def _of_UnaryOp(self, node: ast.UnaryOp, scope: Scope) -> Any:
        value = self.value(node.operand, scope)
        if isinstance(node.op, ast.Not):
            return not self._is_true(node, value)
        if isinstance(node.op, ast.USub) and isinstance(value, int | float):
            return -value
        raise refuse(node, words.UNREAD, what=named(node))

    def _of_Compare(self, node: ast.Compare, scope: Scope) -> bool:
        left = self.value(node.left, scope)
        for sign, other in zip(node.ops, node.comparators, strict=True):
            right = self.value(other, scope)
            if isinstance(sign, ast.In | ast.NotIn) and isinstance(right, list | tuple | dict | str) and isinstance(left, int | str):
                is_so = (left in right) is isinstance(sign, ast.In)
            elif isinstance(sign, ast.Is | ast.IsNot | ast.Eq | ast.NotEq) and (left is None or right is None):
                is_so = (left is right) is isinstance(sign, ast.Is | ast.Eq)
            elif type(sign) in _COMPARED and _is_comparable(left, right):
                is_so = _COMPARED[type(sign)](left, right)
            else:
                raise refuse(node, words.UNREAD, what=named(node))
            if not is_so:
                return False
            left = right
        return True

    def _truth(self, node: ast.expr, scope: Scope) -> bool:
        return self._is_true(node, self.value(node, scope))

    def _is_true(self, node: ast.AST, value: Any) -> bool:
        if isinstance(value, int | float | str | list | tuple | dict | None):
            return bool(value)
        if isinstance(value, Chain | Module | Thing | Copies):
            return True
        raise refuse(node, words.UNREAD, what=named(node))

    def _of_BinOp(self, node: ast.BinOp, scope: Scope) -> Any:
        return binary(self, node, node.op, self.value(node.left, scope), self.value(node.right, scope))

    def kept(self, node: ast.AST, value: Any) -> list[Any]:
        """Return what a list holds, copies that are alike still counted together."""
        return [value] if isinstance(value, Copies) else self.items(node, value)

    def items(self, node: ast.AST, value: Any) -> list[Any]:
        """Return what one goes through in a loop; too many are refused before there are any."""
        if isinstance(value, Thing) and isinstance(value.values.get("0chain"), Chain):
            value = value.values["0chain"]
        if isinstance(value, Method) and value.name in words.NOTHING:
            return []
        if isinstance(value, range | Copies) and (turns := len(value) if isinstance(value, range) else value.count) > words.MOST_TURNS:
            raise refuse(node, words.TOO_LONG, TooMuch, turns=turns)
        if isinstance(value, Copies):
            return value.made()
        if isinstance(value, Chain):
            value = value.items
        if isinstance(value, list | tuple):
            return [one for item in value for one in (self.items(node, item) if isinstance(item, Copies) else [item])]
        if isinstance(value, range | dict):
            return list(value)
        raise refuse(node, words.NOT_A_LIST)

    def _of_Call(self, node: ast.Call, scope: Scope) -> Any:
        called = self.value(node.func, scope)
        if isinstance(called, Dotted) and called.path == "print":
            return None  # nothing of it is read
        if isinstance(called, Dotted) and called.path == "super":
            return Parent(scope["0self"], scope["0class"]) if "0self" in scope else None
        given = self._elements(node.args, scope)
        named: dict[str, Any] = {}
        for one in node.keywords:
            value = self.value(one.value, scope)
            if one.arg is None and not isinstance(value, dict):
                raise refuse(node, words.UNREAD, what=f"**{ast.unparse(one.value)[:30]}")
            named.update({one.arg: value} if one.arg else value)
        self._depth += 1
        try:
            return call(self, node, called, given, named)
        finally:
            self._depth -= 1


def _is_comparable(left: Any, right: Any) -> bool:
    """True for two numbers, or two words."""
    return isinstance(left, str) and isinstance(right, str) or isinstance(left, int | float) and isinstance(right, int | float)
