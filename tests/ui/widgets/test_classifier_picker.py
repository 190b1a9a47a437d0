"""The test images of a run: from its own test split, of every class, also where the data are sorted by class."""

import copy
import os
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st
import torch

from vpc2 import codec
from vpc2.data import uploaded_sets
from vpc2.data.imageset import ImageSet
from vpc2.nets.module import build_net
from vpc2.predict import uploaded_classifiers
from vpc2.predict.classifier import Classifier, Preprocessing, save_classifier
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.text import Refusal
from vpc2.training.presets import RECIPES
from vpc2.training.queue.worker import train
from vpc2.training.spec import Experiment
from vpc2.ui.computed import classifiers, label_survival
from vpc2.ui.judge import explanations, export_report, single_photo
from vpc2.ui.session import own_datasets, runs, workspace
from vpc2.ui.train import experiments, recipe_form
from vpc2.ui.widgets import classifier_picker

VISITOR = "b" * 32
READY = ClassifierRef("pretrained", "imagenet")


@pytest.fixture(autouse=True)
def someone(monkeypatch):
    """One visitor without a browser; the session state is a dictionary."""
    monkeypatch.setattr(workspace, "visitor_id", lambda: VISITOR)
    monkeypatch.setattr(st, "session_state", {})


def test_some_test_pictures_are_of_all_classes_where_the_set_is_sorted_by_class():
    labels = np.repeat(np.arange(4), 50)
    pixels = np.random.default_rng(0).integers(0, 256, (200, uploaded_sets.SIZE_PX, uploaded_sets.SIZE_PX, 3), np.uint8)
    entry = uploaded_sets.keep(ImageSet(pixels, labels, ("a", "b", "c", "d")), "mine", "a" * 32)
    run = runs.store().create(replace(RECIPES["digits"].recipe, dataset=entry.key))
    some, again = (classifiers.test_images(ClassifierRef("run", run.id), 12) for _ in range(2))
    assert some.counts() == [3, 3, 3, 3]
    assert np.array_equal(some.images, again.images)
    assert len(classifiers.test_images(ClassifierRef("run", run.id))) == 40


def kept(classes, visitor, count=60):
    labels = np.arange(count) % len(classes)
    pixels = np.random.default_rng(1).integers(0, 256, (count, uploaded_sets.SIZE_PX, uploaded_sets.SIZE_PX, 3), np.uint8)
    return uploaded_sets.keep(ImageSet(pixels, labels, classes), "mine", visitor).key


def test_a_ready_made_net_is_judged_on_a_set_whose_classes_it_knows_and_on_no_other():
    known = classifiers.classifier_of(READY).classes
    assert classifiers.datasets_for(READY) == [] and not classifiers.has_dataset(READY)
    with pytest.raises(Refusal):
        classifiers.test_images(READY)
    kept(("zorblax", known[1]), VISITOR)
    assert classifiers.datasets_for(READY) == []
    key = kept((known[0], known[859]), VISITOR)
    assert classifiers.datasets_for(READY) == [key]
    test, validation = (classifiers.test_images(READY, subset=subset) for subset in ("test", "validation"))
    assert len(test) + len(validation) == 60 and len(validation) == 12


def test_a_run_is_judged_on_its_own_test_pictures_first_and_on_all_of_another_set():
    digits = RECIPES["digits"].recipe
    run = runs.store().create(replace(digits, settings={**digits.settings, "epochs": 1}))
    assert train(run) == "finished"
    ref = ClassifierRef("run", run.id)
    assert classifiers.dataset_of(ref) == "digits"
    key = kept(("3", "7"), VISITOR)
    assert classifiers.datasets_for(ref) == ["digits", key]
    own_test = classifiers.test_images(ref)
    st.session_state[f"judge/of/{ref}"] = key
    other = classifiers.test_images(ref)
    assert len(own_test) == 359 and len(other) == 48 and other.classes == ("3", "7")


OTHER = "c" * 32


def opened(recipe, classes, folder):
    """Return the key of a classifier file whose metadata names this recipe."""
    module, net = build_net(recipe.net), recipe.net
    made = {"net": codec.to_document(net), "recipe": codec.to_document(recipe)}
    save_classifier(Classifier(module.eval(), Preprocessing(net.input[1], (0.5,) * 3, (0.5,) * 3), classes, made), folder / "one")
    ref = uploaded_classifiers.keep((folder / "one").read_bytes())[0]
    st.session_state["judge/files"] = {str(ref): "given to me"}
    return ref


def test_a_file_brings_nobody_elses_pictures(tmp_path):
    """A classifier file names the private data set it was trained on; another visitor who opens it sees none of its images."""
    digits, known = RECIPES["digits"].recipe, tuple("0123456789")
    for owner, wanted in ((OTHER, []), (VISITOR, ["digits"])):
        key = kept(known, owner, count=80)
        ref = opened(replace(digits, dataset=key), known, tmp_path)
        assert classifiers.datasets_for(ref) == ([key] if owner == VISITOR else []), wanted
        assert (classifiers.recipe_of(ref) is None) == (owner == OTHER)
        assert classifiers.has_dataset(ref) == (owner == VISITOR)
        if owner == OTHER:
            with pytest.raises(Refusal):
                classifiers.test_images(ref)


def test_a_link_that_names_somebody_elses_pictures_shows_and_trains_on_none():
    mine, theirs = kept(("a", "b"), VISITOR), kept(("a", "b"), OTHER)
    recipe = RECIPES["digits"].recipe
    assert own_datasets.is_visible(mine) and own_datasets.is_visible("digits") and not own_datasets.is_visible(theirs)
    for key, is_refused in ((mine, False), (theirs, True)):
        asked = replace(recipe, dataset=key)
        problem = recipe_form.problem_of(asked)
        assert (problem is not None and "somebody else" in problem.text.en) == is_refused
    with pytest.raises(Refusal, match="somebody else"):
        runs.start_run(replace(recipe, dataset=theirs))
    with pytest.raises(Refusal, match="somebody else"):
        experiments.start_experiment(Experiment(recipe, replace(recipe, dataset=theirs)))
    assert not runs.store().list()


def test_a_link_to_a_file_does_not_say_that_it_opens_it(monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(st, "caption", said.append)
    for name in ("markdown", "code", "download_button"):
        monkeypatch.setattr(st, name, lambda *given, **more: None)
    ref = opened(RECIPES["digits"].recipe, tuple("0123456789"), tmp_path)
    assert "run=" not in classifier_picker.link_of(ref, ["identity"], "mean") and "classifier=" not in classifier_picker.link_of(
        ref, ["identity"], "mean"
    )
    export_report.show_export(ref, [], ["identity"])
    assert any("has to be opened again" in one for one in said) and not any("same classifier" in one for one in said)


def test_a_run_that_went_on_training_is_asked_anew():
    """New weights under the same name: no result cached for the old ones is used."""
    digits = RECIPES["digits"].recipe
    run = runs.store().create(replace(digits, settings={**digits.settings, "epochs": 1}))
    assert train(run) == "finished"
    ref = ClassifierRef("run", run.id)
    photo = {"digest": "grey", "name": "grey", "pixels": np.full((32, 32, 3), 90, np.uint8), "notes": ()}
    before, version = single_photo.predict_views(ref, photo, ["identity"])["identity"][0], classifiers.version_of(ref)
    layers = explanations._layers(version)
    known = classifiers.classifier_of(ref)
    module = copy.deepcopy(known.module)
    with torch.no_grad():
        for weights in module.parameters():
            weights.mul_(0.5)
    save_classifier(replace(known, module=module), run.model_path)
    os.utime(run.model_path, (version.stamp + 1, version.stamp + 1))
    assert classifiers.version_of(ref) != version and classifiers.classifier_of(ref) is not known
    after = single_photo.predict_views(ref, photo, ["identity"])["identity"][0]
    assert not np.allclose(before, after) and label_survival.predict_unaugmented(ref, photo)[0] == after.argmax()
    assert explanations._layers(classifiers.version_of(ref)) == layers
