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
