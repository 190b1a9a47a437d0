"""A pipeline as code for torchvision v2 and for Albumentations: the nearest calls, and in a comment what has none.

The same operations in the same order with the same chances and ranges; the draws are each library's own, and so are
details of its arithmetic. Standard library only.
"""

from __future__ import annotations

from typing import Any

from vpc2.augment.mixing import MIXES
from vpc2.augment.ops import OPS
from vpc2.augment.spec import Pipeline, Step

_TORCHVISION = """import torch
from torchvision.transforms import v2

SIZE = (224, 224)  # of the pictures that come out of a crop

augment = v2.Compose(
    [
{steps}    ]
)

if __name__ == "__main__":
    import sys

    from torchvision.io import decode_image, write_jpeg

    torch.manual_seed({seed})
    write_jpeg(augment(decode_image(sys.argv[1], mode="RGB")), "augmented.jpg")
"""

_ALBUMENTATIONS = """import albumentations as A

SIZE = (224, 224)  # of the pictures that come out of a crop

augment = A.Compose(
    [
{steps}    ],
    seed={seed},
)

if __name__ == "__main__":
    import sys

    import cv2

    cv2.imwrite("augmented.jpg", augment(image=cv2.imread(sys.argv[1]))["image"])
"""


def to_torchvision(pipeline: Pipeline) -> str:
    """Return a runnable script with `augment`, for uint8 tensors (3, H, W)."""
    return _TORCHVISION.format(seed=pipeline.seed, steps=_lines(pipeline, "torchvision"))


def to_albumentations(pipeline: Pipeline) -> str:
    """Return a runnable script with `augment`, for uint8 arrays (H, W, 3)."""
    return _ALBUMENTATIONS.format(seed=pipeline.seed, steps=_lines(pipeline, "albumentations"))


def _lines(pipeline: Pipeline, library: str) -> str:
    lines = []
    for step in pipeline.steps:
        template = getattr(OPS[step.op], library)
        if not step.on:
            continue
        if not template:
            lines.append(f"        # {step.op} has no equal here: left out\n")
            continue
        call = template.format(**_said(step))
        # torchvision's transforms that have no chance of their own get one.
        if library == "torchvision" and "{p}" not in template and step.params.get("p", 1.0) < 1:
            call = f"v2.RandomApply([{call}], {step.params['p']!r})"
        if step.op == "RandomGaussianNoise" and library == "torchvision":  # it takes floats only
            call = f"v2.ToDtype(torch.float32, scale=True), {call}, v2.ToDtype(torch.uint8, scale=True)"
        lines.append(f"        {call},\n")
    if pipeline.mix is not None:
        entry = MIXES[pipeline.mix.way]
        said = entry.torchvision if library == "torchvision" else ""
        lines.append(f"        # {entry.key} mixes whole batches: {f'{said} after collating' if said else 'it has no equal here'}\n")
    return "".join(lines)


def _said(step: Step) -> dict[str, Any]:
    """Return a step's parameters as code: spans as tuples, and beside each the forms that other libraries ask for."""
    said: dict[str, Any] = {}
    for key, value in step.params.items():
        said[key] = repr(tuple(value) if isinstance(value, list) else value)
        if isinstance(value, list):
            said[f"{key}_whole"] = repr(tuple(round(part) for part in value))
            said[f"{key}_most"] = repr(max(abs(part) for part in value))
        elif isinstance(value, float):
            said[f"{key}_half"] = repr(value / 2)
    return said
