"""Corruptions: each is held against torch, torchvision or Pillow, and a net that reads one pixel falls exactly where that moves."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional

from vpc2.data.datasets import load_dataset
from vpc2.data.imageset import ImageSet, split_images
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.robustness.corrupt import corrupt_images
from vpc2.predict.robustness.corruptions import CORRUPTIONS
from vpc2.predict.robustness.curves import accuracy_over, probabilities_over
from vpc2.training.presets import RECIPES
from vpc2.training.trainer.trainer import fit


@pytest.fixture(scope="module")
def images():
    small = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(small, (40, 40), mode="bilinear")


@pytest.mark.parametrize("key", CORRUPTIONS)
def test_every_corruption_starts_unchanged_repeats_and_grows(images, key):
    before, entry = torch.get_rng_state(), CORRUPTIONS[key]
    assert torch.equal(corrupt_images(images, key, entry.strengths[0]), images)
    gaps = []
    for strength in entry.strengths[1:]:
        found = corrupt_images(images, key, strength, 5)
        assert found.shape == images.shape and found.min() >= 0 and found.max() <= 1 and torch.isfinite(found).all()
        assert torch.equal(found, corrupt_images(images, key, strength, 5))
        gaps.append(float((found - images).abs().mean()))
    assert gaps[0] > 0 and gaps[-1] > gaps[0]
    assert torch.equal(before, torch.get_rng_state())
    assert corrupt_images(images[:1, :, :1, :1], key, entry.strengths[-1]).shape == (1, 3, 1, 1)


def test_against_torch_and_torchvision(images):
    torch.testing.assert_close(corrupt_images(images, "rotation", 90), torch.rot90(images, 1, (2, 3)))
    torch.testing.assert_close(corrupt_images(images, "shift", 10)[..., 4:], images.roll(4, -1)[..., 4:])
    torch.testing.assert_close(corrupt_images(images, "brightness", 50), functional.adjust_brightness(images, 0.5))
    torch.testing.assert_close(corrupt_images(images, "contrast", 35), functional.adjust_contrast(images, 0.35), atol=1e-4, rtol=0)
    torch.testing.assert_close(corrupt_images(images, "hue", 90), functional.adjust_hue(images, 0.25), atol=2e-2, rtol=0)
    blurred = functional.gaussian_blur(images, [7, 7], [0.8, 0.8])
    torch.testing.assert_close(corrupt_images(images, "blur", 2), blurred, atol=1e-3, rtol=0)
    covered = (corrupt_images(images, "occlusion", 20) == 0.5).all(1).float().mean()
    assert covered == pytest.approx(0.2, abs=0.02)


class OnePixel(torch.nn.Module):
    """Reads one pixel, six from the left; pictures are lit in their ten leftmost columns or nowhere."""

    def forward(self, images):
        value = images[:, 0, 20, 6]
        return torch.stack([1 - value, value], 1) * 10


def test_a_net_that_reads_one_pixel_falls_where_that_pixel_goes_dark():
    classifier = Classifier(OnePixel(), Preprocessing(40, (0.0,) * 3, (1.0,) * 3), ("dark", "bright"))
    pixels = np.zeros((10, 40, 40, 3), np.uint8)
    pixels[::2, :, 3:10] = 255
    data = ImageSet(pixels, np.array([1, 0] * 5), ("dark", "bright"))
    heard = []
    found = accuracy_over(classifier, data, "shift", heard.append)
    # By 0, 2 (5 %) and 3 or less pixels the lit band still covers column 6; from 4 on it is past it.
    assert found.accuracy == (1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5) and heard[-1] == pytest.approx(1)
    assert all(one.low <= one.share <= one.high and one.n == 10 for one in found.shares)
    assert found.relative_accuracy == pytest.approx((1 + 5 * 0.5) / 6)
    one = probabilities_over(classifier, classifier.prepare([pixels[0]]), "shift")
    assert one.argmax(1).tolist() == [1, 1, 0, 0, 0, 0, 0]


def test_a_dense_net_is_lost_where_a_convolutional_one_still_knows_the_digit():
    """The lecture's figure: as good in the middle, far apart as soon as the digits move."""
    data = load_dataset("digits", 16)
    test = data.subset(split_images(data, 0, 0.6).test[:300])
    at = CORRUPTIONS["shift"].strengths.index(15)
    curves = [
        accuracy_over(fit(RECIPES[key].recipe, lambda event: None, device="cpu"), test, "shift").accuracy
        for key in ("digits", "digits-dense")
    ]
    assert min(curve[0] for curve in curves) > 0.94
    assert curves[0][at] > curves[1][at] + 0.2
