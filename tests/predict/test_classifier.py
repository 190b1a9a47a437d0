"""A classifier travels as one file and predicts what it predicted; whatever else is in a file is refused in a sentence."""

import json
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch

from vpc2 import codec
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.spec import make_net
from vpc2.predict.classifier import METADATA_KEY, Classifier, Preprocessing, load_classifier, save_classifier
from vpc2.predict.opening import open_classifier
from vpc2.text import Refusal

CLASSES = tuple("0123456789")


def classifier(key="small"):
    net = NETS[key].net
    torch.manual_seed(0)
    channels, size, _ = net.input
    preprocessing = Preprocessing(size_px=size, mean=(0.4,) * channels, std=(0.25,) * channels, channels=channels)
    return Classifier(build_net(net), preprocessing, CLASSES, {"net": codec.to_document(net)}, "mine")


@pytest.mark.parametrize("key", ["small", "tiny", "lenet5", "mlp"])
def test_a_classifier_survives_its_file(tmp_path, key):
    mine = classifier(key)
    save_classifier(mine, tmp_path / "model.safetensors")
    for place in (tmp_path, tmp_path / "model.safetensors"):
        back = open_classifier(place)
        assert (back.classes, back.preprocessing, back.name) == (mine.classes, mine.preprocessing, mine.name)
        pictures = [np.random.default_rng(i).integers(0, 256, (50, 70, 3), dtype=np.uint8) for i in range(3)]
        assert torch.equal(back.probabilities(back.prepare(pictures)), mine.probabilities(mine.prepare(pictures)))


def test_safetensors_own_reader_finds_the_same_weights(tmp_path):
    mine = classifier()
    save_classifier(mine, tmp_path / "model.safetensors")
    state = safetensors.torch.load_file(tmp_path / "model.safetensors")
    floats = {key: value for key, value in mine.module.state_dict().items() if value.is_floating_point()}
    assert state.keys() == floats.keys()
    assert all(torch.equal(state[key], floats[key]) for key in state)


def forged(tmp_path, change):
    """Save a classifier whose metadata and tensors were changed by `change(document, tensors)`."""
    save_classifier(classifier(), tmp_path / "model.safetensors")
    with safetensors.safe_open(tmp_path / "model.safetensors", "pt") as file:
        document = json.loads(file.metadata()[METADATA_KEY])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no dict
    change(document, tensors)
    safetensors.torch.save_file(tensors, tmp_path / "forged.safetensors", {METADATA_KEY: json.dumps(document)})
    return tmp_path / "forged.safetensors"


FORGERIES = {
    "a tensor is missing": lambda d, t: t.pop(next(iter(t))),
    "a tensor too many": lambda d, t: t.update(evil=torch.zeros(3)),
    "another shape": lambda d, t: t.update({next(iter(t)): torch.zeros(2, 2)}),
    "a NaN": lambda d, t: next(iter(t.values())).view(-1).__setitem__(0, float("nan")),
    "whole numbers": lambda d, t: t.update({next(iter(t)): torch.zeros(2, dtype=torch.int64)}),
    "no net": lambda d, t: d["made"].clear(),
    "another head": lambda d, t: d.update(classes=["a", "b"]),
    "one class": lambda d, t: d.update(classes=["a"]),
    "the same class twice": lambda d, t: d.update(classes=["a"] * 10),
    "a class that is no text": lambda d, t: d.update(classes=[*"012345678", 9]),
    "another input": lambda d, t: d["preprocessing"].update(size_px=64),
    "a deviation of zero": lambda d, t: d["preprocessing"].update(std=[0, 0, 0]),
    "an unknown key": lambda d, t: d.update(run="rm -rf /"),
    "a newer version": lambda d, t: d.update(version=99),
    "another kind": lambda d, t: d.update(kind="net"),
    "a net of a trillion weights": lambda d, t: d["made"].update(
        net=codec.to_document(
            make_net("", (3, 2048, 2048), "Flatten", ("Linear", {"out_features": 65536}), ("Linear", {"out_features": 10}))
        )
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_file_is_refused_in_a_sentence(tmp_path, name):
    with pytest.raises(Refusal) as refusal:
        load_classifier(forged(tmp_path, FORGERIES[name]))
    assert 20 < len(refusal.value.text.en) < 300
    assert refusal.value.text.say("es") != refusal.value.text.en


def test_markup_in_a_name_stays_text_of_one_line(tmp_path):
    path = forged(tmp_path, lambda d, t: d.update(name="<script>\n\u202ealert(1)</script>" + "x" * 500))
    name = load_classifier(path).name
    assert "\n" not in name and "\u202e" not in name and len(name) <= 120


def test_what_was_not_made_here_is_not_saved(tmp_path):
    with pytest.raises(Refusal):
        save_classifier(replace(classifier(), provenance={"pretrained": "imagenet"}), tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_answers_that_are_no_numbers_are_said(tmp_path):
    mine = classifier()
    with torch.no_grad():
        mine.module[-1].weight.fill_(3e38)
        mine.module[-1].bias.fill_(-3e38)
    with pytest.raises(Refusal, match="NaN"):
        mine.probabilities(mine.prepare([np.full((8, 8, 3), 255, np.uint8)]) * 1e6)


def test_no_checkpoint_of_the_corpus_runs_loads_or_crashes(tmp_path, monkeypatch, corpus):
    """Pickles, archives, other formats, lying headers: nothing in the corpus was saved by vpc2, so all are refused, in words."""
    marker = tmp_path / "marker"
    monkeypatch.setenv("CORPUS_MARKER", str(marker))
    files = corpus("checkpoints")
    assert len(files) > 30
    for entry, path in files:
        with pytest.raises(Refusal) as refusal:
            load_classifier(path)
        assert refusal.value.text.en, entry["path"]
    assert not marker.exists()
