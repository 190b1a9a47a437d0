"""Every refusal of a malformed document, of every kind and at every place in it, is a sentence that reads well in both languages."""

import copy
import json
import re
from collections.abc import Iterator

import pytest

from tests.test_text import CATALOGS, flaws
from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.knobs import Knob
from vpc2.nets.spec import make_net
from vpc2.predict.spec import Backbone
from vpc2.text import Refusal, Text, from_stored
from vpc2.training.presets import RECIPES
from vpc2.training.spec import Experiment

JUNK = (
    None,
    True,
    False,
    0,
    3,
    -1,
    2.5,
    1e300,
    10**400,
    "",
    "x",
    "Rotation",
    [],
    [3],
    [1, "x", {}],
    {},
    {"strange": 1},
    {"op": "x", "type": "x"},
)
RECIPE = RECIPES["digits"].recipe
NET = make_net("n", (3, 16, 16), ("Conv2d", {"out_channels": 8, "kernel_size": 3}), ("Residual", {}, [["ReLU"]]), "Flatten", "Linear")
WHOLE = {
    "pipeline": codec.to_document(PIPELINES["mixing"].pipeline),
    "net": codec.to_document(NET),
    "backbone": codec.to_document(Backbone()),
    "recipe": {**codec.to_document(RECIPE), "pipeline": codec.to_document(PIPELINES["basic"].pipeline)},
    "experiment": codec.to_document(Experiment(RECIPE, RECIPE)),
}


def broken(document: object) -> Iterator[object]:
    """Return a document with one of its parts replaced by junk, left out or given a stranger, each in turn."""

    def places(value, path=()):
        yield path
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
            yield from places(inner, (*path, key))

    for path in places(document):
        for junk in JUNK:
            if not path:
                yield junk
                continue
            changed = copy.deepcopy(document)
            at = changed
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = junk
            yield changed
            if isinstance(at, dict) and junk is None:
                del at[path[-1]]
                yield changed
                at["strange"] = 1
                yield changed


def refused(read, *given) -> Text | None:
    try:
        read(*given)
    except Refusal as refusal:
        return refusal.text
    return None


@pytest.mark.parametrize("kind", codec.KINDS)
def test_a_malformed_document_is_refused_in_a_sentence_that_reads_well(kind):
    told = {refused(codec.from_document, one, asked) for one in broken(WHOLE[kind]) for asked in (kind, None)}
    told |= {refused(codec.from_document, document, kind) for other, document in WHOLE.items() if other != kind}
    said = {text for text in told if text is not None}
    assert len(said) > 15
    assert not {text.say(lang): found for text in said for lang in ("en", "es") if (found := flaws(text, lang))}


def test_a_step_that_is_no_object_is_called_a_step():
    text = refused(codec.from_json, '{"version":1,"kind":"pipeline","steps":[3]}', "pipeline")
    assert text.en.startswith("A step must be an object, not 3; it knows")
    assert text.say("es").startswith("Un paso tiene que ser un objeto, no 3; conoce")


def test_what_is_no_document_is_named_in_the_readers_language():
    for kind in codec.KINDS:
        text = refused(codec.from_json, "[]", kind)
        assert "guardado guardado" not in text.say("es") and f"{kind} guardado" not in text.say("es").replace("un pipeline guardado", "")
    assert refused(codec.from_json, json.dumps(WHOLE["net"]), "recipe").say("es") == "Esto es una red guardada, no una receta guardada."


def test_text_that_is_no_json_is_refused_in_a_sentence_that_reads_well():
    texts = [
        b"",
        b"{",
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b"[1e999]",
        b"[" * 90_000,
        b'"\xe9"',
        b'["\\ud800"]',
        b" " * 300_000,
        b"[" * 30 + b"]" * 30,
    ]
    said = [refused(codec.from_json, text) for text in texts] + [refused(codec.from_token, "junk")]
    assert not {text.say(lang): found for text in said for lang in ("en", "es") if (found := flaws(text, lang))}


@pytest.mark.parametrize("name", CATALOGS)
def test_every_parameter_refuses_in_a_sentence_that_reads_well(name):
    catalog = CATALOGS[name]
    said = {refused(catalog.find, junk) for junk in ("conv", "???", *JUNK)}
    for entry in catalog.values():
        said |= {refused(entry.clean, junk) for junk in ([], 3, {"strange": 1})}
        for knob in (one for one in entry.knobs if isinstance(one, Knob)):
            said |= {refused(knob.clean, junk) for junk in (*JUNK, [5, 1], [1e9, 2e9], {"a": 1}, float("nan"))}
    said.discard(None)
    assert said
    assert not {text.say(lang): found for text in said for lang in ("en", "es") if (found := flaws(text, lang))}


def test_the_check_of_refusal_sentences_finds_a_bad_one():
    """The rules themselves catch what they are for."""
    for bad in ("This is not a saved A step.", "No a a ending", "Not {filled}.", "It is not dict.", "Of Rotation here.", "Two  spaces."):
        assert flaws(from_stored({"en": bad, "es": "Bien dicho."}), "en"), bad
    assert not flaws(from_stored({"en": "Of “Rotation” here; UTF-8 in JSON.", "es": "x."}), "en")
    assert re.search("same", " ".join(flaws(Text("A sentence."), "es")))
