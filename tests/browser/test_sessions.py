"""A visitor's session on a real server: two tabs, a closed browser, a lost network, a server that dies; and doors that stay shut."""

import asyncio
import contextlib
import http.client
import re
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import websockets

from tests.browser.conftest import IDLE, ROOT, serve
from vpc2 import codec
from vpc2.training.presets import RECIPES

pytestmark = pytest.mark.browser
LONG = replace(RECIPES["digits"].recipe, settings={**RECIPES["digits"].recipe.settings, "epochs": 10_000, "budget_s": 600.0})


class Wire:
    """A cable between browser and server that can be cut."""

    def __init__(self, to: int):
        self.to, self.is_cut, self._ends = to, False, []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _address = self._listening.accept()
                if self.is_cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            self._ends += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            end.close()

    def cut(self) -> None:
        self.is_cut = True
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._ends.clear()

    def mend(self) -> None:
        self.is_cut = False


def open_tab(context, address: str):
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(address)
    page.wait_for_selector(IDLE)
    return page


@pytest.fixture
def context(browser):
    one = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    yield one
    one.close()


def start(page) -> str:
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url(re.compile("run=[a-z0-9]{16}"))
    return page.url


def test_two_tabs_tell_the_same_of_one_run_and_either_stops_it(context, app_url):
    first = open_tab(context, f"{app_url}/train?lang=en&s={codec.to_token(LONG)}")
    address = start(first)
    second = open_tab(context, address)
    for tab in (first, second):
        tab.get_by_text(re.compile("training pictures")).first.wait_for(timeout=60_000)
    second.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").click()
    for tab in (second, first):
        tab.get_by_text(re.compile("Stopped on request")).first.wait_for(timeout=60_000)
    assert first.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").count() == 0


def test_who_closes_the_browser_finds_the_run_again_by_its_address(context, app_url):
    page = open_tab(context, f"{app_url}/train?lang=en&s={codec.to_token(LONG)}")
    address = start(page)
    page.get_by_text(re.compile("training pictures")).first.wait_for(timeout=60_000)
    page.close()
    run_id = re.search("run=([a-z0-9]{16})", address).group(1)
    before = _events(app_url, run_id)
    again = open_tab(context, address)
    again.get_by_text(re.compile("training pictures")).first.wait_for(timeout=60_000)
    assert _events(app_url, run_id) > before
    again.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").click()
    again.get_by_text(re.compile("Stopped on request")).first.wait_for(timeout=60_000)


def _events(app_url: str, run_id: str) -> int:
    import json

    with urllib.request.urlopen(f"{app_url}/api/runs/{run_id}?since=0", timeout=30) as answer:
        return json.load(answer)["next"]


def test_a_lost_network_and_a_dead_server_lose_nothing_that_was_made(context, tmp_path):
    """The wire is cut and mended: the same session goes on. The server is killed and another comes: what was made is there again."""
    with serve(ROOT / "streamlit_app.py", tmp_path) as address:
        port = int(address.rpartition(":")[2])
        wire = Wire(port)
        page = open_tab(context, f"http://127.0.0.1:{wire.port}/build?lang=en")
        page.get_by_label("Start from a net").click()
        page.get_by_role("option", name=re.compile("^LeNet")).first.click()
        page.get_by_text("61,706").first.wait_for()
        page.wait_for_selector(IDLE)
        wire.cut()
        page.wait_for_selector(f"body:not(:has({IDLE}))", state="attached")
        wire.mend()
        page.wait_for_selector(IDLE, timeout=90_000)
        page.get_by_text("61,706").first.wait_for()
        wire.cut()
    later = tmp_path / "later"
    later.mkdir()
    with serve(ROOT / "streamlit_app.py", later) as address:
        wire.to = int(address.rpartition(":")[2])
        wire.mend()
        page.wait_for_selector(IDLE, timeout=120_000)
        page.get_by_text("61,706").first.wait_for(timeout=60_000)


def test_a_photograph_and_a_pipeline_are_there_after_a_rerun_and_on_the_next_page(page, app_url, wait_idle):
    page.goto(f"{app_url}/augment?lang=en")
    wait_idle(page)
    photo = (ROOT / "assets" / "samples" / "coffee.jpg").read_bytes()
    for _twice in range(2):  # the same picture again is the same photograph
        page.get_by_role("button", name="Add your own").click()
        page.locator('input[type="file"]').first.set_input_files({"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": photo})
        wait_idle(page)
    assert page.locator(".st-key-tray").get_by_text("mine.jpg", exact=True).count() == 1
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    wait_idle(page)
    assert page.locator(".st-key-tray").get_by_text("mine.jpg", exact=True).count() == 1
    page.get_by_role("link", name=re.compile("Judge")).first.click()
    wait_idle(page)
    assert page.locator(".st-key-tray").get_by_text("mine.jpg", exact=True).count() == 1


LONG_QUERY = "&".join(f"k{i}=v" for i in range(1000))


@pytest.mark.parametrize(
    "query", ["seed=NaN&p=1e999&n=-1&k=abc", f"x={'a' * 8000}", LONG_QUERY, "a=1&a=2&=&%00&%ff", "page=%3Cscript%3Ealert(1)%3C/script%3E"]
)
def test_what_an_address_says_besides_is_ignored(page, app_url, wait_idle, query):
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{app_url}/augment?lang=en&{query}")
    wait_idle(page)
    assert page.get_by_role("heading", name="Augment").count() == 1
    assert not dialogs and page.get_by_role("alert").count() == 0


@pytest.mark.parametrize(
    "path",
    [
        "/media/../../../etc/passwd",
        "/component/x/../../../../etc/passwd",
        "/app/static/..%2f..%2fetc/passwd",
        "/media/%2e%2e/%2e%2e/etc/passwd",
    ],
)
def test_no_path_leads_out(app_url, path):
    connection = http.client.HTTPConnection(app_url.removeprefix("http://"), timeout=30)
    connection.putrequest("GET", path, skip_host=False, skip_accept_encoding=True)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert b"root:" not in body
    assert answer.status in (400, 403, 404) or b"<!DOCTYPE html>" in body or b"<!doctype html>" in body  # the app's own first page


def test_an_upload_without_a_session_stores_nothing(app_url):
    for address in ("made-up/1.1", "../../x/1.1"):
        asked = urllib.request.Request(f"{app_url}/_stcore/upload_file/{address}", data=b"x" * 100, method="PUT")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=30)
        assert refused.value.code in (400, 403, 404, 405)


def test_a_file_above_the_limit_is_refused_by_the_server_itself(page, app_url, wait_idle):
    """Whoever goes round the browser's own check meets the same limit."""
    uploads = []
    page.on("request", lambda request: uploads.append(request) if "/upload_file/" in request.url and request.method == "PUT" else None)
    page.goto(f"{app_url}/augment?lang=en")
    wait_idle(page)
    page.get_by_role("button", name="Add your own").click()
    photo = (ROOT / "assets" / "samples" / "coffee.jpg").read_bytes()
    page.locator('input[type="file"]').first.set_input_files({"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": photo})
    wait_idle(page)
    sent = uploads[0]
    told = {name.lower(): value for name, value in sent.all_headers().items()}
    headers = {"X-Xsrftoken": told["x-xsrftoken"], "Cookie": told["cookie"], "Origin": app_url}
    assert put(sent.url, headers, 1) == 204
    assert put(sent.url, headers, 201) in (None, 400, 413)
    assert put(sent.url, {**headers, "X-Xsrftoken": "guessed"}, 1) == 403


def put(url: str, headers: dict[str, str], megabytes: int) -> int | None:
    """Send a file as a browser does and return the answer's status, None where the server hung up in the middle."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="big.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = head + b"\0" * (megabytes << 20) + b"\r\n--x--\r\n"
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=60)
    try:
        connection.request("PUT", place.path, body, {**headers, "Content-Type": "multipart/form-data; boundary=x"})
        return connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError):
        return None
    finally:
        connection.close()


def test_a_websocket_from_another_place_is_refused(app_url):
    async def knock(origin: str) -> None:
        async with websockets.connect(
            app_url.replace("http", "ws") + "/_stcore/stream", origin=origin, subprotocols=["streamlit", "PLACEHOLDER"]
        ):
            pass

    with ThreadPoolExecutor(1) as elsewhere:  # the browser holds an event loop in this thread
        elsewhere.submit(asyncio.run, knock(app_url)).result()
        with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
            elsewhere.submit(asyncio.run, knock("http://evil.example")).result()
    assert refused.value.response.status_code == 403
