"""What one visitor knows of a classifier: its label, the version of its weights, the net itself, its recipe, and its test pictures.

What needs no session stands in `vpc2.predict.classifier_ref`.
"""

from __future__ import annotations

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
from vpc2.text import Refusal, Text
from vpc2.training.spec import Recipe
from vpc2.ui.computed import datasets as computed_datasets
from vpc2.ui.session import own_datasets, runs
from vpc2.ui.session.i18n import _, say

MOST_PICTURES = 400
MOST_FILES = 4  # classifiers that a visitor brought
MOST_PX = 224  # a ready-made net wants more of some: the pictures are made larger for it
TRAIN_SHARE = 0.6

_NO_SET = Text("No data set here has pictures in classes that this classifier knows: add one on Train, a folder a class, with its names.")
_NO_DATA = Text("The data set of this run is not on this machine any more.")


def trained() -> dict[ClassifierRef, str]:
    """Return the nets that were trained here or brought as a file, with their titles: the visitor's, and what they may see."""
    trained_here = {ClassifierRef("run", run.id): run.name for run in runs.visible_runs() if run.model_path.is_file()}
    brought = {ClassifierRef.parse(name): title for name, title in files().items()}
    return {**trained_here, **{ref: title for ref, title in brought.items() if uploaded_classifiers.is_here(ref)}}


def files() -> dict[str, str]:
    """Return the titles of the classifiers that this session opened from files, by their names: plain values, for the session."""
    return st.session_state.setdefault("judge/files", {})


def label_of(ref: ClassifierRef) -> str:
    """Return a classifier's name as a visitor knows it."""
    if ref.is_run:
        return runs.store().get(ref.id).name
    if ref.is_file:
        return files()[str(ref)]
    return say(PRETRAINED[ref.id].title) if ref.is_pretrained else ref.id


def recipe_of(ref: ClassifierRef) -> Recipe | None:
    """Return the recipe that a net was trained by here; None for a ready-made one, and for a file that names none that is known.

    Who has a run's id may look at what it was trained on. A file travels farther: a set of somebody else's that it names is not shown.
    """
    if ref.is_run:
        return runs.store().get(ref.id).recipe
    if not ref.is_file:
        return None
    try:
        recipe = codec.from_document(classifier_of(ref).made.get("recipe"), "recipe").spec
        is_known = own_datasets.may_look(recipe.dataset) and datasets.find_dataset(recipe.dataset).classes == classifier_of(ref).classes
        return recipe if is_known else None
    except Refusal:
        return None


def version_of(ref: ClassifierRef) -> ClassifierVersion:
    """Return a classifier with the stamp of its weights: when a run's were last written, 0 for a ready-made net and for a file, whose id
    changes with its bytes. Raises `Refusal` for a run that is gone.
    """
    return ClassifierVersion(ref, runs.store().get(ref.id).model_path.stat().st_mtime if ref.is_run else 0.0)


@st.cache_resource(max_entries=8, show_spinner=False)
def _opened(version: ClassifierVersion) -> Any:
    from vpc2.predict.opening import open_classifier
    from vpc2.predict.runtime.onnx_runtime import quicken_later

    ref = version.ref
    place = runs.store().path(ref.id) if ref.is_run else uploaded_classifiers.path_of(ref) if ref.is_file else ref
    classifier = open_classifier(place)
    quicken_later(classifier, place)
    return classifier


def classifier_of(ref: ClassifierRef) -> Any:
    """Return the classifier itself; a run that went on training since is read again."""
    version, known = version_of(ref), st.session_state.setdefault("judge/opened", set())
    if str(version) in known:  # drawing a spinner costs more than what it would announce
        return _opened(version)
    with st.spinner(_("Opening the classifier…")):
        found = _opened(version)
    known.add(str(version))
    return found


def is_here(ref: ClassifierRef) -> bool:
    """True where a classifier can be opened without a download."""
    return not ref.is_pretrained or is_ready(ref.id)


def choose(ref: ClassifierRef) -> None:
    """Choose a classifier for the visitor, in place of what the address or an earlier choice said; the next run shows it."""
    st.query_params.pop("run", None)
    st.query_params.pop("classifier", None)
    st.session_state["judge/classifier"] = str(ref)
    st.session_state["judge/choices"] = st.session_state.get("judge/choices", 0) + 1


def first_views(ref: ClassifierRef) -> str:
    """Return the key of the set of views that a classifier starts with: of a net trained here, without the mirror."""
    return "standard" if ref.is_pretrained else "no_mirror"


def sets_for(ref: ClassifierRef) -> list[str]:
    """Return the keys of the data sets that a classifier can be judged on: a run's own first, then the visitor's whose classes it knows."""
    from vpc2.predict.evaluation import match_classes

    own = [recipe.dataset] if (recipe := recipe_of(ref)) else []
    found, known = [], datasets.find_dataset(own[0]).classes if own else classifier_of(ref).classes
    own_sets = own_datasets.keys()
    for key in own_sets:
        try:
            match_classes(datasets.find_dataset(key).classes, known)
        except Refusal:
            continue
        if datasets.is_ready(key):
            found.append(key)
    return list(dict.fromkeys([*own, *found]))


def set_of(ref: ClassifierRef) -> str:
    """Return the key of the data set that this classifier is judged on. Raises `Refusal` where there is none."""
    keys = sets_for(ref)
    if not keys:
        raise Refusal(_NO_SET)
    chosen = st.session_state.get(f"judge/of/{ref}")
    return chosen if chosen in keys else keys[0]


def has_set(ref: ClassifierRef) -> bool:
    """True where there are pictures to judge a classifier on."""
    return is_here(ref) and bool(sets_for(ref))


def most_pictures() -> int:
    """Return how many test pictures the visitor wants judged at most."""
    return st.session_state.get("judge/most", MOST_PICTURES)


def test_pictures(ref: ClassifierRef, most: int = MOST_PICTURES, part: str = "test", *, dataset: str | None = None) -> ImageSet:
    """Return at most `most` pictures of the "test" or "validation" part of a data set, the one that is chosen for None; always the same.

    Of a run's own data no test picture took part in training; of another set all that do not validate are tested.
    They are taken evenly from the whole: some data sets are sorted by class.
    """
    from vpc2.data.imageset import split_images

    key = dataset or set_of(ref)
    if not datasets.is_ready(key):
        raise Refusal(_NO_DATA)
    recipe = recipe_of(ref)
    settings = recipe.settings if recipe else None
    is_own = recipe is not None and recipe.dataset == key
    side = settings["size_px"] if settings else min(classifier_of(ref).preprocessing.size_px, MOST_PX)
    data = computed_datasets.load_set(key, side)
    split = split_images(data, settings["seed"], settings["train_share"]) if is_own else split_images(data, 0, TRAIN_SHARE)
    chosen = split.validation if part == "validation" else split.test
    if part == "test" and not is_own:
        chosen = np.sort(np.concatenate([split.train, split.test]))
    return data.subset(chosen[np.linspace(0, len(chosen) - 1, min(most, len(chosen))).astype(int)])
