"""The app under a base path, as behind a proxy with other things beside it: a run is started, and seen as it goes."""

import re
from dataclasses import replace

import pytest

from tests.browser.conftest import ROOT, serve
from vpc2 import codec
from vpc2.training.presets import RECIPES

pytestmark = pytest.mark.browser
BASE = "class/vpc2"


@pytest.fixture
def app(tmp_path, browser):
    """The address of the app; at the root beside it lies nothing of the app."""
    with serve(ROOT / "streamlit_app.py", tmp_path, health=f"/{BASE}/api/health", STREAMLIT_SERVER_BASE_URL_PATH=BASE) as address:
        yield f"{address}/{BASE}"


def test_a_run_is_started_and_its_curves_its_looks_and_tensorboard_are_seen(app, page, wait_idle):
    answers = []
    page.on("response", lambda answer: answers.append((answer.url, answer.status)))
    digits = RECIPES["digits"].recipe
    recipe = replace(digits, settings={**digits.settings, "epochs": 3})
    page.goto(f"{app}/train?lang=en&s={codec.to_token(recipe)}")
    wait_idle(page)
    page.get_by_role("button", name=re.compile("Share")).click()
    page.get_by_test_id("stCode").get_by_text(f"{app}/train?s=").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url(re.compile(rf"/{BASE}/train\?.*run=[a-z0-9]{{16}}"))
    page.get_by_text(re.compile("best so far: epoch")).first.wait_for(timeout=60_000)
    page.locator(".tiles li").first.wait_for(timeout=60_000)  # the last batch, as the net saw it
    page.get_by_text("Test accuracy").first.wait_for(timeout=120_000)
    wait_idle(page)
    page.get_by_role("tab", name="TensorBoard").click()
    wait_idle(page)
    link = page.get_by_role("link", name="Open in TensorBoard").get_attribute("href")
    assert re.fullmatch(rf"/{BASE}/tensorboard/[a-z0-9]{{16}}/", link)
    page.get_by_text("Show it here").click()
    page.frame_locator("iframe").get_by_text("accuracy/validation").first.wait_for(timeout=60_000)
    own = [(url, status) for url, status in answers if re.search(r"/api/runs/|/data/plugin/", url)]
    assert {status for _url, status in own} <= {200, 204} and all(url.startswith(f"{app}/") for url, _status in own)
    assert {kind for kind in ("/api/runs/", "/look", ".jpg", "/data/plugin/") if any(kind in url for url, _status in own)} == {
        *("/api/runs/", "/look", ".jpg", "/data/plugin/"),
    }
