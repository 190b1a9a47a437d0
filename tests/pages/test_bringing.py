"""Build page, tab Bring in: pasted code becomes the net on the page, a wrong size a problem with its repair, junk a refusal."""

import pytest

from tests.pages.test_pages import open_app, said
from vpc2.nets.presets import NETS
from vpc2.nets.summary.summarise import summarise

WRONG = """
import torch.nn as nn
net = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(9216, 10))  # 3 x 32 x 32
"""


@pytest.fixture
def page():
    at = open_app("build")
    at.session_state["build/tabs"] = "Bring in"
    return at.run()


def read(at, text):
    at.text_area(key="bring/code").set_value(text).run()
    at.button(key="bring/read").click().run()
    assert not at.exception, at.exception[0].stack_trace
    return at


def metric(at):
    return at.metric[0].value


def test_a_wrong_length_is_a_red_layer_whose_button_mends_it(page):
    at = read(page, WRONG)
    assert any("9,216" in error.value and "1,568" in error.value for error in at.error)
    at.session_state["net/selected"] = "l5"
    at.run()
    linear = next(button for button in at.button if button.label == "Change it to 1,568")
    linear.click().run()
    assert not at.error and metric(at) == f"{5 * 5 * 3 * 8 + 8 + 1568 * 10 + 10:,}"


def test_nothing_pasted_is_answered_with_what_to_do(page):
    before = metric(page)
    at = read(page, "")
    assert "Paste some code first" in said(at) and metric(at) == before


def test_a_classifier_of_torchvision_comes_by_its_name(page):
    page.selectbox(key="bring/name").select("resnet18").run()
    page.button(key="bring/open").click().run()
    assert not page.exception, page.exception[0].stack_trace
    assert metric(page) == f"{summarise(NETS['resnet18'].net).params:,}"


@pytest.mark.parametrize(
    "text", ["import os\nos.system('touch {mark}')", "__import__('os').system('touch {mark}')", "for i in range(10**9): pass", "nn.LSTM(3"]
)
def test_code_is_refused_in_a_sentence_and_never_run(page, text, tmp_path):
    before, mark = metric(page), tmp_path / "ran"
    at = read(page, text.format(mark=mark))
    assert at.error and metric(at) == before
    assert not mark.exists()


def test_what_is_no_layer_is_named_by_its_line(page):
    at = read(page, "import torch.nn as nn\nnet = nn.Sequential(\n  nn.Conv2d(3, 8, 3),\n  nn.PixelShuffle(2),\n  nn.ReLU(),\n)")
    assert any("Line 4" in one.value and "PixelShuffle" in one.value for one in at.warning)


def test_a_net_without_layers_is_an_empty_canvas_and_no_traceback(page):
    page.session_state["slot/net"] = {
        "documents": [{"version": 1, "kind": "net", "name": "", "input": [3, 32, 32], "layers": []}],
        "at": 0,
        "generation": 5,
        "is_touched": True,
    }
    page.run()
    for tab in ("All layers", "Where the parameters are", "See it", "Compare", "Bring in", "Take home"):
        page.session_state["build/tabs"] = tab
        page.run()
        assert not page.exception, page.exception[0].stack_trace
    assert any("no layers" in error.value for error in page.error)


GOOD = "net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten())  # 3 x 32 x 32"


@pytest.mark.parametrize("later", ["os.system('x')", "", "   ", "nn.LSTM(3"])
def test_a_later_paste_that_is_not_read_ends_the_success_of_the_one_before(page, later):
    at = read(page, GOOD)
    assert any("Read whole" in one.value for one in at.success)
    at = read(at, later)
    assert not at.success and (at.error or any("Paste some code first" in one.value for one in at.info))


def test_a_refused_name_or_file_ends_the_success_of_the_paste_before(page, monkeypatch):
    from vpc2.text import Refusal, Text
    from vpc2.ui.build import import_net

    at = read(page, GOOD)
    at.file_uploader(key=f"open/bring/net/{at.session_state['opened/bring/net']}").upload("net.json", b"{", "application/json").run()
    assert not at.success and len(at.error) == 1
    at = read(at, GOOD + "\n")
    assert at.success and not at.error

    def refuse(name):
        raise Refusal(Text("No."))

    monkeypatch.setattr(import_net, "read_torchvision", refuse)
    at.selectbox(key="bring/name").select("resnet18").run()
    at.button(key="bring/open").click().run()
    assert not at.success and at.error
