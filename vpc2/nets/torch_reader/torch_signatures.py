"""torch's words for layers: which of its classes and functions are layers here, and what they take. torch is asked when code is read."""

from __future__ import annotations

import ast
import importlib
import inspect
from dataclasses import dataclass
from functools import cache
from typing import Any

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.kind import LayerKind

REQUIRED = ...  # an argument without a default: torch refuses a call without it
# Other ways to write a default of torch's.
ALSO: dict[str, tuple[Any, ...]] = {"align_corners": (False,), "recompute_scale_factor": (False,)}
# Arguments without a knob that change shapes: no value but torch's default can be read.
SHAPING = ("dilation", "return_indices", "size", "start_dim", "end_dim", "bias")
# What changes nothing that is shown here.
SILENT = ("inplace", "device", "dtype", "_stacklevel")
_NN = "torch.nn."


@dataclass(frozen=True)
class TorchFunction:
    """A function of torch that is a layer: the class that does the same, and its arguments behind the picture with their defaults."""

    cls: str
    arguments: dict[str, Any]


def classes() -> tuple[str, ...]:
    """Return the names of the classes of torch.nn that are layers here."""
    return tuple(_kinds(tuple(LAYERS)))


def is_class(name: str) -> bool:
    """True for a class of torch.nn that is a layer here."""
    return name in _kinds(tuple(LAYERS))


def kind_of(name: str) -> str:
    """Return the key of the layer that a class of torch.nn is here: the one of its name, or the first that is built of it."""
    return _kinds(tuple(LAYERS))[name]


@cache
def _kinds(keys: tuple[str, ...]) -> dict[str, str]:
    kinds: dict[str, str] = {}
    for key in keys:
        entry = LAYERS[key]
        if entry.target.startswith(_NN) and entry.block is None:
            for name in (*_targets(entry), *(name for name, _note in entry.also_reads)):
                if name not in kinds or name == key:
                    kinds[name] = key
    return kinds


def _targets(entry: LayerKind) -> tuple[str, ...]:
    return tuple(target.removeprefix(_NN) for target in (entry.target, entry.flat_target) if target)


@cache
def arguments_of(name: str) -> dict[str, Any]:
    """Return the arguments of a class of torch.nn in their order, each with torch's own default: it stands where code leaves one out."""
    return _arguments(getattr(importlib.import_module("torch.nn"), name))


def _arguments(called: Any) -> dict[str, Any]:
    """Return the named arguments of something that can be called; raise ValueError where it tells none."""
    parameters = inspect.signature(called).parameters.values()
    named = [one for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    return {one.name: REQUIRED if one.default is one.empty else one.default for one in named}


def function_of(name: str) -> TorchFunction | None:
    """Return what a function of torch or torch.nn.functional is here, None where it is no layer."""
    key = _functions(tuple(LAYERS)).get(name)
    return _function(LAYERS[key].function, _targets(LAYERS[key])[0]) if key else None


def functions() -> tuple[str, ...]:
    """Return the names of the functions of torch and torch.nn.functional that are layers here."""
    return tuple(_functions(tuple(LAYERS)))


@cache
def _functions(keys: tuple[str, ...]) -> dict[str, str]:
    return {LAYERS[key].function.partition("(")[0]: key for key in keys if LAYERS[key].function}


@cache
def _function(written: str, cls: str) -> TorchFunction:
    name, bracket, _rest = written.partition("(")
    if bracket:
        return TorchFunction(cls, _written_arguments(written))
    _picture, *arguments = _arguments(_of_torch(name)).items()
    return TorchFunction(cls, dict(arguments))


def _of_torch(name: str) -> Any:
    for module in ("torch.nn.functional", "torch"):
        if (found := getattr(importlib.import_module(module), name, None)) is not None:
            return found
    raise AttributeError(f"torch has no function {name}")


def _written_arguments(written: str) -> dict[str, Any]:
    """Return the arguments of a signature that the table writes out: `flatten(start_dim=0, end_dim=-1)`."""
    (node,) = ast.parse(f"def {written}: ...").body
    names = [one.arg for one in node.args.args]
    defaults = [ast.literal_eval(one) for one in node.args.defaults]
    return dict(zip(names, [REQUIRED] * (len(names) - len(defaults)) + defaults, strict=True))


@cache
def writes_in_place(name: str) -> bool:
    """True where torch has a twin of a function that writes into what it is given: `x.relu_()` is `F.relu(x, inplace=True)`."""
    function = function_of(name)
    if function is not None and "inplace" in function.arguments:
        return True
    return any(hasattr(owner, f"{name}_") for owner in (importlib.import_module("torch"), importlib.import_module("torch").Tensor))
