"""One literal in one table, with its function beside it where one is needed: a throw-away entry of each kind does all that the app does.

The entry is added while the test runs; nothing else is told of it. It is offered in the form, drawn by its page, trained with for some
steps, written into a script that is executed, sent as a link, and read back.
"""

import ast
import importlib.util
import runpy
import struct
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.laws import test_catalogs as laws
from tests.laws.catalogs import catalogs
from tests.pages.test_pages import open_app, said
from tests.training.export.test_script_law import a_recipe, check
from vpc2 import codec
from vpc2.augment.export.kornia_code import to_code as pipeline_to_code
from vpc2.augment.operations.operation import Operation
from vpc2.augment.pipeline import augment_batch, film_draw
from vpc2.augment.presets import PipelinePreset
from vpc2.augment.spec import Pipeline, edit_mix
from vpc2.augment.spec import edit_add as add_step
from vpc2.data.datasets import DatasetEntry, TorchvisionSet, load_dataset
from vpc2.knobs import Number
from vpc2.nets.export.pytorch_code import to_code as net_to_code
from vpc2.nets.layers.branch_recognition import BlockMatch
from vpc2.nets.layers.kind import Block, LayerKind
from vpc2.nets.presets import NETS, NetPreset
from vpc2.nets.spec import edit_add, make_net
from vpc2.nets.summary.csv_table import to_csv
from vpc2.nets.summary.summarise import summarise
from vpc2.nets.torch_reader.read_code import read_code
from vpc2.predict.adversarial.catalog import Attack
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.export.bundle import to_zip
from vpc2.predict.robustness.corruptions import Corruption
from vpc2.predict.tta.merges import Merge
from vpc2.predict.tta.predict import merge, predict_views
from vpc2.predict.tta.views import View, ViewSet
from vpc2.text import Text
from vpc2.training.optimisers import Optimiser
from vpc2.training.presets import RecipePreset
from vpc2.training.schedule import Schedule
from vpc2.training.spec import Recipe
from vpc2.training.trainer.trainer import fit
from vpc2.ui.home.lecture_map import LectureCard

TITLE, HELP = Text("Throw-away"), Text("Made for a test.")
WORDS = {"title": TITLE, "help": HELP}
STRENGTH = Number(key="strength", title=Text("Strength"), default=0.5, low=0.1, high=0.9, help=HELP)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function that writes a module into the app, as a newcomer would beside the table; it is gone after the test."""

    def module(name: str, text: str) -> None:
        path = tmp_path / f"{name.rpartition('.')[2]}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(name, path)
        made = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, made)
        spec.loader.exec_module(made)

    return module


def add(offer, catalog: str, entry):
    """Offer an entry and hold it against the law of its kind."""
    offer(catalogs()[catalog], entry)
    laws.test_an_entry_keeps_the_law_of_its_kind(catalog, entry)
    laws.test_the_knobs_of_an_entry_are_clean(catalog, entry)
    laws.test_what_an_entry_names_can_be_imported(catalog, entry)
    return entry


def opened(page, tab="", **session):
    """Return a page with one of its tabs open and what a visitor has chosen."""
    at = open_app(page)
    at.session_state[f"{page}/tabs"] = tab
    for key, value in session.items():
        at.session_state[key] = value
    at.run()
    assert not at.exception and not at.error, at.exception or at.error
    return at


def widget(at, key):
    """Return the widget whose key ends so."""
    found = [one for kind in ("selectbox", "slider", "select_slider", "number_input", "button_group") for one in at.get(kind)]
    return next(one for one in found if one.key and one.key.endswith(key))


def offers(at, key, lang="en"):
    return any(TITLE.say(lang) in option for option in widget(at, key).options)


def travels(spec):
    """A link of it opens as it was, without a note."""
    back = codec.from_token(codec.to_token(spec))
    return back.spec == spec and not back.notes


# --- augment


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


def test_a_way_of_mixing(offer, tmp_path):
    add(offer, "MIXES", replace(catalogs()["MIXES"]["RandomMixUpV2"], key="ThrownMix", aliases=(), **WORDS))
    pipeline = edit_mix(Pipeline(), "ThrownMix")
    assert travels(pipeline)
    check(a_recipe(pipeline=pipeline), tmp_path / "run")
    compile(pipeline_to_code(pipeline), "pipeline.py", "exec")
    assert "Throw-away" in str(opened("augment", "Mix").main)


# --- nets


def follow(net, tmp_path):
    """Summarise, export, read back, train three steps (with the script) and look at a net in Build."""
    summary = summarise(net)
    assert summary.problem is None and travels(net)
    kinds = [facts.kind for facts in summary.walk()]
    code = net_to_code(net)
    read = read_code(code)
    assert not read.notes and [facts.kind for facts in summarise(read.spec).walk()] == kinds
    text = check(a_recipe(net=net, epochs=1), tmp_path / "run")
    at = open_app("build", s=codec.to_token(net))
    assert any(kinds[1] in line for line in to_csv(summary).splitlines())
    return code, text, at


def test_a_layer(offer, tmp_path):
    alpha = replace(STRENGTH, key="alpha")
    celu = LayerKind(key="CELU", target="torch.nn.CELU", function="celu", family="activation", stem="celu", knobs=(alpha,), **WORDS)
    add(offer, "LAYERS", celu)
    layers = ("Conv2d", {"out_channels": 6, "kernel_size": 3}), ("CELU", {"alpha": 0.7}), "Flatten", ("Linear", {"out_features": 4})
    net = make_net("thrown", (3, 16, 16), *layers)
    code, _text, at = follow(net, tmp_path)
    assert "nn.CELU(alpha=0.7)" in code
    at.session_state["net/selected"] = net.layers[1].id
    assert widget(at.run(), "/CELU/alpha").value == 0.7 and not at.exception
    called = code.partition("net = ")[0] + (
        "import torch.nn.functional as F\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.c = nn.Conv2d(3, 6, 3)\n    def forward(self, x):\n        return F.celu(self.c(x), 0.7)\nnet = Net()\n"
    )
    assert read_code(called).spec.layers[1].params == {"alpha": 0.7} and read_code(called).spec.layers[1].kind == "CELU"


def test_a_block(offer, write, tmp_path):
    """It multiplies what comes in by what its body makes of it, as a gated linear unit does."""
    write(
        "vpc2.nets.layers.thrown_away",
        """from torch import nn


class Gated(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return x * self.body(x)
""",
    )
    block = Block(
        join=lambda p, shape, outs: shape,
        sign="×",
        starter=lambda channels: ([("Conv2d", {"out_channels": channels, "kernel_size": 1}), ("Tanh", {})],),
        recognise=lambda branches: BlockMatch({}, [next(filter(None, branches))]) if () in map(tuple, branches) else None,
    )
    target = "vpc2.nets.layers.thrown_away.Gated"
    add(offer, "LAYERS", LayerKind(key="Gated", target=target, family="block", stem="gated", block=block, **WORDS))
    net = make_net("thrown", (3, 16, 16), ("Conv2d", {"out_channels": 6, "kernel_size": 3}))
    net = edit_add(edit_add(edit_add(net, "Gated", channels=6), "Flatten"), "Linear", {"out_features": 4})
    code, text, _at = follow(net, tmp_path)
    assert "class Gated(nn.Module)" in code and "class Gated(nn.Module)" in text


def test_a_net_preset(offer):
    add(offer, "NETS", NetPreset(key="thrown", build=lambda: replace(NETS["tiny"].net, name="Thrown"), **WORDS))
    at = open_app("build")
    assert offers(at, "net/preset/0")
    widget(at, "net/preset/0").select("thrown").run()
    assert not at.exception and at.metric[0].value == f"{summarise(NETS['tiny'].net).params:,}"
    assert TITLE.en in str(open_app("train").main)


# --- predict


def a_classifier():
    torch.manual_seed(2)
    net = NETS["tiny"].net
    from vpc2.nets.module import build_net

    module = build_net(net).eval()
    with torch.no_grad():
        module[-1].weight.mul_(8)
    means = Preprocessing(16, (0.4,) * 3, (0.3,) * 3, 3, "stretch")
    return Classifier(module, means, tuple("0123456789"), {"net": codec.to_document(net)})


def taken_home(views, how, tmp_path):
    """The script of a classifier, executed, answers as the app does."""
    import io
    import zipfile

    made = a_classifier()
    zipfile.ZipFile(io.BytesIO(to_zip(made, views, how))).extractall(tmp_path)
    text = (tmp_path / "tta.py").read_text()
    assert "vpc2" not in {name.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for name in node.names}
    pixels = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    _plain, merged = runpy.run_path(str(tmp_path / "tta.py"))["predict"](tmp_path / "photo.png")
    images = made.prepare([pixels])
    torch.testing.assert_close(merged, merge(predict_views(made, images, views), how)[0], atol=2e-5, rtol=0)


def test_a_merge(offer, write, tmp_path):
    write(
        "vpc2.predict.tta.thrown_away",
        "import torch\n\nSHARE = 0.5\n\n\ndef trimmed(logits):\n    shares = logits.softmax(-1)\n"
        "    kept = SHARE * (shares.mean(0) + torch.median(shares, 0).values)\n    return kept / kept.sum(-1, keepdim=True)\n",
    )
    add(offer, "MERGES", Merge(key="trimmed", target="vpc2.predict.tta.thrown_away.trimmed", **WORDS))
    taken_home(("identity", "flip_horizontal", "brighter"), "trimmed", tmp_path)
    at = opened("judge", "Photographs", **{"judge/merge": "trimmed"})
    assert HELP.en in said(at) and TITLE.en in str(widget(at, "judge/merge").options)
    assert not opened("judge", "Take home", **{"judge/merge": "trimmed"}).exception


def test_a_view_and_a_set_of_views(offer, write, tmp_path):
    write(
        "vpc2.predict.tta.thrown_away",
        "def power(images, by):\n    return images.clamp(min=0) ** by\n\n\n"
        "def slid(height, width, by):\n    return [[1.0, 0.0, by * width], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]\n",
    )
    room, light = "vpc2.predict.tta.thrown_away", {"family": "light", "is_geometric": False}
    add(offer, "VIEWS", View(key="powered", target=f"{room}.power", params={"by": 2.0}, **light, **WORDS))
    add(offer, "VIEWS", View(key="slid", target=f"{room}.slid", params={"by": 0.25}, family="shift", **WORDS))
    add(offer, "VIEW_SETS", ViewSet(key="thrown", views=("identity", "powered", "slid"), **WORDS))
    taken_home(("identity", "powered", "slid"), "mean", tmp_path)
    at = open_app("judge", views="powered,slid")
    assert str(at.main).count(TITLE.en) >= 2


def test_an_attack(offer, write, tmp_path):
    write(
        "vpc2.predict.adversarial.thrown_away",
        "from vpc2.predict.adversarial.gradient_steps import loss_gradient\n\n\n"
        "def lighten(asked, images, labels, norm, steps, epsilon, *, is_targeted=False, seed=0, first=0, gradient_of=None):\n"
        "    gradient = (gradient_of or loss_gradient)(asked, images, labels)\n"
        "    return (images + (-1 if is_targeted else 1) * epsilon * gradient.sign()).clamp(0, 1)\n",
    )
    target = "vpc2.predict.adversarial.thrown_away.lighten"
    add(offer, "ATTACKS", Attack(key="lighten", target=target, norm="linf", epsilons=(0.01, 0.02), **WORDS))
    text = check(a_recipe(adversary="lighten", adversary_epsilon=0.02), tmp_path / "run")
    assert "def lighten(" in text and travels(a_recipe(adversary="lighten"))
    at = opened("judge", "Attacks", **{"attack/which": "lighten"})
    assert HELP.en in said(at) and offers(at, "attack/which")
    assert TITLE.en in str(open_app("train").main)


def test_a_corruption(offer, write):
    write("vpc2.predict.robustness.thrown_away", "def fade(images, percent, seed):\n    return images * (1 - percent / 100)\n")
    target = "vpc2.predict.robustness.thrown_away.fade"
    add(offer, "CORRUPTIONS", Corruption(key="fade", target=target, family="light", strengths=(0, 50, 90), unit=" %", **WORDS))
    at = opened("judge", "Robustness", **{"endure/which": "fade"})
    assert offers(at, "endure/which") and HELP.en in said(at)


# --- data


def follow_dataset(key, tmp_path):
    """Load, train three steps and look at a data set in Train."""
    net = make_net(
        "thrown", (3, 16, 16), ("Conv2d", {"out_channels": 6, "kernel_size": 3}), "GlobalAvgPool", ("Linear", {"out_features": 2})
    )
    recipe = replace(a_recipe(net=net, epochs=1, batch_size=8), dataset=key)
    told = []
    fit(recipe, told.append)
    assert told[-1]["state"] == "finished" and sum(event["type"] == "step" for event in told) >= 3
    at = open_app("train", s=codec.to_token(recipe))
    assert not at.error and travels(recipe) and f"### {TITLE.en}" in said(at)
    assert offers(at, "dataset") or any(TITLE.en in box.options for box in at.selectbox)
    return load_dataset(key)


def test_a_data_set_of_torchvision(offer, tmp_path, monkeypatch):
    """KMNIST, as torchvision unpacks it, with sixty small pictures."""
    monkeypatch.setenv("VPC2_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "KMNIST" / "raw"
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (60, 28, 28), dtype=np.uint8)
    labels = np.arange(60, dtype=np.uint8) % 2
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, *images.shape) + images.tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, len(labels)) + labels.tobytes())
    size = {"size_px": 28, "channels": 1, "classes": ("o", "ki"), "licence": "CC BY-SA 4.0"}
    add(offer, "DATASETS", TorchvisionSet(key="kmnist", torchvision="KMNIST", folder="KMNIST", archives_mb=21.0, **size, **WORDS))
    data = follow_dataset("kmnist", tmp_path)
    assert np.array_equal(data.images[..., 0], images) and np.array_equal(data.labels, labels)


def test_a_data_set_with_a_reader_of_its_own(offer, write, tmp_path):
    write(
        "vpc2.data.thrown_away",
        "import numpy as np\n\nfrom vpc2.data.imageset import ImageSet\n\n\ndef load(key, size_px):\n"
        "    images = np.random.default_rng(0).integers(0, 256, (60, size_px, size_px, 3), dtype=np.uint8)\n"
        '    return ImageSet(images, np.arange(60) % 2, ("even", "odd"))\n',
    )
    given = {"classes": ("even", "odd"), "size_px": 16, "licence": "MIT"}
    add(offer, "DATASETS", DatasetEntry(key="thrown", target="vpc2.data.thrown_away:load", **given, **WORDS))
    follow_dataset("thrown", tmp_path)


# --- training


def test_an_optimiser(offer, tmp_path):
    settings = (("lr", "learning_rate"), ("weight_decay", "weight_decay"))
    add(offer, "OPTIMISERS", Optimiser(key="thrown", target="torch.optim.Adagrad", settings=settings, **WORDS))
    recipe = a_recipe(optimiser="thrown")
    assert "torch.optim.Adagrad(" in check(recipe, tmp_path / "run") and travels(recipe)
    at = open_app("train", s=codec.to_token(recipe))
    assert widget(at, "/optimiser").value == "thrown" and offers(at, "/optimiser")
    assert not [one for one in at.slider if one.key.endswith("/momentum")]  # it takes none


def test_a_schedule(offer, write, tmp_path):
    write("vpc2.training.thrown_away", "POWER = 0.9\n\n\ndef poly(progress):\n    return (1 - progress) ** POWER\n")
    from vpc2.training import thrown_away

    add(offer, "SCHEDULES", Schedule(key="thrown", factor=thrown_away.poly, **WORDS))
    recipe = a_recipe(schedule="thrown")
    assert "POWER = 0.9" in check(recipe, tmp_path / "run") and travels(recipe)
    at = open_app("train", s=codec.to_token(recipe))
    assert widget(at, "/schedule").value == "thrown" and offers(at, "/schedule")


def test_a_recipe_preset_and_a_pipeline_preset(offer):
    recipe = Recipe("digits", NETS["tiny"].net, None, a_recipe().settings, "thrown")
    add(offer, "RECIPES", RecipePreset(key="thrown", recipe=recipe, **WORDS))
    at = open_app("train")
    assert offers(at, "recipe/preset/0")
    widget(at, "recipe/preset/0").select("thrown").run()
    assert not at.exception and widget(at, "/dataset").value == "digits"
    pipeline = add_step(Pipeline(name="thrown"), "RandomSolarize", {})
    add(offer, "PIPELINES", PipelinePreset(key="thrown", pipeline=pipeline, **WORDS))
    at = open_app("augment")
    assert offers(at, "pipeline/preset/0")
    widget(at, "pipeline/preset/0").select("thrown").run()
    assert not at.exception and [one.key for one in at.slider if "/RandomSolarize/" in one.key]


# --- the lecture


def test_a_card(offer):
    card = add(offer, "CARDS", LectureCard(key="thrown", page="build", example="tiny", pair="5x5-3x3", **WORDS))
    at = open_app("home")
    assert f"**{TITLE.en}**" in said(at) and HELP.en in said(at)
    at = open_app("build", **laws.lecture_map.link_parameters(card))
    assert not at.error and at.metric[0].value == f"{summarise(NETS['tiny'].net).params:,}"
