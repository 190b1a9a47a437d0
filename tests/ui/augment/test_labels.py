"""Augment page, tab Labels, with AppTest: the captions for no, one and several labels."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vpc2 import codec
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.images.samples import load_sample
from vpc2.labels import MOST
from vpc2.ui.augment.label_files import _FULL

ROOT = Path(__file__).parents[3]
AWAY = {"translate_x": [1.0, 1.0], "translate_y": [0.0, 0.0], "p": 1.0}
BOX = {"kind": "box", "places": [0.4, 0.4, 0.6, 0.6], "name": "c"}


def said(lang, labels, pipeline):
    at = AppTest.from_file(str(ROOT / "vpc2" / "ui" / "app.py"), default_timeout=120)
    at.query_params["lang"] = lang
    at.run()
    at.query_params["s"] = codec.to_token(pipeline)
    at.session_state["augment/tabs"] = {"en": "Labels", "es": "Etiquetas"}[lang]
    at.session_state["tray/chosen"] = ["chelsea"]
    at.session_state["labels"] = {load_sample("chelsea").digest: labels}
    at.switch_page(str(ROOT / "pages" / "augment.py")).run()
    assert not at.exception, at.exception[0].stack_trace
    return " ".join(str(element.value) for kind in (at.markdown, at.caption) for element in kind)


@pytest.mark.parametrize(
    ("lang", "none", "here", "gone"),
    [
        ("en", "Nothing is marked on this photograph", "all labels are here", "1 left the picture"),
        ("es", "No hay nada marcado en esta foto", "están todas las etiquetas", "1 fuera de la imagen"),
    ],
)
def test_where_nothing_is_marked_nothing_is_said_to_be_there(lang, none, here, gone):
    still, away = Pipeline(), edit_add(Pipeline(), "RandomTranslate", AWAY)
    empty, marked, moved = said(lang, [], still), said(lang, [BOX], still), said(lang, [BOX], away)
    assert none in empty and here not in empty and gone not in empty
    assert here in marked and none not in marked
    assert gone in moved and here not in moved


def test_those_of_a_file_that_have_no_room_are_counted():
    full = _FULL.fill(most=MOST, left=3)
    assert str(MOST) in full.en and "3" in full.en and "oldest" not in full.en and "3" in full.say("es")
