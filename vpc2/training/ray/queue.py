"""The queue of a Ray cluster: every run is an actor that trains it anywhere; this server asks it for news and writes the record.

An actor outlives the server, and the next one finds it by its name. Where its machine goes away, another one gets the run
with the last checkpoint that came here. Ray alone decides what runs where; it is imported only here, when first needed.
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
from vpc2.files import atomic_write
from vpc2.host import LIMITS
from vpc2.lru_cache import LruCache
from vpc2.text import Plural, Refusal, Text
from vpc2.training.queue.base import OVERTIME_S, STOP_PATIENCE_S, Line
from vpc2.training.queue.failures import explain
from vpc2.training.queue.record import Record
from vpc2.training.ray.cluster import NOT_REACHED, cpus_of_a_run, is_reached, join
from vpc2.training.ray.remote import Heard, News, Trainer
from vpc2.training.runs import liveness
from vpc2.training.runs.events import last_event
from vpc2.training.runs.store import CHECKPOINT_NAME, START_NAME, Run, RunStore, status_of

if TYPE_CHECKING:
    from types import ModuleType

MOST_SETS = 4  # data sets kept in the cluster's memory for the next run
ATTEMPTS = 4
RETRY_S = 5.0
TICK_S = 0.1
IDLE_TICK_S = 1.0

_NODE_LOST = Text("The machine that trained this run went away; another one goes on from the last checkpoint.")
_NODES_LOST = Plural(
    "The machines that trained this run went away {count} time; it can be resumed.",
    "The machines that trained this run went away {count} times; it can be resumed.",
    count="count",
)
_NO_START = Text("The cluster could not start this run; its worker.log says why.")


@dataclass
class _Task:
    """A run on the cluster, as this server knows it. `record` is there once it has begun."""

    run: Run
    name: str
    actor: Any
    news: Any = None  # the answer that is still to come
    heard: Heard = field(default_factory=Heard)
    record: Record | None = None
    lost: int = 0
    is_followed: bool = False  # an earlier server began its record
    began: float = 0.0
    beaten: float = 0.0
    asked_at: float | None = None


class RayEngine(Line):
    """The queue of a cluster, which hands out its own places: what waits here waits for a core (or a GPU) there.

    `_waiting` are the runs that have not begun. One supervisor thread talks to the cluster, so no page waits for it.
    """

    most_waiting = 1000

    def __init__(self, store: RunStore, address: str):
        super().__init__(store)
        self.address, self.places = address, 1
        self._tasks: dict[str, _Task] = {}
        self._left_behind: list[Run] = []
        self._sets = LruCache(MOST_SETS)
        self._ray: ModuleType | None = None
        self._connecting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closing = False

    def warm(self, wait_s: float = 0.0) -> bool:
        """Connect to the cluster, without letting who asks wait longer than `wait_s`; True once it is there."""
        with self._lock:
            self._begin()
            self._lock.wait_for(lambda: self._ray is not None, wait_s)
        return self._ray is not None

    def start(self, run: Run) -> None:
        """Put a run in line. Raises `Refusal` where the cluster cannot be reached, or line or disk is full."""
        try:
            self._connect()
        except Refusal as refusal:
            self._decline(run, refusal.text)
        super().start(run)

    def reconcile(self) -> None:
        """Take up what an earlier server left: runs that go on are followed, waiting ones wait again."""
        self.store.sweep()
        for run in reversed(self.store.list()):
            state = status_of(run.folder).state
            if state == "queued":
                with self._lock:
                    self._waiting.append(run)
            elif state in ("running", "interrupted") and (liveness.read_worker(run.folder) or {}).get("actor"):
                with self._lock:
                    self._left_behind.append(run)
        with self._lock:
            self._begin()

    def shutdown(self) -> None:
        """Leave the cluster. Runs go on there, and the next server hears what they did."""
        with self._lock:
            self._is_closing = True
            self._lock.notify_all()
        if self._thread is not None:
            self._thread.join(10)
        for task in self._tasks.values():
            if task.record is not None:
                task.record.close()
        if self._ray is not None:
            self._ray.shutdown()

    # -- the line ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._thread is None and not self._is_closing:
            self._thread = threading.Thread(target=self._supervise, name="vpc2-ray", daemon=True)
            self._thread.start()

    def _going(self) -> list[Run]:
        return [task.run for task in self._tasks.values() if task.record is not None or task.lost]

    def _tend(self) -> None:
        """The supervisor does everything: a page never waits for the cluster."""

    def _order(self) -> list[Run]:
        return sorted(self._waiting, key=lambda run: run.created)  # as they were handed to the cluster

    # -- the supervisor ----------------------------------------------------------------------------------------

    def _supervise(self) -> None:
        while not self._is_closing:
            try:
                if self._ray is None:
                    self._connect()
                self._follow()
                self._submit()
                self._look_after()
                self._listen()
            except (Refusal, ConnectionError):
                self._let_go()
                with self._lock:
                    self._lock.wait(RETRY_S)

    def _let_go(self) -> None:
        """Forget a cluster that is lost, not its runs: they may go on, and are looked for once it is there again."""
        with self._lock:
            ray, self._ray = self._ray, None
            self._left_behind += [task.run for task in self._tasks.values() if task.record is not None]
            for task in self._tasks.values():
                if task.record is not None:
                    task.record.close()
            self._tasks.clear()
            self._sets.clear()
        if ray is not None:
            ray.shutdown()

    def _connect(self) -> None:
        """Join the cluster, if that has not happened yet. Raises `Refusal` where ray or the cluster is not there."""
        with self._connecting:
            if not is_reached(self.address):
                raise Refusal(NOT_REACHED)
            if self._ray is None and not self._is_closing:
                ray = join(self.address)
                with self._lock:
                    self._ray = ray
                    self._lock.notify_all()

    def _follow(self) -> None:
        """Take up runs that an earlier server had on the cluster; one that is not there any more is interrupted."""
        while self._left_behind:
            run = self._left_behind.pop()
            name = liveness.read_worker(run.folder)["actor"]
            try:
                task = _Task(run, name, self._ray.get_actor(name), is_followed=True)
            except ValueError:
                liveness.release(run.folder)
                continue
            with self._lock:
                self._tasks[run.id] = task

    def _submit(self) -> None:
        """Hand waiting runs to the cluster."""
        with self._lock:
            new = [run for run in self._order() if run.id not in self._tasks]
        for run in new:
            with self._or_fail(run):
                task = _Task(run, *self._actor(run))
                with self._lock:
                    self._tasks[run.id] = task

    def _actor(self, run: Run) -> tuple[str, Any]:
        """Return the name and the actor that trains a run from where it stands: one that was made already, or a new one."""
        name, last = _name_of(run), last_event(run.folder)
        with contextlib.suppress(ValueError):
            return name, self._ray.get_actor(name)
        resources = self._ray.cluster_resources()
        cpus = cpus_of_a_run()
        self.places = max(int(resources.get("CPU", 1) / cpus), 1)
        options = {"num_cpus": cpus, "num_gpus": 1 if resources.get("GPU", 0) >= 1 else 0, "lifetime": "detached", "name": name}
        files = {file: (run.folder / file).read_bytes() for file in (CHECKPOINT_NAME, START_NAME) if (run.folder / file).is_file()}
        make = self._ray.remote(Trainer).options(**options, max_restarts=0)
        return name, make.remote(run.recipe, self._set_of(run), files, last["t"] if last is not None else 0.0)

    def _set_of(self, run: Run) -> Any:
        """Return the data set of a run, in the cluster's memory."""
        key = (run.recipe.dataset, run.recipe.settings["size_px"])
        if (data := self._sets.get(key)) is None:
            data = self._ray.put(load_dataset(*key))
            self._sets.put(key, data)
        return data

    def _look_after(self) -> None:
        """Leave signs of life; end what was called off, does not answer a request, or outlasts every limit."""
        now = time.monotonic()
        for task in list(self._tasks.values()):
            folder = task.run.folder
            request = _request(folder)
            task.asked_at = (task.asked_at or now) if request else None
            if not (folder / "spec.json").is_file():
                self._forget(task)
            elif task.record is None and not task.is_followed and not task.lost:
                if request:  # it never began
                    # Whoever called it off took it out of the line; who resumed it meanwhile put it there again.
                    self._forget(task, leaves_line=False)
            elif request and now - task.asked_at > STOP_PATIENCE_S or task.began and now - task.began > LIMITS.run_seconds + OVERTIME_S:
                self._forget(task)
                liveness.release(folder)
            elif now - task.beaten > 1.0:
                task.beaten = now
                with contextlib.suppress(OSError):
                    liveness.beat(folder)

    def _listen(self) -> None:
        """Ask every run for news, and take in what has come."""
        exceptions = self._ray.exceptions
        for task in self._tasks.values():
            if task.news is None:
                task.news = task.actor.take.remote(task.heard, _request(task.run.folder))
        asked = {task.news: task for task in self._tasks.values()}
        if not asked:
            with self._lock:
                self._lock.wait(IDLE_TICK_S if not self._waiting else 0)
            return
        ready, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=TICK_S)
        for news in ready:
            task = asked[news]
            task.news = None
            try:
                found = self._ray.get(news)
            except exceptions.ActorUnavailableError:
                continue  # whether it is dead will be known soon
            except exceptions.RayError as error:
                self._lose(task, error)
                continue
            with self._or_fail(task.run):
                self._take_in(task, found)

    def _take_in(self, task: _Task, news: News) -> None:
        """Write down what a run has to say, as its own worker would. Raises OSError on a full disk."""
        folder = task.run.folder
        if task.record is None:
            (folder / liveness.WORKER_NAME).unlink(missing_ok=True)  # of an earlier server, or of the machine that was lost
            liveness.claim(folder, actor=task.name)
            task.record, task.began = Record(task.run, is_resumed=not task.is_followed), time.monotonic()
            with self._lock:
                self._waiting = [run for run in self._waiting if run.id != task.run.id]
        for name, (_, content) in news.files.items():
            if content is None:
                (folder / name).unlink(missing_ok=True)
            else:
                atomic_write(folder / name, content)
        for event in news.events:
            task.record.report(event)
        if news.look is not None and task.record.looks is not None:
            task.record.looks(news.look)
        task.heard = news.heard(task.heard)
        if news.is_done:
            if news.log:
                (folder / "worker.log").write_text(news.log)
            if news.problem is not None:
                task.record.fail(news.problem)
            self._forget(task)
            liveness.release(folder)

    def _lose(self, task: _Task, error: Exception) -> None:
        """Go on elsewhere with a run whose machine went away; after `ATTEMPTS` of them, leave it to its owner."""
        task.lost += 1
        has_begun, folder = task.record is not None or task.is_followed, task.run.folder
        with self._or_fail(task.run):
            if task.record is not None:
                task.record.note(_NODE_LOST if task.lost < ATTEMPTS else _NODES_LOST.fill(count=task.lost))
                task.record.close()
                task.record = None
            if task.lost < ATTEMPTS:
                task.heard, task.is_followed, task.began = Heard(), False, 0.0
                task.name, task.actor = self._actor(task.run)
                return
            (folder / "worker.log").write_text(str(error))
            if not has_begun:
                raise Refusal(_NO_START)
            self._forget(task)
            liveness.release(folder)

    def _forget(self, task: _Task, *, leaves_line: bool = True) -> None:
        """End an actor and what is held for it."""
        with contextlib.suppress(ValueError, *([self._ray.exceptions.RayError] if self._ray else [])):
            self._ray.kill(task.actor)
        if task.record is not None:
            task.record.close()
        with self._lock:
            self._tasks.pop(task.run.id, None)
            if leaves_line:
                self._waiting = [run for run in self._waiting if run.id != task.run.id]

    @contextlib.contextmanager
    def _or_fail(self, run: Run) -> Iterator[None]:
        """End a run with a sentence where its data, its folder or the disk does not do: no other run is hurt."""
        try:
            yield
        except (Refusal, OSError) as error:
            task = self._tasks.get(run.id)
            with contextlib.suppress(OSError):
                record = task.record if task is not None and task.record is not None else Record(run)
                record.fail(explain(error))
                record.close()
            if task is not None:
                self._forget(task)
            with contextlib.suppress(OSError):
                liveness.release(run.folder)
            with self._lock:
                self._waiting = [waiting for waiting in self._waiting if waiting.id != run.id]


def _request(folder: Path) -> str:
    return next((name for name in ("stop", "pause") if (folder / name).exists()), "")


def _name_of(run: Run) -> str:
    """Return the name of a run's actor: the same until its record grows, so that the next server finds it."""
    last = last_event(run.folder)
    return f"{run.id}-{last['n'] + 1 if last is not None else 0}"
