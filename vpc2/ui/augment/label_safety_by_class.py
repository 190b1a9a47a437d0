"""Which classes lose their label? What a pipeline does to each class of a test set, and a first run at one click."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from vpc2.augment.label_survival import RULE, SURE, ClassSurvival
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import Pipeline
from vpc2.data.datasets import find_dataset
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.text import Refusal, Text
from vpc2.training.presets import RECIPES
from vpc2.training.runs.status import STATES
from vpc2.ui import markdown
from vpc2.ui.computed import classifiers, label_survival
from vpc2.ui.session import notices, runs, workspace
from vpc2.ui.session.i18n import _, number, percent, say
from vpc2.ui.widgets import page_frame, run_status
from vpc2.ui.widgets.buttons import button

MOST_ROWS = 12  # of one verdict: a set may have a thousand classes
PICTURE_PX = 76

_ENDED = Text("The training ended without a classifier: {state}.")


def pick_up() -> None:
    """Choose the classifier that was trained from here, once its run is over. Call it before the classifier is chosen."""
    run_id = st.session_state.get("safety/run")
    try:
        status = runs.store().status(run_id) if run_id else None
    except Refusal:  # deleted meanwhile
        status = None
        del st.session_state["safety/run"]
    if status is None or not status.is_over:
        return
    del st.session_state["safety/run"]
    if runs.store().get(run_id).model_path.is_file():
        classifiers.choose(ClassifierRef("run", run_id))
    else:
        notices.remember_note(status.reason or _ENDED.fill(state=STATES[status.state]), "error")


def draw_classes(pipeline: Pipeline, ref: ClassifierRef) -> None:
    """Draw which classes of the chosen test set lose their label under the pipeline and which keep it, side by side."""
    if not classifiers.has_set(ref):
        st.info(
            _("Class by class needs pictures whose class is known: a net trained here brings its test set, for this one there is none."),
            icon=":material/info:",
        )
        _draw_first_run()
        return
    _draw_half_turn()
    with st.spinner(_("Asking about every test picture…")):
        found = label_survival.classes_of(pipeline, ref)
    by_class: dict[int, ClassSurvival] = found["classes"]
    names = found["names"]
    titles = {"unsafe": _("Changes the label"), "harmless": _("Harmless"), "open": _("Not enough evidence")}
    ordered = sorted(by_class, key=lambda label: _telling(by_class[label], label))
    sides = {verdict: [label for label in ordered if by_class[label].verdict == verdict] for verdict in titles}
    sides["harmless"].reverse()
    sides["open"].reverse()  # what keeps most stands first, beside what loses most
    said = " ".join(
        f"{title}: {', '.join(names[label] for label in sides[verdict][:MOST_ROWS])}."
        for verdict, title in titles.items()
        if sides[verdict]
    )
    st.markdown(f"**{markdown.literal(said)}**")
    left, right = st.columns(2, gap="medium")
    with left:
        _draw_side(titles["unsafe"], "unsafe", sides["unsafe"], found)
    with right:
        _draw_side(titles["harmless"], "harmless", sides["harmless"], found)
        if sides["open"]:
            _draw_side(titles["open"], "open", sides["open"], found)
    labels = list(by_class)[: 3 * MOST_ROWS]
    figure = label_survival.survival_bars([names[label] for label in labels], [by_class[label] for label in labels])
    st.plotly_chart(figure, key="safety/by-class", alt=said, config={"displayModeBar": False})
    st.caption(
        _("One draw of each of {n} test pictures of “{data}” that the net answers rightly as they are, and with {sure} or more.").format(
            n=number(sum(one.n for one in by_class.values())),
            data=markdown.literal(say(find_dataset(classifiers.set_of(ref)).title)),
            sure=percent(SURE, 0),
        )
        + " "
        + say(RULE)
    )


def _telling(one: ClassSurvival, label: int) -> tuple[float, float]:
    """Return what orders classes: first those that lose most, among equals those that turn into one other class."""
    lost = one.instead(label)
    return one.share, -lost[1] / one.n if lost else 0.0


def _draw_side(title: str, verdict: str, labels: list[int], found: dict[str, Any]) -> None:
    mark = {"unsafe": ":orange[:material/close:]", "harmless": ":green[:material/check:]", "open": ":gray[:material/help:]"}[verdict]
    st.markdown(f"### {mark} {title}")
    st.space("xxsmall")
    if not labels:
        st.caption(_("No class."))
    grid = st.grid(1, min_column_width=320, gap="small")
    for label in labels[:MOST_ROWS]:
        with grid.cell(), st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-class-{label}"):
            _draw_class(label, found["classes"][label], found["names"], *found["examples"][label])
    if len(labels) > MOST_ROWS:
        st.caption(_("and {n} more").format(n=number(len(labels) - MOST_ROWS)))


def _draw_class(label: int, one: ClassSurvival, names: tuple[str, ...], pictures: list[bytes], answers: list[tuple[int, float]]) -> None:
    """Draw a class as a row: a picture and its draw, each with its answer, and in words what happens to the class."""
    for kind, picture, (answer, certainty) in zip((_("picture"), _("draw")), pictures, answers, strict=True):
        with st.container(width=PICTURE_PX, gap="xxsmall"):
            st.image(picture, alt=f"{names[label]}, {kind}: {names[answer]}", width=PICTURE_PX)
            st.caption(f"{markdown.literal(names[answer])} {percent(certainty)}", text_alignment="center")
    lost = one.instead(label)
    if one.verdict == "harmless" or lost is None:
        said = _("“{name}” stays “{name}”").format(name=names[label])
    else:
        count = _("{k} of {n}").format(k=number(lost[1]), n=number(one.n)).replace(" ", "\u00a0")
        said = _("“{name}” is answered “{other}” ({count})").format(name=names[label], other=names[lost[0]], count=count)
    with st.container(width="stretch", gap="xxsmall"):
        st.markdown(f"**{markdown.literal(said)}**")
        st.caption(
            _("{k} of {n} keep the answer ({low} to {high})").format(
                k=number(one.kept), n=number(one.n), low=percent(one.low, 0), high=percent(one.high, 0)
            )
        )


def _draw_half_turn() -> None:
    """Offer the lecture's bad example where the pipeline is another one."""
    pipeline, turn = workspace.load("pipeline"), PIPELINES["half_turn"].pipeline
    if pipeline.steps != turn.steps and button(_("Try “rotate by 180°”"), icon=":material/flip_camera_android:", key="safety/turn"):
        workspace.save(replace(turn, seed=pipeline.seed), from_outside=True)
        st.rerun()


def _draw_first_run() -> None:
    """Offer the nearest classifier with labelled pictures: one trained on the digits, or ten seconds to train it."""
    run_id = st.session_state.get("safety/run")
    if run_id:
        _draw_going(run_id)
        return
    trained = next((run for run in runs.visible_runs() if run.recipe.dataset == "digits" and run.model_path.is_file()), None)
    with st.container(horizontal=True):
        if trained is not None:
            if button(_("Use the net trained on digits"), type="primary", icon=":material/pin:", key="safety/use"):
                classifiers.choose(ClassifierRef("run", trained.id))
                st.rerun()
        elif button(_("Train on digits (about 10 s)"), type="primary", icon=":material/model_training:", key="safety/train"):
            started = page_frame.guarded(runs.start_run, RECIPES["digits"].recipe)
            if started is not None:
                st.session_state["safety/run"] = started.id
                st.rerun()


def _draw_going(run_id: str) -> None:
    """Say where the run stands; `run_watch.draw_progress` draws the page anew when it is over, and `pick_up` takes it."""
    run, status = runs.store().get(run_id), runs.store().status(run_id)
    st.markdown(f"**{_('Training on the digits…')}**")
    run_status.draw_waiting(run, status)
    run_status.draw_progress(run, status)
    if button(_("Stop"), icon=":material/stop:", key="safety/stop", help=_("Ends the run and keeps its model and curves.")):
        runs.queue().stop(run_id, by=workspace.visitor())
        st.rerun()
