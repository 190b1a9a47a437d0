"""Judge page, tab Photographs: test-time augmentation of a photograph: its predictions in several views, and their merge."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import streamlit as st

from vpc2 import codec
from vpc2.augment.spec import Pipeline
from vpc2.figures.predictions import predictions_figure
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.predict.tta.merges import MERGES
from vpc2.predict.tta.views import IDENTITY, VIEWS
from vpc2.system.lru_cache import LruCache
from vpc2.text import Text
from vpc2.ui import markdown
from vpc2.ui.computed import augmented, classifiers
from vpc2.ui.server import idle
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, localize, number, percent
from vpc2.ui.widgets import page_frame

TOP = 5
MAX_CACHED = 2_000  # predictions of all visitors: a thousand classes and a small JPEG take 10 kB
DRAW = "draw/"
MAX_DRAWS = 16

Photo = dict[str, Any]


@st.cache_resource(show_spinner=False)
def _prediction_cache() -> LruCache:
    """Return the cache of predictions for views of photographs, shared by all visitors: logits (K,), the view as JPEG, milliseconds."""
    cache = LruCache(MAX_CACHED)
    idle.register_cleanup(cache.clear)
    return cache


def keys_of_draws(pipeline: Pipeline, count: int) -> tuple[str, ...]:
    """Return the keys of `count` draws of a pipeline, to be used as views."""
    return tuple(f"{DRAW}{i}/{augmented.token_of(pipeline)}" for i in range(count))


def _make_views(views: list[str], images: Any, photo: Photo) -> Iterator[tuple[Any, float]]:
    """Yield images (1, 3, S, S) in each view, a view of `VIEWS` or a draw of a pipeline, with the milliseconds it took.

    Draws are computed as a batch: eight take little longer than two.
    """
    from vpc2.augment.pipeline import draw_images
    from vpc2.predict.tta.transforms import apply_view

    indices = [int(view.split("/")[1]) for view in views if view.startswith(DRAW)]
    draws, share, started = {}, 0.0, time.perf_counter()
    if indices:
        token = next(view for view in views if view.startswith(DRAW)).split("/", 2)[2]
        pipeline, first = codec.from_token(token, "pipeline").spec, min(indices)
        results = draw_images(pipeline, images[0], max(indices) + 1, photo["digest"], first=first)
        draws = {first + i: result.image[None].clamp(0, 1) for i, result in enumerate(results)}
        share = 1000 * (time.perf_counter() - started) / len(indices)
    for view in views:
        started = time.perf_counter()
        if view.startswith(DRAW):
            yield draws[int(view.split("/")[1])], share
        else:
            image = apply_view(view, images)
            yield image, 1000 * (time.perf_counter() - started)


def predict_views(ref: ClassifierRef, photo: Photo, views: list[str]) -> dict[str, tuple[np.ndarray, bytes, float]]:
    """Return logits, JPEG and milliseconds of each view; only views that are not cached are passed through the net."""
    import torch

    from vpc2.images.encode import to_jpeg
    from vpc2.predict.tta.predict import images_at_once

    version, cache = classifiers.version_of(ref), _prediction_cache()
    keys = {view: (version, photo["digest"], view) for view in views}
    predictions = {view: answer for view in views if (answer := cache.get(keys[view])) is not None}
    missing = [view for view in views if view not in predictions]
    if missing:
        classifier = classifiers.classifier_of(ref)
        images = classifier.prepare([photo["pixels"]])
        batch_size = images_at_once(classifier)
        if not predictions:
            with augmented.computation_slot():
                classifier.logits(images)  # warm-up: the first pass initialises the module and is not timed
        for start in range(0, len(missing), batch_size):
            batch = missing[start : start + batch_size]
            with augmented.computation_slot(), torch.no_grad():  # one slot per pass: no visitor waits for all views of another one
                images_of_views, view_ms = zip(*_make_views(batch, images, photo), strict=True)
                started = time.perf_counter()
                logits = classifier.logits(torch.cat(images_of_views)).numpy()
                share = 1000 * (time.perf_counter() - started) / len(images_of_views)
            for view, image, ms, row in zip(batch, images_of_views, view_ms, logits, strict=True):
                predictions[view] = (row, to_jpeg(image[0]), ms + share)
                cache.put(keys[view], predictions[view])
    return predictions


def view_title(view: str) -> str:
    """Return a view's title in the visitor's language."""
    return _("Draw {n}").format(n=int(view.split("/")[1]) + 1) if view.startswith(DRAW) else localize(VIEWS[view].title)


def choose_draw_views(views: list[str]) -> list[str]:
    """Draw the choice of how many draws of the current pipeline serve as additional views; return all views."""
    pipeline = workspace.load("pipeline")
    if not any(step.on for step in pipeline.steps):
        return views
    count = st.slider(
        _("Draws of your pipeline as views"),
        0,
        MAX_DRAWS,
        0,
        key="judge/draws",
        help=_("The pipeline of the Augment page, drawn anew for each view, at the size the net sees."),
    )
    return [*views, *keys_of_draws(pipeline, count)]


def show_photos(ref: ClassifierRef, photos: list[Photo], views: list[str]) -> None:
    """Draw the choice of merge and the predictions for every photograph."""
    if not classifiers.is_available(ref):
        return
    linked = st.query_params.get("merge", "")
    how = st.segmented_control(
        _("How to merge"),
        list(MERGES),
        default=MERGES[linked].key if linked in MERGES else "mean",
        required=True,
        format_func=lambda key: localize(MERGES[key].title),
        key="judge/merge",
        persist_state="session",
    )
    st.caption(localize(MERGES[how].help))
    for photo in photos:
        page_frame.show_or_refuse(_draw_photo, ref, photo, views, how)


@st.fragment
def _draw_photo(ref: ClassifierRef, photo: Photo, views: list[str], how: str) -> None:
    """Draw the plain and the merged prediction side by side, and a tile per view; unticking a view removes it from the merge."""
    import torch

    from vpc2.predict.tta.predict import entropy, spread

    with st.spinner(_("Asking {n} views…").format(n=len(views))):
        predictions = predict_views(ref, photo, views)
    classes = classifiers.classifier_of(ref).classes
    ticks = {view: f"judge/tick/{photo['digest']}/{view}" for view in views}
    ticked = [view for view in views if st.session_state.get(ticks[view], True)] or [IDENTITY]
    logits = torch.from_numpy(np.stack([predictions[view][0] for view in ticked]))[:, None]
    merged = MERGES[how].resolve()(logits)[0].numpy()
    plain = torch.from_numpy(predictions[IDENTITY][0]).softmax(0).numpy()
    st.markdown(f"### {markdown.escape(photo['name'])}")
    if "label" in photo:
        st.markdown(_right_answer(photo["label"], classes[plain.argmax()], classes[merged.argmax()]))
    columns = st.columns([1, 1.5, 1.5], gap="medium")
    columns[0].image(predictions[IDENTITY][1], alt=_("What the classifier sees"), width="stretch")
    for column, title, shares, ms in (
        (columns[1], _("Plain"), plain, predictions[IDENTITY][2]),
        (columns[2], _("With {n} views").format(n=len(ticked)), merged, sum(predictions[view][2] for view in ticked)),
    ):
        top = np.argsort(shares)[::-1][:TOP]
        answer = classes[top[0]]
        with column:
            st.markdown(f"**{title}: {markdown.escape(answer)}, {percent(shares[top[0]])}**")
            figure = predictions_figure(
                tuple(classes[i] for i in top), tuple(round(float(shares[i]), 4) for i in top), is_merged=column is columns[2]
            )
            st.plotly_chart(
                figure, key=f"answer/{photo['digest']}/{column is columns[2]}", alt=f"{title}: {answer}", config={"displayModeBar": False}
            )
            st.caption(f"{number(ms, ',.0f' if ms >= 10 else ',.1f')} ms")
    best = int(merged.argmax())
    agree = sum(int(predictions[view][0].argmax() == best) for view in ticked)
    summary = _("{k} of {n} views agree with the merged answer.").format(k=agree, n=len(ticked))
    if len(ticked) > 1:
        bits = float(entropy(torch.from_numpy(merged)))
        summary += " " + _("Its probability spreads by ±{spread} over the views; the merged answer leaves {bits} bits open.").format(
            spread=percent(float(spread(logits)[0])), bits=number(bits, ".2f")
        )
    st.markdown(summary)
    grid = st.grid("auto", min_column_width=150, gap="medium")
    for view in views:
        row, picture, ms = predictions[view]
        shares = torch.from_numpy(row).softmax(0).numpy()
        label, is_same = int(row.argmax()), row.argmax() == best
        with grid.cell(), st.container(key=f"tile-{photo['digest']}-{views.index(view)}", gap="xxsmall"):
            st.image(picture, alt=view_title(view), width="stretch")
            st.checkbox(
                f"**{view_title(view)}**",
                value=True,
                key=ticks[view],
                disabled=view == IDENTITY and ticked == [IDENTITY],
                help=localize(caution) if (caution := _caution_of(view)) is not None else None,
            )
            mark = f":green[:material/check: {_('agrees')}]" if is_same else f":orange[:material/close: {_('disagrees')}]"
            cost = f"{number(ms, ',.0f' if ms >= 10 else ',.1f')} ms"
            st.caption(f"{markdown.escape(classes[label])} {percent(shares[label])}  \n{mark} · {cost}")
    against = ((view, _caution_of(view)) for view in ticked if predictions[view][0].argmax() != best)
    view, caution = next(((view, caution) for view, caution in against if caution is not None), ("", None))
    if caution is not None:
        st.info(
            _("“{view}” disagrees, and may not keep the label: {why}").format(view=view_title(view), why=localize(caution)),
            icon=":material/warning:",
        )


def _right_answer(label: str, plain: str, merged: str) -> str:
    """Return the line with the class of a test picture, and whether the plain and the merged answer name it."""
    parts = [_("Right answer: **{name}**").format(name=markdown.escape(label))]
    for title, answer in ((_("Plain"), plain), (_("With views"), merged)):
        mark = f":green[:material/check: {_('right')}]" if answer == label else f":orange[:material/close: {_('wrong')}]"
        parts.append(f"{title}: {mark}")
    return " · ".join(parts)


def _caution_of(view: str) -> Text | None:
    """Return what is to be said of a view that may not keep the label; None of any other, and of a draw."""
    return None if view.startswith(DRAW) else VIEWS[view].caution
