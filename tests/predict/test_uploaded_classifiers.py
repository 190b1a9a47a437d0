"""A classifier that a visitor brings: kept whole under a name of our own, refused without a trace, removed when nobody uses it."""

import os
import pickle
from dataclasses import replace

import pytest
import torch

from tests.corpus import ENTRIES
from vpc2.codec import to_document
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.predict import uploaded_classifiers
from vpc2.predict.classifier import Classifier, Preprocessing, load_classifier, save_classifier
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.system import host
from vpc2.text import Refusal


@pytest.fixture
def data(tmp_path):
    torch.manual_seed(1)
    net = NETS["tiny"].net
    made = Classifier(build_net(net), Preprocessing(16, (0.4,) * 3, (0.3,) * 3), tuple("0123456789"), {"net": to_document(net)}, "mine")
    save_classifier(made, tmp_path / "mine.safetensors")
    return (tmp_path / "mine.safetensors").read_bytes()


def test_it_is_kept_under_a_name_of_our_own_and_answers_alike(data):
    ref, brought = uploaded_classifiers.keep(data)
    assert ref.is_file and uploaded_classifiers.keep(data)[0] == ref
    assert [path.name for path in uploaded_classifiers.folder().iterdir()] == [uploaded_classifiers.path_of(ref).name]
    again, images = load_classifier(uploaded_classifiers.path_of(ref)), torch.rand(2, 3, 16, 16)
    assert again.name == "mine" and torch.equal(again.logits(images), brought.logits(images))


@pytest.mark.parametrize("entry", [one for one in ENTRIES if one.path.startswith("classifiers/")], ids=lambda one: one.path)
def test_an_uploaded_file_that_is_no_classifier_is_refused_and_not_stored(entry, tmp_path, monkeypatch):
    monkeypatch.setenv("CORPUS_MARKER", str(tmp_path / "touched"))
    with pytest.raises(Refusal):
        uploaded_classifiers.keep(entry.make())
    assert list(uploaded_classifiers.folder().iterdir()) == [] and not (tmp_path / "touched").exists()


def test_a_pickle_beside_weights_is_no_classifier(data):
    with pytest.raises(Refusal):
        uploaded_classifiers.keep(pickle.dumps({"weights": data}))
    with pytest.raises(Refusal):
        uploaded_classifiers.keep(data[:-9])


@pytest.mark.parametrize("ref", [ClassifierRef("pretrained", "imagenet"), ClassifierRef("run", "a" * 32)])
def test_only_classifiers_from_files_have_a_path(ref):
    with pytest.raises(ValueError):
        uploaded_classifiers.path_of(ref)


def test_unused_uploaded_classifiers_are_removed(data, monkeypatch):
    ref, _classifier = uploaded_classifiers.keep(data)
    used = uploaded_classifiers.path_of(ref).stat().st_mtime
    uploaded_classifiers.sweep(used + 6 * 86_400)
    assert uploaded_classifiers.is_available(ref)
    os.utime(uploaded_classifiers.path_of(ref), (used, used))
    uploaded_classifiers.sweep(used + 8 * 86_400)
    assert not uploaded_classifiers.is_available(ref)
    ref, _classifier = uploaded_classifiers.keep(data)
    monkeypatch.setattr(host, "LIMITS", replace(host.LIMITS, own_bytes=len(data) - 1))
    uploaded_classifiers.sweep()
    assert not uploaded_classifiers.is_available(ref)
