"""Restoring the workspace from the browser's storage: of an earlier session, or changed in another tab."""

from dataclasses import replace

import pytest

from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.ui.session import workspace

STRONG, TURN, COLOUR = (PIPELINES[key].pipeline for key in ("strong", "half_turn", "colour"))


@pytest.fixture
def session(monkeypatch):
    kept = {}
    monkeypatch.setattr(workspace.st, "session_state", kept)
    return kept


@pytest.fixture
def tell(session):
    """A function that puts the browser's report into the session state."""

    def told(work, earlier=(), word=None, opened="", **more):
        session["visitor"] = {
            "stored": {
                "session": workspace.session_id() if word is None else word,
                "work": {"pipeline": codec.to_token(work)},
                "earlier": {"pipeline": [codec.to_token(one) for one in earlier]},
                "opened": opened,
                **more,
            }
        }

    return told


def history():
    states = []
    while True:
        states.append(workspace.load("pipeline"))
        if not workspace.can_step_back("pipeline"):
            return states
        workspace.step_back("pipeline")


def test_what_was_kept_comes_back_with_what_other_tabs_made_before_it(tell):
    tell(STRONG, earlier=[TURN, COLOUR])
    workspace.restore()
    assert history() == [STRONG, COLOUR, TURN]


def test_what_the_browser_told_another_session_is_not_taken(tell):
    """After a restart Streamlit sends the component's last state again, which may be out of date."""
    tell(STRONG, word="of a server before")
    workspace.restore()
    assert workspace.load("pipeline") == PIPELINES["basic"].pipeline
    tell(TURN)
    workspace.restore()
    assert workspace.load("pipeline") == TURN


def test_it_comes_back_once_and_never_over_a_change(tell):
    tell(STRONG)
    workspace.save(TURN)
    workspace.restore()
    assert workspace.load("pipeline") == TURN
    tell(COLOUR)
    workspace.restore()
    assert workspace.load("pipeline") == TURN


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {"work": None},
        {"work": {"pipeline": 3}},
        {"work": {"pipeline": "junk"}},
        {"work": []},
        {"work": {}, "earlier": {"pipeline": "x"}},
        {"work": {"pipeline": codec.to_token(STRONG)}, "earlier": {"pipeline": ["junk", None, 3]}},
    ],
)
def test_junk_in_the_storage_of_a_browser_is_no_visitors_mistake(session, stored):
    session["visitor"] = {"stored": {"session": workspace.session_id(), **stored} if isinstance(stored, dict) else stored}
    workspace.restore()
    assert workspace.load("pipeline") in (PIPELINES["basic"].pipeline, STRONG)


def test_where_this_tab_opened_the_link_before_what_came_of_it_counts(session, tell):
    workspace.save(TURN, from_outside=True)
    session.update({"opened": "a link", "changes when opened": session["changes"]})
    tell(STRONG, opened="a link")
    workspace.restore()
    assert history() == [STRONG, TURN]


def test_another_link_than_before_counts_itself(session, tell):
    workspace.save(TURN, from_outside=True)
    session.update({"opened": "a link", "changes when opened": session["changes"]})
    tell(STRONG, opened="another link")
    workspace.restore()
    assert workspace.load("pipeline") == TURN


def elsewhere(session, spec, at=5.0):
    session["visitor"] = {"others": {"pipeline": {"token": codec.to_token(spec), "at": at}, "net": {"token": "junk", "at": at}, "x": 3}}


def test_the_other_tabs_change_is_taken_and_can_be_undone_or_left(session):
    workspace.save(STRONG)
    elsewhere(session, TURN)
    assert list(workspace.changes_in_other_tabs()) == ["pipeline"]
    workspace.adopt_other_tab()
    assert workspace.load("pipeline") == TURN and not workspace.changes_in_other_tabs()
    workspace.step_back("pipeline")
    assert workspace.load("pipeline") == STRONG and not workspace.changes_in_other_tabs()
    elsewhere(session, COLOUR, at=6.0)
    assert workspace.changes_in_other_tabs()
    workspace.keep_this_tab()
    assert workspace.load("pipeline") == STRONG and not workspace.changes_in_other_tabs()
    elsewhere(session, TURN, at=7.0)
    assert workspace.changes_in_other_tabs()


def test_the_same_in_both_tabs_is_not_worth_a_word(session):
    workspace.save(TURN)
    elsewhere(session, TURN)
    assert not workspace.changes_in_other_tabs()


def test_after_more_changes_than_are_kept_the_newest_is_there_and_the_oldest_cannot_be_undone(session):
    made = [replace(STRONG, seed=i) for i in range(workspace.HISTORY + 15)]
    for i, one in enumerate(made):
        workspace.save(one)
        assert workspace.load("pipeline") == one, i
    assert history() == made[::-1][: workspace.HISTORY]
    workspace.step_back("pipeline", -1)
    workspace.step_back("pipeline", -1)
    workspace.save(TURN)  # what could have been redone is gone, what can be undone stays
    assert not workspace.can_step_back("pipeline", -1) and history() == [TURN, *made[::-1][: workspace.HISTORY][-3:]]
