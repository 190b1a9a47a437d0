"""What a visitor does on the Train page, in a real browser: pause and go on, compare, own classes, find a rate, TensorBoard."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.training.presets import RECIPES

pytestmark = pytest.mark.browser
DIGITS = RECIPES["digits"].recipe


def recipe(**settings):
    return replace(DIGITS, pipeline=PIPELINES["gentle"].pipeline, settings={**DIGITS.settings, **settings})


@pytest.fixture
def visit(page, app_url, wait_idle):
    """A function that opens the Train page with a recipe."""

    def open_page(one=None):
        link = "" if one is None else f"&s={codec.to_token(one)}"
        page.goto(f"{app_url}/train?lang=en{link}")
        wait_idle(page)
        return page

    return open_page


def start(page):
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url(re.compile("run=[a-z0-9]{16}"))


def test_a_run_pauses_goes_on_and_is_trained_further(visit, wait_idle, screenshots):
    page = visit(recipe(epochs=10_000, budget_s=600.0))
    start(page)
    page.get_by_text(re.compile("training pictures")).first.wait_for(timeout=60_000)
    page.get_by_role("button", name="Pause").click()
    page.get_by_text(re.compile("^Paused: it goes on")).wait_for(timeout=60_000)
    wait_idle(page)
    page.reload()
    wait_idle(page)
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Pause").wait_for(timeout=60_000)
    wait_idle(page)
    page.get_by_role("tab", name="Classes").click()
    page.get_by_text(re.compile("Rows: the true class")).or_(page.get_by_text("Accuracy of each class")).first.wait_for(timeout=60_000)
    screenshots("training")
    page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").click()
    page.get_by_text(re.compile("Stopped on request")).first.wait_for(timeout=60_000)  # also where it was still waiting to go on
    wait_idle(page)
    assert page.get_by_role("link", name=re.compile("^Judge")).count() >= 1


def test_with_and_without_ends_in_a_sentence(visit, wait_idle, screenshots):
    page = visit(recipe(epochs=3, budget_s=30.0, train_share=0.1))
    page.get_by_role("button", name="With and without augmentation").click()
    page.wait_for_url(re.compile("experiment=[a-z0-9]{16}"))
    sentence = page.get_by_text(re.compile("points better|points worse|^Not enough evidence"))
    sentence.first.wait_for(timeout=240_000)
    wait_idle(page)
    assert page.get_by_text("Gap, in points").count() == 1
    screenshots("experiment")
    page.reload()
    wait_idle(page)
    sentence.first.wait_for()
    page.get_by_role("heading", name="Your experiments").wait_for()


def drawing(kind, seed, side=96) -> dict:
    """Return an upload: a filled circle or a cross of some colour, somewhere on another colour."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    (cy, cx), r = rng.integers(side // 3, 2 * side // 3, 2), rng.integers(side // 8, side // 4)
    cross = ((abs(y - cy) < r / 3) & (abs(x - cx) < r)) | ((abs(x - cx) < r / 3) & (abs(y - cy) < r))
    mask = (y - cy) ** 2 + (x - cx) ** 2 < r**2 if kind == "circle" else cross
    out = io.BytesIO()
    Image.fromarray(np.where(mask[..., None], rng.integers(0, 90, 3), rng.integers(140, 255, 3)).astype(np.uint8)).save(out, "PNG")
    return {"name": f"{kind}{seed}.png", "mimeType": "image/png", "buffer": out.getvalue()}


def test_own_classes_are_typed_filled_and_trained_in_seconds(visit, wait_idle, screenshots):
    page = visit()
    page.get_by_role("button", name="Add your own pictures").click()
    page.get_by_role("button", name="Type classes and fill them").click()
    for kind in ("cross", "circle"):
        page.get_by_label("A new class").fill(kind)
        page.get_by_role("button", name="Add the class").click()
        page.get_by_role("radio", name=kind).or_(page.get_by_role("button", name=kind, exact=True)).first.click()
        page.get_by_text(f"Pictures of “{kind}”").wait_for()
        wait_idle(page)
        page.locator('[data-testid="stMain"] input[type="file"]').last.set_input_files([drawing(kind, seed) for seed in range(20)])
        page.get_by_text("20 of about 20 pictures").nth(0 if kind == "cross" else 1).wait_for(timeout=30_000)
        wait_idle(page)
    screenshots("own-classes")
    page.reload()
    wait_idle(page)
    page.get_by_role("button", name="Add your own pictures").click()
    page.get_by_role("button", name="Type classes and fill them").click()
    page.get_by_text("20 of about 20 pictures").nth(1).wait_for()  # a reload loses nothing
    wait_idle(page)
    page.get_by_role("button", name="Use these pictures").click()
    page.get_by_text("40 pictures in 2 classes").first.wait_for(timeout=30_000)
    wait_idle(page)
    start(page)
    page.get_by_text("Test accuracy", exact=True).wait_for(timeout=90_000)
    wait_idle(page)
    shown = page.locator('[data-testid="stMetricValue"]').first.inner_text()
    assert float(shown.replace("%", "").strip()) >= 85


def test_a_learning_rate_is_found_and_taken(visit, wait_idle):
    page = visit(recipe(epochs=3))
    page.get_by_text("More settings").click()
    page.get_by_role("button", name="Find a learning rate").click()
    take = page.get_by_role("button", name=re.compile("^Use 0"))
    take.wait_for(timeout=90_000)
    rate = take.inner_text().split()[-1]
    take.click()
    wait_idle(page)
    page.get_by_text("More settings").click()
    assert float(page.get_by_role("spinbutton", name="Learning rate").first.input_value()) == pytest.approx(float(rate))


def test_tensorboard_shows_a_scalar(visit, wait_idle, page, app_url):
    visit(recipe(epochs=2))
    start(page)
    page.get_by_text("Test accuracy", exact=True).wait_for(timeout=90_000)
    wait_idle(page)
    page.get_by_role("tab", name="TensorBoard").click()
    link = page.get_by_role("link", name="Open in TensorBoard").first
    link.wait_for()
    address = link.get_attribute("href")
    other = page.context.new_page()
    other.goto(f"{app_url}/{address.lstrip('/')}" if not address.startswith("http") else address)
    other.get_by_text("accuracy/validation").first.wait_for(timeout=90_000)
    other.close()
