"""All runs: open one, lay several over each other, rename and delete."""

from __future__ import annotations

import streamlit as st

from vpc2.data.datasets import find_dataset
from vpc2.training.events import last_event
from vpc2.training.run import Run, may_change
from vpc2.ui import boards_view, chrome, runs, state
from vpc2.ui.components.live_curves import live_curves
from vpc2.ui.language import _, number, say
from vpc2.ui.run_view import curve_words, draw_state

AT_ONCE = 12
MOST_OVERLAID = 6  # as many as there are colours that everybody can tell apart


def draw_list(chosen: Run | None) -> None:
    """Draw the visitor's runs, newest first, with what one can do to each; ticked ones are laid over each other."""
    seen = runs.visible_runs()
    st.markdown(f"## {_('Your runs')}")
    if not seen:
        st.caption(_("None yet. Choose a recipe and press Train: it takes less than a minute."))
        return
    shown = st.session_state.get("runs/shown", AT_ONCE)
    ticked = [run for run in seen[:shown] if _draw_line(run, chosen)]
    if len(seen) > shown and st.button(_("Show more ({n})").format(n=number(len(seen) - shown)), key="runs/more", type="tertiary"):
        st.session_state["runs/shown"] = shown + 4 * AT_ONCE
        st.rerun()
    if len(ticked) > 1:
        _draw_overlay(ticked)
    elif len(seen) > 1:
        st.caption(_("Tick two or more to lay their curves over each other."))


def _draw_line(run: Run, chosen: Run | None) -> bool:
    status, end = runs.store().status(run.id), last_event(run.folder) or {}
    accuracy = end.get("test_accuracy") if end.get("type") == "end" else None
    with st.container(horizontal=True, vertical_alignment="center", key=f"run-{run.id}"):
        is_ticked = st.checkbox(run.name, key=f"tick/{run.id}", label_visibility="collapsed")
        is_open = chosen is not None and chosen.id == run.id
        if st.button(chrome.literal(run.name), key=f"open/{run.id}", type="tertiary", disabled=is_open, width=230):
            st.query_params["run"] = run.id
            st.rerun()
        draw_state(status)
        facts = [say(find_dataset(run.recipe.dataset).title)]
        if accuracy is not None:
            facts.append(_("test accuracy {a} %").format(a=number(100 * accuracy, ".1f")))
        if end.get("elapsed_s"):
            facts.append(f"{number(end['elapsed_s'], ',.0f')} s")
        if not may_change(run, state.visitor()):
            facts.append(_("somebody else's"))
        st.caption(chrome.literal(" · ".join(facts)), width="stretch")
        if may_change(run, state.visitor()) and status.state != "running":
            if st.button(_("Delete"), key=f"delete/{run.id}", icon=":material/delete:", type="tertiary"):
                chrome.guarded(runs.store().delete, run.id, by=state.visitor())
                if is_open:
                    del st.query_params["run"]
                st.rerun()
    return is_ticked


def _draw_overlay(ticked: list[Run]) -> None:
    overlaid = ticked[:MOST_OVERLAID]
    if len(ticked) > MOST_OVERLAID:
        st.caption(_("At most {n} are laid over each other.").format(n=MOST_OVERLAID))
    live_curves([{"id": run.id, "label": run.name} for run in overlaid], key="overlay", words=curve_words())
    boards_view.draw_board([run.id for run in overlaid])
