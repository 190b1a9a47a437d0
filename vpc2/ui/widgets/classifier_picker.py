"""Widgets that select a classifier, its test set and the views of test-time augmentation; also the link to a selection."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from vpc2.data import datasets
from vpc2.predict import uploaded_classifiers
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.predict.pretrained.catalog import PRETRAINED
from vpc2.predict.pretrained.loading import load_pretrained
from vpc2.predict.tta.views import IDENTITY, VIEW_SETS, VIEWS, clean_views
from vpc2.system.host import LIMITS, MB
from vpc2.text import Refusal, clean_name
from vpc2.ui.computed import classifiers
from vpc2.ui.session import notices, runs
from vpc2.ui.session.i18n import _, localize, number
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button

JUDGED = "judge/choose"  # the choice on Judge
AMOUNTS = (400, 2_000, 10_000)  # choices for the maximum number of test images


def choose_classifier(key: str = JUDGED) -> ClassifierRef:
    """Draw the choice of classifier (a trained run, an opened file or a pretrained net) and return its reference."""
    linked = ClassifierRef.from_link(st.query_params)
    selected = str(linked) if linked else st.session_state.get("judge/classifier", next(iter(PRETRAINED)))
    classifiers.reopen_file(selected)
    titles = {str(ref): title for ref, title in classifiers.usable_classifiers().items()}
    titles |= {key: localize(entry.title) for key, entry in PRETRAINED.items()}
    if selected not in titles:
        try:
            run = runs.store().get(linked.id if linked else "")
            if run.model_path.is_file():
                titles = {selected: run.name, **titles}
        except Refusal:
            selected = st.session_state.get("judge/classifier", next(iter(PRETRAINED)))
    name = st.selectbox(
        _("Classifier"),
        list(titles),
        index=list(titles).index(selected) if selected in titles else 0,
        format_func=titles.__getitem__,
        key=f"{key}/{st.session_state.get('judge/choices', 0)}",
    )
    st.session_state["judge/classifier"] = name
    ref = ClassifierRef.parse(name)
    # The address says what is judged, for a reload. Of the first classifier of all it says nothing unless it did before: what the browser
    # kept of an earlier session arrives after this, and gives way to an address.
    if key == JUDGED and ref != linked and (linked is not None or name != next(iter(PRETRAINED))):
        for parameter in ("run", "classifier"):
            st.query_params.pop(parameter, None)
        st.query_params.update(ref.to_link())
    classifier = page_frame.show_or_refuse(classifiers.classifier_of, ref) if classifiers.is_available(ref) else None
    if classifier is None:
        _draw_download(ref)
    else:
        st.caption(
            _("{k} classes; pictures of {size} × {size} px.").format(
                k=number(len(classifier.classes)), size=classifier.preprocessing.size_px
            )
        )
    return ref


def show_classifier_upload() -> None:
    """Draw the upload of a classifier file saved on the Train page; the file is validated before any use."""
    count = st.session_state.setdefault("judge/opened files", 0)
    with st.popover(_("Open a classifier"), icon=":material/folder_open:", key=f"judge/open/{count}", width="stretch"):
        st.caption(_("A file that Train saved: classifier.safetensors. It stays on this server, for you alone, while it is used."))
        limit_mb = min(LIMITS.classifier_bytes // MB, st.get_option("server.maxUploadSize"))  # the server accepts no larger upload
        upload = st.file_uploader(_("A classifier"), type=["safetensors"], key=f"judge/file/{count}", max_upload_size=limit_mb)
    if upload is None:
        return
    st.session_state["judge/opened files"] += 1
    try:
        ref, classifier = uploaded_classifiers.keep(upload.getvalue())
    except Refusal as refusal:
        notices.add_note(refusal.text, "error")
    else:
        classifiers.opened_files()[str(ref)] = classifier.name or clean_name(upload.name.removesuffix(".safetensors"))
        while len(classifiers.opened_files()) > classifiers.MAX_FILES:
            classifiers.opened_files().pop(next(iter(classifiers.opened_files())))
        classifiers.select_classifier(ref)
    st.rerun()


def _draw_download(ref: ClassifierRef) -> None:
    """Draw the download of a pretrained classifier, with progress; a failed download is reported and leaves no file."""
    if classifiers.is_available(ref):
        return
    size_mb = PRETRAINED[ref.id].download_mb
    st.info(_("Its weights are not on this machine yet ({mb} MB).").format(mb=number(size_mb)), icon=":material/info:")
    if button(_("Download it now"), icon=":material/download:", key=f"download/{ref}"):
        bar = st.progress(0.0)
        if page_frame.show_or_refuse(load_pretrained, ref.id, lambda share: bar.progress(min(share, 1.0))) is not None:
            st.rerun()


def choose_views(ref: ClassifierRef) -> list[str]:
    """Draw the choice of views, which starts at the classifier's default set, and return their keys; the identity is always the first."""
    first = classifiers.default_views(ref).key
    linked = page_frame.show_or_refuse(linked_views)
    preset = st.selectbox(
        _("Set of views"),
        list(VIEW_SETS),
        index=list(VIEW_SETS).index(first),
        format_func=lambda key: localize(VIEW_SETS[key].title),
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
            format_func=lambda key: localize(VIEWS[key].title),
            key=f"judge/views/{preset}",
            wrap=True,
            help=_("Each view is the same photograph seen a little differently; the answers are averaged."),
        )
    return [IDENTITY, *(key for key in VIEWS if key in (chosen or []) and key != IDENTITY)]


def linked_views() -> tuple[str, ...] | None:
    """Return the views in the page's URL, None without any. Raises `Refusal` for an unknown view."""
    views = st.query_params.get("views")
    return clean_views(views.split(",")[: len(VIEWS)]) if views else None


def link_of(ref: ClassifierRef, views: list[str], how: str) -> str:
    """Return the URL that opens this page with the same classifier, views and merge; draws of a pipeline are left out."""
    parameters = {**ref.to_link(), "views": ",".join(view for view in views if view in VIEWS), "merge": how}
    return f"{(st.context.url or '').split('?')[0]}?{urlencode(parameters, safe=',')}"


def show_no_test_set() -> None:
    """Draw what to do if there are no test images for a classifier."""
    st.info(
        _("This needs test pictures: choose a net that was trained here, or add pictures of classes this one knows on Train."),
        icon=":material/info:",
    )
    st.page_link(page_frame.script_path("train"), label=_("Train a net in seconds"), icon=":material/model_training:")


def choose_dataset(ref: ClassifierRef) -> None:
    """Draw the choice of data set and of the maximum number of its test images, if there is one."""
    keys = classifiers.datasets_for(ref) if classifiers.is_available(ref) else []
    if not keys:
        return
    current = classifiers.dataset_of(ref)
    st.session_state[f"judge/of/{ref}"] = st.selectbox(
        _("Test pictures of"),
        keys,
        index=keys.index(current),
        format_func=lambda key: localize(datasets.find_dataset(key).title),
        key=f"judge/sets/{ref}/{len(keys)}",
    )
    st.session_state["judge/most"] = st.select_slider(
        _("At most"), AMOUNTS, value=st.session_state.get("judge/most", classifiers.MAX_PICTURES), format_func=number, key="judge/amount"
    )
