"""A press that another request interrupts is acted on all the same."""

import pytest

from tests.browser.conftest import IDLE, ROOT, serve

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(browser, tmp_path_factory):
    with serve(ROOT / "tests" / "browser" / "apps" / "slow_page.py", tmp_path_factory.mktemp("slow"), health="/_stcore/health") as at:
        yield at


@pytest.mark.parametrize(("name", "counted"), [("ours", "1 of ours, 0 of"), ("streamlit", "0 of ours, 0 of")])
def test_a_press_survives_the_request_that_interrupts_its_run(page, address, wait_idle, name, counted):
    """Streamlit's own button is the control: it loses the press, or else this test proves nothing."""
    page.goto(address)
    page.wait_for_selector(IDLE)
    wait_idle(page)
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_timeout(500)
    page.get_by_text("interrupt").click()
    wait_idle(page)
    assert counted in page.get_by_text("Presses:").inner_text()
    page.get_by_text("interrupt").click()
    wait_idle(page)
    assert counted in page.get_by_text("Presses:").inner_text(), "once, not once a run"
