"""What a viewer of a running run costs the server: `python tests/benchmarks/viewers.py [viewers] [seconds]`.

A real server in a process of its own, a run whose record grows as a training one's does (steps, epochs, a look a second), and
viewers that ask over HTTP as the page's components do: for events every 0.7 s, for the look every 0.9 s with its pictures where
there is a newer one. The server's own CPU seconds, with the viewers and without them: per cent of a core a viewer.
"""

from __future__ import annotations

import http.client
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.browser.conftest import ROOT, serve
from tests.training.runs.test_snapshot_writer import make_look
from vpc2.training.presets import RECIPES
from vpc2.training.runs import liveness
from vpc2.training.runs.events import EventWriter
from vpc2.training.runs.snapshot_writer import SnapshotWriter
from vpc2.training.runs.store import RunStore

EVENTS_S, LOOK_S = 0.7, 0.9
STEPS_A_SECOND = 30


def cpu_s(port: int) -> float:
    """Return the CPU seconds that the server on a port has used, its threads included."""
    for process in psutil.process_iter(["cmdline", "cpu_times"]):
        if f"--server.port={port}" in (process.info["cmdline"] or ()):
            return process.info["cpu_times"].user + process.info["cpu_times"].system
    raise SystemExit("the server is gone")


def train(folder: Path, is_over: threading.Event) -> None:
    """Write what a training run writes, in the same files at the same pace."""
    liveness.claim(folder)
    writer, looks, step = EventWriter(folder), SnapshotWriter(folder), 0
    writer.write({"type": "start", "classes": ["a"] * 10, "steps_per_epoch": STEPS_A_SECOND, "epochs": 500, "budget_s": 600.0})
    while not is_over.wait(1 / STEPS_A_SECOND):
        step += 1
        writer.write({"type": "step", "step": step, "epoch": 1, "loss": 1.0, "accuracy": 0.5, "learning_rate": 0.01})
        if step % STEPS_A_SECOND == 0:
            numbers = {"train_loss": 1.0, "train_accuracy": 0.5, "val_loss": 1.1, "val_accuracy": 0.45, "images_per_s": 900.0}
            epoch = {"epoch": step // STEPS_A_SECOND, "step": step, "elapsed_s": step / STEPS_A_SECOND, "planned_epochs": 500.0}
            writer.write({"type": "epoch", **epoch, **numbers, "is_best": False})
            looks.write_snapshot(make_look(step=step))
            liveness.beat(folder)
    writer.close()


def view(port: int, run_id: str, is_over: threading.Event, sizes: list[int]) -> None:
    """Ask as one viewer's browser does, over one connection that is kept."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def ask(path: str) -> tuple[int, bytes]:
        connection.request("GET", f"/api/runs/{run_id}{path}")
        answer = connection.getresponse()
        body = answer.read()
        sizes.append(len(body))
        return answer.status, body

    def number(body: bytes, name: bytes) -> int:
        return int(body.split(b'"%b":' % name)[-1].split(b",")[0].split(b"}")[0])

    following, step, events_at, look_at = 0, -1, 0.0, 0.0
    while not is_over.is_set():
        now = time.monotonic()
        if now >= events_at:
            following, events_at = number(ask(f"?since={following}")[1], b"next"), now + EVENTS_S
        if now >= look_at:
            look_at = now + LOOK_S
            status, body = ask("/look" if step < 0 else f"/look?since={step}")
            if status == 200:
                step = int(body.split(b'"step":')[1].split(b",")[0])
                ask(f"/batch.jpg?step={step}")
        time.sleep(max(0.0, min(events_at, look_at) - time.monotonic()))


def main(viewers: int = 10, seconds: float = 20.0) -> None:
    folder = Path(tempfile.mkdtemp())
    with serve(ROOT / "streamlit_app.py", folder) as address:
        port = int(address.rpartition(":")[2])
        run = RunStore(folder / "home").create(RECIPES["digits"].recipe)
        ended = threading.Event()
        training = threading.Thread(target=train, args=(run.folder, ended))
        training.start()
        time.sleep(20)  # libraries loaded, the spare worker warm
        before = cpu_s(port)
        time.sleep(seconds)
        idle = cpu_s(port) - before
        sizes: list[int] = []
        watching = [threading.Thread(target=view, args=(port, run.id, ended, sizes)) for _ in range(viewers)]
        for one in watching:
            one.start()
        time.sleep(2)  # each has its first, whole answer
        before, counted = cpu_s(port), len(sizes)
        time.sleep(seconds)
        busy, asked = cpu_s(port) - before, len(sizes) - counted
        ended.set()
        for one in (*watching, training):
            one.join()
    pace, flow = asked / seconds / viewers, sum(sizes[counted:]) / 1e3 / seconds / viewers
    print(f"{viewers} viewers, {seconds:g} s: {pace:.2f} questions a second each, {flow:.0f} kB/s")
    print(f"server without viewers {100 * idle / seconds:.2f} % of a core, with them {100 * busy / seconds:.2f} %")
    print(f"{100 * (busy - idle) / seconds / viewers:.2f} % of a core a viewer, {1e3 * (busy - idle) / max(asked, 1):.2f} ms a question")


if __name__ == "__main__":
    main(*(kind(word) for kind, word in zip((int, float), sys.argv[1:], strict=False)))
