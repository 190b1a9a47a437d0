"""Notices stay until the visitor has seen them and moved on, and are never shown beside the result of a later action."""

import pytest

from vpc2.text import from_stored
from vpc2.ui.session import notices, workspace

GOOD, BAD = (
    from_stored({"en": en, "es": es})
    for en, es in (("Added.", "Agregado."), ("This is no file of labels.", "Esto no es un archivo de etiquetas."))
)


@pytest.fixture
def session(monkeypatch):
    kept = {}
    monkeypatch.setattr(workspace.st, "session_state", kept)
    return kept


def told():
    return [text.en for text, _kind in notices.pending_notes()]


@pytest.mark.parametrize(("first", "second"), [(GOOD, BAD), (BAD, GOOD)])
def test_a_later_answer_takes_the_place_of_the_one_before(session, first, second):
    notices.add_note(first, "info" if first is GOOD else "error")
    assert told() == [first.en] == told()
    notices.add_note(second, "info" if second is GOOD else "error")
    assert told() == [second.en]


def test_what_belongs_to_one_answer_stands_together(session):
    for text in (GOOD, BAD, GOOD):
        notices.add_note(text)
    assert told() == [BAD.en, GOOD.en]


def test_a_success_without_words_ends_a_refusal(session):
    notices.add_note(BAD, "error")
    assert told()
    notices.clear_notes()
    assert not told()


def test_changing_a_spec_clears_all_notices(session):
    notices.add_note(BAD, "error")
    assert told()
    session["changes"] = 1
    assert not told()
