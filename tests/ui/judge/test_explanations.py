"""Judge page: the notes for empty heat maps, and for attacks without a gradient."""

import io
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from vpc2 import codec
from vpc2.nets.inspection.activations import SEAM_PX
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.predict import uploaded_classifiers
from vpc2.predict.adversarial.catalog import ATTACKS
from vpc2.predict.classifier import Classifier, Preprocessing, save_classifier
from vpc2.predict.classifier_ref import ClassifierVersion
from vpc2.training.presets import RECIPES
from vpc2.ui.judge import attacks, explanations

SCRIPT = """
import numpy as np
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.ui.judge import {module}
rng = np.random.default_rng(0)
photos = [{{"digest": "noise", "name": "noise", "pixels": rng.integers(0, 256, (40, 40, 3), np.uint8), "notes": ()}}]
{module}.{draw}(ClassifierRef.parse({name!r}), photos)
"""
EMPTY = {"en": "The map is empty", "es": "El mapa está vacío"}
BLIND = {"en": "the attack has no direction", "es": "el ataque no tiene dirección"}
GREY = {"en": "stayed grey", "es": "quedó gris"}


@pytest.fixture
def net(tmp_path):
    """Return a function that stores a net whose head is altered by `change`, and returns its key."""

    def keep(change=lambda head: None):
        torch.manual_seed(1)
        net = NETS["tiny"].net
        module = build_net(net).eval()
        with torch.no_grad():
            change(module[-1])
        made = {"net": codec.to_document(net), "recipe": codec.to_document(replace(RECIPES["digits"].recipe, net=net))}
        classifier = Classifier(module, Preprocessing(16, (0.5,) * 3, (0.5,) * 3), tuple("0123456789"), made)
        save_classifier(classifier, tmp_path / "one")
        return uploaded_classifiers.keep((tmp_path / "one").read_bytes())[0]

    return keep


def drawn(name, module="explanations", draw="show_explanations", lang="en", **session):
    at = AppTest.from_string(SCRIPT.format(name=str(name), module=module, draw=draw), default_timeout=120)
    at.query_params["lang"] = lang
    at.session_state["judge/files"] = {str(name): "mine"}
    for key, value in session.items():
        at.session_state[key] = value
    at.run()
    assert not at.exception, at.exception[0].stack_trace
    return at


def said(at):
    return [str(one.value) for kind in (at.markdown, at.caption, at.info, at.error) for one in kind]


def count(at, words):
    return sum(words in one for one in said(at))


def deaden(head):
    """The output no longer depends on any pixel."""
    head.weight.zero_()
    head.bias.copy_(torch.arange(10.0))


def sharpen(head):
    """An untrained net predicts nearly the same whatever is occluded."""
    head.weight.mul_(60)


def test_each_filter_is_shown_from_its_own_lowest_weight_to_its_own_highest(net, monkeypatch):
    """The weights as torch has them, each kernel scaled by itself: cells of the sheet in the order of its filters."""
    monkeypatch.setattr(st, "session_state", {})
    version = ClassifierVersion(net())
    sheet = np.asarray(Image.open(io.BytesIO(explanations._filter_sheet(version, explanations._layers(version)[0][0]))))
    torch.manual_seed(1)
    weights = next(one for one in build_net(NETS["tiny"].net).parameters()).detach().numpy()
    side, seam = 60 // weights.shape[-1] * weights.shape[-1], SEAM_PX
    for i, kernel in enumerate(weights[:8]):
        cell = sheet[:side, i * (side + seam) : i * (side + seam) + side].astype(float)
        wanted = 255 * (kernel - kernel.min()) / (kernel.max() - kernel.min())
        times = side // kernel.shape[-1]
        shown = cell[times // 2 :: times, times // 2 :: times].transpose(2, 0, 1)
        assert np.abs(shown - (wanted if len(wanted) == 3 else np.repeat(wanted, 3, 0))).max() <= 1, i


@pytest.mark.parametrize("lang", ["en", "es"])
def test_empty_maps_are_said_in_place_of_the_usual_words(net, lang):
    at = drawn(net(deaden), lang=lang)
    assert count(at, EMPTY[lang]) == 4
    assert not count(at, "at the worst place") and not count(at, "en el peor lugar")  # nor a number of points that nothing costs
    usual = drawn(net(sharpen), lang=lang)
    assert not count(usual, EMPTY[lang])


def test_only_the_map_that_is_empty_is_said_to_be(net):
    """Nothing activates class 7, yet occlusion weakens the other classes: Grad-CAM and saliency are empty, occlusion is not."""

    def silence(head):
        sharpen(head)
        head.weight[7] = 0

    name = net(silence)
    at = drawn(name, **{f"inside/class/{name}": 7})
    assert count(at, EMPTY["en"]) == 3
    assert count(at, "no grey square") == 0 and count(at, "at the worst place costs") == 1


def test_what_is_looked_at_knows_which_maps_are_empty(net, monkeypatch):
    monkeypatch.setattr(st, "session_state", {})
    pixels = np.full((30, 30, 3), 90, np.uint8)
    for name, wanted in ((net(deaden), {"cam", "views", "saliency", "occlusion"}), (net(sharpen), set())):
        layer = explanations._layers(ClassifierVersion(name))[1][0]
        found = explanations._compute_heatmaps(
            ClassifierVersion(name), "grey", None, layer, np.random.default_rng(2).integers(0, 256, pixels.shape, np.uint8)
        )
        assert set(found["empty"]) == wanted and (found["drop"] == 0) == bool(wanted)


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("kind", ATTACKS)
def test_an_attack_without_a_gradient_is_no_resistance(net, lang, kind):
    at = drawn(net(deaden), "attacks", "show_attacks", lang, **{"attack/which": kind})
    assert count(at, BLIND[lang]) == 1 and not count(at, "It resists") and not count(at, "Resiste")
    assert not count(drawn(net(), "attacks", "show_attacks", lang, **{"attack/which": kind}), BLIND[lang])


def test_over_a_set_and_for_a_patch_it_is_said_as_well(net):
    for change, is_blind in ((deaden, True), (lambda head: None, False)):
        name = net(change)
        at = drawn(name, "attacks", "show_attacks")
        next(one for one in at.button if one.key == "attack/set").click().run()
        assert not at.exception and at.get("plotly_chart")
        assert count(at, "for 100\u00a0% of the pictures the gradient was zero") + count(at, "for 100.0\u00a0% of the pictures") == is_blind
        patch = drawn(name, "attacks", "show_attacks", **{"attack/kind": "patch"})
        next(one for one in patch.button if one.key == "attack/patch").click().run()
        assert not patch.exception and (count(patch, GREY["en"]) == 1) == is_blind


def test_a_target_that_is_the_answer_already_is_reached_and_not_unknown():
    words = attacks._verdict(("a", "b"), 1, 1, 1, 1, is_blind=True)
    assert "reached" in words
