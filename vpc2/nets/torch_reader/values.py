"""What things are while PyTorch code is being read: no object of torch or Python stands behind any of them. Standard library only."""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Scope = ChainMap[str, Any]


@dataclass(frozen=True)
class Dotted:
    """A name that was imported: "torch.nn.functional.relu"."""

    path: str

    @property
    def last(self) -> str:
        return self.path.rpartition(".")[2]


@dataclass(eq=False)
class Function:
    """A function or method written in the text; `owner` is the object whose method it is."""

    node: ast.FunctionDef
    scope: Scope
    owner: Any = None
    cls: Class | None = None


@dataclass(eq=False)
class Class:
    """A class written in the text."""

    name: str
    bases: list[Any]
    methods: dict[str, Function]
    values: dict[str, Any]

    def find(self, name: str) -> Any:
        """Return a method, or a value of the class, its bases' included; None where there is none."""
        if name in self.methods:
            return self.methods[name]
        if name in self.values:
            return self.values[name]
        return next((found for base in self.bases if isinstance(base, Class) and (found := base.find(name)) is not None), None)

    def is_a(self, path: str) -> bool:
        """True where torch's class of this name is among its bases."""
        return any(base.is_a(path) if isinstance(base, Class) else base == Dotted(path) for base in self.bases)

    @property
    def is_module(self) -> bool:
        """True for a class of `nn.Module`, as an `nn.Sequential` is."""
        return self.is_a("torch.nn.Module") or self.is_a("torch.nn.Sequential")


@dataclass(eq=False)
class Thing:
    """An object of a class written in the text."""

    cls: Class
    values: dict[str, Any] = field(default_factory=dict)

    def put(self, name: str, value: Any) -> None:
        """Give the object something under a name; a layer given to an `nn.Sequential` is called with the others, in this order."""
        chain = self.values.get("0chain")
        if isinstance(chain, Chain) and isinstance(value, Module | Chain | Thing):
            old = self.values.get(name)
            if any(one is old for one in chain.items):
                chain.items = [value if one is old else one for one in chain.items]
            else:
                chain.items.append(value)
        self.values[name] = value


@dataclass(eq=False)
class Module:
    """A layer of torch.nn with the arguments it was made with; `name` may be one that is not known here."""

    name: str
    arguments: dict[str, Any]
    line: int
    is_used: bool = False


@dataclass(eq=False)
class Chain:
    """An `nn.Sequential`."""

    items: list[Any]
    line: int


@dataclass(eq=False)
class Copies:
    """Things made alike, `count` times, by a comprehension whose variable they do not use: kept short until someone counts them."""

    make: Callable[[], Any]
    count: int
    _made: list[Any] = field(default_factory=list)

    def made(self) -> list[Any]:
        """Return all of them, the same ones each time: who names one of them twice means one layer, not two."""
        self._made.extend(self.make() for _ in range(self.count - len(self._made)))
        return list(self._made)


@dataclass(frozen=True)
class Method:
    """What an object can do by itself: `x.relu`, `layers.append`."""

    owner: Any
    name: str


@dataclass(frozen=True)
class Parent:
    """What `super()` gives inside a method."""

    thing: Thing
    cls: Class


class Returned(Exception):
    """A function of the text gave something back."""

    def __init__(self, value: Any):
        super().__init__()
        self.value = value


def is_net(value: Any) -> bool:
    """True for what can be called on a picture."""
    return isinstance(value, Chain | Module) or isinstance(value, Thing) and value.cls.is_module
