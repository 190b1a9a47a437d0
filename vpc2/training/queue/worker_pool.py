"""Worker processes of this machine: started before they are needed, written down, and found again when their server is gone.

`home/workers/<pid>.json` says which process is ours: its number and start, those of the server that started it, and the
run it was given. What nobody wrote down is never touched.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vpc2.files import atomic_write_json
from vpc2.training.runs.liveness import is_same, process_start, worker_pid
from vpc2.training.runs.store import Run, RunStore, status_of

ROOT = Path(__file__).parents[3]
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@dataclass
class Worker:
    """A process that waits for a run (a spare) or works on one; `handed` and `asked_at` are times of the monotonic clock."""

    process: subprocess.Popen
    log: Path
    home: Path
    run: Run | None = None
    is_ready: threading.Event = field(default_factory=threading.Event)
    asked_at: float | None = None
    handed: float = 0.0

    @property
    def note(self) -> Path:
        return self.home / "workers" / f"{self.process.pid}.json"

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def hand(self, run: Run) -> None:
        """Give a run to a spare."""
        self.run = run
        self.write_down()
        with suppress(OSError):  # it died this moment: the supervisor says so
            self.process.stdin.write(f"{run.folder.resolve()}\n".encode())
            self.process.stdin.close()

    def write_down(self) -> None:
        server = os.getpid()
        document = {
            "pid": self.process.pid,
            "started": process_start(self.process.pid),
            "server": server,
            "server_started": process_start(server),
            "run": self.run.id if self.run is not None else None,
        }
        with suppress(OSError):  # a full disk: then it is not found again, which harms less than a run that does not start
            self.note.parent.mkdir(parents=True, exist_ok=True)
            atomic_write_json(self.note, document)

    def forget(self) -> None:
        """Strike a process that has ended off the list."""
        with suppress(OSError):
            self.note.unlink(missing_ok=True)

    def dismiss(self) -> None:
        """End a spare: it reads the end of its input and goes."""
        with suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.forget()


def spawn(home: Path, runs_at_once: int) -> Worker:
    """Start a spare; its `is_ready` is set once it has imported everything."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    env = dict(os.environ)
    env.update(
        PYTHONPATH=os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        # Before torch is imported: idle threads that spin would slow down the server beside.
        OMP_WAIT_POLICY="PASSIVE",
        OMP_NUM_THREADS=os.environ.get("VPC2_TRAINING_THREADS") or str(min(max(cores // max(runs_at_once, 1), 1), 8)),
        PYTHONUNBUFFERED="1",
    )
    home.mkdir(parents=True, exist_ok=True)
    log = home / "spare.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "vpc2.training.queue.worker"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            start_new_session=True,
        )
    worker = Worker(process, log, home)
    worker.write_down()

    def listen() -> None:
        if process.stdout.readline():
            worker.is_ready.set()

    threading.Thread(target=listen, daemon=True).start()
    return worker


def end_strays(store: RunStore) -> list[int]:
    """End workers whose server is gone and that have no living run; return their numbers.

    A worker in the middle of its run is none: it goes on without a server.
    """
    ended = []
    for note in sorted((store.home / "workers").glob("*.json")):
        try:
            known = json.loads(note.read_text())
            pid, started, run_id = known["pid"], known["started"], known["run"]
            has_server = is_same(known["server"], known["server_started"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if not isinstance(pid, int) or not is_same(pid, started):
            note.unlink(missing_ok=True)
        elif not has_server and not _has_live_run(store.folder / str(run_id), pid):
            with suppress(OSError):
                os.kill(pid, KILL)
                ended.append(pid)
            note.unlink(missing_ok=True)
    return ended


def _has_live_run(folder: Path, pid: int) -> bool:
    return (folder / "spec.json").is_file() and worker_pid(folder) == pid and status_of(folder).state == "running"
