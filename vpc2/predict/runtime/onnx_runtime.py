"""Inference through ONNX Runtime on a CPU, which gives the same predictions in a fraction of the time.

Exporting a net to ONNX costs seconds of pure Python in torch's exporter, so a separate process does it once for each set of weights, while
PyTorch is used. A file is used only after its outputs were compared with PyTorch's.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from vpc2.bundled_files import IMPORT_ROOT
from vpc2.nets.export.onnx import IMAGES, MAX_ONNX_BYTES, OPSET, SCORES, write_onnx
from vpc2.predict.classifier import Classifier
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.predict.opening import open_classifier
from vpc2.predict.runtime.fusion import fold
from vpc2.system import host
from vpc2.system.files import atomic_write

TOLERANCE = 1e-5  # the largest difference of a probability
TEST_IMAGES = 4
MAX_FILES = 32  # files
TIMEOUT_S = 180

_ONE_AT_A_TIME = threading.Lock()
_LOG = logging.getLogger(__name__)


def is_wanted(classifier: Classifier) -> bool:
    """True on a CPU, for nets that are small enough to be exported, unless `VPC2_ONNX=0`."""
    size = sum(value.numel() * value.element_size() for value in classifier.module.state_dict().values())
    return os.environ.get("VPC2_ONNX", "1") != "0" and classifier.device.type == "cpu" and size <= MAX_ONNX_BYTES


def path_of(classifier: Classifier) -> Path:
    """Return the path of the ONNX file of exactly this net: named by a hash of its layers and every weight."""
    digest = hashlib.sha256(f"{torch.__version__} {OPSET} {classifier.module} {classifier.preprocessing}".encode())
    for name, value in classifier.module.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return host.home() / "onnx" / f"{digest.hexdigest()[:32]}.onnx"


def write(classifier: Classifier, path: Path) -> None:
    """Write a classifier's module as ONNX, from normalised images to logits, atomically; the oldest files are removed."""
    means = classifier.preprocessing
    data = write_onnx(classifier.module, (means.channels, means.size_px, means.size_px), SCORES)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, data, is_synced=False)
    for old in sorted(path.parent.glob("*.onnx"), key=lambda file: file.stat().st_mtime)[:-MAX_FILES]:
        old.unlink(missing_ok=True)


def load(path: Path) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a function that runs an ONNX file on normalised images (B, C, S, S): logits (B, K). Thread-safe."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning idle threads would use up the cores
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])

    def run(images: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(session.run(None, {IMAGES: np.ascontiguousarray(images.numpy())})[0])

    return run


@torch.no_grad()
def is_equal(classifier: Classifier, run: Callable[[torch.Tensor], torch.Tensor]) -> bool:
    """True where the probabilities of random images differ from PyTorch's by at most `TOLERANCE`."""
    means = classifier.preprocessing
    images = torch.rand(TEST_IMAGES, 3, means.size_px, means.size_px, generator=torch.Generator().manual_seed(0))
    images[0] = 0.5
    normalised = classifier.normalise(images.to(classifier.device))
    expected, actual = classifier.module(normalised).softmax(1), run(normalised).softmax(1)
    return actual.shape == expected.shape and bool(((actual - expected).abs() <= TOLERANCE).all())


def quicken(classifier: Classifier) -> bool:
    """Use the ONNX file of a classifier for its predictions if it exists and was verified; return whether it is used."""
    path = path_of(classifier)
    if not path.is_file():
        return False
    run = load(path)
    if not is_equal(classifier, run):
        _LOG.warning("the ONNX file of %s answers otherwise than PyTorch and is not used", classifier.name or "a classifier")
        return False
    object.__setattr__(classifier, "runner", run)
    return True


def simplify(classifier: Classifier) -> bool:
    """Use the module with folded batch norms for the predictions of a classifier if that was verified; return whether it is used."""
    folded = fold(classifier.module)
    if folded is None:
        return False
    folded = folded.to(memory_format=torch.channels_last)
    if not is_equal(classifier, folded):
        _LOG.warning("%s answers otherwise with its batch norms folded, and goes on as it is", classifier.name or "a classifier")
        return False
    object.__setattr__(classifier, "runner", folded)
    return True


def quicken_later(classifier: Classifier, place: ClassifierRef | Path | str) -> threading.Thread | None:
    """Use ONNX Runtime for a classifier, which `open_classifier` opens at `place`, as soon as its file is ready.

    Where the file exists, that is at once and None is returned; otherwise a thread waits for the process that writes it. Until then, or for
    good if that fails, PyTorch is used, with fused layers.
    """
    if is_wanted(classifier) and quicken(classifier):
        return None
    simplify(classifier)
    if not is_wanted(classifier):
        return None

    def wait() -> None:
        with _ONE_AT_A_TIME:
            command = [sys.executable, "-m", "vpc2.predict.runtime.onnx_runtime", str(place), str(path_of(classifier))]
            env = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"}
            try:
                done = subprocess.run(
                    command, cwd=IMPORT_ROOT, env=env, capture_output=True, timeout=TIMEOUT_S, text=True, errors="replace"
                )
            except subprocess.TimeoutExpired:
                _LOG.warning("a classifier was not written as ONNX within %d s; PyTorch goes on answering", TIMEOUT_S)
                return
        if done.returncode or not quicken(classifier):
            _LOG.warning("a classifier could not be written as ONNX; PyTorch goes on answering: %s", done.stderr[-500:])

    thread = threading.Thread(target=wait, daemon=True, name="onnx")
    thread.start()
    return thread


def main(name: str, path: str) -> None:
    """Write the classifier called `name` (an existing path, or a pretrained one) as ONNX."""
    if hasattr(os, "nice"):
        os.nice(10)  # lower priority than visitors' requests
    path_or_name = Path(name)
    write(open_classifier(path_or_name.absolute() if path_or_name.exists() else name), Path(path))


if __name__ == "__main__":
    main(*sys.argv[1:3])
