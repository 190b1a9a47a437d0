"""Every knob of every table has a widget: untouched it gives the value it was given, and no widget leads past the knob's limits."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.pages import checked
from vpc2.augment.mixes import MIXES
from vpc2.augment.operations.catalog import OPS
from vpc2.knobs import Pair, Span, Whole
from vpc2.nets.layers.catalog import LAYERS
from vpc2.text import Refusal, Text
from vpc2.training.settings import SETTINGS

TABLES = {"operations": OPS, "layers": LAYERS, "mixes": MIXES}


def _table(name):
    import streamlit as st

    from tests.ui.widgets.test_knob_input import TABLES, knobs_of
    from vpc2.ui.widgets.knob_input import show_knob

    found = {}
    for key, knob in knobs_of(name, TABLES):
        found[key] = show_knob(knob, knob.clean(knob.default), key=key)
    st.session_state["found"] = found


def knobs_of(name, tables):
    if name == "settings":
        return [(knob.key, knob) for knob in SETTINGS.knobs]
    return [(f"{entry.key}/{knob.key}", knob) for entry in tables[name].values() for knob in entry.knobs]


@pytest.mark.parametrize("name", [*TABLES, "settings"])
def test_an_untouched_knob_keeps_its_value_and_a_moved_one_stays_within_its_limits(name):
    at = checked(AppTest.from_function(_table, args=(name,), default_timeout=120).run())
    knobs = dict(knobs_of(name, TABLES))
    assert at.session_state["found"] == {key: knob.clean(knob.default) for key, knob in knobs.items()}
    for kind in ("slider", "number_input"):
        for widget in at.get(kind):
            if widget.key in knobs:
                widget.set_value((widget.min, widget.min) if isinstance(widget.value, list | tuple) else widget.min)
    checked(at.run())
    for key, knob in knobs.items():
        value = at.session_state["found"][key]
        assert knob.clean(value) == value, key
        if isinstance(knob, Whole) and not isinstance(knob, Pair):
            assert value % 2 or not knob.odd, key


def _one():
    import streamlit as st

    from vpc2.ui.widgets.knob_input import show_knob

    knob, value, more = st.session_state["given"]
    st.session_state["found"] = show_knob(knob, value, key="k", **more)


def drawn(knob, value, **more):
    at = AppTest.from_function(_one, default_timeout=60)
    at.session_state["given"] = (knob, value, more)
    return checked(at.run())


ODD = Whole(key="n", title=Text("N"), default=3, low=1, high=99, odd=True)


def test_an_even_number_typed_into_an_odd_knob_changes_nothing():
    at = drawn(ODD, 7)
    at.number_input[0].set_value(8).run()
    assert at.session_state["found"] == 7
    at.number_input[0].set_value(11).run()
    assert at.session_state["found"] == 11


def test_only_what_fits_today_is_offered_and_a_value_that_does_not_fit_stays():
    knob = Whole(key="n", title=Text("N"), default=3, low=1, high=9)
    at = drawn(knob, 7, reach=[[1, 2, 4]])
    assert at.session_state["found"] == 7 and [int(one) for one in at.selectbox[0].options] == [1, 2, 4, 7]
    at = drawn(knob, 2, reach=[range(1, 5)])
    assert (at.number_input[0].min, at.number_input[0].max) == (1, 4)


def test_height_and_width_are_two_numbers_where_they_are_apart():
    knob = Pair(key="n", title=Text("N"), default=3, low=1, high=9)
    at = drawn(knob, 3, is_apart=True)
    height, width = at.number_input
    height.set_value(5)
    width.set_value(2).run()
    assert at.session_state["found"] == [5, 2]
    assert drawn(knob, 4).session_state["found"] == 4


def test_a_span_keeps_its_ends_in_order():
    knob = Span(key="n", title=Text("N"), default=[0.2, 0.4], low=0.0, high=1.0, step=0.05)
    at = drawn(knob, [0.2, 0.4])
    at.slider[0].set_value((0.1, 0.9)).run()
    assert at.session_state["found"] == [0.1, 0.9]
    with pytest.raises(Refusal):
        knob.clean([0.9, 0.1])


def _picking():
    import streamlit as st

    from vpc2.ui.widgets.knob_input import pick_once

    picked = pick_once("P", ["a", "b"], key="p")
    st.session_state.setdefault("picked", []).append(picked)


def test_what_is_picked_is_told_once():
    at = checked(AppTest.from_function(_picking).run())
    at.selectbox[0].select("b").run()
    at.run()
    at.selectbox[0].select("b").run()
    assert at.session_state["picked"] == [None, "b", None, "b"]
