"""The visitor cookie: a random id of the browser, so that the visitor is known in the first script run, also after a server restart.

The cookie is HttpOnly: JavaScript cannot read it. Streamlit passes it to scripts as `st.context.cookies`.
"""

from __future__ import annotations

import json
import re
import secrets

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vpc2.ui import addresses

COOKIE = "vpc2_visitor"
KEEP_S = 400 * 24 * 3600  # the longest that browsers keep a cookie; every visit renews it
_NAME = re.compile(r"[0-9a-f]{32}")
_MAX_BYTES = 200


def is_visitor_id(value: object) -> bool:
    """True for a valid visitor id: 32 hexadecimal digits, 128 random bits."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _set_cookie(connection: HTTPConnection, visitor_id: str) -> tuple[bytes, bytes]:
    """Return the Set-Cookie header for a visitor id: limited to this app's path, and Secure if the request came over https."""
    path = addresses.base_path() or "/"
    is_secure = connection.url.scheme in ("https", "wss") or connection.headers.get("x-forwarded-proto", "") == "https"
    # Lax, not Strict: the cookie is also sent when the visitor follows a link from another site.
    value = f"{COOKIE}={visitor_id}; Max-Age={KEEP_S}; Path={path}; HttpOnly; SameSite=Lax" + "; Secure" * is_secure
    return b"set-cookie", value.encode("latin-1")


def _is_page(connection: HTTPConnection) -> bool:
    """True for a page or websocket request. Assets are requested in parallel and would each get an id of their own."""
    if connection.scope["type"] == "websocket":
        return True
    destination = connection.headers.get("sec-fetch-dest")
    return connection.scope["method"] == "GET" and (
        destination == "document" if destination else "text/html" in connection.headers.get("accept", "")
    )


class VisitorCookie:
    """ASGI middleware that sets the cookie with the first page, and adds it to a request without one before its session starts."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not _is_page(connection := HTTPConnection(scope)):
            await self.app(scope, receive, send)
            return
        visitor_id = connection.cookies.get(COOKIE)
        if visitor_id is None or not is_visitor_id(visitor_id):
            visitor_id = secrets.token_hex(16)
            sent = connection.headers.get("cookie")
            cookies = (f"{sent}; " if sent else "") + f"{COOKIE}={visitor_id}"  # of two cookies of one name the last counts
            others = [(key, value) for key, value in scope["headers"] if key != b"cookie"]
            scope = {**scope, "headers": [*others, (b"cookie", cookies.encode("latin-1"))]}
        header = _set_cookie(connection, visitor_id)

        async def send_with_cookie(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                message = {**message, "headers": [*message.get("headers", ()), header]}
            await send(message)

        await self.app(scope, receive, send_with_cookie)


async def adopt_stored_id(request: Request) -> JSONResponse:
    """POST /api/visitor: set the cookie to the id that older versions of the app kept in the browser's local storage.

    `is_known` in the response says that the browser already sends that id as its cookie. Only requests from this app's pages are
    accepted (Sec-Fetch-Site, Origin); others get 403, invalid ids 400.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    is_own = site in (None, "same-origin") and (origin is None or origin.partition("://")[2] == request.headers.get("host"))
    if not is_own or request.headers.get("content-type") != "application/json":
        return JSONResponse({"error": "not from here"}, 403)
    body = await request.body()
    try:
        visitor_id = json.loads(body[:_MAX_BYTES])
    except ValueError:
        visitor_id = None
    if not is_visitor_id(visitor_id):
        return JSONResponse({"error": "no name"}, 400)
    answer = JSONResponse({"is_known": request.cookies.get(COOKIE) == visitor_id}, headers={"Cache-Control": "no-store"})
    answer.raw_headers.append(_set_cookie(request, visitor_id))
    return answer
