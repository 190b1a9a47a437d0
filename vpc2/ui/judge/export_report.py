"""Judge page, tab Take home: link, HTML report, and the test-time augmentation as a PyTorch script."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import streamlit as st

from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.predict.tta.merges import MERGES
from vpc2.predict.tta.views import VIEWS
from vpc2.text import Refusal
from vpc2.ui.computed import classifiers
from vpc2.ui.judge import question_count, single_photo, test_set
from vpc2.ui.session.i18n import _, language, localize, number, percent
from vpc2.ui.widgets import classifier_picker, page_frame

Photo = dict[str, Any]


def show_export(ref: ClassifierRef, photos: list[Photo], views: list[str]) -> None:
    """Draw the link, the report of the photographs and the script of the views."""
    if not classifiers.is_available(ref):
        return
    how = st.session_state.get("judge/merge", "mean")
    st.markdown(f"### {_('Link')}")
    if ref.is_file:
        st.caption(_("It opens this page with the same views and merge; the classifier's file has to be opened again."))
    else:
        st.caption(_("It opens this page with the same classifier, views and merge; who has the link of a run may look at it."))
    st.code(classifier_picker.link_of(ref, views, how), language=None, wrap_lines=True)
    st.markdown(f"### {_('A report')}")
    st.caption(_("One HTML file with the photographs, every view and the test set, where it was judged; it opens without a network."))
    st.download_button(
        _("Report as HTML"),
        lambda: _report(ref, photos, views, how),
        file_name="judged.html",
        mime="text/html",
        icon=":material/description:",
        on_click="ignore",
        key="judge/report",
    )
    st.markdown(f"### {_('The same views in plain PyTorch')}")
    page_frame.show_or_refuse(_draw_script, ref, views, how)


def _draw_script(ref: ClassifierRef, views: list[str], how: str) -> None:
    from vpc2.predict.export.bundle import to_script, to_zip

    is_ready_made = ref.is_pretrained
    classifier = classifiers.classifier_of(ref)
    script = to_script(classifier, views, how, ready=ref.id if is_ready_made else "")
    download: dict[str, Any] = {"data": lambda: to_zip(classifier, views, how), "file_name": "tta.zip", "mime": "application/zip"}
    if is_ready_made:
        download = {"data": script, "file_name": "tta.py", "mime": "text/x-python"}
    label = _("Save the script") if is_ready_made else _("Script and weights")
    st.download_button(label, **download, icon=":material/download:", on_click="ignore", key="judge/script")
    st.code(script, language="python", height=420)


def _report(ref: ClassifierRef, photos: list[Photo], views: list[str], how: str) -> str:
    """Return the HTML report in the visitor's language."""
    import torch

    from vpc2.predict.export.html_report import Section, to_html

    classifier = classifiers.classifier_of(ref)
    sections = [
        Section(
            _("What was asked"),
            [
                classifiers.classifier_title(ref),
                f"{_('How to merge')}: {localize(MERGES[how].title)}",
                f"{_('Views')}: {', '.join(localize(VIEWS[view].title) for view in views)}",
                datetime.datetime.now().strftime("%Y-%m-%d %H:%M"),
            ],
        )
    ]
    for photo in photos:
        try:
            predictions = single_photo.predict_views(ref, photo, views)
        except Refusal as refusal:
            sections.append(Section(photo["name"], [localize(refusal.text)]))
            continue
        rows = np.stack([predictions[view][0] for view in views])
        merged = MERGES[how].resolve()(torch.from_numpy(rows)[:, None])[0].numpy()
        each = torch.from_numpy(rows).softmax(-1).numpy()
        table = [["", _("Plain"), _("With {n} views").format(n=len(views))]]
        table += [[classifier.classes[i], percent(each[0][i]), percent(merged[i])] for i in np.argsort(merged)[::-1][:5]]
        pictures = [
            (predictions[view][1], f"{single_photo.view_title(view)}: {classifier.classes[row.argmax()]} {percent(row.max())}")
            for view, row in zip(views, each, strict=True)
        ]
        sections.append(Section(photo["name"], [], table, pictures))
    test = test_set.cached_predictions(ref, views)
    if test is not None:
        plain, merged_answers = test.plain, test.merged(how)
        paired = test.compare(plain, merged_answers)
        question = str(classifiers.version_of(ref)), len(test), test.views, how
        question_count.record_comparison(classifiers.dataset_of(ref), question, paired)
        adjusted = question_count.adjust(classifiers.dataset_of(ref), paired)
        table = [["", _("Plain"), _("With views")]]
        table.append([_("Accuracy"), *(localize(test.accuracy(shares).text) for shares in (plain, merged_answers))])
        table.append([_("ms a picture"), number(test.view_ms[0], ".2f"), number(sum(test.view_ms), ".2f")])
        sentences = [question_count.verdict_text(paired, adjusted), question_count.count_text(adjusted)]
        sections.append(Section(_("Test set"), [*filter(None, sentences), _("In brackets: the 95 % interval.")], table))
    return to_html(_("Judged with vpc2"), sections, language())
