"""Runs, recipes and sets of one's own as a session reaches them: whose they are, and what is begun under which name."""

from dataclasses import replace

import numpy as np
import pytest
import streamlit as st

from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.data import uploaded_sets
from vpc2.data.imageset import ImageSet
from vpc2.nets.presets import NETS
from vpc2.nets.spec import make_net
from vpc2.predict.spec import Backbone
from vpc2.text import Refusal
from vpc2.training.presets import RECIPES
from vpc2.training.runs.events import EventWriter
from vpc2.ui.session import own_datasets, recipes, runs, workspace

ME, OTHER = "1" * 32, "2" * 32
DIGITS = RECIPES["digits"].recipe


class Queue:
    def __init__(self):
        self.started = []

    def start(self, run):
        self.started.append(run)


@pytest.fixture(autouse=True)
def session(monkeypatch):
    kept = {}
    monkeypatch.setattr(st, "session_state", kept)
    monkeypatch.setattr(workspace, "visitor_id", lambda: ME)
    monkeypatch.setattr(workspace, "owner_id", lambda: ME)
    return kept


@pytest.fixture
def queue(monkeypatch):
    made = Queue()
    monkeypatch.setattr(runs, "queue", lambda: made)
    return made


def own_set(owner):
    images = np.zeros((20, uploaded_sets.SIZE_PX, uploaded_sets.SIZE_PX, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(20)
    return uploaded_sets.keep(ImageSet(images, np.arange(20) % 2, ("a", "b")), "mine", owner).key


def test_a_run_is_started_under_the_visitors_name_and_never_on_somebody_elses_pictures(queue):
    run = runs.start_run(DIGITS, name="n")
    assert [one.id for one in queue.started] == [run.id] and (run.owner, run.name, run.task) == (ME, "n", "train")
    assert runs.start_run(DIGITS, task="rate").task == "rate"
    with pytest.raises(Refusal):
        runs.start_run(replace(DIGITS, dataset=own_set(OTHER)))
    assert len(queue.started) == 2
    mine = own_set(ME)
    assert runs.start_run(replace(DIGITS, dataset=mine)).recipe.dataset == mine


def test_a_visitor_sees_their_own_sets_alone():
    mine, theirs = own_set(ME), own_set(OTHER)
    assert own_datasets.keys() == [mine]
    assert own_datasets.is_visible(mine) and own_datasets.is_visible("digits") and not own_datasets.is_visible(theirs)
    own_datasets.require_visible(mine)
    with pytest.raises(Refusal):
        own_datasets.require_visible(theirs)


def test_a_visitor_sees_their_own_runs_and_finished_ones_of_others_where_they_are_shared(monkeypatch):
    mine, theirs, going = (runs.store().create(DIGITS, owner=owner) for owner in (ME, OTHER, OTHER))
    writer = EventWriter(theirs.folder)
    writer.write({"type": "end", "state": "finished", "reason": None, "elapsed_s": 1.0})
    writer.close()
    assert [run.id for run in runs.visible_runs()] == [mine.id]
    monkeypatch.setenv("VPC2_SHARED_RUNS", "1")
    assert {run.id for run in runs.visible_runs()} == {mine.id, theirs.id} and going.id


def test_a_clone_is_the_visitors_and_asks_for_the_same():
    mine, theirs = (runs.store().create(DIGITS, name="n", owner=owner) for owner in (ME, OTHER))
    clone = runs.clone_run(mine.id)
    assert (clone.recipe, clone.owner) == (mine.recipe, ME) and clone.id != mine.id
    for make in (runs.clone_run, runs.train_further):
        with pytest.raises(Refusal):
            make(theirs.id)  # it goes on, and is nobody else's to look at
    with pytest.raises(Refusal):
        runs.train_further(mine.id)  # it has no classifier yet


def test_a_run_that_the_address_names_is_found_and_another_is_refused(monkeypatch, session):
    mine = runs.store().create(DIGITS, owner=ME)
    address = {"run": mine.id}
    monkeypatch.setattr(st, "query_params", address)
    assert runs.chosen_run().id == mine.id
    address["run"] = "0" * 16
    said = []
    monkeypatch.setattr(st, "warning", lambda text, **more: said.append(text))
    assert runs.chosen_run() is None and said and "run" not in address
    assert runs.chosen_run() is None and len(said) == 1


@pytest.mark.parametrize("key", list(RECIPES))
def test_a_recipe_that_is_taken_is_the_one_in_the_workspace(key):
    recipe = RECIPES[key].recipe
    recipes.load_recipe(recipe)
    assert workspace.load("recipe") == recipe


def test_a_net_and_a_pipeline_of_ones_own_come_along_and_ready_ones_leave_what_was_made(session):
    net = make_net("mine", (3, 32, 32), "Flatten", ("Linear", {"out_features": 10}))
    pipeline = edit_add(Pipeline(seed=9), "RandomInvert", {"p": 1.0})
    recipes.load_recipe(replace(DIGITS, net=net, pipeline=pipeline))
    assert (workspace.load("net"), workspace.load("pipeline")) == (net, pipeline)
    assert (session["train/net"], session["train/pipeline"]) == (recipes.FROM_BUILD, recipes.FROM_AUGMENT)
    recipes.load_recipe(replace(DIGITS, net=NETS["lenet5"].net, pipeline=PIPELINES["gentle"].pipeline))
    assert (workspace.load("net"), workspace.load("pipeline")) == (net, pipeline)
    assert (session["train/net"], session["train/pipeline"]) == ("lenet5", "gentle")
    recipes.load_recipe(replace(DIGITS, net=Backbone(), pipeline=None))
    assert session["train/net"].endswith(Backbone().ready) and session["train/pipeline"] == recipes.NO_PIPELINE
