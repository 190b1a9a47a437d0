"""Opening a classifier by name: a file, or one that was trained elsewhere."""

from __future__ import annotations

from pathlib import Path

from vpc2.predict.classifier import Classifier, load_classifier


def open_classifier(name: Path | str) -> Classifier:
    """Return the classifier that goes by a key of PRETRAINED, `torchvision:NAME`, a run folder or a safetensors file."""
    from vpc2.predict.pretrained.catalog import PRETRAINED
    from vpc2.predict.pretrained.loading import load_pretrained, load_torchvision

    if isinstance(name, str) and name in PRETRAINED:
        return load_pretrained(name)
    if isinstance(name, str) and name.startswith("torchvision:"):
        return load_torchvision(name.removeprefix("torchvision:"))
    return load_classifier(name)
