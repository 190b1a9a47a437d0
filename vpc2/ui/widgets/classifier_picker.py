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
from vpc2.predict import uploaded_classifiers
from vpc2.predict.pretrained.catalog import PRETRAINED
from vpc2.predict.pretrained.loading import is_ready, load_pretrained
from vpc2.predict.tta.views import VIEW_SETS, VIEWS, clean_views
from vpc2.text import Refusal, Text, clean_name
from vpc2.training.spec import Recipe
from vpc2.ui.computed import datasets as computed_datasets
from vpc2.ui.session import notices, own_datasets, runs
from vpc2.ui.session.i18n import _, number, say
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button

MOST_PICTURES = 400
MOST_FILES = 4  # classifiers that a visitor brought
MOST_PX = 224  # a ready-made net wants more of some: the pictures are made larger for it
TRAIN_SHARE = 0.6
AMOUNTS = (400, 2_000, 10_000)  # how many test pictures one may ask for

_NO_SET = Text("No data set here has pictures in classes that this classifier knows: add one on Train, a folder a class, with its names.")
_NO_DATA = Text("The data set of this run is not on this machine any more.")


def choose_classifier(key: str = "judge/choose") -> str:
    """Let the visitor choose a trained run, a file or a pretrained net; return its name: `run:…`, `file:…` or a key of PRETRAINED."""
    known = trained()
    options = [*known, *PRETRAINED]
    asked = f"run:{st.query_params.get('run', '')}"
    if st.query_params.get("classifier") in PRETRAINED:
        asked = st.query_params["classifier"]
    if asked not in options:
        try:
            run = runs.store().get(st.query_params.get("run", ""))
            if run.model_path.is_file():
                known[asked], options = run.name, [asked, *options]
        except Refusal:
            asked = st.session_state.get("judge/classifier", next(iter(PRETRAINED)))
    chosen = st.selectbox(
        _("Classifier"),
        options,
        index=options.index(asked) if asked in options else 0,
        format_func=lambda name: known[name] if name in known else say(PRETRAINED[name].title),
        key=f"{key}/{st.session_state.get('judge/choices', 0)}",
    )
    st.session_state["judge/classifier"] = chosen
    classifier = page_frame.guarded(classifier_of, chosen) if is_here(chosen) else None
    if classifier is None:
        _draw_download(chosen)
    else:
        st.caption(
            _("{k} classes; pictures of {size} × {size} px.").format(
                k=number(len(classifier.classes)), size=classifier.preprocessing.size_px
            )
        )
    return chosen


def trained() -> dict[str, str]:
    """Return the nets that were trained here or brought as a file, by name, with their titles: the visitor's, and what they may see."""
    files = {name: title for name, title in _files().items() if uploaded_classifiers.is_here(name)}
    return {**{f"run:{run.id}": run.name for run in runs.visible_runs() if run.model_path.is_file()}, **files}


def _files() -> dict[str, str]:
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
        name, classifier = uploaded_classifiers.keep(given.getvalue())
    except Refusal as refusal:
        notices.remember_note(refusal.text, "error")
    else:
        _files()[name] = classifier.name or clean_name(given.name.removesuffix(".safetensors"))
        while len(_files()) > MOST_FILES:
            _files().pop(next(iter(_files())))
        choose(name)
    st.rerun()


def recipe_of(name: str) -> Recipe | None:
    """Return the recipe that a net was trained by here; None for a ready-made one, and for a file that names none that is known.

    Who has a run's id may look at what it was trained on. A file travels farther: a set of somebody else's that it names is not shown.
    """
    if name.startswith("run:"):
        return runs.store().get(name[4:]).recipe
    if name in PRETRAINED:
        return None
    try:
        recipe = codec.from_document(classifier_of(name).made.get("recipe"), "recipe").spec
        is_known = own_datasets.may_look(recipe.dataset) and datasets.find_dataset(recipe.dataset).classes == classifier_of(name).classes
        return recipe if is_known else None
    except Refusal:
        return None


def title_of(name: str) -> str:
    """Return a classifier's name as a visitor knows it."""
    if name in PRETRAINED:
        return say(PRETRAINED[name].title)
    return runs.store().get(name[4:]).name if name.startswith("run:") else _files()[name]


def choose(name: str) -> None:
    """Choose a classifier for the visitor, in place of what the address or an earlier choice said; the next run shows it."""
    st.query_params.pop("run", None)
    st.query_params.pop("classifier", None)
    st.session_state["judge/classifier"] = name
    st.session_state["judge/choices"] = st.session_state.get("judge/choices", 0) + 1


def is_file(name: str) -> bool:
    """True for a classifier that was opened from a file: it has no run, and no address."""
    return bool(uploaded_classifiers.KEY.fullmatch(name))


def is_here(name: str) -> bool:
    """True where a classifier can be opened without a download."""
    return name not in PRETRAINED or is_ready(name)


def _draw_download(name: str) -> None:
    """Offer to download a ready-made classifier, with progress; without network it says so and nothing is left behind."""
    if is_here(name):
        return
    st.info(_("Its weights are not on this machine yet ({mb} MB).").format(mb=number(PRETRAINED[name].download_mb)), icon=":material/info:")
    if button(_("Download it now"), icon=":material/download:", key=f"download/{name}"):
        bar = st.progress(0.0)
        if page_frame.guarded(load_pretrained, name, lambda share: bar.progress(min(share, 1.0))) is not None:
            st.rerun()


@st.cache_resource(max_entries=8, show_spinner=False)
def _opened(name: str, stamp: float) -> Any:
    from vpc2.predict.opening import open_classifier
    from vpc2.predict.runtime.onnx_runtime import quicken_later

    place = name if name in PRETRAINED else runs.store().path(name[4:]) if name.startswith("run:") else uploaded_classifiers.path_of(name)
    classifier = open_classifier(place)
    quicken_later(classifier, place)
    return classifier


def stamp_of(name: str) -> float:
    """Return when a run's weights were last written; 0 for a ready-made net and for a file, whose name changes with its bytes."""
    return runs.store().get(name[4:]).model_path.stat().st_mtime if name.startswith("run:") else 0.0


def mark_of(name: str) -> tuple[float, str]:
    """Return what answers about test pictures depend on: when the weights were written, and whose pictures they are."""
    return stamp_of(name), set_of(name)


def classifier_of(name: str) -> Any:
    """Return the classifier called `name`; a run that went on training since is read again."""
    place = name, stamp_of(name)
    if place in st.session_state.setdefault("judge/opened", set()):  # drawing a spinner costs more than what it would announce
        return _opened(*place)
    with st.spinner(_("Opening the classifier…")):
        found = _opened(*place)
    st.session_state["judge/opened"].add(place)
    return found


def first_views(name: str) -> str:
    """Return the key of the set of views that a classifier starts with: of a net trained here, without the mirror."""
    return "standard" if name in PRETRAINED else "no_mirror"


def choose_views(name: str) -> list[str]:
    """Let the visitor choose how else to look at a picture; the plain view is always among them.

    A net trained here starts without the mirror: it knows hands, digits or shapes that a mirror may turn into another.
    """
    first = first_views(name)
    linked = page_frame.guarded(linked_views)
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


def link_to(name: str, views: list[str], how: str) -> str:
    """Return the address that opens this page with the same classifier, views of the table and merge."""
    who = {"run": name[4:]} if name.startswith("run:") else {"classifier": name} if name in PRETRAINED else {}
    asked = {**who, "views": ",".join(view for view in views if view in VIEWS), "merge": how}
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(asked, safe=',')}"


def sets_for(name: str) -> list[str]:
    """Return the keys of the data sets that a classifier can be judged on: a run's own first, then the visitor's whose classes it knows."""
    from vpc2.predict.metrics import match_classes

    own = [recipe.dataset] if (recipe := recipe_of(name)) else []
    found, known = [], datasets.find_dataset(own[0]).classes if own else classifier_of(name).classes
    own_sets = own_datasets.keys()
    for key in own_sets:
        try:
            match_classes(datasets.find_dataset(key).classes, known)
        except Refusal:
            continue
        if datasets.is_ready(key):
            found.append(key)
    return list(dict.fromkeys([*own, *found]))


def set_of(name: str) -> str:
    """Return the key of the data set that this classifier is judged on. Raises `Refusal` where there is none."""
    keys = sets_for(name)
    if not keys:
        raise Refusal(_NO_SET)
    chosen = st.session_state.get(f"judge/of/{name}")
    return chosen if chosen in keys else keys[0]


def has_set(name: str) -> bool:
    """True where there are pictures to judge a classifier on."""
    return is_here(name) and bool(sets_for(name))


def draw_lack() -> None:
    """Say what to do where there are no test pictures for a classifier."""
    st.info(
        _("This needs test pictures: choose a net that was trained here, or add pictures of classes this one knows on Train."),
        icon=":material/info:",
    )
    st.page_link(page_frame.script("train"), label=_("Train a net in seconds"), icon=":material/model_training:")


def choose_set(name: str) -> None:
    """Let the visitor choose the test pictures and how many of them, where there is a choice."""
    keys = sets_for(name) if is_here(name) else []
    if not keys:
        return
    current = set_of(name)
    st.session_state[f"judge/of/{name}"] = st.selectbox(
        _("Test pictures of"),
        keys,
        index=keys.index(current),
        format_func=lambda key: say(datasets.find_dataset(key).title),
        key=f"judge/sets/{name}/{len(keys)}",
    )
    st.session_state["judge/most"] = st.select_slider(
        _("At most"), AMOUNTS, value=st.session_state.get("judge/most", MOST_PICTURES), format_func=number, key="judge/amount"
    )


def most_pictures() -> int:
    """Return how many test pictures the visitor wants judged at most."""
    return st.session_state.get("judge/most", MOST_PICTURES)


def test_pictures(name: str, most: int = MOST_PICTURES, part: str = "test") -> ImageSet:
    """Return the pictures, at most `most`, of the "test" or "validation" part, the same ones every time.

    Of a run's own data no test picture took part in training; of another set all that do not validate are tested.
    They are taken evenly from the whole: some data sets are sorted by class.
    """
    from vpc2.data.imageset import split_images

    key = set_of(name)
    if not datasets.is_ready(key):
        raise Refusal(_NO_DATA)
    recipe = recipe_of(name)
    settings = recipe.settings if recipe else None
    is_own = recipe is not None and recipe.dataset == key
    side = settings["size_px"] if settings else min(classifier_of(name).preprocessing.size_px, MOST_PX)
    data = computed_datasets.load_set(key, side)
    split = split_images(data, settings["seed"], settings["train_share"]) if is_own else split_images(data, 0, TRAIN_SHARE)
    chosen = split.validation if part == "validation" else split.test
    if part == "test" and not is_own:
        chosen = np.sort(np.concatenate([split.train, split.test]))
    return data.subset(chosen[np.linspace(0, len(chosen) - 1, min(most, len(chosen))).astype(int)])
