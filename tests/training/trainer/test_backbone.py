"""Fine-tuning a pretrained backbone: its weights, its features, and the accuracy reached with twenty images per class."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vpc2.augment.spec import Pipeline, edit_add
from vpc2.data.imageset import ImageSet, split_images
from vpc2.predict.classifier import load_classifier
from vpc2.predict.pretrained.backbone import build_backbone
from vpc2.predict.pretrained.catalog import BACKBONES, PRETRAINED
from vpc2.predict.pretrained.loading import load_pretrained
from vpc2.predict.spec import Backbone
from vpc2.training import checks
from vpc2.training.settings import SETTINGS
from vpc2.training.spec import Recipe
from vpc2.training.trainer import trainer
from vpc2.training.trainer.trainer import fit


def some_pictures(each=20, side=64, seed=0):
    """Two classes that differ in what is drawn, not in colour or place: filled circles and crosses."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    images = np.empty((2 * each, side, side, 3), np.uint8)
    for i in range(2 * each):
        cy, cx, r = *rng.integers(side // 3, 2 * side // 3, 2), rng.integers(side // 8, side // 4)
        ring = (y - cy) ** 2 + (x - cx) ** 2 < r**2
        cross = ((abs(y - cy) < r / 3) & (abs(x - cx) < r)) | ((abs(x - cx) < r / 3) & (abs(y - cy) < r))
        images[i] = np.where((ring if i < each else cross)[..., None], rng.integers(0, 90, 3), rng.integers(140, 255, 3))
    return ImageSet(images, np.repeat([0, 1], each), ("circle", "cross"))


@pytest.fixture
def recipe():
    settings = {"size_px": 64, "epochs": 15, "batch_size": 8, "learning_rate": 0.01, "budget_s": 60}
    return Recipe("digits", Backbone(), None, SETTINGS.clean(settings), "few")


@pytest.mark.parametrize("key", BACKBONES)
def test_the_table_says_what_the_modules_are(key):
    module = build_backbone(Backbone(key), 7, device="meta")
    assert sum(one.numel() for one in module.trunk.parameters()) == PRETRAINED[key].trunk_params
    assert module(torch.zeros(2, 3, 64, 64, device="meta")).shape == (2, 7)
    held = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda one: held.append(0 if isinstance(one, torch.nn.Parameter) else one.numel() * one.element_size()) or one, lambda one: one
    ):
        module = build_backbone(Backbone(key, is_frozen=False), 7, device="meta")
        module(torch.zeros(2, 3, 224, 224, device="meta"))
    assert PRETRAINED[key].activation_bytes_px == pytest.approx(sum(held) / 2 / 224**2, rel=0.02)


def test_the_trunk_gives_what_the_whole_net_gives_its_last_layer():
    whole, module = load_pretrained("imagenet").module, build_backbone(Backbone(), 3).eval()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    caught = []
    whole._fc.register_forward_pre_hook(lambda layer, given: caught.append(given[0]))
    with torch.no_grad():
        whole(images)
        torch.testing.assert_close(module.features(images), caught[0], atol=1e-4, rtol=1e-4)


def test_twenty_pictures_a_class_are_enough_and_only_the_head_learns(recipe, tmp_path):
    events, data = [], some_pictures()
    classifier = fit(recipe, events.append, data=data, folder=tmp_path)
    assert events[-1]["test_accuracy"] >= 0.9
    fresh = build_backbone(Backbone(), 2).trunk.state_dict()
    for name, value in classifier.module.trunk.state_dict().items():
        assert torch.equal(value, fresh[name]), name
    loaded = load_classifier(tmp_path / "model.safetensors")
    pictures = list(data.images[:6])
    torch.testing.assert_close(loaded.probabilities(loaded.prepare(pictures)), classifier.probabilities(classifier.prepare(pictures)))
    assert any(event["type"] == "prepare" and event["share"] == 1 for event in events)


def test_cached_features_train_as_features_computed_every_time(recipe, monkeypatch):
    """With features kept or computed at each step, the same curve up to rounding."""
    from vpc2.training.trainer.model import Model

    recipe = replace(recipe, settings={**recipe.settings, "epochs": 2})
    kept, computed = [], []
    fit(recipe, kept.append, data=some_pictures(10))
    monkeypatch.setattr(Model, "compute_features", lambda self, *_: None)
    fit(recipe, computed.append, data=some_pictures(10))
    losses = [[event["loss"] for event in events if event["type"] == "step"] for events in (kept, computed)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_a_run_stopped_while_computing_features_is_tested_with_the_whole_net(recipe, monkeypatch):
    monkeypatch.setattr(trainer, "STOPPED_TEST_S", 1e9)
    events, data = [], some_pictures(60)
    classifier = fit(recipe, events.append, data=data, should_stop=lambda: any(event["type"] == "prepare" for event in events))
    assert events[-1]["state"] == "stopped" and max(event["share"] for event in events if event["type"] == "prepare") < 1
    test = split_images(data, recipe.settings["seed"], recipe.settings["train_share"]).test
    answers = classifier.probabilities(classifier.prepare([data.images[i] for i in test]))
    expected = -answers[np.arange(len(test)), data.labels[test]].log().mean().item()
    assert events[-1]["test_loss"] == pytest.approx(expected, rel=1e-3)


def test_fine_tuning_moves_the_trunk_and_augmentation_reaches_it(recipe):
    recipe = replace(
        recipe,
        net=Backbone(is_frozen=False),
        pipeline=edit_add(Pipeline(), "RandomHorizontalFlip", {"p": 0.5}),
        settings={**recipe.settings, "epochs": 1, "learning_rate": 1e-3},
    )
    events = []
    classifier = fit(recipe, events.append, data=some_pictures(6))
    fresh = build_backbone(Backbone(), 2).trunk.state_dict()
    moved = [name for name, value in classifier.module.trunk.state_dict().items() if not torch.equal(value, fresh[name])]
    assert any(name.startswith("_conv_stem") for name in moved) and not any(event["type"] == "prepare" for event in events)


@pytest.mark.parametrize(
    ("net", "settings", "words"),
    [
        (Backbone(), {"size_px": 8}, "at least 32 px"),
        (Backbone("resnet18", is_frozen=False), {}, "can be fine-tuned"),
        (Backbone(is_frozen=False), {"size_px": 224, "batch_size": 64}, "activations"),
    ],
)
def test_an_impossible_backbone_recipe_is_refused_with_a_repair(recipe, net, settings, words):
    recipe = replace(recipe, net=net, settings={**recipe.settings, **settings})
    problem = checks.check_recipe(recipe)
    assert words in problem.text.en and problem.text.say("es") != problem.text.en
    for repair in problem.repairs:
        assert checks.check_recipe(repair.apply(recipe)) is None, repair.title
