"""Every part of Judge in a real browser, on two nets that were trained before: digits, with convolutions and without."""

import csv
import re

import pytest

from tests.browser.conftest import IDLE, ROOT, serve
from vpc2.predict.robustness.corruptions import CORRUPTIONS
from vpc2.training.presets import RECIPES
from vpc2.training.queue.worker import train
from vpc2.training.runs.events import read_events
from vpc2.training.runs.store import RunStore

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def judged(tmp_path_factory, browser):
    """The address of a server where everybody sees two trained runs, and the runs: (address, convolutional, dense)."""
    folder = tmp_path_factory.mktemp("judged")
    store = RunStore(folder / "home")
    runs = [store.create(RECIPES[key].recipe, name=name) for key, name in (("digits", "conv"), ("digits-dense", "dense"))]
    assert [train(run) for run in runs] == ["finished", "finished"]
    with serve(ROOT / "streamlit_app.py", folder, VPC2_SHARED_RUNS="1") as address:
        yield address, *runs


@pytest.fixture
def judge(page, judged, wait_idle):
    """The Judge page with the convolutional run."""
    address, conv, _dense = judged
    page.set_default_timeout(60_000)
    page.goto(f"{address}/judge?lang=en&run={conv.id}")
    wait_idle(page)
    return page


def part(page, tab: str, wait_idle, inner: str | None = None) -> None:
    page.get_by_role("tab", name=tab).click()
    wait_idle(page)
    if inner:
        page.get_by_role("radio", name=inner).or_(page.get_by_role("button", name=inner, exact=True)).first.click()
        wait_idle(page)


def test_a_set_is_judged_and_the_best_few_views_are_planned_on_other_pictures(judge, wait_idle, screenshots):
    part(judge, "Test set", wait_idle)
    judge.get_by_role("button", name="Judge the test set").click()
    judge.get_by_text("The best few views").wait_for(timeout=120_000)
    wait_idle(judge)
    assert judge.get_by_text(re.compile("^Chosen on .* validation pictures")).count() == 1
    assert judge.get_by_text(re.compile("Searched on validation pictures, reported on test pictures")).count() == 1
    plain = judge.get_by_test_id("stMetricValue").first.inner_text()
    row = judge.get_by_test_id("stTable").last.locator("tr", has_text="Plain").first.inner_text()
    assert plain.split("\u00a0")[0] in row.replace("\u00a0", " "), "two places tell two accuracies"
    screenshots("judge-plan")


def test_the_whole_card_holds_two_nets_against_each_other(judge, wait_idle, screenshots, tmp_path):
    """The lecture's figure: a digit that moves is lost to the dense net first; the table says so, corruption by corruption."""
    part(judge, "Robustness", wait_idle)
    judge.get_by_label("Beside it").scroll_into_view_if_needed()
    judge.wait_for_timeout(300)  # a list that opens while the page scrolls closes again
    judge.get_by_label("Beside it").click()
    judge.get_by_role("option", name="dense").click()
    wait_idle(judge)
    judge.get_by_role("button", name="The whole card").click()
    judge.get_by_text(re.compile("^Weakest against")).wait_for(timeout=180_000)
    wait_idle(judge)
    with judge.expect_download() as coming:
        judge.get_by_role("button", name="Table as CSV").click()
    coming.value.save_as(tmp_path / "card.csv")
    rows = list(csv.DictReader((tmp_path / "card.csv").open()))
    assert {row["corruption"] for row in rows} == set(CORRUPTIONS)
    assert len(rows) == 2 * sum(len(entry.strengths) for entry in CORRUPTIONS.values())
    moved = {row["classifier"]: float(row["accuracy"]) for row in rows if (row["corruption"], float(row["strength"])) == ("shift", 15)}
    assert moved["1"] > moved["2"] + 0.2
    assert judge.locator(".js-plotly-plot").count() == len(CORRUPTIONS)
    screenshots("judge-card")


def test_a_data_set_is_a_map_whose_points_are_pictures(judge, wait_idle, screenshots):
    part(judge, "Look inside", wait_idle, "A data set as a map")
    plot = judge.locator(".js-plotly-plot").first
    plot.wait_for()
    box = plot.bounding_box()
    for method in ("PCA", "t-SNE"):
        judge.get_by_role("radio", name=method).or_(judge.get_by_role("button", name=method, exact=True)).first.click()
        wait_idle(judge)
        box = plot.bounding_box()
        judge.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.15 * box["height"])
        judge.mouse.down()
        judge.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.8 * box["height"], steps=8)
        judge.mouse.up()
        judge.get_by_text("Chosen", exact=True).wait_for(timeout=20_000)
        wait_idle(judge)
        assert 6 <= judge.locator("[class*=st-key-tile-map] img").count() <= 12
    screenshots("judge-map")


def test_a_patch_is_learned_and_stays_while_something_else_is_moved(judge, wait_idle, screenshots):
    part(judge, "Attacks", wait_idle, "Patch")
    judge.get_by_role("button", name="Learn the patch").click()
    tile = judge.locator(".st-key-tile-patch img")
    tile.wait_for(timeout=90_000)
    wait_idle(judge)
    screenshots("judge-patch")
    judge.get_by_label("Set of views").click()
    judge.get_by_role("option").nth(1).click()
    wait_idle(judge)
    assert tile.count() == 1
    part(judge, "Attacks", wait_idle, "One pixel")
    judge.get_by_role("button", name="Look for the pixel").click()
    judge.get_by_text(re.compile("^Row ")).first.wait_for(timeout=90_000)


def test_the_test_set_is_attacked(judge, wait_idle, screenshots):
    part(judge, "Attacks", wait_idle)
    judge.get_by_role("button", name="Attack the test set").click()
    judge.get_by_text(re.compile("Half of its accuracy is gone at epsilon|It keeps more than half")).wait_for(timeout=120_000)
    judge.wait_for_selector(IDLE)
    assert judge.get_by_text(re.compile("conv, in views")).count() >= 1
    screenshots("judge-attacked")


def test_filters_maps_and_a_kernel_of_ones_own(judge, wait_idle, screenshots):
    part(judge, "Look inside", wait_idle, "Filters and maps")
    for words in ("Its filters", "What excites a channel most"):
        judge.get_by_text(words).first.wait_for()
    assert judge.locator("[class*=st-key-tile-excites] img").count() >= 4
    part(judge, "Look inside", wait_idle, "A convolution by hand")
    judge.get_by_text("Convolved").first.wait_for()
    before = judge.get_by_alt_text("Convolved").first.get_attribute("src")
    judge.get_by_label("Kernel").click()
    judge.get_by_role("option", name=re.compile("Emboss")).click()
    wait_idle(judge)
    assert judge.get_by_alt_text("Convolved").first.get_attribute("src") != before
    screenshots("judge-kernel")


def test_a_saved_classifier_is_opened_and_judged_as_its_run(page, judged, wait_idle, screenshots):
    """Another visitor brings the file of the run: the same test pictures, the same accuracy; what is none is refused in a sentence."""
    address, conv, _dense = judged
    page.set_default_timeout(60_000)
    page.goto(f"{address}/judge?lang=en")
    wait_idle(page)

    def give(name: str, data: bytes) -> None:
        page.get_by_role("button", name="Open a classifier").click()
        page.get_by_test_id("stPopoverBody").locator('input[type="file"]').set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": data}
        )

    give("nothing.safetensors", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ")
    page.get_by_role("alert").first.wait_for()
    assert "Traceback" not in page.content()
    wait_idle(page)
    give("conv.safetensors", conv.model_path.read_bytes())
    page.get_by_text("10 classes; pictures of 16 × 16 px.").wait_for()
    wait_idle(page)
    assert page.get_by_role("alert").count() == 0  # what was wrong before is over
    part(page, "Test set", wait_idle)
    assert page.get_by_text("none of them took part in training").count() == 1
    page.get_by_role("button", name="Judge the test set").click()
    page.get_by_text("The best few views").wait_for(timeout=120_000)
    wait_idle(page)
    told = [event for event in read_events(conv.folder)[0] if event["type"] == "end"][-1]["test_accuracy"]
    shown = float(page.get_by_test_id("stMetricValue").first.inner_text().split("\u00a0")[0].replace("%", ""))
    assert abs(shown / 100 - told) < 0.02  # 360 of the run's own test pictures, at most 400 of them
    part(page, "Take home", wait_idle)
    page.get_by_role("button", name="Script and weights").wait_for()
    screenshots("judge-opened")
