"""Augment page, tab Safe?: does a draw still get the label of its photograph? By draw, by strength and by class."""

from __future__ import annotations

from typing import Any

import streamlit as st

from vpc2.augment.label_survival import RULE, Survival
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.spec import Pipeline, edit_solo
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.ui import markdown
from vpc2.ui.augment.label_safety_by_class import choose_trained_classifier, show_survival_by_class
from vpc2.ui.augment.label_safety_by_strength import show_survival_by_strength
from vpc2.ui.computed import augmented, classifiers, label_survival
from vpc2.ui.computed.label_survival import Photo
from vpc2.ui.session.i18n import _, localize, percent
from vpc2.ui.widgets import classifier_picker, page_frame

DRAWS = 96  # of the whole pipeline; with fewer than `label_survival.MIN_DRAWS` no verdict "harmless" is possible
STEP_DRAWS = 24  # of each step alone, which gets no verdict
TILES = 12


def show_label_safety(pipeline: Pipeline, photos: list[Photo]) -> None:
    """Draw the choice of classifier and view, and the chosen view: label survival of each draw, by strength or by class."""
    choose_trained_classifier()
    left, right = st.columns([1.4, 1], gap="medium")
    with left:
        ref = classifier_picker.choose_classifier(key="safety/classifier")
    views = {"draws": _("Each draw"), "strength": _("By strength"), "classes": _("By class")}
    has_set = classifiers.has_dataset(ref)
    view = right.segmented_control(
        _("How to ask"),
        list(views),
        default="classes" if has_set else "draws",
        required=True,
        format_func=views.__getitem__,
        key=f"safety/view/{has_set}",
        persist_state="session",
        help=localize(RULE),
    )
    if not classifiers.is_available(ref):
        return
    if view == "draws":
        page_frame.show_or_refuse(_draw_photos, pipeline, photos, ref)
    elif view == "strength":
        page_frame.show_or_refuse(show_survival_by_strength, pipeline, photos, ref)
    else:
        page_frame.show_or_refuse(show_survival_by_class, pipeline, ref)


def _draw_photos(pipeline: Pipeline, photos: list[Photo], ref: ClassifierRef) -> None:
    """Draw every photograph's verdict and predictions first, then the survival under each step alone, which is the slowest part."""
    if not ref.is_pretrained:
        st.caption(_("This net answers one of its own classes to any photograph, whatever is on it."))
    places = {photo["digest"]: _draw_photo(pipeline, photo, ref) for photo in photos}
    for photo in photos:
        if (place := places[photo["digest"]]) is not None:
            with place:
                _draw_steps(pipeline, photo, ref)


def _draw_photo(pipeline: Pipeline, photo: Photo, ref: ClassifierRef) -> Any:
    """Draw a photograph's verdict and the predictions of its draws; return the empty container between them, for the chart of the steps.

    Return None where the classifier is not confident about the photograph itself: the page says so and there is no verdict.
    """
    st.markdown(f"### {markdown.escape(photo['name'])}")
    with st.spinner(_("Asking about {n} draws…").format(n=DRAWS)):
        classes, (label, _certainty) = classifiers.classifier_of(ref).classes, label_survival.predict_unaugmented(ref, photo)
        unsure = label_survival.uncertainty_note(ref, photo)
        whole = label_survival.survival_of(pipeline, ref, photo, DRAWS if unsure is None else TILES)
        pictures = augmented.augmented_draws(pipeline, photo, TILES, label_survival.SIDE_PX)["pictures"]
    if unsure is None:
        answer = _("Without augmentation: {answer}.").format(answer=markdown.escape(classes[label]))
        st.markdown(f"{label_survival.verdict_text(whole)} {label_survival.survival_text(whole)}. {answer}")
        place = st.empty()
    else:
        st.info(unsure, icon=":material/help:")
        place = None
    grid = st.grid("auto", min_column_width=120, gap="small")
    for i, (picture, label, certainty) in enumerate(zip(pictures, whole.answers, whole.certainty, strict=False)):
        with grid.cell(), st.container(key=f"tile-safe-{photo['digest']}-{i}", gap="xxsmall"):
            st.image(picture, alt=classes[label], width="stretch")
            verdict = f":green[:material/check: {_('kept')}]" if label == label else f":orange[:material/close: {_('lost')}]"
            st.caption(f"{markdown.escape(classes[label])} {percent(certainty)}" + (f"  \n{verdict}" if unsure is None else ""))
    return place


def _draw_steps(pipeline: Pipeline, photo: Photo, ref: ClassifierRef) -> None:
    """Draw a bar chart of the survival under the whole pipeline and under each step alone; the lowest step breaks the label."""
    steps = [step for step in pipeline.steps if step.on]
    by_step: list[Survival] = []
    for i, step in enumerate(steps):
        st.progress(i / len(steps), text=_("Asking about each step alone…"))
        by_step.append(label_survival.survival_of(edit_solo(pipeline, step.id), ref, photo, STEP_DRAWS))
    whole: Survival = label_survival.survival_of(pipeline, ref, photo, DRAWS)
    names = [_("the whole pipeline"), *(_("only “{step}”").format(step=localize(OPS[step.op].title)) for step in steps)]
    survivals = [whole, *by_step]
    worst = min(range(len(steps)), key=lambda i: by_step[i].share, default=None)
    with st.container():
        summary = label_survival.survival_text(whole)
        if len(steps) > 1 and worst is not None and by_step[worst].survived < by_step[worst].n:
            summary = _("Of the steps alone, “{step}” loses most: {share} keep the answer.").format(
                step=localize(OPS[steps[worst].op].title), share=percent(by_step[worst].share, 0)
            )
            st.markdown(summary)
        figure = label_survival.survival_bars(names, survivals)
        st.plotly_chart(figure, key=f"safety/{photo['digest']}", alt=summary, config={"displayModeBar": False})
