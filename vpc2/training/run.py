"""A run is a folder that outlives page, browser and server; its state is read off the folder, never remembered.

`spec.json` what was asked · `events.jsonl` what happened · `model.safetensors` the best weights so far · `tb/` the
event files for TensorBoard · `worker.log` · `worker.json` and `heartbeat` who works on it · `stop` a request.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from vpc2 import host
from vpc2.codec import from_document, read_json, to_document
from vpc2.training.events import last_event
from vpc2.training.spec import Recipe
from vpc2.words import Refusal, Text, clean_name

STATES = {
    "queued": Text("waiting in line", "en espera"),
    "running": Text("running", "en curso"),
    "finished": Text("finished", "terminado"),
    "stopped": Text("stopped", "detenido"),
    "failed": Text("failed", "falló"),
    "interrupted": Text("interrupted", "interrumpido"),
}
STALLED_S = 10.0  # without a heartbeat for longer, a living worker is hung or frozen
MODEL_NAME = "model.safetensors"

_ID = re.compile(r"[a-z0-9]{8,32}")
_NO_RUN = Text("There is no such run; it may have been deleted.", "No existe ese entrenamiento; puede que se haya eliminado.")
_STILL_RUNNING = Text(
    "This run is still going: stop it first, then delete it.", "Este entrenamiento sigue en curso: primero hay que detenerlo."
)
_INTERRUPTED = Text(
    "The training process ended unexpectedly after epoch {epoch}; curves and model up to there are kept.",
    "El proceso de entrenamiento terminó inesperadamente después de la época {epoch}; se conservan las curvas y el modelo hasta ahí.",
)
_INTERRUPTED_EARLY = Text(
    "The training process ended unexpectedly before the first epoch was complete.",
    "El proceso de entrenamiento terminó inesperadamente antes de completar la primera época.",
)


@dataclass(frozen=True)
class Run:
    """What was asked for: the frozen recipe, with the name, owner and time (seconds since 1970) of the request."""

    id: str
    folder: Path
    recipe: Recipe
    name: str
    owner: str
    created: float

    @property
    def model_path(self) -> Path:
        return self.folder / MODEL_NAME


@dataclass(frozen=True)
class Status:
    """How a run stands: its state, the reason where there is one, and whether a living worker gives no sign of life."""

    state: str
    reason: Text | None = None
    is_stalled: bool = False

    @property
    def is_over(self) -> bool:
        return self.state not in ("queued", "running")


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file that is either whole or not there: to a name of its own beside it, synced, then renamed."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def make_run(folder: Path, recipe: Recipe, *, name: str = "", owner: str = "", run_id: str = "") -> Run:
    """Make a run's folder with its `spec.json`. Raises FileExistsError if a run is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "spec.json").exists():
        raise FileExistsError(folder)
    run = Run(run_id or folder.name, folder, recipe, clean_name(name or recipe.name or recipe.dataset), owner, time.time())
    _write_spec(run)
    return run


def _write_spec(run: Run) -> None:
    document = {"name": run.name, "owner": run.owner, "created": run.created, "recipe": to_document(run.recipe)}
    write_atomic(run.folder / "spec.json", json.dumps(document, indent=1, ensure_ascii=False).encode())


def read_run(folder: Path) -> Run:
    """Return the run in a folder; raise `Refusal` if there is none that can be read."""
    try:
        document = read_json((folder / "spec.json").read_bytes())
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
    )


class RunStore:
    """The runs of this machine, one folder each under `home/runs`."""

    def __init__(self, home: Path | None = None):
        self.folder = (home or host.home()) / "runs"

    def create(self, recipe: Recipe, *, name: str = "", owner: str = "") -> Run:
        """Make a new run, waiting to be started by an engine."""
        run_id = secrets.token_hex(8)
        return make_run(self.folder / run_id, recipe, name=name, owner=owner, run_id=run_id)

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

    def status(self, run_id: object) -> Status:
        """Return how a run stands, read off its folder. Raises `Refusal` if it is gone."""
        return status_of(self.path(run_id))

    def state(self, run_id: object) -> str:
        """Return one of `STATES`. Raises `Refusal` if the run is gone."""
        return self.status(run_id).state

    def request_stop(self, run_id: object) -> None:
        """Ask a run to stop, keeping model and curves; one that is over already stays as it is."""
        folder = self.path(run_id)
        if not status_of(folder).is_over:
            (folder / "stop").touch()

    def rename(self, run_id: object, name: str) -> Run:
        """Give a run another name and return it."""
        run = self.get(run_id)
        run = replace(run, name=clean_name(name) or run.name)
        _write_spec(run)
        return run

    def delete(self, run_id: object) -> None:
        """Remove a run's folder; raise `Refusal` while it is running."""
        folder = self.path(run_id)
        if status_of(folder).state == "running":
            raise Refusal(_STILL_RUNNING)
        doomed = folder.with_name(f".deleted-{folder.name}")
        folder.rename(doomed)  # first gone from every list, then from the disk
        shutil.rmtree(doomed, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what killed workers and half-done deletions left behind."""
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if folder.name.startswith(".deleted-"):
                shutil.rmtree(folder, ignore_errors=True)
            elif folder.is_dir() and (not (folder / "spec.json").is_file() or status_of(folder).is_over):
                for part in folder.glob("*.tmp"):
                    part.unlink(missing_ok=True)


def status_of(folder: Path) -> Status:
    """Return how the run in `folder` stands."""
    last = last_event(folder)
    if last is not None and last["type"] == "end":
        reason = last.get("reason")
        text = Text(str(reason.get("en", "")), str(reason.get("es", ""))) if isinstance(reason, dict) else None
        return Status(last["state"] if last.get("state") in STATES else "failed", text)
    worker = _read_worker(folder)
    if worker is None:
        return Status("stopped") if (folder / "stop").exists() else Status("queued")
    if not is_alive(folder, worker):
        # The worker may have ended between the two looks.
        again = last_event(folder)
        if again is not None and again["type"] == "end" and again != last:
            return status_of(folder)
        return Status("stopped" if (folder / "stop").exists() else "interrupted", _interruption(again))
    return Status("running", is_stalled=_silence_s(folder) > STALLED_S)


def _interruption(last: dict | None) -> Text:
    epoch = last.get("epoch", 1) if last is not None else 1
    epoch = epoch if last is not None and last["type"] == "epoch" else epoch - 1
    return _INTERRUPTED.fill(epoch=epoch) if epoch > 0 else _INTERRUPTED_EARLY


def claim(folder: Path) -> bool:
    """Write down that this process works on a run; False if another one did so first."""
    document = {"pid": os.getpid(), "started": process_start(os.getpid())}
    beat(folder)
    try:
        with (folder / "worker.json").open("x") as file:
            json.dump(document, file)
    except FileExistsError:
        return False
    return True


def beat(folder: Path) -> None:
    """Leave a sign of life: the monotonic clock, which no change of the machine's time disturbs."""
    (folder / "heartbeat").write_text(f"{time.monotonic():.2f}")


def worker_pid(folder: Path) -> int | None:
    """Return the process that works on a run now, or None."""
    worker = _read_worker(folder)
    return worker["pid"] if worker is not None and is_alive(folder, worker) else None


def _read_worker(folder: Path) -> dict | None:
    try:
        worker = json.loads((folder / "worker.json").read_text())
    except FileNotFoundError:
        return None
    except ValueError:  # being written this moment
        return {"pid": -1, "started": None}
    return worker if isinstance(worker, dict) and isinstance(worker.get("pid"), int) else {"pid": -1, "started": None}


def is_alive(folder: Path, worker: dict) -> bool:
    """True while the process that claimed a run lives: same number, same start, not a zombie.

    Without `/proc` (macOS, Windows) the heartbeat alone decides, so a frozen worker counts as dead there.
    """
    if worker["pid"] == -1:
        return _silence_s(folder) <= STALLED_S
    if not Path("/proc/self/stat").exists():
        return _silence_s(folder) <= 3 * STALLED_S
    return worker.get("started") is not None and process_start(worker["pid"]) == worker["started"]


def process_start(pid: int) -> int | None:
    """Return when a process started, in clock ticks since the machine did; None if it is dead, a zombie, or unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _silence_s(folder: Path) -> float:
    try:
        age = time.monotonic() - float((folder / "heartbeat").read_text())
    except OSError:
        return float("inf")
    except ValueError:  # being written this moment
        return 0.0
    return age if age > -1.0 else float("inf")  # far in the future: the machine was started again since
