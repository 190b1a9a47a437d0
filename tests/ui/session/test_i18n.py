"""No text on the screen without its Spanish, and no Spanish that says something else than its English."""

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

import vpc2
from vpc2.catalog import Catalog, Entry
from vpc2.ui.augment import pipeline_editor
from vpc2.ui.session.i18n import LOCALES
from vpc2.words import Text

ROOT = Path(__file__).parents[3]
PO = LOCALES / "es" / "LC_MESSAGES" / "vpc2.po"
FIELDS = re.compile(r"{[^}]*}")
# Words that are the same in both languages, or numbers and names only.
SAME = {"", "RGB", "CNN", "Flip", "MLP"}


def page_strings():
    """Every string in a call of `_`, found in the syntax tree: extractors that read tokens miss those inside f-strings."""
    for path in [*ROOT.glob("pages/*.py"), *ROOT.glob("vpc2/ui/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                message = ast.literal_eval(node.args[0])
                yield pytest.param(message, id=f"{path.name}: {message[:40]}")


def texts():
    """Every `Text` that a module of vpc2 holds, in a name of its own, in a table, or in an entry of one."""
    seen = set()
    for info in pkgutil.walk_packages(vpc2.__path__, "vpc2."):
        if info.name == "vpc2.__main__":
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            for text in _texts_in(value, 6):
                if (text.en, text.es) not in seen:
                    seen.add((text.en, text.es))
                    yield pytest.param(text, id=f"{info.name}.{name}: {text.en[:30]}")


def _texts_in(value, depth):
    if depth < 0:
        return
    if isinstance(value, Text):
        yield value
    elif isinstance(value, Catalog):
        for entry in value.values():
            yield from _texts_in(entry, depth - 1)
    elif isinstance(value, Entry) or (hasattr(value, "__dataclass_fields__") and not isinstance(value, type)):
        for field in value.__dataclass_fields__:
            yield from _texts_in(getattr(value, field, None), depth - 1)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts_in(inner, depth - 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _texts_in(inner, depth - 1)


@pytest.fixture(scope="module")
def spanish():
    with PO.open("rb") as file:
        return read_po(file, locale="es")


@pytest.mark.parametrize("message", page_strings())
def test_every_string_of_a_page_has_its_spanish(message, spanish):
    entry = spanish.get(message)
    assert entry is not None and entry.string, f"add to {PO.name}: {message!r}"
    assert not entry.fuzzy
    assert sorted(FIELDS.findall(message)) == sorted(FIELDS.findall(entry.string))


@pytest.mark.parametrize("text", texts())
def test_every_text_of_a_table_is_said_in_both_languages(text):
    assert bool(text.en) == bool(text.es)
    named = lambda words: sorted(re.sub(r"[:!].*", "", field) for field in FIELDS.findall(words))  # noqa: E731
    assert named(text.en) == named(text.es)
    if len(text.en.split()) > 4:
        assert text.en != text.es


def test_the_compiled_catalog_is_the_written_one(spanish):
    """The app reads the compiled file: `pybabel compile -d assets/locale -D vpc2` after every change."""
    with PO.with_suffix(".mo").open("rb") as file:
        compiled = read_mo(file)
    written = {message.id: message.string for message in spanish if message.id and message.string}
    assert {message.id: message.string for message in compiled if message.id} == written


def test_nothing_stays_in_the_catalog_that_no_page_says(spanish):
    said = {parameter.values[0] for parameter in page_strings()}
    assert {message.id for message in spanish if message.id} <= said


@pytest.mark.parametrize("lang", ["en", "es"])
def test_an_operation_is_found_by_name_or_family_in_both_languages(monkeypatch, lang):
    monkeypatch.setattr(pipeline_editor, "say", lambda text: text.say(lang))
    shown = pipeline_editor.name_operation("RandomRotation")
    assert all(word in shown for word in ("Rotation", "Giro", "Geometric", "Geométricas", "RandomRotation"))
    assert shown.startswith({"en": "Rotation", "es": "Giro"}[lang])
