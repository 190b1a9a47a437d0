"""What the Judge page is about: which classifier, which views, and the pictures that a run may be judged by."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from vpc2 import codec
from vpc2.data import datasets
from vpc2.data.imageset import ImageSet
from vpc2.host import LIMITS, MB
from vpc2.predict import keeping
from vpc2.predict.classifier_ref import ClassifierRef, ClassifierVersion
from vpc2.predict.pretrained import is_ready, load_pretrained
from vpc2.predict.readymade import PRETRAINED
from vpc2.predict.views import VIEW_SETS, VIEWS, clean_views
from vpc2.training.spec import Recipe
from vpc2.ui import chrome, loading, ownsets, runs, state
from vpc2.ui.buttons import button
from vpc2.ui.language import _, number, say
from vpc2.words import Refusal, Text, clean_name

MOST_PICTURES = 400
MOST_FILES = 4  # classifiers that a visitor brought
MOST_PX = 224  # a ready-made net wants more of some: the pictures are made larger for it
TRAIN_SHARE = 0.6
AMOUNTS = (400, 2_000, 10_000)  # how many test pictures one may ask for

_NO_SET = Text(
    "No data set here has pictures in classes that this classifier knows: add one on Train, a folder a class, with its names.",
    "Ningún conjunto de datos de acá tiene imágenes en clases que este clasificador conozca: hay que agregar uno en Entrenar, una carpeta "
    "por clase, con sus nombres.",
)
_NO_DATA = Text(
    "The data set of this run is not on this machine any more.", "El conjunto de datos de este entrenamiento ya no está en esta máquina."
)


def choose_classifier(key: str = "judge/choose") -> ClassifierRef:
    """Let the visitor choose a trained run, a file or a pretrained net."""
    titles = {str(ref): title for ref, title in trained().items()}
    titles |= {key: say(entry.title) for key, entry in PRETRAINED.items()}
    linked = ClassifierRef.from_link(st.query_params)
    asked = str(linked)
    if asked not in titles:
        try:
            run = runs.store().get(linked.id if linked else "")
            if run.model_path.is_file():
                titles = {asked: run.name, **titles}
        except Refusal:
            asked = st.session_state.get("judge/classifier", next(iter(PRETRAINED)))
    name = st.selectbox(
        _("Classifier"),
        list(titles),
        index=list(titles).index(asked) if asked in titles else 0,
        format_func=titles.get,
        key=f"{key}/{st.session_state.get('judge/choices', 0)}",
    )
    st.session_state["judge/classifier"] = name
    chosen = ClassifierRef.parse(name)
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


def trained() -> dict[ClassifierRef, str]:
    """Return the nets that were trained here or brought as a file, with their titles: the visitor's, and what they may see."""
    trained_here = {ClassifierRef("run", run.id): run.name for run in runs.visible_runs() if run.model_path.is_file()}
    brought = {ClassifierRef.parse(name): title for name, title in _files().items()}
    return {**trained_here, **{ref: title for ref, title in brought.items() if keeping.is_here(ref)}}


def _files() -> dict[str, str]:
    """Return the titles of the classifiers that this session opened from files, by their names: plain values, for the session."""
    return st.session_state.setdefault("judge/files", {})


def draw_opening() -> None:
    """Let the visitor bring a classifier that was saved on Train; what it holds is checked before anything of it is used."""
    count = st.session_state.setdefault("judge/opened files", 0)
    with st.popover(_("Open a classifier"), icon=":material/folder_open:", key=f"judge/open/{count}", width="stretch"):
        st.caption(_("A file that Train saved: classifier.safetensors. It stays on this server, for you alone, while it is used."))
        most = min(LIMITS.classifier_bytes // MB, st.get_option("server.maxUploadSize"))  # the server takes no larger upload
        given = st.file_uploader(_("A classifier"), type=["safetensors"], key=f"judge/file/{count}", max_upload_size=most)
    if given is None:
        return
    st.session_state["judge/opened files"] += 1
    try:
        ref, classifier = keeping.keep(given.getvalue())
    except Refusal as refusal:
        state.remember_note(refusal.text, "error")
    else:
        _files()[str(ref)] = classifier.name or clean_name(given.name.removesuffix(".safetensors"))
        while len(_files()) > MOST_FILES:
            _files().pop(next(iter(_files())))
        choose(ref)
    st.rerun()


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
        is_known = ownsets.may_look(recipe.dataset) and datasets.find_dataset(recipe.dataset).classes == classifier_of(ref).classes
        return recipe if is_known else None
    except Refusal:
        return None


def label_of(ref: ClassifierRef) -> str:
    """Return a classifier's name as a visitor knows it."""
    if ref.is_run:
        return runs.store().get(ref.id).name
    if ref.is_file:
        return _files()[str(ref)]
    return say(PRETRAINED[ref.id].title) if ref.is_pretrained else ref.id


def choose(ref: ClassifierRef) -> None:
    """Choose a classifier for the visitor, in place of what the address or an earlier choice said; the next run shows it."""
    st.query_params.pop("run", None)
    st.query_params.pop("classifier", None)
    st.session_state["judge/classifier"] = str(ref)
    st.session_state["judge/choices"] = st.session_state.get("judge/choices", 0) + 1


def is_here(ref: ClassifierRef) -> bool:
    """True where a classifier can be opened without a download."""
    return not ref.is_pretrained or is_ready(ref.id)


def _draw_download(ref: ClassifierRef) -> None:
    """Offer to download a ready-made classifier, with progress; without network it says so and nothing is left behind."""
    if is_here(ref):
        return
    size_mb = PRETRAINED[ref.id].download_mb
    st.info(_("Its weights are not on this machine yet ({mb} MB).").format(mb=number(size_mb)), icon=":material/info:")
    if button(_("Download it now"), icon=":material/download:", key=f"download/{ref}"):
        bar = st.progress(0.0)
        if chrome.guarded(load_pretrained, ref.id, lambda share: bar.progress(min(share, 1.0))) is not None:
            st.rerun()


@st.cache_resource(max_entries=8, show_spinner=False)
def _opened(version: ClassifierVersion) -> Any:
    from vpc2.predict.classifier import open_classifier
    from vpc2.predict.runtime import quicken_later

    ref = version.ref
    place = runs.store().path(ref.id) if ref.is_run else keeping.path_of(ref) if ref.is_file else ref
    classifier = open_classifier(place)
    quicken_later(classifier, place)
    return classifier


def version_of(ref: ClassifierRef) -> ClassifierVersion:
    """Return a classifier with the stamp of its weights: when a run's were last written, 0 for a ready-made net and for a file, whose id
    changes with its bytes. Raises `Refusal` for a run that is gone.
    """
    return ClassifierVersion(ref, runs.store().get(ref.id).model_path.stat().st_mtime if ref.is_run else 0.0)


def classifier_of(ref: ClassifierRef) -> Any:
    """Return the classifier itself; a run that went on training since is read again."""
    version, known = version_of(ref), st.session_state.setdefault("judge/opened", set())
    if str(version) in known:  # drawing a spinner costs more than what it would announce
        return _opened(version)
    with st.spinner(_("Opening the classifier…")):
        found = _opened(version)
    known.add(str(version))
    return found


def first_views(ref: ClassifierRef) -> str:
    """Return the key of the set of views that a classifier starts with: of a net trained here, without the mirror."""
    return "standard" if ref.is_pretrained else "no_mirror"


def choose_views(ref: ClassifierRef) -> list[str]:
    """Let the visitor choose how else to look at a picture; the plain view is always among them.

    A net trained here starts without the mirror: it knows hands, digits or shapes that a mirror may turn into another.
    """
    first = first_views(ref)
    linked = chrome.guarded(linked_views)
    preset = st.selectbox(
        _("Set of views"),
        list(VIEW_SETS),
        index=list(VIEW_SETS).index(first),
        format_func=lambda key: say(VIEW_SETS[key].title),
        key=f"judge/set/{first}",
    )
    if linked and st.session_state.get("judge/linked") != linked:
        st.session_state["judge/linked"] = linked
        st.session_state[f"judge/views/{preset}"] = list(linked)
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


def linked_views() -> tuple[str, ...] | None:
    """Return the views that the page's link asks for, None where it asks for none. Raises `Refusal` for a view that is not known."""
    given = st.query_params.get("views")
    return clean_views(given.split(",")[: len(VIEWS)]) if given else None


def link_to(ref: ClassifierRef, views: list[str], how: str) -> str:
    """Return the address that opens this page with the same classifier, views of the table and merge."""
    asked = {**ref.to_link(), "views": ",".join(view for view in views if view in VIEWS), "merge": how}
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(asked, safe=',')}"


def sets_for(ref: ClassifierRef) -> list[str]:
    """Return the keys of the data sets that a classifier can be judged on: a run's own first, then the visitor's whose classes it knows."""
    from vpc2.predict.metrics import match_classes

    own = [recipe.dataset] if (recipe := recipe_of(ref)) else []
    found, known = [], datasets.find_dataset(own[0]).classes if own else classifier_of(ref).classes
    own_sets = ownsets.keys()
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


def draw_lack() -> None:
    """Say what to do where there are no test pictures for a classifier."""
    st.info(
        _("This needs test pictures: choose a net that was trained here, or add pictures of classes this one knows on Train."),
        icon=":material/info:",
    )
    st.page_link(chrome.script("train"), label=_("Train a net in seconds"), icon=":material/model_training:")


def choose_set(ref: ClassifierRef) -> None:
    """Let the visitor choose the test pictures and how many of them, where there is a choice."""
    keys = sets_for(ref) if is_here(ref) else []
    if not keys:
        return
    current = set_of(ref)
    st.session_state[f"judge/of/{ref}"] = st.selectbox(
        _("Test pictures of"),
        keys,
        index=keys.index(current),
        format_func=lambda key: say(datasets.find_dataset(key).title),
        key=f"judge/sets/{ref}/{len(keys)}",
    )
    st.session_state["judge/most"] = st.select_slider(
        _("At most"), AMOUNTS, value=st.session_state.get("judge/most", MOST_PICTURES), format_func=number, key="judge/amount"
    )


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
    data = loading.load_set(key, side)
    split = split_images(data, settings["seed"], settings["train_share"]) if is_own else split_images(data, 0, TRAIN_SHARE)
    chosen = split.validation if part == "validation" else split.test
    if part == "test" and not is_own:
        chosen = np.sort(np.concatenate([split.train, split.test]))
    return data.subset(chosen[np.linspace(0, len(chosen) - 1, min(most, len(chosen))).astype(int)])
