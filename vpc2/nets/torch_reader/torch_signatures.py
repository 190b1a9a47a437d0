"""Classes and functions of torch that are layers, and their arguments. torch's signatures are inspected when code is read."""

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
# Values that are equivalent to a default of torch's.
EQUIVALENT_DEFAULTS: dict[str, tuple[Any, ...]] = {"align_corners": (False,), "recompute_scale_factor": (False,)}
# Arguments that the layers here do not offer and that change shapes: any other value than torch's default is refused.
SHAPE_ARGUMENTS = ("dilation", "return_indices", "size", "start_dim", "end_dim", "bias")
# Arguments without effect on what is shown.
IGNORED_ARGUMENTS = ("inplace", "device", "dtype", "_stacklevel")
_NN = "torch.nn."


@dataclass(frozen=True)
class TorchFunction:
    """A function of torch that is a layer: the equivalent class, and its arguments after the image with their defaults."""

    cls: str
    arguments: dict[str, Any]


def classes() -> tuple[str, ...]:
    """Return the names of the classes of torch.nn that are layers."""
    return tuple(_kinds(tuple(LAYERS)))


def is_class(name: str) -> bool:
    """True for the name of a class of torch.nn that is a layer."""
    return name in _kinds(tuple(LAYERS))


def kind_of(name: str) -> str:
    """Return the key of the layer type for a class of torch.nn: the one of that name, or the first that is built of that class."""
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
    return tuple(target.removeprefix(_NN) for target in (entry.target, entry.vector_target) if target)


@cache
def arguments_of(name: str) -> dict[str, Any]:
    """Return the arguments of a class of torch.nn in their order, each with torch's own default, used where the code omits it."""
    return _inspect_arguments(getattr(importlib.import_module("torch.nn"), name))


def _inspect_arguments(callable_: Any) -> dict[str, Any]:
    """Return the named arguments of a callable; raise ValueError where it has no signature."""
    parameters = inspect.signature(callable_).parameters.values()
    named = [parameter for parameter in parameters if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)]
    return {parameter.name: REQUIRED if parameter.default is parameter.empty else parameter.default for parameter in named}


def function_of(name: str) -> TorchFunction | None:
    """Return the layer that a function of torch or torch.nn.functional is, None where it is none."""
    key = _functions(tuple(LAYERS)).get(name)
    return _function(LAYERS[key].function, _targets(LAYERS[key])[0]) if key else None


def functions() -> tuple[str, ...]:
    """Return the names of the functions of torch and torch.nn.functional that are layers."""
    return tuple(_functions(tuple(LAYERS)))


@cache
def _functions(keys: tuple[str, ...]) -> dict[str, str]:
    return {LAYERS[key].function.partition("(")[0]: key for key in keys if LAYERS[key].function}


@cache
def _function(signature: str, cls: str) -> TorchFunction:
    name, bracket, _rest = signature.partition("(")
    if bracket:
        return TorchFunction(cls, _signature_arguments(signature))
    _image, *arguments = _inspect_arguments(_torch_function(name)).items()
    return TorchFunction(cls, dict(arguments))


def _torch_function(name: str) -> Any:
    for module in ("torch.nn.functional", "torch"):
        if (function := getattr(importlib.import_module(module), name, None)) is not None:
            return function
    raise AttributeError(f"torch has no function {name}")


def _signature_arguments(signature: str) -> dict[str, Any]:
    """Return the arguments of a signature written in the table of layers: `flatten(start_dim=0, end_dim=-1)`."""
    (node,) = ast.parse(f"def {signature}: ...").body
    assert isinstance(node, ast.FunctionDef)
    names = [item.arg for item in node.args.args]
    defaults = [ast.literal_eval(item) for item in node.args.defaults]
    return dict(zip(names, [REQUIRED] * (len(names) - len(defaults)) + defaults, strict=True))


@cache
def writes_in_place(name: str) -> bool:
    """True where torch has an in-place variant of a function: `x.relu_()` is `F.relu(x, inplace=True)`."""
    function = function_of(name)
    if function is not None and "inplace" in function.arguments:
        return True
    return any(hasattr(owner, f"{name}_") for owner in (importlib.import_module("torch"), importlib.import_module("torch").Tensor))
