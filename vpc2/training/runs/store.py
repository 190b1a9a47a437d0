"""The store of runs: each run is a folder that outlives page, browser and server.

`spec.json` the recipe, owner and name · `events.jsonl` what happened · `model.safetensors` the best weights so far ·
`checkpoint.safetensors` the training state to resume from · `start.safetensors` initial weights · `tb/` event files for TensorBoard ·
`worker.log` · `worker.json` and `heartbeat` which process trains it. `status.py` derives the status of a run from these files.
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

from vpc2 import version
from vpc2.codec import from_document, read_json, to_document
from vpc2.system import host
from vpc2.system.files import atomic_write_json
from vpc2.text import Refusal, Text, clean_name
from vpc2.training.runs import liveness, retention
from vpc2.training.runs.file_names import MODEL_NAME, START_NAME
from vpc2.training.runs.status import Status, is_going, status_of
from vpc2.training.spec import Recipe

NOTE_LENGTH = 500
FULL_DISK = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)

_ID = re.compile(r"[a-z0-9]{8,32}")
_NO_RUN = Text("There is no such run; it may have been deleted.")
_NOT_YOURS = Text("This run is somebody else's: look at it or clone it.")
_STILL_RUNNING = Text("This run is still going: stop it first, then delete it.")
_ENDED = Text("This run has come to its end, there is nothing left to resume: continue from it with a new run.")
_NO_MODEL = Text("This run has no classifier yet to continue from: it is there after the first epoch.")
NO_SPACE = Text("The disk is full: delete old runs, then try again. Nothing was changed.")


@dataclass(frozen=True)
class Run:
    """A training run as requested: its folder, the frozen recipe, name, owner and time of creation (seconds since 1970).

    `note` is free text by the owner; `continues` is the id of the run whose weights are this run's initial weights, or "". `task` is
    "train", or "rate" for a learning rate range test, which produces no model and appears in no list.
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


def make_run(folder: Path, recipe: Recipe, *, name: str = "", owner: str = "", run_id: str = "", **more: str) -> Run:
    """Create a run's folder with its `spec.json`. Raises FileExistsError if the folder already holds a run."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "spec.json").exists():
        raise FileExistsError(folder)
    name = clean_name(name or recipe.name or recipe.dataset)
    run = Run(run_id or folder.name, folder, recipe, name, owner, time.time(), **more)
    _write_spec(run)
    return run


def _write_spec(run: Run) -> None:
    document = {"app": version.APP, "name": run.name, "owner": run.owner, "created": run.created, "recipe": to_document(run.recipe)}
    more = {"note": run.note, "continues": run.continues, "task": run.task}
    document.update({key: value for key, value in more.items() if value and value != "train"})
    atomic_write_json(run.folder / "spec.json", document, indent=1)


def read_run(folder: Path) -> Run:
    """Return the run in a folder. Raises `Refusal` if there is none or its `spec.json` cannot be read."""
    path = folder / "spec.json"
    try:
        file_stat = path.stat()
    except OSError:
        raise Refusal(_NO_RUN) from None
    return _read_spec(path, file_stat.st_ino, file_stat.st_mtime_ns, file_stat.st_size)


@functools.lru_cache(maxsize=2000)
def _read_spec(path: Path, *file_stat: int) -> Run:
    """Read a run's `spec.json`, cached by inode, modification time and size (`file_stat`): a page lists hundreds of runs."""
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
    """The runs of this machine, one folder each under `home/runs`.

    Methods that change a run take the visitor's id as `by` and raise `Refusal` unless that is the owner.
    """

    def __init__(self, home: Path | None = None):
        self.home = home or host.home()
        self.folder = self.home / "runs"

    def create(
        self, recipe: Recipe, *, name: str = "", owner: str = "", continues: str = "", start: Path | None = None, task: str = "train"
    ) -> Run:
        """Create a new run, not yet in a queue; `start` is the path of a classifier file with its initial weights."""
        run_id = secrets.token_hex(8)
        folder = self.folder / run_id
        retention.remove_old_runs(self.folder, is_going)
        try:
            with _disk_errors_as_refusals():
                folder.mkdir(parents=True)
                if start is not None:
                    shutil.copyfile(start, folder / START_NAME)
                return make_run(folder, recipe, name=name, owner=owner, run_id=run_id, continues=continues, task=task)
        except Refusal:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def clone(self, run_id: object, owner: str) -> Run:
        """Create a new run of the same recipe and initial weights for `owner`. Raises `Refusal` if `owner` may not see the original."""
        run = self._get_visible(run_id, owner)
        start = run.folder / START_NAME
        return self.create(
            run.recipe, name=run.name, owner=owner, continues=run.continues, start=start if run.continues and start.is_file() else None
        )

    def continue_from(self, run_id: object, recipe: Recipe, owner: str, *, name: str = "") -> Run:
        """Create a new run of `recipe` whose initial weights are another run's model. Raises `Refusal` if that has no model yet."""
        run = self._get_visible(run_id, owner)
        if not run.model_path.is_file():
            raise Refusal(_NO_MODEL)
        return self.create(recipe, name=name or run.name, owner=owner, continues=run.id, start=run.model_path)

    def path(self, run_id: object) -> Path:
        """Return the folder of a run. Raises `Refusal` for anything that is not the id of a run; ids are checked, so none can be a path."""
        if not isinstance(run_id, str) or not _ID.fullmatch(run_id) or not (self.folder / run_id / "spec.json").is_file():
            raise Refusal(_NO_RUN)
        return self.folder / run_id

    def get(self, run_id: object) -> Run:
        """Return a run by its id. Raises `Refusal` if there is none."""
        return read_run(self.path(run_id))

    def visible_to(self, visitor: str) -> list[Run]:
        """Return the training runs a visitor may see, newest first."""
        return [run for run in self.list() if run.task == "train" and may_see(run, visitor)]

    def list(self, owner: str | None = None) -> list[Run]:
        """Return the runs of one owner (None: of all), newest first; unreadable folders are skipped."""
        runs = []
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            try:
                run = self.get(folder.name)
            except Refusal:
                continue
            if owner is None or run.owner == owner:
                runs.append(run)
        return sorted(runs, key=lambda run: (-run.created, run.id))

    def status(self, run_id: object) -> Status:
        """Return the status of a run, derived from its folder. Raises `Refusal` if the run is gone."""
        return status_of(self.path(run_id))

    def state(self, run_id: object) -> str:
        """Return the state of a run, a key of `status.STATES`. Raises `Refusal` if the run is gone."""
        return self.status(run_id).state

    def request_stop(self, run_id: object, *, by: str) -> None:
        """Request that a run stops, keeping model and curves. Does nothing if the run is over."""
        folder = self._get_owned(run_id, by).folder
        if not status_of(folder).is_over:
            _write_request(folder, "stop")

    def request_pause(self, run_id: object, *, by: str) -> None:
        """Request that a run pauses and frees its slot. Does nothing if the run is neither queued nor running."""
        folder = self._get_owned(run_id, by).folder
        if status_of(folder).state in ("queued", "running"):
            _write_request(folder, "pause")

    def request_resume(self, run_id: object, *, by: str) -> bool:
        """Mark a run as queued again; return False if it is already queued or running.

        Its last worker must have exited. Raises `Refusal` for a run that cannot be resumed.
        """
        folder = self._get_owned(run_id, by).folder
        status = status_of(folder)
        if status.state in ("queued", "running"):
            return False
        if not status.is_resumable:
            raise Refusal(_ENDED)
        with _disk_errors_as_refusals():
            for name in (liveness.WORKER_NAME, "stop", "pause"):
                (folder / name).unlink(missing_ok=True)
            (folder / "queued").touch()
        return True

    def rename(self, run_id: object, name: str, *, by: str) -> Run:
        """Rename a run and return it; an empty name changes nothing."""
        run = self._get_owned(run_id, by)
        return self._rewrite(replace(run, name=clean_name(name) or run.name))

    def annotate(self, run_id: object, note: str, *, by: str) -> Run:
        """Store the owner's note with a run, at most `NOTE_LENGTH` characters, and return the run."""
        return self._rewrite(replace(self._get_owned(run_id, by), note=clean_name(note, NOTE_LENGTH)))

    def delete(self, run_id: object, *, by: str) -> None:
        """Delete a run's folder. Raises `Refusal` while the run is running."""
        folder = self._get_owned(run_id, by).folder
        if status_of(folder).state == "running":
            raise Refusal(_STILL_RUNNING)
        with _disk_errors_as_refusals():
            retention.remove(folder)

    def sweep(self) -> None:
        """Delete temporary files of killed workers, unfinished deletions and runs older than the retention limits."""
        retention.remove_old_runs(self.folder, is_going)
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if folder.name.startswith(".deleted-"):
                shutil.rmtree(folder, ignore_errors=True)
            elif folder.is_dir() and (not (folder / "spec.json").is_file() or status_of(folder).state != "running"):
                for path in (*folder.glob("*.tmp"), folder / "reserve"):
                    path.unlink(missing_ok=True)

    def _get_owned(self, run_id: object, visitor: str) -> Run:
        run = self.get(run_id)
        if not may_change(run, visitor):
            raise Refusal(_NOT_YOURS)
        return run

    def _get_visible(self, run_id: object, visitor: str) -> Run:
        run = self.get(run_id)
        if not may_see(run, visitor):
            raise Refusal(_NO_RUN)
        return run

    def _rewrite(self, run: Run) -> Run:
        with _disk_errors_as_refusals():
            _write_spec(run)
        return run


def may_change(run: Run, visitor: str) -> bool:
    """True for the owner, who alone may stop, pause, resume, rename, annotate and delete a run."""
    return run.owner == visitor


def may_see(run: Run, visitor: str) -> bool:
    """True for the owner; where the host shares runs, for everybody once the run is over."""
    return run.owner == visitor or (host.has_shared_runs() and status_of(run.folder).is_over)


def _write_request(folder: Path, request: str) -> None:
    """Create the request file `stop` or `pause`, and remove `queued`: the run no longer waits to be resumed."""
    with _disk_errors_as_refusals():
        (folder / request).touch()
        (folder / "queued").unlink(missing_ok=True)


@contextlib.contextmanager
def _disk_errors_as_refusals() -> Iterator[None]:
    """Turn errors of the disk into a `Refusal`: the disk is full, or another tab has just deleted the run."""
    try:
        yield
    except FileNotFoundError:
        raise Refusal(_NO_RUN) from None
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        raise Refusal(NO_SPACE) from None
