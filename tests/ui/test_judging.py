"""What a run is judged by: its own test pictures, of every class, also where the data lie sorted by class."""

from dataclasses import replace

import numpy as np
import pytest
import streamlit as st

from vpc2.data import own
from vpc2.data.imageset import ImageSet
from vpc2.training.presets import RECIPES
from vpc2.training.worker import train
from vpc2.ui import judging, runs, state
from vpc2.words import Refusal

VISITOR = "b" * 32


@pytest.fixture(autouse=True)
def someone(monkeypatch):
    """One visitor, whose session is a dictionary: there is no browser here."""
    monkeypatch.setattr(state, "visitor", lambda: VISITOR)
    monkeypatch.setattr(st, "session_state", {})


def test_some_test_pictures_are_of_all_classes_where_the_set_is_sorted_by_class():
    labels = np.repeat(np.arange(4), 50)
    pixels = np.random.default_rng(0).integers(0, 256, (200, own.SIZE_PX, own.SIZE_PX, 3), np.uint8)
    entry = own.keep(ImageSet(pixels, labels, ("a", "b", "c", "d")), "mine", "a" * 32)
    run = runs.store().create(replace(RECIPES["digits"].recipe, dataset=entry.key))
    some, again = (judging.test_pictures(f"run:{run.id}", 12) for _ in range(2))
    assert some.counts() == [3, 3, 3, 3]
    assert np.array_equal(some.images, again.images)
    assert len(judging.test_pictures(f"run:{run.id}")) == 40


def kept(classes, visitor, count=60):
    labels = np.arange(count) % len(classes)
    pixels = np.random.default_rng(1).integers(0, 256, (count, own.SIZE_PX, own.SIZE_PX, 3), np.uint8)
    return own.keep(ImageSet(pixels, labels, classes), "mine", visitor).key


def test_a_ready_made_net_is_judged_on_a_set_whose_classes_it_knows_and_on_no_other():
    known = judging.classifier_of("imagenet").classes
    assert judging.sets_for("imagenet") == [] and not judging.has_set("imagenet")
    with pytest.raises(Refusal):
        judging.test_pictures("imagenet")
    kept(("zorblax", known[1]), VISITOR)
    assert judging.sets_for("imagenet") == []
    key = kept((known[0], known[859]), VISITOR)
    assert judging.sets_for("imagenet") == [key]
    test, validation = (judging.test_pictures("imagenet", part=part) for part in ("test", "validation"))
    assert len(test) + len(validation) == 60 and len(validation) == 12


def test_a_run_is_judged_on_its_own_test_pictures_first_and_on_all_of_another_set():
    digits = RECIPES["digits"].recipe
    run = runs.store().create(replace(digits, settings={**digits.settings, "epochs": 1}))
    assert train(run) == "finished"
    name = f"run:{run.id}"
    assert judging.set_of(name) == "digits"
    key = kept(("3", "7"), VISITOR)
    assert judging.sets_for(name) == ["digits", key]
    own_test = judging.test_pictures(name)
    st.session_state[f"judge/of/{name}"] = key
    other = judging.test_pictures(name)
    assert len(own_test) == 359 and len(other) == 48 and other.classes == ("3", "7")
