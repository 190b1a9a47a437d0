"""Adversarial training: the attack equals that of torchattacks, nothing else changes, and the trained net resists attacks."""

import os
from dataclasses import replace

import pytest
import torch

from vpc2.data.datasets import load_dataset
from vpc2.data.imageset import split_images
from vpc2.predict.adversarial.attacks import accuracy_against, attack
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.explain.heatmaps import grad_cam, saliency
from vpc2.predict.pretrained.backbone import build_backbone
from vpc2.predict.spec import Backbone
from vpc2.training.presets import RECIPES
from vpc2.training.settings import SETTINGS
from vpc2.training.spec import Recipe
from vpc2.training.trainer.model import Model
from vpc2.training.trainer.state import StopRequests
from vpc2.training.trainer.trainer import fit, open_trainer


def referee():
    if os.environ.get("VPC2_REQUIRE_REFEREES"):
        import torchattacks

        return torchattacks
    return pytest.importorskip("torchattacks", reason="torchattacks asks for an old requests: pip install --no-deps torchattacks")


def running(recipe):
    return open_trainer(recipe, lambda event: None, StopRequests(lambda: False, lambda: False), device="cpu")


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_step_learns_what_torchattacks_would_make_of_the_same_net(make_recipe, share):
    recipe = make_recipe(adversary="fgsm", adversary_epsilon=0.1, adversary_share=share)
    with running(recipe) as run:
        index = torch.arange(12)
        images, labels = run.training_data.images(index), run.training_data.labels[index]
        module, model = run.module.train(), run.model
        buffers = {name: value.clone() for name, value in module.named_buffers()}
        drawn = torch.get_rng_state()
        found = model.attack(images, labels, recipe.settings, step=3)
        count = round(12 * share)
        assert module.training and torch.equal(drawn, torch.get_rng_state())
        assert all(torch.equal(value, buffers[name]) for name, value in module.named_buffers())
        assert torch.equal(found[count:], images[count:])

        class Whole(torch.nn.Module):
            def forward(self, x):
                return model.predict_logits(x)

        module.eval()
        theirs = referee().FGSM(Whole().eval(), eps=0.1)(images[:count], labels[:count])
        # Where the gradient is zero (a black border) the two may differ in a sign, nowhere else.
        assert (found[:count] - theirs).abs().gt(1e-5).float().mean() < 0.01
        assert found.min() >= 0 and found.max() <= 1 and (found - images).abs().max() <= 0.1 + 1e-7


def test_every_step_is_attacked_and_none_where_the_recipe_does_not_ask(make_recipe, monkeypatch):
    asked, events = [], []
    real = Model.attack
    monkeypatch.setattr(Model, "attack", lambda self, *args: asked.append(args[-1]) or real(self, *args))
    fit(make_recipe(adversary="pgd_l2", adversary_epsilon=0.5), events.append)
    start = next(event for event in events if event["type"] == "start")
    assert asked == list(range(start["steps_per_epoch"])) and len(asked) > 3
    asked.clear()
    fit(make_recipe(adversary="none"), lambda event: None)
    fit(make_recipe(adversary="pgd", adversary_epsilon=0.0), lambda event: None)
    assert asked == []


def test_a_frozen_backbone_looks_at_attacked_pictures_anew():
    settings = SETTINGS.clean({"adversary": "fgsm", "size_px": 32, "epochs": 1})
    with running(Recipe("digits", Backbone(), None, settings)) as run:
        run.begin()
        assert run.model.features is None
        before = {name: value.clone() for name, value in run.model.module.trunk.state_dict().items()}
        run.run_step(torch.arange(8), 0.01)
        assert all(torch.equal(value, run.model.module.trunk.state_dict()[name]) for name, value in before.items())
        assert all(parameter.grad is None for parameter in run.model.module.trunk.parameters())


def test_a_net_on_a_frozen_trunk_can_be_attacked_and_explained():
    module = build_backbone(Backbone(), 4).eval()
    classifier = Classifier(module, Preprocessing(64, (0.5,) * 3, (0.5,) * 3), tuple("abcd"))
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    changed = (attack(classifier, image, torch.tensor([1]), "pgd", 0.03) - image).abs().max()
    assert 0.02 < changed <= 0.03 + 1e-6
    assert saliency(classifier, image, 1).max() > 0
    assert grad_cam(classifier, image, 1).isfinite().all()


def test_attacked_training_resists_and_plain_training_does_not():
    """On the digits, with PGD at 16/255: known from Madry and others (2017), and the reason the step exists."""
    recipes = [RECIPES[key].recipe for key in ("digits", "digits-attacked")]
    # The epochs, not the time budget, end these runs.
    recipes = [replace(one, settings={**one.settings, "budget_s": 600.0}) for one in recipes]
    plain, hardened = (fit(one, lambda event: None, device="cpu") for one in recipes)
    data = load_dataset("digits", 16)
    test = split_images(data, 0, 0.6).test[:200]
    images = torch.from_numpy(data.images[test]).permute(0, 3, 1, 2).float() / 255
    labels = torch.from_numpy(data.labels[test]).long()
    left = {name: accuracy_against(net, images, labels, "pgd") for name, net in (("plain", plain), ("hardened", hardened))}
    at = left["plain"].epsilons.index(16 / 255)
    assert left["plain"].accuracy[0].share > 0.9 and left["hardened"].accuracy[0].share > 0.9
    assert left["hardened"].accuracy[at].share > left["plain"].accuracy[at].share + 0.2
