"""The studio in a real browser: the film of a draw, before and after, mixing, labels drawn and
read, a label that does not survive, ZIPs that are read back."""

import io
import re
import zipfile

import pytest
from pycocotools.coco import COCO
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
    assert "Cat" in said and "Coffee" in said and "%" in said and "λ = 0." in said
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
    assert page.get_by_text(re.compile("fewer than 95|Never within|Not enough draws")).count() == 1
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

    unsafe = " ".join(rows("Changes the label"))
    assert "“6”" in unsafe and "“9” is answered “6”" in unsafe and "“0”" not in unsafe
    # 36 zeros that stay are too few to call it harmless: it stands under what lacks evidence.
    assert "“0” stays “0”" in " ".join(rows("Not enough evidence")) and page.get_by_text("No class.").count() == 1
    screenshots("safe-classes")
    page.get_by_text("By strength", exact=True).click()
    page.get_by_text(re.compile(r"From ±\d+° on, fewer than 95")).wait_for(timeout=60_000)
    wait_idle(page)
    screenshots("safe-strength-digits")


def test_the_zip_is_read_back_by_torchvision(page, studio, wait_idle, tmp_path):
    studio("Take home")
    page.get_by_role("button", name="Write the ZIP").click()
    save = page.get_by_role("button", name="Save 10 pictures")
    save.wait_for(timeout=30_000)
    with page.expect_download() as download:
        save.click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        archive.extractall(tmp_path)
    assert len(ImageFolder(tmp_path)) == 10
    assert (tmp_path / "manifest.csv").is_file()


@pytest.fixture
def pad(page, studio, wait_idle):
    """The Labels tab with nothing on its photograph: a function that clicks at shares of its sides, and the counts it then says."""
    studio("Labels")
    page.get_by_role("button", name="Remove all").click()
    page.get_by_text("Nothing is marked on this photograph").wait_for()
    wait_idle(page)
    stage = page.locator(".stage[role=application]")

    def at(x, y):
        frame = stage.bounding_box()
        return frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]

    return stage, at


def test_a_box_drawn_on_the_photograph_follows_it(page, pad, wait_idle, screenshots):
    stage, at = pad
    page.mouse.move(*at(0.2, 0.2))
    page.mouse.down()
    page.mouse.move(*at(0.6, 0.7), steps=5)
    page.mouse.up()
    page.get_by_text("Boxes: 1. Points: 0.").wait_for()
    page.get_by_role("button", name="Point", exact=True).click()
    page.mouse.click(*at(0.4, 0.4))
    page.get_by_text("Boxes: 1. Points: 1.").wait_for()
    wait_idle(page)
    assert stage.locator("rect.over").count() == 1
    assert page.locator('[class*="st-key-tile-label-"] img').count() == 6
    screenshots("labels")


def test_a_mask_is_drawn_named_and_removed(page, pad, wait_idle):
    stage, at = pad
    page.get_by_role("button", name="Mask", exact=True).click()
    page.get_by_role("textbox", name="Class", exact=True).fill("<b>eye</b>")
    for x, y in ((0.3, 0.3), (0.5, 0.3), (0.5, 0.6)):
        page.mouse.click(*at(x, y))
    assert stage.locator("polygon").count() == 0  # three corners, not closed yet
    page.mouse.click(*at(0.3, 0.302))
    page.get_by_text("Boxes: 0. Points: 0. Masks: 1.").wait_for()
    wait_idle(page)
    corners = stage.locator("polygon.over").get_attribute("points").split()
    assert [[round(float(part), 1) for part in corner.split(",")] for corner in corners] == [[0.3, 0.3], [0.5, 0.3], [0.5, 0.6]]
    # A second one, by keyboard, closed by Enter; the name of the first is shown letter by letter.
    assert page.get_by_role("textbox", name="Class: Mask 1").input_value() == "<b>eye</b>"
    stage.focus()
    for keys in (["Space"], ["Shift+ArrowRight"] * 4 + ["Space"], ["Shift+ArrowDown"] * 4 + ["Space", "Enter"]):
        for key in keys:
            page.keyboard.press(key)
    page.get_by_text("Masks: 2.").wait_for()
    wait_idle(page)
    page.get_by_role("button", name="Remove: Mask 1").click()
    page.get_by_text("Masks: 1.").wait_for()


def test_a_double_click_closes_a_mask(page, pad):
    _stage, at = pad
    page.get_by_role("button", name="Mask", exact=True).click()
    page.mouse.click(*at(0.2, 0.2))
    page.mouse.click(*at(0.8, 0.3))
    page.mouse.dblclick(*at(0.5, 0.8))
    page.get_by_text("Boxes: 0. Points: 0. Masks: 1.").wait_for()
    assert page.locator(".stage polygon.over").get_attribute("points").count(",") == 3


def test_labels_come_from_a_yolo_text(page, pad, wait_idle):
    page.get_by_text("Labels from a file").click()
    given = page.locator('input[type="file"][accept*=".txt"]')
    given.set_input_files({"name": "cat.txt", "mimeType": "text/plain", "buffer": b"0 0.5 0.5 0.4 0.4\n1 0.1 0.1 0.9 0.1 0.5 0.9\n"})
    page.get_by_text("Boxes: 1. Points: 0. Masks: 1.").wait_for()
    page.get_by_text("2 labels came from “cat.txt”.").wait_for()
    wait_idle(page)
    page.get_by_text("Labels from a file").click()
    given.set_input_files({"name": "bad.txt", "mimeType": "text/plain", "buffer": b"0 0.5 0.5 0.4 0.4\n0 300 200 40 40\n"})
    page.get_by_text("Line 2 cannot be used").wait_for()
    page.get_by_text("Boxes: 1. Points: 0. Masks: 1.").wait_for()  # nothing of it was taken, nothing was lost


def test_the_coco_zip_is_read_back_by_pycocotools(page, studio, wait_idle, tmp_path, screenshots):
    studio("Take home")
    page.get_by_role("radio", name="COCO").click()
    wait_idle(page)
    page.get_by_role("button", name="Write the ZIP").click()
    save = page.get_by_role("button", name="Save 10 pictures")
    save.wait_for(timeout=30_000)
    with page.expect_download() as download:
        save.click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        archive.extractall(tmp_path)
    coco = COCO(tmp_path / "annotations.json")
    assert {category["name"] for category in coco.cats.values()} == {"cat", "eye", "nose", "cup", "spoon", "coffee", "handle"}
    assert len(coco.imgs) == 10 and all((tmp_path / "images" / image["file_name"]).is_file() for image in coco.imgs.values())
    drawn = [annotation for annotation in coco.anns.values() if annotation["segmentation"]]
    assert len(drawn) >= 10 and all(coco.annToMask(annotation).any() for annotation in drawn)
    screenshots("export")


def test_writing_can_be_stopped_and_leaves_nothing(page, studio, wait_idle):
    studio("Take home")
    page.get_by_role("combobox", name="Pictures").click()
    page.get_by_role("option", name="Handwritten digits").click()
    wait_idle(page)
    page.get_by_role("button", name="Write the ZIP").click()
    page.get_by_text("pictures, about").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Writing was stopped").wait_for()
    wait_idle(page)
    assert page.get_by_role("button", name="Cancel").count() == 0 and page.get_by_text("pictures, about").count() == 0
    assert page.get_by_role("button", name="Write the ZIP").is_enabled()
    assert page.get_by_role("button", name="Save").filter(has_text="pictures").count() == 0


def test_the_same_operation_in_every_library(page, studio, screenshots):
    studio("Libraries")
    page.get_by_text("is quickest").wait_for(timeout=60_000)
    assert page.locator('[class*="st-key-tile-lib-"] img').count() >= 2
    screenshots("libraries")
