"""`Interpreter`: evaluates the syntax tree of PyTorch code symbolically; the code is never executed. Standard library only.

In place of torch's objects it uses the stand-ins of `values.py`. It knows numbers, lists, the classes and functions of the code,
and calls of torch that are layers; no name is looked up in Python. Its work is bounded: size of the text, depth, steps and
iterations of loops (`messages.py`).
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterable
from typing import Any

from vpc2.nets.torch_reader import messages
from vpc2.nets.torch_reader.graph import GraphValue
from vpc2.nets.torch_reader.messages import ReadingLimit, refuse, source_of
from vpc2.nets.torch_reader.operators import evaluate_binary
from vpc2.nets.torch_reader.python_calls import BUILTINS, evaluate_call
from vpc2.nets.torch_reader.torch_calls import UNKNOWN_SIZE, SizeQuery, TorchCalls
from vpc2.nets.torch_reader.values import (
    BoundMethod,
    ImportedName,
    RepeatedValues,
    ReturnSignal,
    Scope,
    SequentialModule,
    SourceClass,
    SourceFunction,
    SourceObject,
    SuperProxy,
    TorchModule,
)

_COMPARISONS = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Is: operator.is_, ast.IsNot: operator.is_not,
}  # fmt: skip
_DEFAULT_IMPORTS = {"torch": ImportedName("torch"), "nn": ImportedName("torch.nn"), "F": ImportedName("torch.nn.functional")}


class Interpreter:
    """Interprets one text; `calls` holds the graph to which its calls of torch add layers."""

    def __init__(self) -> None:
        self.calls = TorchCalls()
        self._steps = 0
        self._depth = 0

    # ---- statements

    def execute(self, statements: Iterable[ast.stmt], scope: Scope) -> None:
        """Execute statements symbolically, in order."""
        for node in statements:
            self._count_step(node)
            method = getattr(self, f"_do_{type(node).__name__}", None)
            if method is None:
                raise refuse(node, messages.UNREADABLE, what=source_of(node))
            method(node, scope)

    def _count_step(self, node: ast.AST) -> None:
        self._steps += 1
        if self._steps > messages.MAX_STEPS:
            raise refuse(node, messages.TOO_MUCH_WORK, ReadingLimit)

    def _do_Import(self, node: ast.Import, scope: Scope) -> None:
        for name in node.names:
            scope[name.asname or name.name.partition(".")[0]] = ImportedName(name.name if name.asname else name.name.partition(".")[0])

    def _do_ImportFrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        for name in node.names:
            scope[name.asname or name.name] = ImportedName(f"{node.module}.{name.name}")

    def _do_ClassDef(self, node: ast.ClassDef, scope: Scope) -> None:
        own: dict[str, Any] = {}
        values = scope.new_child(own)
        bases = [self.evaluate(base, scope) for base in node.bases]
        cls = SourceClass(node.name, bases, {}, own)
        for inner in node.body:
            if isinstance(inner, ast.FunctionDef):
                cls.methods[inner.name] = SourceFunction(inner, scope, cls=cls)
            else:
                self.execute([inner], values)
        scope[node.name] = cls

    def _do_FunctionDef(self, node: ast.FunctionDef, scope: Scope) -> None:
        scope[node.name] = SourceFunction(node, scope)

    def _do_Assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.evaluate(node.value, scope)
        for target in node.targets:
            self._assign(target, value, scope)

    def _do_AnnAssign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self._assign(node.target, self.evaluate(node.value, scope), scope)

    def _do_AugAssign(self, node: ast.AugAssign, scope: Scope) -> None:
        value = evaluate_binary(self, node, node.op, self.evaluate(node.target, scope), self.evaluate(node.value, scope), is_in_place=True)
        self._assign(node.target, value, scope)

    def _assign(self, target: ast.AST, value: Any, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            scope[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, list | tuple) and len(value) == len(target.elts):
            for element, item in zip(target.elts, value, strict=True):
                self._assign(element, item, scope)
        elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, SizeQuery):
            for index, element in enumerate(target.elts):
                self._assign(element, value.at(index), scope)
        elif isinstance(target, ast.Attribute) and isinstance(owner := self.evaluate(target.value, scope), SourceObject):
            owner.set_attribute(target.attr, value)
        elif isinstance(target, ast.Subscript) and isinstance(owner := self.evaluate(target.value, scope), dict):
            owner[self._key(target.slice, scope)] = value
        else:
            raise refuse(target, messages.UNREADABLE, what=source_of(target))

    def _do_Expr(self, node: ast.Expr, scope: Scope) -> None:
        value = None if isinstance(node.value, ast.Constant) else self.evaluate(node.value, scope)
        if isinstance(value, GraphValue) and "0call" in scope and not value.is_written:
            self.calls.note(messages.UNUSED_RESULT.fill(line=node.lineno, what=source_of(node)))

    def _do_Return(self, node: ast.Return, scope: Scope) -> None:
        if "0call" not in scope:
            raise refuse(node, messages.UNREADABLE, what=source_of(node))
        raise ReturnSignal(self.evaluate(node.value, scope) if node.value else None)

    def _do_If(self, node: ast.If, scope: Scope) -> None:
        self.execute(node.body if self._test(node.test, scope) else node.orelse, scope)

    def _do_For(self, node: ast.For, scope: Scope) -> None:
        for item in self.items(node.iter, self.evaluate(node.iter, scope)):
            self._count_step(node)
            self._assign(node.target, item, scope)
            self.execute(node.body, scope)
        self.execute(node.orelse, scope)

    def _do_Pass(self, node: ast.Pass, scope: Scope) -> None:
        pass

    _do_Assert = _do_Pass

    # ---- expressions

    def evaluate(self, node: ast.expr, scope: Scope) -> Any:
        """Return the value of an expression."""
        self._count_step(node)
        method = getattr(self, f"_of_{type(node).__name__}", None)
        if method is None:
            raise refuse(node, messages.UNREADABLE, what=source_of(node))
        self._depth += 1
        try:
            if self._depth > messages.MAX_DEPTH:
                raise refuse(node, messages.TOO_DEEP, ReadingLimit)
            return method(node, scope)
        finally:
            self._depth -= 1

    def _of_Constant(self, node: ast.Constant, scope: Scope) -> Any:
        if isinstance(node.value, int | float) and abs(node.value) > messages.MAX_NUMBER:
            raise refuse(node, messages.TOO_LARGE)
        return node.value

    def _of_JoinedStr(self, node: ast.JoinedStr, scope: Scope) -> str:
        parts = [self.evaluate(piece.value if isinstance(piece, ast.FormattedValue) else piece, scope) for piece in node.values]
        return self.join_text(node, *(str(part) if isinstance(part, int | float | str) else "…" for part in parts))

    def join_text(self, node: ast.AST, *parts: str) -> str:
        """Return strings joined; longer results than any name needs are refused."""
        if sum(map(len, parts)) > messages.MAX_ITERATIONS:
            raise refuse(node, messages.TOO_MUCH_WORK, ReadingLimit)
        return "".join(parts)

    def _of_Name(self, node: ast.Name, scope: Scope) -> Any:
        if node.id in scope:
            return scope[node.id]
        if node.id in _DEFAULT_IMPORTS:
            return _DEFAULT_IMPORTS[node.id]
        if node.id in BUILTINS:
            return ImportedName(node.id)
        raise refuse(node, messages.UNKNOWN, what=node.id)

    def _of_Attribute(self, node: ast.Attribute, scope: Scope) -> Any:
        owner, name = self.evaluate(node.value, scope), node.attr
        if isinstance(owner, ImportedName):
            return ImportedName(f"{owner.path}.{name}")
        if isinstance(owner, SourceObject):
            if name in owner.values:
                return owner.values[name]
            attribute = owner.cls.find_attribute(name)
            if isinstance(attribute, SourceFunction):
                return SourceFunction(attribute.node, attribute.scope, owner, attribute.cls)
            if attribute is not None:
                return attribute
        if isinstance(owner, GraphValue) and name == "shape":
            return SizeQuery(self.calls.graph.current(owner))
        return BoundMethod(owner, name)

    def _of_Tuple(self, node: ast.Tuple, scope: Scope) -> tuple:
        return tuple(self._evaluate_elements(node.elts, scope))

    def _of_List(self, node: ast.List, scope: Scope) -> list:
        return self._evaluate_elements(node.elts, scope)

    def _of_Dict(self, node: ast.Dict, scope: Scope) -> dict:
        keys = [key for key in node.keys if key is not None]
        if len(keys) < len(node.keys):  # `**other`
            raise refuse(node, messages.UNREADABLE, what=source_of(node))
        return {self._key(key, scope): self.evaluate(value, scope) for key, value in zip(keys, node.values, strict=True)}

    def _key(self, node: ast.expr, scope: Scope) -> Any:
        key = self.evaluate(node, scope)
        if not isinstance(key, int | str):
            raise refuse(node, messages.UNREADABLE, what=source_of(node))
        return key

    def _evaluate_elements(self, nodes: list[ast.expr], scope: Scope) -> list[Any]:
        elements: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                value = self.evaluate(node.value, scope)
                elements.extend([value] if isinstance(value, RepeatedValues) else self.items(node, value))
            else:
                elements.append(self.evaluate(node, scope))
            self.check_length(node, elements)
        return elements

    def check_length(self, node: ast.AST, items: list[Any]) -> list[Any]:
        """Return a list, or refuse one longer than `MAX_ITEMS`: concatenated lists grow faster than the count of steps."""
        if len(items) > messages.MAX_ITEMS:
            raise refuse(node, messages.TOO_MUCH_WORK, ReadingLimit)
        return items

    def _of_ListComp(self, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> Any:
        (loop, *others) = node.generators
        if others:
            raise refuse(node, messages.UNREADABLE, what=source_of(node))
        iterable, inner = self.evaluate(loop.iter, scope), scope.new_child()
        names = {target.id for target in ast.walk(loop.target) if isinstance(target, ast.Name)}
        uses = {used.id for used in ast.walk(node.elt) if isinstance(used, ast.Name)}
        if isinstance(iterable, range) and not loop.ifs and not names & uses:
            if len(iterable) > messages.MAX_REPETITIONS:
                raise refuse(node, messages.TOO_LONG, ReadingLimit, turns=len(iterable))
            return RepeatedValues(lambda: self.evaluate(node.elt, inner), len(iterable))
        elements = []
        for item in self.items(loop.iter, iterable):
            self._assign(loop.target, item, inner)
            if all(self._test(test, inner) for test in loop.ifs):
                elements.append(self.evaluate(node.elt, inner))
        return elements

    _of_GeneratorExp = _of_ListComp

    def _of_Subscript(self, node: ast.Subscript, scope: Scope) -> Any:
        owner = self.evaluate(node.value, scope)
        if isinstance(owner, SizeQuery):
            return (
                UNKNOWN_SIZE
                if isinstance(node.slice, ast.Slice) or type(key := self.evaluate(node.slice, scope)) is not int
                else owner.at(key)
            )
        if isinstance(owner, SequentialModule):
            owner.items = self.items(node, owner)
            owner = owner.items
        elif isinstance(owner, RepeatedValues):
            owner = self.items(node, owner)
        if isinstance(node.slice, ast.Slice):
            ends = [None if end is None else self.evaluate(end, scope) for end in (node.slice.lower, node.slice.upper, node.slice.step)]
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
        raise refuse(node, messages.UNREADABLE, what=source_of(node))

    def _of_IfExp(self, node: ast.IfExp, scope: Scope) -> Any:
        return self.evaluate(node.body if self._test(node.test, scope) else node.orelse, scope)

    def _of_BoolOp(self, node: ast.BoolOp, scope: Scope) -> Any:
        is_and = isinstance(node.op, ast.And)
        value = None
        for operand in node.values:
            value = self.evaluate(operand, scope)
            if self._is_true(operand, value) is not is_and:
                return value
        return value

    def _of_UnaryOp(self, node: ast.UnaryOp, scope: Scope) -> Any:
        value = self.evaluate(node.operand, scope)
        if isinstance(node.op, ast.Not):
            return not self._is_true(node, value)
        if isinstance(node.op, ast.USub) and isinstance(value, int | float):
            return -value
        raise refuse(node, messages.UNREADABLE, what=source_of(node))

    def _of_Compare(self, node: ast.Compare, scope: Scope) -> bool:
        left = self.evaluate(node.left, scope)
        for operator_, other in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(other, scope)
            if isinstance(operator_, ast.In | ast.NotIn) and isinstance(right, list | tuple | dict | str) and isinstance(left, int | str):
                holds = (left in right) is isinstance(operator_, ast.In)
            elif isinstance(operator_, ast.Is | ast.IsNot | ast.Eq | ast.NotEq) and (left is None or right is None):
                holds = (left is right) is isinstance(operator_, ast.Is | ast.Eq)
            elif type(operator_) in _COMPARISONS and _is_comparable(left, right):
                holds = _COMPARISONS[type(operator_)](left, right)
            else:
                raise refuse(node, messages.UNREADABLE, what=source_of(node))
            if not holds:
                return False
            left = right
        return True

    def _test(self, node: ast.expr, scope: Scope) -> bool:
        return self._is_true(node, self.evaluate(node, scope))

    def _is_true(self, node: ast.AST, value: Any) -> bool:
        if isinstance(value, int | float | str | list | tuple | dict | None):
            return bool(value)
        if isinstance(value, SequentialModule | TorchModule | SourceObject | RepeatedValues):
            return True
        raise refuse(node, messages.UNREADABLE, what=source_of(node))

    def _of_BinOp(self, node: ast.BinOp, scope: Scope) -> Any:
        return evaluate_binary(self, node, node.op, self.evaluate(node.left, scope), self.evaluate(node.right, scope))

    def items_or_repeated(self, node: ast.AST, value: Any) -> list[Any]:
        """Return the items of a list; repeated values are not expanded."""
        return [value] if isinstance(value, RepeatedValues) else self.items(node, value)

    def items(self, node: ast.AST, value: Any) -> list[Any]:
        """Return the items over which a loop iterates; more than `MAX_ITERATIONS` are refused before any is made."""
        if isinstance(value, SourceObject) and isinstance(value.values.get("0chain"), SequentialModule):
            value = value.values["0chain"]
        if isinstance(value, BoundMethod) and value.name in messages.NEUTRAL_METHODS:
            return []
        if (
            isinstance(value, range | RepeatedValues)
            and (turns := len(value) if isinstance(value, range) else value.count) > messages.MAX_ITERATIONS
        ):
            raise refuse(node, messages.TOO_LONG, ReadingLimit, turns=turns)
        if isinstance(value, RepeatedValues):
            return value.expand()
        if isinstance(value, SequentialModule):
            value = value.items
        if isinstance(value, list | tuple):
            return [inner for item in value for inner in (self.items(node, item) if isinstance(item, RepeatedValues) else [item])]
        if isinstance(value, range | dict):
            return list(value)
        raise refuse(node, messages.NOT_A_LIST)

    def _of_Call(self, node: ast.Call, scope: Scope) -> Any:
        function = self.evaluate(node.func, scope)
        if isinstance(function, ImportedName) and function.path == "print":
            return None  # its output is ignored
        if isinstance(function, ImportedName) and function.path == "super":
            return SuperProxy(scope["0self"], scope["0class"]) if "0self" in scope else None
        args = self._evaluate_elements(node.args, scope)
        kwargs: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scope)
            if keyword.arg is None and not isinstance(value, dict):
                raise refuse(node, messages.UNREADABLE, what=f"**{ast.unparse(keyword.value)[:30]}")
            kwargs.update({keyword.arg: value} if keyword.arg else value)
        self._depth += 1
        try:
            return evaluate_call(self, node, function, args, kwargs)
        finally:
            self._depth -= 1


def _is_comparable(left: Any, right: Any) -> bool:
    """True for two numbers or two strings."""
    return isinstance(left, str) and isinstance(right, str) or isinstance(left, int | float) and isinstance(right, int | float)
