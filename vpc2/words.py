"""Sentences in two languages, and the one way to say no.

Every table carries its own words (`Text`), so adding an entry touches one file; the pages' words are in gettext.
"""

from __future__ import annotations

import json
import re
import string
import unicodedata
from dataclasses import dataclass

from vpc2.number_format import format_number, format_percent

LANGUAGES = ("en", "es")
_PERCENT = re.compile(r"\.(\d)%")


class _Formatter(string.Formatter):
    """Writes numbers as the language does: 2,764.8 in English, 2.764,8 in Spanish.

    `{share:.1%}` is 94.2 % and 94,2 %.
    `{n:?picture|pictures}` is the word that goes with the number: the first for one, the second for any other.
    """

    def __init__(self, language: str):
        self.language = language

    def format_field(self, value, format_spec):
        if isinstance(value, Text):
            value = value.say(self.language)
        if format_spec.startswith("?"):
            one, _, many = format_spec[1:].partition("|")
            return one if value == 1 else many
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and (found := _PERCENT.fullmatch(format_spec)):
            return format_percent(value, self.language, int(found[1]))
        return format_number(value, format_spec, self.language) if is_number else format(value, format_spec)


@dataclass(frozen=True)
class Text:
    """One sentence in English and in Spanish, with `{name}` fields filled by `fill`."""

    en: str
    es: str

    def say(self, language: str) -> str:
        """Return the sentence in `language`; anything but "es" is English."""
        return self.es if language == "es" else self.en

    def fill(self, **values) -> Text:
        """Return the sentence with its fields filled, numbers written as each language writes them.

        A value may be a `Text` itself; then each language gets its own.
        """
        return Text(_Formatter("en").vformat(self.en, (), values), _Formatter("es").vformat(self.es, (), values))

    def __str__(self) -> str:
        return self.en


def join_texts(texts, separator: str = " ") -> Text:
    """Return one text that says all of `texts` in turn."""
    texts = list(texts)
    return Text(separator.join(t.en for t in texts), separator.join(t.es for t in texts))


_NAMED = {
    dict: Text("an object", "un objeto"),
    list: Text("a list", "una lista"),
    tuple: Text("a list", "una lista"),
}
_HUGE = Text("a number with very many digits", "un número con muchísimos dígitos")


def shown(value: object) -> object:
    """Return what stands for a rejected value in a sentence, short and harmless (a 5,000-digit number raises in `str`), to be filled in.

    `None`, `True` and `False` are shown as JSON writes them.
    """
    if value is None or isinstance(value, bool):
        return f"“{json.dumps(value)}”"
    if isinstance(value, int):
        return _HUGE if value.bit_length() > 128 else str(value)
    if isinstance(value, float):
        return value
    if isinstance(value, str):
        return f"“{clean_name(value, 24)}”"
    return _NAMED.get(type(value), type(value).__name__)


class Refusal(ValueError):
    """Something a visitor gave that cannot be used, said in one plain sentence that tells what to do.

    `field` names the knob or key at fault, where there is one. Whoever shows it, shows `text` in the visitor's
    language and nothing else; it never carries a traceback or a path.
    """

    def __init__(self, text: Text, *, field: str = ""):
        super().__init__(text.en)
        self.text = text
        self.field = field


_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean_name(name: object, limit: int = 60) -> str:
    """Return a name that is safe to show: normalised, on one line, without control or direction marks, cut.

    The result is still data, not markup: a page shows it as text or passes it through its own Markdown guard.
    """
    text = unicodedata.normalize("NFC", str(name)[: 40 * limit].encode("utf-8", "ignore").decode())
    text = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _INVISIBLE)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
