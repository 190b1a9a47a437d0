"""What a call of torch means for a net that is being read. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vpc2.knobs import Knob
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.torch_reader.graph import Graph, Value
from vpc2.nets.torch_reader.torch_signatures import (
    ALSO,
    REQUIRED,
    SHAPING,
    SILENT,
    arguments_of,
    function_of,
    functions,
    kind_of,
    writes_in_place,
)
from vpc2.text import Refusal, Text

_UNKNOWN = Text("{where}: {name} is not known here.")
_LEFT_OUT = Text("{where}: {name} is not known here; it was left out.")
_STRANGE = Text("{where}: {name} has no argument “{key}” here.")
_TOO_MANY = Text("{where}: {name} has more values than it takes.")
_TWICE = Text("{where}: {name} gets “{key}” twice.")
_MISSING = Text("{where}: {name} needs {key}.")
_NO_KNOB = Text("{where}: {name} has {key}={value}, for which there is no knob here; {own} stands.")
_CHANGES_SHAPE = Text("{where}: {name} with {key}={value} gives other shapes than any layer here.")
_NO_SUCH_RESHAPING = Text("{where}: of all reshaping, only laying a picture out as one vector is known here.")
_ONLY_CHANNELS = Text("{where}: pictures are laid side by side along their channels (dim=1), and no other way.")
_UNSURE = Text("{where}: {name} is given sizes that cannot be followed here; it is read as laying each picture out as one vector.")
_WEIGHTED_SUM = Text("{where}: {name} with alpha={alpha} adds a multiple; here pictures are only added as they are.")
_ALWAYS_DROPS = Text(
    "{where}: {name} drops values while the net is judged too, unless training=self.training is said; here it drops only while training."
)
_NOT_A_VALUE = Text("{where}: {name} gets something that no layer gives.")


_SAME_VALUE = ("contiguous", "float", "identity")
_BOTH_SIDES = ({2, 3}, {-2, -1})
_JOINS = {
    "add": "add", "iadd": "add", "mul": "mul", "imul": "mul", "multiply": "mul", "cat": "cat", "concat": "cat", "concatenate": "cat",
}  # fmt: skip
_WRITTEN = ("add", "mul")  # joins that may write into their first value
_METHODS = ("view", "reshape", "mean", "size", "clone")


@dataclass(frozen=True)
class Sizes:
    """What code gets that asks a value for its sizes: all of them (`x.shape`, `dims` is None), or the product of some (`x.size(0)`).

    No number is known yet, only which sides of which value; without a value, not even that.
    """

    value: Any = None
    dims: tuple[int, ...] | None = None

    def at(self, index: int) -> Sizes:
        """Return one of the sizes."""
        return Sizes(self.value, (index,)) if self.dims is None else SIZES

    def times(self, other: Any) -> Sizes:
        """Return the product with another size, as far as it can be followed."""
        if isinstance(other, Sizes) and other.value is self.value and None not in (self.dims, other.dims):
            return Sizes(self.value, (*self.dims, *other.dims))
        return SIZES

    @property
    def is_batch(self) -> bool:
        return self.dims == (0,)


SIZES = Sizes()


def is_function(name: str) -> bool:
    """True for a function or method of torch that a net can call here."""
    if name.endswith("_"):
        return name[:-1] in _WRITTEN or name[:-1] in functions() and writes_in_place(name[:-1])
    return name in functions() or name in _JOINS or name in _SAME_VALUE or name in _METHODS


def bind(name: str, names: tuple[str, ...], values: list[Any], named: dict[str, Any], where: Text) -> dict[str, Any]:
    """Return the arguments of a call by their names; raise `Refusal` for one too many, one said twice, or one that is not known."""
    if len(values) > len(names):
        raise Refusal(_TOO_MANY.fill(where=where, name=name))
    for key in named:
        if key not in names:
            raise Refusal(_STRANGE.fill(where=where, name=name, key=key[:40]))
        if key in names[: len(values)]:
            raise Refusal(_TWICE.fill(where=where, name=name, key=key[:40]))
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
        entry = LAYERS[kind_of(name)]
        if (differs := dict(entry.also_reads).get(name)) is not None:
            self.note(differs.fill(where=where, name=f"nn.{name}"))
        for key, default in arguments_of(name).items():
            if default is REQUIRED and arguments.get(key) is None:
                raise Refusal(_MISSING.fill(where=where, name=f"nn.{name}", key=key))
        checks = {"is_flat": name == entry.flat_target.rpartition(".")[2]} if entry.flat_target else {}
        return self._layer(name, f"nn.{name}", arguments, value, where, checks)

    def _layer(
        self,
        cls: str,
        name: str,
        arguments: dict[str, Any],
        value: Any,
        where: Text,
        checks: dict[str, Any] | None = None,
        defaults: dict[str, Any] | None = None,
    ) -> Value:
        """Return what the layer of one of torch's classes makes of a value; what `arguments` leave out is as the class has it.

        `defaults` are those of arguments that the class does not have.
        """
        if not isinstance(value, Value):
            raise Refusal(_NOT_A_VALUE.fill(where=where, name=name))
        kind, own = kind_of(cls), arguments_of(cls)
        entry, params, given, checks = LAYERS[kind], {}, {}, dict(checks or {})
        knobs = {knob.key for knob in entry.knobs}
        left_out = {key: default for key, default in own.items() if default is not REQUIRED}
        defaults = {**(defaults or {}), **left_out}
        for key, said in {**left_out, **arguments}.items():
            if key in SILENT:
                continue
            if key in knobs:
                if said is not None:
                    params[key] = _knob_value(entry.knob(key), said)
            elif key in dict(entry.fixed):
                checks[key] = said
            elif key in defaults:
                self._check_default(kind, name, key, said, where, defaults[key])
            elif said is not None:
                given[key] = said
        for needed in own:
            if needed in knobs and needed not in params and needed != "stride":
                raise Refusal(_MISSING.fill(where=where, name=name, key=needed))
        if "stride" in own and own["stride"] is None:
            params.setdefault("stride", params["kernel_size"])  # torch's own rule
        made = self.graph.layer(value, kind, params, where, given, checks)
        if entry.is_view:
            self.graph.share(value, made)
        if arguments.get("inplace") is True:
            self.graph.write(value, made)
        return made

    def _check_default(self, kind: str, name: str, key: str, said: Any, where: Text, default: Any) -> None:
        """Note an argument that has no knob here and another value than torch's default; refuse it where it changes shapes."""
        if isinstance(said, list | tuple) and len(set(map(str, said))) == 1:
            said = said[0]
        if said == default or said in ALSO.get(key, ()):
            return
        shown = {"where": where, "name": name, "key": key, "value": str(said)[:40]}
        if key in SHAPING:
            raise Refusal(_CHANGES_SHAPE.fill(**shown))
        if (kind, key, str(said)) not in self._said:  # once is enough: a net says it in each of its layers
            self._said.add((kind, key, str(said)))
            self.note(_NO_KNOB.fill(own=str(default), **shown))

    def function(self, name: str, values: list[Any], named: dict[str, Any], where: Text) -> Any:
        """Return what a function or method of torch, called on a value, comes to."""
        is_written = name.endswith("_") or name in ("iadd", "imul")
        name = name.removesuffix("_")
        if name in _JOINS:
            made = self._join(_JOINS[name], name, values, named, where)
            if is_written:
                self.graph.write(values[0], made)
            return made
        value, rest = (values[0], values[1:]) if values else (named.get("input"), [])
        if not values:
            named = {key: said for key, said in named.items() if key != "input"}
        if name == "size":
            return self._size(value, rest, named)
        if not isinstance(value, Value):
            raise Refusal(_NOT_A_VALUE.fill(where=where, name=name))
        if name in _SAME_VALUE:
            return value
        if name == "clone":
            return self.graph.copy(value, where)
        if name in ("view", "reshape"):
            return self._view(name, value, list(rest[0]) if len(rest) == 1 and isinstance(rest[0], list | tuple) else rest, where)
        if name == "mean":
            return self._mean(value, bind(name, ("dim", "keepdim"), rest, named, where), where)
        function = function_of(name)
        bound, own = bind(name, tuple(function.arguments), rest, named, where), arguments_of(function.cls)
        defaults = {key: default for key, default in function.arguments.items() if default is not REQUIRED}
        # What the function takes by default stands where its class takes something else.
        other = {key: default for key, default in defaults.items() if key in (*own, "training") and default != own.get(key)}
        arguments = {**other, **bound}
        if is_written:
            arguments["inplace"] = True
        if "training" in arguments:
            training = arguments.pop("training")
            if training is False:
                return value
            if getattr(training, "name", "") != "training":
                self.note(_ALWAYS_DROPS.fill(where=where, name=name))
        return self._layer(function.cls, name, arguments, value, where, defaults=defaults)

    def _size(self, value: Any, rest: list[Any], named: dict[str, Any]) -> Sizes:
        (index,) = (*rest, *named.values())[:1] or (None,)
        sizes = Sizes(self.graph.now(value)) if isinstance(value, Value) else SIZES
        return sizes if index is None else sizes.at(index) if type(index) is int else SIZES

    def _view(self, name: str, value: Value, sizes: list[Any], where: Text) -> Value:
        """Return a value laid out as one vector a picture, the only other shape that is known here."""
        first, length = sizes if len(sizes) == 2 else (None, None)
        is_first_known = isinstance(first, Sizes) and first.is_batch
        is_free = type(first) is int and first == -1
        is_unsure = isinstance(first, Sizes) and first.dims is None and first.value is None
        checks: dict[str, Any] = {}
        if isinstance(length, Sizes):
            if length.value is self.graph.now(value) and length.dims:
                checks["dims"] = length.dims
            else:
                is_unsure = True
        elif type(length) is not int or length < (0 if is_free else -1):
            raise Refusal(_NO_SUCH_RESHAPING.fill(where=where))
        elif length != -1:
            checks["length"] = length
        if not (is_first_known or is_free or is_unsure):
            raise Refusal(_NO_SUCH_RESHAPING.fill(where=where))
        if is_unsure:
            self.note(_UNSURE.fill(where=where, name=name))
        return self._layer("Flatten", name, {}, value, where, checks)

    def _join(self, how: str, name: str, values: list[Any], named: dict[str, Any], where: Text) -> Value:
        if how == "cat":
            arguments = bind(name, ("tensors", "dim"), values, named, where)
            if arguments.get("dim", 0) not in (1, -3):
                raise Refusal(_ONLY_CHANNELS.fill(where=where))
            values = arguments.get("tensors")
        else:
            arguments = bind(name, ("input", "other", "alpha")[: 3 if how == "add" else 2], values, named, where)
            if (alpha := arguments.get("alpha", 1)) != 1:
                raise Refusal(_WEIGHTED_SUM.fill(where=where, name=name, alpha=str(alpha)[:40]))
            values = [arguments.get("input"), arguments.get("other")]
        if not isinstance(values, list | tuple) or not values or not all(isinstance(one, Value) for one in values):
            raise Refusal(_NOT_A_VALUE.fill(where=where, name=name))
        return self.graph.join(how, values, where)

    def _mean(self, value: Value, arguments: dict[str, Any], where: Text) -> Value:
        sides = arguments.get("dim")
        if not isinstance(sides, list | tuple) or set(sides) not in _BOTH_SIDES:
            raise Refusal(_NO_SUCH_RESHAPING.fill(where=where))
        if arguments.get("keepdim"):
            return self.graph.layer(value, "AdaptiveAvgPool2d", {"output_size": 1}, where)
        return self.graph.layer(value, "GlobalAvgPool", {}, where)


def _knob_value(knob: Knob, said: Any) -> Any:
    if knob.key == "padding" and said == "valid" and getattr(knob, "words", None):  # torch's word for none
        return 0
    return list(said) if isinstance(said, tuple) else said
