"""A net taken home in a real browser: files are written on the click, and are what they say."""

import csv
import io
from pathlib import Path

import onnx
import pytest

from vpc2.nets.presets import NETS
from vpc2.nets.summary.summarise import summarise

pytestmark = pytest.mark.browser


@pytest.fixture
def take(page, app_url, wait_idle):
    """Take a file home: open Build, its tab, and give a function that clicks a button and returns the bytes that come."""
    page.goto(f"{app_url}/build?lang=en")
    wait_idle(page)
    page.get_by_role("tab", name="Take home").click()
    wait_idle(page)

    def download(name: str) -> bytes:
        with page.expect_download(timeout=180_000) as coming:
            page.get_by_role("button", name=name).click()
        return Path(coming.value.path()).read_bytes()

    return download


def test_the_table_adds_up_to_what_the_page_says(page, take, screenshots):
    rows = list(csv.DictReader(io.StringIO(take("Table (CSV)").decode(), newline="")))
    params = sum(int(row["parameters"]) for row in rows if row["depth"] == "0")
    assert page.get_by_text(f"{params:,} parameters").count() >= 1
    screenshots("take")


def test_onnx_is_written_on_the_click_and_holds_every_weight(take):
    graph = onnx.load_from_string(take("ONNX"))
    onnx.checker.check_model(graph, full_check=True)
    weights = {one.name: list(one.dims) for one in graph.graph.initializer}
    assert weights["l1.weight"] == [24, 3, 3, 3]
    assert [one.name for one in graph.graph.output] == ["scores"]


def test_a_net_too_large_for_onnx_says_so_in_place_of_the_button(page, take, wait_idle):
    presets = page.get_by_role("combobox", name="Start from a net")
    presets.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # a list that opens while the page still scrolls closes again
    presets.click()
    presets.press_sequentially("VGG-16")
    page.get_by_role("option", name="VGG-16", exact=True).click()
    page.get_by_text("138,357,544").first.wait_for()
    wait_idle(page)
    assert page.get_by_text("at most 100 MB are written as ONNX here").count() == 1
    assert page.get_by_role("button", name="ONNX").is_disabled()
    lines = take("Table (CSV)").decode().splitlines()
    assert lines[-1].startswith(f"total,,total,,1000,,,,{summarise(NETS['vgg16'].net).params},")
