"""The script of a run is the same training: every entry of every table, the same losses and the same weights to the last bit.

The run goes through `fit`, its script is executed as text, in this process for speed; `test_script.py` executes some in processes of
their own. New entries of the tables are covered by being there.
"""

import ast
import csv
import math
import runpy
from dataclasses import replace

import numpy as np
import pytest
import torch

from vpc2.augment.mixes import MIXES
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import Pipeline, edit_add, edit_mix
from vpc2.data.imageset import ImageSet
from vpc2.knobs import Choice
from vpc2.nets.presets import NETS
from vpc2.nets.spec import make_net
from vpc2.nets.summary.summarise import summarise
from vpc2.predict.adversarial.catalog import ATTACKS
from vpc2.predict.classifier import save_classifier
from vpc2.predict.pretrained.catalog import BACKBONES, PRETRAINED
from vpc2.predict.spec import Backbone
from vpc2.system.host import LIMITS
from vpc2.text import Text
from vpc2.training.checks import check_recipe, fit_to_data
from vpc2.training.export.bundle import pack_pictures, pack_weights, read_run_history
from vpc2.training.export.script import CURVE_NAME, DATA_NAME, SCRIPT_NAME, START_WEIGHTS, to_script
from vpc2.training.optimisers import OPTIMISERS, Optimiser
from vpc2.training.presets import EXPERIMENTS, RECIPES
from vpc2.training.runs.file_names import START_NAME
from vpc2.training.schedule import SCHEDULES, Schedule
from vpc2.training.settings import SETTINGS
from vpc2.training.spec import Recipe
from vpc2.training.trainer.trainer import fit

SIDE, CLASSES = 16, 4
NET = make_net(
    "colour",
    (3, SIDE, SIDE),
    ("Conv2d", {"out_channels": 8, "kernel_size": 3, "padding": 1, "stride": 2}),
    "BatchNorm2d",
    "ReLU",
    ("Residual", {}, [[("Conv2d", {"out_channels": 12, "kernel_size": 3, "padding": 1}), "BatchNorm2d", "ReLU"]]),
    ("ConvTranspose2d", {"out_channels": 6, "kernel_size": 2, "stride": 2}),
    "GlobalAvgPool",
    ("Dropout", {"p": 0.2}),
    ("Linear", {"out_features": CLASSES}),
)
UNEVEN = (14, 10, 8, 6)  # pictures a class
NUMBERS = ("loss", "accuracy", "learning_rate", "step", "epoch")


def pictures(side=SIDE, counts=UNEVEN, **more) -> ImageSet:
    """Noise with a different colour per class, so that the classes can be learned and nothing is symmetric."""
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    tint = rng.integers(40, 200, (len(counts), 1, 1, 3))
    images = np.clip(tint[labels] + rng.integers(-40, 40, (len(labels), side, side, 3)), 0, 255).astype(np.uint8)
    return ImageSet(images, labels.astype(np.int64), tuple(f"class {i}" for i in range(len(counts))), **more)


def a_recipe(net=NET, pipeline=None, **settings) -> Recipe:
    base = {"size_px": SIDE, "epochs": 2, "batch_size": 8, "budget_s": 600.0, "learning_rate": 0.0123456789, "seed": 5}
    return Recipe("digits", net, pipeline, SETTINGS.clean({**base, **settings}), "law")


def check(recipe, folder, data=None, start=None, state="finished", stop_after=math.inf):
    """Train a recipe and execute its script; every loss and every weight must be equal. Return the text of the script."""
    data = pictures(recipe.settings["size_px"]) if data is None else data
    (folder / "run").mkdir(parents=True)
    if start is not None:
        save_classifier(start, folder / "run" / START_NAME)
    told = []

    def is_enough():
        return sum(event["type"] == "step" for event in told) >= stop_after

    found = fit(recipe, told.append, data=data, folder=folder / "run" if start is not None else None, should_stop=is_enough)
    assert told[-1]["state"] == state
    fitted, _ = fit_to_data(recipe, len(data.classes))
    history = read_run_history(fitted, told)
    text = to_script(fitted, found.preprocessing.mean, found.preprocessing.std, has_start=start is not None, **history.arguments)
    (folder / SCRIPT_NAME).write_text(text)
    (folder / DATA_NAME).write_bytes(pack_pictures(data, history.rates))
    if start is not None:
        (folder / START_WEIGHTS).write_bytes(pack_weights(start))
    run, end = execute(folder), told[-1]
    ours = [[event[name] for name in NUMBERS] for event in told if event["type"] == "step"]
    np.testing.assert_array_equal(np.array([[row[name] for name in NUMBERS] for row in run["history"]]), np.array(ours))
    assert len({loss for loss, *_ in ours}) > 1, "a run whose loss never changes shows nothing"
    pairs = list(zip(found.module.state_dict().items(), run["net"].state_dict().values(), strict=True))
    assert [name for (name, mine), theirs in pairs if mine.is_floating_point() and not torch.equal(mine, theirs)] == []
    if state == "finished":
        assert run["best_epoch"] == end["best_epoch"]
        assert run["test_result"] is None or run["test_result"] == (end["test_loss"], end["test_accuracy"])
    return text


def execute(folder) -> dict:
    """Execute the script of a folder and return its names; what is computed with stays as it was in this process."""
    text = (folder / SCRIPT_NAME).read_text()
    names = [name for node in ast.walk(ast.parse(text)) for name in _imported(node)]
    assert not [name for name in names if name.partition(".")[0] == "vpc2"]
    with torch.random.fork_rng(devices=[]):
        run = runpy.run_path(str(folder / SCRIPT_NAME), run_name="__main__")
    with (folder / CURVE_NAME).open() as file:
        assert len(list(csv.DictReader(file))) == len(run["history"])
    return run


def _imported(node):
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


# --- settings: every choice of every knob, the ends of the numbers, and what they do together

SOFT = edit_add(edit_add(Pipeline(), "RandomHorizontalFlip", {"p": 0.5}), "ColorJitter", {})
ALONE = {
    "momentum": {"optimiser": "sgd", "momentum": 0.5},
    "copies": {"augment": "both", "copies": 2},
    "adversary_epsilon": {"adversary": "pgd_l2", "adversary_epsilon": 0.7},
    "adversary_share": {"adversary": "pgd", "adversary_share": 1.0},
    "augment": {},
    "patience": {"patience": 1, "epochs": 12, "learning_rate": 1e-6},
    "seed": {"seed": 77},
    "size_px": {"size_px": 24},
    "batch_size": {"batch_size": 1024},
    "train_share": {"train_share": 0.3},
}


def settings_cases():
    for knob in SETTINGS.knobs:
        if isinstance(knob, Choice):
            for option in knob.options:
                yield f"{knob.key}={option}", {knob.key: option}
        elif knob.key in ALONE:
            yield knob.key, ALONE[knob.key]
        elif knob.key not in ("budget_s", "epochs"):  # both end every run here
            yield knob.key, {knob.key: {"learning_rate": 0.3, "imbalance": 3.0, "clip_norm": 0.05}.get(knob.key, knob.high / 2)}


@pytest.mark.parametrize(("name", "settings"), list(settings_cases()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_setting(tmp_path, name, settings):
    check(a_recipe(pipeline=SOFT if name.partition("=")[0] in ("augment", "copies", "balance") else None, **settings), tmp_path)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_every_schedule_with_every_optimiser(tmp_path, schedule, optimiser):
    check(a_recipe(schedule=schedule, optimiser=optimiser, weight_decay=0.1), tmp_path)


@pytest.mark.parametrize("precision", SETTINGS.knob("precision").options)
@pytest.mark.parametrize("adversary", ATTACKS)
def test_every_attack_in_every_precision(tmp_path, precision, adversary):
    check(a_recipe(precision=precision, adversary=adversary, adversary_epsilon=0.1), tmp_path)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("way", [None, "RandomMixUpV2"])
@pytest.mark.parametrize("balance", SETTINGS.knob("balance").options)
def test_every_balance_with_smoothing_and_mixing(tmp_path, balance, way, smoothing):
    check(a_recipe(pipeline=edit_mix(SOFT, way), balance=balance, label_smoothing=smoothing, imbalance=2.0), tmp_path)


def test_classes_of_one_size_are_not_drawn_by_chance(tmp_path):
    check(a_recipe(balance="sampling"), tmp_path, pictures(counts=(10, 10, 10, 10)))


def test_balanced_classes_need_no_offline_copies(tmp_path):
    check(a_recipe(pipeline=SOFT, balance="augmentation", augment="online"), tmp_path, pictures(counts=(10, 10, 10, 10)))


# --- pictures and their split


def test_people_stay_together(tmp_path):
    check(a_recipe(), tmp_path, pictures(groups=np.arange(sum(UNEVEN)) % 7))


def test_without_pictures_to_validate_with(tmp_path):
    data = pictures(8, (6, 6, 6, 6))
    twins = np.stack([data.images[np.flatnonzero(data.labels == label)[i % 2]] for i, label in enumerate(data.labels)])
    check(a_recipe(size_px=8, batch_size=2), tmp_path, replace(data, images=twins))


def test_a_grey_net(tmp_path):
    check(a_recipe(net=replace(NET, input=(1, SIDE, SIDE))), tmp_path)


def test_train_further(tmp_path):
    start = fit(a_recipe(seed=1, epochs=3), lambda event: None, data=pictures())
    begun = check(a_recipe(seed=2, optimiser="sgd"), tmp_path / "further", start=start)
    assert START_WEIGHTS in begun
    (tmp_path / "further" / START_WEIGHTS).unlink()
    with pytest.raises(SystemExit, match=r"^start\.safetensors is missing: [^.]*\.$"):
        execute(tmp_path / "further")


# --- runs that ended otherwise


@pytest.mark.parametrize("steps", [2, 3, 4, 6])
def test_a_run_that_was_stopped(tmp_path, steps):
    """Before the first validation, at the end of an epoch, and in the middle of a later one."""
    check(a_recipe(epochs=5), tmp_path, state="stopped", stop_after=steps)


@pytest.mark.parametrize("epochs", [1, 30])
def test_a_run_that_failed(tmp_path, epochs):
    """In its first epoch, and later: a rate that rises throws the weights out."""
    settings = {"optimiser": "sgd", "momentum": 0.999, "learning_rate": 1.0}
    net = make_net("open", (3, SIDE, SIDE), ("Conv2d", {"out_channels": 8, "kernel_size": 3}), "Flatten", ("Linear", {"out_features": 4}))
    plain = {"schedule": "constant"} if epochs == 1 else {}
    check(a_recipe(net, epochs=epochs, batch_size=2, **settings, **plain), tmp_path, state="failed")


def test_a_run_on_another_device_says_what_differs(tmp_path):
    recipe = a_recipe(pipeline=edit_add(Pipeline(), "RandomHue"))
    text = to_script(recipe, (0.5,) * 3, (0.2,) * 3, device="cuda", precision="bf16", threads=4)
    words = " ".join(ast.get_docstring(ast.parse(text)).split())
    assert "trained on cuda" in words and "and not the same" in words and "bit for bit" not in words
    assert "QuickHue" not in text and "K.RandomHue(" in text and "torch.bfloat16" in text


# --- pipelines


@pytest.mark.parametrize("key", OPS)
def test_every_operation(tmp_path, key):
    check(a_recipe(pipeline=edit_add(Pipeline(), key), epochs=1), tmp_path)


@pytest.mark.parametrize("key", PIPELINES)
def test_every_pipeline(tmp_path, key):
    check(a_recipe(pipeline=PIPELINES[key].pipeline, size_px=24, epochs=1), tmp_path)


@pytest.mark.parametrize("key", [key for key, entry in OPS.items() if entry.is_policy])
def test_every_policy_offline_too(tmp_path, key):
    check(a_recipe(pipeline=edit_add(Pipeline(), key), augment="both", copies=1), tmp_path)


@pytest.mark.parametrize("side", [SIDE, 19])
@pytest.mark.parametrize("way", MIXES)
def test_every_way_of_mixing(tmp_path, way, side):
    check(a_recipe(pipeline=edit_mix(SOFT, way), size_px=side), tmp_path)


# --- nets


def _is_small(key):
    """Whether a preset learns here in a moment: what it holds and what it computes at the side it is asked at."""
    net = fit_to_data(a_recipe(net=NETS[key].net, size_px=_side(key)), CLASSES)[0].net
    summary = summarise(net)
    return summary.problem is None and summary.params < 3_000_000 and check_recipe(a_recipe(net=net, size_px=_side(key)), CLASSES) is None


def _side(key):
    return min(NETS[key].net.input[1], 64)


@pytest.mark.parametrize("key", [key for key in NETS if _is_small(key)])
def test_every_net(tmp_path, key):
    check(a_recipe(net=NETS[key].net, size_px=_side(key), epochs=1, batch_size=16, learning_rate=0.001), tmp_path)


BACKBONE_CASES = [
    (ready, how, precision)
    for ready in BACKBONES
    for how, precision in (
        ("frozen", "float32"),
        ("frozen", "bf16"),
        ("frozen, augmented", "float32"),
        ("frozen, attacked", "bf16"),
        ("whole", "float32"),
        ("whole", "bf16"),
    )
    if how == "frozen" or PRETRAINED[ready].trunk_params < LIMITS.trainable_params  # larger ones are not fine-tuned, and take seconds
]


@pytest.mark.parametrize(("ready", "how", "precision"), BACKBONE_CASES)
def test_every_backbone(tmp_path, stand_in_weights, ready, how, precision):
    if ready != "imagenet":
        stand_in_weights(ready)
    pipeline = SOFT if how == "frozen, augmented" else None
    settings = {"precision": precision, "size_px": 32, "epochs": 1, "batch_size": 12}
    attack = {"adversary": "fgsm"} if how == "frozen, attacked" else {}
    check(a_recipe(Backbone(ready, is_frozen=how != "whole"), pipeline, **settings, **attack), tmp_path)


# --- recipes and experiments as they are offered, on other pictures

OFFERED = {key: entry.recipe for key, entry in RECIPES.items()} | {
    f"{key}, {side}": getattr(entry.experiment, side) for key, entry in EXPERIMENTS.items() for side in ("left", "right")
}


@pytest.mark.parametrize("key", OFFERED)
def test_every_recipe_that_is_offered(tmp_path, key):
    recipe = OFFERED[key]
    settings = {**recipe.settings, "epochs": 1, "budget_s": 600.0, "batch_size": 6, "train_share": 0.6}
    check(replace(recipe, settings=settings), tmp_path)


# --- a new entry is one literal


WORDS = {"title": Text("new"), "help": Text("new")}
RATE = (("lr", "learning_rate"),)


@pytest.mark.parametrize("name", ["RMSprop", "NAdam", "RAdam", "Adagrad", "Adamax"])
def test_an_optimiser_that_was_not_foreseen(tmp_path, offer, name):
    """Some of torch's have a fused step and some have none: nothing is said of it in the table."""
    settings = (*RATE, ("weight_decay", "weight_decay"), *((("momentum", "momentum"),) if name == "RMSprop" else ()))
    offer(OPTIMISERS, Optimiser(key="new", target=f"torch.optim.{name}", settings=settings, **WORDS))
    assert f"torch.optim.{name}(" in check(a_recipe(optimiser="new", learning_rate=0.001), tmp_path)


FLOOR = 0.25


def _sag(progress):
    return 1 - progress * (1 - FLOOR)


def sagging(progress, steps):
    """A schedule that uses another function, a constant and the number of steps."""
    return max(_sag(progress) ** 2, FLOOR) - 1 / (10 * steps)


class Table:
    def __call__(self, progress):
        return [1.0, 0.5, 0.25, 0.125][min(int(4 * progress), 3)]


def falling(by):
    return lambda progress: by**progress


@pytest.mark.parametrize(
    "factor", [sagging, falling(0.1), lambda progress: 1 - progress / 2, Table()], ids=["function", "closure", "lambda", "object"]
)
def test_a_schedule_that_was_not_foreseen(tmp_path, offer, factor):
    offer(SCHEDULES, Schedule(key="new", factor=factor, **WORDS))
    text = check(a_recipe(schedule="new"), tmp_path)
    assert ('data["rates"]' in text) == isinstance(factor, Table)
