"""What things are while PyTorch code is being read: no object of torch or Python stands behind any of them. Standard library only."""

from __future__ import annotations

import ast
import re
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vpc2.words import Refusal, Text

Scope = ChainMap[str, Any]

MOST_STEPS = 50_000
MOST_TURNS = 1_000
MOST_DEPTH = 60
MOST_COPIES = 10_000
LARGEST = 10**12

LINE = Text("Line {line}", "Línea {line}")
_AT = Text("Line {line}: {why}", "Línea {line}: {why}")
UNREAD = Text("“{what}” cannot be read here.", "acá no se puede leer “{what}”.")
UNKNOWN = Text("“{what}” is not known here.", "acá no se conoce “{what}”.")
TOO_LONG = Text("a loop of {turns:,} turns is too long to be read.", "un bucle de {turns:,} vueltas es demasiado largo para leerlo.")
TOO_MUCH = Text("there is too much to be done here; only a net is read.", "acá hay demasiado para hacer; solo se lee una red.")
TOO_DEEP = Text("calls and brackets stand too deep inside one another.", "hay demasiadas llamadas y paréntesis unos dentro de otros.")
TOO_LARGE = Text("this number is too large.", "este número es demasiado grande.")
NEEDS = Text("{what} needs a value for “{key}”.", "{what} necesita un valor para “{key}”.")
NO_ANSWER = Text("{what} has no forward that gives something back.", "{what} no tiene un forward que devuelva algo.")
SHARED = Text(
    "Line {line}: nn.{name} is used more than once; here each use has weights of its own.",
    "Línea {line}: nn.{name} se usa más de una vez; acá cada uso tiene sus propios pesos.",
)
NOT_A_LIST = Text("what stands here cannot be gone through one by one.", "lo que está acá no se puede recorrer de a uno.")


class TooMuch(Refusal):
    """The text asks for more work than reading a net can take: nothing after it is read either."""


class Returned(Exception):
    """A function of the text gave something back."""

    def __init__(self, value: Any):
        super().__init__()
        self.value = value


def refuse(node: ast.AST, why: Text, kind: type[Refusal] = Refusal, **values: Any) -> Refusal:
    """Return the refusal of one place of the text."""
    return kind(_AT.fill(line=getattr(node, "lineno", 1), why=why.fill(**values)))


def named(node: ast.AST) -> str:
    return re.sub(r"\s+", " ", ast.unparse(node))[:40]


def where(line: int) -> Text:
    return LINE.fill(line=line)


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


@dataclass(eq=False)
class Thing:
    """An object of a class written in the text."""

    cls: Class
    values: dict[str, Any] = field(default_factory=dict)


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


# What a module or a value can be asked for that adds no layer: nothing comes of it.
NOTHING = ("modules", "parameters", "children", "register_buffer", "apply", "train", "eval", "to", "cuda", "cpu", "double")


def is_net(value: Any) -> bool:
    """True for what can be called on a picture."""
    return isinstance(value, Chain | Module) or isinstance(value, Thing) and value.cls.is_a("torch.nn.Module")
