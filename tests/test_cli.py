"""The same specs without a browser: what is printed, what is written, and how it refuses."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest

from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.cli import main
from vpc2.data.datasets import load_dataset
from vpc2.data.imageset import split_images
from vpc2.nets.presets import NETS
from vpc2.training.presets import RECIPES

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "assets" / "samples"


def printed(capsys, *arguments):
    """Return what a command printed; it must end well."""
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder made by the command line: the digits, trained for a moment, and the lines it printed."""
    folder = tmp_path_factory.mktemp("cli")
    recipe = codec.to_document(RECIPES["digits"].recipe)
    recipe["settings"]["epochs"] = 6
    (folder / "recipe.json").write_text(json.dumps(recipe))
    command = [sys.executable, "-m", "vpc2", "train", str(folder / "recipe.json"), "--out", str(folder / "run"), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return folder / "run", done.stdout


def test_summary_is_arithmetic_as_json(capsys):
    document = json.loads(printed(capsys, "summary", "alexnet", "--json"))
    assert document["params"] == 62_378_344
    first = document["layers"][0]
    assert (first["name"], first["kind"], first["output"], first["params"]) == ("conv1", "Conv2d", [96, 55, 55], 34_944)
    assert {"macs", "receptive_field"} <= first.keys()
    assert sum(layer["params"] for layer in document["layers"]) == document["params"]


@pytest.mark.parametrize("how", ["preset", "file", "link", "token"])
def test_a_net_may_be_named_saved_or_linked(capsys, tmp_path, how):
    net = NETS["lenet5"].net
    given = {"preset": "lenet5", "link": f"http://localhost:8501/build?s={codec.to_token(net)}", "token": codec.to_token(net)}.get(how)
    if how == "file":
        given = tmp_path / "net.json"
        given.write_text(codec.to_json(net))
    assert json.loads(printed(capsys, "summary", given, "--json"))["params"] == 61_706


def test_augment_writes_pictures_that_repeat_and_their_manifest(capsys, tmp_path):
    for place in ("a", "b"):
        printed(
            capsys,
            "augment",
            "basic",
            SAMPLES / "chelsea.jpg",
            SAMPLES / "rocket.jpg",
            "--draws",
            2,
            "--seed",
            7,
            "--out",
            tmp_path / place,
        )
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(names) == 5
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    with (tmp_path / "a" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * len(PIPELINES["basic"].pipeline.steps)
    assert {row["source"] for row in rows} == {"chelsea.jpg", "rocket.jpg"}
    assert {row["file"] for row in rows} == set(names) - {"manifest.csv"}
    assert all(isinstance(json.loads(row["values"]), dict) and row["seed"] == "7" for row in rows)


def test_train_streams_one_object_a_line_and_leaves_a_run(run):
    folder, out = run
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["n"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "start" and events[-1]["type"] == "end"
    assert events[-1]["state"] == "finished" and events[-1]["test_accuracy"] > 0.9
    assert {"spec.json", "events.jsonl", "model.safetensors", "tb"} <= {path.name for path in folder.iterdir()}


def test_evaluate_agrees_with_the_run(capsys, run, tmp_path):
    """The test pictures, written as files and read back through every door, give the accuracy that training reported."""
    settings = RECIPES["digits"].recipe.settings
    data = load_dataset("digits", settings["size_px"])
    test = split_images(data, settings["seed"], settings["train_share"]).test
    for i in test:
        folder = tmp_path / data.classes[data.labels[i]]
        folder.mkdir(exist_ok=True)
        Image.fromarray(data.images[i]).save(folder / f"{i}.png")
    document = json.loads(printed(capsys, "evaluate", run[0], tmp_path, "--tta", "no_mirror", "--json"))
    end = json.loads(run[1].splitlines()[-1])
    assert document["n"] == len(test)
    assert document["accuracy"] == pytest.approx(end["test_accuracy"])
    assert document["tta_accuracy"] - document["accuracy"] == pytest.approx((document["fixed"] - document["broken"]) / len(test))
    assert 0.02 < document["ms"] < 60_000 and 0.02 < document["tta_ms"] < 60_000  # milliseconds: no pass through a net takes less
    wanted = binomtest(round(document["accuracy"] * len(test)), len(test)).proportion_ci(method="wilson")
    assert document["accuracy_interval"] == pytest.approx([wanted.low, wanted.high])
    low, high = document["tta_accuracy_interval"]
    assert low < document["tta_accuracy"] < high
    said = printed(capsys, "evaluate", run[0], tmp_path)
    assert f"of {len(test)} (" in said and " to " in said


def test_predict_tells_view_by_view(capsys, tmp_path, run):
    lines = printed(
        capsys, "predict", run[0] / "model.safetensors", SAMPLES / "coffee.jpg", SAMPLES / "rocket.jpg", "--tta", "flip", "--json"
    )
    documents = [json.loads(line) for line in lines.splitlines()]
    assert [Path(document["file"]).name for document in documents] == ["coffee.jpg", "rocket.jpg"]
    for document in documents:
        assert [view["view"] for view in document["views"]] == ["identity", "flip_horizontal"]
        mean = np.mean(
            [{top["class"]: top["probability"] for top in view["top"]}.get(document["tta"]["class"], np.nan) for view in document["views"]]
        )
        assert document["tta"]["probability"] == pytest.approx(mean, abs=1e-5)


def test_the_net_that_knows_the_world_names_the_cup(capsys):
    document = json.loads(printed(capsys, "predict", "imagenet", SAMPLES / "coffee.jpg", "--json"))
    assert document["class"] == "espresso"


def test_check_tells_the_verdict_and_the_sentence(capsys, tmp_path):
    (tmp_path / "a.jpg").write_text("no picture")
    lines = printed(capsys, "check", tmp_path / "a.jpg", SAMPLES / "coffee.jpg", "--json", "--lang", "es").splitlines()
    first, second = map(json.loads, lines)
    assert (first["verdict"], first["kind"], second["verdict"]) == ("refuse", "photograph", "accept")
    assert "no es una imagen" in first["sentence"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["summary", "no-such-net"],
        ["summary", "{tmp}/broken.json"],
        ["summary", "http://localhost/build?s=junk"],
        ["augment", "no-such-pipeline", "{samples}/coffee.jpg", "--out", "{tmp}/out"],
        ["augment", "basic", "{tmp}/broken.json", "--out", "{tmp}/out"],
        ["augment", "basic", "{tmp}/missing.jpg", "--out", "{tmp}/out"],
        ["train", "no-such-recipe", "--out", "{tmp}/out"],
        ["evaluate", "{tmp}/none", "{samples}"],
        ["evaluate", "imagenet", "{tmp}/none"],
        ["evaluate", "imagenet", "{tmp}", "--tta", "no-such-view"],
        ["predict", "{tmp}/broken.json", "{samples}/coffee.jpg"],
        ["predict", "imagenet", "{tmp}/missing.jpg"],
        ["predict", "torchvision:no-such-net", "{samples}/coffee.jpg"],
        ["predict", "x" * 5000, "{samples}/coffee.jpg"],
        ["summary", "x" * 5000],
    ],
    ids=lambda arguments: " ".join(arguments)[:60],
)
def test_a_mistake_is_one_sentence_and_status_2(capsys, tmp_path, arguments):
    (tmp_path / "broken.json").write_text("{")
    filled = [argument.format(tmp=tmp_path, samples=SAMPLES) for argument in arguments]
    assert main(filled) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.strip().splitlines()) == 1 and "Traceback" not in err


@pytest.mark.parametrize("command", ["summary", "augment", "train", "evaluate", "predict", "check"])
def test_every_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit) as done:
        main([command, "--help"])
    assert done.value.code == 0
    assert len(capsys.readouterr().out) > 150


def test_summary_needs_neither_torch_nor_streamlit():
    """Milliseconds, not seconds: what only counts loads nothing heavy."""
    script = (
        "import sys, vpc2.cli; vpc2.cli.main(['summary', 'vgg16', '--json']); "
        "assert not {'torch', 'numpy', 'streamlit', 'kornia'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)
