"""What the numbers of a run say, while it goes and at its end: facts, sentences with their repairs, the test."""

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
from vpc2.ui.session.i18n import _, number, percent, say

WATCH_S = 2.5  # the curves move by themselves: here only a change of state and new sentences are awaited
SMALLER = 10.0


def curve_words() -> dict[str, str]:
    """Return the words of the live curves in the visitor's language."""
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


def curve_of(run: Run, status: Status) -> dict[str, Any]:
    """Return what the live curves need of a run: with all its numbers where the app's own routes are not served."""

    from vpc2.ui.server import routes

    given = None if routes.is_serving() else routes.answer(run.id, limit=None)
    return {"id": run.id, "label": run.name, "state": status.state, "given": given}


def draw_progress(run: Run, status: Status) -> None:
    """Draw how far a run is, without its curves; the page is drawn anew when it is over."""
    live_curves([curve_of(run, status)], key=f"progress/{run.id}", words=curve_words(), has_charts=False)
    watch(run, status, has_sentences=False)


def heard(run: Run) -> list[dict[str, Any]]:
    """Return the events of a run that sentences rest on: start, epochs, the step with the highest rate, and the end if it is over.

    The session keeps what it has heard of the run, so that looking again costs only what is new.
    """
    kept = st.session_state.get("heard", {})
    if kept.get("run") != run.id:
        kept = {"run": run.id, "next": 0, "told": [], "peak": None, "end": []}
    events, kept["next"] = read_events(run.folder, kept["next"])
    for event in events:
        if event["type"] in ("start", "epoch"):
            kept["told"].append(event)
        elif event["type"] == "step" and (kept["peak"] is None or event["learning_rate"] > kept["peak"]["learning_rate"]):
            kept["peak"] = event
        kept["end"] = [event] if event["type"] == "end" else []
    st.session_state["heard"] = kept
    return [*kept["told"], *([kept["peak"]] if kept["peak"] else []), *kept["end"]]


def watch(run: Run, status: Status, has_sentences: bool = True) -> None:
    """Say what the curves mean while the run goes; draws the whole page once more when it stands otherwise than was drawn."""
    every = None if status.is_over else WATCH_S
    st.fragment(_draw_watch, run_every=every)(run, (status.state, run.model_path.is_file()), has_sentences)


def _draw_watch(run: Run, drawn: tuple[str, bool], has_sentences: bool) -> None:
    try:
        status = runs.store().status(run.id)
    except Refusal:
        return
    if (status.state, run.model_path.is_file()) != drawn:  # with the first model there is something to judge
        st.rerun()
    events = heard(run)
    if not events or events[0]["type"] != "start":
        return
    st.caption(" · ".join(_facts(events[0])))
    if has_sentences and not status.is_over:
        draw_sentences(events)


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


def draw_sentences(events: list[dict[str, Any]]) -> None:
    """Draw what the numbers of a run support, a sentence a line."""
    for verdict in verdicts(events):
        st.markdown(f"- {markdown.literal(say(verdict))}")


def draw_outcome(run: Run, status: Status) -> None:
    """Draw why a run is over, what its curves say, with the repair where there is one, and the test."""
    events = heard(run)
    if status.reason is not None:
        (st.error if status.state == "failed" else st.info)(markdown.literal(say(status.reason)), icon=":material/info:")
    if has_lost_its_weights(events):
        _draw_repair(run)
    draw_sentences(events)
    end = events[-1] if events and events[-1]["type"] == "end" else {}
    if end.get("test_accuracy") is not None:
        grid, share = st.grid(3, min_column_width=150), share_of_test(end)
        grid.metric(
            _("Test accuracy"),
            percent(end["test_accuracy"]),
            None if share is None else say(share.bounds),
            "off",
            delta_arrow="off",
            help=_("On pictures that took no part in training, with the 95 % interval."),
        )
        grid.metric(_("Test loss"), number(end["test_loss"], ".3f"))
        grid.metric(_("Training time"), f"{number(end['elapsed_s'], '.0f')} s")


def _draw_repair(run: Run) -> None:
    """Offer the recipe with a smaller learning rate; the visitor still presses Train."""
    rate = run.recipe.settings["learning_rate"] / SMALLER
    st.button(
        _("Use a learning rate of {rate}").format(rate=number(rate, ".2g")),
        icon=":material/build:",
        key=f"smaller/{run.id}",
        on_click=recipes.take_recipe,
        args=(replace(run.recipe, settings={**run.recipe.settings, "learning_rate": rate}),),
        type="primary" if may_change(run, workspace.visitor()) else "secondary",
    )


Colour = Literal["green", "blue", "red", "orange", "gray"]
COLOURS: dict[str, Colour] = {"finished": "green", "running": "blue", "failed": "red", "interrupted": "red", "paused": "orange"}


def draw_state(status: Status) -> None:
    """Draw the state of a run as a badge: the word, and a colour beside it."""
    st.badge(say(STATES[status.state]), color=COLOURS.get(status.state, "gray"))


def draw_waiting(run: Run, status: Status) -> None:
    """Say why a run does not move: it waits in line, it starts, it pauses, or its process is hung."""
    if status.state == "queued":
        place, wait_s = runs.queue().place_in_queue(run.id), runs.queue().wait_s(run.id)
        said = _("Waiting for the machine: place {n} in line, about {s} s.").format(n=place, s=number(wait_s, ",.0f"))
        st.info(said if place else _("Starting…"), icon=":material/hourglass:")
    elif status.state == "paused":
        st.info(_("Paused: it goes on from here whenever you resume it, also after the server was started again."), icon=":material/pause:")
    if status.is_stalled:
        st.warning(_("The training process gives no sign of life; stopping it keeps what there is."), icon=":material/warning:")
