"""Judge page, tab Test set: evaluation of a classifier on a test set without and with views, statistical tests, and a view search."""

from __future__ import annotations

import csv
import io
import time
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from vpc2.data.datasets import find_dataset
from vpc2.figures.evaluation import accuracy_against_time_figure, reliability_figure, view_gains_figure
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.predict.tta.merges import MERGES
from vpc2.spreadsheet import as_text_cell
from vpc2.system.lru_cache import LruCache
from vpc2.ui import markdown
from vpc2.ui.computed import augmented, classifiers
from vpc2.ui.judge import question_count
from vpc2.ui.judge.question_count import verdict_text
from vpc2.ui.judge.single_photo import view_title
from vpc2.ui.server import idle
from vpc2.ui.session.i18n import _, localize, number, percent, points
from vpc2.ui.widgets import classifier_picker
from vpc2.ui.widgets.buttons import button

MAX_CACHED = 8
MAX_SHOWN = 8


@st.cache_resource(show_spinner=False)
def _prediction_cache() -> LruCache:
    cache = LruCache(MAX_CACHED)
    idle.register_cleanup(cache.clear)
    return cache


def show_test_set(ref: ClassifierRef, views: list[str]) -> None:
    """Evaluate a test set on a click; all results below are computed from the cached predictions, without another pass."""
    if not classifiers.is_available(ref):
        return
    if not classifiers.has_dataset(ref):
        classifier_picker.show_no_test_set()
        return
    data = classifiers.dataset_of(ref)
    recipe = classifiers.recipe_of(ref)
    is_own = recipe is not None and recipe.dataset == data
    template = _("Test pictures of **{data}**: none of them took part in training.") if is_own else _("Pictures of **{data}**.")
    st.markdown(template.format(data=markdown.escape(localize(find_dataset(data).title))))
    key = _key(ref, views)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        is_pressed = button(_("Judge the test set"), type="primary", icon=":material/balance:", key="judge/test")
    if is_pressed and _prediction_cache().get(key) is None:
        place = st.empty()
        with place.container(horizontal=True, vertical_alignment="center"):
            bar = st.progress(0.0, text=_("Asking {n} views of every picture…").format(n=len(views)), width="stretch")
            button(_("Cancel"), icon=":material/close:", key="judge/cancel")  # any click ends this script run, and the evaluation with it
        _evaluate(key, bar)
        place.empty()
    if (answers := _prediction_cache().get(key)) is not None:
        _draw_results(ref, *answers)


def cached_predictions(ref: ClassifierRef, views: list[str]) -> Any:
    """Return the cached predictions on the test set for these views, None if it was not evaluated."""
    answers = _prediction_cache().get(_key(ref, views)) if classifiers.has_dataset(ref) else None
    return None if answers is None else answers[0]


def _key(ref: ClassifierRef, views: list[str]) -> tuple:
    return classifiers.version_of(ref), tuple(views), classifiers.dataset_of(ref), classifiers.max_test_images()


def _evaluate(key: tuple, bar: Any) -> None:
    """Predict the test and the validation images and cache the predictions; an interrupted script run caches nothing."""
    from vpc2.predict.evaluation import TestPredictions, ValidationPredictions, predict_set

    version, views, dataset, limit = key
    ref, started = version.ref, time.monotonic()
    classifier = classifiers.classifier_of(ref)

    def report(done: float, share: float) -> None:
        fraction = min(done + share / 2, 1.0)
        left = (time.monotonic() - started) * (1 - fraction) / max(fraction, 1e-6)
        bar.progress(fraction, text=_("Asking {n} views of every picture: {s} s left").format(n=len(views), s=number(left, ".0f")))

    results = []
    for i, (kind, part) in enumerate(((TestPredictions, "test"), (ValidationPredictions, "validation"))):
        data = classifiers.test_images(ref, limit, part, dataset=dataset)
        with augmented.computation_slot():
            results.append(predict_set(kind, classifier, data, views, partial(report, i / 2)) if len(data) else None)
    _prediction_cache().put(key, tuple(results))


def _draw_results(ref: ClassifierRef, test: Any, validation: Any) -> None:
    from vpc2.predict.evaluation import gains_by_view, shares_by_count
    from vpc2.predict.statistics import calibrate, log_loss
    from vpc2.predict.view_search import make_plan

    how = st.segmented_control(
        _("How to merge"),
        list(MERGES),
        default="mean",
        required=True,
        format_func=lambda key: localize(MERGES[key].title),
        key="judge/set/merge",
    )
    plain, merged = test.plain, test.merged(how)
    is_right, is_right_merged = test.is_right(plain), test.is_right(merged)
    paired = test.compare(plain, merged)
    before, after = calibrate(plain, test.labels), calibrate(merged, test.labels)
    plan = make_plan(validation) if validation is not None and len(test.views) > 1 else None
    chosen = None if plan is None or len(plan.views) < 2 else test.compare(plain, plan.merged(test))
    # Both comparisons are recorded before either is drawn, so that their p-values are adjusted for each other.
    for question, comparison in (((test.views, how), paired), ((plan.views, "chosen") if plan else (), chosen)):
        if comparison is not None:
            question_count.record_comparison(
                classifiers.dataset_of(ref), (str(classifiers.version_of(ref)), len(test), *question), comparison
            )
    adjusted = question_count.adjust(classifiers.dataset_of(ref), paired)
    mark = {"helps": ":green[:material/check:]", "hurts": ":orange[:material/close:]", "open": ":gray[:material/help:]"}
    st.markdown(f"#### {mark[paired.verdict_at(adjusted.p)]} {question_count.conclusion_of(paired, adjusted)}")
    st.caption(f"{question_count.evidence_text(paired)} {question_count.count_text(adjusted)}")
    grid = st.grid(4, min_column_width=150)
    for title, shares in ((_("Accuracy, plain"), plain), (_("Accuracy with views"), merged)):
        share = test.accuracy(shares)
        grid.metric(title, percent(share.share), delta=localize(share.bounds), delta_color="off", delta_arrow="off")
    grid.metric(_("Pictures fixed"), number(paired.fixed), help=_("Wrong when asked plainly, right with the views."))
    grid.metric(_("Pictures broken"), number(paired.broken), help=_("Right when asked plainly, wrong with the views."))
    rows = {
        _("Log-loss"): (number(log_loss(plain, test.labels), ".3f"), number(log_loss(merged, test.labels), ".3f")),
        _("Expected calibration error"): (percent(before.error), percent(after.error)),
        _("ms a picture"): (number(test.view_ms[0], ".2f"), number(sum(test.view_ms), ".2f")),
    }
    st.table(
        {"": list(rows), _("Plain"): [row[0] for row in rows.values()], _("With views"): [row[1] for row in rows.values()]},
        border="horizontal",
    )
    st.caption(_("A probability of 0 counts as 0.00000012 in the log-loss (the precision of 32 bits), as in scikit-learn."))
    _draw_changed(ref, test, is_right, is_right_merged, plain, merged)
    left, right = st.columns(2, gap="medium")
    quiet_bar = {"displayModeBar": False}
    with left:
        st.markdown(f"### {_('Is its confidence earned?')}")
        curves = [(_("Plain"), before.confidence, before.accuracy), (_("With views"), after.confidence, after.accuracy)]
        figure = reliability_figure(curves, x_title=_("Confidence"), y_title=_("Accuracy"))
        caption = _("On the dotted line, what it says with 80 % confidence is right 80 % of the time.")
        st.plotly_chart(figure, key="judge/reliability", alt=caption, config=quiet_bar)
        st.caption(caption)
    with right:
        st.markdown(f"### {_('What do more views bring?')}")
        figure = accuracy_against_time_figure(shares_by_count(test, how), x_title=_("ms a picture"), y_title=_("Accuracy"))
        caption = _("The views are added one by one in their order; the number beside a point counts them, its bar is the 95 % interval.")
        st.plotly_chart(figure, key="judge/price", alt=caption, config=quiet_bar)
        st.caption(caption)
    st.markdown(f"### {_('Which view helps, which hurts?')}")
    gains, titles = gains_by_view(test)[1:], [view_title(view) for view in test.views[1:]]
    present = np.isfinite(gains).any(0) if len(titles) else np.zeros(0, bool)
    if present.any():
        gains, names = gains[:, present], [name for name, is_there in zip(test.classes, present, strict=True) if is_there]
        caption = _("Points of accuracy of each view alone, class by class, against the plain picture: blue helps, vermilion hurts.")
        st.plotly_chart(view_gains_figure(gains, titles, names), key="judge/gains", alt=caption, config=quiet_bar)
        st.caption(caption)
        worst = np.unravel_index(np.nanargmin(gains), gains.shape)
        if gains[worst] < 0:
            st.markdown(
                _("Worst: “{view}” alone costs the class “{name}” {points} points.").format(
                    view=titles[worst[0]], name=markdown.escape(names[worst[1]]), points=points(-gains[worst], 0)
                )
            )
    if plan is not None:
        _draw_plan(ref, test, plan, len(validation), chosen)
    st.download_button(
        _("Table as CSV"),
        _csv(test, plain, merged),
        file_name="judged.csv",
        mime="text/csv",
        icon=":material/table:",
        on_click="ignore",
        key="judge/csv",
    )


def _draw_changed(
    ref: ClassifierRef, test: Any, is_right: np.ndarray, is_right_merged: np.ndarray, plain: np.ndarray, merged: np.ndarray
) -> None:
    """Draw images that only the merged views classify correctly, and images that only the plain prediction does."""
    from vpc2.images.encode import to_png

    images = classifiers.test_images(ref, classifiers.max_test_images()).images
    for title, which in (
        (_("Fixed by the views"), ~is_right & is_right_merged),
        (_("Broken by the views"), is_right & ~is_right_merged),
    ):
        every = np.flatnonzero(which)
        chosen = every[:MAX_SHOWN]
        if not len(chosen):
            continue
        st.markdown(f"### {title}")
        if len(every) > len(chosen):
            st.caption(_("{shown} of {n} are shown; the table at the end has all.").format(shown=len(chosen), n=number(len(every))))
        grid = st.grid("auto", min_column_width=110, gap="small")
        for i in chosen:
            times = max(1, -(-96 // images.shape[1]))
            with grid.cell(), st.container(key=f"tile-changed-{i}", gap="xxsmall"):
                st.image(to_png(images[i].repeat(times, 0).repeat(times, 1)), alt=test.classes[test.labels[i]], width="stretch")
                st.caption(f"{markdown.escape(test.classes[plain[i].argmax()])} → {markdown.escape(test.classes[merged[i].argmax()])}")


def _draw_plan(ref: ClassifierRef, test: Any, plan: Any, searched: int, paired: Any) -> None:
    """Draw the test results of the views, weights and temperature found on `searched` validation images."""
    from vpc2.predict.statistics import calibrate, temper

    st.markdown(f"### {_('The best few views')}")
    chosen, weighted = plan.merged(test), plan.weighted(test)
    st.markdown(
        _("Chosen on {n} validation pictures: {views}.").format(n=number(searched), views=", ".join(view_title(v) for v in plan.views))
    )
    tempered = temper(test.plain, plan.temperature_plain)
    rows = [
        (_("Plain"), test.plain, test.view_ms[0]),
        (_("All views"), test.merged(), sum(test.view_ms)),
        (_("Chosen views"), chosen, sum(test.view_ms[test.views.index(view)] for view in plan.views)),
        (_("All views, learned weights"), weighted, sum(test.view_ms)),
        (_("Plain at temperature {t}").format(t=number(plan.temperature_plain, ".2f")), tempered, test.view_ms[0]),
    ]
    st.table(
        {
            "": [row[0] for row in rows],
            _("Accuracy"): [localize(test.accuracy(row[1]).text) for row in rows],
            _("Expected calibration error"): [percent(calibrate(row[1], test.labels).error) for row in rows],
            _("ms a picture"): [number(row[2], ".2f") for row in rows],
        },
        border="horizontal",
    )
    heaviest = sorted(plan.weights, key=plan.weights.get, reverse=True)[:3]
    weights = ", ".join(f"{view_title(view)} {percent(plan.weights[view])}" for view in heaviest)
    adjusted = None if paired is None else question_count.adjust(classifiers.dataset_of(ref), paired)
    sentences = (
        "" if adjusted is None else verdict_text(paired, adjusted),
        "" if adjusted is None else question_count.count_text(adjusted),
        _("Heaviest by learned weight: {views}.").format(views=weights),
        _("Searched on validation pictures, reported on test pictures: never on the same ones."),
        _("Views that you choose yourself after looking at these test pictures are chosen on them: judge those on other pictures."),
    )
    for sentence in filter(None, sentences):
        st.caption(sentence)


def _csv(test: Any, plain: np.ndarray, merged: np.ndarray) -> str:
    """Return a CSV with one row per image: its class, plain and merged prediction with probability, and each view's prediction."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["picture", "class", "plain", "plain_probability", "merged", "merged_probability", *test.views])
    by_view = test.logits.argmax(-1)
    for i, label in enumerate(test.labels):
        row = [i, test.classes[label]]
        for shares in (plain, merged):
            row += [test.classes[shares[i].argmax()], f"{shares[i].max():.6f}"]
        writer.writerow([as_text_cell(str(value)) for value in (*row, *(test.classes[answer] for answer in by_view[:, i]))])
    return buffer.getvalue()
