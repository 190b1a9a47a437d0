"""The app's own routes: the record of a run for the live curves, TensorBoard, health; and what happens at start and end.

Nothing here imports torch. The pages work without these routes too (on hosts that run the plain script): ask `is_serving`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Any

from a2wsgi import WSGIMiddleware
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vpc2.text import SOURCE, Refusal
from vpc2.training.runs.events import read_events
from vpc2.training.runs.snapshot_files import SHEETS, read_snapshot, sheet_path
from vpc2.training.runs.status import status_of
from vpc2.training.runs.store import RunStore
from vpc2.ui import addresses
from vpc2.ui.server import idle, preload
from vpc2.ui.server.tensorboard import Boards
from vpc2.ui.session import visitor_cookie

MOST_EVENTS = 5000  # in one answer; the browser asks again for the rest

_SERVING = threading.Event()
_NO_STORE = {"Cache-Control": "no-store"}
_FIELDS = {
    "start": ("t", "epochs", "steps_per_epoch", "budget_s"),
    "prepare": ("share",),
    "step": ("step", "loss", "accuracy", "learning_rate"),
    "epoch": (
        *("t", "epoch", "step", "train_loss", "train_accuracy", "val_loss", "val_accuracy"),
        *("images_per_s", "elapsed_s", "planned_epochs", "is_best"),
    ),
    "end": ("best_epoch", "elapsed_s"),
}
_RUN_STATE = "Run-State"  # the header that says how the run stands, also where there is no newer look


def is_serving() -> bool:
    """True where the routes below are there: the app was started by `streamlit_app.py`, not as a plain script."""
    return _SERVING.is_set()


def compact(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the curves need of a run's events, numbers to five digits."""
    return [
        {"type": event["type"], **{name: _short(event[name]) for name in _FIELDS[event["type"]] if name in event}}
        for event in events
        if event["type"] in _FIELDS
    ]


def _short(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def answer(run_id: str, since: int = 0, limit: int | None = MOST_EVENTS) -> dict[str, Any]:
    """Return the state of a run and its events numbered `since` and up; raise `Refusal` if there is no such run.

    `t` is when the last of them happened (null if there is none); `more` says that events are left over for another question.
    """
    folder = RunStore().path(run_id)
    state = status_of(folder).state  # before the events: a run that is over has no later ones
    events, following = read_events(folder, since, limit)
    t = events[-1]["t"] if events else None
    return {"state": state, "events": compact(events), "t": t, "next": following, "more": limit is not None and len(events) == limit}


def _refuse(refusal: Refusal) -> JSONResponse:
    said = refusal.text.in_every_language()
    return JSONResponse({"error": said.pop(SOURCE), **{f"error_{name}": words for name, words in said.items()}}, 404, _NO_STORE)


def _whole(given: str | None) -> int | None:
    """Return a number of an address, or None for anything that is none of ours."""
    return int(given) if given is not None and given.isascii() and given.isdigit() and len(given) < 10 else None


def run_events(request: Request) -> JSONResponse:
    """GET /api/runs/{id}?since=n."""
    try:
        found = answer(request.path_params["run_id"], _whole(request.query_params.get("since")) or 0)
    except Refusal as refusal:
        return _refuse(refusal)
    return JSONResponse(found, headers=_NO_STORE)


def run_look(request: Request) -> Response:
    """GET /api/runs/{id}/look?since=step: the latest look's numbers; 204 where that is still the look of that step, or there is none."""
    try:
        folder = RunStore().path(request.path_params["run_id"])
        state = status_of(folder).state  # before the look: a run that is over has no later one
    except Refusal as refusal:
        return _refuse(refusal)
    headers = {**_NO_STORE, _RUN_STATE: state}
    numbers = read_snapshot(folder)
    if numbers is None or numbers["step"] == _whole(request.query_params.get("since")):
        return Response(status_code=204, headers=headers)
    return JSONResponse(numbers, headers=headers)


def run_sheet(request: Request) -> Response:
    """GET /api/runs/{id}/batch.jpg?step=n, and mistakes.jpg: the pictures of the look of that step, while they are there."""
    try:
        folder = RunStore().path(request.path_params["run_id"])
    except Refusal as refusal:
        return _refuse(refusal)
    step = _whole(request.query_params.get("step"))
    path = sheet_path(folder, request.url.path.rpartition("/")[2].removesuffix(".jpg"), -1 if step is None else step)
    try:
        return Response(path.read_bytes(), media_type="image/jpeg", headers=_NO_STORE)
    except FileNotFoundError:
        return Response(status_code=404, headers=_NO_STORE)


async def health(request: Request) -> JSONResponse:
    """GET /api/health."""
    return JSONResponse({"status": "ok", "libraries_are_loaded": preload.READY.is_set()}, headers=_NO_STORE)


def routes(base: str = "") -> list[BaseRoute]:
    """Return the routes, under a base path where one is given: Streamlit puts `server.baseUrlPath` only before its own."""
    root = f"/{base.strip('/')}" if base.strip("/") else ""

    async def to_tensorboard(request: Request) -> Response:
        return RedirectResponse(f"{root}/tensorboard/?{request.url.query}".rstrip("?"))

    return [
        Route(f"{root}/api/health", health),
        Route(f"{root}/api/visitor", visitor_cookie.adopt, methods=["POST"]),
        Route(f"{root}/api/runs/{{run_id}}", run_events),
        Route(f"{root}/api/runs/{{run_id}}/look", run_look),
        *(Route(f"{root}/api/runs/{{run_id}}/{name}.jpg", run_sheet) for name in SHEETS),
        Route(f"{root}/tensorboard", to_tensorboard),
        Mount(f"{root}/tensorboard", WSGIMiddleware(Boards(), workers=4)),  # type: ignore[arg-type]  # a2wsgi names its own ASGI and WSGI types
    ]


def _begin_training() -> None:
    """Take up the runs an earlier server left, and let a spare worker warm up: the first click then shows its first point at once.

    Pictures of visitors who have not come back for long are removed on the way.
    """
    from vpc2.data import uploads
    from vpc2.predict import uploaded_classifiers
    from vpc2.ui.session import runs

    runs.queue()
    uploads.sweep()
    uploaded_classifiers.sweep()


@contextlib.asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Begin to load the libraries when the server starts; end the idle worker when it stops (a run goes on)."""
    _SERVING.set()
    addresses.announce()
    preload.start(then=_begin_training)
    idle.start()
    try:
        yield
    finally:
        _SERVING.clear()
        from vpc2.ui.session import runs

        runs.shutdown()


_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"frame-ancestors 'self'"),
    (b"referrer-policy", b"same-origin"),
)


class SecurityHeaders:
    """Tells browsers on every answer: take no type for another, let no foreign page frame this one, send it no address."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


ROUTES = routes(addresses.base_path())
MIDDLEWARE = [Middleware(SecurityHeaders), Middleware(visitor_cookie.VisitorCookie)]
