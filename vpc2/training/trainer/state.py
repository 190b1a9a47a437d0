"""Where training stands, as the reporter reads it: what the trainer keeps from step to step."""

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


class Asked(Protocol):
    """What was asked of a run from outside: "stop", "pause" or ""."""

    @property
    def asked(self) -> str: ...


class TrainerState(Protocol):
    """The part of the trainer that its events tell of. Times in seconds, learning rates as they are."""

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
    breach: Text | None

    @property
    def stop_requests(self) -> Asked: ...

    @property
    def elapsed_s(self) -> float: ...

    @property
    def is_tired(self) -> bool: ...
