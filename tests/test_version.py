"""What saved a file stands in it, and nothing that is read depends on that; links say nothing of it."""

import ast
import json
import zipfile
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
import safetensors
import torch
import yaml
from streamlit.testing.v1 import AppTest

from vpc2 import codec
from vpc2.augment.export import kornia_code, other_libraries
from vpc2.augment.export.offline_dataset import Item, write_dataset
from vpc2.augment.labels.files import to_coco, to_yolo_yaml
from vpc2.augment.presets import PIPELINES
from vpc2.bundled_files import PACKAGE, resource
from vpc2.data import uploaded_sets
from vpc2.data.imageset import ImageSet
from vpc2.images.encode import to_jpeg
from vpc2.labels import box
from vpc2.nets.drawing.svg import to_svg
from vpc2.nets.export.onnx import to_onnx
from vpc2.nets.export.pytorch_code import to_code
from vpc2.nets.presets import NETS
from vpc2.nets.summary.summarise import summarise
from vpc2.predict.export.html_report import to_html
from vpc2.training.experiments.store import ExperimentStore
from vpc2.training.presets import RECIPES
from vpc2.training.runs.store import RunStore, read_run
from vpc2.training.spec import Experiment
from vpc2.training.trainer.checkpoint import read_checkpoint, write_checkpoint
from vpc2.version import APP, VERSION

SPECS = {"pipeline": PIPELINES["basic"].pipeline, "net": NETS["lenet5"].net, "recipe": RECIPES["digits"].recipe}


@pytest.mark.parametrize("kind", SPECS)
def test_a_saved_file_says_what_saved_it_and_opens_whatever_stands_there(kind):
    spec = SPECS[kind]
    document = json.loads(codec.to_json(spec))
    assert document["app"] == APP == f"vpc2 {VERSION}"
    for app in (APP, "vpc2 0.1.0", "vpc2 99.0", 7, None, {"a": [1]}):
        assert codec.from_json(json.dumps({**document, "app": app}), kind) == codec.Read(spec)
    del document["app"]
    assert codec.from_json(json.dumps(document), kind) == codec.Read(spec)


@pytest.mark.parametrize("kind", SPECS)
def test_links_and_digests_say_nothing_of_the_version(kind, monkeypatch):
    spec = SPECS[kind]
    link, digest = codec.to_token(spec), codec.digest(spec)
    monkeypatch.setattr(codec, "APP", "vpc2 99.0")
    assert (codec.to_token(spec), codec.digest(spec)) == (link, digest)
    assert "99.0" in codec.to_json(spec) and "app" not in codec.to_document(spec)


def test_runs_and_experiments_say_what_made_them_and_those_of_before_open():
    store = RunStore()
    run = store.create(RECIPES["digits"].recipe, name="mine", owner="me")
    path = run.folder / "spec.json"
    document = json.loads(path.read_text())
    assert document.pop("app") == APP
    path.write_text(json.dumps(document))
    assert read_run(run.folder) == run
    filed = ExperimentStore(store).create(Experiment(RECIPES["hands"].recipe, RECIPES["hands-augmented"].recipe), "me")
    path = store.home / "experiments" / filed.id / "experiment.json"
    document = json.loads(path.read_text())
    assert document.pop("app") == APP
    path.write_text(json.dumps(document))
    assert ExperimentStore(store).get(filed.id) == filed


def test_a_checkpoint_says_what_wrote_it(tmp_path):
    write_checkpoint(tmp_path, {"w": torch.ones(2)}, {"epoch": 3})
    (path,) = tmp_path.iterdir()
    with safetensors.safe_open(path, "pt") as file:
        assert file.metadata()["app"] == APP
    assert read_checkpoint(tmp_path)[1]["epoch"] == 3


def test_an_own_data_set_says_what_made_it():
    pictures = np.arange(20 * 8 * 8 * 3, dtype=np.uint8).reshape(20, 8, 8, 3)
    entry = uploaded_sets.keep(ImageSet(pictures, np.arange(20) % 2, ("a", "b")), "mine", "me")
    assert json.loads((uploaded_sets.own_folder(entry.key) / uploaded_sets.OWN_ABOUT).read_text())["app"] == APP


SCRIPTS = {
    "net": lambda: to_code(NETS["lenet5"].net),
    "kornia": lambda: kornia_code.to_code(PIPELINES["basic"].pipeline),
    "torchvision": lambda: other_libraries.to_torchvision(PIPELINES["basic"].pipeline),
    "albumentations": lambda: other_libraries.to_albumentations(PIPELINES["basic"].pipeline),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_first_line_of_a_script_says_what_made_it(name):
    script = SCRIPTS[name]()
    assert script.startswith(f"# Made with {APP}.\n")
    ast.parse(script)


def test_labels_pictures_reports_and_archives_say_what_made_them():
    assert json.loads(to_coco([box(0.1, 0.1, 0.5, 0.5)], "a.jpg", 40, 40))["info"] == {"contributor": APP}
    described = to_yolo_yaml(["cat", "dog"])
    assert APP in described.splitlines()[0] and yaml.safe_load(described)["names"] == {0: "cat", 1: "dog"}
    net = NETS["lenet5"].net
    svg = to_svg(summarise(net), net.input)
    assert f"<!-- {APP} -->" in svg
    ElementTree.fromstring(svg)
    assert f'<meta name="generator" content="{APP}">' in to_html("a", [])
    file = BytesIO()
    image = torch.zeros(3, 16, 16)
    write_dataset(file, PIPELINES["basic"].pipeline, [Item("a", "x", lambda: image)], [1], to_jpeg)
    with zipfile.ZipFile(file) as archive:
        assert archive.comment.decode() == APP and archive.testzip() is None


@pytest.mark.slow
def test_an_onnx_file_says_what_made_it():
    model = onnx.load_model_from_string(to_onnx(NETS["lenet5"].net))
    assert {entry.key: entry.value for entry in model.metadata_props}["app"] == APP
    onnx.checker.check_model(model)


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("name", ["home", "build"])
def test_the_foot_of_a_page_says_the_version(name, lang):
    at = AppTest.from_file(str(PACKAGE / "ui" / "app.py"), default_timeout=60)
    at.query_params["lang"] = lang
    at.run()
    if name != "home":
        at.switch_page(str(resource("pages", f"{name}.py"))).run()
    assert not at.exception and at.caption[-1].value == APP
