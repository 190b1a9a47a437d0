"""The Classifier: a module with its preprocessing, class names and provenance; saved and loaded as safetensors.

Every page, export and evaluation uses this class, so a saved classifier predicts exactly what the screen showed.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from vpc2.codec import MAX_JSON_BYTES, VERSION, check_keys, from_document, read_json
from vpc2.knobs import Choice, Number, Whole
from vpc2.predict import safetensors_io
from vpc2.text import Refusal, Text, clean_name
from vpc2.version import VERSION as APP_VERSION

FILE_NAME = "model.safetensors"
METADATA_KEY = "vpc2"
MAX_CLASSES = 2_000
CROP_SHARE = 224 / 256  # the usual centre crop of ImageNet classifiers
GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's "L"

SIZE = Whole(key="size_px", title=Text("Side of the input"), default=32, low=1, high=2048, unit="px")
RESIZE = Choice(
    key="resize",
    title=Text("Resizing"),
    default="stretch",
    options={
        "stretch": Text("Stretched to a square"),
        "crop": Text("Shorter side fitted, centre cropped"),
    },
)
_MEAN = Number(key="mean", title=Text("Mean"), default=0.0, low=-1e3, high=1e3)
_CROP = Number(key="crop_share", title=Text("Share of the crop"), default=CROP_SHARE, low=0.1, high=1.0)
_STD = Number(key="std", title=Text("Standard deviation"), default=1.0, low=1e-6, high=1e3)

_CLASSIFIER = Text("A classifier")
_PREPROCESSING = Text("The preprocessing of a classifier")
_BAD_CHANNELS = Text("A classifier looks at 1 or 3 channels.")
_BAD_STATISTICS = Text("A classifier needs one mean and one deviation a channel.")
_NOT_OURS = Text(
    "This safetensors file holds weights only, without the net they belong to; what is accepted is a classifier saved by vpc2."
)
_BAD_CLASSES = Text("The class names of this classifier cannot be used: they must be 2 to {most:,} different names.")
_NEWER = Text("This classifier was saved by a newer vpc2; update vpc2 to open it.")
_NO_NET = Text("This classifier does not say which net its weights belong to.")
_WRONG_HEAD = Text("This classifier names {classes:,} classes, but its net does not end in as many numbers.")
_WRONG_INPUT = Text("The net of this classifier takes pictures of another size or of other channels than its preprocessing gives.")
_MISSING = Text("The weights “{name}” are missing from this file.")
_EXTRA = Text("The weights “{name}” belong to no layer of this net.")
_WRONG_SHAPE = Text("The weights “{name}” have the shape {found} and this net needs {wanted}.")
_NO_RUN_FILE = Text("There is no trained classifier in this run yet.")
_NOT_SAVED = Text("This classifier came ready made and is opened by its name; only nets trained here are saved.")
_BAD_PICTURE = Text("A picture must be (height, width, 3) in 8 bits.")
_WRONG_SIZE = Text("This classifier looks at pictures of {wanted} × {wanted} pixels in colour, not at {found}.")
_WRONG_COUNT = Text("This classifier names {classes:,} classes and its net answers {found}.")
_NOT_A_NUMBER = Text("The answers of this classifier are NaN or infinite, so they mean nothing; train again with a smaller learning rate.")


@dataclass(frozen=True)
class Preprocessing:
    """The preprocessing of an image: resizing to `size_px`, greyscale where `channels` is 1, then (x - mean)/std.

    `mean` and `std` hold one number per channel, for values in [0, 1]. `resize` is "stretch" (the whole image, made square) or "crop" (the
    centre square whose side is `crop_share` of the shorter side). Both are bilinear with antialiasing.
    """

    size_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channels: int = 3
    resize: str = "stretch"
    crop_share: float = CROP_SHARE

    def __post_init__(self) -> None:
        if self.channels not in (1, 3) or isinstance(self.channels, bool):
            raise Refusal(_BAD_CHANNELS, field="channels")
        for knob, key in ((_MEAN, "mean"), (_STD, "std")):
            values = getattr(self, key)
            if not isinstance(values, list | tuple) or len(values) != self.channels:
                raise Refusal(_BAD_STATISTICS, field=key)
            object.__setattr__(self, key, tuple(knob.clean(value) for value in values))
        object.__setattr__(self, "size_px", SIZE.clean(self.size_px))
        object.__setattr__(self, "resize", RESIZE.clean(self.resize))
        object.__setattr__(self, "crop_share", _CROP.clean(self.crop_share))

    def to_doc(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}

    @classmethod
    def from_doc(cls, doc: Any) -> Preprocessing:
        """Read the body of a document; raises `Refusal` naming the invalid field."""
        check_keys(_PREPROCESSING, doc, ("size_px", "mean", "std", "channels", "resize", "crop_share"))
        return cls(**{"size_px": None, "mean": None, "std": None, **doc})


@dataclass(frozen=True, eq=False)
class Classifier:
    """A module in evaluation mode with everything needed for prediction. Prediction is thread-safe.

    `provenance` is plain JSON: for a net trained here, `net` (or a `recipe` that contains it) as documents. The module is put into
    evaluation mode and into channels_last, which is faster on a CPU. A `runner` that was verified to give the module's logits
    (`predict.runtime`) replaces it for prediction: normalised images in, logits out.
    """

    module: nn.Module
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    provenance: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    runner: Callable[[torch.Tensor], torch.Tensor] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))
        self.module.eval().to(memory_format=torch.channels_last)

    @property
    def device(self) -> torch.device:
        """The device of the module's weights."""
        return next((parameter.device for parameter in self.module.parameters()), torch.device("cpu"))

    def prepare(self, pictures: Sequence[np.ndarray]) -> torch.Tensor:
        """Return uint8 (H, W, 3) pictures as images (B, 3, size, size) in [0, 1]; `logits` normalises them."""
        size = self.preprocessing.size_px
        pixels = np.empty((len(pictures), size, size, 3), np.uint8)
        for i, picture in enumerate(pictures):
            if (
                not isinstance(picture, np.ndarray)
                or picture.dtype != np.uint8
                or picture.ndim != 3
                or picture.shape[2] != 3
                or not picture.size
            ):
                raise Refusal(_BAD_PICTURE)
            pixels[i] = fit_pixels(picture, self.preprocessing)
        return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255)

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """Return images (B, 3, H, W) in [0, 1] as the module's input: greyscale for one channel, (x - mean)/std."""
        channels = self.preprocessing.channels
        if channels == 1:
            images = (images * images.new_tensor(GREY).view(1, 3, 1, 1)).sum(1, keepdim=True)
        mean, std = images.new_tensor(self.preprocessing.mean), images.new_tensor(self.preprocessing.std)
        return (images - mean.view(1, channels, 1, 1)).div_(std.view(1, channels, 1, 1))

    @torch.no_grad()
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits (B, K) of images (B, 3, size, size) in [0, 1], on the CPU.

        Raises `Refusal` for images of another size, for a module with another number of outputs, and for logits that are not finite.
        """
        size = self.preprocessing.size_px
        if images.ndim != 4 or tuple(images.shape[1:]) != (3, size, size):
            raise Refusal(_WRONG_SIZE.fill(wanted=size, found=" × ".join(map(str, images.shape))))
        if self.module.training:
            self.module.eval()
        forward = self.runner or self.module
        layout = torch.channels_last if isinstance(forward, nn.Module) else torch.contiguous_format
        logits = forward(self.normalise(images.to(self.device, torch.float32, memory_format=layout))).float().cpu()
        if tuple(logits.shape) != (len(images), len(self.classes)):
            raise Refusal(_WRONG_COUNT.fill(classes=len(self.classes), found=" × ".join(map(str, logits.shape[1:])) or "1"))
        if not torch.isfinite(logits).all():
            raise Refusal(_NOT_A_NUMBER)
        return logits

    def probabilities(self, images: torch.Tensor) -> torch.Tensor:
        """Return the softmax of `logits`, (B, K)."""
        return self.logits(images).softmax(1)


def fit_pixels(picture: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """Return a uint8 (H, W, 3) picture as (size, size, 3), stretched or cropped as the preprocessing says."""
    size, (height, width) = preprocessing.size_px, picture.shape[:2]
    if preprocessing.resize == "stretch" and (height, width) == (size, size):
        return picture
    box = (0.0, 0.0, float(width), float(height))
    if preprocessing.resize == "crop":
        # Cropped and resized in one call: resizing first would make a picture of 1 x 10,000 pixels enormous.
        side = min(height, width) * preprocessing.crop_share
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=box))


def save_classifier(classifier: Classifier, path: Path | str) -> None:
    """Write a classifier atomically as one safetensors file with its metadata.

    Raises `Refusal` for one that was not trained here (`provenance` holds no net), `OSError` if writing fails.
    """
    provenance = dict(classifier.provenance)
    if net_document(provenance) is None:
        raise Refusal(_NOT_SAVED)
    provenance.setdefault("versions", {"torch": torch.__version__, "vpc2": APP_VERSION})
    provenance.setdefault("date", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    document = {
        "version": VERSION,
        "kind": "classifier",
        "name": classifier.name,
        "classes": list(classifier.classes),
        "preprocessing": classifier.preprocessing.to_doc(),
        "made": provenance,
    }
    metadata = json.dumps(document, ensure_ascii=False, allow_nan=False)
    # BatchNorm's integer counters are used in training only: only floating-point tensors are saved.
    state = {
        key: tensor.detach().cpu().contiguous() for key, tensor in classifier.module.state_dict().items() if tensor.is_floating_point()
    }
    # In the file's header this JSON is a JSON string once more, and the reader limits the size of that.
    if len(json.dumps(metadata, ensure_ascii=False).encode()) + 200 * len(state) > MAX_JSON_BYTES:
        raise ValueError("the metadata of this classifier is larger than load_classifier takes")
    safetensors_io.write_tensors(Path(path), state, {METADATA_KEY: metadata})


def net_document(provenance: Any) -> Any:
    """Return the net's document from a classifier's `provenance`, or None if it holds none."""
    if not isinstance(provenance, dict):
        return None
    recipe = provenance.get("recipe")
    return provenance.get("net") or (recipe.get("net") if isinstance(recipe, dict) else None)


def load_classifier(path: Path | str) -> Classifier:
    """Return the classifier in a safetensors file or in a run folder; raise `Refusal` with one sentence for an invalid one.

    The net is rebuilt from the file's metadata and every tensor is compared with it before anything is allocated.
    """
    path = Path(path)
    if path.is_dir():
        path = path / FILE_NAME
        if not path.is_file():
            raise Refusal(_NO_RUN_FILE)
    with safetensors_io.open_tensors(path) as file:
        if METADATA_KEY not in file.metadata:
            file.read()  # report damage and NaN before a missing net
            raise Refusal(_NOT_OURS)
        document = _read_document(file.metadata[METADATA_KEY])
        classes = _read_classes(document.get("classes"))
        preprocessing = Preprocessing.from_doc(document.get("preprocessing"))
        module = _build_empty(document.get("made"), preprocessing, len(classes))
        weights = {key: tensor for key, tensor in module.state_dict().items() if tensor.is_floating_point()}
        _check_shapes(file.shapes, {key: tuple(tensor.shape) for key, tensor in weights.items()})
        counters = {key: torch.zeros(tensor.shape, dtype=tensor.dtype) for key, tensor in module.state_dict().items() if key not in weights}
        module.load_state_dict({**file.read(), **counters}, assign=True)
    return Classifier(module, preprocessing, classes, document["made"], clean_name(document.get("name", "")))


def _read_document(text: str) -> dict[str, Any]:
    document = read_json(text)
    if not isinstance(document, dict) or document.get("kind") != "classifier" or type(document.get("version")) is not int:
        raise Refusal(_NOT_OURS)
    if document["version"] > VERSION:
        raise Refusal(_NEWER)
    return check_keys(_CLASSIFIER, document, ("version", "kind", "name", "classes", "preprocessing", "made"))


def _read_classes(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not 2 <= len(names) <= MAX_CLASSES or not all(isinstance(name, str) and name for name in names):
        raise Refusal(_BAD_CLASSES.fill(most=MAX_CLASSES))
    classes = tuple(clean_name(name) for name in names)
    if len(set(classes)) != len(classes):
        raise Refusal(_BAD_CLASSES.fill(most=MAX_CLASSES))
    return classes


def _build_empty(provenance: Any, preprocessing: Preprocessing, classes: int) -> nn.Module:
    """Return the net that the metadata describes, on the meta device: no memory for weights."""
    from vpc2.nets.module import build_net
    from vpc2.nets.summary.summarise import summarise

    document = net_document(provenance)
    if document is None:
        raise Refusal(_NO_NET)
    net = from_document(document).spec
    if net.KIND == "backbone":
        from vpc2.predict.pretrained.backbone import build_backbone

        return build_backbone(net, classes, device="meta")
    if net.KIND != "net":
        raise Refusal(_NO_NET)
    summary = summarise(net)
    if summary.problem is not None:
        raise Refusal(summary.problem.text)
    if summary.output != (classes,):
        raise Refusal(_WRONG_HEAD.fill(classes=classes))
    if tuple(net.input) != (preprocessing.channels, preprocessing.size_px, preprocessing.size_px):
        raise Refusal(_WRONG_INPUT)
    return build_net(net, device="meta")


def _check_shapes(actual: dict[str, tuple[int, ...]], expected: dict[str, tuple[int, ...]]) -> None:
    for name, shape in expected.items():
        if name not in actual:
            raise Refusal(_MISSING.fill(name=name))
        if actual[name] != shape:
            raise Refusal(_WRONG_SHAPE.fill(name=name, found=_shown(actual[name]), wanted=_shown(shape)))
    for name in actual:
        if name not in expected:
            raise Refusal(_EXTRA.fill(name=clean_name(name, 40)))


def _shown(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "1"
