"""Augment page, left column: the pipeline editor, a list of step cards with the knobs of the selected step below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from vpc2.augment import spec as pipelines
from vpc2.augment.operations.catalog import FAMILIES, OPS
from vpc2.augment.spec import Pipeline
from vpc2.text import Refusal
from vpc2.ui import markdown
from vpc2.ui.components.card_list import Change, card_list, read_change
from vpc2.ui.session import notices, workspace
from vpc2.ui.session.i18n import _, localize
from vpc2.ui.widgets.buttons import button
from vpc2.ui.widgets.knob_input import show_knob
from vpc2.ui.widgets.step_text import describe_step, short_value

# One hue per family of operations, from a palette that colour-blind people can tell apart (Okabe-Ito).
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7F7F7F")


def _card_words() -> dict[str, str]:
    """Return the captions of the cards in the visitor's language."""
    return {
        "move": _("Move"),
        "remove": _("Remove"),
        "duplicate": _("Duplicate"),
        "mute": _("Mute"),
        "unmute": _("Unmute"),
        "select": _("Select"),
        "muted": _("muted"),
        "empty": _("Nothing here yet: add one below."),
    }


def _toggle(pipeline: Pipeline, step_id: str) -> Pipeline:
    return pipelines.edit_step(pipeline, step_id, lambda step: replace(step, on=not step.on))


_STEP_EDITS: dict[str, Callable[[Pipeline, str], Pipeline]] = {
    "remove": pipelines.edit_remove,
    "toggle": _toggle,
    "duplicate": pipelines.edit_duplicate,
}


def _apply_change(pipeline: Pipeline, change: Change) -> Pipeline:
    """Return the pipeline after one edit of its cards."""
    if change.kind == "order":
        return pipelines.edit_order(pipeline, change.order)
    assert change.id is not None  # whatever is not done to the whole list is done to one of its cards
    return _STEP_EDITS[change.kind](pipeline, change.id)


def name_operation(key: str) -> str:
    """Return an operation's title in all languages, the visitor's first, its family and its key: the text that a search matches."""
    entry, family = OPS[key], FAMILIES[OPS[key].family]
    names = dict.fromkeys((localize(entry.title), *entry.title.in_every_language().values()))
    families = dict.fromkeys((localize(family), *family.in_every_language().values()))
    return " · ".join((*names, *families, key))


def describe_outcome(step_id: str, op: str, is_applied: bool, values: dict[str, Any], reason: Any = None) -> str:
    """Return one line on a step's outcome in one draw: its title and the sampled values, or that it was not applied and why."""
    entry = OPS[op]
    title = localize(entry.title)
    if reason is not None:
        return f"{title}: {localize(reason)}"
    if not is_applied:
        return f"{title}: {_('not applied')}"
    values_text = [
        f"{localize(label)} {short_value(values[name])}{_unit(unit)}".strip() for name, label, unit in entry.shows if name in values
    ]
    return f"{title} {', '.join(values_text)}".strip()


def _unit(unit: str) -> str:
    return unit if unit in ("", "°") else f" {unit}"


def displayed_pipeline(pipeline: Pipeline) -> Pipeline:
    """Return the pipeline that the page shows: the whole one, or the selected step alone where "Only this step" is on."""
    chosen: str = st.session_state.get("pipeline/selected") or next((step.id for step in pipeline.steps), "")
    return pipelines.edit_solo(pipeline, chosen) if st.session_state.get("pipeline/solo") and pipeline.has(chosen) else pipeline


def edit_pipeline(pipeline: Pipeline) -> Pipeline:
    """Draw the steps as cards with the selected step's knobs below, and return the edited pipeline."""
    chosen: str | None = st.session_state.get("pipeline/selected")
    if (chosen is None or not pipeline.has(chosen)) and pipeline.steps:
        chosen = pipeline.steps[0].id
    cards = st.container()  # above the knobs, but drawn after them: a card shows the knobs' new values
    if chosen is not None and pipeline.has(chosen):
        pipeline = _edit_step(pipeline, chosen)
    with cards:
        _draw_cards(pipeline, chosen)
    return pipeline


def _draw_cards(pipeline: Pipeline, chosen: str | None) -> None:
    """Draw the steps as cards; edits reach `_apply_action`, which saves them before the page reruns."""
    families = list(OPS.families())
    items = [
        {
            "id": step.id,
            "name": localize(OPS[step.op].title),
            "meta": describe_step(step),
            "on": step.on,
            "colour": PALETTE[families.index(OPS[step.op].family) % len(PALETTE)],
        }
        for step in pipeline.steps
    ]
    card_list(items, key="pipeline/cards", selected=chosen, words=_card_words(), on_action=_apply_action)


def _apply_action(action: Mapping[str, Any]) -> None:
    """Apply an edit of the cards and save the pipeline; an action that does not fit the current pipeline is ignored."""
    pipeline = workspace.load("pipeline")
    change = read_change(action, [step.id for step in pipeline.steps])
    if change is None:
        return
    if change.kind == "select":
        st.session_state["pipeline/selected"] = change.id
        return
    try:
        workspace.save(_apply_change(pipeline, change))
    except Refusal as refusal:
        notices.add_note(refusal.text, "error")


def _edit_step(pipeline: Pipeline, chosen: str) -> Pipeline:
    """Draw the knobs of the selected step, save the pipeline with their values and return it."""
    step = next(step for step in pipeline.steps if step.id == chosen)
    entry = OPS[step.op]
    with st.container(border=True, key="inspector"):
        st.markdown(f"**{localize(entry.title)}** :gray[{markdown.escape(entry.key)}]")
        st.caption(localize(entry.help))
        with st.container(horizontal=True, gap="small"):
            st.toggle(_("Only this step"), key="pipeline/solo", help=_("Shows what this step does alone; the pipeline stays as it is."))
            if button(
                _("Draw this step again"), icon=":material/casino:", type="tertiary", key=workspace.key("pipeline", step.id, "redraw")
            ):
                workspace.save(pipelines.edit_redraw(pipeline, step.id))
                st.rerun()
        for knob in entry.knobs:
            value = show_knob(knob, step.params[knob.key], key=workspace.key("pipeline", step.id, step.op, knob.key))
            pipeline = pipelines.edit_param(pipeline, step.id, knob.key, value)
    workspace.save(pipeline)
    return pipeline
