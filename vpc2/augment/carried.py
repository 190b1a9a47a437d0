"""The classes of this project that an exported script uses, as text: the script needs nothing of this project. Standard library only."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_PACKAGE = "vpc2.augment."
_STANDING = ("import torch", "import kornia.augmentation as K")  # what the scripts import anyway


@cache
def _parsed(module: str) -> tuple[str, ast.Module]:
    text = (Path(__file__).parent / f"{module}.py").read_text("utf-8")
    return text, ast.parse(text)


def carried_code(wanted: Iterable[str], standing: tuple[str, ...] = _STANDING) -> str:
    """Return imports and definitions of what is wanted ("module.Name", a module of this folder) and of all that it uses; "" for nothing.

    What a definition uses comes before it, imports come first, without those in `standing`.
    """
    imports: set[str] = set()
    definitions: dict[tuple[str, str], str] = {}
    for name in sorted(wanted):
        _carry(*name.split("."), imports, definitions)
    lines = sorted(imports.difference(standing), key=lambda line: (line.startswith("from"), line))
    return "\n\n\n".join([*(["\n".join(lines)] if lines else []), *dict.fromkeys(definitions.values())])


def _carry(module: str, name: str, imports: set[str], definitions: dict[tuple[str, str], str]) -> None:
    """Add the definition of a name in a module, after the definitions and with the imports that it needs."""
    text, tree = _parsed(module)
    node = next(node for node in tree.body if name in _defined(node))
    if (module, name) in definitions:
        return
    used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} - {name}
    for other in tree.body:
        if isinstance(other, ast.Import | ast.ImportFrom):
            for alias in other.names:
                if (alias.asname or alias.name) not in used:
                    continue
                if isinstance(other, ast.ImportFrom) and other.module.startswith(_PACKAGE):
                    _carry(other.module.removeprefix(_PACKAGE), alias.name, imports, definitions)
                else:
                    kept = {"module": other.module, "level": 0} if isinstance(other, ast.ImportFrom) else {}
                    imports.add(ast.unparse(type(other)(names=[alias], **kept)))
        else:
            for one in sorted(used.intersection(_defined(other))):
                _carry(module, one, imports, definitions)
    definitions[module, name] = ast.get_source_segment(text, node)


def _defined(node: ast.AST) -> list[str]:
    """Return the names that a statement at the top of a file gives a meaning."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []
