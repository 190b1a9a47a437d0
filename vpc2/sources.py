"""Extracting the sources of definitions with all that they use, for exported scripts that run without vpc2. Standard library only.

So a script computes with the code of the project itself, bit for bit.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import inspect
import sys
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

PROJECT = __name__.partition(".")[0]
_PLAIN = (bool, int, float, str, bytes, tuple, type(None))


class Unavailable(ValueError):
    """The source of a function cannot be extracted."""


class Carrier:
    """Collects definitions in an executable order: what is used precedes what uses it.

    `imports` are the import lines they need; imports of the project itself are replaced by the definitions they name.
    """

    def __init__(self) -> None:
        self.imports: dict[str, None] = {}
        self._definitions: dict[tuple[str, str], str] = {}

    @property
    def definitions(self) -> list[str]:
        """The sources, in order. Raises ValueError where two share a name: one would shadow the other."""
        names = [name.removesuffix(":") for (_path, name), text in self._definitions.items() if text]
        if len(set(names)) < len(names):
            raise ValueError(f"two definitions are called {max(names, key=names.count)}")
        return [text for text in self._definitions.values() if text]

    def add(self, target: str) -> str:
        """Add the definition of a dotted name of the project; return its name in the script."""
        module, _, name = target.replace(":", ".").rpartition(".")
        self._add_named(_path_of(module), name)
        return name

    def name_of(self, target: str) -> str:
        """Return what a script calls a dotted name: torch's by its whole name, this project's by its own, any other after an import."""
        module = target.rpartition(".")[0]
        if module.partition(".")[0] == PROJECT:
            return self.add(target)
        if module.partition(".")[0] != "torch":
            self._add_import(f"import {module}")
        return target

    def add_function(self, function: Callable, name: str) -> str:
        """Add a function under another name. Raises `Unavailable` where its source cannot be read."""
        if not isinstance(function, FunctionType):
            raise Unavailable(f"{function!r} is not a plain function")
        try:
            path = Path(inspect.getsourcefile(function) or "")
            text, tree = _parsed(path)
        except (OSError, TypeError, SyntaxError):
            raise Unavailable(f"the source of {function!r} cannot be read") from None
        node = _node_of(function, tree)
        key = (str(path), f"{name}:")
        self._definitions.pop(key, None)
        nonlocals = dict(inspect.getclosurevars(function).nonlocals)
        for used in _used(node):
            if used in nonlocals:
                self._add_value(used, nonlocals[used])
            elif used in function.__globals__ and used not in nonlocals:
                self._add_named(path, used)
        self._definitions[key] = _as_function(node, text, name)
        return name

    def _add_value(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType):
            self._add_import(f"import {value.__name__} as {name}" if value.__name__ != name else f"import {name}")
        elif isinstance(value, _PLAIN):
            self._definitions[("", name)] = f"{name} = {value!r}"
        else:
            self.add_function(value, name)

    def _add_named(self, path: Path, name: str) -> None:
        if (str(path), name) in self._definitions:
            return
        text, tree = _parsed(path)
        node, bound = _top_level(tree).get(name, (None, None))
        if node is None:
            if hasattr(builtins, name):
                return
            raise Unavailable(f"{name} is not defined in {path.name}")
        self._definitions[(str(path), name)] = ""  # what uses itself in a circle ends here
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert bound is not None
            self._follow(node, bound)
            return
        for inner in ast.walk(node):
            if isinstance(inner, ast.Import | ast.ImportFrom) and _module_of(inner).partition(".")[0] == PROJECT:
                raise Unavailable(f"{name} in {path.name} imports from {PROJECT} inside itself")
        for used in _used(node):
            if used in _top_level(tree):
                self._add_named(path, used)
        del self._definitions[(str(path), name)]  # behind what it uses
        self._definitions[(str(path), name)] = _segment(node, text)

    def _follow(self, node: ast.Import | ast.ImportFrom, alias: ast.alias) -> None:
        if _module_of(node).partition(".")[0] != PROJECT:
            imported = alias.name if alias.asname is None else f"{alias.name} as {alias.asname}"
            self._add_import(f"from {node.module} import {imported}" if isinstance(node, ast.ImportFrom) else f"import {imported}")
        elif isinstance(node, ast.ImportFrom) and alias.asname in (None, alias.name):
            self.add(f"{node.module}.{alias.name}")
        else:
            raise Unavailable(f"{alias.name} is imported under another name")

    def _add_import(self, line: str) -> None:
        self.imports[line] = None


def import_block(lines: list[str]) -> str:
    """Return import lines in order: the standard library first, then the rest; names out of one module stand in one line."""
    plain: set[str] = set()
    named: dict[str, set[str]] = {}
    for line in lines:
        module, _, names = line.partition(" import ")
        if names:
            named.setdefault(module.removeprefix("from "), set()).update(names.split(", "))
        else:
            plain.add(line)
    import_lines = [*sorted(plain), *(f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(named.items()))]
    groups: tuple[list[str], list[str]] = [], []
    for line in import_lines:
        groups[line.split()[1].partition(".")[0] not in sys.stdlib_module_names].append(line)
    return "\n\n".join("\n".join(group) for group in groups if group)


def _path_of(module: str) -> Path:
    """Return a module's file without importing it or its packages."""
    if module in sys.modules:
        return Path(sys.modules[module].__file__ or "")
    root = Path(__file__).parent
    path = root.joinpath(*module.split(".")[1:]).with_suffix(".py")
    if module.partition(".")[0] == PROJECT and path.is_file():
        return path
    spec = importlib.util.find_spec(module)
    return Path(spec.origin or "" if spec else "")


@cache
def _parsed(path: Path) -> tuple[str, ast.Module]:
    text = path.read_text("utf-8")
    return text, ast.parse(text)


@cache
def _top_level(tree: ast.Module) -> dict[str, tuple[ast.stmt, ast.alias | None]]:
    """Return what each name at the top of a file stands for: its statement, and the alias of an import."""
    definitions: dict[str, tuple[ast.stmt, ast.alias | None]] = {}
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            inner = node.body
        else:
            inner = [node]
        for statement in inner:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                definitions[statement.name] = statement, None
            elif isinstance(statement, ast.Import | ast.ImportFrom):
                definitions.update({alias.asname or alias.name.partition(".")[0]: (statement, alias) for alias in statement.names})
            elif isinstance(statement, ast.Assign | ast.AnnAssign):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
                definitions.update(dict.fromkeys(names, (statement, None)))
    return definitions


def _module_of(node: ast.Import | ast.ImportFrom) -> str:
    return node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name


def _used(node: ast.AST) -> list[str]:
    """Return the names that a definition uses, in order, without duplicates."""
    return list(dict.fromkeys(name.id for name in ast.walk(node) if isinstance(name, ast.Name)))


def _segment(node: ast.stmt, text: str) -> str:
    """Return a definition as it is written, with its decorators."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
    return textwrap.dedent("\n".join(text.splitlines()[first - 1 : node.end_lineno]))


def _node_of(function: FunctionType, tree: ast.Module) -> ast.FunctionDef | ast.Lambda:
    """Return a function's syntax node: the smallest definition with its name and arguments that contains its instructions."""
    code = function.__code__
    places = [place for place in code.co_positions() if None not in place]
    arguments = list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    fitting = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.Lambda) or getattr(node, "name", "<lambda>") != code.co_name:
            continue
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        begin, end = (node.lineno, node.col_offset), _end_of(node)
        inside = [place for place in places if begin <= (place[0], place[2]) and (place[1], place[3]) <= end]
        if names == arguments and inside and len(inside) >= len(places) - 3:  # the first instructions have no place of their own
            fitting.append(node)
    if not fitting:
        raise Unavailable(f"{code.co_name} was not found in its file")
    return min(fitting, key=lambda node: (_end_of(node)[0] - node.lineno, _end_of(node)[1] - node.col_offset))


def _end_of(node: ast.stmt | ast.expr) -> tuple[int, int]:
    assert node.end_lineno is not None and node.end_col_offset is not None  # `ast.parse` gives them
    return node.end_lineno, node.end_col_offset


def _as_function(node: ast.FunctionDef | ast.Lambda, text: str, name: str) -> str:
    if isinstance(node, ast.Lambda):
        return f"def {name}({ast.unparse(node.args)}):\n    return {ast.unparse(node.body)}"
    return _segment(node, text).replace(f"def {node.name}(", f"def {name}(", 1)
