"""The Judge page's first question: one photograph asked in many views, each asked once, merged as often as one likes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import streamlit as st

from vpc2 import codec
from vpc2.augment.spec import Pipeline
from vpc2.figures.predictions import predictions_figure
from vpc2.lru_cache import LruCache
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.predict.tta.merges import MERGES
from vpc2.predict.tta.views import IDENTITY, VIEWS
from vpc2.text import Text
from vpc2.ui import markdown
from vpc2.ui.computed import augmented, classifiers
from vpc2.ui.server import idle
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, number, percent, say
from vpc2.ui.widgets import page_frame

TOP = 5
KEPT = 2_000  # answers of all visitors: a thousand classes and a small JPEG are 10 kB
DRAW = "draw/"
MOST_DRAWS = 16

Photo = dict[str, Any]


@st.cache_resource(show_spinner=False)
def _answers() -> LruCache:
    """What classifiers answered to views of photographs, the latest of all visitors: logits (K,), the view as JPEG, milliseconds."""
    answers = LruCache(KEPT)
    idle.when_all_have_left(answers.clear)
    return answers


def draw_keys(pipeline: Pipeline, count: int) -> tuple[str, ...]:
    """Return the keys of `count` draws of a pipeline as views."""
    return tuple(f"{DRAW}{i}/{augmented.token_of(pipeline)}" for i in range(count))


def _make_views(views: list[str], images: Any, photo: Photo) -> Iterator[tuple[Any, float]]:
    """Give images (1, 3, S, S) in each view, of the table or as a draw of a pipeline, with the milliseconds it took.

    Draws are made together: eight at once take little longer than two.
    """
    from vpc2.augment.pipeline import draw_images
    from vpc2.predict.tta.transforms import apply_view

    numbers = [int(view.split("/")[1]) for view in views if view.startswith(DRAW)]
    drawn, share, began = {}, 0.0, time.perf_counter()
    if numbers:
        token = next(view for view in views if view.startswith(DRAW)).split("/", 2)[2]
        pipeline, first = codec.from_token(token, "pipeline").spec, min(numbers)
        results = draw_images(pipeline, images[0], max(numbers) + 1, photo["digest"], first=first)
        drawn = {first + i: result.image[None].clamp(0, 1) for i, result in enumerate(results)}
        share = 1000 * (time.perf_counter() - began) / len(numbers)
    for view in views:
        began = time.perf_counter()
        if view.startswith(DRAW):
            yield drawn[int(view.split("/")[1])], share
        else:
            image = apply_view(view, images)
            yield image, 1000 * (time.perf_counter() - began)


def ask(ref: ClassifierRef, photo: Photo, views: list[str]) -> dict[str, tuple[np.ndarray, bytes, float]]:
    """Return logits, picture and milliseconds of each view; only views that nobody asked before go through the net."""
    import torch

    from vpc2.images.encode import to_jpeg
    from vpc2.predict.tta.predict import images_at_once

    version, answers = classifiers.version_of(ref), _answers()
    keys = {view: (version, photo["digest"], view) for view in views}
    found = {view: answer for view in views if (answer := answers.get(keys[view])) is not None}
    missing = [view for view in views if view not in found]
    if missing:
        classifier = classifiers.classifier_of(ref)
        images = classifier.prepare([photo["pixels"]])
        most = images_at_once(classifier)
        if not found:
            with augmented.computing():
                classifier.logits(images)  # the first pass sets the module up and is nobody's time
        for start in range(0, len(missing), most):
            now = missing[start : start + most]
            with augmented.computing(), torch.no_grad():  # a place a pass: nobody waits for all the views of somebody else
                part, making = zip(*_make_views(now, images, photo), strict=True)
                began = time.perf_counter()
                logits = classifier.logits(torch.cat(part)).numpy()
                share = 1000 * (time.perf_counter() - began) / len(part)
            for view, image, ms, row in zip(now, part, making, logits, strict=True):
                found[view] = (row, to_jpeg(image[0]), ms + share)
                answers.put(keys[view], found[view])
    return found


def title_of(view: str) -> str:
    """Return a view's name in the visitor's language."""
    return _("Draw {n}").format(n=int(view.split("/")[1]) + 1) if view.startswith(DRAW) else say(VIEWS[view].title)


def choose_draws(views: list[str]) -> list[str]:
    """Let the visitor add draws of the pipeline made on the Augment page as views."""
    pipeline = workspace.load("pipeline")
    if not any(step.on for step in pipeline.steps):
        return views
    count = st.slider(
        _("Draws of your pipeline as views"),
        0,
        MOST_DRAWS,
        0,
        key="judge/draws",
        help=_("The pipeline of the Augment page, drawn anew for each view, at the size the net sees."),
    )
    return [*views, *draw_keys(pipeline, count)]


def draw_photos(ref: ClassifierRef, photos: list[Photo], views: list[str]) -> None:
    """Draw every photograph's answers; how to merge is chosen once for all."""
    if not classifiers.is_here(ref):
        return
    linked = st.query_params.get("merge", "")
    how = st.segmented_control(
        _("How to merge"),
        list(MERGES),
        default=MERGES[linked].key if linked in MERGES else "mean",
        required=True,
        format_func=lambda key: say(MERGES[key].title),
        key="judge/merge",
        persist_state="session",
    )
    st.caption(say(MERGES[how].help))
    for photo in photos:
        page_frame.guarded(_draw_photo, ref, photo, views, how)


@st.fragment
def _draw_photo(ref: ClassifierRef, photo: Photo, views: list[str], how: str) -> None:
    """Draw plain and merged answers side by side and a tile a view; a view ticked off leaves the merged answer at once."""
    import torch

    from vpc2.predict.tta.predict import entropy, spread

    with st.spinner(_("Asking {n} views…").format(n=len(views))):
        found = ask(ref, photo, views)
    classes = classifiers.classifier_of(ref).classes
    ticks = {view: f"judge/tick/{photo['digest']}/{view}" for view in views}
    kept = [view for view in views if st.session_state.get(ticks[view], True)] or [IDENTITY]
    logits = torch.from_numpy(np.stack([found[view][0] for view in kept]))[:, None]
    merged = MERGES[how].resolve()(logits)[0].numpy()
    plain = torch.from_numpy(found[IDENTITY][0]).softmax(0).numpy()
    st.markdown(f"### {markdown.literal(photo['name'])}")
    columns = st.columns([1, 1.5, 1.5], gap="medium")
    columns[0].image(found[IDENTITY][1], alt=_("What the classifier sees"), width="stretch")
    for column, title, shares, ms in (
        (columns[1], _("Plain"), plain, found[IDENTITY][2]),
        (columns[2], _("With {n} views").format(n=len(kept)), merged, sum(found[view][2] for view in kept)),
    ):
        top = np.argsort(shares)[::-1][:TOP]
        answer = classes[top[0]]
        with column:
            st.markdown(f"**{title}: {markdown.literal(answer)}, {percent(shares[top[0]])}**")
            figure = predictions_figure(
                tuple(classes[i] for i in top), tuple(round(float(shares[i]), 4) for i in top), is_merged=column is columns[2]
            )
            st.plotly_chart(
                figure, key=f"answer/{photo['digest']}/{column is columns[2]}", alt=f"{title}: {answer}", config={"displayModeBar": False}
            )
            st.caption(f"{number(ms, ',.0f' if ms >= 10 else ',.1f')} ms")
    best = int(merged.argmax())
    agree = sum(int(found[view][0].argmax() == best) for view in kept)
    said = _("{k} of {n} views agree with the merged answer.").format(k=agree, n=len(kept))
    if len(kept) > 1:
        bits = float(entropy(torch.from_numpy(merged)))
        said += " " + _("Its probability spreads by ±{spread} over the views; the merged answer leaves {bits} bits open.").format(
            spread=percent(float(spread(logits)[0])), bits=number(bits, ".2f")
        )
    st.markdown(said)
    grid = st.grid("auto", min_column_width=150, gap="medium")
    for view in views:
        row, picture, ms = found[view]
        shares = torch.from_numpy(row).softmax(0).numpy()
        own, is_same = int(row.argmax()), row.argmax() == best
        with grid.cell(), st.container(key=f"tile-{photo['digest']}-{views.index(view)}", gap="xxsmall"):
            st.image(picture, alt=title_of(view), width="stretch")
            st.checkbox(
                f"**{title_of(view)}**",
                value=True,
                key=ticks[view],
                disabled=view == IDENTITY and kept == [IDENTITY],
                help=say(caution) if (caution := _caution_of(view)) is not None else None,
            )
            mark = f":green[:material/check: {_('agrees')}]" if is_same else f":orange[:material/close: {_('disagrees')}]"
            cost = f"{number(ms, ',.0f' if ms >= 10 else ',.1f')} ms"
            st.caption(f"{markdown.literal(classes[own])} {percent(shares[own])}  \n{mark} · {cost}")
    against = ((view, _caution_of(view)) for view in kept if found[view][0].argmax() != best)
    view, caution = next(((view, caution) for view, caution in against if caution is not None), ("", None))
    if caution is not None:
        st.info(
            _("“{view}” disagrees, and may not keep the label: {why}").format(view=title_of(view), why=say(caution)),
            icon=":material/warning:",
        )


def _caution_of(view: str) -> Text | None:
    """Return what is to be said of a view that may not keep the label; None of any other, and of a draw."""
    return None if view.startswith(DRAW) else VIEWS[view].caution
