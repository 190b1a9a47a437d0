"""Export of a pipeline as a script that needs only torch and Kornia, and draws the same pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vpc2.augment.export.carried_sources import carried_code
from vpc2.augment.mixes import MIXES, Mix
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.operations.operation import Operation
from vpc2.augment.spec import Mixing, Pipeline
from vpc2.sources import import_block
from vpc2.version import MADE_WITH

_OWN = "vpc2."
_IMPORTS = ("import hashlib", "import kornia.augmentation as K", "import torch")
_SCRIPT = '''{imports}
{classes}
SEED = {seed}


def steps(height, width):
    """Return for images of this size each step's id (part of its seed), its minimum side, and its augmentation."""
    return [
{steps}    ]


def seed_of(*parts):
    digest = hashlib.sha256("\\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def augment(image, draw=0, image_key=""):
    """Return `image`, a float tensor (3, H, W) in [0, 1], randomly augmented; each number `draw` gives a different result."""
    images = image.unsqueeze(0)
    height, width = images.shape[-2:]
    for step_id, min_side, augmentation in steps(height, width):
        if min(height, width) < min_side:
            continue
        torch.manual_seed(seed_of(SEED, step_id, image_key, draw))
        images = torch.nan_to_num(augmentation(images), nan=0.0, posinf=1.0, neginf=0.0).clamp(0.0, 1.0)
    return images[0]
{mix}

if __name__ == "__main__":
    import sys
    from pathlib import Path

    import numpy
    from PIL import Image

    path = Path(sys.argv[1])
    image_key = hashlib.sha256(path.read_bytes()).hexdigest()
    pixels = numpy.array(Image.open(path).convert("RGB"))
    image = torch.from_numpy(pixels).permute(2, 0, 1) / 255
    for draw in range(4):
        augmented = augment(image, draw, image_key).permute(1, 2, 0).mul(255).round().byte().numpy()
        Image.fromarray(augmented).save(f"{{path.stem}}_{{draw}}.png")
'''


_MIX = '''

def mix(images, seed):
    """Return a batch (B, 3, H, W) mixed; the labels mix in the same shares of pixels."""
    height, width = images.shape[-2:]
    torch.manual_seed(seed)
    return {call}(images).clamp(0.0, 1.0)
'''


def to_code(pipeline: Pipeline) -> str:
    """Return a runnable script: its `augment(image, draw, image_key)` returns the pixels of that draw; muted steps are left out."""
    lines: list[str] = []
    used: list[Operation | Mix] = []
    for step in pipeline.steps:
        if step.on:
            entry = OPS[step.op]
            used.append(entry)
            call = f"{_name(entry)}({call_arguments(entry, step.params)})"
            lines.append(f'        ("{step.seed_name}", {entry.needs_side_px(step.params)}, {call}),\n')
    mix = ""
    if pipeline.mix is not None:
        used.append(MIXES[pipeline.mix.kind])
        mix = _MIX.format(call=mixing_call(pipeline.mix))
    imports, carried = carried_code({entry.target for entry in used if entry.target.startswith(_OWN)})
    return MADE_WITH + _SCRIPT.format(
        imports=import_block([*_IMPORTS, *imports]), seed=pipeline.seed, steps="".join(lines), classes=carried, mix=mix
    )


def _name(entry: Operation | Mix) -> str:
    """Return the name of an entry's class in a script: Kornia's under K, one of this project by its bare name."""
    return entry.target.rpartition(".")[2] if entry.target.startswith(_OWN) else entry.target.replace("kornia.augmentation", "K")


def mixing_call(mixing: Mixing) -> str:
    """Return the call that constructs Kornia's object for a pipeline's mixing."""
    entry = MIXES[mixing.kind]
    sized = "output_size=(height, width)" if entry.is_sized else ""
    arguments = call_arguments(replace(entry, is_sized=False), mixing.params)
    return f"{_name(entry)}({', '.join(filter(None, [sized, arguments]))}, data_keys=['input'])"


def call_arguments(entry: Operation | Mix, params: Mapping[str, Any]) -> str:
    """Return the arguments of the call that constructs an entry's object, as source code."""
    arguments = ["size=(height, width)"] if entry.is_sized else []
    for key, value in params.items():
        if key in entry.pairs:
            arguments.append(f"{key}=({value!r}, {value!r})")
        elif key in entry.tensors:
            arguments.append(f"{key}=torch.tensor({value!r})")
        else:
            arguments.append(f"{key}={tuple(value)!r}" if isinstance(value, list) else f"{key}={value!r}")
    return ", ".join([*arguments, *(f"{key}={value!r}" for key, value in entry.fixed)])
