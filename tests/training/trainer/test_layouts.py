"""Optimiser state and memory layout of weights: after a checkpoint the optimiser steps as without interruption.

Weights of convolutions are kept in channels_last, files are not, and fused optimisers walk memory in the order in which it lies.
"""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from vpc2.data.imageset import ImageSet
from vpc2.nets.presets import NETS
from vpc2.nets.spec import make_net
from vpc2.nets.summary.summarise import summarise
from vpc2.system.host import LIMITS
from vpc2.training.checks import check_recipe
from vpc2.training.optimisers import OPTIMISERS
from vpc2.training.settings import SETTINGS
from vpc2.training.spec import Recipe
from vpc2.training.trainer import checkpoint
from vpc2.training.trainer.trainer import fit

CLASSES, BATCHES, EPOCHS = 3, 3, 2
SIDES = (8, 16, 28)  # the least side that a preset can be trained with is among them
OTHERS = ("RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop")


def some_pictures(side):
    draw = np.random.default_rng(0)
    return ImageSet(draw.integers(0, 255, (30, side, side, 3), np.uint8), np.arange(30) % CLASSES, tuple("abc"))


def trainable(net):
    """Return a recipe with the smallest images that a net can be trained on, or None if it has too many weights for any."""
    for side in SIDES:
        settings = {"size_px": side, "batch_size": 6, "epochs": EPOCHS, "budget_s": 600.0, "learning_rate": 0.01}
        recipe = Recipe("digits", net, None, SETTINGS.clean(settings))
        problem = check_recipe(recipe, CLASSES)
        if problem is None or not problem.is_fatal:
            return recipe
    assert summarise(net).params > LIMITS.trainable_params
    return None


TRAINABLE = {key: recipe for key in NETS if (recipe := trainable(NETS[key].net)) is not None}
MIXED = {
    "transposed": (("ConvTranspose2d", {"out_channels": 6, "kernel_size": 3, "stride": 2}), "ReLU"),
    "transposed twice": (
        ("ConvTranspose2d", {"out_channels": 6, "kernel_size": 2}),
        "ReLU",
        ("ConvTranspose2d", {"out_channels": 4, "kernel_size": 3, "groups": 2}),
        "ReLU",
    ),
    "pointwise and depthwise": (
        ("Conv2d", {"out_channels": 8, "kernel_size": 1}),
        ("Conv2d", {"out_channels": 8, "kernel_size": 3, "groups": 8}),
        "ReLU",
        ("Conv2d", {"out_channels": 4, "kernel_size": 5}),
        "ReLU",
    ),
}


def train(recipe, folder, pause_at):
    """Train in a folder, pausing before each step of `pause_at`; return the weights."""
    folder.mkdir()
    events, left = [], list(pause_at)

    def should_pause():
        done = max((event["step"] for event in events if event["type"] == "step"), default=0)
        return bool(left) and left[0] == done and left.pop(0) == done

    found, data = None, some_pictures(recipe.settings["size_px"])
    while found is None:
        found = fit(recipe, events.append, should_pause=should_pause, folder=folder, data=data)
    assert not left and events[-1]["state"] == "finished"
    return found.module.state_dict()


def assert_paused_is_whole(recipe, place):
    whole = train(recipe, place / "whole", ())
    paused = train(recipe, place / "paused", (2, 4))
    for name, value in whole.items():
        assert torch.equal(value, paused[name]), name
    assert any(value.is_floating_point() and value.std() > 0 for value in whole.values() if value.numel() > 1)


def test_the_presets_that_can_be_trained_are_most_of_the_small_ones():
    assert {"small", "hands48", "lenet5", "mobilenet_v2", "squeezenet1_1", "residual32", "tiny", "mlp"} <= set(TRAINABLE)


@pytest.mark.parametrize("preset", TRAINABLE)
def test_every_preset_paused_ends_at_the_weights_of_an_undisturbed_run(preset, tmp_path):
    assert_paused_is_whole(TRAINABLE[preset], tmp_path)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("layers", MIXED)
def test_every_optimiser_paused_ends_at_the_weights_of_an_undisturbed_run(optimiser, layers, tmp_path):
    net = make_net(layers, (3, 8, 8), *MIXED[layers], "Flatten", ("Linear", {"out_features": CLASSES}))
    recipe = replace(TRAINABLE["small"], net=net)
    assert_paused_is_whole(replace(recipe, settings={**recipe.settings, "optimiser": optimiser}), tmp_path)


class Mixed(nn.Module):
    """Weights in every memory layout: contiguous, channels last, axes permuted, one channel, one pixel."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(3, 6, 3).to(memory_format=torch.channels_last)
        self.two = nn.Conv2d(6, 4, 3)
        self.three = nn.ConvTranspose2d(4, 5, 3).to(memory_format=torch.channels_last)
        self.four = nn.Conv2d(5, 1, 1).to(memory_format=torch.channels_last)
        self.five = nn.Conv2d(1, 4, 3).to(memory_format=torch.channels_last)
        self.six = nn.Conv3d(2, 3, 2).to(memory_format=torch.channels_last_3d)
        self.turned = nn.Parameter(torch.randn(7, 4).t())

    def forward(self, images):
        found = self.five(self.four(self.three(self.two(self.one(images)).relu()).relu()))
        deep = self.six(images[:, :2, :, :, None].expand(-1, -1, -1, -1, 2)).mean((1, 2, 3, 4))
        return (found.mean((2, 3)) @ self.turned).square().sum() + deep.sum()


def build(name):
    """Return torch's optimiser: one of the app's as the app builds it, or another one of torch's own."""
    if name in OPTIMISERS:
        return lambda module: OPTIMISERS[name].build(module.parameters(), SETTINGS.defaults())
    return lambda module: getattr(torch.optim, name)(module.parameters(), lr=0.01)


@pytest.mark.parametrize("name", [*OPTIMISERS, *OTHERS])
def test_a_restored_optimiser_state_steps_as_the_original(name, tmp_path):
    torch.manual_seed(0)
    module, images = Mixed(), torch.randn(6, 4, 3, 9, 9)
    optimiser = build(name)(module)

    def step(module, optimiser, pictures):
        optimiser.zero_grad()
        module(pictures).backward()
        optimiser.step()

    for pictures in images[:3]:
        step(module, optimiser, pictures)
    checkpoint.write_checkpoint(tmp_path, checkpoint.pack_optimiser(optimiser), {})
    other = copy.deepcopy(module)
    again = build(name)(other)
    checkpoint.unpack_optimiser(again, checkpoint.read_checkpoint(tmp_path)[0])
    for pictures in images[3:]:
        step(module, optimiser, pictures)
        step(other, again, pictures)
    for (called, here), there in zip(module.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(here, there), called
