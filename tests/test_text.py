"""Numbers, names and knobs as a visitor meets them."""

import importlib
import pickle
import pkgutil
import re

import pytest

import vpc2
from vpc2.catalog import Catalog
from vpc2.knobs import Flag, Number, Span, Whole
from vpc2.text import LANGUAGES, Plural, Refusal, Text, Verbatim, begin_small, clean_name, from_stored, join_texts

NAME = Text("Angle")


def test_numbers_are_written_as_the_language_writes_them():
    said = from_stored({"en": "{n:,.1f} million", "es": "{n:,.1f} millones"}).fill(n=2764.8)
    assert said.en == "2,764.8 million"
    assert said.say("es") == "2.764,8 millones"


def test_a_text_is_translated_when_it_is_said():
    """What a table holds is one English sentence: it can be compared, hashed, sent to another process and said in any language."""
    text = Text("This file is too large: at most {limit:,} kB.").fill(limit=1234)
    again = pickle.loads(pickle.dumps(text))  # noqa: S301
    assert again == text and hash(again) == hash(text) and text != Text(text.msgid)
    assert text.say("es") == "Este archivo es demasiado grande: como máximo 1.234 kB."
    assert text.en == str(text) == text.say("de") == "This file is too large: at most 1,234 kB."
    assert Text("").say("es") == ""  # not the header of the catalog


def test_one_english_word_with_two_meanings_is_told_apart_by_its_context():
    assert [Text("None", context=context).say("es") for context in ("", "views")] == ["Ninguno", "Ninguna"]


def test_a_text_inside_a_text_is_said_in_the_same_language():
    text = Text("{name}: {why}").fill(name=Text("Angle"), why=begin_small(Text("Not translated")))
    assert (text.en, text.say("es")) == ("Angle: not translated", "Ángulo: not translated")
    assert join_texts([Text("Angle"), Text("Angle")], ", ").say("es") == "Ángulo, Ángulo"


def test_a_visitors_own_word_is_never_translated():
    assert Text("Angle").say("es") == "Ángulo" and Verbatim("Angle").say("es") == "Angle"
    assert Verbatim("2*3 = {n:,}").fill(n=6000).say("es") == "2*3 = 6.000"


def test_what_was_kept_is_said_as_it_was_kept():
    """Runs and sessions keep a sentence in every language; an old record is shown as it stands, whatever the catalog says by now."""
    text = Plural("{n:,} row", "{n:,} rows").fill(n=1)
    assert text.in_every_language() == {"en": "1 row", "es": "1 fila"} and tuple(text.in_every_language()) == LANGUAGES
    assert from_stored({"en": "Angle", "es": "Rincón"}).in_every_language() == {"en": "Angle", "es": "Rincón"}
    assert from_stored({"en": "Angle {not a field"}).say("es") == "Angle {not a field" and from_stored({}).say("es") == ""


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("cat\u202egpj.exe", "catgpj.exe"),
        ("a\nb\tc", "a b c"),
        ("a\x00b", "ab"),
        ("\ud800x", "x"),
        ("e\u0301", "é"),
        ("x" * 99, "x" * 59 + "…"),
        ("猫.jpg", "猫.jpg"),
    ],
)
def test_names_are_cleaned_and_kept(given, shown):
    assert clean_name(given) == shown


@pytest.mark.parametrize("value", [True, "15", None, [1], float("nan"), float("inf"), 10**400, -1.5, 1.5])
def test_a_number_refuses_what_is_not_one_in_range(value):
    with pytest.raises(Refusal) as refused:
        Number(key="p", title=NAME, default=0.5, low=0, high=1).clean(value)
    assert refused.value.field == "p"
    assert "Ángulo" in refused.value.text.say("es")


@pytest.mark.parametrize("value", [2.5, 4, 0, 99, True])
def test_an_odd_whole_number_is_odd_whole_and_in_range(value):
    with pytest.raises(Refusal):
        Whole(key="k", title=NAME, default=3, low=1, high=31, odd=True).clean(value)


def test_a_symmetric_span_takes_one_number():
    span = Span(key="degrees", title=NAME, default=[-15.0, 15.0], low=-180, high=180, symmetric=True)
    assert span.clean(15) == [-15.0, 15.0]
    for bad in ([2.0, 0.5], [1, 2, 3, 4], [0, 999], True, "15"):
        with pytest.raises(Refusal):
            span.clean(bad)


def test_a_flag_is_no_number():
    assert Flag(key="f", title=NAME, default=False).clean(True) is True
    with pytest.raises(Refusal):
        Flag(key="f", title=NAME, default=False).clean(1)


# --- what every sentence keeps to


def _catalogs():
    """Return every table of the app, found by walking its modules."""
    found = {}
    for info in pkgutil.walk_packages(vpc2.__path__, "vpc2."):
        if info.name.startswith(("vpc2.ui", "vpc2.__main__")):
            continue
        for name, value in vars(importlib.import_module(info.name)).items():
            if isinstance(value, Catalog) and value not in found.values():
                found[f"{info.name}.{name}"] = value
    return found


CATALOGS = _catalogs()
PROPER = {
    # names, formats and units that are written with a capital wherever they stand
    *("JSON", "NaN", "UTF-8", "ImageNet", "Kornia", "PyTorch", "Torchvision", "TensorBoard", "Streamlit", "ONNX", "RGB", "MB", "GB"),
    *("LeNet-5", "AlexNet", "Adam", "AdamW", "SGD", "ReLU", "BatchNorm", "Hz", "Beta", "CIED"),
}
_QUOTED = re.compile(r"“[^”]*”|«[^»]*»|\([^)]*\)")


def flaws(text: Text, language: str) -> list[str]:
    """Return what is wrong with a whole sentence as it is shown in one language; of what is quoted, only that it is there."""
    said = text.say(language)
    bare = _QUOTED.sub("“”", said)
    found = [f"doubled: {word[0]}" for word in re.finditer(r"\b([^\W\d_]+) \1\b", bare, re.IGNORECASE)]
    found += [
        f"capital: {word}"
        for word in re.findall(r"(?<![.:!?] )(?<!^)(?<![\w-])[A-ZÁÉÍÓÚÑ][\w-]*", bare)
        if word not in PROPER and f"“{word}" not in said
    ]
    if not said.rstrip("”»)").endswith((".", "?", "!")):
        found.append("no full stop")
    found += [f"left: {bad}" for bad in re.findall(r"[{}]|\b(?:dict|tuple|NoneType|str|int|float|bool|True|False)\b|  |\n", bare)]
    if not said[:1].isupper() and said[:1] not in "“«":
        found.append("begins small")
    if text.en == text.say("es"):
        found.append("the same in both languages")
    return found


def test_a_number_and_its_word_agree():
    said = Plural("{count:,} picture was there already.", "{count:,} pictures were there already.", count="count")
    assert [said.fill(count=n).en for n in (0, 1, 2, 1000)] == [
        "0 pictures were there already.",
        "1 picture was there already.",
        "2 pictures were there already.",
        "1,000 pictures were there already.",
    ]
    assert [said.fill(count=n).say("es") for n in (0, 1, 1000)] == [
        "0 imágenes ya estaban.",
        "1 imagen ya estaba.",
        "1.000 imágenes ya estaban.",
    ]


# Numbers that cannot be one where they are said: limits of the app, what is refused for being too many, and shares of something.
NEVER_ONE = {
    "limit",
    "most",
    "least",
    "fewest",
    "usual",
    "size",
    "side",
    "classes",
    "params",
    "gap",
    "window",
    "turns",
    "batch",
    "wanted",
    "width",
    "groups",
    "found",
}
NOT_PLURAL = {
    "is",
    "has",
    "does",
    "needs",
    "gets",
    "gives",
    "holds",
    "says",
    "sees",
    "looks",
    "this",
    "means",
    "stands",
    "less",
    "times",
    "drops",
    "goes",
}
TOO_MANY = re.compile(
    r"too many|at most|none is called|these are the labels|too few|do not fit|only|one single step|million|points better|points worse"
)


def _texts():
    for info in pkgutil.walk_packages(vpc2.__path__, "vpc2."):
        if not info.name.startswith("vpc2.__main__"):
            for name, value in vars(importlib.import_module(info.name)).items():
                for text in [value] if isinstance(value, Text) else value.values() if isinstance(value, dict) else ():
                    if isinstance(text, Text) and not isinstance(text, Plural):
                        yield f"{info.name}.{name}", text


def test_no_table_says_1_pictures():
    """A count that may be one has its word in both numbers."""
    wrong = {
        f"{where}: {text.en}"
        for where, text in _texts()
        for field, word in re.findall(r"\{(\w+)(?::,)?\} (?:(?:training|test|augmented|more|other) )?([a-z-]+s)\b", text.en)
        if field not in NEVER_ONE and word not in NOT_PLURAL and not TOO_MANY.search(text.en)
    }
    assert not wrong
