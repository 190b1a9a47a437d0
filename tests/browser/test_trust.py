"""What a visitor reads where the app itself fails, and that nothing of the server comes along."""

import re

import pytest

from tests.browser.conftest import IDLE, ROOT, serve


@pytest.mark.parametrize("button", ["fail", "fail in a part"])
def test_an_error_of_ours_is_a_sentence_with_a_number_that_the_log_knows(browser, tmp_path, button):
    script = ROOT / "tests" / "browser" / "apps" / "failing.py"
    with serve(script, tmp_path, may_fail=True, health="/_stcore/health") as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector(IDLE)
        page.get_by_role("button", name=button, exact=True).click()
        alert = page.get_by_role("alert")
        alert.wait_for()
        said, whole = alert.inner_text(), page.content()
        page.close()
    number = re.search(r"error ([0-9a-f]{8})", said).group(1)
    for detail in ("a-detail-of-the-server", "RuntimeError", "Traceback", "failing_page.py"):
        assert detail not in whole
    log = (tmp_path / "server.log").read_text()
    assert f"error {number}" in log and "a-detail-of-the-server" in log


def test_the_very_first_page_of_a_server_asks_nothing_outside_and_its_hero_comes(browser, tmp_path):
    """Before the libraries are loaded the page is drawn without them; then the photograph's draws take the places of the photograph."""
    with serve(ROOT / "streamlit_app.py", tmp_path, health="/_stcore/health") as address:
        page, asked = browser.new_page(), []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.wait_for_selector(IDLE)
        page.locator("img[alt='The same photograph, augmented']").nth(4).wait_for(timeout=120_000)
        page.wait_for_selector(IDLE)
        icon = page.locator("link[rel*=icon]").first.get_attribute("href")
        page.close()
    assert icon.startswith("data:image/png;base64,")
    assert asked and not [url for url in asked if not url.startswith((address, "data:", "blob:", address.replace("http", "ws")))]
