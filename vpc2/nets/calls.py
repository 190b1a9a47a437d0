"""What a call of torch means for a net that is being read. Standard library only."""

from __future__ import annotations

from typing import Any

from vpc2.nets.graph import Graph, Value
from vpc2.nets.layers import LAYERS
from vpc2.nets.torch_words import DEFAULTS, FUNCTIONS, KINDS, SHAPING, SILENT
from vpc2.words import Refusal, Text

_UNKNOWN = Text("{where}: {name} is not known here.", "{where}: acá no se conoce {name}.")
_LEFT_OUT = Text("{where}: {name} is not known here; it was left out.", "{where}: acá no se conoce {name}; se dejó afuera.")
_STRANGE = Text("{where}: {name} has no argument “{key}” here.", "{where}: acá {name} no tiene un argumento “{key}”.")
_TOO_MANY = Text("{where}: {name} has more values than it takes.", "{where}: {name} tiene más valores de los que recibe.")
_MISSING = Text("{where}: {name} needs {key}.", "{where}: {name} necesita {key}.")
_NO_KNOB = Text(
    "{where}: {name} has {key}={value}, for which there is no knob here; {own} stands.",
    "{where}: {name} tiene {key}={value}, que acá no tiene perilla; queda {own}.",
)
_CHANGES_SHAPE = Text(
    "{where}: {name} with {key}={value} gives other shapes than any layer here.",
    "{where}: {name} con {key}={value} da otras formas que las capas de acá.",
)
_NO_SUCH_RESHAPING = Text(
    "{where}: of all reshaping, only laying a picture out as one vector is known here.",
    "{where}: de los cambios de forma, acá solo se conoce extender una imagen como un vector.",
)
_ONLY_CHANNELS = Text(
    "{where}: pictures are laid side by side along their channels (dim=1), and no other way.",
    "{where}: las imágenes se ponen una al lado de la otra por sus canales (dim=1), y de ninguna otra forma.",
)
_NOT_A_VALUE = Text("{where}: {name} gets something that no layer gives.", "{where}: {name} recibe algo que no da ninguna capa.")


_SAME_VALUE = ("contiguous", "clone", "float", "identity")
_BOTH_SIDES = ({2, 3}, {-2, -1})
_JOINS = {
    "add": "add", "iadd": "add", "add_": "add", "mul": "mul", "imul": "mul", "mul_": "mul",
    "cat": "cat", "concat": "cat", "concatenate": "cat",
}  # fmt: skip
_METHODS = ("view", "reshape", "mean", "size")


class Sizes:
    """What code gets that asks a value for its sizes (`x.size(0)`, `x.shape`): no number is known, only that it asked."""


SIZES = Sizes()


def is_function(name: str) -> bool:
    """True for a function or method of torch that a net can call here."""
    return name in FUNCTIONS or name in _JOINS or name in _SAME_VALUE or name in _METHODS


def bind(name: str, names: tuple[str, ...], values: list[Any], named: dict[str, Any], where: Text) -> dict[str, Any]:
    """Return the arguments of a call by their names; raise `Refusal` for one too many, or one that is not known."""
    if len(values) > len(names):
        raise Refusal(_TOO_MANY.fill(where=where, name=name))
    for key in named:
        if key not in names:
            raise Refusal(_STRANGE.fill(where=where, name=name, key=key[:40]))
    return {**dict(zip(names, values, strict=False)), **named}


class Calls:
    """Calls of torch's classes and functions on values of a graph.

    What is not known is left out with a note, or refused where `is_strict`.
    """

    def __init__(self, *, is_strict: bool = False):
        self.graph = Graph()
        self._is_strict = is_strict
        self._said: set[tuple[str, ...]] = set()

    def note(self, text: Text) -> None:
        if text not in self.graph.notes:
            self.graph.notes.append(text)

    def unknown(self, name: str, value: Any, where: Text) -> Any:
        """Leave out a layer that is not known: what it gets goes on as it is."""
        if self._is_strict or not isinstance(value, Value):
            raise Refusal(_UNKNOWN.fill(where=where, name=name[:60]))
        self.note(_LEFT_OUT.fill(where=where, name=name[:60]))
        return value

    def module(self, name: str, arguments: dict[str, Any], value: Any, where: Text) -> Value:
        """Return what a layer of torch.nn makes of a value; `arguments` are those it was made with, by name."""
        return self._layer(KINDS[name], f"nn.{name}", arguments, value, where)

    def _layer(self, kind: str, name: str, arguments: dict[str, Any], value: Any, where: Text) -> Value:
        if not isinstance(value, Value):
            raise Refusal(_NOT_A_VALUE.fill(where=where, name=name))
        entry, params, given = LAYERS[kind], {}, {}
        knobs = {knob.key for knob in entry.knobs}
        for key, said in arguments.items():
            if key in SILENT or said is None:
                continue
            if key in knobs:
                params[key] = list(said) if isinstance(said, tuple) else said
            elif key in DEFAULTS and said != DEFAULTS[key]:
                shown = {"where": where, "name": name, "key": key, "value": str(said)[:40]}
                if key in SHAPING:
                    raise Refusal(_CHANGES_SHAPE.fill(**shown))
                if (kind, key, str(said)) not in self._said:  # once is enough: a net says it in each of its layers
                    self._said.add((kind, key, str(said)))
                    self.note(_NO_KNOB.fill(own=str(DEFAULTS[key]), **shown))
            elif key not in DEFAULTS and key not in dict(entry.fixed):
                given[key] = said
        for needed in ("kernel_size", "out_channels", "out_features", "output_size", "num_groups", "scale_factor"):
            if needed in knobs and needed not in params:
                raise Refusal(_MISSING.fill(where=where, name=name, key=needed))
        if entry.family == "pooling" and "stride" in knobs:
            params.setdefault("stride", params["kernel_size"])  # torch's own rule
        return self.graph.layer(value, kind, params, where, given)

    def function(self, name: str, values: list[Any], named: dict[str, Any], where: Text) -> Any:
        """Return what a function or method of torch, called on a value, comes to."""
        if name in _JOINS:
            return self._join(_JOINS[name], name, values, named, where)
        value, rest = (values[0], values[1:]) if values else (named.get("input"), [])
        named = {key: said for key, said in named.items() if key != "input"}
        if name == "size":
            return SIZES
        if not isinstance(value, Value):
            raise Refusal(_NOT_A_VALUE.fill(where=where, name=name))
        if name in _SAME_VALUE:
            return value
        if name in ("view", "reshape"):
            sizes = list(rest[0]) if len(rest) == 1 and isinstance(rest[0], list | tuple) else rest
            if len(sizes) != 2 or isinstance(sizes[1], list | tuple):
                raise Refusal(_NO_SUCH_RESHAPING.fill(where=where))
            return self.graph.layer(value, "Flatten", {}, where)
        if name == "mean":
            return self._mean(value, bind(name, ("dim", "keepdim"), rest, named, where), where)
        kind, names = FUNCTIONS[name]
        arguments = bind(name, names, rest, named, where)
        if name == "flatten":
            arguments.setdefault("start_dim", 0)  # the function's own default, which would lay the batch out too
        return self._layer(kind, name, arguments, value, where)

    def _join(self, how: str, name: str, values: list[Any], named: dict[str, Any], where: Text) -> Value:
        if how == "cat":
            arguments = bind(name, ("tensors", "dim"), values, named, where)
            if arguments.get("dim", named.get("axis", 0)) not in (1, -3):
                raise Refusal(_ONLY_CHANNELS.fill(where=where))
            values = arguments.get("tensors")
        if not isinstance(values, list | tuple) or not values or not all(isinstance(one, Value) for one in values):
            raise Refusal(_NOT_A_VALUE.fill(where=where, name=name))
        return self.graph.join(how, values, where)

    def _mean(self, value: Value, arguments: dict[str, Any], where: Text) -> Value:
        sides = arguments.get("dim")
        if not isinstance(sides, list | tuple) or set(sides) not in _BOTH_SIDES:
            raise Refusal(_NO_SUCH_RESHAPING.fill(where=where))
        return self.graph.layer(value, "AdaptiveAvgPool2d" if arguments.get("keepdim") else "GlobalAvgPool", {}, where)
