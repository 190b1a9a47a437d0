"""TensorBoard under the app's own address: `/tensorboard/<run id>/` shows one run, `/tensorboard/<id>+<id>/` several.

`/tensorboard/` shows all runs where visitors may see each other's: the server listens on this machine only and no proxy stands
before it, or the host shares runs. A run's id is a secret like a link's: who has it may look.

Written against TensorBoard's inner parts, which are no promised interface; tests/ui/server/test_routes.py asks for real answers.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import streamlit as st

from vpc2 import host
from vpc2.lru_cache import LruCache
from vpc2.text import Refusal
from vpc2.training.runs.store import Run, RunStore

RELOAD_S = 3.0
MOST_BOARDS = 12
MOST_RUNS = 100
STEPS_KEPT = 2000  # points of a curve; TensorBoard draws a sample of longer ones
KEPT = {"text": 4, "images": 10, "histograms": 40, "pr_curves": 20}  # looks kept of each tag: the server's memory is everybody's

_IDS = re.compile(r"/(?!experiment/)([a-z0-9]{8,32}(?:\+[a-z0-9]{8,32}){0,15})(/.*)?")
_PAGE_NAME = re.compile(r"/experiment/[^/]*(?=/)")
_EXPERIMENT = "HTTP_TENSORBOARD_EXPERIMENT_ID"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")  # what proxies add
_NO_RUNS = "-"  # no run has such an id


class Boards:
    """A WSGI application: TensorBoard, built when the first one asks for it, with the runs that the address names."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._app: Callable | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        with self._lock:
            if self._app is None:
                self._app = _build_app()
        path = environ.get("PATH_INFO", "")
        named = _IDS.fullmatch(path)
        if named and named[2] is None:  # without its last slash, TensorBoard's relative addresses would point beside it
            start_response("307 Temporary Redirect", [("Location", f"{environ.get('SCRIPT_NAME', '')}{path}/"), ("Content-Length", "0")])
            return [b""]
        # Which runs are meant goes the way TensorBoard names experiments; a visitor's own header of that name is
        # overwritten, and so is the name by which TensorBoard's page calls the only experiment it knows.
        is_forwarded = any(name in environ for name in _FORWARDED)  # the network is behind a proxy, also where we listen to it alone
        everyones = _NO_RUNS if is_forwarded and not host.has_shared_runs() else ""
        environ[_EXPERIMENT] = named[1] if named else everyones
        environ["PATH_INFO"] = _PAGE_NAME.sub("", named[2] if named else path or "/", count=1)
        environ["SCRIPT_NAME"] = ""
        return self._app(environ, start_response)


def _build_app() -> Callable:
    from tensorboard import program
    from tensorboard.backend import application
    from tensorboard.plugins.core import core_plugin
    from tensorboard.plugins.distribution import distributions_plugin
    from tensorboard.plugins.graph import graphs_plugin
    from tensorboard.plugins.histogram import histograms_plugin
    from tensorboard.plugins.hparams import hparams_plugin
    from tensorboard.plugins.image import images_plugin
    from tensorboard.plugins.metrics import metrics_plugin
    from tensorboard.plugins.pr_curve import pr_curves_plugin
    from tensorboard.plugins.scalar import scalars_plugin
    from tensorboard.plugins.text import text_plugin

    board = program.TensorBoard(
        plugins=[
            core_plugin.CorePluginLoader(),
            scalars_plugin.ScalarsPlugin,
            images_plugin.ImagesPlugin,
            graphs_plugin.GraphsPlugin,
            distributions_plugin.DistributionsPlugin,
            histograms_plugin.HistogramsPlugin,
            hparams_plugin.HParamsPlugin,
            pr_curves_plugin.PrCurvesPlugin,
            metrics_plugin.MetricsPlugin,
            text_plugin.TextPlugin,
        ],
    )
    board.configure(argv=["tensorboard", "--logdir", "runs", "--load_fast", "false"])
    return application.TensorBoardWSGIApp(board.flags, board.plugin_loaders, _Provider(), board.assets_zip_provider)


class _Provider:
    """What TensorBoard asks for data, answered from the runs that the request names; read again when it is older than a moment."""

    def __init__(self) -> None:
        self._boards = LruCache(MOST_BOARDS)

    def __getattr__(self, name: str) -> Callable:
        if not name.startswith(("list_", "read_", "experiment_")):
            raise AttributeError(name)

        def ask(ctx: Any = None, **asked: Any) -> Any:
            # The hyper-parameters' questions are about several experiments, all others about one.
            named = asked["experiment_ids"][0] if "experiment_ids" in asked else asked.get("experiment_id", "")
            return getattr(self._board(named).fresh(), name)(ctx, **asked)

        return ask

    def _board(self, ids: str) -> _Board:
        return self._boards.get(ids) or self._boards.setdefault(ids, _Board(ids))


class _Board:
    """Some runs, as TensorBoard reads them."""

    def __init__(self, ids: str):
        self._ids = ids
        self._lock = threading.Lock()
        self._shown: dict[str, str] = {}
        self._read_at = float("-inf")

    def fresh(self) -> Any:
        """Return the data, with what was written to the event files meanwhile."""
        with self._lock:
            if time.monotonic() - self._read_at > RELOAD_S:
                self._read()
                self._read_at = time.monotonic()
            return self._provider

    def _read(self) -> None:
        from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer

        wanted = {
            f"{run.name.replace('/', '-')} ({run.id})": str(run.folder / "tb") for run in self._runs() if (run.folder / "tb").is_dir()
        }
        if self._read_at < 0 or self._shown.keys() - wanted.keys():  # at first, and when one was deleted or renamed
            kept = {"scalars": STEPS_KEPT, **KEPT}
            self._multiplexer = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance=kept, size_guidance=None)
            self._provider = data_provider.MultiplexerDataProvider(self._multiplexer, "vpc2")
        self._shown = wanted
        for name, path in wanted.items():
            self._multiplexer.AddRun(path, name)
        self._multiplexer.Reload()

    def _runs(self) -> list[Run]:
        store = RunStore()
        if not self._ids:
            is_private = st.get_option("server.address") in _LOOPBACK
            return store.list()[:MOST_RUNS] if is_private or host.has_shared_runs() else []
        found = []
        for run_id in self._ids.split("+"):
            try:
                found.append(store.get(run_id))
            except Refusal:
                continue
        return found
