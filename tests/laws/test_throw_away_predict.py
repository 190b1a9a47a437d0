"""Throw-away entries of the tables of predict."""

import ast
import runpy

import numpy as np
import torch
from PIL import Image

from tests.laws.throw_away import HELP, TITLE, WORDS, add, offers, opened, throws_away, travels, widget
from tests.pages.test_pages import open_app, said
from tests.training.export.test_script_law import a_recipe, check
from vpc2 import codec
from vpc2.nets.presets import NETS
from vpc2.predict.adversarial.catalog import Attack
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.export.bundle import to_zip
from vpc2.predict.opening import open_classifier
from vpc2.predict.pretrained.catalog import ModuleCode, Pretrained
from vpc2.predict.robustness.corruptions import Corruption
from vpc2.predict.spec import Backbone
from vpc2.predict.tta.merges import Merge
from vpc2.predict.tta.predict import merge, predict_views
from vpc2.predict.tta.views import View, ViewSet


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


@throws_away(MERGES=Merge)
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


@throws_away(VIEWS=View, VIEW_SETS=ViewSet)
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


@throws_away(ATTACKS=Attack)
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


@throws_away(CORRUPTIONS=Corruption)
def test_a_corruption(offer, write):
    write("vpc2.predict.robustness.thrown_away", "def fade(images, percent, seed):\n    return images * (1 - percent / 100)\n")
    target = "vpc2.predict.robustness.thrown_away.fade"
    add(offer, "CORRUPTIONS", Corruption(key="fade", target=target, family="light", strengths=(0, 50, 90), unit=" %", **WORDS))
    at = opened("judge", "Robustness", **{"endure/which": "fade"})
    assert offers(at, "endure/which") and HELP.en in said(at)


@throws_away(PRETRAINED=Pretrained)
def test_a_pretrained_classifier(offer, write, tmp_path):
    """It answers in Judge, its script is executed, and it is a backbone to train on, whose script is executed as well."""
    layers = "nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4))"
    torch.manual_seed(3)
    made = eval(layers, {"nn": torch.nn})  # noqa: S307 - our own text
    torch.save(made.state_dict(), tmp_path / "thrown.pth")
    weights = f"torch.load({str(tmp_path / 'thrown.pth')!r}, weights_only=True)"
    write(
        "vpc2.predict.pretrained.thrown_away",
        "import torch\nfrom torch import nn\n\nfrom vpc2.predict.classifier import Classifier, Preprocessing\n\n\n"
        f"def bare(entry, report=None, *, has_weights=True):\n    with torch.device('meta'):\n        module = {layers}\n"
        f"    if has_weights:\n        module.load_state_dict({weights}, assign=True)\n    return module\n\n\n"
        "def load(entry, report=None):\n    how = Preprocessing(32, entry.mean, entry.std, 3, 'stretch')\n"
        "    return Classifier(bare(entry).eval(), how, ('ant', 'bee', 'cat', 'dog'), {'pretrained': entry.key}, entry.title.en)\n",
    )
    room, imports = "vpc2.predict.pretrained.thrown_away", "from torch import nn"
    code = ModuleCode(needs="nothing else", imports=imports, build=layers, weight_imports=imports, weights=weights)
    trunk = {"head": "4", "features": 5, "trunk_params": 140, "activation_bytes_px": 60}
    add(offer, "PRETRAINED", Pretrained(key="thrown", target=f"{room}.load", module=f"{room}.bare", module_code=code, **trunk, **WORDS))

    at = open_app("judge", classifier="thrown", views="identity,flip_horizontal")
    assert offers(at, "judge/choose/0") and widget(at, "judge/choose/0").value == "thrown"
    assert "4 classes; pictures of 32 × 32 px." in said(at)
    at.session_state["judge/tabs"] = "Take home"
    script = at.run().code[-1].value
    assert "vpc2" not in [name.name for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Import) for name in node.names]
    (tmp_path / "tta.py").write_text(script)
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    plain, merged = runpy.run_path(str(tmp_path / "tta.py"))["predict"](tmp_path / "photo.png")
    classifier = open_classifier("thrown")
    images = classifier.prepare([pixels])
    torch.testing.assert_close(plain, classifier.probabilities(images)[0], atol=2e-5, rtol=0)
    wanted = merge(predict_views(classifier, images, ("identity", "flip_horizontal")), "mean")[0]
    torch.testing.assert_close(merged, wanted, atol=2e-5, rtol=0)

    for is_frozen in (True, False):
        recipe = a_recipe(Backbone("thrown", is_frozen), size_px=32, epochs=1, batch_size=12)
        assert travels(recipe)
        check(recipe, tmp_path / f"run, {is_frozen}")
    at = open_app("train", s=codec.to_token(recipe))
    assert not at.error and offers(at, "/net") and "thrown" in widget(at, "/net").value
