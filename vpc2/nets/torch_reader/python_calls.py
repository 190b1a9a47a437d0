"""Calls in the interpreted code: of torch, of the code's own functions and classes, and of a few of Python's. Standard library only."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.torch_reader import messages
from vpc2.nets.torch_reader.graph import GraphValue
from vpc2.nets.torch_reader.messages import line_text, refuse, source_of
from vpc2.nets.torch_reader.torch_calls import UNKNOWN_SIZE, SizeQuery, bind_arguments, is_known_function
from vpc2.nets.torch_reader.torch_signatures import arguments_of, is_class, kind_of
from vpc2.nets.torch_reader.values import (
    BoundMethod,
    ImportedName,
    RepeatedValues,
    ReturnSignal,
    SequentialModule,
    SourceClass,
    SourceFunction,
    SourceObject,
    SuperProxy,
    TorchModule,
)

_NUMBER_FUNCTIONS: dict[str, Callable] = {
    "int": int, "float": float, "abs": abs, "round": round, "max": max, "min": min, "bool": bool,
    "math.ceil": math.ceil, "math.floor": math.floor,
}  # fmt: skip
BUILTINS = (
    "int", "float", "abs", "round", "max", "min", "bool", "range", "len", "list", "tuple", "zip", "enumerate", "reversed", "dict", "print",
    "super",
)  # fmt: skip
_DECORATORS = (
    "staticmethod",
    "torch.no_grad",
    "torch.inference_mode",
    "torch.jit.",
    "override",
    "typing.override",
)  # have no effect on the result
_LIST_FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "len": len,
    "list": list,
    "tuple": tuple,
    "enumerate": lambda items: list(enumerate(items)),
    "reversed": lambda items: items[::-1],
}


def evaluate_call(interpreter: Any, node: ast.Call, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return the result of a call."""
    if isinstance(function, ImportedName):
        return _call_imported(interpreter, node, function, args, kwargs)
    if isinstance(function, SourceClass):
        return _instantiate(interpreter, node, function, args, kwargs)
    if isinstance(function, SourceFunction):
        return _call_function(interpreter, node, function, args, kwargs)
    if isinstance(function, BoundMethod):
        return _call_method(interpreter, node, function, args, kwargs)
    if isinstance(function, TorchModule | SequentialModule | SourceObject):
        return _apply_module(interpreter, node, function, args, kwargs)
    raise refuse(node, messages.UNREADABLE, what=source_of(node))


def _call_imported(interpreter: Any, node: ast.Call, function: ImportedName, args: list[Any], kwargs: dict[str, Any]) -> Any:
    path, name = function.path, function.last
    if path == "dict":
        return {**(dict(_pairs(interpreter, node, args[0])) if args else {}), **kwargs}
    if path == "enumerate" and kwargs.keys() == {"start"}:
        args, kwargs = [*args, kwargs["start"]], {}
    if path == "zip":
        kwargs = {key: value for key, value in kwargs.items() if key != "strict"}
    if kwargs and (path in _NUMBER_FUNCTIONS or path in BUILTINS):
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    if path in _NUMBER_FUNCTIONS:
        return _call_number_function(node, path, args)
    if path in BUILTINS:
        return _call_list_function(interpreter, node, path, args)
    if path.startswith("torch.nn.init."):
        return None
    if path.startswith("torch.nn.functional.") or path.startswith("torch.") and path.count(".") == 1:
        if is_known_function(name):
            return interpreter.calls.call_function(name, args, kwargs, line_text(node.lineno))
        return interpreter.calls.skip_unknown(path, args[0] if args else None, line_text(node.lineno))
    if path == "collections.OrderedDict":
        return {**(dict(_pairs(interpreter, node, args[0])) if args else {}), **kwargs}
    if not path.startswith("torch.nn.") or path.count(".") > 3:
        raise refuse(node, messages.UNKNOWN, what=path[:60])
    if name in ("Sequential", "ModuleList", "ModuleDict") and kwargs:
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    if name == "Sequential":
        if len(args) == 1 and isinstance(args[0], dict):
            args = list(args[0].values())
        return SequentialModule(args, node.lineno)
    if name == "ModuleList":
        return list(interpreter.items(node, args[0])) if args else []
    if name == "ModuleDict":
        return dict(_pairs(interpreter, node, args[0])) if args else {}
    arguments = bind_arguments(f"nn.{name}", tuple(arguments_of(name)), args, kwargs, line_text(node.lineno)) if is_class(name) else {}
    return TorchModule(name, arguments, node.lineno)


def _pairs(interpreter: Any, node: ast.Call, value: Any) -> list[tuple[str, Any]]:
    pairs = list(value.items()) if isinstance(value, dict) else interpreter.items(node, value)
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[0], str | int) for pair in pairs):
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    return [(pair[0], pair[1]) for pair in pairs]


def _call_number_function(node: ast.Call, path: str, args: list[Any]) -> Any:
    values = args[0] if len(args) == 1 and isinstance(args[0], list | tuple) else args
    if args and isinstance(args[0], SizeQuery):
        return args[0] if path == "int" else UNKNOWN_SIZE
    if not values or not all(isinstance(value, int | float) for value in values):
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    if path in ("max", "min"):
        return _NUMBER_FUNCTIONS[path](values)
    if len(values) > 1 and not (path == "round" and isinstance(values[1], int)):
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    return _NUMBER_FUNCTIONS[path](*values[:2])


def _call_list_function(interpreter: Any, node: ast.Call, name: str, args: list[Any]) -> Any:
    if name == "range":
        if not 1 <= len(args) <= 3 or not all(isinstance(argument, int) for argument in args) or args[2:] == [0]:
            raise refuse(node, messages.UNREADABLE, what=source_of(node))
        return range(*args)
    if name == "len" and len(args) == 1 and isinstance(args[0], range | RepeatedValues):
        return len(args[0]) if isinstance(args[0], range) else args[0].count
    if name == "enumerate" and len(args) == 2 and isinstance(args[1], int):
        return list(enumerate(interpreter.items(node, args[0]), args[1]))
    lists = [interpreter.items(node, argument) for argument in args]
    if name == "zip":
        return list(zip(*lists, strict=False))
    if not lists and name in ("list", "tuple"):
        return [] if name == "list" else ()
    if len(lists) != 1:
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    (items,) = lists
    return _LIST_FUNCTIONS[name](items)


def _call_method(interpreter: Any, node: ast.Call, function: BoundMethod, args: list[Any], kwargs: dict[str, Any]) -> Any:
    owner, name = function.owner, function.name
    if isinstance(owner, GraphValue):
        if is_known_function(name):
            return interpreter.calls.call_function(name, [owner, *args], kwargs, line_text(node.lineno))
        if name in messages.NEUTRAL_METHODS:
            return owner
        return interpreter.calls.skip_unknown(f"x.{name}", owner, line_text(node.lineno))
    if isinstance(owner, list):
        if name == "append" and len(args) == 1 and len(owner) < messages.MAX_ITERATIONS:
            return owner.append(args[0])
        if name == "extend" and len(args) == 1:
            owner[:] = interpreter.check_length(node, [*owner, *interpreter.items(node, args[0])])
            return None
        if name == "insert" and len(args) == 2 and isinstance(args[0], int) and len(owner) < messages.MAX_ITERATIONS:
            return owner.insert(*args)
    if isinstance(owner, dict) and name in ("values", "items", "keys"):
        return list(getattr(owner, name)())
    if isinstance(owner, SequentialModule) and name in ("append", "add_module") and args:
        owner.items.append(args[-1])
        return owner
    if isinstance(owner, SuperProxy):
        return _call_super(interpreter, node, owner, name, args, kwargs)
    if isinstance(owner, SourceObject) and name in ("add_module", "register_module") and len(args) == 2:
        owner.set_attribute(str(args[0]), args[1])
        return None
    if isinstance(owner, TorchModule | SequentialModule | SourceObject):
        if name == "forward":
            return _apply_module(interpreter, node, owner, args, kwargs)
        if name in messages.NEUTRAL_METHODS:
            return owner if name in ("eval", "train", "to", "cuda", "cpu", "apply", "double") else []
    raise refuse(node, messages.UNREADABLE, what=source_of(node))


def _call_super(interpreter: Any, node: ast.Call, parent: SuperProxy, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    for base in parent.cls.bases:
        if isinstance(base, SourceClass) and (attribute := base.find_attribute(name)) is not None:
            return _call_function(
                interpreter, node, SourceFunction(attribute.node, attribute.scope, parent.instance, attribute.cls), args, kwargs
            )
        if name == "__init__" and base == ImportedName("torch.nn.Sequential"):
            parent.instance.values["0chain"] = _call_imported(interpreter, node, base, args, kwargs)
    if name == "forward" and "0chain" in parent.instance.values:
        return _apply_module(interpreter, node, parent.instance.values["0chain"], args, kwargs)
    if name != "__init__":
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    return None


def _instantiate(interpreter: Any, node: ast.Call, cls: SourceClass, args: list[Any], kwargs: dict[str, Any]) -> SourceObject:
    """Return an instance of a class of the code, after its `__init__`."""
    if not cls.is_module:
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    instance, init = SourceObject(cls), cls.find_attribute("__init__")
    if isinstance(init, SourceFunction):
        _call_function(interpreter, node, SourceFunction(init.node, init.scope, instance, init.cls), args, kwargs)
    elif cls.is_a("torch.nn.Sequential"):
        instance.values["0chain"] = _call_imported(interpreter, node, ImportedName("torch.nn.Sequential"), args, kwargs)
    return instance


def _call_function(interpreter: Any, node: ast.Call, function: SourceFunction, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return the result of a function of the code."""
    for decorator in function.node.decorator_list:
        if not ast.unparse(decorator).startswith(_DECORATORS):
            raise refuse(decorator, messages.UNREADABLE, what=f"@{source_of(decorator)}")
    scope = function.scope.new_child({"0call": True})
    if function.owner is not None:
        scope["0self"], scope["0class"] = function.owner, function.cls
        if not any(ast.unparse(decorator) == "staticmethod" for decorator in function.node.decorator_list):
            args = [function.owner, *args]
    _bind_parameters(interpreter, node, function, args, dict(kwargs), scope)
    try:
        interpreter.execute(function.node.body, scope)
    except ReturnSignal as signal:
        return signal.value
    return None


def _bind_parameters(
    interpreter: Any, node: ast.Call, function: SourceFunction, args: list[Any], kwargs: dict[str, Any], scope: Any
) -> None:
    parameters, name = function.node.args, function.node.name
    args = [value for item in args for value in (interpreter.items(node, item) if isinstance(item, RepeatedValues) else [item])]
    names = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
    if len(args) > len(names) and parameters.vararg is None:
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    scope.update(zip(names, args, strict=False))
    if parameters.vararg is not None:
        scope[parameters.vararg.arg] = args[len(names) :]
    for key in [*names[len(args) :], *(parameter.arg for parameter in parameters.kwonlyargs)]:
        if key in kwargs:
            scope[key] = kwargs.pop(key)
    defaults = dict(zip(names[len(names) - len(parameters.defaults) :], parameters.defaults, strict=True))
    defaults |= {
        parameter.arg: default
        for parameter, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
        if default is not None
    }
    for key in (*names, *(parameter.arg for parameter in parameters.kwonlyargs)):
        if key not in scope.maps[0]:
            if key not in defaults:
                raise refuse(node, messages.MISSING_ARGUMENT, what=f"{function.cls.name if function.cls else name}"[:40], key=key[:40])
            scope[key] = interpreter.evaluate(defaults[key], function.scope)
    if parameters.kwarg is not None:
        scope[parameters.kwarg.arg] = kwargs
    elif kwargs:
        raise refuse(node, messages.UNREADABLE, what=source_of(node))


def _apply_module(interpreter: Any, node: ast.Call, net: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return the output of a layer, an `nn.Sequential` or a module of the code for a value."""
    if isinstance(net, SourceObject):
        if isinstance(net.cls.find_attribute("__call__"), SourceFunction):
            raise refuse(net.cls.find_attribute("__call__").node, messages.UNREADABLE, what="__call__")
        forward = net.cls.find_attribute("forward")
        if isinstance(forward, SourceFunction):
            value = _call_function(interpreter, node, SourceFunction(forward.node, forward.scope, net, forward.cls), args, kwargs)
            if value is None:
                raise refuse(forward.node, messages.NO_RESULT, what=net.cls.name[:40])
            return value
        net = net.values.get("0chain")
    if len(args) + len(kwargs) != 1 or net is None:
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    (value,) = (*args, *kwargs.values())
    if isinstance(net, TorchModule):
        return _apply_torch_module(interpreter, net, value)
    for item in net.items:
        value = _apply_item(interpreter, node, net, item, value)
    return value


def _apply_item(interpreter: Any, node: ast.Call, net: SequentialModule, item: Any, value: Any) -> Any:
    if isinstance(item, RepeatedValues):
        module = item.make()
        if item.count > 1 and _module_ids(module) & _module_ids(item.make()):  # the same layer each time, not a new one
            for _use in range(min(item.count, messages.MAX_ITERATIONS)):
                value = _apply_item(interpreter, node, net, module, value)
            return value
        if item.count > 1:
            return interpreter.calls.graph.add_repeat(
                value, item.count, lambda inner: _apply_item(interpreter, node, net, module, inner), line_text(net.line)
            )
        return _apply_item(interpreter, node, net, module, value) if item.count else value
    if not isinstance(item, TorchModule | SequentialModule | SourceObject):
        raise refuse(node, messages.UNREADABLE, what=source_of(node))
    return evaluate_call(interpreter, node, item, [value], {})


def _module_ids(root: Any) -> set[int]:
    """Return the identities (`id`) of all torch modules inside a value."""
    ids, pending, seen = set(), [root], set()
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, TorchModule):
            ids.add(id(value))
        content = value.items if isinstance(value, SequentialModule) else value.values if isinstance(value, SourceObject) else value
        pending += content.values() if isinstance(content, dict) else content if isinstance(content, list | tuple) else ()
    return ids


def _apply_torch_module(interpreter: Any, module: TorchModule, value: Any) -> Any:
    location = line_text(module.line)
    if module.name == "Identity":
        return value
    if not is_class(module.name):
        return interpreter.calls.skip_unknown(f"nn.{module.name}", value, location)
    if module.is_used and LAYERS[kind_of(module.name)].has_weights:
        interpreter.calls.note(messages.SHARED_LAYER.fill(line=module.line, name=module.name))
    module.is_used = True
    return interpreter.calls.call_module(module.name, module.arguments, value, location)
