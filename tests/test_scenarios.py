"""Every scenario of `tests/scenarios.py` names tests that are there, none of the manifest's is left out; and those without a place of
their own.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from tests.conftest import CORPUS_MAKER
from tests.corpus import picture
from tests.scenarios import SCENARIOS
from vpc2 import codec
from vpc2.augment.operations.catalog import OPS
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.text import Refusal
from vpc2.training.settings import SETTINGS

TESTS = Path(__file__).parent


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.key)
def test_a_scenario_has_tests(scenario):
    assert scenario.tests
    for test in scenario.tests:
        path, name = test.split("::")
        assert f"def {name}(" in (TESTS / path).read_text(), test


def test_no_scenario_of_the_manifest_is_left_out(tmp_path):
    assert len({one.key for one in SCENARIOS}) == len(SCENARIOS)
    if not CORPUS_MAKER.is_file():
        pytest.skip("the corpus of bad input is not beside the project: ../shared/tools/make_corpus.py")
    subprocess.run([sys.executable, str(CORPUS_MAKER), str(tmp_path)], check=True, capture_output=True, timeout=200)
    wanted = {entry["id"] for entry in json.loads((tmp_path / "manifest.json").read_text()) if not entry.get("path")}
    assert wanted == {one.key for one in SCENARIOS}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("learning_rate", value) for value in (0, -1, float("nan"), float("inf"), "0.1", None, True)),
        *(("epochs", value) for value in (10**9, 0, -1, 1.5, "3")),
        *(("batch_size", value) for value in (0, -4, 10**9)),
        *(("budget_s", value) for value in (0, 10**9, float("nan"))),
    ],
)
def test_a_setting_that_is_none_is_refused_by_its_name(name, value):
    with pytest.raises(Refusal) as refused:
        SETTINGS.clean({name: value})
    title = next(knob.title for knob in SETTINGS.knobs if knob.key == name)
    assert title.en.lower() in refused.value.text.en.lower() and title.say("es").lower() in refused.value.text.say("es").lower()


@pytest.mark.parametrize(("channels", "size"), [(3, 32), (1, 28)])
def test_a_photograph_of_any_size_and_colour_is_prepared_as_in_training(channels, size):
    """The net sees what Pillow's own resizing to a square gives, grey by the weights of BT.601 where it has one channel."""
    from PIL import Image

    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(channels * size * size, 2))
    classifier = Classifier(net, Preprocessing(size, (0.0,) * channels, (1.0,) * channels, channels), ("a", "b"))
    photo = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    images = classifier.prepare([photo])
    wanted = np.asarray(Image.fromarray(photo).resize((size, size), Image.Resampling.BILINEAR), np.float32) / 255
    assert np.abs(images[0].permute(1, 2, 0).numpy() - wanted).max() < 1e-6
    given = torch.from_numpy(wanted).permute(2, 0, 1)[None]
    if channels == 1:
        given = (given * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    torch.testing.assert_close(classifier.logits(images), net(given), atol=1e-5, rtol=0)


def test_a_net_left_in_training_mode_answers_twice_alike():
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Dropout(0.5), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 3)
    )
    classifier = Classifier(net.train(), Preprocessing(8, (0.0,) * 3, (1.0,) * 3), ("a", "b", "c"))
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(classifier.logits(images), classifier.logits(images))


def test_a_link_cannot_ask_for_more_than_a_knob_can():
    document = {"version": 1, "kind": "pipeline", "steps": [{"id": "a", "op": "RandomRain", "params": {"number_of_drops": [1, 10**9]}}]}
    assert "RandomRain" in OPS
    with pytest.raises(Refusal) as refused:
        codec.from_json(json.dumps(document))
    assert re.search(r"between|entre", refused.value.text.en)


def _tray():
    """A page with nothing but the tray, and a thousand pictures dropped one after another."""
    import streamlit as st

    from tests.corpus import picture
    from vpc2.ui.widgets import photo_picker

    for i in range(1000):
        photo_picker.add_photo(picture(size=(8 + i % 40, 8 + i // 40)), f"{i}.png")
    st.session_state["sizes"] = [
        len(photo_picker.own_photos()),
        sum(photo["pixels"].nbytes for photo in photo_picker.own_photos().values()),
    ]


def test_a_thousand_uploads_leave_a_dozen_photographs():
    assert picture(size=(9, 8)) != picture(size=(8, 9))
    at = AppTest.from_function(_tray, default_timeout=120).run()
    assert not at.exception
    count, size = at.session_state["sizes"]
    assert count == 12 and size < 12 * 100 * 100 * 3
