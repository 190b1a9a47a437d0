"""The learning-rate finder on the Train page: a short run of its own, its curve, and the rate it suggests."""

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
from vpc2.ui.session.i18n import _, number, say
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button

_SLOT = "train/finder"
STEPS = 100


def draw_finder(recipe: Recipe) -> None:
    """Offer to look for a learning rate; show the search as it goes, and what it found with a button to take it."""
    is_own = st.session_state.get(_SLOT, {}).get("recipe") == _asked(recipe)
    if button(
        _("Find a learning rate"),
        icon=":material/query_stats:",
        key="find-rate",
        help=_("Trains for a hundred steps with a growing rate, watches where the loss falls fastest, and throws the weights away."),
    ):
        started = page_frame.guarded(runs.start_run, recipe, task="rate")
        if started is not None:
            st.session_state[_SLOT] = {"run": started.id, "recipe": _asked(recipe)}
            is_own = True
    if is_own:
        _draw_search(st.session_state[_SLOT]["run"])


def _asked(recipe: Recipe) -> str:
    """Return what the answer belongs to: the recipe without the rate itself, and without what a hundred steps do not see."""
    blind = dict.fromkeys(("learning_rate", "budget_s", "epochs", "patience", "schedule"), None)
    return codec.digest(replace(recipe, name="", settings={**recipe.settings, **blind}))


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
        st.caption(markdown.literal(say(status.reason)))
    found = events[-1].get("suggestion") if events and events[-1]["type"] == "end" else None
    if rates:
        figure = lr_finder_figure(rates, found, rate=_("learning rate"), loss=_("loss"), mean=_("running mean"))
        st.plotly_chart(figure, key="rate-figure", alt=_("The loss against the learning rate, which grows from step to step"))
    if found is not None and button(_("Use {rate}").format(rate=number(found, ".2g")), icon=":material/check:", key="use-rate"):
        recipe = workspace.load("recipe")
        workspace.save(replace(recipe, settings={**recipe.settings, "learning_rate": found}), from_outside=True)
        st.rerun()
