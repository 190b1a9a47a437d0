"""The reporter: builds the events of a run (see `runs.events`) from the state of the trainer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vpc2.text import Plural, Text
from vpc2.training.trainer.losses import guess_loss

if TYPE_CHECKING:
    from vpc2.training.trainer.evaluation import Score
    from vpc2.training.trainer.guards import EpochStatistics
    from vpc2.training.trainer.state import TrainerState

PREPARE_EVERY_S = 0.5
MAX_HITS = 20_000  # largest test set for which the result per image is recorded, to compare two runs image by image

_BECAME_NAN = Text(
    "Loss became {what} at step {step}: try a ten times smaller learning rate ({rate:.2g} instead of {now:.2g}). "
    "The weights from before are kept."
)
_STOPPED = Plural("Stopped on request after {epochs:,} epoch.", "Stopped on request after {epochs:,} epochs.", count="epochs")
_OUT_OF_TIME = Plural(
    "The time budget of {budget:g} s ended the run after {done:,} of at most {epochs:,} epoch.",
    "The time budget of {budget:g} s ended the run after {done:,} of at most {epochs:,} epochs.",
    count="epochs",
)
_TIRED = Plural(
    "Stopped early: validation has not got better for {waited:,} epoch; the best was epoch {best:,}.",
    "Stopped early: validation has not got better for {waited:,} epochs; the best was epoch {best:,}.",
    count="waited",
)
_BATCH_CAPPED = Plural(
    "The batch was reduced from {asked:,} to {batch:,} picture: there are no more to train on.",
    "The batch was reduced from {asked:,} to {batch:,} pictures: there are no more to train on.",
    count="batch",
)
_NO_VALIDATION = Text("There are too few pictures to set some apart for validation: the last weights are kept, not the best.")


class Reporter:
    """Builds the events of one run and passes them to `report`."""

    def __init__(self, report: Callable[[dict[str, Any]], object], trainer: TrainerState):
        self.report, self.trainer = report, trainer
        self._prepared_at = 0.0

    def start(self, notes: tuple[Text, ...]) -> None:
        """Report the `start` event, and a `note` event for every change made to recipe or data."""
        trainer = self.trainer
        self.report(
            {
                "type": "start",
                "classes": list(trainer.data.classes),
                "counts": {
                    "train": len(trainer.training_data.train),
                    "validation": len(trainer.split.validation),
                    "test": len(trainer.split.test),
                },
                "train_counts": trainer.training_data.counts,
                "copies": trainer.training_data.copies,
                "copies_s": round(trainer.training_data.seconds, 3),
                "params": sum(parameter.numel() for parameter in trainer.module.parameters()),
                "steps_per_epoch": trainer.steps_per_epoch,
                "batch_size": trainer.batch_size,
                "epochs": trainer.settings["epochs"],
                "budget_s": trainer.settings["budget_s"],
                "device": str(trainer.device),
                "precision": trainer.model.precision,
                "threads": torch.get_num_threads(),
                **self._loss_context(),
            }
        )
        texts = [*notes]
        if trainer.batch_size < trainer.settings["batch_size"]:
            texts.append(_BATCH_CAPPED.fill(asked=trainer.settings["batch_size"], batch=trainer.batch_size))
        if len(trainer.split.validation) == 0:
            texts.append(_NO_VALIDATION)
        for text in texts:
            self.report({"type": "note", "text": text.in_every_language()})

    def _loss_context(self) -> dict[str, Any]:
        """Return the settings that the verdicts need to interpret loss and accuracy."""
        trainer = self.trainer
        training_data, settings, mix = (
            trainer.training_data,
            trainer.settings,
            trainer.pipeline.mix if trainer.pipeline is not None else None,
        )
        is_drawn = training_data.chances is not None
        return {
            "guess_loss": guess_loss(training_data.counts, is_drawn or training_data.weights is not None, settings["label_smoothing"]),
            "seen_counts": [len(training_data.train) // len(training_data.counts)] * len(training_data.counts)
            if is_drawn
            else training_data.counts,
            "val_counts": np.bincount(trainer.data.labels[trainer.split.validation], minlength=len(trainer.data.classes)).tolist(),
            "is_augmented": trainer.recipe.augmentation is not None,
            "mix": mix.kind if mix is not None else None,
            "adversary": settings["adversary"] if trainer.recipe.is_attacked else None,
        }

    def prepare(self, share: float) -> None:
        """Report the progress (0 to 1) of the work before the first step, every `PREPARE_EVERY_S` at most."""
        if share >= 1 or time.monotonic() - self._prepared_at > PREPARE_EVERY_S:
            self._prepared_at = time.monotonic()
            self.report({"type": "prepare", "share": round(share, 3)})

    def step(self, epoch_statistics: EpochStatistics, rate: float) -> None:
        """Report the mean of the steps since the last report."""
        pending, epoch_statistics.pending = epoch_statistics.pending, []
        self.report(
            {
                "type": "step",
                "step": self.trainer.step,
                "epoch": self.trainer.epoch,
                "loss": sum(loss for loss, _ in pending) / len(pending),
                "accuracy": sum(accuracy for _, accuracy in pending) / len(pending),
                "learning_rate": rate,
            }
        )

    def epoch(self, epoch_statistics: EpochStatistics, is_best: bool, images_per_s: float) -> None:
        """Report an epoch with its validation result."""
        trainer = self.trainer
        self.report(
            {
                "type": "epoch",
                "epoch": trainer.epoch,
                "step": trainer.step,
                "train_loss": epoch_statistics.loss / max(epoch_statistics.seen, 1),
                "train_accuracy": epoch_statistics.hits / max(epoch_statistics.seen, 1),
                "train_floor": epoch_statistics.floor / max(epoch_statistics.seen, 1),
                "val_loss": trainer.score.loss if trainer.score else None,
                "val_accuracy": trainer.score.accuracy if trainer.score else None,
                "images_per_s": round(images_per_s, 1),
                "elapsed_s": round(trainer.elapsed_s, 3),
                "planned_epochs": round(trainer.plan.epochs, 2),
                "is_best": is_best,
            }
        )

    def pause(self) -> None:
        """Report that the run pauses here."""
        trainer = self.trainer
        self.report({"type": "pause", "step": trainer.step, "epoch": trainer.epoch, "elapsed_s": round(trainer.elapsed_s, 3)})

    def end(self, score: Score | None, trained_s: float) -> None:
        """Report the final state, its reason and the test result; `trained_s` is the training time without the test."""
        trainer = self.trainer
        done = short(trainer.step / trainer.steps_per_epoch)
        state, reason = "finished", None
        if trainer.divergence is not None:
            now = trainer.settings["learning_rate"]
            state, reason = "failed", _BECAME_NAN.fill(what=trainer.divergence, step=trainer.step, rate=now / 10, now=now)
        elif trainer.stop_requests.request:
            state, reason = "stopped", _STOPPED.fill(epochs=done)
        elif trainer.is_out_of_patience:
            reason = _TIRED.fill(waited=trainer.waited, best=trainer.best_epoch)
        elif trainer.plan.is_cut:
            reason = _OUT_OF_TIME.fill(budget=trainer.settings["budget_s"], done=done, epochs=trainer.settings["epochs"])
        self.report(
            {
                "type": "end",
                "state": state,
                "reason": reason.in_every_language() if reason is not None else None,
                "test_accuracy": score.accuracy if score else None,
                "test_loss": score.loss if score else None,
                "test_hits": "".join("01"[hit] for hit in score.hits.astype(int)) if score and len(score.hits) <= MAX_HITS else None,
                "test_groups": self._test_groups(score),
                "confusion": score.confusion() if score else None,
                "best_epoch": trainer.best_epoch,
                "elapsed_s": round(trained_s, 3),
            }
        )

    def _test_groups(self, score: Score | None) -> list[int] | None:
        """Return the person shown in each test image, if known: images of one person are not independent."""
        groups = self.trainer.data.groups
        return groups[score.index].tolist() if score and groups is not None and len(score.hits) <= MAX_HITS else None


def short(epochs: float) -> int | float:
    """Return a number of epochs rounded down to three significant digits: 2.35, 199; whole numbers above are kept: 12345."""
    digits = max(2 - math.floor(math.log10(max(epochs, 1))), 0)
    rounded = math.floor(epochs * 10**digits) / 10**digits
    return int(rounded) if rounded == int(rounded) else rounded
