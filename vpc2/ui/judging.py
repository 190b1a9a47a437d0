"""What the Judge page is about: which classifier, which views, and the pictures that a run may be judged by."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from vpc2.data import datasets
from vpc2.data.imageset import ImageSet
from vpc2.predict.pretrained import is_ready, load_pretrained
from vpc2.predict.readymade import PRETRAINED
from vpc2.predict.views import VIEW_SETS, VIEWS
from vpc2.ui import chrome, runs
from vpc2.ui.language import _, number, say
from vpc2.words import Refusal, Text

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


def title_of(name: str) -> str:
    """Return a classifier's name as a visitor knows it."""
    return runs.store().get(name[4:]).name if name.startswith("run:") else say(PRETRAINED[name].title)


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
    from vpc2.predict.runtime import quicken_later

    place = runs.store().path(name[4:]) if name.startswith("run:") else name
    classifier = open_classifier(place)
    quicken_later(classifier, place)
    return classifier


def stamp_of(name: str) -> float:
    """Return when a run's weights were last written; 0 for a ready-made net."""
    return runs.store().get(name[4:]).model_path.stat().st_mtime if name.startswith("run:") else 0.0


def classifier_of(name: str) -> Any:
    """Return the classifier called `name`; a run that went on training since is read again."""
    with st.spinner(_("Opening the classifier…")):
        return _opened(name, stamp_of(name))


def first_views(name: str) -> str:
    """Return the key of the set of views that a classifier starts with: of a net trained here, without the mirror."""
    return "no_mirror" if name.startswith("run:") else "standard"


def choose_views(name: str) -> list[str]:
    """Let the visitor choose how else to look at a picture; the plain view is always among them.

    A net trained here starts without the mirror: it knows hands, digits or shapes that a mirror may turn into another.
    """
    first = first_views(name)
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


def test_pictures(name: str, most: int = MOST_PICTURES, part: str = "test") -> ImageSet:
    """Return the pictures, at most `most`, of the "test" or "validation" part of this run's split, the same ones every time.

    No test picture took part in training. They are taken evenly from the whole: some data sets are sorted by class.
    """
    from vpc2.data.imageset import split_images

    recipe = runs.store().get(name[4:]).recipe
    if not datasets.is_ready(recipe.dataset):
        raise Refusal(_NO_DATA)
    data = datasets.load_dataset(recipe.dataset, recipe.settings["size_px"])
    chosen = getattr(split_images(data, recipe.settings["seed"], recipe.settings["train_share"]), part)
    return data.subset(chosen[np.linspace(0, len(chosen) - 1, min(most, len(chosen))).astype(int)])
