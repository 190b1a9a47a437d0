"""Preset pipelines: the lecture's families, an ImageNet classic, a gentle and a strong one, and bad examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vpc2.augment.spec import Pipeline, edit_add, edit_mix
from vpc2.catalog import Catalog, Entry
from vpc2.text import Text


@dataclass(frozen=True, kw_only=True)
class PipelinePreset(Entry):
    """A pipeline with its title and help."""

    pipeline: Pipeline


def _preset(key: str, title: Text, help_: Text, *steps: tuple[str, dict[str, Any]], mix: str | None = None) -> PipelinePreset:
    pipeline = edit_mix(Pipeline(name=title.en), mix)
    for op, params in steps:
        pipeline = edit_add(pipeline, op, params)
    return PipelinePreset(key=key, title=title, help=help_, pipeline=pipeline)


PIPELINES: Catalog[PipelinePreset] = Catalog(
    Text("pipeline"),
    _preset(
        "basic",
        Text("Basic"),
        Text("Flips, turns and crops."),
        ("RandomHorizontalFlip", {"p": 0.5}),
        ("RandomRotation", {"degrees": [-20.0, 20.0], "p": 0.8}),
        ("RandomResizedCrop", {"scale": [0.5, 1.0]}),
    ),
    _preset(
        "colour",
        Text("Colour"),
        Text("Another light, another camera."),
        ("ColorJitter", {"brightness": [0.7, 1.3], "contrast": [0.7, 1.3], "saturation": [0.6, 1.4], "hue": [-0.08, 0.08], "p": 1.0}),
        ("RandomPlanckianJitter", {"p": 0.3}),
        ("RandomGrayscale", {"p": 0.15}),
    ),
    _preset(
        "further",
        Text("Further"),
        Text("Blur, noise, erased patches and bent space."),
        ("RandomPerspective", {"distortion_scale": 0.4, "p": 0.5}),
        ("RandomElasticTransform", {"p": 0.3}),
        ("RandomGaussianBlur", {"p": 0.3}),
        ("RandomGaussianNoise", {"std": 0.06, "p": 0.3}),
        ("RandomErasing", {"p": 0.5}),
    ),
    _preset(
        "mixing",
        Text("Mixing"),
        Text("Pictures cut into one another, and their labels likewise."),
        ("RandomHorizontalFlip", {"p": 0.5}),
        ("RandomResizedCrop", {"scale": [0.7, 1.0]}),
        mix="RandomCutMixV2",
    ),
    _preset(
        "imagenet",
        Text("ImageNet classic"),
        Text("Crop, flip and colour, as most ImageNet nets were trained."),
        ("RandomResizedCrop", {"scale": [0.08, 1.0]}),
        ("RandomHorizontalFlip", {"p": 0.5}),
        ("ColorJitter", {"brightness": [0.6, 1.4], "contrast": [0.6, 1.4], "saturation": [0.6, 1.4], "hue": [0.0, 0.0], "p": 0.8}),
    ),
    _preset(
        "gentle",
        Text("Gentle, for small data sets"),
        Text("Small turns, shifts and light: safe for hands and digits."),
        ("RandomAffine", {"degrees": [-15.0, 15.0], "translate": 0.1, "scale": [0.85, 1.15], "shear": [-5.0, 5.0], "p": 1.0}),
        ("RandomBrightness", {"brightness": [0.75, 1.25], "p": 0.8}),
        ("RandomContrast", {"contrast": [0.75, 1.25], "p": 0.8}),
    ),
    _preset(
        "strong",
        Text("Strong, for small data sets"),
        Text("Large turns, crops, colour and erased patches."),
        ("RandomAffine", {"degrees": [-30.0, 30.0], "translate": 0.15, "scale": [0.7, 1.3], "shear": [-15.0, 15.0], "p": 1.0}),
        ("ColorJitter", {"brightness": [0.6, 1.4], "contrast": [0.6, 1.4], "saturation": [0.5, 1.5], "hue": [-0.1, 0.1], "p": 0.9}),
        ("RandomGaussianBlur", {"p": 0.2}),
        ("RandomErasing", {"scale": [0.02, 0.25], "p": 0.5}),
    ),
    _preset(
        "autoaugment",
        Text("AutoAugment"),
        Text("The policy that a search found for ImageNet."),
        ("AutoAugment", {}),
    ),
    _preset(
        "randaugment",
        Text("RandAugment"),
        Text("Two operations at random, all of one strength."),
        ("RandAugment", {}),
    ),
    _preset(
        "trivialaugment",
        Text("TrivialAugment"),
        Text("One operation at random: nothing to tune."),
        ("TrivialAugment", {}),
    ),
    _preset(
        "half_turn",
        Text("Half a turn"),
        Text("Upside down, always: a 6 becomes a 9, an 8 stays an 8."),
        ("RandomRotation", {"degrees": [180.0, 180.0], "p": 1.0}),
    ),
    _preset(
        "bad_examples",
        Text("Bad examples"),
        Text("Changes that change the label: upside down, cropped away, too dark."),
        ("RandomRotation", {"degrees": [180.0, 180.0], "p": 0.5}),
        ("RandomResizedCrop", {"scale": [0.05, 0.12]}),
        ("RandomBrightness", {"brightness": [0.05, 0.3], "p": 0.5}),
        ("RandomHue", {"hue": [-0.5, 0.5], "p": 0.5}),
    ),
)
