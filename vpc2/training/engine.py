"""Where a run goes: this machine's queue. A supervisor thread hands waiting runs to a warm spare worker.

Everything it must know after a restart is in the runs' folders: it holds only who waits and which processes are its
own. Workers are plain subprocesses, never `multiprocessing` (Streamlit replaces `__main__`), and outlive the server.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vpc2.host import LIMITS
from vpc2.training.events import EventWriter, last_event
from vpc2.training.run import Run, RunStore, status_of, worker_pid
from vpc2.words import Refusal, Text

ROOT = Path(__file__).parents[2]
TICK_S = 0.05
IDLE_TICK_S = 1.0
STOP_PATIENCE_S = 10.0  # from the request to SIGKILL
OVERTIME_S = 120.0  # beyond the longest budget: loading, the last validation and the test

_FULL = Text(
    "The line is full ({limit} runs are waiting): try again in a few minutes.",
    "La fila está llena (hay {limit} entrenamientos en espera): hay que volver a probar en unos minutos.",
)
_NO_START = Text(
    "The training process could not be started; the log of this run says why.",
    "No se pudo iniciar el proceso de entrenamiento; el registro de este entrenamiento dice por qué.",
)


@dataclass
class _Worker:
    process: subprocess.Popen
    log: Path
    run: Run | None = None
    is_ready: threading.Event = field(default_factory=threading.Event)
    stop_seen: float | None = None
    handed: float = 0.0


class LocalEngine:
    """The queue of this machine: `runs_at_once` run, the others wait, first each owner's oldest, then the second ones."""

    def __init__(self, store: RunStore, runs_at_once: int = LIMITS.runs_at_once):
        self.store = store
        self.runs_at_once = runs_at_once
        self._lock = threading.Condition()
        self._waiting: list[Run] = []
        self._running: dict[str, _Worker] = {}
        self._adopted: set[str] = set()  # runs that an earlier server started and that still go on
        self._spare: _Worker | None = None
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._failures = 0

    # -- what pages call ---------------------------------------------------------------------------------------

    def warm(self, wait_s: float = 0.0) -> bool:
        """Start the supervisor and a spare worker; return True once the spare is ready (waiting at most `wait_s`)."""
        with self._lock:
            self._begin()
            if self._spare is None:
                self._spare = self._spawn()
            spare = self._spare
        return spare.is_ready.wait(wait_s)

    def start(self, run: Run) -> None:
        """Put a run in line; at once, if nothing is before it. Raises `Refusal` when the line is full.

        Starting a run that is in line, running or over already changes nothing.
        """
        with self._lock:
            if run.id in self._running or any(waiting.id == run.id for waiting in self._waiting):
                return
            if status_of(run.folder).state != "queued":
                return
            if len(self._waiting) >= LIMITS.queue:
                raise Refusal(_FULL.fill(limit=LIMITS.queue))
            self._waiting.append(run)
            self._begin()
            self._hand_out()
            self._lock.notify_all()

    def stop(self, run_id: str) -> None:
        """Ask a run to stop, keeping model and curves. A worker that does not answer is ended after ten seconds."""
        self.store.request_stop(run_id)
        with self._lock:
            self._waiting = [waiting for waiting in self._waiting if waiting.id != run_id]
            self._lock.notify_all()

    def place_in_line(self, run_id: str) -> int | None:
        """Return 1 for the run that is next, 0 for one that has begun, None for one that neither waits nor runs."""
        with self._lock:
            order = [waiting.id for waiting in self._order()]
            if run_id in order:
                return order.index(run_id) + 1
            is_handed = run_id in self._running or run_id in self._adopted
        return 0 if is_handed and not status_of(self.store.folder / run_id).is_over else None

    def wait_s(self, run_id: str) -> float:
        """Return about how many seconds a waiting run still waits: the budgets before it, shared by the places there are."""
        with self._lock:
            order = self._order()
            before = order[: next((place for place, waiting in enumerate(order) if waiting.id == run_id), 0)]
            going = [worker.run for worker in self._running.values() if worker.run is not None]
        seconds = sum(waiting.recipe.settings["budget_s"] for waiting in before)
        for other in going:
            last = last_event(other.folder)
            seconds += max(other.recipe.settings["budget_s"] - (last["t"] if last is not None else 0.0), 0.0)
        return seconds / self.runs_at_once

    def reconcile(self) -> None:
        """Take up what an earlier server left: running workers are counted, waiting runs wait again, litter is removed.

        A run whose worker is dead needs nothing: its folder says that it was interrupted.
        """
        self.store.sweep()
        for run in reversed(self.store.list()):
            state = status_of(run.folder).state
            if state == "running":
                with self._lock:
                    if run.id not in self._running:
                        self._adopted.add(run.id)
                        self._begin()
            elif state == "queued":
                with suppress(Refusal):
                    self.start(run)

    def shutdown(self) -> None:
        """End the supervisor and the idle spare. Workers with a run go on to its end."""
        with self._lock:
            self._is_closing = True
            self._lock.notify_all()
            spare, self._spare = self._spare, None
        if self._thread is not None:
            self._thread.join(5)
        if spare is not None:
            _dismiss(spare)

    # -- the supervisor ----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._thread is None and not self._is_closing:
            self._thread = threading.Thread(target=self._supervise, name="vpc2-training", daemon=True)
            self._thread.start()

    def _supervise(self) -> None:
        while True:
            with self._lock:
                if self._is_closing:
                    return
                self._reap()
                self._hand_out()
                self._refill()
                busy = self._running or self._adopted or self._waiting
                self._lock.wait(TICK_S * 4 if busy else IDLE_TICK_S)

    def _reap(self) -> None:
        """Forget workers that have ended; end those that do not answer a stop, or that outlast every limit."""
        for run_id in list(self._running):
            worker = self._running[run_id]
            if worker.process.poll() is not None:
                self._account(worker)
                del self._running[run_id]
                continue
            now = time.monotonic()
            if worker.stop_seen is None and (worker.run.folder / "stop").exists():
                worker.stop_seen = now
            late = now - worker.handed > LIMITS.run_seconds + OVERTIME_S
            if late or worker.stop_seen is not None and now - worker.stop_seen > STOP_PATIENCE_S:
                worker.process.kill()
        for run_id in list(self._adopted):
            folder = self.store.folder / run_id
            status = status_of(folder)
            if status.state != "running":
                self._adopted.discard(run_id)
            elif status.is_stalled and (folder / "stop").exists() and (pid := worker_pid(folder)) is not None:
                with suppress(OSError):
                    os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def _account(self, worker: _Worker) -> None:
        """Say so in the record if a worker ended before it could claim its run."""
        folder = worker.run.folder
        if not folder.is_dir() or status_of(folder).state != "queued":
            self._failures = 0
            return
        self._failures += 1
        with suppress(OSError):
            (folder / "worker.log").write_bytes(worker.log.read_bytes()[-20_000:])
            writer = EventWriter(folder)
            writer.write({"type": "end", "state": "failed", "reason": {"en": _NO_START.en, "es": _NO_START.es}})
            writer.close()

    def _order(self) -> list[Run]:
        """Return who waits, fairly: every owner's first run before anybody's second, earlier ones first."""
        ahead: dict[str, int] = {}
        for worker in self._running.values():
            if worker.run is not None:
                ahead[worker.run.owner] = ahead.get(worker.run.owner, 0) + 1
        turns = []
        for run in sorted(self._waiting, key=lambda run: run.created):
            turn = ahead.get(run.owner, 0)
            ahead[run.owner] = turn + 1
            turns.append((turn, run.created, run.id, run))
        return [run for *_, run in sorted(turns, key=lambda item: item[:3])]

    def _hand_out(self) -> None:
        while not self._is_closing and self._waiting and len(self._running) + len(self._adopted) < self.runs_at_once:
            run = self._order()[0]
            self._waiting.remove(run)
            if not run.folder.is_dir() or status_of(run.folder).state != "queued":
                continue
            if self._spare is None or self._spare.process.poll() is not None:
                self._spare = self._spawn()
            worker, self._spare = self._spare, None
            worker.run, worker.handed = run, time.monotonic()
            self._running[run.id] = worker
            with suppress(OSError):  # a spare that died this moment: `_account` says so
                worker.process.stdin.write(f"{run.folder.resolve()}\n".encode())
                worker.process.stdin.close()

    def _refill(self) -> None:
        """Keep a spare: at once when nothing runs, otherwise only once the running one shows its first points.

        Importing torch beside a run that has just been started would delay the very point a visitor waits for.
        """
        if self._spare is not None and self._spare.process.poll() is None or self._failures >= 3:
            return
        if all(time.monotonic() - worker.handed > 3.0 for worker in self._running.values()):
            self._spare = self._spawn()

    def _spawn(self) -> _Worker:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        env = dict(os.environ)
        env.update(
            PYTHONPATH=os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
            # Before torch is imported: idle threads that spin would slow down the server beside.
            OMP_WAIT_POLICY="PASSIVE",
            OMP_NUM_THREADS=os.environ.get("VPC2_TRAINING_THREADS") or str(min(max(cores // self.runs_at_once, 1), 8)),
            KORNIA_INSTALLATION_MODE="raise",
            PYTHONUNBUFFERED="1",
        )
        self.store.folder.mkdir(parents=True, exist_ok=True)
        log = self.store.folder.parent / "spare.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "vpc2.training.worker"],
                cwd=ROOT,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                start_new_session=True,
            )
        worker = _Worker(process, log)

        def listen() -> None:
            if process.stdout.readline():
                worker.is_ready.set()

        threading.Thread(target=listen, daemon=True).start()
        return worker


def _dismiss(spare: _Worker) -> None:
    with suppress(OSError):
        spare.process.stdin.close()  # it reads the end of its input and goes
    try:
        spare.process.wait(5)
    except subprocess.TimeoutExpired:
        spare.process.kill()
        spare.process.wait()
