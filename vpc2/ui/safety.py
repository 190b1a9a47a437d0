"""The Augment page's question: does the label survive? A classifier's answers to the draws, counted."""

from __future__ import annotations

from typing import Any

import streamlit as st

from vpc2.augment.ops import OPS
from vpc2.augment.safety import Survival
from vpc2.augment.spec import Pipeline
from vpc2.figures.augment import survival_figure
from vpc2.ui import cache, chrome, judging
from vpc2.ui.language import _, number, say

DRAWS = 24
SIDE_PX = 256
MOST_PICTURES = 300


def draw_safety(pipeline: Pipeline, photos: list[dict[str, Any]]) -> None:
    """Draw what a classifier answers to the draws of each photograph, which step breaks it, and each class over a test set."""
    name = judging.choose_classifier(key="safety/classifier")
    for photo in photos:
        chrome.guarded(_draw_photo, pipeline, photo, name)
    if name.startswith("run:"):
        st.divider()
        chrome.guarded(_draw_classes, pipeline, name)


def _ask(name: str):
    from vpc2.images.encode import to_pixels

    classifier = judging.classifier_of(name)
    return lambda images: classifier.probabilities(classifier.prepare([to_pixels(image) for image in images])).numpy()


def _percent(share: float) -> str:
    return f"{number(100 * share, '.0f')}\u00a0%"


def _said(found: Survival) -> str:
    return _("{share} of {n} draws keep the answer (95 % interval: {low} to {high})").format(
        share=_percent(found.share), n=number(found.n), low=_percent(found.low), high=_percent(found.high)
    )


def _draw_photo(pipeline: Pipeline, photo: dict[str, Any], name: str) -> None:
    if not judging.is_here(name):
        return
    with st.spinner(_("Asking about {n} draws…").format(n=DRAWS)):
        found = _counted(cache.token_of(pipeline), name, judging.stamp_of(name), photo["digest"], photo["pixels"])
    classes, plain = judging.classifier_of(name).classes, found["plain"]
    st.markdown(f"### {chrome.literal(photo['name'])}")
    whole: Survival = Survival(**found["whole"])
    mark = ":green[:material/check:]" if whole.low >= 0.5 else ":orange[:material/close:]" if whole.high < 0.5 else ":gray[:material/help:]"
    st.markdown(
        f"{mark} **{_('Without augmentation: {answer}.').format(answer=chrome.literal(classes[plain]))}** {_said(whole)}."
        + ("" if whole.low >= 0.5 or whole.high < 0.5 else " " + _("Too few draws to tell."))
    )
    names, survivals = [_("the whole pipeline")], [whole]
    for step in pipeline.steps:
        if step.id in found["steps"]:
            names.append(_("only {step}").format(step=say(OPS[step.op].title)))
            survivals.append(Survival(**found["steps"][step.id]))
    figure = survival_figure(names, [s.share for s in survivals], [s.low for s in survivals], [s.high for s in survivals])
    st.plotly_chart(figure, key=f"safety/{photo['digest']}", alt=_said(whole), config={"displayModeBar": False})
    grid = st.grid("auto", min_column_width=120, gap="small")
    for i, (picture, answer, certainty) in enumerate(zip(found["pictures"], whole.answers, whole.certainty, strict=False)):
        with grid.cell(), st.container(key=f"tile-safe-{photo['digest']}-{i}", gap="xxsmall"):
            st.image(picture, alt=classes[answer], width="stretch")
            is_same = answer == plain
            sign = f":green[:material/check: {_('kept')}]" if is_same else f":orange[:material/close: {_('lost')}]"
            st.caption(f"{chrome.literal(classes[answer])} {_percent(certainty)}  \n{sign}")


@st.cache_data(max_size="64MB", show_spinner=False)
def _counted(token: str, name: str, stamp: float, image_key: str, _pixels) -> dict[str, Any]:
    """Return the plain answer, the survival under the whole pipeline and under each step, and the first draws as JPEG."""
    from vpc2 import codec
    from vpc2.augment.pipeline import draw_images
    from vpc2.augment.safety import survival, survival_by_step
    from vpc2.images.encode import resize_pixels, to_jpeg, to_tensor

    pipeline, ask = codec.from_token(token, "pipeline").spec, _ask(name)
    image = to_tensor(resize_pixels(_pixels, SIDE_PX))
    with cache.computing():
        plain = int(ask([image]).argmax())
        whole = survival(pipeline, image, plain, ask, DRAWS, image_key)
        steps = survival_by_step(pipeline, image, plain, ask, DRAWS, image_key)
        pictures = [to_jpeg(draw.image) for draw in draw_images(pipeline, image, 12, image_key)]
    return {"plain": plain, "whole": vars(whole), "steps": {key: vars(value) for key, value in steps.items()}, "pictures": pictures}


def _draw_classes(pipeline: Pipeline, name: str) -> None:
    """Count, on a click, in which classes of the run's test set the label survives one draw a picture."""
    if not st.button(_("Over the test set, class by class"), icon=":material/grid_view:", key="safety/classes"):
        return
    from vpc2.augment.safety import survival_by_class
    from vpc2.images.encode import to_tensor

    data = judging.test_pictures(name, MOST_PICTURES)
    with st.spinner(_("Asking about {n} draws…").format(n=len(data))), cache.computing():
        found = survival_by_class(pipeline, [to_tensor(pixels) for pixels in data.images], data.labels, _ask(name))
    if not found:
        st.info(_("This net answers no test picture rightly, so there is no label to lose."), icon=":material/info:")
        return
    worst, best = min(found, key=lambda label: found[label].share), max(found, key=lambda label: found[label].share)
    said = _("“{worst}” survives least ({low}), “{best}” most ({high}).").format(
        worst=data.classes[worst], low=_percent(found[worst].share), best=data.classes[best], high=_percent(found[best].share)
    )
    st.markdown(f"**{chrome.literal(said)}**")
    figure = survival_figure(
        [data.classes[label] for label in found],
        [one.share for one in found.values()],
        [one.low for one in found.values()],
        [one.high for one in found.values()],
    )
    st.plotly_chart(figure, key="safety/by-class", alt=said, config={"displayModeBar": False})
