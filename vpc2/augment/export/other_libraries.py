"""Export of a pipeline as code for torchvision v2 and for Albumentations, with comments on what has no equivalent or differs.

The same order, probabilities and ranges; at fixed values the same pictures, except for the difference that the line states. Random values
are drawn by each library. Pictures are floats from the first step to the last, as here: otherwise each step would round them. Standard
library only.
"""

from __future__ import annotations

import ast
from typing import Any

from vpc2.augment.export.carried_sources import carried_code
from vpc2.augment.mixes import MIXES
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.operations.operation import Operation
from vpc2.augment.spec import Pipeline, Step
from vpc2.sources import import_block
from vpc2.version import MADE_WITH

_TORCHVISION = """{imports}
SIZE = (224, 224)  # height and width of the images after a crop
{helpers}
augment = v2.Compose(
    [
        v2.ToDtype(torch.float32, scale=True),
{steps}        v2.ToDtype(torch.uint8, scale=True),
    ]
)

if __name__ == "__main__":
    import sys

    from torchvision.io import decode_image, write_jpeg

    torch.manual_seed({seed})
    write_jpeg(augment(decode_image(sys.argv[1], mode="RGB")), "augmented.jpg")
"""

_ALBUMENTATIONS = """import os

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # before the import, which asks PyPI for newer versions otherwise

{imports}
SIZE = (224, 224)  # height and width of the images after a crop
{helpers}
augment = A.Compose(
    [
        A.ToFloat(max_value=255),
{steps}        A.FromFloat(dtype="uint8", max_value=255),
    ],
    seed={seed},
)

if __name__ == "__main__":
    import sys

    import cv2

    image = cv2.cvtColor(cv2.imread(sys.argv[1]), cv2.COLOR_BGR2RGB)
    cv2.imwrite("augmented.jpg", cv2.cvtColor(augment(image=image)["image"], cv2.COLOR_RGB2BGR))
"""

_IMPORTS = {
    "torchvision": ("import torch", "from torchvision.transforms import v2"),
    "albumentations": ("import albumentations as A",),
}
_FUNCTIONAL = "from torchvision.transforms.v2 import functional as F"
_LIBRARY_NAMES = ("torch", "v2", "F", "A", "SIZE")


def to_torchvision(pipeline: Pipeline) -> str:
    """Return a runnable script with `augment`, for uint8 tensors (3, H, W)."""
    return _script(_TORCHVISION, pipeline, "torchvision")


def to_albumentations(pipeline: Pipeline) -> str:
    """Return a runnable script with `augment`, for uint8 arrays (H, W, 3)."""
    return _script(_ALBUMENTATIONS, pipeline, "albumentations")


def to_call(step: Step, library: str) -> str:
    """Return the expression that constructs a step's transform in a library; empty where it has none."""
    template = getattr(OPS[step.op], library)
    if not template:
        return ""
    call = template.format(**_parameter_texts(step))
    # torchvision's transforms without a probability of their own are wrapped in RandomApply.
    if library == "torchvision" and "{p}" not in template and step.params.get("p", 1.0) < 1:
        return f"v2.RandomApply([{call}], {step.params['p']!r})"
    return call


def own_names(call: str) -> set[str]:
    """Return the names in an expression that this project defines, in `torchvision_helpers` or `albumentations_helpers`."""
    return {node.id for node in ast.walk(ast.parse(call, mode="eval")) if isinstance(node, ast.Name)} - set(_LIBRARY_NAMES)


def _script(template: str, pipeline: Pipeline, library: str) -> str:
    calls = [call for step in pipeline.steps if step.on and (call := to_call(step, library))]
    helper_names = sorted({name for call in calls for name in own_names(call)})
    imports = list(_IMPORTS[library])
    if any("F." in call for call in calls):
        imports.append(_FUNCTIONAL)
    helper_imports, carried = carried_code(f"vpc2.augment.export.{library}_helpers.{name}" for name in helper_names)
    steps = _lines(pipeline, library)
    return MADE_WITH + template.format(
        imports=import_block([*imports, *helper_imports]) + "\n", helpers=carried, seed=pipeline.seed, steps=steps
    )


def _lines(pipeline: Pipeline, library: str) -> str:
    lines = []
    for step in pipeline.steps:
        if not step.on:
            continue
        call = to_call(step, library)
        if not call:
            lines.append(f"        # {step.op} has no equal here: left out\n")
            continue
        lines += [f"        # {note}\n" for note in _notes(OPS[step.op], library)]
        lines.append(f"        {call},\n")
    if pipeline.mix is not None:
        entry = MIXES[pipeline.mix.kind]
        call_after = entry.torchvision if library == "torchvision" else ""
        lines.append(
            f"        # {entry.key} mixes whole batches: {f'{call_after} after collating' if call_after else 'it has no equal here'}\n"
        )
    return "".join(lines)


def _notes(entry: Operation, library: str) -> list[str]:
    """Return the comments on an operation's line: how far its pictures are from ours, and other differences."""
    notes = []
    if library in dict(entry.gaps):
        notes.append(f"approximate: up to {dict(entry.gaps)[library]:g} of 255 away on average, at fixed values")
    if library in dict(entry.unlike):
        notes.append(f"not alike: {dict(entry.unlike)[library]}")
    return notes


def _parameter_texts(step: Step) -> dict[str, Any]:
    """Return a step's parameters as source code: spans as tuples, each also in the forms that other libraries need."""
    texts: dict[str, Any] = {}
    for key, value in step.params.items():
        texts[key] = repr(tuple(value) if isinstance(value, list) else value)
        if isinstance(value, list):
            texts[f"{key}_whole"] = repr(tuple(round(part) for part in value))
            texts[f"{key}_negated"] = repr(tuple(-part or 0.0 for part in reversed(value)))
            texts[f"{key}_percent"] = repr(tuple(round(100 * part, 6) for part in value))
        elif isinstance(value, float):
            texts[f"{key}_half"] = repr(value / 2)
    return texts
