"""`TorchCalls`: what calls of torch's classes and functions add to the graph of a net that is being read. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vpc2.knobs import Knob
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.torch_reader.graph import GraphValue, NetGraph
from vpc2.nets.torch_reader.torch_signatures import (
    EQUIVALENT_DEFAULTS,
    IGNORED_ARGUMENTS,
    REQUIRED,
    SHAPE_ARGUMENTS,
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
    "{where}: {name} drops values in evaluation too, unless training=self.training is said; here it drops only while training."
)
_NOT_A_VALUE = Text("{where}: {name} gets something that no layer gives.")


_IDENTITY_FUNCTIONS = ("contiguous", "float", "identity")
_SPATIAL_DIMS = ({2, 3}, {-2, -1})
_JOINS = {
    "add": "add", "iadd": "add", "mul": "mul", "imul": "mul", "multiply": "mul", "cat": "cat", "concat": "cat", "concatenate": "cat",
}  # fmt: skip
_WRITTEN = ("add", "mul")  # joins that may write into their first value
_METHODS = ("view", "reshape", "mean", "size", "clone")


@dataclass(frozen=True)
class SizeQuery:
    """The size of a value, as asked for by the code: all sizes (`x.shape`, `dims` is None) or the product of some (`x.size(0)`).

    No number is known yet, only which dimensions of which value; without `value` nothing is known (`UNKNOWN_SIZE`).
    """

    value: Any = None
    dims: tuple[int, ...] | None = None

    def at(self, index: int) -> SizeQuery:
        """Return the size of one dimension."""
        return SizeQuery(self.value, (index,)) if self.dims is None else UNKNOWN_SIZE

    def times(self, other: Any) -> SizeQuery:
        """Return the product with another size, `UNKNOWN_SIZE` where it cannot be followed."""
        if isinstance(other, SizeQuery) and other.value is self.value and self.dims is not None and other.dims is not None:
            return SizeQuery(self.value, (*self.dims, *other.dims))
        return UNKNOWN_SIZE

    @property
    def is_batch(self) -> bool:
        return self.dims == (0,)


UNKNOWN_SIZE = SizeQuery()


def is_known_function(name: str) -> bool:
    """True for a function or method of torch that the reader knows."""
    if name.endswith("_"):
        return name[:-1] in _WRITTEN or name[:-1] in functions() and writes_in_place(name[:-1])
    return name in functions() or name in _JOINS or name in _IDENTITY_FUNCTIONS or name in _METHODS


def bind_arguments(name: str, names: tuple[str, ...], args: list[Any], kwargs: dict[str, Any], location: Text) -> dict[str, Any]:
    """Return the arguments of a call by name; raise `Refusal` for too many, duplicate or unknown arguments."""
    if len(args) > len(names):
        raise Refusal(_TOO_MANY.fill(where=location, name=name))
    for key in kwargs:
        if key not in names:
            raise Refusal(_STRANGE.fill(where=location, name=name, key=key[:40]))
        if key in names[: len(args)]:
            raise Refusal(_TWICE.fill(where=location, name=name, key=key[:40]))
    return {**dict(zip(names, args, strict=False)), **kwargs}


class TorchCalls:
    """Adds the calls of torch's classes and functions to a graph.

    Unknown ones are left out with a note, or refused where `is_strict`.
    """

    def __init__(self, *, is_strict: bool = False):
        self.graph = NetGraph()
        self._is_strict = is_strict
        self._noted: set[tuple[str, ...]] = set()

    def note(self, text: Text) -> None:
        if text not in self.graph.notes:
            self.graph.notes.append(text)

    def skip_unknown(self, name: str, value: Any, location: Text) -> Any:
        """Leave out an unknown layer, with a note: its input is returned unchanged."""
        if self._is_strict or not isinstance(value, GraphValue):
            raise Refusal(_UNKNOWN.fill(where=location, name=name[:60]))
        self.note(_LEFT_OUT.fill(where=location, name=name[:60]))
        return value

    def call_module(self, name: str, arguments: dict[str, Any], value: Any, location: Text) -> GraphValue:
        """Return the output of a layer of torch.nn for a value; `arguments` are those of its constructor, by name."""
        entry = LAYERS[kind_of(name)]
        if (differs := dict(entry.also_reads).get(name)) is not None:
            self.note(differs.fill(where=location, name=f"nn.{name}"))
        for key, default in arguments_of(name).items():
            if default is REQUIRED and arguments.get(key) is None:
                raise Refusal(_MISSING.fill(where=location, name=f"nn.{name}", key=key))
        checks = {"is_flat": name == entry.vector_target.rpartition(".")[2]} if entry.vector_target else {}
        return self._add_layer(name, f"nn.{name}", arguments, value, location, checks)

    def _add_layer(
        self,
        cls: str,
        name: str,
        arguments: dict[str, Any],
        value: Any,
        location: Text,
        checks: dict[str, Any] | None = None,
        defaults: dict[str, Any] | None = None,
    ) -> GraphValue:
        """Return the output of a layer of one of torch's classes for a value; missing `arguments` have the class's defaults.

        `defaults` are those of arguments that the class does not have.
        """
        if not isinstance(value, GraphValue):
            raise Refusal(_NOT_A_VALUE.fill(where=location, name=name))
        kind, class_arguments = kind_of(cls), arguments_of(cls)
        entry, params, declared, checks = LAYERS[kind], {}, {}, dict(checks or {})
        knobs = {knob.key for knob in entry.knobs}
        left_out = {key: default for key, default in class_arguments.items() if default is not REQUIRED}
        defaults = {**(defaults or {}), **left_out}
        for key, argument in {**left_out, **arguments}.items():
            if key in IGNORED_ARGUMENTS:
                continue
            if key in knobs:
                if argument is not None:
                    params[key] = _knob_value(entry.knob(key), argument)
            elif key in dict(entry.fixed):
                checks[key] = argument
            elif key in defaults:
                self._check_default(kind, name, key, argument, location, defaults[key])
            elif argument is not None:
                declared[key] = argument
        for required in class_arguments:
            if required in knobs and required not in params and required != "stride":
                raise Refusal(_MISSING.fill(where=location, name=name, key=required))
        if "stride" in class_arguments and class_arguments["stride"] is None:
            params.setdefault("stride", params["kernel_size"])  # torch's own rule
        result = self.graph.add_layer(value, kind, params, location, declared, checks)
        if entry.is_view:
            self.graph.add_alias(value, result)
        if arguments.get("inplace") is True:
            self.graph.overwrite(value, result)
        return result

    def _check_default(self, kind: str, name: str, key: str, argument: Any, location: Text, default: Any) -> None:
        """Add a note for an argument that the layer does not offer and that is not torch's default; refuse one that changes shapes."""
        if isinstance(argument, list | tuple) and len(set(map(str, argument))) == 1:
            argument = argument[0]
        if argument == default or argument in EQUIVALENT_DEFAULTS.get(key, ()):
            return
        fields = {"where": location, "name": name, "key": key, "value": str(argument)[:40]}
        if key in SHAPE_ARGUMENTS:
            raise Refusal(_CHANGES_SHAPE.fill(**fields))
        if (kind, key, str(argument)) not in self._noted:  # noted once, not for each layer
            self._noted.add((kind, key, str(argument)))
            self.note(_NO_KNOB.fill(own=str(default), **fields))

    def call_function(self, name: str, args: list[Any], kwargs: dict[str, Any], location: Text) -> Any:
        """Return the result of a function or method of torch."""
        is_written = name.endswith("_") or name in ("iadd", "imul")
        name = name.removesuffix("_")
        if name in _JOINS:
            result = self._join(_JOINS[name], name, args, kwargs, location)
            if is_written:
                self.graph.overwrite(args[0], result)
            return result
        value, rest = (args[0], args[1:]) if args else (kwargs.get("input"), [])
        if not args:
            kwargs = {key: argument for key, argument in kwargs.items() if key != "input"}
        if name == "size":
            return self._size(value, rest, kwargs)
        if not isinstance(value, GraphValue):
            raise Refusal(_NOT_A_VALUE.fill(where=location, name=name))
        if name in _IDENTITY_FUNCTIONS:
            return value
        if name == "clone":
            return self.graph.add_copy(value, location)
        if name in ("view", "reshape"):
            return self._view(name, value, list(rest[0]) if len(rest) == 1 and isinstance(rest[0], list | tuple) else rest, location)
        if name == "mean":
            return self._mean(value, bind_arguments(name, ("dim", "keepdim"), rest, kwargs, location), location)
        function = function_of(name)
        assert function is not None  # `is_known_function` holds
        bound, class_arguments = bind_arguments(name, tuple(function.arguments), rest, kwargs, location), arguments_of(function.cls)
        defaults = {key: default for key, default in function.arguments.items() if default is not REQUIRED}
        # Defaults of the function that differ from those of its class.
        other = {
            key: default
            for key, default in defaults.items()
            if key in (*class_arguments, "training") and default != class_arguments.get(key)
        }
        arguments = {**other, **bound}
        if is_written:
            arguments["inplace"] = True
        if "training" in arguments:
            training = arguments.pop("training")
            if training is False:
                return value
            if getattr(training, "name", "") != "training":
                self.note(_ALWAYS_DROPS.fill(where=location, name=name))
        return self._add_layer(function.cls, name, arguments, value, location, defaults=defaults)

    def _size(self, value: Any, rest: list[Any], kwargs: dict[str, Any]) -> SizeQuery:
        (index,) = (*rest, *kwargs.values())[:1] or (None,)
        sizes = SizeQuery(self.graph.current(value)) if isinstance(value, GraphValue) else UNKNOWN_SIZE
        return sizes if index is None else sizes.at(index) if type(index) is int else UNKNOWN_SIZE

    def _view(self, name: str, value: GraphValue, sizes: list[Any], location: Text) -> GraphValue:
        """Return a value flattened to one vector for each image, the only reshaping that is known."""
        first, length = sizes if len(sizes) == 2 else (None, None)
        is_first_known = isinstance(first, SizeQuery) and first.is_batch
        is_free = type(first) is int and first == -1
        is_unsure = isinstance(first, SizeQuery) and first.dims is None and first.value is None
        checks: dict[str, Any] = {}
        if isinstance(length, SizeQuery):
            if length.value is self.graph.current(value) and length.dims:
                checks["dims"] = length.dims
            else:
                is_unsure = True
        elif type(length) is not int or length < (0 if is_free else -1):
            raise Refusal(_NO_SUCH_RESHAPING.fill(where=location))
        elif length != -1:
            checks["length"] = length
        if not (is_first_known or is_free or is_unsure):
            raise Refusal(_NO_SUCH_RESHAPING.fill(where=location))
        if is_unsure:
            self.note(_UNSURE.fill(where=location, name=name))
        return self._add_layer("Flatten", name, {}, value, location, checks)

    def _join(self, operation: str, name: str, args: list[Any], kwargs: dict[str, Any], location: Text) -> GraphValue:
        if operation == "cat":
            arguments = bind_arguments(name, ("tensors", "dim"), args, kwargs, location)
            if arguments.get("dim", 0) not in (1, -3):
                raise Refusal(_ONLY_CHANNELS.fill(where=location))
            operands = arguments.get("tensors")
        else:
            arguments = bind_arguments(name, ("input", "other", "alpha")[: 3 if operation == "add" else 2], args, kwargs, location)
            if (alpha := arguments.get("alpha", 1)) != 1:
                raise Refusal(_WEIGHTED_SUM.fill(where=location, name=name, alpha=str(alpha)[:40]))
            operands = [arguments.get("input"), arguments.get("other")]
        if not isinstance(operands, list | tuple) or not operands or not all(isinstance(value, GraphValue) for value in operands):
            raise Refusal(_NOT_A_VALUE.fill(where=location, name=name))
        return self.graph.add_join(operation, operands, location)

    def _mean(self, value: GraphValue, arguments: dict[str, Any], location: Text) -> GraphValue:
        sides = arguments.get("dim")
        if not isinstance(sides, list | tuple) or not any(len(sides) == 2 and all(dim in sides for dim in dims) for dims in _SPATIAL_DIMS):
            raise Refusal(_NO_SUCH_RESHAPING.fill(where=location))
        if arguments.get("keepdim"):
            return self.graph.add_layer(value, "AdaptiveAvgPool2d", {"output_size": 1}, location)
        return self.graph.add_layer(value, "GlobalAvgPool", {}, location)


def _knob_value(knob: Knob, argument: Any) -> Any:
    if knob.key == "padding" and argument == "valid" and getattr(knob, "words", None):  # torch's name for no padding
        return 0
    return list(argument) if isinstance(argument, tuple) else argument
