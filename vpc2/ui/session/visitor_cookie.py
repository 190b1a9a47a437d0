"""Who a browser is: a random name in a cookie, which every connection carries, so that a new server knows it from the first run on.

The cookie is HttpOnly: no script of a page reads it. Streamlit hands it to a script as `st.context.cookies`.
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
KEEP_S = 400 * 24 * 3600  # the longest that browsers keep a cookie; every visit begins it anew
_NAME = re.compile(r"[0-9a-f]{32}")
_MOST_BYTES = 200


def is_name(given: object) -> bool:
    """True for what is a visitor's name: 32 hexadecimal digits, 128 random bits."""
    return isinstance(given, str) and _NAME.fullmatch(given) is not None


def _set_cookie(asked: HTTPConnection, name: str) -> tuple[bytes, bytes]:
    """Return the header that makes a browser keep its name, for this app's path alone and over https alone where it came so."""
    path = addresses.base_path() or "/"
    is_secure = asked.url.scheme in ("https", "wss") or asked.headers.get("x-forwarded-proto", "") == "https"
    # Lax, not Strict: who follows a link from elsewhere to the app is known, too.
    value = f"{COOKIE}={name}; Max-Age={KEEP_S}; Path={path}; HttpOnly; SameSite=Lax" + "; Secure" * is_secure
    return b"set-cookie", value.encode("latin-1")


def _is_page(asked: HTTPConnection) -> bool:
    """True where a browser opens a page; the parts of a page, asked for at the same time, would each be given a name of its own."""
    if asked.scope["type"] == "websocket":
        return True
    wanted = asked.headers.get("sec-fetch-dest")
    return asked.scope["method"] == "GET" and (wanted == "document" if wanted else "text/html" in asked.headers.get("accept", ""))


class VisitorCookie:
    """Gives every browser its name with the first page, and to a connection that has none yet before its session begins."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not _is_page(asked := HTTPConnection(scope)):
            await self.app(scope, receive, send)
            return
        name = asked.cookies.get(COOKIE)
        if name is None or not is_name(name):
            name = secrets.token_hex(16)
            given = asked.headers.get("cookie")
            told = (f"{given}; " if given else "") + f"{COOKIE}={name}"  # of two of one name the last counts
            others = [(key, value) for key, value in scope["headers"] if key != b"cookie"]
            scope = {**scope, "headers": [*others, (b"cookie", told.encode("latin-1"))]}
        header = _set_cookie(asked, name)

        async def send_with_cookie(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                message = {**message, "headers": [*message.get("headers", ()), header]}
            await send(message)

        await self.app(scope, receive, send_with_cookie)


async def adopt(request: Request) -> JSONResponse:
    """POST /api/visitor: keep under the cookie the name that this browser kept in its local storage before there were cookies.

    `is_known` says that the browser has sent that name back as its cookie. Only a page of this app may ask.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    is_own = site in (None, "same-origin") and (origin is None or origin.partition("://")[2] == request.headers.get("host"))
    if not is_own or request.headers.get("content-type") != "application/json":
        return JSONResponse({"error": "not from here"}, 403)
    body = await request.body()
    try:
        name = json.loads(body[:_MOST_BYTES])
    except ValueError:
        name = None
    if not is_name(name):
        return JSONResponse({"error": "no name"}, 400)
    answer = JSONResponse({"is_known": request.cookies.get(COOKIE) == name}, headers={"Cache-Control": "no-store"})
    answer.raw_headers.append(_set_cookie(request, name))
    return answer
