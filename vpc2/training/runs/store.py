"""A run is a folder that outlives page, browser and server; its state is read off the folder, never remembered.

`spec.json` what was asked · `events.jsonl` what happened · `model.safetensors` the best weights so far · `checkpoint.safetensors`
where it stands, to go on from · `start.safetensors` weights to begin with · `tb/` the event files for TensorBoard ·
`worker.log` · `worker.json` and `heartbeat` who works on it.

Three empty files are requests. `stop` and `pause` are for the worker, who writes checkpoint and last event (`end`, `pause`)
and goes; a run that nobody works on is stopped or paused by the file alone. `queued` means that a run which had ended goes
on: `worker.json`, `stop` and `pause` are removed first, then `queued` is made, and whoever takes the run up writes
`worker.json`, then a `resume` event, and removes `queued`. While it is there, the last event does not count. So at every
moment, also between two of these moves, the folder says how the run stands:

1. a last event `end` (without `queued`): as that event says;
2. a living worker: running, unless its last event is `pause`;
3. `stop`: stopped; `pause`, or a last event `pause` (without `queued`): paused;
4. no `worker.json`: queued; one of a dead worker: interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vpc2 import host
from vpc2.codec import from_document, read_json, to_document
from vpc2.files import atomic_write_json
from vpc2.text import Refusal, Text, clean_name, from_stored
from vpc2.training.runs import liveness, retention
from vpc2.training.runs.events import last_event
from vpc2.training.spec import Recipe

STATES = {
    "queued": Text("waiting in line"),
    "running": Text("running"),
    "paused": Text("paused"),
    "finished": Text("finished"),
    "stopped": Text("stopped"),
    "failed": Text("failed"),
    "interrupted": Text("interrupted"),
}
MODEL_NAME = "model.safetensors"
CHECKPOINT_NAME = "checkpoint.safetensors"
START_NAME = "start.safetensors"
NOTE_LENGTH = 500
FULL_DISK = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)

_ID = re.compile(r"[a-z0-9]{8,32}")
_NO_RUN = Text("There is no such run; it may have been deleted.")
_NOT_YOURS = Text("This run is somebody else's: look at it or clone it.")
_STILL_RUNNING = Text("This run is still going: stop it first, then delete it.")
_ENDED = Text("This run has come to its end, there is nothing left to resume: continue from it with a new run.")
_NO_MODEL = Text("This run has no model yet to continue from: it is there after the first epoch.")
NO_SPACE = Text("The disk is full: delete old runs, then try again. Nothing was changed.")
_INTERRUPTED = Text(
    "The training process ended unexpectedly after epoch {epoch}; curves and model up to there are kept, and the run can be resumed."
)
_STOPPED_WAITING = Text("Stopped on request while it waited.")
_INTERRUPTED_EARLY = Text("The training process ended unexpectedly before the first epoch was complete; the run can be resumed.")


@dataclass(frozen=True)
class Run:
    """What was asked for: the frozen recipe, with the name, owner and time (seconds since 1970) of the request.

    `note` is the owner's own words; `continues` is the id of the run whose weights this one begins with, or "". `task` is "train",
    or "rate" for a search for a learning rate, which leaves no model and stands in no list.
    """

    id: str
    folder: Path
    recipe: Recipe
    name: str
    owner: str
    created: float
    note: str = ""
    continues: str = ""
    task: str = "train"

    @property
    def model_path(self) -> Path:
        return self.folder / MODEL_NAME


@dataclass(frozen=True)
class Status:
    """How a run stands: its state, the reason where there is one, and whether a living worker gives no sign of life."""

    state: str
    reason: Text | None = None
    is_stalled: bool = False
    is_resumable: bool = False

    @property
    def is_over(self) -> bool:
        """True for a run that neither goes nor means to go on; a paused one is not over."""
        return self.state not in ("queued", "running", "paused")


def make_run(folder: Path, recipe: Recipe, *, name: str = "", owner: str = "", run_id: str = "", **more: str) -> Run:
    """Make a run's folder with its `spec.json`. Raises FileExistsError if a run is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "spec.json").exists():
        raise FileExistsError(folder)
    name = clean_name(name or recipe.name or recipe.dataset)
    run = Run(run_id or folder.name, folder, recipe, name, owner, time.time(), **more)
    _write_spec(run)
    return run


def _write_spec(run: Run) -> None:
    document = {"name": run.name, "owner": run.owner, "created": run.created, "recipe": to_document(run.recipe)}
    more = {"note": run.note, "continues": run.continues, "task": run.task}
    document.update({key: value for key, value in more.items() if value and value != "train"})
    atomic_write_json(run.folder / "spec.json", document, indent=1)


def read_run(folder: Path) -> Run:
    """Return the run in a folder; raise `Refusal` if there is none that can be read."""
    path = folder / "spec.json"
    try:
        written = path.stat()
    except OSError:
        raise Refusal(_NO_RUN) from None
    return _read_spec(path, written.st_ino, written.st_mtime_ns, written.st_size)


@functools.lru_cache(maxsize=2000)
def _read_spec(path: Path, *written: int) -> Run:
    """Read a run's `spec.json`, once for as long as it stays as it was `written`: a page lists hundreds of runs."""
    folder = path.parent
    try:
        document = read_json(path.read_bytes())
    except OSError:
        raise Refusal(_NO_RUN) from None
    if not isinstance(document, dict):
        raise Refusal(_NO_RUN)
    recipe = from_document(document.get("recipe"), "recipe").spec
    created = document.get("created")
    return Run(
        folder.name,
        folder,
        recipe,
        clean_name(document.get("name", "")),
        str(document.get("owner", "")),
        float(created) if isinstance(created, int | float) else 0.0,
        clean_name(document.get("note", ""), NOTE_LENGTH),
        str(document.get("continues", "")),
        str(document.get("task", "train")),
    )


class RunStore:
    """The runs of this machine, one folder each under `home/runs`. Whoever changes a run says who asks: `by` must be its owner."""

    def __init__(self, home: Path | None = None):
        self.home = home or host.home()
        self.folder = self.home / "runs"

    def create(
        self, recipe: Recipe, *, name: str = "", owner: str = "", continues: str = "", start: Path | None = None, task: str = "train"
    ) -> Run:
        """Make a new run, waiting to be started by an engine; `start` is a classifier's file whose weights it begins with."""
        run_id = secrets.token_hex(8)
        folder = self.folder / run_id
        retention.retire(self.folder, is_going)
        try:
            with _on_disk():
                folder.mkdir(parents=True)
                if start is not None:
                    shutil.copyfile(start, folder / START_NAME)
                return make_run(folder, recipe, name=name, owner=owner, run_id=run_id, continues=continues, task=task)
        except Refusal:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def clone(self, run_id: object, owner: str) -> Run:
        """Make a new run of the same recipe for `owner`, who must be allowed to see the other; it begins as the other began."""
        run = self._seen(run_id, owner)
        start = run.folder / START_NAME
        return self.create(
            run.recipe, name=run.name, owner=owner, continues=run.continues, start=start if run.continues and start.is_file() else None
        )

    def continue_from(self, run_id: object, recipe: Recipe, owner: str, *, name: str = "") -> Run:
        """Make a new run of `recipe` that begins with another run's weights. Raises `Refusal` where it has none yet."""
        run = self._seen(run_id, owner)
        if not run.model_path.is_file():
            raise Refusal(_NO_MODEL)
        return self.create(recipe, name=name or run.name, owner=owner, continues=run.id, start=run.model_path)

    def path(self, run_id: object) -> Path:
        """Return the folder of a run; raise `Refusal` for anything that is not the id of one (never a path)."""
        if not isinstance(run_id, str) or not _ID.fullmatch(run_id) or not (self.folder / run_id / "spec.json").is_file():
            raise Refusal(_NO_RUN)
        return self.folder / run_id

    def get(self, run_id: object) -> Run:
        """Return a run by its id; raise `Refusal` if there is none."""
        return read_run(self.path(run_id))

    def list(self, owner: str | None = None) -> list[Run]:
        """Return the runs of one owner (or of all), newest first; folders that cannot be read are passed over."""
        runs = []
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            try:
                run = self.get(folder.name)
            except Refusal:
                continue
            if owner is None or run.owner == owner:
                runs.append(run)
        return sorted(runs, key=lambda run: (-run.created, run.id))

    def seen_by(self, visitor: str) -> list[Run]:
        """Return the runs a visitor may see, newest first."""
        return [run for run in self.list() if run.task == "train" and may_see(run, visitor)]

    def status(self, run_id: object) -> Status:
        """Return how a run stands, read off its folder. Raises `Refusal` if it is gone."""
        return status_of(self.path(run_id))

    def state(self, run_id: object) -> str:
        """Return one of `STATES`. Raises `Refusal` if the run is gone."""
        return self.status(run_id).state

    def request_stop(self, run_id: object, *, by: str) -> None:
        """Ask a run to stop, keeping model and curves; one that is over already stays as it is."""
        folder = self._own(run_id, by).folder
        if not status_of(folder).is_over:
            _ask(folder, "stop")

    def request_pause(self, run_id: object, *, by: str) -> None:
        """Ask a run to pause and give its place back; one that does not go on anyway stays as it is."""
        folder = self._own(run_id, by).folder
        if status_of(folder).state in ("queued", "running"):
            _ask(folder, "pause")

    def request_resume(self, run_id: object, *, by: str) -> bool:
        """Put a run back among those that wait for an engine; False if it waits or runs already.

        Its last worker must have gone. Raises `Refusal` for a run that is done.
        """
        folder = self._own(run_id, by).folder
        status = status_of(folder)
        if status.state in ("queued", "running"):
            return False
        if not status.is_resumable:
            raise Refusal(_ENDED)
        with _on_disk():
            for name in (liveness.WORKER_NAME, "stop", "pause"):
                (folder / name).unlink(missing_ok=True)
            (folder / "queued").touch()
        return True

    def rename(self, run_id: object, name: str, *, by: str) -> Run:
        """Give a run another name and return it."""
        run = self._own(run_id, by)
        return self._rewrite(replace(run, name=clean_name(name) or run.name))

    def annotate(self, run_id: object, note: str, *, by: str) -> Run:
        """Keep a note with a run, at most `NOTE_LENGTH` characters of the owner's own words, and return the run."""
        return self._rewrite(replace(self._own(run_id, by), note=clean_name(note, NOTE_LENGTH)))

    def delete(self, run_id: object, *, by: str) -> None:
        """Remove a run's folder; raise `Refusal` while it is running."""
        folder = self._own(run_id, by).folder
        if status_of(folder).state == "running":
            raise Refusal(_STILL_RUNNING)
        with _on_disk():
            retention.remove(folder)

    def sweep(self) -> None:
        """Remove what killed workers and half-done deletions left behind, and runs that were kept long enough."""
        retention.retire(self.folder, is_going)
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if folder.name.startswith(".deleted-"):
                shutil.rmtree(folder, ignore_errors=True)
            elif folder.is_dir() and (not (folder / "spec.json").is_file() or status_of(folder).state != "running"):
                for part in (*folder.glob("*.tmp"), folder / "reserve"):
                    part.unlink(missing_ok=True)

    def _own(self, run_id: object, visitor: str) -> Run:
        run = self.get(run_id)
        if not may_change(run, visitor):
            raise Refusal(_NOT_YOURS)
        return run

    def _seen(self, run_id: object, visitor: str) -> Run:
        run = self.get(run_id)
        if not may_see(run, visitor):
            raise Refusal(_NO_RUN)
        return run

    def _rewrite(self, run: Run) -> Run:
        with _on_disk():
            _write_spec(run)
        return run


def may_change(run: Run, visitor: str) -> bool:
    """True for the owner alone: only they stop, pause, resume, rename, annotate and delete."""
    return run.owner == visitor


def may_see(run: Run, visitor: str) -> bool:
    """True for the owner, and for everybody once the run is over, where the host shares runs."""
    return run.owner == visitor or (host.has_shared_runs() and status_of(run.folder).is_over)


def _ask(folder: Path, request: str) -> None:
    """Leave a request; a run that waited to go on does not wait any more."""
    with _on_disk():
        (folder / request).touch()
        (folder / "queued").unlink(missing_ok=True)


@contextlib.contextmanager
def _on_disk() -> Iterator[None]:
    """Say in a sentence what a disk refuses: it is full, or another tab deleted the run this moment."""
    try:
        yield
    except FileNotFoundError:
        raise Refusal(_NO_RUN) from None
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        raise Refusal(NO_SPACE) from None


def status_of(folder: Path) -> Status:
    """Return how the run in `folder` stands."""
    last, worker = last_event(folder), liveness.read_worker(folder)
    is_alive = worker is not None and liveness.is_alive(folder, worker)
    if worker is not None and not is_alive:
        last = last_event(folder)  # the worker may have ended between the two looks
    said = last["type"] if last is not None and not (folder / "queued").exists() else ""
    has_checkpoint = (folder / CHECKPOINT_NAME).is_file()
    if said == "end":
        reason = last.get("reason")
        text = from_stored(reason) if isinstance(reason, dict) else None
        state = last["state"] if last.get("state") in STATES else "failed"
        return Status(state, text, is_resumable=has_checkpoint and state != "finished")
    if is_alive and said != "pause":
        return Status("running", is_stalled=liveness.silence_s(folder) > liveness.STALLED_S)
    if (folder / "stop").exists():
        return Status("stopped", _STOPPED_WAITING, is_resumable=has_checkpoint)
    if (folder / "pause").exists() or said == "pause":
        return Status("paused", is_resumable=True)
    return Status("queued") if worker is None else Status("interrupted", _interruption(folder), is_resumable=True)


def is_going(folder: Path) -> bool:
    """True for a run that is running or waits for its turn."""
    return status_of(folder).state in ("running", "queued")


def _interruption(folder: Path) -> Text:
    last = last_event(folder) or {"type": "", "epoch": 1}
    epoch = last.get("epoch", 1) if last["type"] in ("epoch", "pause") else last.get("epoch", 1) - 1
    return _INTERRUPTED.fill(epoch=epoch) if epoch > 0 else _INTERRUPTED_EARLY
