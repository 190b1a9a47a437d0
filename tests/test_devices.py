"""The paths that name a device, with another name for the only one there is: the same pixels, the same curve, the same answers."""

from dataclasses import replace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from vpc2.augment.pipeline import draw_images
from vpc2.augment.presets import PIPELINES
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.tta.predict import images_at_once
from vpc2.training.presets import RECIPES
from vpc2.training.trainer.trainer import fit

OTHER = "cpu:0"  # another name for the processor: whoever compares names instead of asking the tensor is found out


@pytest.mark.parametrize("key", ["basic", "strong", "colour"])
def test_draws_are_the_same(key):
    image = torch.rand(3, 40, 60, generator=torch.Generator().manual_seed(0))
    pairs = zip(draw_images(PIPELINES[key].pipeline, image, 4), draw_images(PIPELINES[key].pipeline, image, 4, device=OTHER), strict=True)
    for here, there in pairs:
        torch.testing.assert_close(here.image, there.image.cpu(), atol=2e-3, rtol=0)
        assert [step.values for step in here.steps] == [step.values for step in there.steps]


def test_a_run_is_the_same():
    # So much time that no clock has a say: on a busy machine a schedule that ends with its budget would differ.
    digits, told = RECIPES["digits"].recipe, {"cpu": [], OTHER: []}
    recipe = replace(digits, settings={**digits.settings, "budget_s": 600.0})
    for device, events in told.items():
        fit(recipe, events.append, device=device)
    losses = [[event["loss"] for event in events if event["type"] == "step"] for events in told.values()]
    assert len(losses[0]) > 50 and losses[0] == losses[1]


def test_batch_sizes_of_prediction_follow_the_device():
    """On a pretended GPU more pictures go through in one pass: no CUDA is needed to know its size."""
    here = Classifier(build_net(NETS["tiny"].net), Preprocessing(16, (0.4,) * 3, (0.3,) * 3), tuple("0123456789"))
    with FakeTensorMode():
        module = build_net(NETS["tiny"].net, device="cuda").eval()
        there = Classifier.__new__(Classifier)
        there.__dict__.update(here.__dict__, module=module)
        assert there.device.type == "cuda"
        assert images_at_once(there) > images_at_once(here) >= 1
