"""The TensorBoard sink of a run: writes its events and snapshots as TensorBoard event files, with the same numbers as on the page.

`torch.utils.tensorboard` is not used: without it the import takes half the time. Tags are fixed, so that runs can be compared.
Modules that only a snapshot or the end needs are imported then, not while a visitor waits for the first point of the curve.
"""

from __future__ import annotations

import time
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary

from vpc2.nets.spec import Net
from vpc2.training.runs.snapshot import Snapshot
from vpc2.training.runs.store import Run
from vpc2.training.tensorboard.event_file import EventFile

STEP_TAGS = {"loss": "loss/train", "accuracy": "accuracy/train", "learning_rate": "learning_rate"}
EPOCH_TAGS = {
    "train_loss": "epoch/train_loss",
    "train_accuracy": "epoch/train_accuracy",
    "val_loss": "loss/validation",
    "val_accuracy": "accuracy/validation",
    "images_per_s": "images_per_s",
}
END_TAGS = {"test_loss": "test/loss", "test_accuracy": "test/accuracy"}
BEST_TAG = "best/validation_accuracy"


class TensorBoardSink:
    """Writes the events and snapshots of a run to `tb/` in its folder; the step axis is the training step."""

    def __init__(self, run: Run):
        self._run = run
        self._file = EventFile(run.folder / "tb")
        self._began = time.time()
        self._step, self._best = 0, None
        self._has_static_summaries = False

    def __call__(self, event: dict[str, Any]) -> None:
        tags = {"step": STEP_TAGS, "epoch": EPOCH_TAGS, "end": END_TAGS}.get(event["type"], {})
        self._step = event.get("step", self._step)
        values = [Summary.Value(tag=tag, simple_value=event[name]) for name, tag in tags.items() if event.get(name) is not None]
        if event["type"] == "epoch" and event.get("is_best"):
            self._best = event.get("val_accuracy")
        if event["type"] == "end":
            self._write_static_summaries()
            if self._best is not None:
                values.append(Summary.Value(tag=BEST_TAG, simple_value=self._best))
        if values:
            self._add(Summary(value=values))
        if event["type"] in ("epoch", "end"):
            self._file.flush()

    def write_snapshot(self, snapshot: Snapshot) -> None:
        """Write the summaries of a snapshot."""
        from vpc2.training.tensorboard import summaries

        self._write_static_summaries()
        self._step = snapshot.step
        self._add(Summary(value=summaries.snapshot_summaries(snapshot)))
        self._file.flush()

    def _write_static_summaries(self) -> None:
        """Write once what does not change during a run: recipe, hyperparameters and the net as a graph."""
        if self._has_static_summaries:
            return
        self._has_static_summaries = True
        from vpc2.nets.export.tensorboard_graph import build_graph
        from vpc2.training.tensorboard import summaries

        recipe = self._run.recipe
        self._add(Summary(value=summaries.recipe_summaries(recipe)), 0)
        self._add(summaries.hparams_experiment(recipe), 0)
        self._add(summaries.hparams_session(recipe, self._began), 0)
        if isinstance(recipe.net, Net):
            self._file.add(Event(wall_time=time.time(), graph_def=build_graph(recipe.net).SerializeToString()))

    def _add(self, summary: Summary, step: int | None = None) -> None:
        self._file.add(Event(wall_time=time.time(), step=self._step if step is None else step, summary=summary))

    def close(self) -> None:
        self._file.close()
