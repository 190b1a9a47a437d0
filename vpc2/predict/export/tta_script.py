"""Template of the exported script with test-time augmentation: plain PyTorch without vpc2. Standard library only: views come as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vpc2.sources import Carrier, import_block
from vpc2.version import MADE_WITH

WEIGHTS_NAME, SCRIPT_NAME = "weights.safetensors", "tta.py"

_IMPORTS = (
    *("import sys", "from pathlib import Path", "import numpy as np", "import torch", "import torch.nn.functional as F"),
    "from PIL import Image",
)
_SCRIPT = '''"""Classifies photographs with test-time augmentation in {count} views, as the Judge page of vpc2 does.

    python {script} photo.jpg [photo.jpg ...]

Needs torch, numpy, Pillow{needs}.
"""

{imports}
{net}
CLASSES = {classes!r}
SIZE, MEAN, STD = {size}, {mean}, {std}
{definitions}
# Geometric views: rows of the matrix from pixel coordinates (x, y) in the view to those in the image.
GEOMETRIC_VIEWS = {{
{geometric}}}
PHOTOMETRIC_VIEWS = {{
{photometric}}}


def load_image(path):
    """Return a photograph as a batch (1, 3, SIZE, SIZE) in [0, 1]."""
    photo = Image.open(path).convert("RGB")
    {box}
    photo = photo.resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=box)
    return torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float() / 255


def warp(images, matrix):
    """Return images warped to a geometric view: bilinear, with the border repeated outside."""
    (a, b, c), (d, e, f) = matrix
    n = SIZE
    theta = torch.tensor([[[a, b, (2 * c + (a + b) * (n - 1) + 1) / n - 1], [d, e, (2 * f + (d + e) * (n - 1) + 1) / n - 1]]])
    grid = F.affine_grid(theta, [1, 1, n, n], align_corners=False).expand(len(images), -1, -1, -1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def apply_views(images):
    """Return a batch (V, 3, SIZE, SIZE): the image in every view."""
    warped = [warp(images, matrix) for matrix in GEOMETRIC_VIEWS.values()]
    adjusted = [adjust(images).clamp(0, 1) for adjust in PHOTOMETRIC_VIEWS.values()]
    return torch.cat([*warped, *adjusted])


def normalize(images):
{channels}    return (images - torch.tensor(MEAN).view(1, -1, 1, 1)) / torch.tensor(STD).view(1, -1, 1, 1)


def merge(logits):
    """Return probabilities (K,) from the logits (V, K) of the views: {merge_words}."""
    return {merge}(logits[:, None])[0]


@torch.no_grad()
def predict(path):
    """Return the plain and the merged probabilities (K,) of a photograph."""
    images = load_image(path)
    return net(normalize(images)).softmax(1)[0], merge(net(normalize(apply_views(images))))


if __name__ == "__main__":
    for path in sys.argv[1:]:
        for name, probabilities in zip(("plain", "merged"), predict(path)):
            top = probabilities.topk(min(3, len(CLASSES)))
            print(path, name, *(f"{{CLASSES[i]}} {{100 * p:.1f}} %" for p, i in zip(top.values.tolist(), top.indices.tolist())))
'''


def to_script(
    *,
    net: str,
    needs: str,
    classes: Sequence[str],
    preprocessing: dict[str, Any],
    geometric: Mapping[str, Sequence[Sequence[float]]],
    photometric: dict[str, tuple[str, dict[str, float]]],
    merge: str,
    merge_words: str,
    input_grey: Sequence[float],
) -> str:
    """Return the script; `net` are the lines that build `net`, in evaluation mode.

    `geometric` maps a geometric view to the two rows of the matrix from its pixels to those of the picture, `photometric` any other to the
    dotted name and the parameters of its function, and `merge` is the dotted name of a function; the sources of the functions are copied
    into the script with all that they use. `input_grey` are the greyscale weights for a net of one channel. `preprocessing` is a document.
    """
    carrier = Carrier()
    for line in _IMPORTS:
        carrier.imports[line] = None
    merge = carrier.name_of(merge)
    calls = {key: _call(carrier.name_of(target), params) for key, (target, params) in photometric.items()}
    size, share = preprocessing["size_px"], preprocessing["crop_share"]
    box = (
        "box = None"
        if preprocessing["resize"] == "stretch"
        else f"side = min(photo.size) * {share!r}\n    left, top = (photo.width - side) / 2, (photo.height - side) / 2\n    "
        "box = (left, top, left + side, top + side)"
    )
    channels = ""
    if preprocessing["channels"] == 1:
        channels = f"    images = (images * torch.tensor({tuple(input_grey)}).view(1, 3, 1, 1)).sum(1, keepdim=True)\n"
    return MADE_WITH + _SCRIPT.format(
        count=len(geometric) + len(photometric),
        script=SCRIPT_NAME,
        needs=needs,
        net=f"\n{net.strip()}\n",
        classes=list(classes),
        size=size,
        mean=tuple(preprocessing["mean"]),
        std=tuple(preprocessing["std"]),
        geometric="".join(f"    {key!r}: {tuple(map(tuple, rows))!r},\n" for key, rows in geometric.items()),
        photometric="".join(f"    {key!r}: lambda images: {call},\n" for key, call in calls.items()),
        box=box,
        channels=channels,
        merge=merge,
        merge_words=merge_words,
        imports=import_block(list(carrier.imports)),
        definitions="".join(f"\n\n{text}\n" for text in carrier.definitions),
    )


def _call(function: str, params: dict[str, Any]) -> str:
    return f"{function}({', '.join(['images', *(f'{key}={value!r}' for key, value in params.items())])})"
