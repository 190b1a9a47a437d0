"""Train page, one run: its actions, live curves, snapshots (batch, confusion matrix, mistakes, layers), test results and exports."""

from __future__ import annotations

from typing import Any

import streamlit as st

from vpc2.data.datasets import find_dataset
from vpc2.figures.confusion import confusion_figure
from vpc2.text import Refusal
from vpc2.training.experiments.comparison import share_of_test
from vpc2.training.runs import snapshot_files
from vpc2.training.runs.events import curves, read_events, to_csv
from vpc2.training.runs.status import Status
from vpc2.training.runs.store import Run, may_change
from vpc2.training.spec import Recipe
from vpc2.ui import markdown
from vpc2.ui.components.live_curves import live_curves
from vpc2.ui.components.live_snapshot import live_snapshot
from vpc2.ui.server import routes
from vpc2.ui.session import notices, recipes, runs, workspace
from vpc2.ui.session.i18n import _, localize, number
from vpc2.ui.train import export_run
from vpc2.ui.widgets import page_frame, tensorboard_embed
from vpc2.ui.widgets.buttons import button, submit_button
from vpc2.ui.widgets.run_status import curve_data, curve_words, show_live_verdicts, show_outcome, show_state, show_waiting

NUMBERS_S = 3.0


def show_run(run: Run) -> None:
    """Draw one run: header with actions, live curves, verdicts, results once it is over, and the tabs with snapshots and exports."""
    status = runs.store().status(run.id)
    _draw_head(run, status)
    show_waiting(run, status)
    live_curves([curve_data(run, status)], key=f"curves/{run.id}", words=curve_words())
    show_live_verdicts(run, status)
    if status.is_over:
        show_outcome(run, status)
    _draw_tabs(run, status)


def _draw_head(run: Run, status: Status) -> None:
    is_own = may_change(run, workspace.visitor_id())
    with st.container(horizontal=True, vertical_alignment="center", key="run-head"):
        st.markdown(f"### {markdown.escape(run.name)}", width="content")
        show_state(status)
        st.space("stretch")
        if is_own and status.state in ("queued", "running"):
            if button(_("Pause"), icon=":material/pause:", key=f"pause/{run.id}", help=_("Gives the machine back; it can go on later.")):
                _call_and_rerun(runs.queue().pause, run.id, by=workspace.visitor_id())
            if button(_("Stop"), icon=":material/stop:", key=f"stop/{run.id}", help=_("Ends the run and keeps its classifier and curves.")):
                _call_and_rerun(runs.queue().stop, run.id, by=workspace.visitor_id())
        if is_own and status.is_resumable and button(_("Resume"), icon=":material/play_arrow:", key=f"resume/{run.id}", type="primary"):
            _call_and_rerun(runs.queue().resume, run.id, by=workspace.visitor_id())
        if is_own and status.state == "paused" and button(_("Stop"), icon=":material/stop:", key=f"stop/{run.id}"):
            _call_and_rerun(runs.queue().stop, run.id, by=workspace.visitor_id())
        if run.model_path.is_file():
            label = _("Judge this net") if status.is_over else _("Judge it now")
            st.page_link(page_frame.script_path("judge"), label=label, icon=":material/balance:", query_params={"run": run.id})
        _draw_more(run, status, is_own)
        if button(_("Close"), icon=":material/close:", key="close", type="tertiary"):
            del st.query_params["run"]
            st.rerun()
    st.caption(markdown.escape(_recipe_line(run.recipe)))
    if run.note:
        st.caption(markdown.escape(run.note))


def _recipe_line(recipe: Recipe) -> str:
    """Return in one line what a run is made of: data set, side of the pictures, net, augmentation."""
    side = number(recipe.settings["size_px"])
    augmentation = _("with augmentation") if recipe.augmentation is not None else _("without augmentation")
    facts = [localize(find_dataset(recipe.dataset).title), f"{side} × {side} px", recipes.net_title(recipe.net), augmentation]
    return " · ".join(facts)


def _draw_more(run: Run, status: Status, is_own: bool) -> None:
    """Draw the popover of less frequent actions: run again, train further, use the recipe, rename, annotate, delete."""
    with st.popover(_("More"), icon=":material/more_horiz:", key="run-more"):
        if button(_("Run it again"), icon=":material/content_copy:", key="clone", width="stretch"):
            _start_and_open(runs.clone_run, run.id)
        if run.model_path.is_file() and button(
            _("Train it further"),
            icon=":material/fast_forward:",
            key="continue",
            width="stretch",
            help=_("A new run with the recipe on the left, which begins with the weights of this one."),
        ):
            _start_and_open(runs.train_further, run.id)
        if button(_("Use its recipe"), icon=":material/receipt_long:", key="use-recipe", width="stretch"):
            recipes.load_recipe(run.recipe)
            st.rerun()
        if not is_own:
            return
        with st.form("rename", border=False):
            name = st.text_input(_("Name"), run.name, max_chars=60)
            note = st.text_area(_("Note"), run.note, max_chars=500, height=90)
            if submit_button(_("Keep"), icon=":material/check:", key="rename/keep"):
                _call_and_rerun(_rename_and_annotate, run, name, note)
        if status.state != "running" and show_run_deletion([run], key="delete"):
            del st.query_params["run"]
            st.rerun()


def _rename_and_annotate(run: Run, name: str, note: str) -> None:
    runs.store().rename(run.id, name, by=workspace.visitor_id())
    runs.store().annotate(run.id, note, by=workspace.visitor_id())


def show_run_deletion(deletable: list[Run], key: str) -> bool:
    """Draw a confirmation checkbox and the delete button; return True once the runs are deleted."""
    title = _("Delete {n} runs").format(n=len(deletable)) if len(deletable) > 1 else _("Delete this run")
    if not st.checkbox(title, key=f"{key}/mean-it"):
        return False
    if not button(
        _("Delete for good"), icon=":material/delete:", key=key, help=_("Curves, classifier and looks; nothing brings them back.")
    ):
        return False
    for run in deletable:
        page_frame.show_or_refuse(runs.store().delete, run.id, by=workspace.visitor_id())
    return True


def _call_and_rerun(action: Any, *args: Any, **kwargs: Any) -> None:
    """Call an action on a run and rerun the page; a refusal is shown as a notice."""
    try:
        action(*args, **kwargs)
    except Refusal as refusal:
        notices.add_note(refusal.text, "error")
    st.rerun()


def _start_and_open(make: Any, *args: Any) -> None:
    """Create a run from another one (`make`), queue it and open it."""

    def create_and_queue() -> Run:
        run = make(*args)
        runs.queue().start(run)
        return run

    started = page_frame.show_or_refuse(create_and_queue)
    if started is not None:
        st.query_params["run"] = started.id
        st.rerun()


@st.fragment
def _draw_tabs(run: Run, status: Status) -> None:
    """Draw the tabs below the curves; only the open tab is computed and sends requests to the server."""
    views = {
        _("What the net sees"): lambda: _draw_snapshot(run, "batch", status.state),
        _("Classes"): lambda: _draw_snapshot(run, "classes", status.state),
        _("Mistakes"): lambda: _draw_snapshot(run, "mistakes", status.state),
        _("Layers"): lambda: _draw_snapshot(run, "layers", status.state),
        _("Test"): lambda: _draw_test(run),
        _("Numbers"): lambda: st.fragment(_draw_numbers, run_every=None if status.is_over else NUMBERS_S)(run),
        "TensorBoard": lambda: tensorboard_embed.show_tensorboard([run.id]),
        _("Take home"): lambda: export_run.show_export(run),
    }
    for tab, draw in zip(st.tabs(list(views), key=f"inside/{run.id}", on_change="rerun"), views.values(), strict=True):
        if tab.open:
            with tab:
                draw()


def _snapshot_words() -> dict[str, str]:
    return {
        "waiting": _("The first look comes with the first epoch."),
        "nothing": _("This run ended before its first epoch."),
        "batch": _("Epoch {epoch}, step {step}: the last batch, as the net saw it."),
        "classes": _("Epoch {epoch}: {right} of {n} validation pictures right, {a} ({low} to {high})."),
        "mistakes": _("Epoch {epoch}: the wrong answers that the net is surest of."),
        "layers": _("Epoch {epoch}, step {step}: the weights of each layer, and the gradients of the last step."),
        "noValidation": _("There are no validation pictures."),
        "noMistakes": _("Epoch {epoch}: all {n} validation pictures right."),
        "matrix": _("Rows: the true class. Columns: the answer."),
        "arrows": _("The arrow keys go from cell to cell."),
        "perClass": _("Accuracy of each class, with its 95 % interval"),
        "share": _("{a} ({low} to {high}), {right} of {n}"),
        "worst": _("Most frequent mistakes"),
        "pair": _("{true} taken for {predicted}: {n} ×"),
        "picture": _("picture {n}"),
        "isTrue": _("is {true}"),
        "taken": _("says {predicted}, {p} sure"),
        "layersTitle": _("Weights and gradients of each layer"),
        "layer": _("Layer"),
        "weights": _("Weights"),
        "gradients": _("Gradients"),
        "ratio": _("Gradient / weight"),
        "count": _("{n} values"),
        "spread": _("histogram from {low} to {high}"),
        "between": _("{low} … {high}"),
        "moments": _("mean {mean}, deviation {std}"),
        "broken": _("{n} are no finite numbers"),
        "frozen": _("frozen"),
    }


def _draw_snapshot(run: Run, view: str, state: str) -> None:
    snapshot = None
    if not routes.is_serving() and (numbers := snapshot_files.read_snapshot(run.folder)) is not None:
        paths = {name: snapshot_files.sheet_path(run.folder, name, numbers["step"]) for name in snapshot_files.SHEETS}
        snapshot = numbers, {name: path.read_bytes() for name, path in paths.items() if path.is_file()}
    live_snapshot(run.id, view, key=f"look/{run.id}/{view}", state=state, words=_snapshot_words(), snapshot_data=snapshot)


def _draw_test(run: Run) -> None:
    events, _next = read_events(run.folder)
    end = events[-1] if events and events[-1]["type"] == "end" else {}
    if not end.get("confusion"):
        st.caption(_("The test comes at the very end of a run: on pictures that it has never seen, once."))
        return
    figure, finding = confusion_figure(end["confusion"], events[0]["classes"], true=_("true class"), predicted=_("predicted class"))
    sentence = (
        _("The most frequent mistake: {true} taken for {predicted} ({n} ×).").format(**finding)
        if finding
        else _("No mistake on the test pictures.")
    )
    st.markdown(f"**{markdown.escape(sentence)}**")
    if (share := share_of_test(end)) is not None:
        st.caption(markdown.escape(_("Test accuracy: {share}.").format(share=localize(share.text))))
    st.plotly_chart(figure, key=f"confusion/{run.id}", alt=sentence, config={"displayModeBar": False})


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
