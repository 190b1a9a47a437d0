"""Definitions taken along as text: they run alone, and what cannot be taken along is refused."""

import functools
import math

import pytest

from vpc2.sources import Carrier, Unavailable, import_block

HALF = 0.5


def executed(carrier: Carrier) -> dict:
    text = "\n\n".join([import_block(list(carrier.imports)), *carrier.definitions])
    assert "vpc2" not in import_block(list(carrier.imports))
    scope: dict = {}
    exec(compile(text, "carried", "exec"), scope)
    return scope


@pytest.mark.parametrize(
    "target",
    [
        "vpc2.rng.seed_of",
        "vpc2.predict.adversarial.gradient_steps.follow_gradient",
        "vpc2.training.trainer.losses.loss_of",
        "vpc2.augment.cpu_kernels.QuickPlasmaShadow",
        "vpc2.augment.custom.masking.RandomHideAndSeek",
    ],
)
def test_what_is_taken_along_runs_alone(target):
    carrier = Carrier()
    name = carrier.add(target)
    assert callable(executed(carrier)[name])


def test_a_function_brings_constants_modules_and_other_functions():
    by = 3

    def halved(value):
        return value * HALF

    carrier = Carrier()
    carrier.add_function(lambda value: by * halved(value) + math.pi, "taken")
    assert executed(carrier)["taken"](2.0) == 3 + math.pi


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(Unavailable, match="not defined"):
        Carrier().add("vpc2.rng.seed")


def test_lambdas_on_one_line_are_told_apart():
    first, second = (lambda x: x + 1), (lambda x: x + 2)
    for function in (first, second):
        carrier = Carrier()
        carrier.add_function(function, "taken")
        assert executed(carrier)["taken"](1) == function(1)


def test_a_name_that_would_hide_another_is_refused():
    carrier = Carrier()
    carrier.add_function(lambda x: x, "seed_of")
    carrier.add("vpc2.rng.seed_of")
    with pytest.raises(ValueError, match="seed_of"):
        _ = carrier.definitions


@pytest.mark.parametrize("function", [math.cos, functools.partial(math.pow, 2), eval("lambda x: x")])  # noqa: S307
def test_what_has_no_text_is_refused(function):
    with pytest.raises(Unavailable):
        Carrier().add_function(function, "taken")


def test_what_imports_the_project_inside_itself_is_refused():
    with pytest.raises(Unavailable, match="inside itself"):
        Carrier().add("vpc2.augment.mixing.labelled_batch")


def test_imports_stand_in_order_and_names_of_one_module_together():
    lines = ["import torch", "from math import pi", "import csv", "from torch import nn", "from math import cos", "import numpy as np"]
    assert import_block(lines) == "import csv\nfrom math import cos, pi\n\nimport numpy as np\nimport torch\nfrom torch import nn"
