"""Protocols of the training state that the reporter reads from the trainer."""

from __future__ import annotations

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
