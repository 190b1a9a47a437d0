"""The studio in a real browser: the film of a draw, before and after, mixing, a label that does not survive, a ZIP that is read back."""

import io
import re
import zipfile

import pytest
from torchvision.datasets import ImageFolder

pytestmark = pytest.mark.browser


@pytest.fixture
def studio(page, app_url, wait_idle):
    """The Augment page, and a function that opens one of its tabs."""
    page.goto(f"{app_url}/augment?lang=en")
    wait_idle(page)

    def open_tab(name):
        page.get_by_role("tab", name=name).click()
        wait_idle(page)

    return open_tab


def test_the_film_shows_the_picture_after_every_step(page, studio, wait_idle):
    studio("Filmstrip")
    frames = '[class*="st-key-tile-film-"] img'
    assert page.locator(frames).count() == 4  # the original and three steps
    page.get_by_text("Only this step").click()
    wait_idle(page)
    assert page.locator(frames).count() == 2


def test_before_and_after_are_cut_where_the_slider_stands(page, studio, screenshots):
    studio("Compare")
    slider = page.get_by_role("slider", name="How much of the original is shown")
    before = page.locator("img.before")
    assert "50%" in before.evaluate("image => image.style.clipPath")
    slider.focus()
    for _ in range(20):
        slider.press("ArrowRight")
    assert "30%" in before.evaluate("image => image.style.clipPath")
    assert page.get_by_text("of the pixels changed").count() == 1
    screenshots("compare")


def test_a_draw_becomes_the_next_photograph(page, studio, wait_idle):
    studio("Compare")
    page.get_by_role("button", name="Take this picture as input").click()
    page.get_by_text("Cat, draw 1 is now in the tray.").wait_for()
    studio("Draws")
    page.get_by_role("heading", name="Cat, draw 1").wait_for()


def test_mixed_photographs_have_mixed_labels(page, studio, screenshots):
    studio("Mix")
    said = page.locator('[class*="st-key-tile-mix-"]').first.inner_text()
    assert "Cat" in said and "Coffee" in said and "%" in said
    screenshots("mix")


def test_a_classifier_says_whether_the_label_survives(page, studio, screenshots):
    studio("Safe?")
    page.get_by_text("draws keep the answer").first.wait_for(timeout=60_000)
    screenshots("safe")


def test_the_strength_at_which_an_answer_is_lost(page, studio, wait_idle, screenshots):
    studio("Safe?")
    page.get_by_text("By strength", exact=True).click()
    page.get_by_text("strength named is the first tested").wait_for(timeout=120_000)
    wait_idle(page)
    assert page.locator('[class*="st-key-tile-strength-"] img').count() == 9
    assert page.get_by_text(re.compile("fewer than 80|Never within|Not enough draws")).count() == 1
    screenshots("safe-strength")


def test_a_six_turned_over_is_a_nine_from_nothing_in_three_clicks(page, studio, wait_idle, screenshots):
    studio("Safe?")
    page.get_by_text("By class", exact=True).click()
    page.get_by_role("button", name="Train on digits").click()
    page.get_by_role("button", name="Try “rotate by 180°”").click(timeout=90_000)
    page.get_by_text("“6” is answered “9”").wait_for(timeout=60_000)
    wait_idle(page)

    def rows(title):
        side = page.locator('[data-testid="stColumn"]').filter(has=page.get_by_role("heading", name=title)).last
        return side.locator('[class*="st-key-row-class-"]').all_inner_texts()

    unsafe, harmless = " ".join(rows("Changes the label")), " ".join(rows("Harmless"))
    assert "“6”" in unsafe and "“9” is answered “6”" in unsafe
    assert "“0” stays “0”" in harmless and "“8” stays “8”" in harmless
    screenshots("safe-classes")
    page.get_by_text("By strength", exact=True).click()
    page.get_by_text(re.compile(r"From ±\d+° on, fewer than 80")).wait_for(timeout=60_000)
    wait_idle(page)
    screenshots("safe-strength-digits")


def test_the_zip_is_read_back_by_torchvision(page, studio, wait_idle, tmp_path):
    studio("Export")
    page.get_by_role("button", name="Write the ZIP").click()
    save = page.get_by_role("button", name="Save 10 pictures")
    save.wait_for(timeout=30_000)
    with page.expect_download() as download:
        save.click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        archive.extractall(tmp_path)
    assert len(ImageFolder(tmp_path)) == 10
    assert (tmp_path / "manifest.csv").is_file()


def test_a_box_drawn_on_the_photograph_follows_it(page, studio, wait_idle, screenshots):
    studio("Labels")
    stage = page.locator(".stage[role=application]")
    assert stage.locator("rect.over").count() == 1  # the sample's own
    page.get_by_role("button", name="Remove all").click()
    wait_idle(page)
    assert page.get_by_text("Boxes: 0. Points: 0.").count() == 1
    frame = stage.bounding_box()
    page.mouse.move(frame["x"] + 0.2 * frame["width"], frame["y"] + 0.2 * frame["height"])
    page.mouse.down()
    page.mouse.move(frame["x"] + 0.6 * frame["width"], frame["y"] + 0.7 * frame["height"], steps=5)
    page.mouse.up()
    page.get_by_text("Boxes: 1. Points: 0.").wait_for()
    page.mouse.click(frame["x"] + 0.4 * frame["width"], frame["y"] + 0.4 * frame["height"])
    page.get_by_text("Boxes: 1. Points: 1.").wait_for()
    wait_idle(page)
    assert page.locator('[class*="st-key-tile-label-"] img').count() == 6
    screenshots("labels")


def test_the_same_operation_in_every_library(page, studio, screenshots):
    studio("Libraries")
    page.get_by_text("is quickest").wait_for(timeout=60_000)
    assert page.locator('[class*="st-key-tile-lib-"] img').count() >= 2
    screenshots("libraries")
