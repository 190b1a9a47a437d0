"""What a net looks at: held against pytorch-grad-cam, numpy, and a net that reads one known pixel."""

import copy
import os
import threading

import numpy as np
import pytest
import torch

from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.explain.embedding import features, lay_out
from vpc2.predict.explain.heatmaps import (
    chosen_convolution,
    convolutions,
    convolve,
    feature_maps,
    filters,
    grad_cam,
    grad_cam_over_views,
    most_exciting,
    occlusion,
    saliency,
)
from vpc2.predict.explain.hooks import private_copy
from vpc2.text import Refusal


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(3)
    return Classifier(build_net(NETS["tiny"].net), Preprocessing(16, (0.4,) * 3, (0.3,) * 3), tuple("0123456789"))


@pytest.fixture(scope="module")
def images():
    return torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


class OnePixel(torch.nn.Module):
    def forward(self, images):
        value = images[:, 0, 5, 11]
        return torch.stack([1 - value, value], 1) * 6


@pytest.fixture(scope="module")
def one_pixel():
    return Classifier(OnePixel(), Preprocessing(16, (0.0,) * 3, (1.0,) * 3), ("dark", "bright"))


def test_grad_cam_is_pytorch_grad_cams(classifier, images):
    reason = "it asks for another OpenCV than Albumentations: pip install --no-deps grad-cam"
    if os.environ.get("VPC2_REQUIRE_REFEREES"):
        import pytorch_grad_cam
    else:
        pytorch_grad_cam = pytest.importorskip("pytorch_grad_cam", reason=reason)
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    layer = convolutions(classifier)[1]
    assert layer.shape == (32, 8, 8)
    asked = copy.deepcopy(classifier.module)  # it leaves gradients on the weights
    with pytorch_grad_cam.GradCAM(asked, [asked.get_submodule(layer.name)]) as referee:
        theirs = referee(classifier.normalise(images), [ClassifierOutputTarget(3)] * 4)
    ours = grad_cam(classifier, images, 3, layer.name).numpy()
    # Theirs is scaled to its own lowest value, and enlarged by OpenCV: equal where both have pixels of the map.
    for one, other in zip(ours, theirs, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99
        assert np.unravel_index(one.argmax(), one.shape) == np.unravel_index(other.argmax(), other.shape)


def test_the_layer_is_chosen_and_a_net_without_one_is_refused(classifier, one_pixel):
    found = convolutions(classifier)
    assert [one.shape for one in found] == [(16, 16, 16), (32, 8, 8), (48, 4, 4)]
    assert chosen_convolution(found) == found[-1].name
    with pytest.raises(Refusal):
        chosen_convolution(convolutions(one_pixel))


def test_the_pixel_that_is_read_is_found(one_pixel):
    image = torch.full((3, 16, 16), 0.9)
    heat = saliency(one_pixel, image[None], 1)[0]
    assert heat[5, 11] == 1 and heat.sum() == 1
    lost, _largest = occlusion(one_pixel, image, 1, 1, 1)
    assert (lost > 0).nonzero().tolist() == [[5, 11]]
    wide, _largest = occlusion(one_pixel, image, 1, 5, 3)
    assert wide[5, 11] > 0 and wide[15, 0] == 0


def test_the_worst_square_is_one_square_and_the_map_a_mean_over_those_that_overlap(classifier, images):
    """Each square laid by hand: the map's own maximum is less than what the worst square costs."""
    image, size = images[0], images.shape[-1]
    label = int(classifier.probabilities(image[None]).argmax())
    window, stride = size // 4, size // 8
    starts = sorted({*range(0, size - window + 1, stride), size - window})
    losses = {}
    for top in starts:
        for left in starts:
            covered = image.clone()
            covered[:, top : top + window, left : left + window] = 0.5
            change = classifier.probabilities(torch.stack([image, covered]))[:, label]
            losses[top, left] = float(change[0] - change[1])
    heat, largest = occlusion(classifier, image, label, window, stride)
    assert largest == pytest.approx(max(losses.values()), abs=1e-5)
    assert float(heat.max()) < largest
    middle = (size // 2, size // 2)
    over = [loss for (top, left), loss in losses.items() if all(at <= m < at + window for at, m in zip((top, left), middle, strict=True))]
    assert float(heat[middle]) == pytest.approx(np.mean(over), abs=1e-5)


@pytest.mark.parametrize(("size", "window", "stride"), [(11, 4, 3), (16, 5, 4), (9, 9, 2), (8, 3, 7)])
def test_the_last_rows_and_columns_are_covered_too(size, window, stride):
    """Squares at every stride do not end at the border by themselves: a net that reads the last pixel alone loses there what it loses."""

    class Last(torch.nn.Module):
        def forward(self, x):
            return torch.stack([torch.zeros(len(x)), 4 * x[:, 0, -1, -1]], 1)

    classifier = Classifier(Last(), Preprocessing(size, (0.0,) * 3, (1.0,) * 3), ("dark", "bright"))
    plain, covered = torch.tensor([[0.0, 4.0], [0.0, 2.0]]).softmax(1)[:, 1].tolist()
    lost, largest = occlusion(classifier, torch.ones(3, size, size), 1, window, stride)
    assert float(lost[-1, -1]) == pytest.approx(plain - covered, abs=1e-6) == pytest.approx(largest, abs=1e-6)


def test_over_the_mirror_the_map_of_a_mirrored_picture_is_mirrored(classifier, images):
    both = ("identity", "flip_horizontal")
    straight, mirrored = grad_cam_over_views(classifier, images, 2, both), grad_cam_over_views(classifier, images.flip(-1), 2, both)
    torch.testing.assert_close(straight, mirrored.flip(-1), atol=1e-4, rtol=0)


def test_nothing_stays_on_the_module(classifier, images):
    grad_cam(classifier, images, 1)
    saliency(classifier, images, 1)
    features(classifier, images)
    assert all(parameter.grad is None for parameter in classifier.module.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks for module in classifier.module.modules())


def test_maps_filters_and_what_excites(classifier, images):
    layer = convolutions(classifier)[0]
    maps = feature_maps(classifier, images, layer.name)
    wanted = torch.nn.functional.conv2d(classifier.normalise(images), filters(classifier, layer.name), padding=1)
    torch.testing.assert_close(maps, wanted, atol=1e-5, rtol=1e-4)
    peaks = maps[:, 5].flatten(1).amax(1)
    assert [i for i, _value in most_exciting(classifier, images, layer.name, 5, 2)] == peaks.argsort(descending=True)[:2].tolist()


def test_a_convolution_by_hand_is_torchs():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    rows = ((0, -1, 0), (-1, 5, -1), (0, -1, 0))
    found = convolve(pixels, rows)
    assert found.shape == pixels.shape
    by_hand = 5 * pixels[4, 4].astype(int) - pixels[3, 4] - pixels[5, 4] - pixels[4, 3] - pixels[4, 5]
    assert found[4, 4].tolist() == np.clip(by_hand, 0, 255).tolist()
    np.testing.assert_array_equal(convolve(pixels, ((0, 0, 0), (0, 2, 0), (0, 0, 0)), 2), pixels)


def test_pca_is_numpys(classifier, images):
    points = features(classifier, images.repeat(5, 1, 1, 1) + 0.1 * torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(2)))
    assert points.shape == (20, 48)
    centred = points - points.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(lay_out(points, "pca")), np.abs(u[:, :2] * s[:2]), atol=1e-3)
    placed = lay_out(points, "tsne")
    assert placed.shape == (20, 2) and np.array_equal(placed, lay_out(points, "tsne"))


class Interrupted(torch.nn.Module):
    """A net that, in the middle of the first answer after it is armed, is asked by another thread about another picture."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.ask = inner, []

    def forward(self, images):
        if self.ask:
            thread = threading.Thread(target=self.ask.pop())
            thread.start()
            thread.join()
        return self.inner(images)

    def __deepcopy__(self, memo):
        other = Interrupted(copy.deepcopy(self.inner, memo))
        other.ask = self.ask
        return other


@pytest.mark.parametrize(
    "look",
    [
        lambda net, images, layer: feature_maps(net, images, layer),
        lambda net, images, layer: grad_cam(net, images, 3, layer),
        lambda net, images, layer: torch.from_numpy(features(net, images)),
        lambda net, images, layer: torch.tensor([one.shape for one in convolutions(net)]),
    ],
    ids=["maps", "cam", "features", "shapes"],
)
def test_a_look_inside_hears_nothing_of_what_others_ask_at_that_moment(classifier, images, look):
    """An open classifier is everybody's: with a hook on it, one visitor's maps were those of another's photograph."""
    shared = Classifier(Interrupted(classifier.module), classifier.preprocessing, classifier.classes)
    mine, theirs = images[:1], torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(7))
    layer = convolutions(shared)[1].name
    wanted = look(shared, mine, layer)
    shared.module.ask.append(lambda: shared.module(shared.normalise(theirs)).sum().backward())
    assert torch.equal(look(shared, mine, layer), wanted)
    assert not shared.module.ask, "nobody asked in between"


def test_a_private_copy_answers_the_same_with_the_same_weights(classifier, images):
    twin = private_copy(classifier.module)
    assert torch.equal(twin(images), classifier.module.eval()(images)) and not twin.training
    pairs = list(zip(twin.state_dict(keep_vars=True).values(), classifier.module.state_dict(keep_vars=True).values(), strict=True))
    assert pairs and all(one is other for one, other in pairs)
    twin[0].register_forward_hook(lambda *given: 1 / 0)
    assert torch.isfinite(classifier.module(images)).all()


class Against(torch.nn.Module):
    """A net whose every map speaks for class 0 and against class 1, by so little."""

    def __init__(self, scale):
        super().__init__()
        self.conv, self.scale = torch.nn.Conv2d(3, 4, 3, padding=1), scale
        torch.nn.init.constant_(self.conv.weight, 0.1)

    def forward(self, images):
        value = self.scale * torch.relu(self.conv(images)).mean((1, 2, 3))
        return torch.stack([value, -value], 1)


@pytest.mark.parametrize("scale", [1.0, 1e-20])
def test_a_map_that_nothing_speaks_for_is_zero_and_a_weak_one_is_not(images, scale):
    torch.manual_seed(0)
    net = Classifier(Against(scale), Preprocessing(16, (0.0,) * 3, (1.0,) * 3), ("for", "against"))
    assert grad_cam(net, images, 1).abs().max() == 0 and grad_cam_over_views(net, images, 1, ("identity", "flip_horizontal")).max() == 0
    for found in (grad_cam(net, images, 0), grad_cam_over_views(net, images, 0, ("identity", "flip_horizontal")), saliency(net, images, 0)):
        assert torch.allclose(found.flatten(1).amax(1), torch.ones(len(images)))
