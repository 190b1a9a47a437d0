"""The values of the interpreter: stand-ins for the classes, functions, modules and objects of the code. Standard library only.

None of them contains an object of torch or executable code of the text.
"""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Scope = ChainMap[str, Any]


@dataclass(frozen=True)
class ImportedName:
    """An imported name, such as "torch.nn.functional.relu"."""

    path: str

    @property
    def last(self) -> str:
        return self.path.rpartition(".")[2]


@dataclass(eq=False)
class SourceFunction:
    """A function or method defined in the code; `owner` is the object to which a method is bound."""

    node: ast.FunctionDef
    scope: Scope
    owner: Any = None
    cls: SourceClass | None = None


@dataclass(eq=False)
class SourceClass:
    """A class defined in the code."""

    name: str
    bases: list[Any]
    methods: dict[str, SourceFunction]
    values: dict[str, Any]

    def find_attribute(self, name: str) -> Any:
        """Return a method or class attribute, those of the bases included; None where there is none."""
        if name in self.methods:
            return self.methods[name]
        if name in self.values:
            return self.values[name]
        return next(
            (attribute for base in self.bases if isinstance(base, SourceClass) and (attribute := base.find_attribute(name)) is not None),
            None,
        )

    def is_a(self, path: str) -> bool:
        """True where the imported class of this path is among its bases."""
        return any(base.is_a(path) if isinstance(base, SourceClass) else base == ImportedName(path) for base in self.bases)

    @property
    def is_module(self) -> bool:
        """True for a subclass of `nn.Module` or `nn.Sequential`."""
        return self.is_a("torch.nn.Module") or self.is_a("torch.nn.Sequential")


@dataclass(eq=False)
class SourceObject:
    """An instance of a class defined in the code."""

    cls: SourceClass
    values: dict[str, Any] = field(default_factory=dict)

    def set_attribute(self, name: str, value: Any) -> None:
        """Set an attribute; a module set on an `nn.Sequential` is appended to its items, or replaces the one of that name."""
        chain = self.values.get("0chain")
        if isinstance(chain, SequentialModule) and isinstance(value, TorchModule | SequentialModule | SourceObject):
            old = self.values.get(name)
            if any(item is old for item in chain.items):
                chain.items = [value if item is old else item for item in chain.items]
            else:
                chain.items.append(value)
        self.values[name] = value


@dataclass(eq=False)
class TorchModule:
    """A layer of torch.nn with its constructor's arguments; `name` may be an unknown one."""

    name: str
    arguments: dict[str, Any]
    line: int
    is_used: bool = False


@dataclass(eq=False)
class SequentialModule:
    """An `nn.Sequential`."""

    items: list[Any]
    line: int


@dataclass(eq=False)
class RepeatedValues:
    """The values of a comprehension whose element does not use the loop variable: `count` equal ones, not yet expanded."""

    make: Callable[[], Any]
    count: int
    _expanded: list[Any] = field(default_factory=list)

    def expand(self) -> list[Any]:
        """Return all values, the same objects each time: two uses of one of them are two uses of one layer."""
        self._expanded.extend(self.make() for _ in range(self.count - len(self._expanded)))
        return list(self._expanded)


@dataclass(frozen=True)
class BoundMethod:
    """A method of a value that is no source object: `x.relu`, `layers.append`."""

    owner: Any
    name: str


@dataclass(frozen=True)
class SuperProxy:
    """The result of `super()` inside a method."""

    instance: SourceObject
    cls: SourceClass


class ReturnSignal(Exception):
    """Raised by a `return` statement of the code, with its value."""

    def __init__(self, value: Any):
        super().__init__()
        self.value = value


def is_callable_module(value: Any) -> bool:
    """True for values that can be called on an image."""
    return isinstance(value, SequentialModule | TorchModule) or isinstance(value, SourceObject) and value.cls.is_module
