"""What a run says of itself while it goes: the events of `training.events`, made from where the loop stands."""

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
MOST_HITS = 20_000  # test pictures whose single answers are kept, to compare two runs picture by picture

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
    """Makes the events of one run."""

    def __init__(self, report: Callable[[dict[str, Any]], object], run: TrainerState):
        self.report, self.run = report, run
        self._prepared = 0.0

    def start(self, notes: tuple[Text, ...]) -> None:
        """Say what is trained on what, and what was changed on the way."""
        run = self.run
        self.report(
            {
                "type": "start",
                "classes": list(run.data.classes),
                "counts": {"train": len(run.training_data.train), "validation": len(run.split.validation), "test": len(run.split.test)},
                "train_counts": run.training_data.counts,
                "copies": run.training_data.copies,
                "copies_s": round(run.training_data.seconds, 3),
                "params": sum(parameter.numel() for parameter in run.module.parameters()),
                "steps_per_epoch": run.steps_per_epoch,
                "batch_size": run.batch_size,
                "epochs": run.settings["epochs"],
                "budget_s": run.settings["budget_s"],
                "device": str(run.device),
                "precision": run.model.precision,
                "threads": torch.get_num_threads(),
                **self._setting(),
            }
        )
        said = [*notes]
        if run.batch_size < run.settings["batch_size"]:
            said.append(_BATCH_CAPPED.fill(asked=run.settings["batch_size"], batch=run.batch_size))
        if len(run.split.validation) == 0:
            said.append(_NO_VALIDATION)
        for text in said:
            self.report({"type": "note", "text": text.in_every_language()})

    def _setting(self) -> dict[str, Any]:
        """Return what decides how a loss and an accuracy are to be read: what sentences about them need to know."""
        run = self.run
        training_data, settings, mix = run.training_data, run.settings, run.pipeline.mix if run.pipeline is not None else None
        is_drawn = training_data.chances is not None
        return {
            "guess_loss": guess_loss(training_data.counts, is_drawn or training_data.weights is not None, settings["label_smoothing"]),
            "seen_counts": [len(training_data.train) // len(training_data.counts)] * len(training_data.counts)
            if is_drawn
            else training_data.counts,
            "val_counts": np.bincount(run.data.labels[run.split.validation], minlength=len(run.data.classes)).tolist(),
            "is_augmented": run.recipe.augmentation is not None,
            "mix": mix.way if mix is not None else None,
            "adversary": settings["adversary"] if run.recipe.is_attacked else None,
        }

    def prepare(self, share: float) -> None:
        """Say how far the work before the first step has come, now and then."""
        if share >= 1 or time.monotonic() - self._prepared > PREPARE_EVERY_S:
            self._prepared = time.monotonic()
            self.report({"type": "prepare", "share": round(share, 3)})

    def step(self, epoch_statistics: EpochStatistics, rate: float) -> None:
        """Report the mean of the steps since the last report."""
        pending, epoch_statistics.pending = epoch_statistics.pending, []
        self.report(
            {
                "type": "step",
                "step": self.run.step,
                "epoch": self.run.epoch,
                "loss": sum(loss for loss, _ in pending) / len(pending),
                "accuracy": sum(accuracy for _, accuracy in pending) / len(pending),
                "learning_rate": rate,
            }
        )

    def epoch(self, epoch_statistics: EpochStatistics, is_best: bool, images_per_s: float) -> None:
        """Report an epoch with its validation."""
        run = self.run
        self.report(
            {
                "type": "epoch",
                "epoch": run.epoch,
                "step": run.step,
                "train_loss": epoch_statistics.loss / max(epoch_statistics.seen, 1),
                "train_accuracy": epoch_statistics.hits / max(epoch_statistics.seen, 1),
                "train_floor": epoch_statistics.floor / max(epoch_statistics.seen, 1),
                "val_loss": run.score.loss if run.score else None,
                "val_accuracy": run.score.accuracy if run.score else None,
                "images_per_s": round(images_per_s, 1),
                "elapsed_s": round(run.elapsed_s, 3),
                "planned_epochs": round(run.plan.epochs, 2),
                "is_best": is_best,
            }
        )

    def pause(self) -> None:
        """Report that the run pauses here."""
        run = self.run
        self.report({"type": "pause", "step": run.step, "epoch": run.epoch, "elapsed_s": round(run.elapsed_s, 3)})

    def end(self, score: Score | None, trained_s: float) -> None:
        """Report how it ended, why, and what the test says; `trained_s` is what the training took, the test not counted."""
        run = self.run
        done = short(run.step / run.steps_per_epoch)
        state, reason = "finished", None
        if run.breach is not None:
            now = run.settings["learning_rate"]
            state, reason = "failed", _BECAME_NAN.fill(what=run.breach, step=run.step, rate=now / 10, now=now)
        elif run.stop_requests.asked:
            state, reason = "stopped", _STOPPED.fill(epochs=done)
        elif run.is_tired:
            reason = _TIRED.fill(waited=run.waited, best=run.best_epoch)
        elif run.plan.is_cut:
            reason = _OUT_OF_TIME.fill(budget=run.settings["budget_s"], done=done, epochs=run.settings["epochs"])
        self.report(
            {
                "type": "end",
                "state": state,
                "reason": reason.in_every_language() if reason is not None else None,
                "test_accuracy": score.accuracy if score else None,
                "test_loss": score.loss if score else None,
                "test_hits": "".join("01"[hit] for hit in score.hits.astype(int)) if score and len(score.hits) <= MOST_HITS else None,
                "test_groups": self._test_groups(score),
                "confusion": score.confusion() if score else None,
                "best_epoch": run.best_epoch,
                "elapsed_s": round(trained_s, 3),
            }
        )

    def _test_groups(self, score: Score | None) -> list[int] | None:
        """Return whose picture each test picture is, where people are known: pictures of one person are not independent."""
        groups = self.run.data.groups
        return groups[score.index].tolist() if score and groups is not None and len(score.hits) <= MOST_HITS else None


def short(epochs: float) -> int | float:
    """Return a number of epochs to three digits, never more than were done: 2.35, 199, 12345."""
    digits = max(2 - math.floor(math.log10(max(epochs, 1))), 0)
    whole = math.floor(epochs * 10**digits) / 10**digits
    return int(whole) if whole == int(whole) else whole
