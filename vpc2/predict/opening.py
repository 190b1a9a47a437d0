"""Opening a classifier: a pretrained one by name, or a trained one from its run folder or file."""

from __future__ import annotations

from pathlib import Path

from vpc2.predict.classifier import Classifier, load_classifier
from vpc2.predict.classifier_ref import ClassifierRef


def open_classifier(place: ClassifierRef | Path | str) -> Classifier:
    """Return the pretrained classifier of that name, or the one in a run folder or a safetensors file.

    A string is parsed as on the command line: a key of PRETRAINED, `torchvision:NAME`, or a path.
    """
    from vpc2.predict.pretrained.loading import load_pretrained, load_torchvision

    if isinstance(place, str):
        place = ClassifierRef.from_command_line(place)
    if isinstance(place, ClassifierRef):
        return load_pretrained(place.id) if place.is_pretrained else load_torchvision(place.id)
    return load_classifier(place)
