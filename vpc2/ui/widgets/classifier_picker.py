"""Choosing a classifier, its test pictures, and the views it is asked in."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from vpc2.data import datasets
from vpc2.host import LIMITS, MB
from vpc2.predict import uploaded_classifiers
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.predict.pretrained.catalog import PRETRAINED
from vpc2.predict.pretrained.loading import load_pretrained
from vpc2.predict.tta.views import VIEW_SETS, VIEWS, clean_views
from vpc2.text import Refusal, clean_name
from vpc2.ui.computed import classifiers
from vpc2.ui.session import notices, runs
from vpc2.ui.session.i18n import _, number, say
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button

AMOUNTS = (400, 2_000, 10_000)  # how many test pictures one may ask for


def choose_classifier(key: str = "judge/choose") -> ClassifierRef:
    """Let the visitor choose a trained run, a file or a pretrained net."""
    titles = {str(ref): title for ref, title in classifiers.trained().items()}
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
    classifier = page_frame.guarded(classifiers.classifier_of, chosen) if classifiers.is_here(chosen) else None
    if classifier is None:
        _draw_download(chosen)
    else:
        st.caption(
            _("{k} classes; pictures of {size} × {size} px.").format(
                k=number(len(classifier.classes)), size=classifier.preprocessing.size_px
            )
        )
    return chosen


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
        ref, classifier = uploaded_classifiers.keep(given.getvalue())
    except Refusal as refusal:
        notices.remember_note(refusal.text, "error")
    else:
        classifiers.files()[str(ref)] = classifier.name or clean_name(given.name.removesuffix(".safetensors"))
        while len(classifiers.files()) > classifiers.MOST_FILES:
            classifiers.files().pop(next(iter(classifiers.files())))
        classifiers.choose(ref)
    st.rerun()


def _draw_download(ref: ClassifierRef) -> None:
    """Offer to download a ready-made classifier, with progress; without network it says so and nothing is left behind."""
    if classifiers.is_here(ref):
        return
    size_mb = PRETRAINED[ref.id].download_mb
    st.info(_("Its weights are not on this machine yet ({mb} MB).").format(mb=number(size_mb)), icon=":material/info:")
    if button(_("Download it now"), icon=":material/download:", key=f"download/{ref}"):
        bar = st.progress(0.0)
        if page_frame.guarded(load_pretrained, ref.id, lambda share: bar.progress(min(share, 1.0))) is not None:
            st.rerun()


def choose_views(ref: ClassifierRef) -> list[str]:
    """Let the visitor choose how else to look at a picture; the plain view is always among them.

    A net trained here starts without the mirror: it knows hands, digits or shapes that a mirror may turn into another.
    """
    first = classifiers.first_views(ref)
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


def link_to(ref: ClassifierRef, views: list[str], how: str) -> str:
    """Return the address that opens this page with the same classifier, views of the table and merge."""
    asked = {**ref.to_link(), "views": ",".join(view for view in views if view in VIEWS), "merge": how}
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(asked, safe=',')}"


def draw_lack() -> None:
    """Say what to do where there are no test pictures for a classifier."""
    st.info(
        _("This needs test pictures: choose a net that was trained here, or add pictures of classes this one knows on Train."),
        icon=":material/info:",
    )
    st.page_link(page_frame.script("train"), label=_("Train a net in seconds"), icon=":material/model_training:")


def choose_set(ref: ClassifierRef) -> None:
    """Let the visitor choose the test pictures and how many of them, where there is a choice."""
    keys = classifiers.sets_for(ref) if classifiers.is_here(ref) else []
    if not keys:
        return
    current = classifiers.set_of(ref)
    st.session_state[f"judge/of/{ref}"] = st.selectbox(
        _("Test pictures of"),
        keys,
        index=keys.index(current),
        format_func=lambda key: say(datasets.find_dataset(key).title),
        key=f"judge/sets/{ref}/{len(keys)}",
    )
    st.session_state["judge/most"] = st.select_slider(
        _("At most"), AMOUNTS, value=st.session_state.get("judge/most", classifiers.MOST_PICTURES), format_func=number, key="judge/amount"
    )
