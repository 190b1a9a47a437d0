"""The same pipeline for other libraries: the code runs, does something, and names what it leaves out."""

import numpy as np
import pytest
import torch

from vpc2.augment.export.other_libraries import to_albumentations, to_torchvision
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.images.samples import load_sample

PIXELS = load_sample("chelsea").pixels
TENSOR = torch.from_numpy(np.ascontiguousarray(PIXELS)).permute(2, 0, 1)


def executed(code):
    scope = {"__name__": "exported"}
    exec(compile(code, "exported", "exec"), scope)
    return scope["augment"]


def pipelines(library):
    """Every operation that has an equal there, always applied, at its default and at the ends of each of its knobs; and every preset."""
    for key, entry in OPS.items():
        if getattr(entry, library):
            for knob in entry.knobs:
                for value in {repr(v): v for v in (knob.default, *knob.extremes())}.values():
                    chance = {} if entry.is_policy else {"p": 1.0}
                    yield pytest.param(edit_add(Pipeline(), key, {**chance, knob.key: value}), id=f"{key}-{knob.key}-{value}")
            if not entry.knobs:
                yield pytest.param(edit_add(Pipeline(), key), id=key)
    for key, preset in PIPELINES.items():
        yield pytest.param(preset.pipeline, id=f"preset {key}")


@pytest.mark.parametrize("pipeline", list(pipelines("torchvision")))
def test_torchvisions_code_runs(pipeline):
    torch.manual_seed(0)
    made = executed(to_torchvision(pipeline))(TENSOR)
    assert made.dtype == torch.uint8 and made.ndim == 3 and len(made) == 3


@pytest.mark.parametrize("pipeline", list(pipelines("albumentations")))
def test_albumentations_code_runs(pipeline):
    pytest.importorskip("albumentations", reason="optional: pip install -r tests/requirements.txt")
    made = executed(to_albumentations(pipeline))(image=PIXELS)["image"]
    assert made.dtype == np.uint8 and made.ndim == 3 and made.shape[2] == 3


def test_chances_are_kept_and_what_is_missing_is_named():
    pipeline = edit_add(edit_add(Pipeline(seed=9), "RandomRotation", {"p": 0.25}), "RandomRain")
    code = to_torchvision(pipeline)
    assert "v2.RandomApply([v2.RandomRotation((-15.0, 15.0)" in code and "], 0.25)" in code
    assert "# RandomRain has no equal here: left out" in code and "# RandomRain" in to_albumentations(pipeline)
    assert "manual_seed(9)" in code and "seed=9" in to_albumentations(pipeline)


def test_enough_of_the_table_has_equals():
    assert sum(bool(entry.torchvision) for entry in OPS.values()) >= 20
    assert sum(bool(entry.albumentations) for entry in OPS.values()) >= 20
