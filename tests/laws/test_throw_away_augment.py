"""Throw-away entries of the tables of augment."""

from dataclasses import replace

import torch

from tests.laws.catalogs import catalogs
from tests.laws.throw_away import HELP, STRENGTH, TITLE, WORDS, add, offers, opened, throws_away, travels, widget
from tests.pages.test_pages import open_app, said
from tests.training.export.test_script_law import a_recipe, check
from vpc2 import codec
from vpc2.augment.export.kornia_code import to_code as pipeline_to_code
from vpc2.augment.library_comparison import Match
from vpc2.augment.mixes import Mix
from vpc2.augment.operations.operation import Operation
from vpc2.augment.pipeline import augment_batch, film_draw
from vpc2.augment.presets import PipelinePreset
from vpc2.augment.spec import Pipeline, edit_mix
from vpc2.augment.spec import edit_add as add_step


@throws_away(OPS=Operation)
def test_an_operation(offer, write, tmp_path):
    write(
        "vpc2.augment.custom.thrown_away",
        """import kornia.augmentation as K
from kornia.augmentation.random_generator import PlainUniformGenerator


class RandomThrown(K.IntensityAugmentationBase2D):
    def __init__(self, strength=0.5, p=0.5):
        super().__init__(p=p)
        self.strength, self._param_generator = strength, PlainUniformGenerator(((0.5, 1.0), "by", None, None))

    def apply_transform(self, input, params, flags, transform=None):
        return input * (1 - self.strength * params["by"].to(input).view(-1, 1, 1, 1))
""",
    )
    chance = next(iter(catalogs()["OPS"].values())).knob("p")
    target = "vpc2.augment.custom.thrown_away.RandomThrown"
    family = "colour"
    add(offer, "OPS", Operation(key="RandomThrown", target=target, family=family, knobs=(STRENGTH, chance), **WORDS))
    pipeline = add_step(Pipeline(), "RandomThrown", {"strength": 0.8, "p": 1.0})
    image = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(4))
    (draw,) = film_draw(pipeline, image, 1, "x")
    assert travels(pipeline) and not torch.equal(draw.image, image)
    script = {"__name__": "script"}
    exec(compile(pipeline_to_code(pipeline), "pipeline.py", "exec"), script)  # noqa: S102 - our own text
    assert torch.equal(script["augment"](image, 1, "x"), draw.image)
    assert torch.equal(augment_batch(pipeline, image[None], 3), augment_batch(pipeline, image[None], 3))
    check(a_recipe(pipeline=pipeline), tmp_path / "run")
    at = open_app("augment", s=codec.to_token(pipeline))
    assert widget(at, "/strength").value == 0.8 and offers(open_app("augment"), "pipeline/add/0")


@throws_away(MIXES=Mix)
def test_a_way_of_mixing(offer, tmp_path):
    add(offer, "MIXES", replace(catalogs()["MIXES"]["RandomMixUpV2"], key="ThrownMix", aliases=(), **WORDS))
    pipeline = edit_mix(Pipeline(), "ThrownMix")
    assert travels(pipeline)
    check(a_recipe(pipeline=pipeline), tmp_path / "run")
    compile(pipeline_to_code(pipeline), "pipeline.py", "exec")
    assert "Throw-away" in str(opened("augment", "Mix").main)


@throws_away(PIPELINES=PipelinePreset)
def test_a_pipeline_preset(offer):
    pipeline = add_step(Pipeline(name="thrown"), "RandomSolarize", {})
    add(offer, "PIPELINES", PipelinePreset(key="thrown", pipeline=pipeline, **WORDS))
    at = open_app("augment")
    assert offers(at, "pipeline/preset/0")
    widget(at, "pipeline/preset/0").select("thrown").run()
    assert not at.exception and [one.key for one in at.slider if "/RandomSolarize/" in one.key]


@throws_away(OPS=Operation, MATCHES=Match)
def test_a_match_of_libraries(offer):
    """A pipeline with the operation opens the tab at it; inverted, the pictures of both libraries are one."""
    chance = next(iter(catalogs()["OPS"].values())).knob("p")
    target, equal = "kornia.augmentation.RandomInvert", "v2.RandomInvert({p})"
    add(offer, "OPS", Operation(key="Thrown", target=target, family="colour", knobs=(chance,), torchvision=equal, **WORDS))
    add(offer, "MATCHES", Match(key="Thrown", title=TITLE, help=HELP))
    at = open_app("augment", s=codec.to_token(add_step(Pipeline(), "Thrown", {"p": 1.0})))
    at.session_state["augment/tabs"] = "Libraries"
    at.run()
    assert not at.exception and not at.error
    assert widget(at, "libraries/op").value == "Thrown" and offers(at, "libraries/op")
    assert "**torchvision v2**" in said(at) and "by 0.00 of 255 on average, by 0 at most" in said(at)
    at.button(key="libraries/time").click().run()
    assert not at.exception and list(at.table[0].value["Library"])
