"""Catalogs: ordered, read-only tables of entries. Adding a feature is adding one literal to one table."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from vpc2.knobs import Knob
from vpc2.text import Refusal, Text, clean_name, shown

_UNKNOWN = Text("There is no {what} called “{key}”.")
_NEAREST = Text("There is no {what} called “{key}”; the nearest is “{nearest}”.")
_NO_NAME = Text("A name is needed here, not {found}: there is no such {what}.")
_STRANGE_KNOB = Text("“{entry}” has no parameter “{key}”; it has {known}.")
_NO_KNOBS = Text("“{entry}” has no parameters: leave out “{key}”.")
_NOT_AN_OBJECT = Text("The parameters of “{entry}” must be an object of names and values.")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of a table. `target` is a dotted name, resolved only when it is used."""

    key: str
    title: Text
    help: Text
    target: str = ""
    knobs: tuple[Knob, ...] = ()
    aliases: tuple[str, ...] = ()
    family: str = ""

    def knob(self, key: str) -> Knob:
        """Return the knob with this key or alias; raise `Refusal` listing the known ones."""
        for knob in self.knobs:
            if key == knob.key or key in knob.aliases:
                return knob
        known, message = ", ".join(knob.key for knob in self.knobs), _STRANGE_KNOB if self.knobs else _NO_KNOBS
        raise Refusal(message.fill(entry=self.title, key=clean_name(key, 40), known=known), field=str(key)[:40])

    def defaults(self) -> dict[str, Any]:
        """Return the default of every parameter."""
        return {knob.key: knob.default for knob in self.knobs}

    def clean(self, params: object) -> dict[str, Any]:
        """Return all parameters in table order, validated; missing ones take their default."""
        if not isinstance(params, Mapping):
            raise Refusal(_NOT_AN_OBJECT.fill(entry=self.title))
        values = {self.knob(key).key: value for key, value in params.items()}
        return {knob.key: knob.clean(values[knob.key]) if knob.key in values else knob.default for knob in self.knobs}

    def resolve(self) -> Any:
        """Return the object named by `target`; imports its module."""
        module, _, name = self.target.replace(":", ".").rpartition(".")
        return getattr(importlib.import_module(module), name)


class Titles(Mapping[str, Text]):
    """The titles of a catalog's entries by key, as a live view: entries added later are included, if `where` is true of them."""

    def __init__(self, catalog: Mapping[str, Entry], first: Mapping[str, Text], where: Callable[[Any], bool]):
        self._catalog, self._first, self._where = catalog, first, where

    def __getitem__(self, key: str) -> Text:
        return self._first[key] if key in self._first else self._catalog[key].title

    def __contains__(self, key: object) -> bool:
        return any(key == known for known in self)  # an alias is no option

    def __iter__(self) -> Iterator[str]:
        return iter([*self._first, *(key for key, entry in self._catalog.items() if self._where(entry))])

    def __len__(self) -> int:
        return sum(1 for _key in self)


E = TypeVar("E", bound=Entry)


class Catalog(Mapping[str, E], Generic[E]):
    """A table of entries in the order of definition; duplicate keys or aliases raise ValueError."""

    def __init__(self, what: Text, *entries: E):
        self.what = what
        self._entries: dict[str, E] = {}
        self._aliases: dict[str, str] = {}
        for entry in entries:
            for name in (entry.key, *entry.aliases):
                if name in self._entries or name in self._aliases:
                    raise ValueError(f"duplicate key {name!r} in the table of {what}")
                self._aliases[name] = entry.key
            self._entries[entry.key] = entry

    def __getitem__(self, key: str) -> E:
        return self._entries[self._aliases[key]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: object) -> E:
        """Return the entry with this key or alias; raise `Refusal` naming the nearest one otherwise."""
        if isinstance(key, str) and key in self._aliases:
            return self[key]
        if not isinstance(key, str):
            raise Refusal(_NO_NAME.fill(what=self.what, found=shown(key)))
        name = clean_name(key, 40)
        near = difflib.get_close_matches(name, self._aliases, n=1, cutoff=0.5)
        if near:
            raise Refusal(_NEAREST.fill(what=self.what, key=name, nearest=near[0]), field=key[:40])
        raise Refusal(_UNKNOWN.fill(what=self.what, key=name), field=key[:40])

    def titles(self, first: Mapping[str, Text] | None = None, where: Callable[[E], bool] = lambda entry: True) -> Titles:
        """Return the titles of the entries by key, after those of `first`: the options of a `Choice`, a live view of the table.

        Entries of which `where` is false are left out.
        """
        return Titles(self, first or {}, where)

    def families(self) -> dict[str, tuple[E, ...]]:
        """Return the entries by family, families in order of first appearance."""
        families: dict[str, list[E]] = {}
        for entry in self._entries.values():
            families.setdefault(entry.family, []).append(entry)
        return {family: tuple(entries) for family, entries in families.items()}
