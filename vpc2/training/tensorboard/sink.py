"""TensorBoard's event files, written from a run's own events and looks: what TensorBoard shows is what the page shows.

Without `torch.utils.tensorboard`: half the import. Tags are fixed, so that runs compare. What only a look or the end needs
is imported then, not while a visitor waits for the first point.
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
    """Hears a run's events and looks and writes them to `tb/` in its folder; the step axis is the training step."""

    def __init__(self, run: Run):
        self._run = run
        self._file = EventFile(run.folder / "tb")
        self._began = time.time()
        self._step, self._best = 0, None
        self._is_introduced = False

    def __call__(self, event: dict[str, Any]) -> None:
        tags = {"step": STEP_TAGS, "epoch": EPOCH_TAGS, "end": END_TAGS}.get(event["type"], {})
        self._step = event.get("step", self._step)
        values = [Summary.Value(tag=tag, simple_value=event[name]) for name, tag in tags.items() if event.get(name) is not None]
        if event["type"] == "epoch" and event.get("is_best"):
            self._best = event.get("val_accuracy")
        if event["type"] == "end":
            self._introduce()
            if self._best is not None:
                values.append(Summary.Value(tag=BEST_TAG, simple_value=self._best))
        if values:
            self._add(Summary(value=values))
        if event["type"] in ("epoch", "end"):
            self._file.flush()

    def look(self, look: Snapshot) -> None:
        """Write what a look shows."""
        from vpc2.training.tensorboard import summaries

        self._introduce()
        self._step = look.step
        self._add(Summary(value=summaries.of_look(look)))
        self._file.flush()

    def _introduce(self) -> None:
        """Write once what does not change: the recipe, its net as a graph, its hyper-parameters."""
        if self._is_introduced:
            return
        self._is_introduced = True
        from vpc2.nets.export.tensorboard_graph import build_graph
        from vpc2.training.tensorboard import summaries

        recipe = self._run.recipe
        self._add(Summary(value=summaries.of_recipe(recipe)), 0)
        self._add(summaries.experiment(recipe), 0)
        self._add(summaries.session(recipe, self._began), 0)
        if isinstance(recipe.net, Net):
            self._file.add(Event(wall_time=time.time(), graph_def=build_graph(recipe.net).SerializeToString()))

    def _add(self, summary: Summary, step: int | None = None) -> None:
        self._file.add(Event(wall_time=time.time(), step=self._step if step is None else step, summary=summary))

    def close(self) -> None:
        self._file.close()
