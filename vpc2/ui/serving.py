"""The app's own routes: the record of a run for the live curves, TensorBoard, health; and what happens at start and end.

Nothing here imports torch. The pages work without these routes too (on hosts that run the plain script): ask `is_serving`.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

from a2wsgi import WSGIMiddleware
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vpc2.training import showing
from vpc2.training.events import read_events
from vpc2.training.run import RunStore, status_of
from vpc2.ui import preload
from vpc2.ui.boards import Boards
from vpc2.words import Refusal

MOST_EVENTS = 5000  # in one answer; the browser asks again for the rest

_AT_REST = ("finished", "stopped", "failed", "interrupted", "paused")

_SERVING = threading.Event()
_NO_STORE = {"Cache-Control": "no-store"}
_FIELDS = {
    "start": ("epochs", "steps_per_epoch", "budget_s"),
    "prepare": ("share",),
    "step": ("step", "t", "loss", "accuracy", "learning_rate"),
    "epoch": (
        *("epoch", "step", "t", "train_loss", "train_accuracy", "val_loss", "val_accuracy"),
        *("planned_epochs", "is_best", "images_per_s", "elapsed_s"),
    ),
    "end": ("best_epoch",),
}


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


def answer(run_id: str, since: int = 0) -> dict[str, Any]:
    """Return the state of a run and its events numbered `since` and up; raise `Refusal` if there is no such run.

    `more` says that events are left over for another question.
    """
    folder = RunStore().path(run_id)
    state = status_of(folder).state  # before the events: a run that is over has no later ones
    events, following = read_events(folder, since, limit=MOST_EVENTS)
    return {"state": state, "events": compact(events), "next": following, "more": len(events) == MOST_EVENTS}


def run_events(request: Request) -> JSONResponse:
    """GET /api/runs/{id}?since=n."""
    since = request.query_params.get("since", "")
    try:
        found = answer(request.path_params["run_id"], int(since) if since.isascii() and since.isdigit() and len(since) < 10 else 0)
    except Refusal as refusal:
        return JSONResponse({"error": refusal.text.en, "error_es": refusal.text.es}, 404, _NO_STORE)
    return JSONResponse(found, headers=_NO_STORE)


def run_look(request: Request) -> Response:
    """GET /api/runs/{id}/look?since=step: the numbers of the latest look, 204 where there is none later."""
    try:
        found = latest_look(request.path_params["run_id"], request.query_params.get("since", ""))
    except Refusal as refusal:
        return JSONResponse({"error": refusal.text.en, "error_es": refusal.text.es}, 404, _NO_STORE)
    return Response(status_code=204, headers=_NO_STORE) if found is None else JSONResponse(found, headers=_NO_STORE)


def latest_look(run_id: str, since: str = "") -> dict[str, Any] | None:
    """Return the numbers of a run's latest look and the run's state; None where it is not later than the step `since`."""
    folder = RunStore().path(run_id)
    state = status_of(folder).state
    try:
        look = json.loads((folder / showing.NUMBERS).read_bytes())
    except OSError:
        return {"state": state} if state in _AT_REST else None
    if since.isascii() and since.isdigit() and int(since) >= look["step"] and state not in _AT_REST:
        return None
    return {**look, "state": state}


def run_sheet(request: Request) -> Response:
    """GET /api/runs/{id}/batch.jpg and mistakes.jpg: a sheet of pictures of the latest look."""
    try:
        folder = RunStore().path(request.path_params["run_id"])
    except Refusal:
        return Response(status_code=404, headers=_NO_STORE)
    path = folder / request.url.path.rpartition("/")[2]
    if path.name not in showing.SHEETS or not path.is_file():
        return Response(status_code=404, headers=_NO_STORE)
    return Response(path.read_bytes(), media_type="image/jpeg", headers=_NO_STORE)


async def health(request: Request) -> JSONResponse:
    """GET /api/health."""
    return JSONResponse({"status": "ok", "libraries_are_loaded": preload.READY.is_set()}, headers=_NO_STORE)


def routes(base: str = "") -> list[BaseRoute]:
    """Return the routes, under a base path where one is given: Streamlit puts `server.baseUrlPath` only before its own."""
    root = f"/{base.strip('/')}" if base and base.strip("/") else ""

    async def to_tensorboard(request: Request) -> Response:
        return RedirectResponse(f"{root}/tensorboard/?{request.url.query}".rstrip("?"))

    return [
        Route(f"{root}/api/health", health),
        Route(f"{root}/api/runs/{{run_id}}", run_events),
        Route(f"{root}/api/runs/{{run_id}}/look", run_look),
        *(Route(f"{root}/api/runs/{{run_id}}/{name}", run_sheet) for name in showing.SHEETS),
        Route(f"{root}/tensorboard", to_tensorboard),
        Mount(f"{root}/tensorboard", WSGIMiddleware(Boards(), workers=4)),
    ]


def _begin_training() -> None:
    """Take up the runs an earlier server left, and let a spare worker warm up: the first click then shows its first point at once."""
    from vpc2.ui import runs

    runs.engine()


@contextlib.asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Begin to load the libraries when the server starts; end the idle worker when it stops (a run goes on)."""
    _SERVING.set()
    preload.start(then=_begin_training)
    try:
        yield
    finally:
        _SERVING.clear()
        from vpc2.ui import runs

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


ROUTES = routes()
MIDDLEWARE = [Middleware(SecurityHeaders)]
