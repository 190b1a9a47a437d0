"""The app's routes under a base path behind a proxy that forwards nothing else; and no request to outside servers."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.browser.conftest import serve
from tests.training.runs.test_snapshot_writer import make_look
from tests.ui.server.test_routes import make_run, record
from vpc2.training.runs.snapshot_writer import SnapshotWriter, to_numbers
from vpc2.ui import addresses

ROOT = Path(__file__).parents[2]
WATCH = ROOT / "tests" / "watching"
BASE = "class/vpc2"
PROXY = """
{{
	admin off
	auto_https off
}}
http://127.0.0.1:{port} {{
	handle /class/vpc2* {{
		reverse_proxy {server}
	}}
	handle {{
		respond "outside of the app" 404
	}}
}}
"""


def ask(address: str) -> tuple[int, str, bytes]:
    """Return status, content type and body of a response; redirects are followed."""
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get_content_type(), error.read()


@pytest.fixture
def behind(tmp_path):
    """The URL of the app behind a proxy that forwards only the base path, and a run with curves and a snapshot."""
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("caddy is not installed: apt-get install caddy")
    run = make_run("behind a proxy")
    record(run)
    SnapshotWriter(run.folder).write_snapshot(make_look(step=120))
    with serve(ROOT / "streamlit_app.py", tmp_path, health=f"/{BASE}/api/health", STREAMLIT_SERVER_BASE_URL_PATH=BASE) as server:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (tmp_path / "Caddyfile").write_text(PROXY.format(port=port, server=urlsplit(server).netloc))
        command = [caddy, "run", "--config", str(tmp_path / "Caddyfile"), "--adapter", "caddyfile"]
        env = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        proxy = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    ask(f"http://127.0.0.1:{port}/")
                    break
                except urllib.error.URLError:
                    assert time.monotonic() < deadline and proxy.poll() is None, "the proxy did not come up"
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", run
        finally:
            proxy.terminate()
            proxy.wait(15)


@pytest.mark.slow
def test_curves_looks_and_tensorboard_come_through_a_proxy_that_knows_the_base_path_alone(behind):
    proxy, run = behind
    assert ask(f"{proxy}/api/health")[0] == 404, "the proxy sends on what it should not"
    root = f"{proxy}/{BASE}"
    status, kind, body = ask(f"{root}/api/health")
    assert (status, kind) == (200, "application/json") and json.loads(body)["status"] == "ok"
    status, kind, body = ask(f"{root}/api/runs/{run.id}")
    curves = json.loads(body)
    assert (status, kind) == (200, "application/json") and curves["state"] == "finished"
    assert [event["step"] for event in curves["events"] if event["type"] == "step"] == [1, 2, 3, 4, 5, 6]
    status, kind, body = ask(f"{root}/api/runs/{run.id}/look")
    assert (status, kind) == (200, "application/json") and json.loads(body) == to_numbers(make_look(step=120))
    for name in ("batch", "mistakes"):
        found = ask(f"{root}/api/runs/{run.id}/{name}.jpg?step=120")
        assert found == (200, "image/jpeg", (run.folder / f"{name}-120.jpg").read_bytes())
    # TensorBoard: the address without its last slash leads there too, and its page asks for its data beside itself.
    board = f"{root}/tensorboard/{run.id}"
    status, kind, page = ask(board)
    assert (status, kind) == (200, "text/html") and b"tb-relative-root" in page
    tags = json.loads(ask(urljoin(f"{board}/", "data/plugin/scalars/tags"))[2])
    (name,) = tags
    points = json.loads(ask(f"{board}/data/plugin/scalars/scalars?run={quote(name)}&tag={quote('loss/train')}")[2])
    assert [step for _time, step, _value in points] == [1, 2, 3, 4, 5, 6]
    assert ask(f"{root}/tensorboard")[:2] == (200, "text/html")
    # The browser's name is kept for this app alone, and not for what lies beside it.
    opened = urllib.request.urlopen(urllib.request.Request(f"{root}/train", headers={"Accept": "text/html"}), timeout=20)
    assert f"; Path=/{BASE};" in next(value for value in opened.headers.get_all("Set-Cookie") if value.startswith("vpc2_visitor="))
    # What is not ours is still Streamlit's: the page, and no route of ours answers for it.
    assert ask(f"{root}/train")[1] == "text/html"


@pytest.mark.parametrize(
    ("given", "base"), [("", ""), ("/", ""), (None, ""), ("class/vpc2", "/class/vpc2"), ("/class/vpc2/", "/class/vpc2"), ("lab", "/lab")]
)
def test_the_base_path_as_it_stands_before_a_route(given, base, monkeypatch):
    monkeypatch.setattr(st, "get_option", {"server.baseUrlPath": given}.get)
    assert addresses.base_path() == base


@pytest.mark.parametrize("base", ["", "class/vpc2"])
def test_the_links_of_a_page_lead_below_the_base_path(base, monkeypatch):
    """TensorBoard's link and frame, the curves and the snapshot: all URLs of the app's routes that pages use."""

    def script():
        from vpc2.ui.components.live_curves import live_curves
        from vpc2.ui.components.live_snapshot import live_snapshot
        from vpc2.ui.server import routes
        from vpc2.ui.widgets import tensorboard_embed

        routes._SERVING.set()
        tensorboard_embed.show_tensorboard(["feedface00000001"])
        live_curves([{"id": "feedface00000001", "label": "a"}], key="curves")
        live_snapshot("feedface00000001", "batch", key="look")

    told = {"server.baseUrlPath": base}
    real = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: told[name] if name in told else real(name))
    try:
        at = AppTest.from_function(script).run()
        at.toggle[0].set_value(True).run()
    finally:
        from vpc2.ui.server import routes

        routes._SERVING.clear()
    assert not at.exception
    root = f"/{base}" if base else ""
    board = f"{root}/tensorboard/feedface00000001/"
    assert at.get("link_button")[0].proto.url == board
    assert at.get("iframe")[0].proto.src == board
    data = [json.loads(one.proto.json) for one in at.get("bidi_component")]
    assert [one["base"] for one in data] == [root, root]


@pytest.mark.slow
def test_a_server_for_a_whole_room_asks_nobody_for_its_own_address(tmp_path):
    """Unpatched, Streamlit asks checkip.amazonaws.com at the start, and again for a websocket from a page of another origin."""
    log = tmp_path / "log"
    (tmp_path / "account").mkdir()
    watched = {"PYTHONPATH": f"{WATCH}:{ROOT}", "WATCH_LOG": str(log), "HOME": str(tmp_path / "account")}
    with serve(ROOT / "streamlit_app.py", tmp_path, STREAMLIT_SERVER_ADDRESS="0.0.0.0", **watched) as address:
        there = urlsplit(address)
        headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "A" * 22 + "==", "Sec-WebSocket-Version": "13"}
        for origin, status in (("http://elsewhere.example", 403), (address, 101)):
            connection = http.client.HTTPConnection(there.hostname, there.port, timeout=20)
            connection.request("GET", "/_stcore/stream", headers={**headers, "Origin": origin})
            assert connection.getresponse().status == status, origin
            connection.close()
    told = (tmp_path / "server.log").read_text()
    assert f"vpc2 is at http://localhost:{there.port}\n" in told and "External URL" not in told
    asked = [line for line in log.read_text().splitlines() if line.startswith("net ")]
    # A datagram socket that is connected says through which of its addresses the machine would go; nothing is sent.
    assert [line for line in asked if line != "net ('8.8.8.8', 1)"] == []
    assert list((tmp_path / "account").iterdir()) == []
