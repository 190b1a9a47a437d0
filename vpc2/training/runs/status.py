"""The status of a run (queued, running, paused, finished …), derived from the files in its folder.

Nothing is kept in memory, so the status survives a restart of the server. Three empty files in the folder are requests. `stop` and
`pause` are read by the worker, which writes its checkpoint and a last event (`end`, `pause`) and exits; a run without a worker is
stopped or paused by the file alone. `queued` means that a run which had ended is to be resumed: `worker.json`, `stop` and `pause`
are removed first, then `queued` is created; the worker that takes the run writes `worker.json`, then a `resume` event, and removes
`queued`. While `queued` exists, the last event does not count. So the status is well defined at every moment, also between two of
these steps. The first rule that applies decides:

1. the last event is `end` (without `queued`): the state in that event;
2. the worker is alive: running, unless the last event is `pause`;
3. `stop` exists: stopped; `pause` exists, or the last event is `pause` (without `queued`): paused;
4. no `worker.json`: queued; a `worker.json` whose process is dead: interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vpc2.text import Text, from_stored
from vpc2.training.runs import liveness
from vpc2.training.runs.events import last_event
from vpc2.training.runs.file_names import CHECKPOINT_NAME

STATES = {
    "queued": Text("waiting in line"),
    "running": Text("running"),
    "paused": Text("paused"),
    "finished": Text("finished"),
    "stopped": Text("stopped"),
    "failed": Text("failed"),
    "interrupted": Text("interrupted"),
}

_INTERRUPTED = Text(
    "The training process ended unexpectedly after epoch {epoch}; curves and classifier up to there are kept, and the run can be resumed."
)
_STOPPED_WAITING = Text("Stopped on request while it waited.")
_INTERRUPTED_EARLY = Text("The training process ended unexpectedly before the first epoch was complete; the run can be resumed.")


@dataclass(frozen=True)
class Status:
    """The state of a run (a key of `STATES`) and the reason for it, if there is one.

    `is_stalled` is True for a living worker without a recent heartbeat; `is_resumable` for a run that can be put back in the queue.
    """

    state: str
    reason: Text | None = None
    is_stalled: bool = False
    is_resumable: bool = False

    @property
    def is_over(self) -> bool:
        """True for a run that is neither queued nor running; a paused run is not over."""
        return self.state not in ("queued", "running", "paused")


def status_of(folder: Path) -> Status:
    """Return the status of the run in `folder`, by the rules in the module docstring."""
    last, worker = last_event(folder), liveness.read_worker(folder)
    is_alive = worker is not None and liveness.is_alive(folder, worker)
    if worker is not None and not is_alive:
        last = last_event(folder)  # the worker may have written its end between reading the event and checking the process
    last_type = last["type"] if last is not None and not (folder / "queued").exists() else ""
    has_checkpoint = (folder / CHECKPOINT_NAME).is_file()
    if last is not None and last_type == "end":
        reason = last.get("reason")
        text = from_stored(reason) if isinstance(reason, dict) else None
        state = last["state"] if last.get("state") in STATES else "failed"
        return Status(state, text, is_resumable=has_checkpoint and state != "finished")
    if is_alive and last_type != "pause":
        return Status("running", is_stalled=liveness.seconds_since_heartbeat(folder) > liveness.STALLED_S)
    if (folder / "stop").exists():
        return Status("stopped", _STOPPED_WAITING, is_resumable=has_checkpoint)
    if (folder / "pause").exists() or last_type == "pause":
        return Status("paused", is_resumable=True)
    return Status("queued") if worker is None else Status("interrupted", _interruption(folder), is_resumable=True)


def is_going(folder: Path) -> bool:
    """True for a run that is running or queued."""
    return status_of(folder).state in ("running", "queued")


def _interruption(folder: Path) -> Text:
    """Return the reason of an interrupted run, with the number of complete epochs."""
    last = last_event(folder) or {"type": "", "epoch": 1}
    epoch = last.get("epoch", 1) if last["type"] in ("epoch", "pause") else last.get("epoch", 1) - 1
    return _INTERRUPTED.fill(epoch=epoch) if epoch > 0 else _INTERRUPTED_EARLY
