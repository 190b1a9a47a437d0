"""Judge page, tab Attacks: gradient attacks and one-pixel attacks on photographs, and accuracy against epsilon on the test set."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from vpc2.figures.attacks import accuracy_figure
from vpc2.predict.adversarial.catalog import ATTACKS
from vpc2.predict.classifier_ref import ClassifierRef, ClassifierVersion
from vpc2.system.lru_cache import LruCache
from vpc2.text import Refusal
from vpc2.ui import markdown
from vpc2.ui.computed import augmented, classifiers
from vpc2.ui.judge.attack_choices import NO_OTHERS, SOME_PICTURES, Photo, choose_target, is_requested, prediction_text
from vpc2.ui.judge.attack_patch import show_patch
from vpc2.ui.server import idle
from vpc2.ui.session.i18n import _, localize, number, percent
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button


def show_attacks(ref: ClassifierRef, photos: list[Photo]) -> None:
    """Draw the choice of attack, the attack on each photograph, and for gradient attacks the accuracy against epsilon on the test set."""
    if not classifiers.is_available(ref):
        return
    st.caption(
        _(
            "Small changes made on purpose, with the net's own gradient: to see how far its answers can be trusted, "
            "and what makes them sturdier. It works on your own classifiers, here."
        )
    )
    kinds = {"gradient": _("By gradient"), "patch": _("Patch"), "pixel": _("One pixel")}
    kind = st.segmented_control(
        _("Kind of attack"),
        list(kinds),
        default="gradient",
        required=True,
        format_func=kinds.__getitem__,
        key="attack/kind",
        persist_state="session",
    )
    draw = {"gradient": _draw_gradient, "patch": show_patch, "pixel": _draw_pixel}[kind]
    page_frame.show_or_refuse(draw, ref, photos)
    if kind == "gradient" and classifiers.has_dataset(ref):
        page_frame.show_or_refuse(_draw_test_set, ref)


def _epsilon_text(kind: str, epsilon: float) -> str:
    return f"{number(255 * epsilon, 'g')}/255" if ATTACKS[kind].norm == "linf" else number(epsilon, "g")


def _draw_gradient(ref: ClassifierRef, photos: list[Photo]) -> None:
    controls = st.columns([1, 1.4, 1], gap="medium", vertical_alignment="bottom")
    with controls[0]:
        kind = st.selectbox(_("Attack"), list(ATTACKS), format_func=lambda key: localize(ATTACKS[key].title), key="attack/which")
    with controls[1]:
        epsilon = st.select_slider(
            _("Epsilon, the largest change") if ATTACKS[kind].norm == "linf" else _("Epsilon, the length of the change"),
            ATTACKS[kind].epsilons,
            value=ATTACKS[kind].epsilons[:3][-1],
            format_func=lambda value: _epsilon_text(kind, value),
            key=f"attack/epsilon/{kind}",
        )
    with controls[2]:
        target = choose_target(ref, "target")
    st.caption(localize(ATTACKS[kind].help))
    classes = classifiers.classifier_of(ref).classes
    for photo in photos:
        with st.spinner(_("Attacking…")):
            result = _run_attack(classifiers.version_of(ref), photo["digest"], kind, epsilon, target, photo["pixels"])
        before, after, merged = result["before"], result["after"], result["merged"]
        label, attacked_label = int(before.argmax()), int(after.argmax())
        st.markdown(f"### {markdown.escape(photo['name'])}")
        st.markdown(_verdict(classes, label, attacked_label, int(merged.argmax()), target, is_blind=result["is_blind"]))
        columns = st.columns(3, gap="medium")
        for column, picture, title, detail in (
            (columns[0], result["original"], _("As it is"), prediction_text(before, classes)),
            (columns[1], result["noise"], _("The change, {times} times").format(times=number(result["gain"], ".0f")), result["size"]),
            (columns[2], result["attacked"], _("Attacked"), prediction_text(after, classes)),
        ):
            with column, st.container(key=f"tile-attack-{photo['digest']}-{title}", gap="xxsmall"):
                st.image(picture, alt=title, width="stretch")
                size_text = (
                    detail
                    if isinstance(detail, str)
                    else _("At most {most} of 255, length {length}").format(
                        most=number(255 * detail[0], ".2g"), length=number(detail[1], ".2g")
                    )
                )
                st.caption(f"{title}  \n{size_text}")
        st.caption(
            _("In {n} views, of which the attack knew nothing: {answer}").format(
                n=len(classifiers.default_views(ref).views), answer=prediction_text(merged, classes)
            )
        )


def _verdict(classes: tuple[str, ...], was: int, now: int, merged: int, target: int | None, *, is_blind: bool) -> str:
    """Return a sentence on whether the attack succeeded, and whether the merged views resist it; or that there was no gradient."""
    names = {"was": markdown.escape(classes[was]), "now": markdown.escape(classes[now])}
    if is_blind and now == was != target:
        return ":gray[:material/help:] " + _(
            "Nothing is known: the gradient of this picture is zero everywhere, so the attack has no direction. "
            "That it is still {was} says nothing about how far this net can be trusted."
        ).format(**names)
    if target is not None and now == target:
        verdict = ":orange[:material/close:] " + _("The attack reached its target: {was} became {now}.").format(**names)
    elif now == was:
        return ":green[:material/check:] " + _("It resists: still {was}. A larger epsilon may do.").format(**names)
    else:
        verdict = ":orange[:material/close:] " + _("Fooled: {was} became {now}.").format(**names)
    views_verdict = (
        _("Asked in several views, it still answers {was}.") if merged == was else _("Asked in several views, it is fooled as well.")
    )
    return f"{verdict} {views_verdict.format(**names)}"


@st.cache_data(max_size="64MB", show_spinner=False)
def _run_attack(
    version: ClassifierVersion, image_key: str, kind: str, epsilon: float, target: int | None, _pixels: np.ndarray
) -> dict[str, Any]:
    import torch

    from vpc2.images.encode import to_jpeg, to_png
    from vpc2.predict.adversarial.attacks import attack_with_result
    from vpc2.predict.tta.predict import merge_mean, predict_views

    classifier = classifiers.classifier_of(version.ref)
    images = classifier.prepare([_pixels])
    with augmented.computation_slot():
        before = classifier.probabilities(images)
        labels = before.argmax(1) if target is None else torch.tensor([target])
        attack = attack_with_result(classifier, images, labels, kind, epsilon, is_targeted=target is not None)
        attacked = (255 * attack.images).round() / 255  # evaluated on the 8-bit image, as displayed and as a file would store it
        after = classifier.probabilities(attacked)
        merged = merge_mean(predict_views(classifier, attacked, classifiers.default_views(version.ref).views))
    change = attacked - images
    largest = float(change.abs().max())
    gain = min(0.5 / largest, 128.0) if largest else 1.0
    return {
        "original": to_jpeg(images[0]),
        "attacked": to_png((attacked[0] * 255).round().byte().permute(1, 2, 0).numpy()),
        "noise": to_jpeg((0.5 + gain * change[0]).clamp(0, 1)),
        "gain": gain,
        "size": (largest, float(change.norm())),
        "before": before[0].numpy(),
        "after": after[0].numpy(),
        "merged": merged[0].numpy(),
        "is_blind": bool(attack.is_blind[0]),
    }


def _draw_pixel(ref: ClassifierRef, photos: list[Photo]) -> None:
    st.caption(_("For fun: a small evolution looks for the one pixel that costs the answer most; small pictures fall more easily."))
    is_pressed = bool(photos) and button(_("Look for the pixel"), icon=":material/grain:", type="primary", key="attack/pixel")
    if not is_requested("pixel", (classifiers.version_of(ref), tuple(photo["digest"] for photo in photos)), is_pressed):
        return
    classes = classifiers.classifier_of(ref).classes
    grid = st.grid("auto", min_column_width=220, gap="medium")
    for photo in photos:
        with st.spinner(_("Looking for the pixel…")):
            result = _run_pixel_attack(classifiers.version_of(ref), photo["digest"], photo["pixels"])
        with grid.cell(), st.container(key=f"tile-pixel-{photo['digest']}", gap="xxsmall"):
            st.image(result["picture"], alt=photo["name"], width="stretch")
            position = _("Row {row}, column {column}").format(row=result["place"][0] + 1, column=result["place"][1] + 1)
            st.caption(f"{position}  \n{prediction_text(result['before'], classes)}  \n→ {prediction_text(result['after'], classes)}")


@st.cache_data(max_size="16MB", show_spinner=False)
def _run_pixel_attack(version: ClassifierVersion, image_key: str, _pixels: np.ndarray) -> dict[str, Any]:
    from vpc2.images.encode import to_png
    from vpc2.predict.adversarial.attacks import attack_pixel

    classifier = classifiers.classifier_of(version.ref)
    images = classifier.prepare([_pixels])
    with augmented.computation_slot():
        before = classifier.probabilities(images)[0]
        changed, row, column = attack_pixel(classifier, images[0], int(before.argmax()))
        after = classifier.probabilities(changed[None])[0]
    pixels = (changed * 255).round().byte().permute(1, 2, 0).numpy()
    times = max(1, -(-224 // pixels.shape[0]))
    return {
        "picture": to_png(pixels.repeat(times, 0).repeat(times, 1)),
        "place": (row, column),
        "before": before.numpy(),
        "after": after.numpy(),
    }


def _draw_test_set(ref: ClassifierRef) -> None:
    """Draw accuracy against epsilon on test images, without and with views, optionally beside another classifier."""
    st.markdown(f"### {_('Over the test set')}")
    others = {str(other): title for other, title in classifiers.usable_classifiers().items() if other != ref}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        other = st.selectbox(
            _("Beside it"),
            list(others),
            index=None,
            format_func=others.__getitem__,
            placeholder=_("Choose another run"),
            key=f"attack/other/{ref}",
        )
        is_pressed = button(_("Attack the test set"), icon=":material/bolt:", type="primary", key="attack/set")
    kind, refs = st.session_state.get("attack/which", "fgsm"), [ref, *([ClassifierRef.parse(other)] if other else [])]
    target = st.session_state.get(f"attack/target/{ref}")  # the target class selected for the photographs
    target_name = classifiers.classifier_of(ref).classes[target] if target is not None else None
    keys = [(classifiers.version_of(each), classifiers.dataset_of(each), kind, target_name) for each in refs]
    if not is_requested("set", tuple(keys), is_pressed):
        return
    bar = st.progress(0.0, text=_("Attacking…"))
    lines, blind = [], []
    epsilons: tuple[float, ...] = ()
    for i, key in enumerate(keys):
        curve = page_frame.show_or_refuse(
            _accuracy_curve, key, lambda share, i=i: bar.progress(min((i + share) / len(refs), 1.0), text=_("Attacking…"))
        )
        if curve is None:
            continue
        title = classifiers.classifier_title(key[0].ref)
        epsilons = curve.epsilons
        blind += [(title, curve.blind)] if curve.blind else []
        lines += [(title, curve.accuracy), (_("{name}, in views").format(name=title), curve.merged)]
        if curve.reached:
            lines.append((_("{name}, taken for “{target}”").format(name=title, target=target_name), curve.reached))
    bar.empty()
    if lines:
        texts = [_epsilon_text(kind, epsilon) for epsilon in epsilons]
        plain = lines[0][1][0]
        lost = next((text for text, share in zip(texts, lines[0][1], strict=True) if share.share < 0.5 * plain.share), None)
        summary = (
            _("Half of its accuracy is gone at epsilon {epsilon}.").format(epsilon=lost)
            if lost
            else _("It keeps more than half of its accuracy.")
        )
        if not lost and dict(blind).get(lines[0][0], 0.0) >= 0.5:
            summary = ""  # without a gradient there was no attack to resist
        st.markdown(f"{_('Accuracy without an attack: {share}.').format(share=localize(plain.text))} {summary}")
        for title, share in blind:
            st.info(
                _(
                    "{name}: for {share} of the pictures the gradient was zero everywhere, so the attack had no direction. "
                    "That their answers stay says nothing about how far this net can be trusted."
                ).format(name=markdown.escape(title), share=percent(share)),
                icon=":material/help:",
            )
        figure = accuracy_figure(texts, lines, x_title=_("Epsilon"), y_title=_("Accuracy"))
        st.plotly_chart(figure, key="attack/curve", alt=summary, config={"displayModeBar": False})
        st.caption(_("In brackets and as bars on the points: 95 % intervals of {n} test pictures.").format(n=number(plain.n)))


@st.cache_resource(show_spinner=False)
def _curve_cache() -> LruCache:
    curves = LruCache(64)
    idle.register_cleanup(curves.clear)
    return curves


def _accuracy_curve(key: tuple, report: Any) -> Any:
    """Return the accuracy against epsilon, cached."""
    if (cached := _curve_cache().get(key)) is not None:
        return cached
    version, dataset, kind, target_name = key
    ref = version.ref
    import torch

    from vpc2.predict.adversarial.attacks import accuracy_against
    from vpc2.predict.evaluation import true_labels

    classifier, data = classifiers.classifier_of(ref), classifiers.test_images(ref, SOME_PICTURES, dataset=dataset)
    labels, groups = torch.from_numpy(true_labels(data, classifier.classes)), data.groups
    target = classifier.classes.index(target_name) if target_name in classifier.classes else None
    with augmented.computation_slot():
        images = classifier.prepare(list(data.images))
        if target is not None:  # images of the target class cannot be attacked towards it
            others = labels != target
            images, labels, groups = images[others], labels[others], None if groups is None else groups[others.numpy()]
            if not len(images):
                raise Refusal(NO_OTHERS)
        views = classifiers.default_views(ref).views
        curve = accuracy_against(classifier, images, labels, kind, views, report, target=target, groups=groups)
    _curve_cache().put(key, curve)
    return curve
