"""The visitor cookie: set once, random, HttpOnly, available before the session starts."""

import re

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient

from vpc2.ui.server import routes as server_routes
from vpc2.ui.session import sign_in, visitor_cookie, workspace

PAGE = {"Sec-Fetch-Dest": "document"}
NAME = "0123456789abcdef" * 2


@pytest.fixture
def client():
    async def told(request):
        return PlainTextResponse(request.cookies.get(visitor_cookie.COOKIE, "nobody"))

    async def stream(socket):
        await socket.accept()
        await socket.send_text(socket.cookies.get(visitor_cookie.COOKIE, "nobody"))
        await socket.close()

    routes = [Route("/", told), Route("/part.js", told), WebSocketRoute("/stream", stream), *server_routes.routes()]
    with TestClient(Starlette(routes=routes, middleware=[Middleware(visitor_cookie.VisitorCookie)]), base_url="https://host") as client:
        yield client


def test_the_first_page_names_the_browser_and_later_ones_keep_the_name(client):
    answer = client.get("/", headers=PAGE)
    assert re.fullmatch("[0-9a-f]{32}", answer.text) and client.cookies[visitor_cookie.COOKIE] == answer.text
    assert client.get("/", headers=PAGE).text == answer.text
    assert {part.strip().partition("=")[0] for part in answer.headers["set-cookie"].split(";")} >= {
        "HttpOnly",
        "SameSite",
        "Secure",
        "Path",
    }


def test_every_browser_gets_its_own_visitor_id(client):
    names = set()
    for _visit in range(200):
        client.cookies.clear()
        names.add(client.get("/", headers=PAGE).text)
    assert len(names) == 200


def test_static_files_set_no_visitor_cookie(client):
    for headers in ({"Sec-Fetch-Dest": "script"}, {"Sec-Fetch-Dest": "empty", "Accept": "text/html"}, {"Accept": "*/*"}):
        answer = client.get("/part.js", headers=headers)
        assert answer.text == "nobody" and "set-cookie" not in answer.headers


@pytest.mark.parametrize("given", ["", "x" * 32, NAME[:-1], NAME.upper(), NAME + "0", "../../etc/passwd"])
def test_an_invalid_visitor_cookie_is_replaced(client, given):
    client.cookies.set(visitor_cookie.COOKIE, given)
    assert visitor_cookie.is_visitor_id(client.get("/", headers=PAGE).text)


def test_a_connection_without_a_name_has_one_before_its_session_begins(client):
    with client.websocket_connect("wss://host/stream") as socket:
        assert visitor_cookie.is_visitor_id(socket.receive_text())
        assert any(name == b"set-cookie" and b"HttpOnly" in value for name, value in socket.extra_headers)


def test_a_connection_keeps_the_name_of_its_browser(client):
    name = client.get("/", headers=PAGE).text
    with client.websocket_connect("wss://host/stream") as socket:
        assert socket.receive_text() == name


def test_a_name_of_before_there_were_cookies_is_taken_over(client):
    client.get("/", headers=PAGE)
    assert client.post("/api/visitor", json=NAME).json() == {"is_known": False}
    client.cookies = {visitor_cookie.COOKIE: NAME}
    assert client.post("/api/visitor", json=NAME).json() == {"is_known": True}
    assert client.get("/", headers=PAGE).text == NAME


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Origin": "https://evil.example"}, f'"{NAME}"', 403),
        ({"Sec-Fetch-Site": "cross-site"}, f'"{NAME}"', 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://host"}, f'"{NAME}"', 403),
        ({"Content-Type": "text/plain"}, f'"{NAME}"', 403),
        ({}, "7", 400),
        ({}, '["' + NAME, 400),
        ({}, '"' + "0" * 10_000 + '"', 400),
        ({}, "", 400),
    ],
)
def test_another_site_cannot_set_the_visitor_cookie(client, headers, body, status):
    answer = client.post("/api/visitor", content=body, headers={"Content-Type": "application/json", **headers})
    assert answer.status_code == status and "set-cookie" not in answer.headers


class Context:
    def __init__(self, cookies, headers=None):
        self.cookies, self.headers = cookies, headers or {}


@pytest.fixture
def session(monkeypatch):
    """A session without a browser; `browser` sets its cookies."""
    kept = {}
    monkeypatch.setattr(workspace.st, "session_state", kept)

    def browser(cookies, headers=None):
        monkeypatch.setattr(workspace.st, "context", Context(cookies, headers or {"Host": "here"}))

    browser({})
    return kept, browser


def test_who_signed_in_has_that_name_whatever_the_browser_says(session, monkeypatch):
    _kept, browser = session
    browser({visitor_cookie.COOKIE: NAME})
    assert workspace.visitor_id() == workspace.owner_id() == NAME and workspace.is_identified()
    monkeypatch.setattr(sign_in, "signed_in_id", lambda: "f" * 32)
    browser({})
    assert workspace.visitor_id() == workspace.owner_id() == "f" * 32 and workspace.is_identified()


def test_nothing_is_owned_before_the_visitor_id_is_known(session):
    """Without the cookie the page reports the id a moment later: before that nothing can be started, afterwards that id is the owner."""
    kept, _browser = session
    with pytest.raises(workspace.Refusal):
        workspace.owner_id()
    kept["visitor"] = {"id": NAME}
    assert workspace.owner_id() == workspace.visitor_id() == NAME
    kept["visitor"] = {"id": "guessed"}
    with pytest.raises(workspace.Refusal):
        workspace.owner_id()
