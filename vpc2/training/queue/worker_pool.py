"""Worker processes of this machine: started in advance, noted on disk, and found again after the server has exited.

`home/workers/<pid>.json` identifies a worker: its pid and start time, those of the server that started it, and the run assigned to
it. Processes without such a note are never touched.
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

from vpc2.bundled_files import IMPORT_ROOT
from vpc2.system.files import atomic_write_json
from vpc2.training.runs.liveness import is_same_process, process_start, worker_pid
from vpc2.training.runs.status import status_of
from vpc2.training.runs.store import Run, RunStore

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@dataclass
class Worker:
    """A worker process that waits for a run (a spare) or trains one.

    `assigned_at` is the time of the assignment, `requested_at` that of the first open stop or pause request (monotonic clock, seconds).
    """

    process: subprocess.Popen
    log: Path
    home: Path
    run: Run | None = None
    is_ready: threading.Event = field(default_factory=threading.Event)
    requested_at: float | None = None
    assigned_at: float = 0.0

    @property
    def note(self) -> Path:
        return self.home / "workers" / f"{self.process.pid}.json"

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def assign(self, run: Run) -> None:
        """Assign a run to this spare worker."""
        self.run = run
        self.write_note()
        assert self.process.stdin is not None
        with suppress(OSError):  # the process has just died: the supervisor records it
            self.process.stdin.write(f"{run.folder.resolve()}\n".encode())
            self.process.stdin.close()

    def write_note(self) -> None:
        server = os.getpid()
        document = {
            "pid": self.process.pid,
            "started": process_start(self.process.pid),
            "server": server,
            "server_started": process_start(server),
            "run": self.run.id if self.run is not None else None,
        }
        with suppress(OSError):  # disk full: the worker is not found after a restart, which is better than not starting the run
            self.note.parent.mkdir(parents=True, exist_ok=True)
            atomic_write_json(self.note, document)

    def forget(self) -> None:
        """Delete the note of a worker that has exited."""
        with suppress(OSError):
            self.note.unlink(missing_ok=True)

    def terminate(self) -> None:
        """Terminate a spare by closing its input; kill it after 5 s."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.forget()


def spawn(home: Path, runs_at_once: int) -> Worker:
    """Start a spare worker; its `is_ready` is set once it has imported everything."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    env = dict(os.environ)
    env.update(
        PYTHONPATH=os.pathsep.join(filter(None, (str(IMPORT_ROOT), os.environ.get("PYTHONPATH")))),
        # Set before torch is imported: idle threads that spin would slow down the server.
        OMP_WAIT_POLICY="PASSIVE",
        OMP_NUM_THREADS=os.environ.get("VPC2_TRAINING_THREADS") or str(min(max(cores // max(runs_at_once, 1), 1), 8)),
        PYTHONUNBUFFERED="1",
    )
    home.mkdir(parents=True, exist_ok=True)
    log = home / "spare.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "vpc2.training.queue.worker"],
            cwd=IMPORT_ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            start_new_session=True,
        )
    worker = Worker(process, log, home)
    worker.write_note()

    def wait_for_ready() -> None:
        assert process.stdout is not None
        if process.stdout.readline():
            worker.is_ready.set()

    threading.Thread(target=wait_for_ready, daemon=True).start()
    return worker


def end_orphaned_workers(store: RunStore) -> list[int]:
    """Kill workers whose server has exited and that are not training a run; return their pids.

    A worker in the middle of a run is not killed: it finishes the run without a server.
    """
    ended = []
    for note in sorted((store.home / "workers").glob("*.json")):
        try:
            note_content = json.loads(note.read_text())
            pid, started, run_id = note_content["pid"], note_content["started"], note_content["run"]
            has_server = is_same_process(note_content["server"], note_content["server_started"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if not isinstance(pid, int) or not is_same_process(pid, started):
            note.unlink(missing_ok=True)
        elif not has_server and not _has_live_run(store.folder / str(run_id), pid):
            with suppress(OSError):
                os.kill(pid, KILL)
                ended.append(pid)
            note.unlink(missing_ok=True)
    return ended


def _has_live_run(folder: Path, pid: int) -> bool:
    return (folder / "spec.json").is_file() and worker_pid(folder) == pid and status_of(folder).state == "running"
