"""Judge page, tab Look inside: heat maps (Grad-CAM, saliency, occlusion), filters and feature maps, a convolution by hand, and an
embedding of the test set as a map.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import streamlit as st

from vpc2.figures.explanations import embedding_figure
from vpc2.nets.inspection.kernels import KERNELS
from vpc2.predict.classifier_ref import ClassifierRef, ClassifierVersion
from vpc2.ui import markdown
from vpc2.ui.computed import augmented, classifiers
from vpc2.ui.session.i18n import _, localize, number, percent, points
from vpc2.ui.widgets import classifier_picker, page_frame

SOME_PICTURES = 300
MAPS, COLUMNS, SIDE_PX = 32, 8, 96
SHOWN, THUMBNAIL_PX = 8, 24
MIN_DROP = 5e-4  # of a probability: smaller losses are shown as 0 points or are rounding errors
Photo = dict[str, Any]


def show_explanations(ref: ClassifierRef, photos: list[Photo]) -> None:
    """Draw the choice of view and the selected view of the classifier."""
    if not classifiers.is_available(ref):
        return
    views = {
        "looks": (_("What it looks at"), _draw_heatmaps),
        "layers": (_("Filters and maps"), _draw_layers),
        "hand": (_("A convolution by hand"), _draw_convolution),
        "map": (_("A data set as a map"), _draw_embedding),
    }
    view = st.segmented_control(
        _("Look inside"), list(views), default="looks", required=True, format_func=lambda key: views[key][0], key="inside/view"
    )
    page_frame.show_or_refuse(views[view][1], ref, photos)


@st.cache_data(max_entries=32, show_spinner=False)
def _layers(version: ClassifierVersion) -> list[tuple[str, tuple[int, int, int]]]:
    from vpc2.predict.explain.heatmaps import convolutions

    return [(layer.name, layer.shape) for layer in convolutions(classifiers.classifier_of(version.ref))]


def _choose_layer(ref: ClassifierRef, key: str, default: str | None = None) -> str | None:
    shapes = dict(_layers(classifiers.version_of(ref)))
    if not shapes:
        return None
    names = list(shapes)
    order = {layer: i + 1 for i, layer in enumerate(names)}
    return st.selectbox(
        _("Layer"),
        names,
        index=names.index(default) if default in shapes else 0,
        format_func=lambda layer: _("convolution {n}: {shape}").format(n=order[layer], shape=" × ".join(map(str, shapes[layer]))),
        key=f"inside/layer/{key}/{ref}",
    )


def _draw_heatmaps(ref: ClassifierRef, photos: list[Photo]) -> None:
    from vpc2.predict.explain.heatmaps import Convolution, chosen_convolution

    classes = classifiers.classifier_of(ref).classes
    columns = st.columns(2, gap="medium")
    with columns[0]:
        target = st.selectbox(
            _("For the class"),
            range(len(classes)),
            index=None,
            format_func=lambda i: classes[i],
            placeholder=_("its own answer"),
            key=f"inside/class/{ref}",
        )
    with columns[1]:
        layers = [Convolution(*layer_info) for layer_info in _layers(classifiers.version_of(ref))]
        usable = any(min(layer_info.shape[1:]) > 1 for layer_info in layers)
        layer = _choose_layer(ref, "cam", chosen_convolution(layers)) if usable else None
    for photo in photos:
        with st.spinner(_("Looking…")):
            result = _compute_heatmaps(classifiers.version_of(ref), photo["digest"], target, layer, photo["pixels"])
        label = markdown.escape(classes[result["label"]])
        st.markdown(f"### {markdown.escape(photo['name'])}: {label} {percent(result['share'])}")
        tiles = [
            ("cam", _("Grad-CAM"), _("Where this layer's maps speak for the class.")),
            ("views", _("Grad-CAM over views"), _("The same, averaged over several views: what stays is steadier.")),
            ("saliency", _("Saliency"), _("The pixels whose change would move the answer most.")),
            ("occlusion", _("Occlusion"), _("Where a grey square costs the answer most.")),
        ]
        cam = _("The map is empty: nothing in this layer speaks for “{name}” here. Another layer may, or another class.")
        empty_captions = {
            "cam": cam,
            "views": _("The map is empty: in none of the views does anything in this layer speak for “{name}”."),
            "saliency": _("The map is empty: the gradient is zero, no pixel moves the answer “{name}” a little."),
            "occlusion": _("The map is empty: no grey square costs “{name}” anything."),
        }
        grid = st.grid("auto", min_column_width=190, gap="medium")
        for key, title, words in tiles:
            if result[key] is None:
                continue
            with grid.cell(), st.container(key=f"tile-look-{photo['digest']}-{key}", gap="xxsmall"):
                st.image(result[key], alt=title, width="stretch")
                caption = empty_captions[key].format(name=label) if key in result["empty"] else words
                st.caption(f"**{title}**  \n{caption}")
        if layer is None:
            st.caption(_("This net has no convolution that gives a map, so there is no Grad-CAM of it."))
        if "occlusion" not in result["empty"]:
            st.markdown(
                _("A grey square at the worst place costs “{name}” {drop} points.").format(drop=points(result["drop"], 0), name=label)
            )


@st.cache_data(max_size="64MB", show_spinner=False)
def _compute_heatmaps(
    version: ClassifierVersion, image_key: str, target: int | None, layer: str | None, _pixels: np.ndarray
) -> dict[str, Any]:
    import torch

    from vpc2.images.encode import to_jpeg
    from vpc2.nets.inspection.activations import to_heat
    from vpc2.predict.explain.heatmaps import grad_cam, grad_cam_over_views, occlusion, saliency

    classifier = classifiers.classifier_of(version.ref)
    images = classifier.prepare([_pixels])
    size = images.shape[-1]

    def picture(heat: np.ndarray) -> bytes:
        pixels = to_heat(images[0], heat**1.5)  # the power keeps weak values from covering the image
        times = max(1, -(-160 // size))
        return to_jpeg(_as_tensor(pixels.repeat(times, 0).repeat(times, 1)))

    with augmented.computation_slot():
        shares = classifier.probabilities(images)[0]
        label = int(shares.argmax()) if target is None else target
        lost, largest = occlusion(classifier, images[0], label, max(1, size // 4), max(1, size // 8))
        heats: dict[str, np.ndarray | None] = {"cam": None, "views": None}
        if layer is not None:
            names = classifiers.default_views(version.ref).views
            heats["cam"] = grad_cam(classifier, images, label, layer)[0].numpy()
            heats["views"] = grad_cam_over_views(classifier, images, label, names, layer)[0].numpy()
        heats["saliency"] = np.sqrt(saliency(classifier, images, label)[0].numpy())
        drop = largest if largest > MIN_DROP else 0.0
        heats["occlusion"] = (lost.clamp_min(0) / lost.max().clamp_min(MIN_DROP) if drop else torch.zeros_like(lost)).numpy()
    return {
        "label": label,
        "share": float(shares[label]),
        "drop": drop,
        **{key: None if heat is None else picture(heat) for key, heat in heats.items()},
        "empty": [key for key, heat in heats.items() if heat is not None and not heat.any()],
    }


def _as_tensor(pixels: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).float() / 255


def _draw_layers(ref: ClassifierRef, photos: list[Photo]) -> None:
    layer = _choose_layer(ref, "maps")
    if layer is None:
        st.info(_("This net has no convolution."), icon=":material/info:")
        return
    is_first = layer == _layers(classifiers.version_of(ref))[0][0]
    if is_first:
        st.markdown(f"### {_('Its filters')}")
        kernels = _filter_sheet(classifiers.version_of(ref), layer)
        st.image(kernels, alt=_("Its filters"), width=560)
        st.caption(_("What the first layer looks for, each scaled by itself: mostly edges and colours."))
    for photo in photos:
        result = _feature_map_sheet(classifiers.version_of(ref), photo["digest"], layer, photo["pixels"])
        st.markdown(f"### {markdown.escape(photo['name'])}")
        st.image(result["sheet"], alt=_("Feature maps"), width="stretch")
        st.caption(
            _("The first {n} of {all} channels, each from its lowest value (black) to its highest (white).").format(
                n=number(min(MAPS, result["channels"])), all=number(result["channels"])
            )
        )
    if not classifiers.has_dataset(ref):
        return
    st.markdown(f"### {_('What excites a channel most')}")
    channels = dict(_layers(classifiers.version_of(ref)))[layer][0]
    channel = st.slider(_("Channel"), 1, max(channels, 2), 1, key=f"inside/channel/{layer}/{ref}") - 1
    if channel >= channels:
        return
    grid = st.grid("auto", min_column_width=110, gap="small")
    data = classifiers.test_images(ref, SOME_PICTURES)
    for i, value in _top_activations(classifiers.version_of(ref), classifiers.dataset_of(ref), layer, channel):
        with grid.cell(), st.container(key=f"tile-excites-{i}", gap="xxsmall"):
            st.image(_large(data.images[i]), alt=data.classes[data.labels[i]], width="stretch")
            st.caption(f"{markdown.escape(data.classes[data.labels[i]])}  \n{number(value, '.2f')}")


def _large(pixels: np.ndarray) -> bytes:
    """Return a small image as PNG, enlarged so far that the browser does not blur its pixels."""
    from vpc2.images.encode import to_png

    times = max(1, -(-96 // pixels.shape[0]))
    return to_png(pixels.repeat(times, 0).repeat(times, 1))


@st.cache_data(max_entries=32, show_spinner=False)
def _filter_sheet(version: ClassifierVersion, layer: str) -> bytes:
    from vpc2.images.encode import to_png
    from vpc2.nets.inspection.activations import to_sheet
    from vpc2.predict.explain.heatmaps import filters

    kernels = filters(classifiers.classifier_of(version.ref), layer)[:MAPS]
    kernels = kernels if kernels.shape[1] == 3 else kernels.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    flat = kernels.flatten(1)
    low, high = flat.amin(1).view(-1, 1, 1, 1), flat.amax(1).view(-1, 1, 1, 1)
    scaled = ((kernels - low) / (high - low).clamp_min(1e-9) * 255).round().byte().numpy()
    return to_png(np.stack([to_sheet(np.ascontiguousarray(scaled[:, c]), COLUMNS, 60) for c in range(3)], axis=-1))


@st.cache_data(max_size="32MB", show_spinner=False)
def _feature_map_sheet(version: ClassifierVersion, image_key: str, layer: str, _pixels: np.ndarray) -> dict[str, Any]:
    from vpc2.images.encode import to_png
    from vpc2.nets.inspection.activations import to_feature_maps, to_sheet
    from vpc2.predict.explain.heatmaps import feature_maps

    classifier = classifiers.classifier_of(version.ref)
    with augmented.computation_slot():
        maps = to_feature_maps(feature_maps(classifier, classifier.prepare([_pixels]), layer)[0], limit=MAPS)
    sheet = to_sheet(maps.maps, COLUMNS, SIDE_PX)
    return {"sheet": to_png(np.repeat(sheet[..., None], 3, axis=-1)), "channels": maps.channels}


@st.cache_data(max_entries=64, show_spinner=False)
def _top_activations(version: ClassifierVersion, dataset: str, layer: str, channel: int) -> list[tuple[int, float]]:
    from vpc2.predict.explain.heatmaps import most_exciting

    classifier = classifiers.classifier_of(version.ref)
    with augmented.computation_slot():
        images = classifier.prepare(list(classifiers.test_images(version.ref, SOME_PICTURES, dataset=dataset).images))
        return most_exciting(classifier, images, layer, channel, SHOWN)


def _draw_convolution(ref: ClassifierRef, photos: list[Photo]) -> None:
    preset = st.selectbox(_("Kernel"), list(KERNELS), format_func=lambda key: localize(KERNELS[key].title), key="inside/kernel")
    entry = KERNELS[preset]
    left, right = st.columns([1, 3], gap="medium")
    with left:
        st.caption(localize(entry.help))
        rows = st.data_editor(
            [[float(value) for value in row] for row in entry.rows], hide_index=True, num_rows="fixed", key=f"inside/rows/{preset}"
        )
        divisor = st.number_input(_("Divided by"), 0.1, 1000.0, float(entry.divisor), key=f"inside/divisor/{preset}")
        values = np.nan_to_num(np.clip(np.array(rows, dtype=float), -1000, 1000))
        st.caption(
            _("The nine numbers sum to {sum}: at 0 an even area becomes black, at 1 it stays.").format(
                sum=number(values.sum() / divisor, "g")
            )
        )
    with right:
        for photo in photos:
            before, after = _convolve_photo(photo["digest"], tuple(map(tuple, values.tolist())), divisor, photo["pixels"])
            columns = st.columns(2, gap="medium")
            columns[0].image(before, alt=_("As it is"), caption=_("As it is"), width="stretch")
            columns[1].image(after, alt=_("Convolved"), caption=_("Convolved"), width="stretch")


@st.cache_data(max_size="32MB", show_spinner=False)
def _convolve_photo(image_key: str, rows: tuple, divisor: float, _pixels: np.ndarray) -> tuple[bytes, bytes]:
    from vpc2.images.encode import resize_pixels, to_jpeg
    from vpc2.predict.explain.heatmaps import convolve

    small = resize_pixels(_pixels, 480)
    return to_jpeg(small), to_jpeg(convolve(small, rows, divisor))


def _draw_embedding(ref: ClassifierRef, photos: list[Photo]) -> None:
    if not classifiers.has_dataset(ref):
        classifier_picker.show_no_test_set()
        return
    from vpc2.predict.explain.embedding import METHODS

    method = st.segmented_control(
        _("Laid out by"), list(METHODS), default="pca", required=True, format_func=METHODS.__getitem__, key="inside/method"
    )
    has_pictures = st.toggle(_("Pictures in place of points"), value=True, key="inside/pictures")
    with st.spinner(_("Laying out the map…")):
        points, is_right, answers = _compute_embedding(classifiers.version_of(ref), classifiers.dataset_of(ref), method)
    data = classifiers.test_images(ref, SOME_PICTURES)
    left, right = st.columns([2.4, 1], gap="medium")
    summary = _(
        "Each point is a test picture, as the net sees it just before it answers; crosses are answered wrongly. Choose some with the mouse."
    )
    with left:
        event = st.plotly_chart(
            embedding_figure(
                points,
                data.labels,
                data.classes,
                is_right,
                _thumbnails(classifiers.version_of(ref), classifiers.dataset_of(ref)) if has_pictures else (),
            ),
            key=f"inside/map/{ref}/{method}",
            alt=summary,
            on_select="rerun",
            selection_mode=("points", "box", "lasso"),
        )
        st.caption(summary)
    selected = [int(np.ravel(point["customdata"])[0]) for point in event["selection"]["points"] if point.get("customdata") is not None]
    with right:
        listed = selected[:12] or np.flatnonzero(~is_right)[:6].tolist()
        st.markdown(f"**{_('Chosen') if selected else _('Answered wrongly')}**")
        grid = st.grid("auto", min_column_width=80, gap="small")
        for i in listed:
            with grid.cell(), st.container(key=f"tile-map-{i}", gap="xxsmall"):
                st.image(_large(data.images[i]), alt=data.classes[data.labels[i]], width="stretch")
                st.caption(f"{markdown.escape(data.classes[data.labels[i]])} → {markdown.escape(answers[i])}")


@st.cache_data(max_entries=8, show_spinner=False)
def _thumbnails(version: ClassifierVersion, dataset: str) -> list[str]:
    """Return thumbnails of the test images as data URLs."""
    from vpc2.images.encode import resize_square, to_jpeg

    small = [
        to_jpeg(resize_square(image, THUMBNAIL_PX)) for image in classifiers.test_images(version.ref, SOME_PICTURES, dataset=dataset).images
    ]
    return [f"data:image/jpeg;base64,{base64.b64encode(image).decode()}" for image in small]


@st.cache_data(max_entries=32, show_spinner=False)
def _compute_embedding(version: ClassifierVersion, dataset: str, method: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    from vpc2.predict.evaluation import true_labels
    from vpc2.predict.explain.embedding import features, lay_out

    classifier, data = classifiers.classifier_of(version.ref), classifiers.test_images(version.ref, SOME_PICTURES, dataset=dataset)
    with augmented.computation_slot():
        images = classifier.prepare(list(data.images))
        answers = classifier.logits(images).argmax(1).numpy()
        points = lay_out(features(classifier, images), method)
    return points, answers == true_labels(data, classifier.classes), [classifier.classes[i] for i in answers]
