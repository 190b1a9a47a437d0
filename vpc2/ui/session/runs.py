"""Access of the pages to runs: the store, the server's training queue, starting a run, and the run in the page's URL."""

from __future__ import annotations

import threading

import streamlit as st

from vpc2.system import host
from vpc2.text import Refusal
from vpc2.training.queue.base import RunQueue
from vpc2.training.queue.factory import make_queue
from vpc2.training.runs.store import Run, RunStore
from vpc2.training.spec import Recipe
from vpc2.ui import markdown
from vpc2.ui.session import notices, workspace
from vpc2.ui.session.i18n import localize

_QUEUE: dict[str, RunQueue] = {}
_LOCK = threading.Lock()


def store() -> RunStore:
    return RunStore()


def queue() -> RunQueue:
    """Return the server's queue of runs, created and warmed up by the first call."""
    with _LOCK:
        home = str(host.home())
        if home not in _QUEUE:
            _QUEUE[home] = make_queue(RunStore())
            _QUEUE[home].reconcile()
        _QUEUE[home].warm()
        return _QUEUE[home]


def shutdown() -> None:
    """Shut down idle spare workers; a run in progress continues."""
    with _LOCK:
        for each in _QUEUE.values():
            each.shutdown()
        _QUEUE.clear()


def start_run(recipe: Recipe, task: str = "train", name: str = "") -> Run:
    """Create and queue a run owned by the visitor. Raises `Refusal` if the data set was uploaded by another visitor."""
    from vpc2.ui.session import own_datasets  # imports numpy, which the first page does not need

    own_datasets.require_visible(recipe.dataset)
    run = store().create(recipe, name=name, owner=workspace.owner_id(), task=task)
    queue().start(run)
    return run


def clone_run(run_id: str) -> Run:
    """Create a new run of the same recipe, owned by the visitor."""
    return store().clone(run_id, workspace.owner_id())


def train_further(run_id: str) -> Run:
    """Create a new run of the visitor's recipe that starts from another run's weights."""
    return store().continue_from(run_id, workspace.load("recipe"), workspace.owner_id())


def chosen_run() -> Run | None:
    """Return the run in the page's URL (`?run=`), which survives a reload; None without one or for an unknown id."""
    run_id = st.query_params.get("run")
    if not run_id:
        return None
    try:
        return store().get(run_id)
    except Refusal as refusal:
        del st.query_params["run"]
        st.warning(markdown.escape(localize(refusal.text)), icon=":material/warning:")
        notices.add_note(refusal.text, "error")  # as the id is removed from the URL, a rerun would no longer show the warning
        return None


def visible_runs() -> list[Run]:
    """Return the runs that this visitor may see: their own, and all finished ones where the host shares runs."""
    return store().visible_to(workspace.visitor_id())
