"""Every script that the app exports runs from a clean folder, with nothing but the packages it is said to need and without vpc2.

That it computes what the page computed is for the tests of each subject; the script of a run has `training/export/test_script_law.py`.
"""

import ast
import io
import json
import re
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.forked import run_forked
from vpc2.augment.export import kornia_code as augment_code
from vpc2.augment.presets import PIPELINES
from vpc2.codec import to_document
from vpc2.nets.export import pytorch_code as nets_code
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.summary.summarise import summarise
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.export.bundle import to_script, to_zip
from vpc2.predict.export.tta_script import SCRIPT_NAME, WEIGHTS_NAME
from vpc2.predict.opening import open_classifier
from vpc2.predict.pretrained.backbone import build_backbone
from vpc2.predict.pretrained.catalog import BACKBONES, PRETRAINED
from vpc2.predict.spec import Backbone
from vpc2.predict.tta.merges import MERGES
from vpc2.predict.tta.predict import merge, predict_views
from vpc2.rng import drawing

VIEWS = ("identity", "flip_horizontal", "brighter")
MAX_PARAMS = 2_000_000  # of a preset's net: what larger ones add is time
# What a script of each page is said to need on that page; Judge's says it itself.
NEEDS = {"augment": {"torch", "kornia", "numpy", "PIL"}, "build": {"torch"}}

_DRIVER = """
import contextlib, io, json, runpy, sys

class Refuse:  # whoever asks for the project finds nothing
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("vpc2", "streamlit"):
            raise ImportError(name + " is not to be had here")

sys.meta_path.insert(0, Refuse())
found = {}
for name, arguments, asks in json.load(sys.stdin):
    sys.argv = [name, *arguments]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        scope = runpy.run_path(name, run_name="__main__")
    found[name] = {"said": said.getvalue(), "asked": [part.tolist() for part in scope["predict"](arguments[0])] if asks else None}
print(json.dumps(found))
"""


@dataclass
class Folder:
    """A clean folder with scripts in it."""

    path: Path
    jobs: list = field(default_factory=list)

    def add(self, name: str, text: str, *arguments: str, asks: bool = False) -> str:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text)
        self.jobs.append((name, arguments, asks))
        return name

    def execute(self) -> dict:
        done = run_forked(_DRIVER, stdin=json.dumps(self.jobs), cwd=self.path, is_isolated=True, timeout=280)
        assert not done.returncode, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "clean"
    place.mkdir()
    pixels = np.random.default_rng(1).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((300, 200)).save(place / "photo.png")
    return Folder(place)


def imported(text: str) -> set[str]:
    """Return the packages a script imports, but for the standard library's."""
    nodes = list(ast.walk(ast.parse(text)))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names


def stated(text: str) -> set[str]:
    """Return the words of the sentence in which a script says what it needs, by the names they are imported under."""
    line = re.search(r"^Needs ([^\n]*)", ast.get_docstring(ast.parse(text)), re.MULTILINE)[1]
    return set(re.findall(r"\w+", line.replace("Pillow", "PIL")))


def test_pipelines(folder):
    for key, entry in PIPELINES.items():
        text = augment_code.to_code(entry.pipeline)
        assert imported(text) <= NEEDS["augment"]
        folder.add(f"{key}.py", text, "photo.png")
    folder.execute()
    assert len(list(folder.path.glob("photo_*.png"))) == 4


def test_nets(folder):
    for key, entry in NETS.items():
        text = nets_code.to_code(entry.net)
        assert imported(text) == NEEDS["build"]
        if summarise(entry.net).params <= MAX_PARAMS:
            folder.add(f"{key}.py", text)
    for name, found in folder.execute().items():
        shape = tuple(summarise(NETS[name.removesuffix(".py")].net).output)
        assert found["said"].strip() == f"torch.Size({[1, *shape]})"


def trained(key: str) -> Classifier:
    """Return a classifier with a preset's net; its norms know other statistics than fresh ones."""
    net = NETS[key].net
    with drawing(4):
        module = build_net(net)
        for value in module.state_dict().values():
            if value.is_floating_point():
                value.add_(0.05 * torch.rand(value.shape))
    channels, side, _width = net.input
    means = Preprocessing(side, (0.4,) * channels, (0.3,) * channels, channels)
    classes = tuple(f"class '{i}'" for i in range(summarise(net).output[0]))
    return Classifier(module, means, classes, {"net": to_document(net)})


def hold(folder, classifiers: dict[str, tuple[Classifier, str]], atol: float) -> None:
    """Execute the scripts, one folder a classifier, and hold their answers against the page's."""
    found = folder.execute()
    for name, (classifier, how) in classifiers.items():
        images = classifier.prepare([np.asarray(Image.open(folder.path / "photo.png"))])
        plain, merged = (torch.tensor(part) for part in found[name]["asked"])
        torch.testing.assert_close(plain, classifier.probabilities(images)[0], atol=atol, rtol=0)
        torch.testing.assert_close(merged, merge(predict_views(classifier, images, VIEWS), how)[0], atol=atol, rtol=0)


def packed(folder, name: str, classifier: Classifier, how: str) -> str:
    with zipfile.ZipFile(io.BytesIO(to_zip(classifier, VIEWS, how))) as archive:
        archive.extractall(folder.path / name)
    text = (folder.path / name / SCRIPT_NAME).read_text()
    assert imported(text) <= stated(text)
    return folder.add(f"{name}/{SCRIPT_NAME}", text, "photo.png", asks=True)


def is_classifier(key: str) -> bool:
    summary = summarise(NETS[key].net)
    return summary.params <= MAX_PARAMS and len(summary.output) == 1 and NETS[key].net.input[1] == NETS[key].net.input[2]


def test_views_of_trained_nets(folder):
    hows = list(MERGES)
    made = {}
    for i, key in enumerate(key for key in NETS if is_classifier(key)):
        how = hows[i % len(hows)]
        classifier = trained(key)
        made[packed(folder, key, classifier, how)] = (classifier, how)
    assert len(made) > len(hows)
    hold(folder, made, 2e-5)


def test_views_of_pretrained_nets_with_a_new_head(folder, stand_in_weights):
    made = {}
    for ready in BACKBONES:
        if ready != "imagenet":
            stand_in_weights(ready)
        with drawing(4):
            module = build_backbone(Backbone(ready), 3).eval()
        classifier = Classifier(
            module, Preprocessing(48, (0.4,) * 3, (0.3,) * 3, 3), ("a", "b", "c"), {"net": to_document(Backbone(ready))}
        )
        made[packed(folder, ready, classifier, "mean")] = (classifier, "mean")
    hold(folder, made, 2e-5)


def test_views_of_ready_made_nets(folder, stand_in_weights):
    made = {}
    for key in PRETRAINED:
        if key != "imagenet":
            stand_in_weights(key)
        classifier = open_classifier(key)
        text = to_script(classifier, VIEWS, "mean", ready=key)
        assert imported(text) <= stated(text)
        made[folder.add(f"{key}.py", text, "photo.png", asks=True)] = (classifier, "mean")
    hold(folder, made, 1e-5)


def test_weights_that_are_missing_are_said_in_one_sentence(folder):
    name = packed(folder, "alone", trained("tiny"), "mean")
    (folder.path / "alone" / WEIGHTS_NAME).unlink()
    done = run_forked(folder.path / name, "photo.png", cwd=folder.path, is_isolated=True)
    assert done.returncode == 1 and done.stderr.startswith(f"{WEIGHTS_NAME} is missing: ") and done.stderr.count("\n") == 1
