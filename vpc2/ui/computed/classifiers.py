"""Classifiers as one visitor sees them: title, version of the weights, loaded model, recipe, and data set for the evaluation.

What needs no session is in `vpc2.predict.classifier_ref`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import streamlit as st

from vpc2 import codec
from vpc2.data import datasets
from vpc2.data.imageset import ImageSet
from vpc2.predict import uploaded_classifiers
from vpc2.predict.classifier_ref import ClassifierRef, ClassifierVersion
from vpc2.predict.pretrained.catalog import PRETRAINED
from vpc2.predict.pretrained.loading import is_ready
from vpc2.predict.tta.views import ViewSet, default_set
from vpc2.text import Refusal, Text
from vpc2.training.spec import Recipe
from vpc2.ui.computed import datasets as computed_datasets
from vpc2.ui.session import own_datasets, runs
from vpc2.ui.session.i18n import _, localize

MAX_PICTURES = 400
MAX_FILES = 4  # classifiers opened from files, per session
MAX_PX = 224  # pretrained nets with a larger input get upscaled images
TRAIN_SHARE = 0.6

_NO_SET = Text("No data set here has pictures in classes that this classifier knows: add one on Train, a folder a class, with its names.")
_NO_DATA = Text("The data set of this run is not on this machine any more.")


def usable_classifiers() -> dict[ClassifierRef, str]:
    """Return the titles of the classifiers that the visitor may use: runs with a saved model, and files opened in this session."""
    trained_here = {ClassifierRef("run", run.id): run.name for run in runs.visible_runs() if run.model_path.is_file()}
    from_files = {ClassifierRef.parse(name): title for name, title in opened_files().items()}
    return {**trained_here, **{ref: title for ref, title in from_files.items() if uploaded_classifiers.is_available(ref)}}


def opened_files() -> dict[str, str]:
    """Return the titles of the classifiers opened from files in this session, by the text of their references (plain values)."""
    return st.session_state.setdefault("judge/files", {})


def reopen_file(name: str) -> None:
    """Open again the uploaded classifier that was chosen before a reload, while the server still has it."""
    with suppress(Refusal):
        ref = ClassifierRef.parse(name)
        if ref.is_file and name not in opened_files() and uploaded_classifiers.is_available(ref):
            opened_files()[name] = _load(ClassifierVersion(ref)).name or _("Opened classifier")


def classifier_title(ref: ClassifierRef) -> str:
    """Return the title of a classifier."""
    if ref.is_run:
        return runs.store().get(ref.id).name
    if ref.is_file:
        return opened_files()[str(ref)]
    return localize(PRETRAINED[ref.id].title) if ref.is_pretrained else ref.id


def recipe_of(ref: ClassifierRef) -> Recipe | None:
    """Return the recipe that a classifier was trained with; None for a pretrained one, and for a file without a usable recipe.

    Whoever has a run's id may see its training data. A file may be passed on to anyone, so a data set of another visitor that its recipe
    names is not shown.
    """
    if ref.is_run:
        return runs.store().get(ref.id).recipe
    if not ref.is_file:
        return None
    try:
        recipe = codec.from_document(classifier_of(ref).provenance.get("recipe"), "recipe").spec
        is_known = own_datasets.is_visible(recipe.dataset) and datasets.find_dataset(recipe.dataset).classes == classifier_of(ref).classes
        return recipe if is_known else None
    except Refusal:
        return None


def version_of(ref: ClassifierRef) -> ClassifierVersion:
    """Return a classifier with the version of its weights: the modification time of a run's model; 0 for pretrained nets, and for files,
    whose id changes with their bytes. Raises `Refusal` for a deleted run.
    """
    return ClassifierVersion(ref, runs.store().get(ref.id).model_path.stat().st_mtime if ref.is_run else 0.0)


@st.cache_resource(max_entries=8, show_spinner=False)
def _load(version: ClassifierVersion) -> Any:
    from vpc2.predict.opening import open_classifier
    from vpc2.predict.runtime.onnx_runtime import quicken_later

    ref = version.ref
    place = runs.store().path(ref.id) if ref.is_run else uploaded_classifiers.path_of(ref) if ref.is_file else ref
    classifier = open_classifier(place)
    quicken_later(classifier, place)
    return classifier


def classifier_of(ref: ClassifierRef) -> Any:
    """Return the loaded classifier; the model of a run is loaded again after further training."""
    version, known = version_of(ref), st.session_state.setdefault("judge/opened", set())
    if str(version) in known:  # cached: drawing a spinner would take longer than loading
        return _load(version)
    with st.spinner(_("Opening the classifier…")):
        classifier = _load(version)
    known.add(str(version))
    return classifier


def is_available(ref: ClassifierRef) -> bool:
    """True if a classifier can be opened without a download."""
    return not ref.is_pretrained or is_ready(ref.id)


def select_classifier(ref: ClassifierRef) -> None:
    """Select a classifier in place of the one in the URL or selected before; takes effect at the next rerun."""
    st.query_params.pop("run", None)
    st.query_params.pop("classifier", None)
    st.session_state["judge/classifier"] = str(ref)
    st.session_state["judge/choices"] = st.session_state.get("judge/choices", 0) + 1


def default_views(ref: ClassifierRef) -> ViewSet:
    """Return the set of views that a classifier is asked in unless the visitor chooses another."""
    return default_set(is_pretrained=ref.is_pretrained)


def datasets_for(ref: ClassifierRef) -> list[str]:
    """Return the keys of the data sets for evaluating a classifier: that of its recipe, then the visitor's sets with classes it knows."""
    from vpc2.predict.evaluation import match_classes

    own_dataset = [recipe.dataset] if (recipe := recipe_of(ref)) else []
    matching, known = [], datasets.find_dataset(own_dataset[0]).classes if own_dataset else classifier_of(ref).classes
    own_sets = own_datasets.keys()
    for key in own_sets:
        try:
            match_classes(datasets.find_dataset(key).classes, known)
        except Refusal:
            continue
        if datasets.is_ready(key):
            matching.append(key)
    return list(dict.fromkeys([*own_dataset, *matching]))


def dataset_of(ref: ClassifierRef) -> str:
    """Return the key of the data set selected for evaluating a classifier. Raises `Refusal` if there is none."""
    keys = datasets_for(ref)
    if not keys:
        raise Refusal(_NO_SET)
    chosen = st.session_state.get(f"judge/of/{ref}")
    return chosen if chosen in keys else keys[0]


def has_dataset(ref: ClassifierRef) -> bool:
    """True if there is a data set for evaluating a classifier."""
    return is_available(ref) and bool(datasets_for(ref))


def max_test_images() -> int:
    """Return the maximum number of test images that the visitor selected."""
    return st.session_state.get("judge/most", MAX_PICTURES)


def test_images(ref: ClassifierRef, limit: int = MAX_PICTURES, subset: str = "test", *, dataset: str | None = None) -> ImageSet:
    """Return at most `limit` images of the "test" or "validation" split of a data set (None: the selected one); always the same ones.

    The test split of a run's own data set took no part in its training. Of another data set all images outside the validation split are
    test images. The images are taken at even steps, because some data sets are sorted by class.
    """
    from vpc2.data.imageset import split_images

    key = dataset or dataset_of(ref)
    if not datasets.is_ready(key):
        raise Refusal(_NO_DATA)
    recipe = recipe_of(ref)
    settings = recipe.settings if recipe else None
    is_own = recipe is not None and recipe.dataset == key
    side = settings["size_px"] if settings else min(classifier_of(ref).preprocessing.size_px, MAX_PX)
    data = computed_datasets.load_cached_dataset(key, side)
    split = split_images(data, settings["seed"], settings["train_share"]) if is_own and settings else split_images(data, 0, TRAIN_SHARE)
    indices = split.validation if subset == "validation" else split.test
    if subset == "test" and not is_own:
        indices = np.sort(np.concatenate([split.train, split.test]))
    return data.subset(indices[np.linspace(0, len(indices) - 1, min(limit, len(indices))).astype(int)])
