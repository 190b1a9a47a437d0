"""Throw-away entries: one is added while a test runs, and nothing else is told of it.

A test of a kind of entry says so with `throws_away`, and is held to it; `test_throw_away.py` asks that no kind is left out.
"""

import functools
from collections.abc import Callable

from tests.laws import test_catalogs as laws
from tests.laws.catalogs import catalogs
from tests.pages.test_pages import open_app
from vpc2 import codec
from vpc2.knobs import Number
from vpc2.text import Text

TITLE, HELP = Text("Throw-away"), Text("Made for a test.")
WORDS = {"title": TITLE, "help": HELP}
STRENGTH = Number(key="strength", title=Text("Strength"), default=0.5, low=0.1, high=0.9, help=HELP)

KINDS: dict[tuple[str, type], str] = {}  # catalog and kind of entry: the test that throws one away
_added: set[tuple[str, type]] = set()


def throws_away(**kinds: type) -> Callable:
    """Note for which kind of entry, by the name of its catalog, a test stands; it fails if it adds none."""

    def note(test: Callable) -> Callable:
        KINDS.update(dict.fromkeys(kinds.items(), test.__name__))

        @functools.wraps(test)
        def held(*args, **values):
            _added.clear()
            test(*args, **values)
            assert kinds.items() <= _added, "the test was to throw away an entry of each of these kinds"

        return held

    return note


def add(offer, catalog: str, entry):
    """Offer an entry and hold it against the law of its kind."""
    offer(catalogs()[catalog], entry)
    _added.add((catalog, type(entry)))
    laws.test_an_entry_keeps_the_law_of_its_kind(catalog, entry)
    laws.test_the_knobs_of_an_entry_are_clean(catalog, entry)
    laws.test_what_an_entry_names_can_be_imported(catalog, entry)
    return entry


def opened(page, tab="", **session):
    """Return a page with one of its tabs open and what a visitor has chosen."""
    at = open_app(page)
    at.session_state[f"{page}/tabs"] = tab
    for key, value in session.items():
        at.session_state[key] = value
    at.run()
    assert not at.exception and not at.error, at.exception or at.error
    return at


def widget(at, key):
    """Return the widget whose key ends so."""
    found = [one for kind in ("selectbox", "slider", "select_slider", "number_input", "button_group") for one in at.get(kind)]
    return next(one for one in found if one.key and one.key.endswith(key))


def offers(at, key, lang="en"):
    return any(TITLE.say(lang) in option for option in widget(at, key).options)


def travels(spec):
    """A link of it opens as it was, without a note."""
    back = codec.from_token(codec.to_token(spec))
    return back.spec == spec and not back.notes
