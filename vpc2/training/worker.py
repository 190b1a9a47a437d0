"""One training process: `python -m vpc2.training.worker`.

A spare imports everything a run needs, says "ready", and waits for one line on its standard input: the folder of a
run. It trains that run in a session of its own, so neither the page nor the server takes it along when they end, and
it ends itself afterwards: every run begins in a fresh process. A spare whose server is gone ends.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from vpc2.host import MB
from vpc2.training.events import EventWriter
from vpc2.training.run import Run, beat, claim, read_run
from vpc2.words import Refusal, Text

BEAT_S = 1.0
RESERVE_BYTES = 16 * 1024
_FULL_DISK = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)

_NO_MEMORY = Text(
    "The machine ran out of memory: choose smaller batches, smaller pictures or a smaller net. The rest of the app is not affected.",
    "La máquina se quedó sin memoria: hay que elegir lotes, imágenes o una red más chicos. El resto de la aplicación no se ve afectado.",
)
_NO_SPACE = Text(
    "The disk is full: delete old runs and start again. The model of the last saved epoch is kept.",
    "El disco está lleno: hay que eliminar entrenamientos viejos y empezar de nuevo. Se conserva el modelo de la última época guardada.",
)
_FILE_GONE = Text(
    "A file went away or could not be read while training: “{name}”.",
    "Un archivo desapareció o no se pudo leer durante el entrenamiento: “{name}”.",
)
_BUG = Text(
    "The training process ended by an error of the program; its worker.log says which.",
    "El proceso de entrenamiento terminó por un error del programa; su worker.log dice cuál.",
)


def train(run: Run, listen: Callable[[dict], None] = lambda event: None, should_stop: Callable[[], bool] = lambda: False) -> str:
    """Train a run in this process, writing its record, model and event files; return the state it ended in.

    `listen` hears every event as it is recorded. A run ends in a sentence, also without memory or disk; only an
    error of the program itself is raised again (after the record has ended), so that the log has its traceback.
    """
    folder = run.folder
    reserve = folder / "reserve"
    reserve.write_bytes(b"\0" * RESERVE_BYTES)
    writer, sinks = EventWriter(folder), []
    ended: list[str] = []

    def report(event: dict) -> None:
        whole = writer.write(event)
        if event["type"] == "end":
            ended.append(event["state"])
        for sink in sinks:
            sink(whole)
        listen(whole)

    def fail(reason: Text) -> None:
        reserve.unlink(missing_ok=True)
        for part in folder.glob("*.tmp"):
            part.unlink(missing_ok=True)
        if not ended:
            ended.append("failed")
            with suppress(OSError):  # not even that: the folder will say "interrupted"
                listen(writer.write_last({"type": "end", "state": "failed", "reason": {"en": reason.en, "es": reason.es}}))

    is_program_error = True
    try:
        from vpc2.training.loop import fit
        from vpc2.training.sinks import TensorBoardSink

        sinks.append(TensorBoardSink(run))
        fit(run.recipe, report, should_stop=lambda: should_stop() or (folder / "stop").exists(), folder=folder)
        is_program_error = False
    except Refusal as refusal:
        is_program_error = False
        fail(refusal.text)
    except MemoryError:
        is_program_error = False
        fail(_NO_MEMORY)
    except OSError as error:
        is_program_error = False
        traceback.print_exc()
        fail(_NO_SPACE if error.errno in _FULL_DISK else _FILE_GONE.fill(name=Path(str(error.filename or error.strerror)).name))
    except RuntimeError as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        is_program_error = False
        traceback.print_exc()
        fail(sentence)
    finally:
        if is_program_error:
            fail(_BUG)
        for sink in sinks:
            with suppress(OSError):
                sink.close()
        writer.close()
        reserve.unlink(missing_ok=True)
    return ended[-1] if ended else "failed"


def _sentence(error: RuntimeError) -> Text | None:
    """Return what a RuntimeError of torch means, if it is the machine's lack of something."""
    words = str(error).lower()
    if "out of memory" in words or "can't allocate memory" in words or "not enough memory" in words:
        return _NO_MEMORY
    if "no space left" in words or "file too large" in words or "inline_container" in words:
        return _NO_SPACE
    return None


def work_on(run: Run) -> None:
    """Train a run in this process, dressed as a worker: log, heartbeat, polite priority, SIGTERM means stop."""
    if not claim(run.folder):
        return
    log = os.open(run.folder / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    is_asked_to_stop, is_over = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_asked_to_stop.set())

    def keep_beating() -> None:
        while not is_over.wait(BEAT_S):
            with suppress(OSError):
                beat(run.folder)

    threading.Thread(target=keep_beating, daemon=True).start()
    _limit_memory()
    try:
        train(run, should_stop=is_asked_to_stop.is_set)
    finally:
        is_over.set()


def _limit_memory() -> None:
    """Let this process, and not the server, be the one that ends when memory runs out (Linux, CPU only).

    Without a limit Linux lends more than there is and then kills whom it likes; with one, torch raises.
    """
    from vpc2.augment.pipeline import pick_device

    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if pick_device() != "cpu":
        return  # CUDA maps far more addresses than it uses
    try:
        import resource

        meminfo = Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]
        held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        limit = held + max(int(int(meminfo) * 1024 * 0.8), 1024 * MB)
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY or hard > limit:
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    except (ImportError, OSError, IndexError, ValueError):
        return


def main() -> None:
    """Warm up, say so, wait for the folder of a run, train it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError, AttributeError):
        os.nice(10)
    from vpc2.training.loop import warm_up

    warm_up()
    import vpc2.training.sinks  # noqa: F401

    with suppress(BrokenPipeError):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
    line = sys.stdin.readline()
    if line.strip():
        work_on(read_run(Path(line.strip())))


if __name__ == "__main__":
    main()
