"""One run on the Train page: what one can do to it, its curves as they happen, a look inside, and what came of it."""

from __future__ import annotations

import base64
import json
from typing import Any

import streamlit as st

from vpc2.figures.training import confusion_figure
from vpc2.training import showing
from vpc2.training.events import curves, first_event, read_events, to_csv
from vpc2.training.run import STATES, Run, Status, may_change
from vpc2.training.verdicts import verdicts
from vpc2.ui import boards_view, chrome, recipes, runs, serving, state, taking_runs
from vpc2.ui.components.live_curves import live_curves
from vpc2.ui.components.live_look import live_look
from vpc2.ui.language import _, number, say
from vpc2.words import Refusal

COLOURS = {"finished": "green", "running": "blue", "failed": "red", "interrupted": "red", "paused": "orange"}
WATCH_S = 2.0


def draw_state(status: Status) -> None:
    """Draw the state of a run as a badge: the word, and a colour beside it."""
    st.badge(say(STATES[status.state]), color=COLOURS.get(status.state, "gray"))


def draw_run(run: Run) -> None:
    """Draw one run: curves that move by themselves, a look inside, what can be done, and in the end what came of it."""
    status = runs.store().status(run.id)
    _draw_head(run, status)
    draw_waiting(run, status)
    is_at_rest = status.is_over or status.state == "paused"
    # A run that goes on after it rested is asked for anew.
    live_curves([{"id": run.id, "label": run.name}], key=f"curves/{run.id}/{is_at_rest}", words=curve_words())
    draw_watch(run.id)
    if status.is_over:
        _draw_outcome(run, status)
    _draw_inside(run, is_at_rest)


def _draw_head(run: Run, status: Status) -> None:
    is_own = may_change(run, state.visitor())
    with st.container(horizontal=True, vertical_alignment="center", key="run-head"):
        st.markdown(f"### {chrome.literal(run.name)}", width="content")
        draw_state(status)
        st.space("stretch")
        if is_own and status.state in ("queued", "running"):
            if st.button(_("Pause"), icon=":material/pause:", key="pause", help=_("Gives the machine back; it can go on later.")):
                _do(runs.engine().pause, run.id, by=state.visitor())
            if st.button(_("Stop"), icon=":material/stop:", key="stop", help=_("Ends the run and keeps its model and curves.")):
                _do(runs.engine().stop, run.id, by=state.visitor())
        if is_own and status.is_resumable and st.button(_("Resume"), icon=":material/play_arrow:", key="resume", type="primary"):
            _do(runs.engine().resume, run.id, by=state.visitor())
        if is_own and status.state == "paused" and st.button(_("Stop"), icon=":material/stop:", key="stop"):
            _do(runs.engine().stop, run.id, by=state.visitor())
        if run.model_path.is_file():
            label = _("Judge this net") if status.is_over else _("Judge it now")
            st.page_link(chrome.script("judge"), label=label, icon=":material/balance:", query_params={"run": run.id})
        _draw_more(run, status, is_own)
        if st.button(_("Close"), icon=":material/close:", key="close", type="tertiary"):
            del st.query_params["run"]
            st.rerun()
    if run.note:
        st.caption(chrome.literal(run.note))


def _draw_more(run: Run, status: Status, is_own: bool) -> None:
    """Offer what is needed now and then: again, further, its recipe, another name, a note, away with it."""
    with st.popover(_("More"), icon=":material/more_horiz:", key="run-more"):
        if st.button(_("Run it again"), icon=":material/content_copy:", key="clone", width="stretch"):
            _start(runs.store().clone, run.id, state.visitor())
        if run.model_path.is_file() and st.button(
            _("Train it further"),
            icon=":material/fast_forward:",
            key="continue",
            width="stretch",
            help=_("A new run with the recipe on the left, which begins with the weights of this one."),
        ):
            _start(runs.store().continue_from, run.id, state.load("recipe"), state.visitor())
        if st.button(_("Use its recipe"), icon=":material/receipt_long:", key="use-recipe", width="stretch"):
            recipes.take_recipe(run.recipe)
            st.rerun()
        if not is_own:
            return
        with st.form("rename", border=False):
            name = st.text_input(_("Name"), run.name, max_chars=60)
            note = st.text_area(_("Note"), run.note, max_chars=500, height=90)
            if st.form_submit_button(_("Keep"), icon=":material/check:"):
                _do(_rewrite, run, name, note)
        if status.state != "running" and st.button(_("Delete this run"), icon=":material/delete:", key="delete", width="stretch"):
            if chrome.guarded(_delete, run):
                del st.query_params["run"]
                st.rerun()


def _rewrite(run: Run, name: str, note: str) -> None:
    runs.store().rename(run.id, name, by=state.visitor())
    runs.store().annotate(run.id, note, by=state.visitor())


def _delete(run: Run) -> bool:
    runs.store().delete(run.id, by=state.visitor())
    return True


def _do(action: Any, *args: Any, **kwargs: Any) -> None:
    """Do something to a run and draw the page anew; a refusal stays on the screen."""
    try:
        action(*args, **kwargs)
    except Refusal as refusal:
        state.remember_note(refusal.text, "error")
    st.rerun()


def _start(make: Any, *args: Any) -> None:
    """Make a run out of another one, start it and show it."""

    def begin() -> Run:
        run = make(*args)
        runs.engine().start(run)
        return run

    started = chrome.guarded(begin)
    if started is not None:
        st.query_params["run"] = started.id
        st.rerun()


def draw_waiting(run: Run, status: Status) -> None:
    """Say why a run does not move: it waits in line, it starts, it pauses, or its process is hung."""
    if status.state == "queued":
        place, wait_s = runs.engine().place_in_line(run.id), runs.engine().wait_s(run.id)
        said = _("Waiting for the machine: place {n} in line, about {s} s.").format(n=place, s=number(wait_s, ",.0f"))
        st.info(said if place else _("Starting…"), icon=":material/hourglass:")
    elif status.state == "paused":
        st.info(_("Paused: it goes on from here whenever you resume it, also after the server was started again."), icon=":material/pause:")
    if status.is_stalled:
        st.warning(_("The training process gives no sign of life; stopping it keeps what there is."), icon=":material/warning:")


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
        "preparing": _("preparing:"),
        "epoch_of": _("epoch {n} of {of}"),
        "left": _("{s} s left"),
        "pace": _("{n} pictures/s"),
        "smoothing": _("Smoothing"),
        "log": _("Log scale"),
        "summary": _("Loss, accuracy and learning rate, step by step"),
    }


@st.fragment(run_every=WATCH_S)
def draw_watch(run_id: str) -> None:
    """Say what the curves mean while the run goes; draws the whole page once more when its state has changed."""
    try:
        status = runs.store().status(run_id)
        folder = runs.store().path(run_id)
    except Refusal:
        return
    seen = st.session_state.get(f"seen/{run_id}")
    st.session_state[f"seen/{run_id}"] = status.state
    if seen not in (None, status.state):
        st.rerun()
    start = first_event(folder)
    if start is None or start["type"] != "start":
        return
    facts = [
        _("{n} training pictures").format(n=number(start["counts"]["train"])),
        _("{n} parameters").format(n=number(start["params"])),
        str(start["device"]).upper(),
    ]
    if start.get("copies"):
        facts.insert(1, _("{n} of them copies").format(n=number(start["copies"])))
    st.caption(" · ".join(facts))
    if not status.is_over:
        for verdict in verdicts(read_events(folder)[0]):
            st.markdown(f"- {chrome.literal(say(verdict))}")


def _draw_outcome(run: Run, status: Status) -> None:
    events, _next = read_events(runs.store().path(run.id))
    if status.reason is not None:
        st.info(chrome.literal(say(status.reason)), icon=":material/info:")
    for verdict in verdicts(events):
        st.markdown(f"- {chrome.literal(say(verdict))}")
    end = events[-1] if events and events[-1]["type"] == "end" else {}
    if status.state == "failed" and end.get("test_accuracy") is None and not any(event["type"] == "epoch" for event in events):
        return
    if end.get("test_accuracy") is not None:
        grid = st.grid(3, min_column_width=150)
        grid.metric(
            _("Test accuracy"), f"{number(100 * end['test_accuracy'], '.1f')} %", help=_("On pictures that took no part in training.")
        )
        grid.metric(_("Test loss"), number(end["test_loss"], ".3f"))
        grid.metric(_("Time"), f"{number(end['elapsed_s'], '.0f')} s")


def _draw_inside(run: Run, is_at_rest: bool) -> None:
    """Draw the tabs below the curves; only the open one is computed and asks the server."""
    views = {
        _("What the net sees"): lambda: _draw_look(run, "batch", is_at_rest),
        _("Classes"): lambda: _draw_look(run, "classes", is_at_rest),
        _("Mistakes"): lambda: _draw_look(run, "mistakes", is_at_rest),
        _("Layers"): lambda: _draw_look(run, "layers", is_at_rest),
        _("Test"): lambda: _draw_test(run),
        _("Numbers"): lambda: _draw_numbers(run),
        "TensorBoard": lambda: boards_view.draw_board([run.id]),
        _("Take home"): lambda: taking_runs.draw_home(run),
    }
    for tab, draw in zip(st.tabs(list(views), key=f"inside/{run.id}", on_change="rerun"), views.values(), strict=True):
        if tab.open:
            with tab:
                draw()


def _draw_look(run: Run, view: str, is_at_rest: bool) -> None:
    words = {
        "waiting": _("The first look comes with the first epoch."),
        "nothing": _("This run ended before its first epoch."),
        "when": _("After epoch {epoch}, step {step}, on the validation pictures.")
        if view in ("classes", "mistakes")
        else _("After epoch {epoch}, step {step}."),
        "per_class": _("Accuracy of each class"),
        "pictures": _("{n} pictures"),
        "no_mistakes": _("Not a single validation picture is wrong."),
        "said": _("says"),
        "is": _("is"),
        "weights_of": _("Weights of"),
        "count": _("How many"),
        "weights": _("Weights"),
        "mean_std": _("Mean ± deviation"),
        "gradients": _("Gradients"),
        "ratio": _("Gradient / weight"),
        "confusion": _("Rows: the true class. Columns: the answer."),
        "corner": "",
    }
    look, sheets = None, {}
    if not serving.is_serving():
        look, sheets = _read_look(run)
    live_look(run.id, view, key=f"look/{run.id}/{view}/{is_at_rest}", words=words, look=look, sheets=sheets)


def _read_look(run: Run) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """Return the latest look and its pictures as data addresses, for hosts where the app's own routes are not served."""
    path = run.folder / showing.NUMBERS
    if not path.is_file():
        return None, {}
    sheets = {
        name.removesuffix(".jpg"): "data:image/jpeg;base64," + base64.b64encode((run.folder / name).read_bytes()).decode()
        for name in showing.SHEETS
        if (run.folder / name).is_file()
    }
    return json.loads(path.read_bytes()), sheets


def _draw_test(run: Run) -> None:
    events, _next = read_events(run.folder)
    end = events[-1] if events and events[-1]["type"] == "end" else {}
    if not end.get("confusion"):
        st.caption(_("The test comes at the very end of a run: on pictures that it has never seen, once."))
        return
    figure, finding = confusion_figure(end["confusion"], events[0]["classes"], true=_("true class"), predicted=_("predicted class"))
    said = (
        _("The most frequent mistake: {true} taken for {predicted} ({n} ×).").format(**finding)
        if finding
        else _("No mistake on the test pictures.")
    )
    st.markdown(f"**{chrome.literal(said)}**")
    st.plotly_chart(figure, key=f"confusion/{run.id}", alt=said, config={"displayModeBar": False})


def _draw_numbers(run: Run) -> None:
    events, _next = read_events(run.folder)
    table = curves(events)["epochs"]
    names = {
        "epoch": _("Epoch"),
        "train_loss": _("Training loss"),
        "train_accuracy": _("Training accuracy"),
        "val_loss": _("Validation loss"),
        "val_accuracy": _("Validation accuracy"),
        "images_per_s": _("Pictures/s"),
        "elapsed_s": _("Seconds"),
    }
    st.dataframe({title: table[name] for name, title in names.items()}, hide_index=True, height=320)
    st.download_button(_("Curves as CSV"), to_csv(events), file_name="curves.csv", icon=":material/table:", on_click="ignore")
