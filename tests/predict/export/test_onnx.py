"""Elsewhere the classifier says what it says here: onnxruntime, and the snippet executed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from vpc2.nets.presets import NETS
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.export.onnx import to_onnx, to_snippet
from vpc2.predict.opening import open_classifier

ROOT = Path(__file__).parents[3]


def build(channels):
    from dataclasses import replace

    import torch

    from vpc2.nets.module import build_net
    from vpc2.rng import drawing

    with drawing(3):
        module = build_net(replace(NETS["tiny"].net, input=(channels, 16, 16)))
        for value in module.state_dict().values():
            if value.is_floating_point():
                value.add_(0.1 * torch.rand(value.shape))
    means = Preprocessing(16, (0.4,) * channels, (0.2,) * channels, channels=channels)
    return Classifier(module, means, tuple("ábcdefghij"), {}, "tiny")


@pytest.fixture(params=[1, 3])
def classifier(request):
    return build(request.param)


def pictures(count, side):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def test_onnxruntime_says_the_same(classifier, tmp_path):
    session = onnxruntime.InferenceSession(to_onnx(classifier))
    shown = pictures(5, 16)
    images = shown.astype(np.float32).transpose(0, 3, 1, 2) / 255
    wanted = classifier.probabilities(classifier.prepare(list(shown))).numpy()
    np.testing.assert_allclose(session.run(None, {"images": images})[0], wanted, atol=1e-5)
    assert tuple(json.loads(session.get_modelmeta().custom_metadata_map["classes"])) == classifier.classes


@pytest.mark.parametrize("name", ["trained", "imagenet"])
def test_the_snippet_gives_the_answer_of_the_page(name, tmp_path):
    classifier = build(3) if name == "trained" else open_classifier("imagenet")
    (tmp_path / "classifier.onnx").write_bytes(to_onnx(classifier))
    (tmp_path / "ask.py").write_text(to_snippet(classifier), "utf-8")
    photo = ROOT / "assets" / "samples"
    path = next(iter(sorted(photo.glob("chelsea*"))))
    done = subprocess.run([sys.executable, "ask.py", str(path)], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    pixels = np.asarray(Image.open(path).convert("RGB"))
    shares = classifier.probabilities(classifier.prepare([pixels]))[0]
    best = int(shares.argmax())
    assert done.stdout.splitlines()[0] == f"{float(shares[best]):.1%} {classifier.classes[best]}"
