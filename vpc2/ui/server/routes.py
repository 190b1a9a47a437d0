"""The app's HTTP routes (events and snapshots of a run, visitor cookie, TensorBoard, health), its start and shutdown, security headers.

Nothing here imports torch. The pages also work without these routes, on hosts that run the plain script: see `is_serving`.
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
from vpc2.ui.server.tensorboard import TensorBoardApp
from vpc2.ui.session import visitor_cookie

MAX_EVENTS = 5000  # in one response; the browser requests the rest

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
_RUN_STATE = "Run-State"  # response header with the state of the run, also sent where there is no newer snapshot


def is_serving() -> bool:
    """True where the routes below are served: the app was started by `streamlit_app.py`, not as a plain script."""
    return _SERVING.is_set()


def to_curve_events(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the fields of a run's events that the curves need, with floats rounded to five significant digits."""
    return [
        {"type": event["type"], **{name: _round_float(event[name]) for name in _FIELDS[event["type"]] if name in event}}
        for event in events
        if event["type"] in _FIELDS
    ]


def _round_float(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def read_run(run_id: str, since: int = 0, limit: int | None = MAX_EVENTS) -> dict[str, Any]:
    """Return the state of a run and its events numbered `since` and up; raise `Refusal` if there is no such run.

    `t` is the time of the last of them (None without events); `more` says that further events are left for the next request.
    """
    folder = RunStore().path(run_id)
    state = status_of(folder).state  # before the events: a run that is over has no later ones
    events, next_event = read_events(folder, since, limit)
    t = events[-1]["t"] if events else None
    return {
        "state": state,
        "events": to_curve_events(events),
        "t": t,
        "next": next_event,
        "more": limit is not None and len(events) == limit,
    }


def _refusal_response(refusal: Refusal) -> JSONResponse:
    messages = refusal.text.in_every_language()
    return JSONResponse({"error": messages.pop(SOURCE), **{f"error_{name}": message for name, message in messages.items()}}, 404, _NO_STORE)


def _parse_integer(text: str | None) -> int | None:
    """Return a query parameter as a non-negative integer of at most nine digits; None for anything else."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None


def run_events(request: Request) -> JSONResponse:
    """GET /api/runs/{id}?since=n: state and events of a run as JSON; see `read_run`."""
    try:
        run = read_run(request.path_params["run_id"], _parse_integer(request.query_params.get("since")) or 0)
    except Refusal as refusal:
        return _refusal_response(refusal)
    return JSONResponse(run, headers=_NO_STORE)


def run_snapshot(request: Request) -> Response:
    """GET /api/runs/{id}/look?since=step: the numbers of the latest snapshot; 204 if there is none or none newer than that step."""
    try:
        folder = RunStore().path(request.path_params["run_id"])
        state = status_of(folder).state  # before the snapshot: a run that is over has no later one
    except Refusal as refusal:
        return _refusal_response(refusal)
    headers = {**_NO_STORE, _RUN_STATE: state}
    numbers = read_snapshot(folder)
    if numbers is None or numbers["step"] == _parse_integer(request.query_params.get("since")):
        return Response(status_code=204, headers=headers)
    return JSONResponse(numbers, headers=headers)


def run_sheet(request: Request) -> Response:
    """GET /api/runs/{id}/batch.jpg?step=n, and mistakes.jpg: the images of that step's snapshot; 404 once they are deleted."""
    try:
        folder = RunStore().path(request.path_params["run_id"])
    except Refusal as refusal:
        return _refusal_response(refusal)
    step = _parse_integer(request.query_params.get("step"))
    path = sheet_path(folder, request.url.path.rpartition("/")[2].removesuffix(".jpg"), -1 if step is None else step)
    try:
        return Response(path.read_bytes(), media_type="image/jpeg", headers=_NO_STORE)
    except FileNotFoundError:
        return Response(status_code=404, headers=_NO_STORE)


async def health(request: Request) -> JSONResponse:
    """GET /api/health: whether the server is up and the libraries are loaded."""
    return JSONResponse({"status": "ok", "libraries_are_loaded": preload.READY.is_set()}, headers=_NO_STORE)


def routes(base: str = "") -> list[BaseRoute]:
    """Return the routes, under a base path if one is given: Streamlit applies `server.baseUrlPath` to its own routes only."""
    root = f"/{base.strip('/')}" if base.strip("/") else ""

    async def to_tensorboard(request: Request) -> Response:
        return RedirectResponse(f"{root}/tensorboard/?{request.url.query}".rstrip("?"))

    return [
        Route(f"{root}/api/health", health),
        Route(f"{root}/api/visitor", visitor_cookie.adopt_stored_id, methods=["POST"]),
        Route(f"{root}/api/runs/{{run_id}}", run_events),
        Route(f"{root}/api/runs/{{run_id}}/look", run_snapshot),
        *(Route(f"{root}/api/runs/{{run_id}}/{name}.jpg", run_sheet) for name in SHEETS),
        Route(f"{root}/tensorboard", to_tensorboard),
        Mount(f"{root}/tensorboard", WSGIMiddleware(TensorBoardApp(), workers=4)),  # type: ignore[arg-type]  # a2wsgi names its own ASGI and WSGI types
    ]


def _start_queue() -> None:
    """Resume the runs of an earlier server process and warm up a spare worker, so that the first run shows its first point at once.

    Also deletes data sets and classifiers that visitors uploaded and have not used for long.
    """
    from vpc2.data import uploaded_sets
    from vpc2.predict import uploaded_classifiers
    from vpc2.ui.session import runs

    runs.queue()
    uploaded_sets.sweep()
    uploaded_classifiers.sweep()


@contextlib.asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Start loading the libraries when the server starts; shut down idle workers when it stops (a run continues)."""
    _SERVING.set()
    addresses.print_addresses()
    preload.start(then=_start_queue)
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
    """ASGI middleware that adds to every response: no MIME sniffing, no framing by other sites, no referrer to other sites."""

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
