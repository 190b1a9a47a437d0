"""Status of a run: state, queue position, facts, verdicts on its curves, a smaller learning rate as repair, and its test results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import streamlit as st

from vpc2.text import Refusal
from vpc2.training.experiments.comparison import share_of_test
from vpc2.training.runs.events import read_events
from vpc2.training.runs.status import STATES, Status
from vpc2.training.runs.store import Run, may_change
from vpc2.training.runs.verdicts import has_lost_its_weights, verdicts
from vpc2.ui import markdown
from vpc2.ui.components.live_curves import live_curves
from vpc2.ui.session import recipes, runs, workspace
from vpc2.ui.session.i18n import _, localize, number, percent

WATCH_S = 2.5  # the curves poll by themselves: this polls only for changes of state and new verdicts
SMALLER = 10.0  # factor of the smaller learning rate


def curve_words() -> dict[str, str]:
    """Return the texts of the live curves in the visitor's language."""
    return {
        "loss": _("loss"),
        "accuracy": _("accuracy"),
        "learning_rate": _("learning rate, as it is"),
        "step": _("step"),
        "train": _("training"),
        "validation": _("validation"),
        "smoothed": _("smoothed"),
        "best": _("best epoch"),
        "waiting": _("waiting for the first step…"),
        "nothing": _("ended before the first step"),
        "summary": _("Loss, accuracy and learning rate, step by step"),
        "smoothing": _("Smoothing"),
        "log": _("Log scale of the loss"),
        "progress": _("Progress"),
        "preparing": _("preparing the pictures: {n} %"),
        "epoch": _("epoch {n}"),
        "epochOf": _("epoch {n} of {total}"),
        "time": _("{s} s of training, budget {budget} s"),
        "left": _("about {s} s left"),
        "speed": _("{n} pictures a second"),
        "bestSoFar": _("best so far: epoch {n}, {a} in validation"),
        "bestLast": _("best so far: epoch {n}"),
    }


def curve_data(run: Run, status: Status) -> dict[str, Any]:
    """Return a run as `live_curves` takes it, with all its events where the app's routes are not served."""

    from vpc2.ui.server import routes

    record = None if routes.is_serving() else routes.read_run(run.id, limit=None)
    return {"id": run.id, "label": run.name, "state": status.state, "record": record}


def show_progress(run: Run, status: Status) -> None:
    """Draw the progress of a run without its curves; the page reruns when it is over."""
    live_curves([curve_data(run, status)], key=f"progress/{run.id}", words=curve_words(), has_charts=False)
    show_live_verdicts(run, status, has_verdicts=False)


def read_verdict_events(run: Run) -> list[dict[str, Any]]:
    """Return the events that verdicts are based on: start, epochs, the step with the highest learning rate, and the end if it is over.

    They are cached in the session, so that each call reads only the events written since the last one.
    """
    cached = st.session_state.get("verdict_events", {})
    if cached.get("run") != run.id:
        cached = {"run": run.id, "next": 0, "events": [], "peak": None, "end": []}
    events, cached["next"] = read_events(run.folder, cached["next"])
    for event in events:
        if event["type"] in ("start", "epoch"):
            cached["events"].append(event)
        elif event["type"] == "step" and (cached["peak"] is None or event["learning_rate"] > cached["peak"]["learning_rate"]):
            cached["peak"] = event
        cached["end"] = [event] if event["type"] == "end" else []
    st.session_state["verdict_events"] = cached
    return [*cached["events"], *([cached["peak"]] if cached["peak"] else []), *cached["end"]]


def show_live_verdicts(run: Run, status: Status, has_verdicts: bool = True) -> None:
    """Draw facts and verdicts of a run and refresh them while it runs; reruns the page on a new state or the first model."""
    every = None if status.is_over else WATCH_S
    st.fragment(_draw_verdicts_now, run_every=every)(run, (status.state, run.model_path.is_file()), has_verdicts)


def _draw_verdicts_now(run: Run, drawn_state: tuple[str, bool], has_verdicts: bool) -> None:
    try:
        status = runs.store().status(run.id)
    except Refusal:
        return
    if (status.state, run.model_path.is_file()) != drawn_state:  # with the first saved model the page offers to judge it
        st.rerun()
    events = read_verdict_events(run)
    if not events or events[0]["type"] != "start":
        return
    st.caption(" · ".join(_facts(events[0])))
    if has_verdicts and not status.is_over:
        show_verdicts(events)


def _facts(start: dict[str, Any]) -> list[str]:
    counts = start["counts"]
    facts = [
        _("{n} training pictures").format(n=number(counts["train"])),
        _("{n} for validation, {test} for the test").format(n=number(counts["validation"]), test=number(counts["test"])),
        _("{n} parameters").format(n=number(start["params"])),
        str(start["device"]).upper(),
    ]
    if start.get("copies"):
        facts.insert(1, _("{n} of them copies").format(n=number(start["copies"])))
    return facts


def show_verdicts(events: list[dict[str, Any]]) -> None:
    """Draw the verdicts on a run's events, one per line."""
    for verdict in verdicts(events):
        st.markdown(f"- {markdown.escape(localize(verdict))}")


def show_outcome(run: Run, status: Status) -> None:
    """Draw why a run ended, the verdicts, the repair if its weights diverged, and the test results."""
    events = read_verdict_events(run)
    if status.reason is not None:
        (st.error if status.state == "failed" else st.info)(markdown.escape(localize(status.reason)), icon=":material/info:")
    if has_lost_its_weights(events):
        _draw_repair(run)
    show_verdicts(events)
    end = events[-1] if events and events[-1]["type"] == "end" else {}
    if end.get("test_accuracy") is not None:
        grid, share = st.grid(3, min_column_width=150), share_of_test(end)
        grid.metric(
            _("Test accuracy"),
            percent(end["test_accuracy"]),
            None if share is None else localize(share.bounds),
            "off",
            delta_arrow="off",
            help=_("On pictures that took no part in training, with the 95 % interval."),
        )
        grid.metric(_("Test loss"), number(end["test_loss"], ".3f"))
        grid.metric(_("Training time"), f"{number(end['elapsed_s'], '.0f')} s")


def _draw_repair(run: Run) -> None:
    """Draw the button that loads the recipe with a smaller learning rate; the visitor starts the run with Train."""
    rate = run.recipe.settings["learning_rate"] / SMALLER
    st.button(
        _("Use a learning rate of {rate}").format(rate=number(rate, ".2g")),
        icon=":material/build:",
        key=f"smaller/{run.id}",
        on_click=recipes.load_recipe,
        args=(replace(run.recipe, settings={**run.recipe.settings, "learning_rate": rate}),),
        type="primary" if may_change(run, workspace.visitor_id()) else "secondary",
    )


Colour = Literal["green", "blue", "red", "orange", "gray"]
STATE_COLOURS: dict[str, Colour] = {"finished": "green", "running": "blue", "failed": "red", "interrupted": "red", "paused": "orange"}


def show_state(status: Status) -> None:
    """Draw the state of a run as a coloured badge."""
    st.badge(localize(STATES[status.state]), color=STATE_COLOURS.get(status.state, "gray"))


def show_waiting(run: Run, status: Status) -> None:
    """Draw why a run makes no progress: queued, starting, paused, or its process does not respond."""
    if status.state == "queued":
        place, wait_s = runs.queue().place_in_queue(run.id), runs.queue().wait_s(run.id)
        message = _("Waiting for the machine: place {n} in line, about {s} s.").format(n=place, s=number(wait_s, ",.0f"))
        st.info(message if place else _("Starting…"), icon=":material/hourglass:")
    elif status.state == "paused":
        st.info(_("Paused: it goes on from here whenever you resume it, also after the server was started again."), icon=":material/pause:")
    if status.is_stalled:
        st.warning(_("The training process gives no sign of life; stopping it keeps what there is."), icon=":material/warning:")
