"""What every entry of every catalog promises. The catalogs are found by walking the app; a kind of entry without a law fails.

A law here is short and holds for each entry by itself; what a kind computes is compared with something outside in the tests of its room.
"""

from __future__ import annotations

import inspect
import itertools
import json
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.laws.catalogs import catalogs, entries, tables
from vpc2 import codec
from vpc2.augment.export.kornia_code import to_code as pipeline_to_code
from vpc2.augment.library_comparison import Match
from vpc2.augment.mixes import Mix
from vpc2.augment.mixing import mix_images
from vpc2.augment.operations.catalog import FAMILIES as OPERATION_FAMILIES
from vpc2.augment.operations.operation import Operation
from vpc2.augment.presets import PipelinePreset
from vpc2.augment.spec import Pipeline
from vpc2.augment.spec import edit_add as add_step
from vpc2.data.datasets import DatasetEntry, TorchvisionSet, is_ready, load_dataset
from vpc2.images.samples import SampleEntry, load_sample
from vpc2.nets.export.pytorch_code import to_code as net_to_code
from vpc2.nets.inspection.kernels import ExampleKernel
from vpc2.nets.layers.catalog import FAMILIES as LAYER_FAMILIES
from vpc2.nets.layers.kind import LayerKind
from vpc2.nets.module import build_net
from vpc2.nets.presets import NetPreset
from vpc2.nets.spec import edit_add, make_net
from vpc2.nets.summary.diff import compare
from vpc2.nets.summary.lessons import NetPair, lesson_of
from vpc2.nets.summary.summarise import summarise
from vpc2.nets.torch_reader.read_code import read_code
from vpc2.nets.torch_reader.torch_signatures import function_of
from vpc2.predict.adversarial.catalog import Attack
from vpc2.predict.adversarial.gradient_steps import perturb
from vpc2.predict.pretrained.catalog import Pretrained
from vpc2.predict.robustness.corrupt import corrupt_images
from vpc2.predict.robustness.corruptions import Corruption
from vpc2.predict.tta.merges import Merge
from vpc2.predict.tta.transforms import apply_points, apply_view, undo_points
from vpc2.predict.tta.views import VIEWS, View, ViewSet
from vpc2.sources import Carrier
from vpc2.training.checks import check_recipe
from vpc2.training.export.loop_code import is_written
from vpc2.training.optimisers import Optimiser
from vpc2.training.presets import ExperimentPreset, RecipePreset
from vpc2.training.schedule import Schedule
from vpc2.training.settings import SETTINGS
from vpc2.ui.home import lecture_map
from vpc2.ui.home.lecture_map import LectureCard, StartButton

LAWS: dict[type, Callable] = {}
IMAGES = torch.rand(4, 3, 24, 24, generator=torch.Generator().manual_seed(1))


def law(*kinds: type) -> Callable:
    def note(check: Callable) -> Callable:
        LAWS.update(dict.fromkeys(kinds, check))
        return check

    return note


EACH = pytest.mark.parametrize(("name", "entry"), entries(), ids=[f"{name}-{entry.key}" for name, entry in entries()])


def test_all_catalogs_were_found():
    """Those that the design names; there may be more."""
    named = {"OPS", "LAYERS", "VIEWS", "MERGES", "ATTACKS", "CORRUPTIONS", "DATASETS", "OPTIMISERS", "SCHEDULES", "CARDS"}
    assert named | {"NETS", "RECIPES", "PIPELINES"} <= catalogs().keys()


def test_every_table_is_a_catalog_or_part_of_one():
    """A list of things with a key and a title that no catalog holds would be offered without any law."""
    known = {id(entry) for _name, entry in entries()}
    assert not [where for where, rows in tables() if not all(id(row) in known for row in rows)]


def test_every_kind_of_entry_has_a_law():
    assert {type(entry) for _name, entry in entries()} <= LAWS.keys()


@EACH
def test_an_entry_keeps_the_law_of_its_kind(name, entry):
    LAWS[type(entry)](entry)


@EACH
def test_an_entry_is_found_by_its_names(name, entry):
    catalog = catalogs()[name]
    assert re.fullmatch(r"[A-Za-z0-9][\w-]*", entry.key)
    assert all(catalog.find(one) is entry for one in (entry.key, *entry.aliases))


@EACH
def test_an_entry_is_explained_in_both_languages(name, entry):
    assert entry.title.say("en").strip() and entry.title.say("es").strip()
    # A button, a photograph with its credit, and an operation that has its own help have none.
    if not isinstance(entry, StartButton | SampleEntry | Match):
        assert entry.help.say("en") != entry.help.say("es")
        assert entry.help.say("en").endswith(".") and entry.help.say("es").endswith(".")


@EACH
def test_the_knobs_of_an_entry_are_clean(name, entry):
    """Each has a title in both languages, a default that it takes itself, and ends that are values too; all of them are plain JSON."""
    names = [one for knob in entry.knobs for one in (knob.key, *knob.aliases)]
    assert len(names) == len(set(names))
    for knob in entry.knobs:
        assert knob.title.say("en") and knob.title.say("es")
        assert knob.clean(knob.default) == knob.default
        for value in knob.extremes():
            assert json.loads(json.dumps(knob.clean(value))) == knob.clean(value)
    assert entry.clean({}) == entry.defaults()


@EACH
def test_what_an_entry_names_can_be_imported(name, entry):
    if entry.target:
        assert callable(entry.resolve())


# --- augment


@law(Operation)
def an_operation(entry):
    assert entry.family in OPERATION_FAMILIES
    pipeline = add_step(Pipeline(), entry.key)
    assert codec.from_token(codec.to_token(pipeline)).spec == pipeline
    compile(pipeline_to_code(pipeline), entry.key, "exec")
    assert {key for key, _value in entry.strengths} <= {knob.key for knob in entry.knobs}


@law(Match)
def a_match(entry):
    assert entry.step.op == entry.key


@law(Mix)
def a_mix(entry):
    mixed, shares = mix_images(entry.key, entry.defaults(), IMAGES, 3)
    assert mixed.min() >= 0 and mixed.max() <= 1 and len(mixed) == len(shares) == len(IMAGES)
    assert entry.fewest <= len(IMAGES)


@law(PipelinePreset)
def a_pipeline(entry):
    assert codec.from_token(codec.to_token(entry.pipeline)).spec == entry.pipeline
    assert not codec.from_token(codec.to_token(entry.pipeline)).notes


# --- images and data


@law(SampleEntry)
def a_sample(entry):
    pixels = load_sample(entry.key).pixels
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and entry.credit and entry.licence


@law(DatasetEntry, TorchvisionSet)
def a_dataset(entry):
    assert entry.licence and len(set(entry.classes)) == len(entry.classes) > 1
    assert callable(getattr(inspect.getmodule(entry.resolve()), "load", None))
    if entry.needs_network:
        reader = inspect.getmodule(entry.resolve())
        assert callable(reader.is_ready) and callable(reader.download)
    if isinstance(entry, TorchvisionSet):
        from torchvision import datasets

        taken = inspect.signature(getattr(datasets, entry.torchvision)).parameters
        assert {"root", "download"} <= taken.keys() and (entry.part or {"train", "split"} & taken.keys())
        assert entry.folder and entry.archives_mb > 0
    if is_ready(entry.key):
        data = load_dataset(entry.key, 8)
        assert data.images.shape[1:] == (8, 8, 3) and data.classes == entry.classes
        assert set(data.labels.tolist()) == set(range(len(entry.classes)))


# --- nets


@law(LayerKind)
def a_layer(entry):
    """Built with its defaults, its own exported code runs, gives the same net and is read back as the same layer."""
    assert entry.family in LAYER_FAMILIES
    net = make_net("", (3, 8, 8), ("Conv2d", {"out_channels": 16, "kernel_size": 3, "padding": 1}))
    if summarise(edit_add(net, entry.key, channels=16)).problem is not None:  # it takes a vector
        net = edit_add(net, "Flatten")
    net = edit_add(net, entry.key, channels=16)
    summary = summarise(net)
    assert summary.problem is None
    module, script = build_net(net).eval(), {}
    assert sum(one.numel() for one in module.parameters()) == summary.params
    assert tuple(module(torch.rand(2, 3, 8, 8)).shape[1:]) == summary.output
    exec(compile(net_to_code(net), entry.key, "exec"), script)  # noqa: S102 - our own text
    assert [one.shape for one in script["net"].state_dict().values()] == [one.shape for one in module.state_dict().values()]
    read = read_code(net_to_code(net))
    assert not read.notes
    same = [(facts.kind, facts.output, facts.params) for facts in summarise(read.spec).walk()]
    if entry.target.startswith("torch.nn.Conv2d") or entry.script:  # written as another layer's class: the same numbers
        assert [one[1:] for one in same][-1:] == [(facts.output, facts.params) for facts in summary.walk()][-1:]
    else:
        assert same == [(facts.kind, facts.output, facts.params) for facts in summary.walk()]
    if entry.function:
        function = function_of(entry.function.partition("(")[0])
        assert function.cls == entry.target.rpartition(".")[2]
    if entry.target.startswith("torch.nn.") and entry.block is None:
        taken = inspect.signature(entry.resolve()).parameters
        left_to_torch = any(one.kind is one.VAR_KEYWORD for one in taken.values())
        assert left_to_torch or set(entry.arguments(entry.defaults(), (16, 8, 8))) <= taken.keys()


@law(NetPreset)
def a_net(entry):
    assert summarise(entry.net).problem is None
    assert codec.from_token(codec.to_token(entry.net)).spec == entry.net


@law(NetPair)
def a_pair(entry):
    assert entry.left != entry.right
    for language in ("en", "es"):
        assert "{" not in lesson_of(entry, compare(entry.left.net, entry.right.net)).say(language)


@law(ExampleKernel)
def a_kernel(entry):
    assert [len(row) for row in entry.rows] == [3, 3, 3] and entry.divisor > 0


# --- predict


@law(View)
def a_view(entry):
    seen = apply_view(entry.key, IMAGES)
    assert seen.shape == IMAGES.shape and seen.min() >= 0 and seen.max() <= 1
    points = torch.tensor([[3.0, 5.0], [20.0, 1.0]])
    torch.testing.assert_close(undo_points(entry.key, apply_points(entry.key, points, (24, 24)), (24, 24)), points, atol=1e-4, rtol=0)
    if not entry.is_geometric:
        assert Carrier().name_of(entry.target)


@law(ViewSet)
def a_set_of_views(entry):
    assert len(set(entry.views)) == len(entry.views) and all(key in VIEWS for key in entry.views)


@law(Merge)
def a_merge(entry):
    logits = torch.randn(5, 7, 3, generator=torch.Generator().manual_seed(2))
    merged = entry.resolve()(logits)
    torch.testing.assert_close(merged.sum(-1), torch.ones(7))
    torch.testing.assert_close(entry.resolve()(logits[:1]).argmax(-1), logits[0].argmax(-1))  # one view merged says what it says
    assert Carrier().name_of(entry.target)


@law(Attack)
def an_attack(entry):
    assert all(0 < low < high for low, high in itertools.pairwise(entry.epsilons)) and entry.norm in ("linf", "l2")
    weights = torch.randn(3 * 24 * 24, 4, generator=torch.Generator().manual_seed(3))
    change = perturb(lambda images: images.flatten(1) @ weights, IMAGES, torch.zeros(4, dtype=torch.int64), entry.key, entry.epsilons[0])
    lengths = (change - IMAGES).flatten(1).norm(dim=1) if entry.norm == "l2" else (change - IMAGES).abs().flatten(1).amax(1)
    assert (lengths > 0).all() and (lengths <= entry.epsilons[0] * (1 + 1e-5)).all()
    assert Carrier().name_of(entry.target)


@law(Corruption)
def a_corruption(entry):
    first, *others = entry.strengths
    assert others == sorted(others, reverse=others[0] < first)
    assert torch.equal(corrupt_images(IMAGES, entry.key, first), IMAGES)
    for strength in others:
        harder = corrupt_images(IMAGES, entry.key, strength, seed=4)
        assert harder.shape == IMAGES.shape and harder.min() >= 0 and harder.max() <= 1
        assert torch.equal(harder, corrupt_images(IMAGES, entry.key, strength, seed=4))
    assert not torch.equal(harder, IMAGES)


@law(Pretrained)
def a_pretrained_classifier(entry):
    assert {"entry", "report"} <= inspect.signature(entry.resolve()).parameters.keys()
    assert bool(entry.head) == bool(entry.features) == bool(entry.trunk_params)


# --- training


@law(Optimiser)
def an_optimiser(entry):
    """It takes the recipe's settings under names that torch knows, and goes down a slope."""
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    settings = {**SETTINGS.defaults(), "learning_rate": 0.05}
    optimiser = entry.build([weight], settings)
    assert {key for _name, key in entry.settings} <= settings.keys()
    losses = []
    for _step in range(20):
        optimiser.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@law(Schedule)
def a_schedule(entry):
    rates = [entry.at(step / 49, 50) for step in range(50)]
    assert all(0 <= rate <= 1 for rate in rates) and max(rates) > 0.9
    assert is_written(entry.key)


@law(RecipePreset)
def a_recipe(entry):
    assert check_recipe(entry.recipe) is None
    assert codec.from_token(codec.to_token(entry.recipe)).spec == entry.recipe


@law(ExperimentPreset)
def an_experiment(entry):
    assert len(entry.names) == 2 and entry.names[0] != entry.names[1] and entry.experiment.left != entry.experiment.right
    assert codec.from_document(codec.to_document(entry.experiment)).spec == entry.experiment


# --- the lecture


@law(LectureCard, StartButton)
def a_card(entry):
    query = lecture_map.link_parameters(entry)
    assert entry.page in ("augment", "build", "train", "judge") and (entry.example or entry.page == "judge")
    if entry.example:
        assert query["s"] in lecture_map.example_tokens() and not codec.from_token(query["s"]).notes
    if entry.pair:
        assert entry.pair in catalogs()["PAIRS"]
