"""Asking through ONNX Runtime: equal to PyTorch, proven before it is used, and never in the way."""

from unittest import TestCase

import pytest
import torch

from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.predict.classifier import Classifier, Preprocessing, save_classifier
from vpc2.predict.opening import open_classifier
from vpc2.predict.runtime import onnx_runtime
from vpc2.predict.runtime.fusion import MAX_BYTES, fold


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
    assert onnx_runtime.is_wanted(classifier) and not onnx_runtime.quicken(classifier) and classifier.runner is None
    save_classifier(classifier, tmp_path / "model.safetensors")
    thread = onnx_runtime.quicken_later(classifier, tmp_path / "model.safetensors")
    assert isinstance(classifier.runner, torch.fx.GraphModule)  # meanwhile
    thread.join(onnx_runtime.TIMEOUT_S)
    assert not isinstance(classifier.runner, torch.fx.GraphModule)
    torch.testing.assert_close(classifier.probabilities(images), wanted, atol=onnx_runtime.TOLERANCE, rtol=0)
    torch.testing.assert_close(classifier.probabilities(images[:1]), wanted[:1], atol=onnx_runtime.TOLERANCE, rtol=0)
    assert [path.suffix for path in (tmp_path / "onnx").iterdir()] == [".onnx"]
    # Other weights are another file, and a file with other weights is not believed.
    path = onnx_runtime.path_of(classifier)
    with torch.no_grad():
        classifier.module[-1].bias.add_(torch.arange(10))
    assert onnx_runtime.path_of(classifier) != path
    path.rename(onnx_runtime.path_of(classifier))
    object.__setattr__(classifier, "runner", None)
    assert not onnx_runtime.quicken(classifier) and classifier.runner is None


def test_a_host_can_switch_it_off(classifier, monkeypatch):
    monkeypatch.setenv("VPC2_ONNX", "0")
    assert not onnx_runtime.is_wanted(classifier)
    assert onnx_runtime.quicken_later(classifier, "imagenet") is None
    assert isinstance(classifier.runner, torch.fx.GraphModule)


def test_a_net_that_cannot_be_written_goes_on_in_pytorch(classifier):
    with TestCase().assertLogs("vpc2") as caught:
        onnx_runtime.quicken_later(classifier, "no-such-classifier").join(onnx_runtime.TIMEOUT_S)
    assert isinstance(classifier.runner, torch.fx.GraphModule) and any("PyTorch goes on" in line for line in caught.output)


def _norms(module):
    return sum(isinstance(one, torch.nn.BatchNorm2d) for one in module.modules())


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenet_v3_small", "googlenet", "densenet121", "vgg16_bn", "shufflenet_v2_x0_5", "alexnet"]
)
def test_folded_nets_of_torchvision_answer_alike(name):
    """With statistics that were moved, so that a norm is more than the identity."""
    import torchvision

    extra = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    with torch.random.fork_rng():
        torch.manual_seed(5)
        module = torchvision.models.get_model(name, weights=None, **extra).eval()
        for one in module.modules():
            if isinstance(one, torch.nn.BatchNorm2d):
                one.running_mean.normal_(0, 0.2)
                one.running_var.uniform_(0.5, 2.0)
                torch.nn.init.normal_(one.bias, 0, 0.2)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    before, norms = module(images), _norms(module)
    folded = fold(module)
    if sum(value.numel() for value in module.parameters()) > MAX_BYTES // 4:
        assert folded is None
        return
    scale = before.std().clamp_min(1e-3)
    torch.testing.assert_close(folded(images) / scale, before / scale, atol=2e-4, rtol=0)
    assert _norms(folded) < norms or not norms
    torch.testing.assert_close(module(images), before, atol=0, rtol=0)  # the module itself is as it was
    assert _norms(module) == norms


def test_the_net_that_knows_the_world_keeps_no_norm_and_pads_in_its_convolutions():
    classifier = open_classifier("imagenet")
    assert onnx_runtime.simplify(classifier)
    assert _norms(classifier.runner) == 0 and _norms(classifier.module) > 40
    pads = [one for one in classifier.runner.modules() if isinstance(one, torch.nn.ZeroPad2d)]
    assert len(pads) < sum(isinstance(one, torch.nn.ZeroPad2d) for one in classifier.module.modules())


def test_what_cannot_be_followed_answers_as_it_is():
    class Odd(torch.nn.Module):
        def forward(self, x):
            return x.flatten(1)[:, :2] if x.sum() > 0 else x.flatten(1)[:, 2:4]

    classifier = Classifier(Odd(), Preprocessing(4, (0.0,) * 3, (1.0,) * 3), ("a", "b"))
    assert fold(classifier.module) is None and not onnx_runtime.simplify(classifier) and classifier.runner is None
