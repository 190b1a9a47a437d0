"""Messages for visitors: texts that are translated when shown, refusals, and safe display of names.

The English text in the code is the key (gettext's msgid). Every other language is one catalog,
`assets/locale/<language>/LC_MESSAGES/vpc2.po`, and is offered as soon as its compiled file exists; `.ci/translate` updates the catalogs
from the code. Standard library only.
"""

from __future__ import annotations

import functools
import gettext
import json
import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vpc2.bundled_files import resource
from vpc2.number_format import write_number, write_percent

DOMAIN = "vpc2"
LOCALES = resource("assets", "locale")
SOURCE = "en"
LANGUAGES = (SOURCE, *sorted(path.parts[-3] for path in LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")))
_PERCENT = re.compile(r"\.(\d)%")


@functools.cache
def _catalog(language: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALES, [language], fallback=True)


def translate(message: str, language: str) -> str:
    """Return an English message in `language`; in English where there is no catalog or the catalog lacks the message."""
    if language not in LANGUAGES or not message:  # gettext returns the catalog's header for an empty message
        return message
    return _catalog(language).gettext(message)


class _Formatter(string.Formatter):
    """Formats fields in a language: numbers with its separators, a `Text` in that language."""

    def __init__(self, language: str):
        self.language = language

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Text):
            value = value.say(self.language)
        if isinstance(value, int | float) and not isinstance(value, bool):
            if match := _PERCENT.fullmatch(format_spec):  # {share:.1%}
                return write_percent(value, self.language, int(match[1]))
            return write_number(value, self.language, format_spec)
        return format(value, format_spec)


@dataclass(frozen=True)
class Text:
    """An English message that is translated when it is shown, so that tables and refusals are independent of the language.

    `{name}` fields are filled by `fill`. `context` distinguishes two meanings of one English word that another language translates
    differently (`Text("Length", context="of a training")`). `.ci/translate` extracts the literals, so write them out: no variable, no
    f-string.
    """

    msgid: str
    context: str = field(default="", kw_only=True)
    values: tuple[tuple[str, Any], ...] | None = field(default=None, kw_only=True)

    def say(self, language: str) -> str:
        """Return the message in `language`, in English where that language has no catalog."""
        template = self._template(language if language in LANGUAGES else SOURCE)
        return template if self.values is None else _Formatter(language).vformat(template, (), dict(self.values))

    @property
    def en(self) -> str:
        """The message in English."""
        return self.say(SOURCE)

    def fill(self, **values: Any) -> Text:
        """Return the message with values for its fields; a value may be a `Text`, numbers are formatted in each language."""
        return replace(self, values=tuple(sorted((dict(self.values or ()) | values).items())))

    def in_every_language(self) -> dict[str, str]:
        """Return the message in all languages, as runs and sessions store it; `from_stored` reads it back."""
        return {language: self.say(language) for language in LANGUAGES}

    def _template(self, language: str) -> str:
        if self.context:
            return _catalog(language).pgettext(self.context, self.msgid)
        return translate(self.msgid, language)

    def __str__(self) -> str:
        return self.en


@dataclass(frozen=True)
class Plural(Text):
    """A message about a number of things: `Plural("{n:,} image", "{n:,} images").fill(n=3)`.

    The field named by `count` selects the plural form; the catalog defines how many forms a language has.
    """

    plural: str
    count: str = field(default="n", kw_only=True)

    def _template(self, language: str) -> str:
        number = dict(self.values or {self.count: 0})[self.count]
        if self.context:
            return _catalog(language).npgettext(self.context, self.msgid, self.plural, number)
        return _catalog(language).ngettext(self.msgid, self.plural, number)


@dataclass(frozen=True)
class Verbatim(Text):
    """A text that is the same in every language: a name, a formula, user input. Numbers filled in are still formatted per language."""

    def _template(self, language: str) -> str:
        return self.msgid


@dataclass(frozen=True)
class _Stored(Text):
    """A message read back from storage, in the languages of that time; English where one is missing."""

    translations: tuple[tuple[str, str], ...] = ()

    def _template(self, language: str) -> str:
        return dict(self.translations).get(language, self.msgid)


@dataclass(frozen=True)
class _Composed(Text):
    """A text made of others, by a function of their translations."""

    parts: tuple[Text, ...] = ()
    compose: Callable[[Iterable[str]], str] = "".join

    def _template(self, language: str) -> str:
        return self.compose(part.say(language) for part in self.parts)


def from_stored(messages: Mapping[str, Any]) -> Text:
    """Return the text stored by `in_every_language`: {"en": …, "es": …}."""
    pairs = tuple((str(language), str(message)) for language, message in messages.items())
    return _Stored(dict(pairs).get(SOURCE, ""), translations=pairs)


def join_texts(texts: Iterable[Text], separator: str = " ") -> Text:
    """Return one text that joins all of `texts`."""
    return _Composed("", parts=tuple(texts), compose=separator.join)


def _small(parts: Iterable[str]) -> str:
    text = "".join(parts)
    return text[:1].lower() + text[1:]


def begin_small(text: Text) -> Text:
    """Return the text with a lower-case first letter, for use inside a sentence."""
    return _Composed("", parts=(text,), compose=_small)


_NAMED: dict[type, Text] = {
    dict: Text("an object"),
    list: Text("a list"),
    tuple: Text("a list"),
}
_HUGE = Text("a number with very many digits")


def shown(value: object) -> object:
    """Return a short, safe representation of a rejected value for a message (a 5,000-digit number raises in `str`), to be filled in.

    `None`, `True` and `False` are shown as in JSON.
    """
    if value is None or isinstance(value, bool):
        return f"“{json.dumps(value)}”"
    if isinstance(value, int):
        return _HUGE if value.bit_length() > 128 else str(value)
    if isinstance(value, float):
        return value
    if isinstance(value, str):
        return f"“{clean_name(value, 24)}”"
    return _NAMED.get(type(value)) or type(value).__name__


class Refusal(ValueError):
    """Invalid input of a visitor, with one plain sentence that says what to do.

    `field` names the knob or key at fault, where there is one. Callers show only `text`, in the visitor's language; it never contains a
    traceback or a path.
    """

    def __init__(self, text: Text, *, field: str = ""):
        super().__init__(text.en)
        self.text = text
        self.field = field


_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean_name(name: object, limit: int = 60) -> str:
    """Return a name that is safe to show: normalised, on one line, without control or direction marks, truncated.

    The result is still data, not markup: a page shows it as text or escapes it for Markdown.
    """
    text = unicodedata.normalize("NFC", str(name)[: 40 * limit].encode("utf-8", "ignore").decode())
    text = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _INVISIBLE)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
