"""The Augment page's question: does the label survive? Draw by draw, by strength, and class by class."""

from __future__ import annotations

from typing import Any

import streamlit as st

from vpc2.augment.ops import OPS
from vpc2.augment.safety import Survival
from vpc2.augment.spec import Pipeline, edit_solo
from vpc2.figures.augment import survival_figure
from vpc2.predict.readymade import PRETRAINED
from vpc2.ui import asking, cache, chrome, judging
from vpc2.ui.asking import Photo, percent
from vpc2.ui.language import _, say
from vpc2.ui.safety_classes import draw_classes, pick_up
from vpc2.ui.safety_strength import draw_strength

DRAWS = 24
TILES = 12


def draw_safety(pipeline: Pipeline, photos: list[Photo]) -> None:
    """Draw what a classifier answers to draws: whether the label survives, what breaks it, how strong that may be, and for which class."""
    pick_up()
    left, right = st.columns([1.4, 1], gap="medium")
    with left:
        name = judging.choose_classifier(key="safety/classifier")
    views = {"draws": _("Each draw"), "strength": _("By strength"), "classes": _("By class")}
    is_run = judging.recipe_of(name) is not None
    view = right.segmented_control(
        _("How to ask"),
        list(views),
        default="classes" if is_run else "draws",
        required=True,
        format_func=views.get,
        key=f"safety/view/{is_run}",
        persist_state="session",
    )
    if not judging.is_here(name):
        return
    if view == "draws":
        chrome.guarded(_draw_photos, pipeline, photos, name)
    elif view == "strength":
        chrome.guarded(draw_strength, pipeline, photos, name)
    else:
        chrome.guarded(draw_classes, pipeline, name)


def _draw_photos(pipeline: Pipeline, photos: list[Photo], name: str) -> None:
    """Draw every photograph's verdict and answers first; the steps one by one, which cost most, fill their places after that."""
    if name not in PRETRAINED:
        st.caption(_("This net answers one of its own classes to any photograph, whatever is on it."))
    places = {photo["digest"]: _draw_photo(pipeline, photo, name) for photo in photos}
    for photo in photos:
        with places[photo["digest"]]:
            _draw_steps(pipeline, photo, name)


def _draw_photo(pipeline: Pipeline, photo: Photo, name: str) -> Any:
    """Draw a photograph's verdict and the answers to its draws; return the place between them, for the steps."""
    st.markdown(f"### {chrome.literal(photo['name'])}")
    with st.spinner(_("Asking about {n} draws…").format(n=DRAWS)):
        classes, (plain, _certainty) = judging.classifier_of(name).classes, asking.plain_answer(name, photo)
        whole = asking.survived(pipeline, name, photo, DRAWS)
        pictures = cache.drawn(pipeline, photo, TILES, asking.SIDE_PX)["pictures"]
    answer = _("Without augmentation: {answer}.").format(answer=chrome.literal(classes[plain]))
    st.markdown(f"{asking.verdict_of(whole)} {asking.count_of(whole)}. {answer}")
    place = st.empty()
    grid = st.grid("auto", min_column_width=120, gap="small")
    for i, (picture, answer, certainty) in enumerate(zip(pictures, whole.answers, whole.certainty, strict=False)):
        with grid.cell(), st.container(key=f"tile-safe-{photo['digest']}-{i}", gap="xxsmall"):
            st.image(picture, alt=classes[answer], width="stretch")
            sign = f":green[:material/check: {_('kept')}]" if answer == plain else f":orange[:material/close: {_('lost')}]"
            st.caption(f"{chrome.literal(classes[answer])} {percent(certainty)}  \n{sign}")
    return place


def _draw_steps(pipeline: Pipeline, photo: Photo, name: str) -> None:
    """Draw the survival under the whole pipeline and under each step alone: the lowest is the step that breaks the label."""
    steps, found = [step for step in pipeline.steps if step.on], []
    for i, step in enumerate(steps):
        st.progress(i / len(steps), text=_("Asking about each step alone…"))
        found.append(asking.survived(edit_solo(pipeline, step.id), name, photo, DRAWS))
    whole: Survival = asking.survived(pipeline, name, photo, DRAWS)
    names = [_("the whole pipeline"), *(_("only “{step}”").format(step=say(OPS[step.op].title)) for step in steps)]
    shown = [whole, *found]
    worst = min(range(len(steps)), key=lambda i: found[i].share, default=None)
    with st.container():
        said = asking.count_of(whole)
        if len(steps) > 1 and found[worst].kept < DRAWS:
            said = _("Of the steps alone, “{step}” loses most: {share} keep the answer.").format(
                step=say(OPS[steps[worst].op].title), share=percent(found[worst].share)
            )
            st.markdown(said)
        figure = survival_figure(names, [s.share for s in shown], [s.low for s in shown], [s.high for s in shown])
        st.plotly_chart(figure, key=f"safety/{photo['digest']}", alt=said, config={"displayModeBar": False})
