"""From a knob to a widget: one function, so that every table gets its controls for nothing."""

from __future__ import annotations

from typing import Any

import streamlit as st

from vpc2.knobs import Choice, Flag, Knob, Number, Pair, Span, Whole
from vpc2.ui.language import say
from vpc2.words import Refusal

_FEW = 3
_SLIDER_STEPS = 24  # a longer slider is hard to put on one number


def draw_knob(knob: Knob, value: Any, *, key: str) -> Any:
    """Draw the widget of a knob and return its new value, canonical as `knob.clean` gives it."""
    label = say(knob.title) + (f" ({knob.unit})" if knob.unit else "")
    shared = {"key": key, "help": say(knob.help) or None}
    if isinstance(knob, Flag):
        return st.toggle(label, value=value, **shared)
    if isinstance(knob, Choice):
        options = list(knob.options)
        show = lambda option: say(knob.options[option])  # noqa: E731
        if len(options) <= _FEW and all(len(show(option)) < 12 for option in options):
            return st.segmented_control(label, options, default=value, format_func=show, required=True, **shared)
        return st.selectbox(label, options, index=options.index(value), format_func=show, **shared)
    low, high = knob.low, knob.high
    if isinstance(knob, Span):
        kind, form = int if knob.whole else float, "%d" if knob.whole or knob.step >= 1 else None
        low, high = min(kind(low), kind(value[0])), max(kind(high), kind(value[1]))
        chosen = st.slider(label, low, high, (kind(value[0]), kind(value[1])), 1 if knob.whole else knob.step, format=form, **shared)
        return knob.clean(list(chosen))
    if isinstance(knob, Pair):
        return _draw_pair(knob, value, label, shared)
    if isinstance(knob, Whole):
        return _draw_whole(knob, value, label, min(int(low), value), max(int(high), value), shared)
    if isinstance(knob, Number):
        return _draw_number(knob, value, label, min(float(low), value), max(float(high), value), shared)
    raise TypeError(f"no widget for {type(knob).__name__}")


def _draw_pair(knob: Pair, value: int | str | list[int], label: str, shared: dict[str, Any]) -> int | str | list[int]:
    """Draw the two sides of a picture's knob as text: `3`, `3 x 5`, or one of its words; what cannot be read stays as it was."""
    written = " x ".join(map(str, value)) if isinstance(value, list) else str(value)
    parts = [part.strip() for part in st.text_input(label, written, **shared).lower().replace("×", "x").split("x")]
    given = parts[0] if parts[0] in knob.words else [int(part) for part in parts if part.isdigit()]
    try:
        return knob.clean(given[0] if isinstance(given, list) and len(given) == 1 else given)
    except Refusal:
        return value


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
