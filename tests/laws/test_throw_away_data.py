"""Throw-away entries of the tables of data."""

import struct
from dataclasses import replace

import numpy as np
from PIL import Image

from tests.laws.throw_away import TITLE, WORDS, add, offers, throws_away, travels, widget
from tests.pages.test_pages import open_app, said
from tests.training.export.test_script_law import a_recipe
from tests.ui.pages import sent
from vpc2 import codec
from vpc2.data.datasets import DatasetEntry, TorchvisionSet, load_dataset
from vpc2.images.samples import SampleEntry, load_sample
from vpc2.labels import box
from vpc2.nets.spec import make_net
from vpc2.text import Text
from vpc2.training.trainer.trainer import fit


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


@throws_away(DATASETS=TorchvisionSet)
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


@throws_away(DATASETS=DatasetEntry)
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


@throws_away(SAMPLES=SampleEntry)
def test_a_sample_photograph(offer, tmp_path):
    """From a file, with a box around its only bright square."""
    pixels = np.zeros((60, 90, 3), np.uint8)
    pixels[12:24, 18:45] = 255
    Image.fromarray(pixels).save(tmp_path / "thrown.png")
    label = Text("the square"), box(18 / 90, 12 / 60, 45 / 90, 24 / 60)
    given = {"file": str(tmp_path / "thrown.png"), "credit": "Nobody", "licence": "CC0", "labels": (label,)}
    add(offer, "SAMPLES", SampleEntry(key="thrown", **given, **WORDS))
    assert np.array_equal(load_sample("thrown").pixels, pixels)
    for page in ("augment", "judge"):
        at = open_app(page)
        pills = widget(at, f"tray/{page}/0")
        assert TITLE.en in pills.options
        pills.set_value(["thrown"]).run()
        assert not at.exception and not at.error and widget(at, f"tray/{page}/0").value == ["thrown"]
    at = open_app("augment")
    at.session_state["augment/tabs"] = "Labels"
    widget(at, "tray/augment/0").set_value(["thrown"]).run()
    assert not at.exception and not at.error
    (editor,) = sent(at, "labels/")
    assert editor["labels"] == [{"kind": "box", "places": [0.2, 0.2, 0.5, 0.4], "name": "the square"}]
