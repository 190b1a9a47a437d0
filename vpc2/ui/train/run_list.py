"""Train page, list of runs: open one; overlay the curves of the ticked ones, export them as CSV, delete them."""

from __future__ import annotations

import csv
import io
import zoneinfo
from datetime import datetime

import streamlit as st

from vpc2.data.datasets import find_dataset
from vpc2.spreadsheet import as_text_cell
from vpc2.training.experiments.comparison import share_of_test
from vpc2.training.runs.events import last_event, read_events, to_csv
from vpc2.training.runs.store import Run, may_change
from vpc2.ui import markdown
from vpc2.ui.components.live_curves import live_curves
from vpc2.ui.session import runs, workspace
from vpc2.ui.session.i18n import _, localize, number
from vpc2.ui.train.run_page import show_run_deletion
from vpc2.ui.widgets import tensorboard_embed
from vpc2.ui.widgets.buttons import button
from vpc2.ui.widgets.run_status import curve_data, curve_words, show_state

FIRST_SHOWN = 12
MAX_OVERLAID = 6  # the number of colours that colour-blind people can tell apart


def show_run_list(chosen: Run | None) -> None:
    """Draw the visitor's runs, newest first, and below them the actions on the ticked ones."""
    visible = runs.visible_runs()
    st.markdown(f"## {_('Your runs')}")
    if not visible:
        st.caption(_("None yet. Choose a recipe and press Train: it takes less than a minute."))
        return
    listed_count = st.session_state.get("runs/shown", FIRST_SHOWN)
    ticked = [run for run in visible[:listed_count] if _draw_row(run, chosen)]
    if len(visible) > listed_count and button(
        _("Show more ({n})").format(n=number(len(visible) - listed_count)), key="runs/more", type="tertiary"
    ):
        st.session_state["runs/shown"] = listed_count + 4 * FIRST_SHOWN
        st.rerun()
    if ticked:
        _draw_ticked(ticked)
    else:
        st.caption(_("Tick runs to take their numbers along or to delete them, two or more to lay their curves over each other."))


def _draw_row(run: Run, chosen: Run | None) -> bool:
    """Draw one run as a row and return whether it is ticked."""
    status, end = runs.store().status(run.id), last_event(run.folder) or {}
    share = share_of_test(end) if end.get("type") == "end" else None
    with st.container(horizontal=True, vertical_alignment="center", key=f"run-{run.id}"):
        is_ticked = st.checkbox(markdown.escape(run.name), key=f"tick/{run.id}", label_visibility="collapsed", width="content")
        is_open = chosen is not None and chosen.id == run.id
        if button(markdown.escape(run.name), key=f"open/{run.id}", type="tertiary", disabled=is_open, width="content"):
            st.query_params["run"] = run.id
            st.rerun()
        show_state(status)
        facts = [localize(find_dataset(run.recipe.dataset).title)]
        if share is not None:
            facts.append(_("test accuracy {share}").format(share=localize(share.text)))
        if end.get("elapsed_s"):
            facts.append(f"{number(end['elapsed_s'], ',.0f')} s")
        facts.append(_local_time(run.created))
        if not may_change(run, workspace.visitor_id()):
            facts.append(_("somebody else's"))
        st.caption(markdown.escape(" · ".join(facts)), width="stretch")
    return is_ticked


def _local_time(seconds: float) -> str:
    """Return a Unix time as date and time in the visitor's time zone and language."""
    try:
        zone = zoneinfo.ZoneInfo(st.context.timezone or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):  # the browser sends the name of the zone, so it may be anything
        zone = zoneinfo.ZoneInfo("UTC")
    return datetime.fromtimestamp(seconds, zone).strftime(_("%b %d, %H:%M"))


def _draw_ticked(ticked: list[Run]) -> None:
    if len(ticked) > MAX_OVERLAID:
        st.caption(_("At most {n} are laid over each other.").format(n=MAX_OVERLAID))
    overlaid = ticked[:MAX_OVERLAID]
    if len(ticked) > 1:
        lines = [curve_data(run, runs.store().status(run.id)) for run in overlaid]
        live_curves(lines, key="overlay", words=curve_words())
    tensorboard_embed.show_tensorboard([run.id for run in overlaid])
    st.download_button(
        _("Curves of the ticked runs as CSV"),
        lambda: curves_to_csv(ticked),
        file_name="runs.csv",
        icon=":material/table:",
        on_click="ignore",
    )
    deletable = [run for run in ticked if may_change(run, workspace.visitor_id()) and runs.store().status(run.id).state != "running"]
    if deletable and show_run_deletion(deletable, key="delete-ticked"):
        if st.query_params.get("run") in [run.id for run in deletable]:
            del st.query_params["run"]
        st.rerun()


def curves_to_csv(chosen: list[Run]) -> str:
    """Return the curves of several runs as one CSV; each row starts with its run's id and name."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for i, run in enumerate(chosen):
        header, *rows = csv.reader(io.StringIO(to_csv(read_events(run.folder)[0])))
        if i == 0:
            writer.writerow(["run", "name", *header])
        writer.writerows([run.id, as_text_cell(run.name), *row] for row in rows)
    return buffer.getvalue()
