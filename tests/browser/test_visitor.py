"""Who a tab belongs to, and what it shows, when its server dies and another one comes, and when it is not the only one."""

import json
import re
import time
from dataclasses import replace

import pytest

from tests.browser.conftest import IDLE, ROOT, serve
from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.training.presets import RECIPES
from vpc2.training.runs.store import RunStore
from vpc2.ui.session import visitor_cookie

pytestmark = pytest.mark.browser
LONG = replace(RECIPES["digits"].recipe, settings={**RECIPES["digits"].recipe.settings, "epochs": 10_000, "budget_s": 600.0})
APP = ROOT / "streamlit_app.py"
STRONG = PIPELINES["strong"].title.en
PASSWORD = "cámara oscura"


@pytest.fixture
def context(browser):
    one = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    one.set_default_timeout(60_000)
    yield one
    one.close()


def name_of(context) -> str:
    return next(cookie for cookie in context.cookies() if cookie["name"] == visitor_cookie.COOKIE)["value"]


def start(page, last: str = "") -> str:
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_function("last => /run=[a-z0-9]{16}/.test(location.href) && !location.href.includes(last || 'nothing')", arg=last)
    return re.search("run=([a-z0-9]{16})", page.url)[1]


def pick(page, what: str) -> None:
    page.get_by_role("combobox", name="Start from a preset").click()
    page.get_by_role("option", name=what, exact=True).click()


def cards(page) -> list[str]:
    page.locator(".card").first.wait_for()
    return page.locator(".card .title").all_text_contents()


def shows(page, expected: list[str]) -> bool:
    """Whether the page comes to show these cards; after a reload the browser gives its work back in a second run of the script."""
    deadline = time.monotonic() + 20
    while cards(page) != expected and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    return cards(page) == expected


def come_in(page) -> None:
    page.get_by_label("Password of this server").fill(PASSWORD)
    page.get_by_role("button", name="Come in").click()


@pytest.mark.parametrize("password", ["", PASSWORD], ids=["open", "password"])
def test_a_tab_outlives_its_server_with_its_visitor_and_what_they_made(context, tmp_path, wait_idle, password):
    page, store = context.new_page(), RunStore(tmp_path / "home")
    with serve(APP, tmp_path, VPC2_PASSWORD=password) as address:
        port = int(address.rpartition(":")[2])
        page.goto(f"{address}/train?lang=en&s={codec.to_token(LONG)}")
        if password:
            come_in(page)
        wait_idle(page)
        page.get_by_role("link", name=re.compile("Augment")).first.click()
        wait_idle(page)
        pick(page, STRONG)
        page.locator(".card").nth(3).wait_for()
        wait_idle(page)
        made = cards(page)
        page.get_by_role("link", name=re.compile("Train")).first.click()
        wait_idle(page)
        first = start(page)
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("button", name="Resume").wait_for()
        wait_idle(page)
    page.wait_for_selector(f"body:not(:has({IDLE}))", state="attached")
    with serve(APP, tmp_path, port=port, VPC2_PASSWORD=password):
        page.wait_for_selector(IDLE, timeout=120_000)
        if password:
            come_in(page)
        page.get_by_role("button", name="Resume").wait_for()
        page.wait_for_selector(IDLE)
        second = start(page, first)
        wait_idle(page)
        assert store.get(first).owner == store.get(second).owner == name_of(context)
        page.reload()
        if password:
            come_in(page)
        page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").click()  # the framework has one of its own
        page.get_by_text(re.compile("Stopped on request")).first.wait_for()
        wait_idle(page)
        page.get_by_role("button", name="More", exact=True).click()
        page.get_by_text("Delete this run").click()
        wait_idle(page)
        page.get_by_role("button", name="Delete for good").click()
        page.wait_for_function("!location.href.includes('run=')")
        assert [run.id for run in store.list()] == [first]
        wait_idle(page)
        page.get_by_role("link", name=re.compile("Augment")).first.click()
        wait_idle(page)
        assert shows(page, made)


def test_the_name_of_before_there_were_cookies_still_owns_its_runs(context, tmp_path, wait_idle):
    old = "0123456789abcdef" * 2
    run = RunStore(tmp_path / "home").create(LONG, owner=old)
    (run.folder / "pause").touch()
    with serve(APP, tmp_path) as address:
        page = context.new_page()
        page.goto(f"{address}/_stcore/health")
        page.evaluate("name => localStorage.setItem('vpc2-visitor', name)", old)
        page.goto(f"{address}/train?lang=en&run={run.id}")
        page.get_by_role("button", name="Resume").wait_for()
        assert name_of(context) == old
        assert page.evaluate("localStorage.getItem('vpc2-visitor')") is None
        wait_idle(page)


def test_no_script_of_a_page_reads_the_name(page, app_url, wait_idle):
    page.goto(f"{app_url}/?lang=en")
    wait_idle(page)
    name = name_of(page.context)
    kept = page.evaluate("JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}])")
    assert visitor_cookie.is_visitor_id(name) and name not in kept


def test_under_a_plain_script_the_page_tells_the_name_and_it_owns(context, tmp_path, wait_idle):
    with serve(ROOT / "vpc2" / "ui" / "app.py", tmp_path, health="/_stcore/health") as address:
        page = context.new_page()
        page.goto(f"{address}/train?lang=en&s={codec.to_token(LONG)}")
        wait_idle(page)
        run = start(page)
        assert RunStore(tmp_path / "home").get(run).owner == page.evaluate("localStorage.getItem('vpc2-visitor')")
        page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").click()  # the framework has one of its own
        page.get_by_text(re.compile("Stopped")).first.wait_for()


def test_two_tabs_keep_what_each_made_and_tell_of_the_other(context, app_url, wait_idle):
    first, second = (context.new_page() for _ in range(2))
    for tab in (first, second):
        tab.goto(f"{app_url}/augment?lang=en")
        wait_idle(tab)
    pick(first, STRONG)
    second.get_by_text("Changed in another tab since: the pipeline.").wait_for()
    pick(second, "Half a turn")
    first.get_by_text("Changed in another tab since: the pipeline.").wait_for()
    for tab in (first, second):
        wait_idle(tab)
    strong, turned = cards(first), cards(second)
    assert strong != turned
    # A reload loses neither.
    for tab, own in ((first, strong), (second, turned)):
        tab.reload()
        wait_idle(tab)
        tab.get_by_text("Changed in another tab since: the pipeline.").wait_for()
        assert shows(tab, own)
    # One is kept, the other taken over; the choice outlives a reload, and Undo brings back what was there.
    first.get_by_role("button", name="Keep mine").click()
    second.get_by_role("button", name="Take the other tab's").click()
    for tab in (first, second):
        wait_idle(tab)
        assert cards(tab) == strong
        assert tab.get_by_text("Changed in another tab").count() == 0
    first.reload()
    wait_idle(first)
    assert shows(first, strong)
    second.get_by_role("button", name="Undo", exact=True).click()
    wait_idle(second)
    assert cards(second) == turned
    # A tab that is opened now begins with the later one, and Undo reaches the other.
    third = context.new_page()
    third.goto(f"{app_url}/augment?lang=en")
    third.get_by_text("Rotation 180°").first.wait_for()
    wait_idle(third)
    assert cards(third) == turned
    third.get_by_role("button", name="Undo", exact=True).click()
    wait_idle(third)
    assert cards(third) == strong


def test_a_reload_keeps_what_came_of_a_link(page, app_url, wait_idle):
    """The address still names the link: what was changed since then counts, and the link's own content is one Undo away."""
    page.goto(f"{app_url}/augment?lang=en")
    wait_idle(page)
    page.goto(f"{app_url}/augment?lang=en&s={codec.to_token(PIPELINES['strong'].pipeline)}")
    wait_idle(page)
    linked = cards(page)
    page.get_by_role("button", name=re.compile("^Remove")).first.click()
    wait_idle(page)
    made = cards(page)
    assert made == linked[1:]
    page.reload()
    wait_idle(page)
    assert shows(page, made)
    page.get_by_role("button", name="Undo", exact=True).click()
    wait_idle(page)
    assert cards(page) == linked
    assert json.loads(page.evaluate("localStorage.getItem('vpc2-workspace')"))["tabs"]
