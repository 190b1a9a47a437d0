"""TensorBoard as a WSGI application under the app: `/tensorboard/<run id>/` shows one run, `/tensorboard/<id>+<id>/` several.

`/tensorboard/` shows all runs where visitors may see each other's: the server listens on this machine only and no proxy is in
front of it, or the host shares runs. A run's id is a secret like the token of a link: whoever has it may see the run.

Uses TensorBoard's internals, which are no stable interface; tests/ui/server/test_routes.py checks real responses.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import streamlit as st

from vpc2.system import host
from vpc2.system.lru_cache import LruCache
from vpc2.text import Refusal
from vpc2.training.runs.store import Run, RunStore

RELOAD_S = 3.0
MAX_GROUPS = 12  # kept open at once
MAX_RUNS = 100
MAX_SCALARS = 2000  # points kept per curve; TensorBoard samples longer ones
MAX_TENSORS = {"text": 4, "images": 10, "histograms": 40, "pr_curves": 20}  # entries kept per tag, to bound the server's memory

_IDS = re.compile(r"/(?!experiment/)([a-z0-9]{8,32}(?:\+[a-z0-9]{8,32}){0,15})(/.*)?")
_PAGE_NAME = re.compile(r"/experiment/[^/]*(?=/)")
_EXPERIMENT = "HTTP_TENSORBOARD_EXPERIMENT_ID"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")  # headers that proxies add
_NO_RUNS = "-"  # an id that no run can have


class TensorBoardApp:
    """WSGI application that serves TensorBoard for the runs named in the URL; TensorBoard is built at the first request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._app: Callable | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        with self._lock:
            if self._app is None:
                self._app = _build_app()
        path = environ.get("PATH_INFO", "")
        match = _IDS.fullmatch(path)
        if match and match[2] is None:  # without the trailing slash, TensorBoard's relative URLs would resolve one level up
            start_response("307 Temporary Redirect", [("Location", f"{environ.get('SCRIPT_NAME', '')}{path}/"), ("Content-Length", "0")])
            return [b""]
        # The run ids are passed on as TensorBoard's experiment id. A header of that name in the request is overwritten, and so
        # is the experiment name in the paths that TensorBoard's page requests.
        is_forwarded = any(name in environ for name in _FORWARDED)  # a proxy may be public even if this server listens on loopback only
        unnamed = _NO_RUNS if is_forwarded and not host.has_shared_runs() else ""
        environ[_EXPERIMENT] = match[1] if match else unnamed
        environ["PATH_INFO"] = _PAGE_NAME.sub("", match[2] if match else path or "/", count=1)
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
    return application.TensorBoardWSGIApp(board.flags, board.plugin_loaders, _DataProvider(), board.assets_zip_provider)


class _DataProvider:
    """TensorBoard data provider that dispatches each call to the group of runs named in the request; groups are kept in an LRU cache."""

    def __init__(self) -> None:
        self._groups = LruCache(MAX_GROUPS)

    def __getattr__(self, name: str) -> Callable:
        if not name.startswith(("list_", "read_", "experiment_")):
            raise AttributeError(name)

        def call(ctx: Any = None, **arguments: Any) -> Any:
            # Calls of the HParams plugin name several experiments, all others one.
            ids = arguments["experiment_ids"][0] if "experiment_ids" in arguments else arguments.get("experiment_id", "")
            return getattr(self._group(ids).provider(), name)(ctx, **arguments)

        return call

    def _group(self, ids: str) -> _RunGroup:
        return self._groups.get(ids) or self._groups.setdefault(ids, _RunGroup(ids))


class _RunGroup:
    """The runs of one request (ids joined by "+", "" for all visible ones), with a TensorBoard data provider over their event files."""

    def __init__(self, ids: str):
        self._ids = ids
        self._lock = threading.Lock()
        self._paths: dict[str, str] = {}
        self._read_at = float("-inf")

    def provider(self) -> Any:
        """Return the data provider; event files are read again if the last read is older than `RELOAD_S`."""
        with self._lock:
            if time.monotonic() - self._read_at > RELOAD_S:
                self._read()
                self._read_at = time.monotonic()
            return self._provider

    def _read(self) -> None:
        from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer

        paths = {f"{run.name.replace('/', '-')} ({run.id})": str(run.folder / "tb") for run in self._runs() if (run.folder / "tb").is_dir()}
        if self._read_at < 0 or self._paths.keys() - paths.keys():  # on the first read, and after a run was deleted or renamed
            sizes = {"scalars": MAX_SCALARS, **MAX_TENSORS}
            self._multiplexer = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance=sizes, size_guidance=None)
            self._provider = data_provider.MultiplexerDataProvider(self._multiplexer, "vpc2")
        self._paths = paths
        for name, path in paths.items():
            self._multiplexer.AddRun(path, name)
        self._multiplexer.Reload()

    def _runs(self) -> list[Run]:
        store = RunStore()
        if not self._ids:
            is_private = st.get_option("server.address") in _LOOPBACK
            return store.list()[:MAX_RUNS] if is_private or host.has_shared_runs() else []
        runs = []
        for run_id in self._ids.split("+"):
            try:
                runs.append(store.get(run_id))
            except Refusal:
                continue
        return runs
