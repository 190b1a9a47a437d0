"""The Judge page's patch: a sticker learned from photographs, or from validation pictures and judged on test pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from vpc2.predict.classifier_ref import ClassifierRef, ClassifierVersion
from vpc2.predict.tta.views import VIEW_SETS
from vpc2.shares import Share
from vpc2.text import Refusal
from vpc2.ui import markdown
from vpc2.ui.computed import augmented, classifiers
from vpc2.ui.judge.attack_choices import NO_OTHERS, SOME_PICTURES, Photo, answer_of, choose_target, is_kept
from vpc2.ui.session.i18n import _, number, percent, points
from vpc2.ui.widgets.buttons import button

PATCH_SHARE = 0.32


def draw_patch(ref: ClassifierRef, photos: list[Photo]) -> None:
    st.caption(_("A sticker learned from your photographs: wherever it lies, the net sees its class (Brown and others, 2017)."))
    target = choose_target(ref, "patch", has_none=False)
    _draw_patch_on_photos(ref, photos, target)
    if classifiers.has_set(ref):
        _draw_patch_on_set(ref, target)


def _draw_patch_on_photos(ref: ClassifierRef, photos: list[Photo], target: int) -> None:
    place = (classifiers.version_of(ref), tuple(photo["digest"] for photo in photos), target)
    is_asked = bool(photos) and button(_("Learn the patch"), icon=":material/sticky_note_2:", type="primary", key="attack/patch")
    if not is_kept("patch", place, is_asked):
        return
    classes = classifiers.classifier_of(ref).classes
    with st.spinner(_("Learning the patch…")):
        found = _patched(classifiers.version_of(ref), tuple(p["digest"] for p in photos), target, [p["pixels"] for p in photos])
    _draw_grey(found)
    grid = st.grid("auto", min_column_width=200, gap="medium")
    with grid.cell(), st.container(key="tile-patch", gap="xxsmall"):
        st.image(found["patch"], alt=_("The patch"), width="stretch")
        st.caption(f"{_('The patch')}  \n{markdown.literal(classes[target])}")
    for i, (picture, before, after) in enumerate(found["laid"]):
        with grid.cell(), st.container(key=f"tile-patch-{i}", gap="xxsmall"):
            st.image(picture, alt=classes[int(after.argmax())], width="stretch")
            st.caption(f"{answer_of(before, classes)}  \n→ {answer_of(after, classes)}")


def _draw_grey(found: dict[str, Any]) -> None:
    """Say it where a patch has learned nothing."""
    if found["is_grey"]:
        st.info(
            _(
                "The patch learned nothing and stayed grey: the gradient was zero in every step. That says nothing about how far this net "
                "can be trusted."
            ),
            icon=":material/help:",
        )


def _draw_patch_on_set(ref: ClassifierRef, target: int) -> None:
    """Draw what a patch that was learned from validation pictures does to test pictures, which it never saw."""
    st.markdown(f"### {_('Over the test set')}")
    label = _("Learn it from the validation pictures, judge it on the test set")
    is_asked = button(label, icon=":material/sticky_note_2:", type="primary", key="attack/patch-set")
    place = (classifiers.version_of(ref), classifiers.set_of(ref), target)
    if not is_kept("patch-set", place, is_asked):
        return
    with st.spinner(_("Learning the patch…")):
        found = _patched_set(*place)
    _draw_grey(found)
    shares, title = found["shares"], markdown.literal(classifiers.classifier_of(ref).classes[target])
    st.markdown(
        _(
            "Of {n} test pictures of other classes, which it never saw, the patch turns {patched} into **{name}**; "
            "a grey one at the same places {grey}, none at all {plain}. Asked in views: {merged}."
        ).format(
            n=number(found["count"]),
            name=title,
            **{key: _with_interval(getattr(shares, key)) for key in ("plain", "grey", "patched", "merged")},
        )
    )
    st.image([found["patch"], *found["laid"]], width=110)


def _with_interval(found: Share) -> str:
    return _("{share} ({low} to {high})").format(share=percent(found.share), low=points(found.low, 0), high=points(found.high, 0))


@st.cache_data(max_size="16MB", show_spinner=False)
def _patched_set(version: ClassifierVersion, dataset: str, target: int) -> dict[str, Any]:
    import torch

    from vpc2.images.encode import to_jpeg
    from vpc2.predict.adversarial.attacks import is_grey, judge_patch, lay_patch, make_patch
    from vpc2.predict.evaluation import true_labels

    classifier = classifiers.classifier_of(version.ref)
    seen, unseen = (classifiers.test_pictures(version.ref, SOME_PICTURES, part, dataset=dataset) for part in ("validation", "test"))
    others = true_labels(unseen, classifier.classes) != target
    if not len(seen) or not others.any():
        raise Refusal(NO_OTHERS)
    with augmented.computing():
        learned_from, images = classifier.prepare(list(seen.images)), classifier.prepare(list(unseen.images[others]))
        patch = make_patch(classifier, learned_from, target, max(2, round(PATCH_SHARE * images.shape[-1])))
        shares = judge_patch(classifier, patch, images, target, VIEW_SETS[classifiers.first_views(version.ref)].views)
        laid = lay_patch(images[:: max(len(images) // 5, 1)][:5], patch, torch.Generator().manual_seed(7))
    pictures = {"patch": to_jpeg(patch), "laid": [to_jpeg(one) for one in laid]}
    return {**pictures, "shares": shares, "count": len(images), "is_grey": is_grey(patch)}


@st.cache_data(max_size="16MB", show_spinner=False)
def _patched(version: ClassifierVersion, image_keys: tuple[str, ...], target: int, _pixels: list[np.ndarray]) -> dict[str, Any]:
    import torch

    from vpc2.images.encode import to_jpeg
    from vpc2.predict.adversarial.attacks import is_grey, lay_patch, make_patch

    classifier = classifiers.classifier_of(version.ref)
    images = classifier.prepare(_pixels)
    with augmented.computing():
        patch = make_patch(classifier, images, target, max(2, round(PATCH_SHARE * images.shape[-1])))
        laid = lay_patch(images, patch, torch.Generator().manual_seed(7))
        before, after = classifier.probabilities(images).numpy(), classifier.probabilities(laid).numpy()
    pictures = [(to_jpeg(one), b, a) for one, b, a in zip(laid, before, after, strict=True)]
    return {"patch": to_jpeg(patch), "laid": pictures, "is_grey": is_grey(patch)}
