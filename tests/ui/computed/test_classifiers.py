"""What a classifier is judged on: test pictures that neither its training nor a choice made on validation has seen."""

import numpy as np
import pytest
import streamlit as st
from sklearn.datasets import load_digits

from tests.ui.pages import VISITOR
from vpc2.data import uploaded_sets
from vpc2.data.imageset import ImageSet
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.ui.computed import classifiers
from vpc2.ui.session import workspace


@pytest.fixture(autouse=True)
def session(monkeypatch):
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(workspace, "visitor_id", lambda: VISITOR)


def pictures(data):
    return {image.tobytes() for image in data.images}


def test_of_another_set_every_picture_is_in_the_test_or_in_validation_and_none_in_both(known):
    pixels = np.random.default_rng(3).integers(0, 256, (100, uploaded_sets.SIZE_PX, uploaded_sets.SIZE_PX, 3), np.uint8)
    own = ImageSet(pixels, np.arange(100) % 10, tuple("0123456789"))
    key, ref = uploaded_sets.keep(own, "mine", VISITOR).key, ClassifierRef("run", known.id)
    test, validation = (classifiers.test_images(ref, 1000, part, dataset=key) for part in ("test", "validation"))
    assert (len(test), len(validation)) == (80, 20)
    assert not pictures(test) & pictures(validation) and len(pictures(test) | pictures(validation)) == 100


def test_of_its_own_set_the_test_leaves_out_what_it_was_trained_on(known):
    ref, n = ClassifierRef("run", known.id), len(load_digits().target)
    test, validation = (classifiers.test_images(ref, 10_000, part) for part in ("test", "validation"))
    assert np.array_equal(test.images, known.images) and np.array_equal(test.labels, known.labels)
    assert len(test) + len(validation) < 0.45 * n and not pictures(test) & pictures(validation)


def test_a_few_pictures_of_a_test_set_are_of_all_its_classes(known):
    some = classifiers.test_images(ClassifierRef("run", known.id), 60)
    assert len(some) == 60 and set(some.labels.tolist()) == set(range(10))
