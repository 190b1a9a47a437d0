"""Exported torchvision and Albumentations scripts, executed: at fixed values they make the app's own pictures, or say how far off."""

import itertools

import numpy as np
import pytest
import torch

from vpc2.augment.export.other_libraries import to_albumentations, to_torchvision
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.pipeline import draw_images
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.images.encode import resize_pixels
from vpc2.images.samples import load_sample
from vpc2.knobs import Span, Whole

ALLOWED = 2.0  # of 255, on average
WRITERS = {"torchvision": to_torchvision, "albumentations": to_albumentations}
WIDE = resize_pixels(load_sample("chelsea").pixels, 128)
TALL = np.ascontiguousarray(resize_pixels(load_sample("astronaut").pixels, 131)[:, :97])
SQUARE = np.ascontiguousarray(WIDE[:64, :64])  # the rectangle of ratio 1 that fills it has no place to choose
# What is drawn anew each time whatever the knobs say: no two libraries draw the same places, grains or orders.
DRAWN = {
    ("RandomAffine", "translate"): "a shift up to so much",
    ("RandomPerspective", "distortion_scale"): "corners up to so much",
    ("RandomResizedCrop", "scale"): "the place of a smaller piece",
    ("RandomErasing", "scale"): "the place of a smaller rectangle",
    ("RandomErasing", "ratio"): "the place of a narrower rectangle",
    ("RandomGaussianNoise", "std"): "grains",
    ("RandomSaltAndPepperNoise", "amount"): "grains",
    ("RandomSaltAndPepperNoise", "salt_vs_pepper"): "which grains are white",
    ("ColorJiggle", "brightness"): "up to so much",
    ("ColorJiggle", "contrast"): "up to so much",
    ("ColorJiggle", "saturation"): "up to so much",
    ("ColorJiggle", "hue"): "up to so much",
}
DRAWN_WHOLE = {"RandomChannelShuffle": "the order of the channels"}


def matched(library):
    return [key for key, entry in OPS.items() if getattr(entry, library) and not entry.is_policy and key not in DRAWN_WHOLE]


def neutral(key):
    """Every knob where it changes nothing, or least; what is drawn fills the picture, so that its place is no matter."""
    rest = {"gain": [1.0, 1.0], "additions": [0.0, 0.0], "ratio": [1.0, 1.0], "salt_vs_pepper": [0.5, 0.5]}
    params, least = {}, dict(OPS[key].strengths)
    for knob in OPS[key].knobs:
        value = rest.get(knob.key, least.get(knob.key, knob.default))
        params[knob.key] = (
            [int(value) if knob.whole else float(value)] * 2 if isinstance(knob, Span) and not isinstance(value, list) else value
        )
    if key in ("RandomErasing", "RandomSaltAndPepperNoise"):
        params[{"RandomErasing": "scale", "RandomSaltAndPepperNoise": "amount"}[key]] = [1.0, 1.0]
        params |= {"salt_vs_pepper": [1.0, 1.0]} if key == "RandomSaltAndPepperNoise" else {}
    return params | ({"p": 1.0} if "p" in params else {})


def fixed_values(key, knob):
    """The limits of a knob, its default ends, and a value of each sign between."""
    if (key, knob.key) in DRAWN or knob.key == "p":
        return []
    if not isinstance(knob, Span):
        return [min(max(value, knob.low), 41 if isinstance(knob, Whole) else knob.high) for value in (knob.low, knob.default, knob.high)]
    inner = [knob.low + share * (knob.high - knob.low) for share in (0.2, 0.7)]
    values = dict.fromkeys(int(round(end)) if knob.whole else round(float(end), 4) for end in (knob.low, *knob.default, *inner, knob.high))
    return [[value, value] for value in values]


def cases():
    for library in WRITERS:
        for key in matched(library):
            base = neutral(key)
            yield pytest.param(library, key, [base], id=f"{library}-{key}")
            for knob in OPS[key].knobs:
                values = fixed_values(key, knob)
                if values:
                    yield pytest.param(library, key, [base | {knob.key: value} for value in values], id=f"{library}-{key}-{knob.key}")
            spans = [knob for knob in OPS[key].knobs if isinstance(knob, Span) and (key, knob.key) not in DRAWN]
            if len(spans) > 1:
                together = [base | {knob.key: [knob.default[end]] * 2 for knob in spans} for end in (0, 1)]
                yield pytest.param(library, key, together, id=f"{library}-{key}-together")


def executed(library, pipeline, pixels):
    """The picture that the exported script makes, uint8 (H, W, 3), of its own size where it is cropped."""
    scope = {"__name__": "exported"}
    code = WRITERS[library](pipeline).replace("(224, 224)", str(pixels.shape[:2]))
    exec(compile(code, "exported", "exec"), scope)  # our own text, in a test
    if library == "albumentations":
        return scope["augment"](image=pixels)["image"]
    return scope["augment"](torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous()).permute(1, 2, 0).numpy()


def drawn(pipeline, pixels, number=0):
    image = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
    return draw_images(pipeline, image, number + 1, first=number)[0].image.permute(1, 2, 0).numpy() * 255


def gap(library, key, params, pixels):
    pipeline = edit_add(Pipeline(seed=3), key, params)
    return float(np.abs(drawn(pipeline, pixels) - executed(library, pipeline, pixels)).mean())


@pytest.mark.parametrize(("library", "key", "settings"), list(cases()))
def test_fixed_values_make_the_same_picture(library, key, settings):
    if library == "albumentations":
        pytest.importorskip("albumentations", reason="optional: pip install -r tests/requirements.txt")
    for params, pixels in itertools.product(settings, (SQUARE,) if key == "RandomErasing" else (WIDE, TALL)):
        pipeline = edit_add(Pipeline(seed=3), key, params)
        stated = dict(OPS[key].gaps).get(library)
        assert ("approximate" in WRITERS[library](pipeline)) == (stated is not None)
        assert stated is None or f"approximate: up to {stated:g} of 255" in WRITERS[library](pipeline)
        assert gap(library, key, params, pixels) < (stated or ALLOWED), params


def test_a_line_is_called_approximate_only_where_it_is():
    pytest.importorskip("albumentations", reason="optional: pip install -r tests/requirements.txt")
    told = {(key, library) for key, entry in OPS.items() for library, _ in entry.gaps}
    assert told == {("RandomJPEG", "torchvision"), ("RandomJPEG", "albumentations"), ("RandomClahe", "albumentations")}
    strong = {"RandomJPEG": {"jpeg_quality": [1.0, 1.0]}, "RandomClahe": {"clip_limit": [64.0, 64.0], "grid_size": 16}}
    assert all(gap(library, key, strong[key] | {"p": 1.0}, WIDE) > ALLOWED for key, library in told)
    assert all(dict(entry.gaps).keys() <= {name for name in WRITERS if getattr(entry, name)} for entry in OPS.values())


@pytest.mark.parametrize(("key", "params"), [*((key, {}) for key in matched("torchvision")), ("RandomAffine", {"shear": [20.0, 20.0]})])
@pytest.mark.parametrize("library", WRITERS)
def test_what_is_drawn_changes_as_much(library, key, params):
    """At their own ranges two libraries draw other values, and change pictures by as much on average over many."""
    if library == "albumentations":
        pytest.importorskip("albumentations", reason="optional: pip install -r tests/requirements.txt")
    if not getattr(OPS[key], library) or library in dict(OPS[key].unlike):
        return
    small, draws = np.ascontiguousarray(WIDE[:48, :72]), 60
    pipeline = edit_add(Pipeline(seed=3), key, {**params, "p": 1.0})
    torch.manual_seed(0)
    scope = {"__name__": "exported"}
    exec(compile(WRITERS[library](pipeline).replace("(224, 224)", str(small.shape[:2])), "exported", "exec"), scope)
    theirs, ours = [], []
    for number in range(draws):
        ours.append(np.abs(drawn(pipeline, small, number) - small).mean())
        if library == "albumentations":
            made = scope["augment"](image=small)["image"]
        else:
            made = scope["augment"](torch.from_numpy(small).permute(2, 0, 1).contiguous()).permute(1, 2, 0).numpy()
        theirs.append(np.abs(made.astype(float) - small).mean())
    spread = np.hypot(np.std(ours), np.std(theirs)) / draws**0.5
    assert abs(np.mean(ours) - np.mean(theirs)) < 4 * spread + ALLOWED, (np.mean(ours), np.mean(theirs))


def test_erased_white_is_white_and_every_exception_names_a_knob():
    grey = np.full((96, 96, 3), 100, np.uint8)
    for value, wanted in ((1.0, 255), (0.5, 128), (0.0, 0)):
        pipeline = edit_add(Pipeline(), "RandomErasing", {"scale": [0.3, 0.3], "ratio": [1.0, 1.0], "value": value, "p": 1.0})
        made = executed("torchvision", pipeline, grey)
        filled = made[made != 100]
        assert abs(filled.astype(int) - wanted).max() <= 1 and abs(filled.size / made.size - 0.3) < 0.01
    assert all(OPS[key].knob(knob) for key, knob in DRAWN) and set(DRAWN_WHOLE) <= set(OPS)
