"""The queue of runs on a Ray cluster: each run is trained by an actor, which this server polls for updates and records.

An actor outlives the server, and the next server finds it by its name. If its machine is lost, a new actor resumes the run from the
last checkpoint that was received. Ray decides on which machine an actor runs; it is imported only here, when first needed.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpc2.data.datasets import load_dataset
from vpc2.system.files import atomic_write
from vpc2.system.host import LIMITS
from vpc2.system.lru_cache import LruCache
from vpc2.text import Plural, Refusal, Text
from vpc2.training.queue.base import OVERTIME_S, STOP_PATIENCE_S, QueueBase
from vpc2.training.queue.failures import BUG, explain
from vpc2.training.queue.record import RunRecorder
from vpc2.training.ray.cluster import NOT_REACHED, connect, cpus_of_a_run, is_reachable
from vpc2.training.ray.remote import ReceivedState, RemoteTrainer, RunUpdate
from vpc2.training.runs import liveness
from vpc2.training.runs.events import last_event
from vpc2.training.runs.file_names import CHECKPOINT_NAME, START_NAME
from vpc2.training.runs.status import status_of
from vpc2.training.runs.store import Run, RunStore

if TYPE_CHECKING:
    from types import ModuleType

MAX_DATASETS = 4  # data sets kept in the cluster's object store for later runs
ATTEMPTS = 4
RETRY_S = 5.0
TICK_S = 0.1
IDLE_TICK_S = 1.0
MAX_RUN_S = LIMITS.run_seconds + OVERTIME_S

_NODE_LOST = Text("The machine that trained this run went away; another one goes on from the last checkpoint.")
_NODES_LOST = Plural(
    "The machines that trained this run went away {count} time; it can be resumed.",
    "The machines that trained this run went away {count} times; it can be resumed.",
    count="count",
)
_NO_START = Text("The cluster could not start this run; its worker.log says why.")


@dataclass
class _RemoteRun:
    """The server's side of a run on the cluster. `recorder` is None until the run has begun.

    `began_at`, `beat_at` (the last heartbeat) and `requested_at` (the open request) are times of the monotonic clock, in seconds.
    """

    run: Run
    name: str
    actor: Any
    pending: Any = None  # reference to the update that was requested and has not arrived
    received: ReceivedState = field(default_factory=ReceivedState)
    recorder: RunRecorder | None = None
    losses: int = 0
    is_adopted: bool = False  # begun under an earlier server
    began_at: float = 0.0
    beat_at: float = 0.0
    requested_at: float | None = None


class RayQueue(QueueBase):
    """The queue of a cluster. Ray schedules the actors: a waiting run waits for a free core (or GPU) of the cluster.

    `_waiting` holds the runs that have not begun. Only the supervisor thread talks to the cluster, so no page waits for it.
    """

    max_waiting = 1000

    def __init__(self, store: RunStore, address: str):
        super().__init__(store)
        self.address, self.slots = address, 1
        self._remote_runs: dict[str, _RemoteRun] = {}
        self._orphaned: list[Run] = []
        self._datasets = LruCache(MAX_DATASETS)
        self._ray: ModuleType | None = None
        self._connecting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closing = False

    def warm(self, wait_s: float = 0.0) -> bool:
        """Start connecting to the cluster; return True if connected within `wait_s` seconds."""
        with self._lock:
            self._start_supervisor()
            self._lock.wait_for(lambda: self._ray is not None, wait_s)
        return self._ray is not None

    def start(self, run: Run) -> None:
        """Add a run to the queue. Raises `Refusal` if the cluster cannot be reached, or the queue or the disk is full."""
        try:
            self._connect()
        except Refusal as refusal:
            self._refuse(run, refusal.text)
        super().start(run)

    def reconcile(self) -> None:
        """Restore the state after a restart: adopt runs that are still on the cluster, queue waiting runs again."""
        self.store.sweep()
        for run in reversed(self.store.list()):
            state = status_of(run.folder).state
            if state == "queued":
                with self._lock:
                    self._waiting.append(run)
            elif state in ("running", "interrupted") and (liveness.read_worker(run.folder) or {}).get("actor"):
                with self._lock:
                    self._orphaned.append(run)
        with self._lock:
            self._start_supervisor()

    def shutdown(self) -> None:
        """Disconnect from the cluster. Runs continue there, and the next server receives their updates."""
        with self._lock:
            self._is_closing = True
            self._lock.notify_all()
        if self._thread is not None:
            self._thread.join(10)
        for remote in self._remote_runs.values():
            if remote.recorder is not None:
                remote.recorder.close()
        if self._ray is not None:
            self._ray.shutdown()

    # -- the queue ---------------------------------------------------------------------------------------------

    def _start_supervisor(self) -> None:
        if self._thread is None and not self._is_closing:
            self._thread = threading.Thread(target=self._supervise, name="vpc2-ray", daemon=True)
            self._thread.start()

    def _running_runs(self) -> list[Run]:
        return [remote.run for remote in self._remote_runs.values() if remote.recorder is not None or remote.losses]

    def _update(self) -> None:
        """Do nothing: only the supervisor talks to the cluster, so a page never waits for it."""

    def _waiting_order(self) -> list[Run]:
        return sorted(self._waiting, key=lambda run: run.created)  # in the order in which they are submitted to the cluster

    # -- the supervisor ----------------------------------------------------------------------------------------

    def _supervise(self) -> None:
        while not self._is_closing:
            try:
                if self._ray is None:
                    self._connect()
                self._adopt_orphaned()
                self._submit_waiting()
                self._check_runs()
                self._poll_runs()
            except (Refusal, ConnectionError):
                self._disconnect()
                with self._lock:
                    self._lock.wait(RETRY_S)

    def _disconnect(self) -> None:
        """Disconnect from a lost cluster, keeping its runs in `_orphaned`: they may go on, and are adopted after reconnecting."""
        with self._lock:
            ray, self._ray = self._ray, None
            self._orphaned += [remote.run for remote in self._remote_runs.values() if remote.recorder is not None]
            for remote in self._remote_runs.values():
                if remote.recorder is not None:
                    remote.recorder.close()
            self._remote_runs.clear()
            self._datasets.clear()
        if ray is not None:
            ray.shutdown()

    def _connect(self) -> None:
        """Connect to the cluster unless connected. Raises `Refusal` if ray is not installed or the cluster does not respond."""
        with self._connecting:
            if not is_reachable(self.address):
                raise Refusal(NOT_REACHED)
            if self._ray is None and not self._is_closing:
                ray = connect(self.address)
                with self._lock:
                    self._ray = ray
                    self._lock.notify_all()

    @property
    def _cluster(self) -> Any:
        """The connected ray module. Raises ConnectionError if the cluster was disconnected meanwhile."""
        if self._ray is None:
            raise ConnectionError("the cluster was disconnected")
        return self._ray

    def _adopt_orphaned(self) -> None:
        """Adopt runs whose actors are still on the cluster; a run without an actor is released and so becomes interrupted."""
        while self._orphaned:
            run = self._orphaned.pop()
            name = (liveness.read_worker(run.folder) or {}).get("actor")
            try:
                if name is None:
                    raise ValueError("worker.json names no actor")
                remote = _RemoteRun(run, name, self._cluster.get_actor(name), is_adopted=True)
            except ValueError:
                with contextlib.suppress(OSError):  # the run was deleted meanwhile
                    liveness.release(run.folder)
                continue
            except ConnectionError:
                self._orphaned.append(run)  # adopted after reconnecting
                raise
            with self._lock:
                self._remote_runs[run.id] = remote

    def _submit_waiting(self) -> None:
        """Create an actor for every waiting run that has none."""
        with self._lock:
            new = [run for run in self._waiting_order() if run.id not in self._remote_runs]
        for run in new:
            with self._fail_on_error(run):
                remote = _RemoteRun(run, *self._get_or_make_actor(run))
                with self._lock:
                    self._remote_runs[run.id] = remote

    def _get_or_make_actor(self, run: Run) -> tuple[str, Any]:
        """Return name and handle of the actor that trains a run from its checkpoint, creating it unless it exists."""
        name, last = _actor_name(run), last_event(run.folder)
        with contextlib.suppress(ValueError):
            return name, self._cluster.get_actor(name)
        resources = self._cluster.cluster_resources()
        cpus = cpus_of_a_run()
        self.slots = max(int(resources.get("CPU", 1) / cpus), 1)
        options = {"num_cpus": cpus, "num_gpus": 1 if resources.get("GPU", 0) >= 1 else 0, "lifetime": "detached", "name": name}
        files = {file: (run.folder / file).read_bytes() for file in (CHECKPOINT_NAME, START_NAME) if (run.folder / file).is_file()}
        actor_class = self._cluster.remote(RemoteTrainer).options(**options, max_restarts=0)
        return name, actor_class.remote(run.recipe, self._dataset_ref(run), files, last["t"] if last is not None else 0.0)

    def _dataset_ref(self, run: Run) -> Any:
        """Return a reference to the run's data set in the cluster's object store, uploading it if needed."""
        key = (run.recipe.dataset, run.recipe.settings["size_px"])
        if (data := self._datasets.get(key)) is None:
            data = self._cluster.put(load_dataset(*key))
            self._datasets.put(key, data)
        return data

    def _check_runs(self) -> None:
        """Write heartbeats; end runs that were deleted or cancelled, ignore a request for too long, or exceed every time limit."""
        now = time.monotonic()
        for remote in list(self._remote_runs.values()):
            folder = remote.run.folder
            request = _open_request(folder)
            remote.requested_at = (remote.requested_at or now) if request else None
            if not (folder / "spec.json").is_file():
                self._end(remote)
            elif remote.recorder is None and not remote.is_adopted and not remote.losses:
                if request:  # cancelled before it began
                    # The cancelling call has removed it from the waiting runs; a resume in the meantime may have added it again.
                    self._end(remote, leaves_queue=False)
            elif _is_overdue(remote.requested_at, now, STOP_PATIENCE_S) or _is_overdue(remote.began_at or None, now, MAX_RUN_S):
                self._end(remote)
                liveness.release(folder)
            elif now - remote.beat_at > 1.0:
                remote.beat_at = now
                with contextlib.suppress(OSError):
                    liveness.beat(folder)

    def _poll_runs(self) -> None:
        """Request an update from every run, and apply those that have arrived."""
        exceptions = self._cluster.exceptions
        for remote in self._remote_runs.values():
            if remote.pending is None:
                remote.pending = remote.actor.poll.remote(remote.received, _open_request(remote.run.folder))
        pending = {remote.pending: remote for remote in self._remote_runs.values()}
        if not pending:
            with self._lock:
                self._lock.wait(IDLE_TICK_S if not self._waiting else 0)
            return
        ready, _ = self._cluster.wait(list(pending), num_returns=len(pending), timeout=TICK_S)
        for reference in ready:
            remote = pending[reference]
            remote.pending = None
            try:
                update = self._cluster.get(reference)
            except exceptions.ActorUnavailableError:
                continue  # a later poll shows whether the actor is dead
            except exceptions.RayError as error:
                self._retry_elsewhere(remote, error)
                continue
            with self._fail_on_error(remote.run):
                self._apply_update(remote, update)

    def _apply_update(self, remote: _RemoteRun, update: RunUpdate) -> None:
        """Write an update to the run's folder, as a local worker would. Raises OSError on a full disk."""
        folder = remote.run.folder
        if remote.recorder is None:
            (folder / liveness.WORKER_NAME).unlink(missing_ok=True)  # written by an earlier server, or for the machine that was lost
            liveness.claim(folder, actor=remote.name)
            remote.recorder, remote.began_at = RunRecorder(remote.run, is_resumed=not remote.is_adopted), time.monotonic()
            with self._lock:
                self._waiting = [run for run in self._waiting if run.id != remote.run.id]
        for name, (_, content) in update.files.items():
            if content is None:
                (folder / name).unlink(missing_ok=True)
            else:
                atomic_write(folder / name, content)
        for event in update.events:
            remote.recorder.report(event)
        if update.snapshot is not None and remote.recorder.on_snapshot is not None:
            remote.recorder.on_snapshot(update.snapshot)
        remote.received = update.received_after(remote.received)
        if update.is_done:
            if update.log:
                (folder / "worker.log").write_text(update.log)
            if update.problem is not None:
                remote.recorder.fail(update.problem)
            self._end(remote)
            liveness.release(folder)

    def _retry_elsewhere(self, remote: _RemoteRun, error: Exception) -> None:
        """Resume a run elsewhere after its machine was lost; after `ATTEMPTS` losses leave it interrupted, for its owner to resume."""
        remote.losses += 1
        has_begun, folder = remote.recorder is not None or remote.is_adopted, remote.run.folder
        with self._fail_on_error(remote.run):
            if remote.recorder is not None:
                remote.recorder.note(_NODE_LOST if remote.losses < ATTEMPTS else _NODES_LOST.fill(count=remote.losses))
                remote.recorder.close()
                remote.recorder = None
            if remote.losses < ATTEMPTS:
                remote.received, remote.is_adopted, remote.began_at = ReceivedState(), False, 0.0
                remote.name, remote.actor = self._get_or_make_actor(remote.run)
                return
            (folder / "worker.log").write_text(str(error))
            if not has_begun:
                raise Refusal(_NO_START)
            self._end(remote)
            liveness.release(folder)

    def _end(self, remote: _RemoteRun, *, leaves_queue: bool = True) -> None:
        """Kill the actor of a run, close its recorder and remove it from the queue."""
        if self._ray is not None:
            with contextlib.suppress(ValueError, self._ray.exceptions.RayError):
                self._ray.kill(remote.actor)
        if remote.recorder is not None:
            remote.recorder.close()
        with self._lock:
            self._remote_runs.pop(remote.run.id, None)
            if leaves_queue:
                self._waiting = [run for run in self._waiting if run.id != remote.run.id]

    @contextlib.contextmanager
    def _fail_on_error(self, run: Run) -> Iterator[None]:
        """Record a run as failed where its data, its folder or the disk raises an error, so that other runs are not affected."""
        try:
            yield
        except (Refusal, OSError) as error:
            remote = self._remote_runs.get(run.id)
            with contextlib.suppress(OSError):
                recorder = remote.recorder if remote is not None and remote.recorder is not None else RunRecorder(run)
                recorder.fail(explain(error) or BUG)
                recorder.close()
            if remote is not None:
                self._end(remote)
            with contextlib.suppress(OSError):
                liveness.release(run.folder)
            with self._lock:
                self._waiting = [waiting for waiting in self._waiting if waiting.id != run.id]


def _is_overdue(since: float | None, now: float, most_s: float) -> bool:
    """True if `since` is more than `most_s` seconds before `now`; False for None."""
    return since is not None and now - since > most_s


def _open_request(folder: Path) -> str:
    """Return "stop" or "pause" if the run's folder holds such a request, otherwise ""."""
    return next((name for name in ("stop", "pause") if (folder / name).exists()), "")


def _actor_name(run: Run) -> str:
    """Return the name of a run's actor. It depends on the run and its last event, so a restarted server computes the same name."""
    last = last_event(run.folder)
    return f"{run.id}-{last['n'] + 1 if last is not None else 0}"
