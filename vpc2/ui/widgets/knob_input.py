"""Widgets of knobs: `show_knob` draws the input for any kind of `Knob`; `pick_once` is a select box that resets after each choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from vpc2.knobs import Choice, Flag, Knob, Number, Pair, Span, Whole
from vpc2.ui.session.i18n import _, localize

_FEW = 3
_SLIDER_STEPS = 24  # on a longer slider single values are hard to hit


def show_knob(knob: Knob, value: Any, *, key: str, reach: Sequence[Sequence[int]] | None = None, is_apart: bool = False) -> Any:
    """Draw the widget of a knob and return its new value, normalised by `knob.clean`.

    `reach` holds the integers that currently fit, one sequence per side for a knob with two; `is_apart` draws height and width
    separately.
    """
    label = localize(knob.title) + (f" ({knob.unit})" if knob.unit else "")
    shared: dict[str, Any] = {"key": key, "help": localize(knob.help) or None}
    if isinstance(knob, Flag):
        return st.toggle(label, value=value, **shared)
    if isinstance(knob, Choice):
        options = list(knob.options)
        show = lambda option: localize(knob.options[option])  # noqa: E731
        if len(options) <= _FEW and all(len(show(option)) < 12 for option in options):
            return st.segmented_control(label, options, default=value, format_func=show, required=True, **shared)
        return st.selectbox(label, options, index=options.index(value), format_func=show, **shared)
    if isinstance(knob, Pair):
        return knob.clean(_draw_pair(knob, value, label, key, shared["help"], reach, is_apart))
    if isinstance(knob, Span):
        return knob.clean(list(_draw_span(knob, value, label, shared)))
    if isinstance(knob, Whole):
        if reach is not None:
            return knob.clean(_draw_within(value, label, reach[0], shared))
        return _draw_whole(knob, value, label, min(knob.low, value), max(knob.high, value), shared)
    if isinstance(knob, Number):
        return _draw_number(knob, value, label, min(float(knob.low), value), max(float(knob.high), value), shared)
    raise TypeError(f"no widget for {type(knob).__name__}")


def pick_once(label: str, options: Sequence[str], *, key: str, **more: Any) -> str | None:
    """Draw a select box; return the choice once, and reset the box at the next rerun."""
    count = f"{key}/picked"
    choice = st.selectbox(label, options, index=None, key=f"{key}/{st.session_state.setdefault(count, 0)}", **more)
    if choice is not None:
        st.session_state[count] += 1
    return choice


def _draw_span(knob: Span, value: Sequence[float], label: str, shared: dict[str, Any]) -> tuple[float, float]:
    form = "%d" if knob.whole or knob.step >= 1 else None
    if knob.whole:
        integer_range = (int(value[0]), int(value[1]))
        return st.slider(
            label, min(int(knob.low), integer_range[0]), max(int(knob.high), integer_range[1]), integer_range, 1, format=form, **shared
        )
    ends = (float(value[0]), float(value[1]))
    return st.slider(label, min(float(knob.low), ends[0]), max(float(knob.high), ends[1]), ends, knob.step, format=form, **shared)


def _draw_pair(
    knob: Pair, value: int | str | list[int], label: str, key: str, help_: str | None, reach: Sequence[Sequence[int]] | None, is_apart: bool
) -> int | str | list[int]:
    """Draw one number for both sides, or one per side; for a knob that also takes a word (such as "same"), a switch between both."""
    word = next(iter(knob.words), None)
    if word is not None:
        is_word = st.session_state.get(f"{key}/word", value == word)
        value = word if is_word else 0 if value == word else value
    chosen: int | str | list[int]
    if isinstance(value, str):  # the word; a pair has no other
        st.text_input(label, value, disabled=True, key=f"{key}/said", help=help_)
        chosen = value
    elif is_apart or isinstance(value, list):
        sides = value if isinstance(value, list) else [value, value]
        reaches = (*reach, *reach)[:2] if reach else (range(knob.low, knob.high + 1),) * 2
        names = (_("{knob}, height").format(knob=label), _("{knob}, width").format(knob=label))
        with st.container(horizontal=True, gap="xsmall"):
            chosen = [
                _draw_within(side, name, fits, {"key": f"{key}/{i}", "help": help_})
                for i, (side, name, fits) in enumerate(zip(sides, names, reaches, strict=True))
            ]
    else:
        chosen = _draw_within(value, label, reach[0] if reach else range(knob.low, knob.high + 1), {"key": key, "help": help_})
    if word is not None and st.toggle(localize(knob.words[word]), value=value == word, key=f"{key}/word"):
        return word
    return chosen


def _draw_within(value: int, label: str, fits: Sequence[int], shared: dict[str, Any]) -> int:
    """Draw an integer input limited to the values in `fits`; a current value that does not fit stays until it is changed."""
    fits = fits if value in fits else sorted({*fits, value})
    if len(fits) == 1:
        st.text_input(label, str(value), disabled=True, **{**shared, "key": f"{shared['key']}/only"})
        return value
    if isinstance(fits, range):
        return int(st.number_input(label, fits[0], fits[-1], value, fits.step, **shared))
    return st.selectbox(label, fits, index=fits.index(value), **{**shared, "key": f"{shared['key']}/fits"})


def _draw_whole(knob: Whole, value: int, label: str, low: int, high: int, shared: dict[str, Any]) -> int:
    step = 2 if knob.odd else 1
    if knob.odd and low % 2 == 0:
        low += 1
    if low == high:
        st.text_input(label, str(value), disabled=True, **shared)
        return value
    if high - low > _SLIDER_STEPS * step:
        chosen = st.number_input(label, low, high, value, step, **shared)
        return value if knob.odd and chosen % 2 == 0 else knob.clean(int(chosen))
    return knob.clean(st.slider(label, low, high, value, step, **shared))


def _draw_number(knob: Number, value: float, label: str, low: float, high: float, shared: dict[str, Any]) -> float:
    if low == high:
        st.text_input(label, f"{value:g}", disabled=True, **shared)
        return value
    is_wide = low > 0 and high / low > 1000
    if is_wide or (high - low) / knob.step > 2000:
        return knob.clean(st.number_input(label, low, high, value, knob.step, format="%g" if is_wide else None, **shared))
    return knob.clean(st.slider(label, low, high, value, knob.step, format="%d" if knob.step >= 1 else None, **shared))
