"""The runs as the pages reach them: the store, this server's one queue, starting a run, and the one that the address names."""

from __future__ import annotations

import threading

import streamlit as st

from vpc2 import host
from vpc2.text import Refusal
from vpc2.training.queue.base import RunQueue
from vpc2.training.queue.factory import make_queue
from vpc2.training.runs.store import Run, RunStore
from vpc2.training.spec import Recipe
from vpc2.ui import markdown
from vpc2.ui.session import notices, workspace
from vpc2.ui.session.i18n import say

_QUEUE: dict[str, RunQueue] = {}
_LOCK = threading.Lock()


def store() -> RunStore:
    return RunStore()


def queue() -> RunQueue:
    """Return this server's one queue of runs, made and warmed by the first call."""
    with _LOCK:
        where = str(host.home())
        if where not in _QUEUE:
            _QUEUE[where] = make_queue(RunStore())
            _QUEUE[where].reconcile()
        _QUEUE[where].warm()
        return _QUEUE[where]


def shutdown() -> None:
    """End the idle spare workers; a run that is going on goes on."""
    with _LOCK:
        for one in _QUEUE.values():
            one.shutdown()
        _QUEUE.clear()


def start_run(recipe: Recipe, task: str = "train", name: str = "") -> Run:
    """Queue a run of this recipe under the visitor's name. Raises `Refusal` where its pictures are somebody else's own."""
    from vpc2.ui.session import own_datasets  # it brings numpy, which the first page does without

    own_datasets.check(recipe.dataset)
    run = store().create(recipe, name=name, owner=workspace.owner(), task=task)
    queue().start(run)
    return run


def clone_run(run_id: str) -> Run:
    """Make a new run of the same recipe under the visitor's name."""
    return store().clone(run_id, workspace.owner())


def train_further(run_id: str) -> Run:
    """Make a new run of the visitor's recipe that begins with another run's weights."""
    return store().continue_from(run_id, workspace.load("recipe"), workspace.owner())


def chosen_run() -> Run | None:
    """Return the run that the address names (`?run=`), so that a reload finds it again."""
    wanted = st.query_params.get("run")
    if not wanted:
        return None
    try:
        return store().get(wanted)
    except Refusal as refusal:
        del st.query_params["run"]
        st.warning(markdown.literal(say(refusal.text)), icon=":material/warning:")
        notices.remember_note(refusal.text, "error")  # the address forgets the run, and the page may run again by itself
        return None


def visible_runs() -> list[Run]:
    """Return the runs this visitor may see: their own, and everyone's finished ones where the host shares them."""
    return store().visible_to(workspace.visitor())
