"""TensorBoard's event files, written from a run's own events: what TensorBoard shows is what the page shows.

Through TensorBoard's writer alone, without `torch.utils.tensorboard`: half the import. Tags are fixed, so that runs compare.
"""

from __future__ import annotations

import time
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING

from vpc2 import codec
from vpc2.training.eventfile import EventFile
from vpc2.training.run import Run

STEP_TAGS = {"loss": "loss/train", "accuracy": "accuracy/train", "learning_rate": "learning_rate"}
EPOCH_TAGS = {
    "train_loss": "epoch/train_loss",
    "train_accuracy": "epoch/train_accuracy",
    "val_loss": "loss/validation",
    "val_accuracy": "accuracy/validation",
    "images_per_s": "images_per_s",
}
END_TAGS = {"test_loss": "test/loss", "test_accuracy": "test/accuracy"}


class TensorBoardSink:
    """Hears a run's events and writes them to `tb/` in its folder; the step axis is the training step."""

    def __init__(self, run: Run):
        self._file = EventFile(run.folder / "tb")
        self._began = time.time()
        self._step = 0
        self._add(0.0, 0, Summary(value=[_text("recipe", f"```json\n{codec.to_json(run.recipe)}\n```")]))

    def __call__(self, event: dict[str, Any]) -> None:
        tags = {"step": STEP_TAGS, "epoch": EPOCH_TAGS, "end": END_TAGS}.get(event["type"], {})
        self._step = event.get("step", self._step)
        values = [Summary.Value(tag=tag, simple_value=event[name]) for name, tag in tags.items() if event.get(name) is not None]
        if values:
            self._add(event["t"], self._step, Summary(value=values))
        if event["type"] == "epoch":
            self._file.flush()

    def _add(self, t: float, step: int, summary: Summary) -> None:
        self._file.add(Event(wall_time=self._began + t, step=step, summary=summary))

    def close(self) -> None:
        self._file.close()


def _text(tag: str, words: str) -> Summary.Value:
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    return Summary.Value(tag=tag, metadata=metadata, tensor=TensorProto(dtype=DT_STRING, string_val=[words.encode()], tensor_shape=shape))
