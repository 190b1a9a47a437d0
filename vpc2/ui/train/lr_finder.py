"""Train page, learning-rate finder: a short run with a growing rate, its loss curve and the suggested rate."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from vpc2 import codec
from vpc2.figures.lr_finder import lr_finder_figure
from vpc2.text import Refusal
from vpc2.training.runs.events import read_events
from vpc2.training.spec import Recipe
from vpc2.ui import markdown
from vpc2.ui.session import runs, workspace
from vpc2.ui.session.i18n import _, localize, number
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button

_SLOT = "train/finder"
STEPS = 100


def show_lr_finder(recipe: Recipe) -> None:
    """Draw the button that starts the finder, its progress, and the suggested learning rate with a button that puts it into the recipe."""
    is_own = st.session_state.get(_SLOT, {}).get("recipe") == _search_key(recipe)
    if button(
        _("Find a learning rate"),
        icon=":material/query_stats:",
        key="find-rate",
        help=_("Trains for a hundred steps with a growing rate, watches where the loss falls fastest, and throws the weights away."),
    ):
        started = page_frame.show_or_refuse(runs.start_run, recipe, task="rate")
        if started is not None:
            st.session_state[_SLOT] = {"run": started.id, "recipe": _search_key(recipe)}
            is_own = True
    if is_own:
        _draw_search(st.session_state[_SLOT]["run"])


def _search_key(recipe: Recipe) -> str:
    """Return the digest of what a search depends on: the recipe without its learning rate and without settings that act after step 100."""
    irrelevant = dict.fromkeys(("learning_rate", "budget_s", "epochs", "patience", "schedule"), None)
    return codec.digest(replace(recipe, name="", settings={**recipe.settings, **irrelevant}))


@st.fragment(run_every=1.0)
def _draw_search(run_id: str) -> None:
    try:
        status = runs.store().status(run_id)
    except Refusal:
        return
    events, _next = read_events(runs.store().path(run_id))
    rates = [event for event in events if event["type"] == "rate"]
    if not status.is_over:
        st.progress(len(rates) / STEPS, text=_("Looking for a learning rate: step {n} of {of}").format(n=len(rates), of=STEPS))
        return
    if status.reason is not None:
        st.caption(markdown.escape(localize(status.reason)))
    suggestion = events[-1].get("suggestion") if events and events[-1]["type"] == "end" else None
    if rates:
        figure = lr_finder_figure(rates, suggestion, rate=_("learning rate"), loss=_("loss"), mean=_("running mean"))
        st.plotly_chart(figure, key="rate-figure", alt=_("The loss against the learning rate, which grows from step to step"))
    if suggestion is not None and button(_("Use {rate}").format(rate=number(suggestion, ".2g")), icon=":material/check:", key="use-rate"):
        recipe = workspace.load("recipe")
        workspace.save(replace(recipe, settings={**recipe.settings, "learning_rate": suggestion}), from_outside=True)
        st.rerun()
