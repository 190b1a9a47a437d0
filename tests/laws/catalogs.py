"""Every catalog of the app, found by walking its modules."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType

import vpc2
from vpc2.catalog import Catalog, Entry

# What runs when it is imported: the command line and the app itself.
_SCRIPTS = ("vpc2.__main__", "vpc2.ui.app")


@functools.cache
def modules() -> tuple[ModuleType, ...]:
    """Return every module of the app."""
    names = (info.name for info in pkgutil.walk_packages(vpc2.__path__, "vpc2."))
    return tuple(importlib.import_module(name) for name in names if name not in _SCRIPTS)


@functools.cache
def catalogs() -> dict[str, Catalog]:
    """Return every catalog by the name of its variable."""
    found: dict[str, Catalog] = {}
    for module in modules():
        for name, value in vars(module).items():
            if isinstance(value, Catalog) and all(value is not other for other in found.values()):
                assert name not in found, f"two catalogs are called {name}"
                found[name] = value
    return found


def entries() -> list[tuple[str, Entry]]:
    """Return every entry with the name of its catalog."""
    return [(name, entry) for name, catalog in catalogs().items() for entry in catalog.values()]


def tables() -> Iterator[tuple[str, tuple]]:
    """Go through the other tables at the top of a module: what holds nothing but data classes that have a key and a title."""
    for module in modules():
        for name, value in vars(module).items():
            rows = tuple(value.values()) if isinstance(value, Mapping) else value
            if not isinstance(value, Catalog) and isinstance(rows, tuple | list) and rows and all(map(_is_row, rows)):
                yield f"{module.__name__}.{name}", tuple(rows)


def _is_row(value: object) -> bool:
    return dataclasses.is_dataclass(value) and {"key", "title"} <= {field.name for field in dataclasses.fields(value)}
