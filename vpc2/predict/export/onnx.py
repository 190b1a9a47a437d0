"""Export of a classifier as ONNX with its preprocessing inside, so that other programs get the same predictions."""

from __future__ import annotations

import json

import torch
from torch import Tensor, nn

from vpc2.nets.export.onnx import MAX_ONNX_BYTES, write_onnx
from vpc2.predict.classifier import Classifier
from vpc2.text import Refusal, Text

PROBABILITIES = "probabilities"

_TOO_LARGE = Text("This classifier takes {found:,} MB; at most {most:,} MB are written in this format. Save it as safetensors instead.")


class ProbabilityModel(nn.Module):
    """Images (B, 3, S, S) in [0, 1] in, probabilities (B, K) out: greyscale for one channel, normalisation, net, softmax."""

    mean: Tensor
    std: Tensor
    grey: Tensor

    def __init__(self, classifier: Classifier):
        super().__init__()
        means = classifier.preprocessing
        self.module, self.is_grey = classifier.module, means.channels == 1
        self.register_buffer("mean", torch.tensor(means.mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(means.std).view(1, -1, 1, 1))
        self.register_buffer("grey", torch.tensor((0.299, 0.587, 0.114)).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        if self.is_grey:
            images = (images * self.grey).sum(1, keepdim=True)
        return self.module((images - self.mean) / self.std).softmax(1)


def to_onnx(classifier: Classifier) -> bytes:
    """Return a classifier as one ONNX file with its class names in the metadata. Raises `Refusal` for one that is too large."""
    import onnx

    _check(classifier)
    size = classifier.preprocessing.size_px
    model = onnx.load_model_from_string(write_onnx(ProbabilityModel(classifier).eval(), (3, size, size), PROBABILITIES))
    for key, value in (("classes", json.dumps(list(classifier.classes), ensure_ascii=False)), ("input", f"RGB, {size} x {size}, 0 to 1")):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return model.SerializeToString()


def _check(classifier: Classifier) -> None:
    size = sum(value.numel() * value.element_size() for value in classifier.module.state_dict().values())
    if size > MAX_ONNX_BYTES:
        raise Refusal(_TOO_LARGE.fill(found=size >> 20, most=MAX_ONNX_BYTES >> 20))


def to_snippet(classifier: Classifier) -> str:
    """Return Python code that runs the ONNX file on a photograph, with the app's own resizing."""
    size, means = classifier.preprocessing.size_px, classifier.preprocessing
    box = "None" if means.resize == "stretch" else f"crop_box(photo.size, {means.crop_share:g})"
    crop = (
        ""
        if means.resize == "stretch"
        else """

def crop_box(size, crop_share):
    side = min(size) * crop_share
    left, top = (size[0] - side) / 2, (size[1] - side) / 2
    return left, top, left + side, top + side

"""
    )
    return f"""import json
import os
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import: ONNX Runtime reports its use to its maker otherwise

import numpy as np
import onnxruntime
from PIL import Image
{crop}
session = onnxruntime.InferenceSession("classifier.onnx")
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
photo = Image.open(sys.argv[1]).convert("RGB")
photo = photo.resize(({size}, {size}), Image.Resampling.BILINEAR, box={box})
images = np.asarray(photo, np.float32).transpose(2, 0, 1)[None] / 255
probabilities = session.run(None, {{"images": images}})[0][0]
for probability, name in sorted(zip(probabilities, classes), reverse=True)[:3]:
    print(f"{{probability:.1%}} {{name}}")
"""
