"""Requests to stop a run, and the protocols of the training state that the reporter reads from the trainer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch

    from vpc2.augment.spec import Pipeline
    from vpc2.data.imageset import ImageSet, Split
    from vpc2.text import Text
    from vpc2.training.schedule import Plan
    from vpc2.training.spec import Recipe
    from vpc2.training.trainer.evaluation import Score
    from vpc2.training.trainer.model import Model
    from vpc2.training.trainer.training_data import TrainingData


class RequestState(Protocol):
    """The open request to a run: "stop", "pause" or ""."""

    @property
    def request(self) -> str: ...


class TrainerState(Protocol):
    """The attributes of the trainer that the reporter reads. Times in seconds."""

    recipe: Recipe
    settings: dict[str, Any]
    device: torch.device
    data: ImageSet
    split: Split
    training_data: TrainingData
    model: Model
    module: torch.nn.Module
    pipeline: Pipeline | None
    plan: Plan
    batch_size: int
    steps_per_epoch: int
    step: int
    epoch: int
    best_epoch: int
    waited: int
    score: Score | None
    divergence: Text | None

    @property
    def stop_requests(self) -> RequestState: ...

    @property
    def elapsed_s(self) -> float: ...

    @property
    def is_out_of_patience(self) -> bool: ...


class StopRequests:
    """Open requests to stop or pause a run, checked between two steps."""

    def __init__(self, should_stop: Callable[[], bool], should_pause: Callable[[], bool]):
        self.should_stop, self.should_pause = should_stop, should_pause
        self.request = ""

    def __call__(self) -> str:
        """Return "stop", "pause" or ""; a request cannot be withdrawn."""
        self.request = self.request or ("stop" if self.should_stop() else "pause" if self.should_pause() else "")
        return self.request

    def is_requested(self) -> bool:
        return bool(self())
