"""The Train page's right side: a run as it happens, what came of it, and the list of all runs."""

from __future__ import annotations

import threading

import streamlit as st

from vpc2 import host
from vpc2.figures.training import confusion_figure
from vpc2.training.engine import Engine, make_engine
from vpc2.training.events import first_event, last_event, read_events, to_csv
from vpc2.training.run import STATES, Run, RunStore, Status
from vpc2.training.spec import Recipe
from vpc2.training.verdicts import verdicts
from vpc2.ui import chrome, serving, state
from vpc2.ui.components.live_curves import live_curves
from vpc2.ui.language import _, number, say
from vpc2.words import Refusal

_ENGINE: dict[str, Engine] = {}
_LOCK = threading.Lock()


def store() -> RunStore:
    return RunStore()


def engine() -> Engine:
    """Return this server's one engine, made and warmed when first asked for."""
    with _LOCK:
        where = str(host.home())
        if where not in _ENGINE:
            _ENGINE[where] = make_engine(RunStore())
            _ENGINE[where].reconcile()
        _ENGINE[where].warm()
        return _ENGINE[where]


def shutdown() -> None:
    """End the idle spare workers; a run that is going on goes on."""
    with _LOCK:
        for one in _ENGINE.values():
            one.shutdown()
        _ENGINE.clear()


def start_run(recipe: Recipe, task: str = "train") -> Run:
    """Queue a run of this recipe under the visitor's name."""
    run = store().create(recipe, owner=state.visitor(), task=task)
    engine().start(run)
    return run


def chosen_run() -> Run | None:
    """Return the run that the address names (`?run=`), so that a reload finds it again."""
    wanted = st.query_params.get("run")
    if not wanted:
        return None
    try:
        return store().get(wanted)
    except Refusal as refusal:
        del st.query_params["run"]
        st.warning(chrome.literal(say(refusal.text)), icon=":material/warning:")
        return None


def curve_words() -> dict[str, str]:
    """Return the words of the live curves in the visitor's language."""
    return {
        "loss": _("loss"),
        "accuracy": _("accuracy"),
        "step": _("step"),
        "train": _("training"),
        "validation": _("validation"),
        "smoothed": _("smoothed"),
        "best": _("best epoch"),
        "waiting": _("waiting for the first step…"),
        "nothing": _("ended before the first step"),
        "summary": _("Loss and accuracy of training and validation, step by step"),
    }


def draw_run(run: Run) -> None:
    """Draw one run: curves that move by themselves, progress, stop, and in the end what came of it."""
    status = store().status(run.id)
    with st.container(horizontal=True, vertical_alignment="center", key="run-head"):
        st.markdown(f"### {chrome.literal(run.name)}", width="content")
        st.badge(say(STATES[status.state]), color={"finished": "green", "running": "blue", "failed": "red"}.get(status.state, "gray"))
        st.space("stretch")
        if not status.is_over and run.owner == state.visitor():
            if st.button(_("Stop"), icon=":material/stop:", key="stop", help=_("Ends the run and keeps its model and curves.")):
                engine().stop(run.id, by=state.visitor())
                st.rerun()
        if status.is_over and st.button(_("Close"), icon=":material/close:", key="close", type="tertiary"):
            del st.query_params["run"]
            st.rerun()
    draw_waiting(run, status)
    live_curves([{"id": run.id, "label": run.name}], key=f"curves/{run.id}", words=curve_words())
    draw_progress(run.id)
    if status.is_over:
        _draw_outcome(run, status)


def draw_waiting(run: Run, status: Status) -> None:
    """Say why a run does not move: it waits in line, it starts, or its process is hung."""
    if status.state == "queued":
        place = engine().place_in_line(run.id)
        said = _("Waiting for the machine: place {n} in line.").format(n=place) if place else _("Starting…")
        st.info(said, icon=":material/hourglass:")
    if status.is_stalled:
        st.warning(_("The training process gives no sign of life; stopping it keeps what there is."), icon=":material/warning:")


@st.fragment(run_every=1.0)
def draw_progress(run_id: str) -> None:
    """Draw the facts that change while a run goes; ends by drawing the whole page once more when the run is over."""
    try:
        status = store().status(run_id)
    except Refusal:
        return
    seen = st.session_state.get(f"seen/{run_id}")
    st.session_state[f"seen/{run_id}"] = status.state
    if seen not in (None, status.state):
        st.rerun()
    start, last = first_event(store().path(run_id)), last_event(store().path(run_id))
    if start is None or start["type"] != "start" or last is None:
        return
    facts = [
        _("{n} training pictures").format(n=number(start["counts"]["train"] if isinstance(start["counts"], dict) else start["counts"][0])),
        _("{n} parameters").format(n=number(start["params"])),
        str(start["device"]).upper(),
        _("{s} of at most {budget} s").format(s=number(last["t"], ",.0f"), budget=number(start["budget_s"], ",.0f")),
    ]
    if not status.is_over:
        st.progress(min(1.0, last["t"] / max(start["budget_s"], 1e-9)))
    st.caption(" · ".join(facts))


def _draw_outcome(run: Run, status) -> None:
    folder = store().path(run.id)
    events, _next = read_events(folder)
    if status.reason is not None:
        st.info(chrome.literal(say(status.reason)), icon=":material/info:")
    for verdict in verdicts(events):
        st.markdown(f"- {chrome.literal(say(verdict))}")
    end = events[-1] if events and events[-1]["type"] == "end" else {}
    if end.get("test_accuracy") is not None:
        grid = st.grid(3, min_column_width=150)
        grid.metric(
            _("Test accuracy"), f"{number(100 * end['test_accuracy'], '.1f')} %", help=_("On pictures that took no part in training.")
        )
        grid.metric(_("Test loss"), number(end["test_loss"], ".3f"))
        grid.metric(_("Time"), f"{number(end['elapsed_s'], '.0f')} s")
    with st.container(horizontal=True, vertical_alignment="center"):
        if (folder / "model.safetensors").is_file():
            st.page_link(chrome.script("judge"), label=_("Judge this net"), icon=":material/balance:", query_params={"run": run.id})
            st.download_button(
                _("Save the classifier"),
                (folder / "model.safetensors").read_bytes,
                file_name="classifier.safetensors",
                icon=":material/download:",
                on_click="ignore",
                type="tertiary",
            )
        st.download_button(
            _("Curves as CSV"), to_csv(events), file_name="curves.csv", icon=":material/table:", on_click="ignore", type="tertiary"
        )
        if serving.is_serving():
            st.link_button(_("Open in TensorBoard"), f"tensorboard/{run.id}/", icon=":material/monitoring:", type="tertiary")
    if end.get("confusion"):
        classes = events[0]["classes"]
        figure, finding = confusion_figure(end["confusion"], classes, true=_("true class"), predicted=_("predicted class"))
        said = (
            _("The most frequent mistake: {true} taken for {predicted} ({n} ×).").format(**finding)
            if finding
            else _("No mistake on the test pictures.")
        )
        st.markdown(f"**{chrome.literal(said)}**")
        st.plotly_chart(figure, key=f"confusion/{run.id}", alt=said, config={"displayModeBar": False})


def visible_runs() -> list[Run]:
    """Return the runs this visitor may see: their own, and everyone's finished ones where the host shares them."""
    return store().seen_by(state.visitor())


def draw_list(chosen: Run | None) -> None:
    """Draw the visitor's runs, newest first, with what one can do to each."""
    runs = visible_runs()
    st.markdown(f"## {_('Your runs')}")
    if not runs:
        st.caption(_("None yet. Choose a recipe and press Train: it takes less than a minute."))
        return
    for run in runs[:20]:
        status, end = store().status(run.id), last_event(run.folder) or {}
        accuracy = end.get("test_accuracy")
        with st.container(horizontal=True, vertical_alignment="center", key=f"run-{run.id}"):
            if st.button(
                chrome.literal(run.name),
                key=f"open/{run.id}",
                type="tertiary",
                disabled=chosen is not None and chosen.id == run.id,
                width=260,
            ):
                st.query_params["run"] = run.id
                st.rerun()
            st.badge(say(STATES[status.state]), color={"finished": "green", "running": "blue", "failed": "red"}.get(status.state, "gray"))
            st.caption(_("test accuracy {a} %").format(a=number(100 * accuracy, ".1f")) if accuracy is not None else "—", width="stretch")
            if run.owner == state.visitor() and status.state != "running":
                if st.button(_("Delete"), key=f"delete/{run.id}", icon=":material/delete:", type="tertiary"):
                    chrome.guarded(store().delete, run.id, by=state.visitor())
                    if chosen is not None and chosen.id == run.id:
                        del st.query_params["run"]
                    st.rerun()
