"""The Judge page's parts: which classifier, which views, each view's own answer, and both accuracies on a test set."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import streamlit as st

from vpc2.data import datasets
from vpc2.data.datasets import find_dataset
from vpc2.data.imageset import ImageSet
from vpc2.figures.predict import answers_figure
from vpc2.predict.pretrained import is_ready, load_pretrained
from vpc2.predict.readymade import PRETRAINED
from vpc2.predict.views import VIEW_SETS, VIEWS
from vpc2.ui import cache, chrome, runs
from vpc2.ui.language import _, number, say
from vpc2.words import Refusal, Text

TOP = 5
MOST_PICTURES = 400

_NO_DATA = Text(
    "The data set of this run is not on this machine any more.", "El conjunto de datos de este entrenamiento ya no está en esta máquina."
)


def choose_classifier(key: str = "judge/choose") -> str:
    """Let the visitor choose a trained run or a pretrained net; return its name, `run:<id>` or a key of PRETRAINED."""
    trained = {f"run:{run.id}": run for run in runs.visible_runs() if run.model_path.is_file()}
    options = [*trained, *PRETRAINED]
    asked = f"run:{st.query_params.get('run', '')}"
    if asked not in trained:
        try:
            run = runs.store().get(st.query_params.get("run", ""))
            if run.model_path.is_file():
                trained[asked], options = run, [asked, *options]
        except Refusal:
            asked = st.session_state.get("judge/classifier", next(iter(PRETRAINED)))
    chosen = st.selectbox(
        _("Classifier"),
        options,
        index=options.index(asked) if asked in options else 0,
        format_func=lambda name: trained[name].name if name in trained else say(PRETRAINED[name].title),
        key=f"{key}/{st.session_state.get('judge/choices', 0)}",
    )
    st.session_state["judge/classifier"] = chosen
    classifier = chrome.guarded(classifier_of, chosen) if is_here(chosen) else None
    if classifier is None:
        _draw_download(chosen)
    else:
        st.caption(
            _("{k} classes; pictures of {size} × {size} px.").format(
                k=number(len(classifier.classes)), size=classifier.preprocessing.size_px
            )
        )
    return chosen


def choose(name: str) -> None:
    """Choose a classifier for the visitor, in place of what the address or an earlier choice said; the next run shows it."""
    st.query_params.pop("run", None)
    st.session_state["judge/classifier"] = name
    st.session_state["judge/choices"] = st.session_state.get("judge/choices", 0) + 1


def is_here(name: str) -> bool:
    """True where a classifier can be opened without a download."""
    return name.startswith("run:") or is_ready(name)


def _draw_download(name: str) -> None:
    """Offer to download a ready-made classifier, with progress; without network it says so and nothing is left behind."""
    if is_here(name):
        return
    st.info(_("Its weights are not on this machine yet ({mb} MB).").format(mb=number(PRETRAINED[name].download_mb)), icon=":material/info:")
    if st.button(_("Download it now"), icon=":material/download:", key=f"download/{name}"):
        bar = st.progress(0.0)
        if chrome.guarded(load_pretrained, name, lambda share: bar.progress(min(share, 1.0))) is not None:
            st.rerun()


@st.cache_resource(max_entries=8, show_spinner=False)
def _opened(name: str, stamp: float) -> Any:
    from vpc2.predict.classifier import open_classifier

    return open_classifier(runs.store().path(name[4:]) if name.startswith("run:") else name)


def stamp_of(name: str) -> float:
    """Return when a run's weights were last written; 0 for a ready-made net."""
    return runs.store().get(name[4:]).model_path.stat().st_mtime if name.startswith("run:") else 0.0


def classifier_of(name: str) -> Any:
    """Return the classifier called `name`; a run that went on training since is read again."""
    with st.spinner(_("Opening the classifier…")):
        return _opened(name, stamp_of(name))


def choose_views(name: str) -> list[str]:
    """Let the visitor choose how else to look at a picture; the plain view is always among them.

    A net trained here starts without the mirror: it knows hands, digits or shapes that a mirror may turn into another.
    """
    first = "no_mirror" if name.startswith("run:") else "standard"
    preset = st.selectbox(
        _("Set of views"),
        list(VIEW_SETS),
        index=list(VIEW_SETS).index(first),
        format_func=lambda key: say(VIEW_SETS[key].title),
        key=f"judge/set/{first}",
    )
    with st.expander(_("Choose views one by one")):
        chosen = st.pills(
            _("Views"),
            list(VIEWS),
            selection_mode="multi",
            default=list(VIEW_SETS[preset].views),
            format_func=lambda key: say(VIEWS[key].title),
            key=f"judge/views/{preset}",
            wrap=True,
            help=_("Each view is the same photograph seen a little differently; the answers are averaged."),
        )
    return ["identity", *(key for key in VIEWS if key in (chosen or []) and key != "identity")]


@st.cache_data(max_size="128MB", show_spinner=False)
def _answers(name: str, stamp: float, image_key: str, views: tuple[str, ...], _pixels: np.ndarray) -> dict[str, Any]:
    """Return every view's picture and probabilities for one photograph, and the milliseconds of one view and of all."""
    from vpc2.images.encode import to_jpeg
    from vpc2.predict.tta import apply_view, predict_views

    classifier = _opened(name, stamp)
    images = classifier.prepare([_pixels])
    with cache.computing():
        started = time.perf_counter()
        classifier.probabilities(images)
        plain_ms = 1000 * (time.perf_counter() - started)
        started = time.perf_counter()
        answers = predict_views(classifier, images, views)
        all_ms = 1000 * (time.perf_counter() - started)
    pictures = [to_jpeg(apply_view(view, images)[0]) for view in views]
    return {"probabilities": np.asarray(answers.probabilities)[:, 0], "pictures": pictures, "plain_ms": plain_ms, "all_ms": all_ms}


def _percent(share: float) -> str:
    return f"{number(100 * float(share), '.1f')}\u00a0%"


def draw_answer(name: str, photo: dict[str, Any], views: list[str]) -> None:
    """Draw plain and merged answers side by side and every view as a tile with its own prediction."""
    if not is_here(name):
        return
    classifier = classifier_of(name)
    with st.spinner(_("Asking {n} views…").format(n=len(views))):
        found = _answers(name, stamp_of(name), photo["digest"], tuple(views), photo["pixels"])
    each, classes = found["probabilities"], classifier.classes
    plain, merged = each[views.index("identity")], each.mean(axis=0)
    st.markdown(f"### {chrome.literal(photo['name'])}")
    columns = st.columns([1, 1.5, 1.5], gap="medium")
    columns[0].image(found["pictures"][0], alt=_("What the classifier sees"), width="stretch")
    for column, title, shares, ms in (
        (columns[1], _("Plain"), plain, found["plain_ms"]),
        (columns[2], _("With {n} views").format(n=len(views)), merged, found["all_ms"]),
    ):
        top = np.argsort(shares)[::-1][:TOP]
        answer = classes[top[0]]
        with column:
            st.markdown(f"**{title}: {chrome.literal(answer)}, {_percent(shares[top[0]])}**")
            figure = answers_figure([classes[i] for i in top], [float(shares[i]) for i in top], is_merged=column is columns[2])
            st.plotly_chart(
                figure, key=f"answer/{photo['digest']}/{ms}/{title}", alt=f"{title}: {answer}", config={"displayModeBar": False}
            )
            st.caption(f"{number(ms, ',.0f')} ms")
    agree = sum(int(np.argmax(row) == np.argmax(merged)) for row in each)
    st.markdown(_("{k} of {n} views agree with the merged answer.").format(k=agree, n=len(views)))
    grid = st.grid("auto", min_column_width=150, gap="small")
    for view, picture, row in zip(views, found["pictures"], each, strict=True):
        best, is_same = int(np.argmax(row)), np.argmax(row) == np.argmax(merged)
        with grid.cell(), st.container(key=f"tile-{photo['digest']}-{view}", gap="xxsmall"):
            st.image(picture, alt=say(VIEWS[view].title), width="stretch")
            mark = f":green[:material/check: {_('agrees')}]" if is_same else f":orange[:material/close: {_('disagrees')}]"
            st.caption(f"**{say(VIEWS[view].title)}**  \n{chrome.literal(classes[best])} {_percent(row[best])}  \n{mark}")


def test_pictures(name: str, most: int = MOST_PICTURES) -> ImageSet:
    """Return the pictures, at most `most`, that took no part in this run's training, the same ones every time.

    They are taken evenly from the whole: some data sets are sorted by class.
    """
    from vpc2.data.imageset import split_images

    recipe = runs.store().get(name[4:]).recipe
    if not datasets.is_ready(recipe.dataset):
        raise Refusal(_NO_DATA)
    data = datasets.load_dataset(recipe.dataset, recipe.settings["size_px"])
    test = split_images(data, recipe.settings["seed"], recipe.settings["train_share"]).test
    return data.subset(test[np.linspace(0, len(test) - 1, min(most, len(test))).astype(int)])


def draw_test_set(name: str, views: list[str]) -> None:
    """Judge a whole test set on a click: accuracy without and with the views, fixed and broken pictures, and the price."""
    if not name.startswith("run:"):
        st.info(
            _("Train a net first, or judge a folder of your own on the command line: a test set needs pictures with known classes."),
            icon=":material/info:",
        )
        return
    recipe = runs.store().get(name[4:]).recipe
    st.markdown(_("Test pictures of **{data}**: none of them took part in training.").format(data=say(find_dataset(recipe.dataset).title)))
    if not st.button(_("Judge the test set"), type="primary", icon=":material/balance:", key="judge/test"):
        return
    from vpc2.predict.metrics import evaluate

    bar = st.progress(0.0, text=_("Asking {n} views of every picture…").format(n=len(views)))
    with cache.computing():
        result = evaluate(classifier_of(name), test_pictures(name), views, report=lambda share: bar.progress(min(share, 1.0)))
    bar.empty()
    grid = st.grid(4, min_column_width=140)
    grid.metric(
        _("Accuracy, plain"), _percent(result.accuracy), delta=f"{number(result.ms, '.2f')} ms", delta_color="off", delta_arrow="off"
    )
    grid.metric(
        _("Accuracy with views"),
        _percent(result.tta_accuracy),
        delta=f"{number(result.tta_ms, '.2f')} ms",
        delta_color="off",
        delta_arrow="off",
    )
    grid.metric(_("Pictures fixed"), number(result.fixed), help=_("Wrong when asked plainly, right with the views."))
    grid.metric(_("Pictures broken"), number(result.broken), help=_("Right when asked plainly, wrong with the views."))
    times = result.tta_ms / max(result.ms, 1e-9)
    st.markdown(
        _("On {n} pictures, {k} views fixed {fixed} and broke {broken}, at {times} times the price.").format(
            n=number(result.n), k=len(views), fixed=result.fixed, broken=result.broken, times=number(times, ".1f")
        )
    )
