"""A sample of each group of the corpus of bad input, given to the real app through the real browser.

Every one ends in words on the screen; what was on the screen stays; nothing is asked outside; no name becomes markup or runs.
"""

import re

import pytest

from tests.browser.conftest import IDLE
from tests.corpus import ENTRIES

pytestmark = pytest.mark.browser
CORPUS = {entry.path: entry for entry in ENTRIES}
PICTURES = ("empty.png", "text.png", "page.jpg", "half.jpg", "checksum.png", "nothing.png", "header.png", "bomb_grey.png", "archive.png")
ARCHIVES = ("text.zip", "half.zip", "flat.zip", "one.zip", "many.zip", "password.zip", "nothing.zip", "tar.zip")
DOCUMENTS = ("unknown.json", "dunder.json", "chance.json", "words.json", "digits.json", "deep.json", "twice.json", "half.json", "list.json")
NETS = ("net_eval.json", "net_zero.json", "net_stride.json", "net_huge.json", "net_input.json")


def file_of(path: str) -> dict:
    return {"name": path.rpartition("/")[2], "mimeType": "application/octet-stream", "buffer": CORPUS[path].make()}


@pytest.fixture
def watched(page, app_url, wait_idle):
    """The page, and a function that says what happened that must not: requests to elsewhere, dialogs, a traceback."""
    asked, dialogs = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))

    def check() -> None:
        allowed = (app_url, app_url.replace("http", "ws"), "data:", "blob:")
        assert not [url for url in asked if not url.startswith(allowed)]
        assert not dialogs and "Traceback" not in page.content()

    page.set_default_timeout(20_000)
    yield page, check
    check()


def refused(page, field, file: dict, naming: str = "") -> str:
    """Give a file, and return the sentence that the page answers with, the one `naming` this; the same mistake twice is answered twice."""
    with page.expect_request(lambda request: request.method == "PUT"):
        field.set_input_files(file)
    page.wait_for_timeout(700)
    page.wait_for_selector(IDLE)
    answer = page.get_by_role("alert").filter(has_text=naming).last  # on a slow machine the one before may still stand there
    answer.wait_for()
    return answer.inner_text()


def test_pictures(watched, app_url, wait_idle):
    page, check = watched
    page.goto(f"{app_url}/augment?lang=en")
    wait_idle(page)
    chosen = page.get_by_test_id("stImage").count()
    for name in PICTURES:
        page.get_by_role("button", name="Add your own").click()
        said = refused(page, page.locator('input[type="file"]').first, file_of(f"images/{name}"), name.rpartition(".")[0])
        assert name.rpartition(".")[0] in said and len(said) < 400, said
        assert page.get_by_test_id("stImage").count() >= chosen, "something on the screen is lost"
        check()


def test_names_stay_text(watched, app_url, wait_idle):
    page, check = watched
    page.goto(f"{app_url}/augment?lang=en")
    wait_idle(page)
    names, shown = [path for path in CORPUS if path.startswith("names/")], []
    assert len(names) > 8
    for path in names:
        page.get_by_role("button", name="Add your own").click()
        page.locator('input[type="file"]').first.set_input_files(file_of(path))
        page.wait_for_selector(IDLE)
        wait_idle(page)
        shown.append(page.locator(".st-key-tray").inner_text())
        check()
    text = "\n".join(shown)
    assert "![x](http:example.org)" in text and ":red[name]" in text, "a name was read as Markdown"
    assert page.locator("a[href*='example.org'], img[src*='example.org'], body b:text-is('x')").count() == 0


def test_archives(watched, app_url, wait_idle):
    page, check = watched
    page.goto(f"{app_url}/train?lang=en")
    wait_idle(page)
    for name in ARCHIVES:
        page.get_by_role("button", name="Add your own pictures").click()
        said = refused(page, page.locator('input[type="file"]').first, file_of(f"archives/{name}"))
        assert len(said) < 400 and said.count("\n") < 3, said
        assert page.get_by_role("button", name="Train", exact=True).is_enabled()
        check()


@pytest.mark.parametrize(("place", "names"), [("augment", DOCUMENTS), ("build", NETS)])
def test_documents(watched, app_url, wait_idle, place, names):
    page, check = watched
    page.goto(f"{app_url}/{place}?lang=en")
    wait_idle(page)
    for name in names:
        page.get_by_role("button", name="Share").click()
        field = page.get_by_test_id("stPopoverBody").locator('input[type="file"]')
        said = refused(page, field, file_of(f"documents/{name}"))
        assert len(said) < 500, said
        page.keyboard.press("Escape")
        check()


@pytest.mark.parametrize(
    "link", ["augment?s=!!!", "build?s=eJx" + "A" * 3000, "train?run=..%2F..%2Fetc", "judge?run=%3Cb%3E&views=<script>&merge=x"]
)
def test_links(watched, app_url, wait_idle, link):
    page, check = watched
    page.goto(f"{app_url}/{link}")
    wait_idle(page)
    check()
    assert page.get_by_role("alert").count() >= 1
    assert page.get_by_role("heading", name=re.compile("^(Augment|Build|Train|Judge)$")).count() >= 1
