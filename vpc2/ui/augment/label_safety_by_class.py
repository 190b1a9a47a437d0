"""Augment page, tab Safe?, by class: label survival of each class of a test set; and a button that trains a first classifier."""

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
from vpc2.ui.session.i18n import _, localize, number, percent
from vpc2.ui.widgets import page_frame, run_status
from vpc2.ui.widgets.buttons import button

MAX_ROWS = 12  # classes shown for each verdict: a data set may have a thousand
PICTURE_PX = 76

_ENDED = Text("The training ended without a classifier: {state}.")


def choose_trained_classifier() -> None:
    """Select the classifier that was trained from this tab, once its run is over. Call it before the classifier picker is drawn."""
    run_id: str = st.session_state.get("safety/run") or ""
    try:
        status = runs.store().status(run_id) if run_id else None
    except Refusal:  # deleted meanwhile
        status = None
        del st.session_state["safety/run"]
    if run_id is None or status is None or not status.is_over:
        return
    del st.session_state["safety/run"]
    if runs.store().get(run_id).model_path.is_file():
        classifiers.select_classifier(ClassifierRef("run", run_id))
    else:
        notices.add_note(status.reason or _ENDED.fill(state=STATES[status.state]), "error")


def show_survival_by_class(pipeline: Pipeline, ref: ClassifierRef) -> None:
    """Draw the classes of the chosen test set by verdict: those that lose their label under the pipeline beside those that keep it."""
    if not classifiers.has_dataset(ref):
        st.info(
            _("Class by class needs pictures whose class is known: a net trained here brings its test set, for this one there is none."),
            icon=":material/info:",
        )
        _draw_first_run()
        return
    _draw_half_turn()
    with st.spinner(_("Asking about every test picture…")):
        result = label_survival.survival_by_class_of(pipeline, ref)
    by_class: dict[int, ClassSurvival] = result["classes"]
    names = result["names"]
    titles = {"unsafe": _("Changes the label"), "harmless": _("Harmless"), "open": _("Not enough evidence")}
    ordered = sorted(by_class, key=lambda label: _sort_key(by_class[label], label))
    sides = {verdict: [label for label in ordered if by_class[label].verdict == verdict] for verdict in titles}
    sides["harmless"].reverse()
    sides["open"].reverse()  # highest survival first, beside the column of lowest survival
    summary = " ".join(
        f"{title}: {', '.join(names[label] for label in sides[verdict][:MAX_ROWS])}." for verdict, title in titles.items() if sides[verdict]
    )
    st.markdown(f"**{markdown.escape(summary)}**")
    left, right = st.columns(2, gap="medium")
    with left:
        _draw_verdict_column(titles["unsafe"], "unsafe", sides["unsafe"], result)
    with right:
        _draw_verdict_column(titles["harmless"], "harmless", sides["harmless"], result)
        if sides["open"]:
            _draw_verdict_column(titles["open"], "open", sides["open"], result)
    labels = list(by_class)[: 3 * MAX_ROWS]
    figure = label_survival.survival_bars([names[label] for label in labels], [by_class[label] for label in labels])
    st.plotly_chart(figure, key="safety/by-class", alt=summary, config={"displayModeBar": False})
    st.caption(
        _("One draw of each of {n} test pictures of “{data}” that the net answers rightly as they are, and with {sure} or more.").format(
            n=number(sum(survival.n for survival in by_class.values())),
            data=markdown.escape(localize(find_dataset(classifiers.dataset_of(ref)).title)),
            sure=percent(SURE, 0),
        )
        + " "
        + localize(RULE)
    )


def _sort_key(survival: ClassSurvival, label: int) -> tuple[float, float]:
    """Return the sort key of a class: lowest survival first; among equals, the larger share that turns into one other class."""
    lost = survival.instead(label)
    return survival.share, -lost[1] / survival.n if lost else 0.0


def _draw_verdict_column(title: str, verdict: str, labels: list[int], result: dict[str, Any]) -> None:
    mark = {"unsafe": ":orange[:material/close:]", "harmless": ":green[:material/check:]", "open": ":gray[:material/help:]"}[verdict]
    st.markdown(f"### {mark} {title}")
    st.space("xxsmall")
    if not labels:
        st.caption(_("No class."))
    grid = st.grid(1, min_column_width=320, gap="small")
    for label in labels[:MAX_ROWS]:
        with grid.cell(), st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-class-{label}"):
            _draw_class(label, result["classes"][label], result["names"], *result["examples"][label])
    if len(labels) > MAX_ROWS:
        st.caption(_("and {n} more").format(n=number(len(labels) - MAX_ROWS)))


def _draw_class(
    label: int, survival: ClassSurvival, names: tuple[str, ...], pictures: list[bytes], answers: list[tuple[int, float]]
) -> None:
    """Draw a class as a row: an example image and its draw, each with its prediction, and a sentence on what happens to the class."""
    for kind, picture, (answer, certainty) in zip((_("picture"), _("draw")), pictures, answers, strict=True):
        with st.container(width=PICTURE_PX, gap="xxsmall"):
            st.image(picture, alt=f"{names[label]}, {kind}: {names[answer]}", width=PICTURE_PX)
            st.caption(f"{markdown.escape(names[answer])} {percent(certainty)}", text_alignment="center")
    lost = survival.instead(label)
    if survival.verdict == "harmless" or lost is None:
        sentence = _("“{name}” stays “{name}”").format(name=names[label])
    else:
        count = _("{k} of {n}").format(k=number(lost[1]), n=number(survival.n)).replace(" ", "\u00a0")
        sentence = _("“{name}” is answered “{other}” ({count})").format(name=names[label], other=names[lost[0]], count=count)
    with st.container(width="stretch", gap="xxsmall"):
        st.markdown(f"**{markdown.escape(sentence)}**")
        st.caption(
            _("{k} of {n} keep the answer ({low} to {high})").format(
                k=number(survival.survived), n=number(survival.n), low=percent(survival.low, 0), high=percent(survival.high, 0)
            )
        )


def _draw_half_turn() -> None:
    """Offer the lecture's bad example (rotation by 180°), unless the pipeline already is that one."""
    pipeline, turn = workspace.load("pipeline"), PIPELINES["half_turn"].pipeline
    if pipeline.steps != turn.steps and button(_("Try “rotate by 180°”"), icon=":material/flip_camera_android:", key="safety/turn"):
        workspace.save(replace(turn, seed=pipeline.seed), from_outside=True)
        st.rerun()


def _draw_first_run() -> None:
    """Offer a classifier with a labelled test set: one already trained on the digits, or a run of about ten seconds that trains it."""
    run_id: str = st.session_state.get("safety/run") or ""
    if run_id:
        _draw_progress(run_id)
        return
    trained = next((run for run in runs.visible_runs() if run.recipe.dataset == "digits" and run.model_path.is_file()), None)
    with st.container(horizontal=True):
        if trained is not None:
            if button(_("Use the net trained on digits"), type="primary", icon=":material/pin:", key="safety/use"):
                classifiers.select_classifier(ClassifierRef("run", trained.id))
                st.rerun()
        elif button(_("Train on digits (about 10 s)"), type="primary", icon=":material/model_training:", key="safety/train"):
            started = page_frame.show_or_refuse(runs.start_run, RECIPES["digits"].recipe)
            if started is not None:
                st.session_state["safety/run"] = started.id
                st.rerun()


def _draw_progress(run_id: str) -> None:
    """Draw the run's progress. `run_status.show_progress` reruns the page when it is over, and `choose_trained_classifier` selects it."""
    run, status = runs.store().get(run_id), runs.store().status(run_id)
    st.markdown(f"**{_('Training on the digits…')}**")
    run_status.show_waiting(run, status)
    run_status.show_progress(run, status)
    if button(_("Stop"), icon=":material/stop:", key="safety/stop", help=_("Ends the run and keeps its classifier and curves.")):
        runs.queue().stop(run_id, by=workspace.visitor_id())
        st.rerun()
