"""Asking through ONNX Runtime: equal to PyTorch, proven before it is used, and never in the way."""

import pytest
import torch

from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.predict import runtime
from vpc2.predict.classifier import Classifier, Preprocessing, save_classifier


@pytest.fixture
def classifier(monkeypatch, tmp_path):
    monkeypatch.setenv("VPC2_HOME", str(tmp_path))
    monkeypatch.setenv("VPC2_ONNX", "1")
    net = NETS["tiny"].net
    torch.manual_seed(3)
    module = build_net(net)
    with torch.no_grad():
        module[-1].weight.mul_(8)
    from vpc2.codec import to_document

    means = Preprocessing(net.input[1], (0.4,) * net.input[0], (0.3,) * net.input[0], channels=net.input[0])
    return Classifier(module, means, tuple("0123456789"), {"net": to_document(net)})


@pytest.mark.slow
def test_a_saved_classifier_is_written_by_a_process_and_answers_alike(classifier, tmp_path):
    images = torch.rand(5, 3, *(classifier.preprocessing.size_px,) * 2)
    wanted = classifier.probabilities(images)
    assert runtime.is_wanted(classifier) and not runtime.quicken(classifier) and classifier.runner is None
    save_classifier(classifier, tmp_path / "model.safetensors")
    thread = runtime.quicken_later(classifier, tmp_path / "model.safetensors")
    thread.join(runtime.PATIENCE_S)
    assert classifier.runner is not None
    torch.testing.assert_close(classifier.probabilities(images), wanted, atol=runtime.CLOSE, rtol=0)
    torch.testing.assert_close(classifier.probabilities(images[:1]), wanted[:1], atol=runtime.CLOSE, rtol=0)
    assert [path.suffix for path in (tmp_path / "onnx").iterdir()] == [".onnx"]
    # Other weights are another file, and a file with other weights is not believed.
    path = runtime.path_of(classifier)
    with torch.no_grad():
        classifier.module[-1].bias.add_(torch.arange(10))
    assert runtime.path_of(classifier) != path
    path.rename(runtime.path_of(classifier))
    object.__setattr__(classifier, "runner", None)
    assert not runtime.quicken(classifier) and classifier.runner is None


def test_a_host_can_switch_it_off(classifier, monkeypatch):
    monkeypatch.setenv("VPC2_ONNX", "0")
    assert not runtime.is_wanted(classifier)
    assert runtime.quicken_later(classifier, "imagenet") is None


def test_a_net_that_cannot_be_written_goes_on_in_pytorch(classifier, caplog):
    runtime.quicken_later(classifier, "no-such-classifier").join(runtime.PATIENCE_S)
    assert classifier.runner is None and "PyTorch goes on" in caplog.text
