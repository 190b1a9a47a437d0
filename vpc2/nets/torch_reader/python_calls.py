"""What the calls in PyTorch code come to while it is being read: torch's, the text's own, and a few of Python's. Standard library only."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.torch_reader import messages as words
from vpc2.nets.torch_reader.graph import Value
from vpc2.nets.torch_reader.messages import named, refuse, where
from vpc2.nets.torch_reader.torch_calls import SIZES, Sizes, bind, is_function
from vpc2.nets.torch_reader.torch_signatures import arguments_of, is_class, kind_of
from vpc2.nets.torch_reader.values import Chain, Class, Copies, Dotted, Function, Method, Module, Parent, Returned, Thing

_NUMBERS: dict[str, Callable] = {
    "int": int, "float": float, "abs": abs, "round": round, "max": max, "min": min, "bool": bool,
    "math.ceil": math.ceil, "math.floor": math.floor,
}  # fmt: skip
BUILTINS = (
    "int",
    "float",
    "abs",
    "round",
    "max",
    "min",
    "bool",
    "range",
    "len",
    "list",
    "tuple",
    "zip",
    "enumerate",
    "reversed",
    "dict",
    "print",
    "super",
)
_DECORATORS = ("staticmethod", "torch.no_grad", "torch.inference_mode", "torch.jit.", "override", "typing.override")  # change no number


def call(reader: Any, node: ast.Call, called: Any, given: list[Any], said: dict[str, Any]) -> Any:
    """Return what a call comes to."""
    if isinstance(called, Dotted):
        return _dotted(reader, node, called, given, said)
    if isinstance(called, Class):
        return _made(reader, node, called, given, said)
    if isinstance(called, Function):
        return _returned(reader, node, called, given, said)
    if isinstance(called, Method):
        return _method(reader, node, called, given, said)
    if isinstance(called, Module | Chain | Thing):
        return _applied(reader, node, called, given, said)
    raise refuse(node, words.UNREAD, what=named(node))


def _dotted(reader: Any, node: ast.Call, called: Dotted, given: list[Any], said: dict[str, Any]) -> Any:
    path, name = called.path, called.last
    if path == "dict":
        return {**(dict(_pairs(reader, node, given[0])) if given else {}), **said}
    if path == "enumerate" and said.keys() == {"start"}:
        given, said = [*given, said["start"]], {}
    if path == "zip":
        said = {key: value for key, value in said.items() if key != "strict"}
    if said and (path in _NUMBERS or path in BUILTINS):
        raise refuse(node, words.UNREAD, what=named(node))
    if path in _NUMBERS:
        return _number(node, path, given)
    if path in BUILTINS:
        return _listed(reader, node, path, given)
    if path.startswith("torch.nn.init."):
        return None
    if path.startswith("torch.nn.functional.") or path.startswith("torch.") and path.count(".") == 1:
        if is_function(name):
            return reader.calls.function(name, given, said, where(node.lineno))
        return reader.calls.unknown(path, given[0] if given else None, where(node.lineno))
    if path == "collections.OrderedDict":
        return {**(dict(_pairs(reader, node, given[0])) if given else {}), **said}
    if not path.startswith("torch.nn.") or path.count(".") > 3:
        raise refuse(node, words.UNKNOWN, what=path[:60])
    if name in ("Sequential", "ModuleList", "ModuleDict") and said:
        raise refuse(node, words.UNREAD, what=named(node))
    if name == "Sequential":
        if len(given) == 1 and isinstance(given[0], dict):
            given = list(given[0].values())
        return Chain(given, node.lineno)
    if name == "ModuleList":
        return list(reader.items(node, given[0])) if given else []
    if name == "ModuleDict":
        return dict(_pairs(reader, node, given[0])) if given else {}
    arguments = bind(f"nn.{name}", tuple(arguments_of(name)), given, said, where(node.lineno)) if is_class(name) else {}
    return Module(name, arguments, node.lineno)


def _pairs(reader: Any, node: ast.Call, value: Any) -> list[tuple[str, Any]]:
    pairs = list(value.items()) if isinstance(value, dict) else reader.items(node, value)
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[0], str | int) for pair in pairs):
        raise refuse(node, words.UNREAD, what=named(node))
    return [(pair[0], pair[1]) for pair in pairs]


def _number(node: ast.Call, path: str, given: list[Any]) -> Any:
    values = given[0] if len(given) == 1 and isinstance(given[0], list | tuple) else given
    if given and isinstance(given[0], Sizes):
        return given[0] if path == "int" else SIZES
    if not values or not all(isinstance(one, int | float) for one in values):
        raise refuse(node, words.UNREAD, what=named(node))
    if path in ("max", "min"):
        return _NUMBERS[path](values)
    if len(values) > 1 and not (path == "round" and isinstance(values[1], int)):
        raise refuse(node, words.UNREAD, what=named(node))
    return _NUMBERS[path](*values[:2])


def _listed(reader: Any, node: ast.Call, name: str, given: list[Any]) -> Any:
    if name == "range":
        if not 1 <= len(given) <= 3 or not all(isinstance(one, int) for one in given) or given[2:] == [0]:
            raise refuse(node, words.UNREAD, what=named(node))
        return range(*given)
    if name == "len" and len(given) == 1 and isinstance(given[0], range | Copies):
        return len(given[0]) if isinstance(given[0], range) else given[0].count
    if name == "enumerate" and len(given) == 2 and isinstance(given[1], int):
        return list(enumerate(reader.items(node, given[0]), given[1]))
    lists = [reader.items(node, one) for one in given]
    if name == "zip":
        return list(zip(*lists, strict=False))
    if not lists and name in ("list", "tuple"):
        return [] if name == "list" else ()
    if len(lists) != 1:
        raise refuse(node, words.UNREAD, what=named(node))
    (one,) = lists
    return {"len": len, "list": list, "tuple": tuple, "enumerate": lambda it: list(enumerate(it)), "reversed": lambda it: it[::-1]}[name](
        one
    )


def _method(reader: Any, node: ast.Call, called: Method, given: list[Any], said: dict[str, Any]) -> Any:
    owner, name = called.owner, called.name
    if isinstance(owner, Value):
        if is_function(name):
            return reader.calls.function(name, [owner, *given], said, where(node.lineno))
        if name in words.NOTHING:
            return owner
        return reader.calls.unknown(f"x.{name}", owner, where(node.lineno))
    if isinstance(owner, list):
        if name == "append" and len(given) == 1 and len(owner) < words.MOST_TURNS:
            return owner.append(given[0])
        if name == "extend" and len(given) == 1:
            owner[:] = reader.checked(node, [*owner, *reader.items(node, given[0])])
            return None
        if name == "insert" and len(given) == 2 and isinstance(given[0], int) and len(owner) < words.MOST_TURNS:
            return owner.insert(*given)
    if isinstance(owner, dict) and name in ("values", "items", "keys"):
        return list(getattr(owner, name)())
    if isinstance(owner, Chain) and name in ("append", "add_module") and given:
        owner.items.append(given[-1])
        return owner
    if isinstance(owner, Parent):
        return _of_parent(reader, node, owner, name, given, said)
    if isinstance(owner, Thing) and name in ("add_module", "register_module") and len(given) == 2:
        owner.put(str(given[0]), given[1])
        return None
    if isinstance(owner, Module | Chain | Thing):
        if name == "forward":
            return _applied(reader, node, owner, given, said)
        if name in words.NOTHING:
            return owner if name in ("eval", "train", "to", "cuda", "cpu", "apply", "double") else []
    raise refuse(node, words.UNREAD, what=named(node))


def _of_parent(reader: Any, node: ast.Call, parent: Parent, name: str, given: list[Any], said: dict[str, Any]) -> Any:
    for base in parent.cls.bases:
        if isinstance(base, Class) and (found := base.find(name)) is not None:
            return _returned(reader, node, Function(found.node, found.scope, parent.thing, found.cls), given, said)
        if name == "__init__" and base == Dotted("torch.nn.Sequential"):
            parent.thing.values["0chain"] = _dotted(reader, node, base, given, said)
    if name == "forward" and "0chain" in parent.thing.values:
        return _applied(reader, node, parent.thing.values["0chain"], given, said)
    if name != "__init__":
        raise refuse(node, words.UNREAD, what=named(node))
    return None


def _made(reader: Any, node: ast.Call, cls: Class, given: list[Any], said: dict[str, Any]) -> Thing:
    """Return an object of a class of the text, its `__init__` read."""
    if not cls.is_module:
        raise refuse(node, words.UNREAD, what=named(node))
    thing, begin = Thing(cls), cls.find("__init__")
    if isinstance(begin, Function):
        _returned(reader, node, Function(begin.node, begin.scope, thing, begin.cls), given, said)
    elif cls.is_a("torch.nn.Sequential"):
        thing.values["0chain"] = _dotted(reader, node, Dotted("torch.nn.Sequential"), given, said)
    return thing


def _returned(reader: Any, node: ast.Call, function: Function, given: list[Any], said: dict[str, Any]) -> Any:
    """Return what a function of the text gives back."""
    for one in function.node.decorator_list:
        if not ast.unparse(one).startswith(_DECORATORS):
            raise refuse(one, words.UNREAD, what=f"@{named(one)}")
    scope = function.scope.new_child({"0call": True})
    if function.owner is not None:
        scope["0self"], scope["0class"] = function.owner, function.cls
        if not any(ast.unparse(one) == "staticmethod" for one in function.node.decorator_list):
            given = [function.owner, *given]
    _bind_parameters(reader, node, function, given, dict(said), scope)
    try:
        reader.run(function.node.body, scope)
    except Returned as returned:
        return returned.value
    return None


def _bind_parameters(reader: Any, node: ast.Call, function: Function, given: list[Any], said: dict[str, Any], scope: Any) -> None:
    wanted, name = function.node.args, function.node.name
    given = [one for item in given for one in (reader.items(node, item) if isinstance(item, Copies) else [item])]
    places = [one.arg for one in (*wanted.posonlyargs, *wanted.args)]
    if len(given) > len(places) and wanted.vararg is None:
        raise refuse(node, words.UNREAD, what=named(node))
    scope.update(zip(places, given, strict=False))
    if wanted.vararg is not None:
        scope[wanted.vararg.arg] = given[len(places) :]
    for key in [*places[len(given) :], *(one.arg for one in wanted.kwonlyargs)]:
        if key in said:
            scope[key] = said.pop(key)
    defaults = dict(zip(places[len(places) - len(wanted.defaults) :], wanted.defaults, strict=True))
    defaults |= {one.arg: default for one, default in zip(wanted.kwonlyargs, wanted.kw_defaults, strict=True) if default is not None}
    for key in (*places, *(one.arg for one in wanted.kwonlyargs)):
        if key not in scope.maps[0]:
            if key not in defaults:
                raise refuse(node, words.NEEDS, what=f"{function.cls.name if function.cls else name}"[:40], key=key[:40])
            scope[key] = reader.value(defaults[key], function.scope)
    if wanted.kwarg is not None:
        scope[wanted.kwarg.arg] = said
    elif said:
        raise refuse(node, words.UNREAD, what=named(node))


def _applied(reader: Any, node: ast.Call, net: Any, given: list[Any], said: dict[str, Any]) -> Any:
    """Return what a layer, a chain or an object of the text makes of a value."""
    if isinstance(net, Thing):
        if isinstance(net.cls.find("__call__"), Function):
            raise refuse(net.cls.find("__call__").node, words.UNREAD, what="__call__")
        forward = net.cls.find("forward")
        if isinstance(forward, Function):
            value = _returned(reader, node, Function(forward.node, forward.scope, net, forward.cls), given, said)
            if value is None:
                raise refuse(forward.node, words.NO_ANSWER, what=net.cls.name[:40])
            return value
        net = net.values.get("0chain")
    if len(given) + len(said) != 1 or net is None:
        raise refuse(node, words.UNREAD, what=named(node))
    (value,) = (*given, *said.values())
    if isinstance(net, Module):
        return _layer(reader, net, value)
    for item in net.items:
        value = _in_chain(reader, node, net, item, value)
    return value


def _in_chain(reader: Any, node: ast.Call, net: Chain, item: Any, value: Any) -> Any:
    if isinstance(item, Copies):
        made = item.make()
        if item.count > 1 and _layers_in(made) & _layers_in(item.make()):  # the same layer each time, and not another like it
            for _turn in range(min(item.count, words.MOST_TURNS)):
                value = _in_chain(reader, node, net, made, value)
            return value
        if item.count > 1:
            return reader.calls.graph.repeat(value, item.count, lambda one: _in_chain(reader, node, net, made, one), where(net.line))
        return _in_chain(reader, node, net, made, value) if item.count else value
    if not isinstance(item, Module | Chain | Thing):
        raise refuse(node, words.UNREAD, what=named(node))
    return call(reader, node, item, [value], {})


def _layers_in(thing: Any) -> set[int]:
    """Return which layers of torch are in something that was made, by their identity."""
    found, left, seen = set(), [thing], set()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Module):
            found.add(id(one))
        held = one.items if isinstance(one, Chain) else one.values if isinstance(one, Thing) else one
        left += held.values() if isinstance(held, dict) else held if isinstance(held, list | tuple) else ()
    return found


def _layer(reader: Any, module: Module, value: Any) -> Any:
    at = where(module.line)
    if module.name == "Identity":
        return value
    if not is_class(module.name):
        return reader.calls.unknown(f"nn.{module.name}", value, at)
    if module.is_used and LAYERS[kind_of(module.name)].has_weights:
        reader.calls.note(words.SHARED.fill(line=module.line, name=module.name))
    module.is_used = True
    return reader.calls.module(module.name, module.arguments, value, at)
