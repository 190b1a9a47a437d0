"""The training loop: images in memory as uint8, batches assembled on the device, steps and epochs reported as events.

Speed on a CPU comes from channels_last, no data loader processes, and augmentation of whole batches.
Reproducibility comes from one seed for weights and dropout, a separate generator for the order of the images, one seed per batch for
the augmentation, and a schedule that depends on the clock only when the time budget ends the run.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from vpc2.augment.mixing import labelled_batch
from vpc2.codec import to_document
from vpc2.data.datasets import load_dataset
from vpc2.data.imageset import ImageSet, Split, split_images
from vpc2.predict.classifier import Classifier, load_classifier, save_classifier
from vpc2.rng import seed_of, training
from vpc2.system.device import pick_device
from vpc2.text import Refusal, Text
from vpc2.training.checks import RecipeProblem, check_data, check_recipe, fit_to_data
from vpc2.training.optimisers import OPTIMISERS
from vpc2.training.runs.events import stride_of
from vpc2.training.runs.file_names import CHECKPOINT_NAME, MODEL_NAME, START_NAME
from vpc2.training.runs.snapshot import MAX_PICTURES, Snapshot
from vpc2.training.schedule import SCHEDULES, Plan
from vpc2.training.spec import Recipe
from vpc2.training.trainer import checkpoint
from vpc2.training.trainer.evaluation import Score, find_mistakes, first_filters, score, take_snapshot, to_bytes
from vpc2.training.trainer.guards import DivergenceGuard, EpochStatistics, TimeShare
from vpc2.training.trainer.losses import floor_of, loss_of
from vpc2.training.trainer.model import Model
from vpc2.training.trainer.reporting import Reporter
from vpc2.training.trainer.state import StopRequests
from vpc2.training.trainer.training_data import make_training_data

EVALUATION_BATCH = 64
SAVE_SHARE = SNAPSHOT_SHARE = 0.03  # largest share of the time spent on saving, and on snapshots
SNAPSHOT_EVERY_S = 1.0
STOPPED_TEST_S = 1.0  # a stopped run is tested only if the test takes at most this long


def fit(
    recipe: Recipe,
    report: Callable[[dict[str, Any]], object],
    *,
    should_stop: Callable[[], bool] = lambda: False,
    should_pause: Callable[[], bool] = lambda: False,
    folder: Path | None = None,
    device: str | None = None,
    data: ImageSet | None = None,
    on_snapshot: Callable[[Snapshot], object] | None = None,
) -> Classifier | None:
    """Train a recipe and return the classifier with the weights of the best epoch in validation, or None if the run is paused.

    Best means highest accuracy, then lowest loss; without validation images the last weights are kept. `report` is called with the
    events described in `runs.events` (without `n` and `t`), an `end` event last; `on_snapshot` from time to time with a snapshot.
    With a `folder`, the best weights are saved there as `model.safetensors` after an epoch that improved them, and the training state
    as a checkpoint: called again, training resumes from the checkpoint, reports the events after it again, and ends with the same
    weights. Loading, augmented copies, the final test and saving do not count towards `budget_s`. On one machine's CPU with the same
    number of threads, the same recipe gives the same curve bit for bit if the epochs end the run; if the time budget does, the
    `planned_epochs` of the events tell how the schedule was shortened.

    Raises `Refusal` for a recipe that cannot be trained. A diverging loss is not an error: the run ends as "failed", with the
    reason, and the weights from before are returned.
    """
    with open_trainer(
        recipe, report, StopRequests(should_stop, should_pause), folder=folder, device=device, data=data, on_snapshot=on_snapshot
    ) as trainer:
        return trainer.run()


@contextlib.contextmanager
def open_trainer(
    recipe: Recipe,
    report: Callable[[dict[str, Any]], object],
    stop_requests: StopRequests,
    *,
    folder: Path | None = None,
    device: str | None = None,
    data: ImageSet | None = None,
    on_snapshot: Callable[[Snapshot], object] | None = None,
) -> Iterator[Trainer]:
    """Context manager: yield a `Trainer` with seeded generators. Raises `Refusal` for a recipe that cannot be trained."""
    classes = len(data.classes) if data is not None else None
    recipe, notes = fit_to_data(recipe, classes)
    _refuse(check_recipe(recipe, classes))
    settings = recipe.settings
    data = data if data is not None else load_dataset(recipe.dataset, settings["size_px"])
    split = split_images(data, settings["seed"], settings["train_share"])
    _refuse(check_data(recipe, data, split))
    with training(seed_of(settings["seed"], "weights")):
        yield Trainer(recipe, data, split, torch.device(device or pick_device()), report, stop_requests, folder, on_snapshot, notes)


def _refuse(problem: RecipeProblem | None) -> None:
    if problem is not None and problem.is_fatal:
        raise Refusal(problem.text)


class Trainer:
    """Trains one run: fixed inputs (recipe, data, split) and the state that changes from step to step.

    The attributes named in `_STORED` and those of `guard` and `epoch_statistics` are stored in checkpoints under these names.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: ImageSet,
        split: Split,
        device: torch.device,
        report: Callable[[dict[str, Any]], object],
        stop_requests: StopRequests,
        folder: Path | None,
        on_snapshot: Callable[[Snapshot], object] | None,
        notes: tuple[Text, ...],
    ):
        self.recipe, self.settings, self.device = recipe, recipe.settings, device
        self.stop_requests, self.folder, self.on_snapshot = stop_requests, folder, on_snapshot
        self.data, self.split, self.notes = data, split, notes
        self.training_data = make_training_data(recipe, data, split, device, stop_requests.is_requested)
        self.model = Model(recipe, len(data.classes), self.training_data, device)
        self.module, self.trainable_part = self.model.module, self.model.trainable_part
        self.batch_size = min(self.settings["batch_size"], len(self.training_data.train))
        steps = math.ceil(len(self.training_data.train) / self.batch_size)
        # Batches of equal size: no smaller last one, and never a single image, for which BatchNorm has no variance.
        self.steps_per_epoch = min(steps, len(self.training_data.train) // 2)
        self.plan = Plan(self.steps_per_epoch, self.settings["epochs"], self.settings["budget_s"])
        self.order_generator = torch.Generator().manual_seed(seed_of(self.settings["seed"], "order"))
        self.optimiser = OPTIMISERS[self.settings["optimiser"]].build(self.trainable_part.parameters(), self.settings)
        self.schedule = SCHEDULES[self.settings["schedule"]]
        self.pipeline = recipe.augmentation if recipe.is_online else None
        self.reporter = Reporter(report, self)
        self.guard = DivergenceGuard(len(data.classes))
        self.best: tuple[float, float] = (-1.0, -math.inf)
        self.best_epoch = self.waited = 0
        self.weights = {name: value.clone() for name, value in self.model.trainable_state().items()}
        self.step = self.epoch = 0
        self.floor = 0.0  # the lowest loss that the targets of the last batch allow
        self.divergence: Text | None = None
        self.score: Score | None = None
        self.epoch_statistics = EpochStatistics()
        self.order_state: torch.Tensor | None = None  # state of `order_generator` before the current epoch
        # Indices, images (None where features are used) and labels.
        self.last_batch: tuple[torch.Tensor, torch.Tensor | None, torch.Tensor] | None = None
        self.is_saved = False
        self.save_time, self.checkpoint_time, self.snapshot_time = (
            TimeShare(SAVE_SHARE),
            TimeShare(SAVE_SHARE),
            TimeShare(SNAPSHOT_SHARE, SNAPSHOT_EVERY_S),
        )
        self.elapsed_before = 0.0
        self.began = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds of training, including those before an interruption."""
        return self.elapsed_before + time.monotonic() - self.began

    @property
    def is_out_of_patience(self) -> bool:
        """True once validation has not improved for as many epochs as the recipe's `patience`: early stopping."""
        return len(self.split.validation) > 0 and 0 < self.settings["patience"] <= self.waited

    def begin(self) -> None:
        """Report the `start` event and do the work before the first step."""
        self.reporter.start((*self.data.notes, *self.training_data.notes, *self.notes))
        self._prepare()
        self.began = time.monotonic()

    def run(self) -> Classifier | None:
        """Train to the end and return the classifier, or None if the run is paused."""
        if self.folder is not None and (self.folder / START_NAME).is_file():
            self.model.load_weights(load_classifier(self.folder / START_NAME))
        self.begin()
        self._restore_checkpoint()
        while not self.plan.is_over(self.step) and self.divergence is None and not self.is_out_of_patience and not self.stop_requests():
            self._run_epoch()
        trained_s = self.elapsed_s  # saving and the test do not count towards the budget
        if self.stop_requests.request:
            self._write_checkpoint()
        if self.stop_requests.request == "pause":
            self.reporter.pause()
            return None
        if self.stop_requests.request and self.best_epoch == 0 and self._is_finite():
            self._keep_weights(self.epoch)
        if self.folder is not None and not self.is_saved:
            self._save_model()
        self._take_snapshot(is_last=True)
        self.trainable_part.load_state_dict(self.weights)
        self.reporter.end(self._test(), trained_s)
        if self.folder is not None and not self.stop_requests.request:
            (self.folder / CHECKPOINT_NAME).unlink(missing_ok=True)
        return self._classifier()

    def _prepare(self) -> None:
        """Compute the features of a frozen backbone once per image, if every epoch uses the same unmodified images."""
        if self.model.is_frozen and self.pipeline is None and not self.recipe.is_attacked:
            parts = (self.training_data.train.numpy(), self.split.validation, self.split.test)
            index = torch.from_numpy(np.unique(np.concatenate(parts)).astype(np.int64))
            self.model.compute_features(self.training_data, index, self.stop_requests.is_requested, self.reporter.prepare)

    def _run_epoch(self) -> None:
        """Train one epoch (or the rest of it, or of the plan), validate, keep the best weights; return early on a request."""
        if self.order_state is None:  # otherwise an interrupted epoch is continued
            self.epoch += 1
            self.order_state, self.epoch_statistics = self.order_generator.get_state(), EpochStatistics()
        epoch_statistics, began, seen_before = self.epoch_statistics, time.monotonic(), self.epoch_statistics.seen
        self.module.train()
        batches = self.training_data.epoch_order(self.order_generator).to(self.device).tensor_split(self.steps_per_epoch)
        for index in batches[epoch_statistics.batches :]:
            if self.plan.is_over(self.step):
                break
            if self.stop_requests():
                return
            rate = self.settings["learning_rate"] * self.schedule.at(self.plan.progress, self.plan.total)
            loss, hits = self.run_step(index, rate)
            self.step += 1
            self.plan.advance(self.step, self.elapsed_s)
            epoch_statistics.add(loss, hits, len(index), self.floor)
            self.divergence = self.guard.check(loss)
            if self.divergence is not None or self.step % stride_of(self.step) == 0:
                self.reporter.step(epoch_statistics, rate)
            if self.divergence is not None:
                return
        trained_s = time.monotonic() - began
        self.score = score(self.model, self.training_data, self.split.validation)
        is_best = self._is_best()
        self.waited = 0 if is_best else self.waited + 1
        if is_best:
            self._keep_weights(self.epoch)
            if self.folder is not None and self.save_time.is_due():
                self._save_model()  # before the event, so that a reader of the first epoch finds its model
        self.order_state = None
        self.reporter.epoch(epoch_statistics, is_best, (epoch_statistics.seen - seen_before) / max(trained_s, 1e-9))
        if self.folder is not None and self.checkpoint_time.is_due():
            self._write_checkpoint()  # after the event: a run killed in between reports the epoch twice rather than not at all
        self._take_snapshot()

    def run_step(self, index: torch.Tensor, rate: float) -> tuple[float, int]:
        """Make one optimiser step at a learning rate; return the loss and the number of correct predictions.

        For a mixed image the class with the largest share counts as correct.
        """
        images, labels = None, self.training_data.labels[index]
        if self.model.features is None:
            images = self.training_data.images(index)
            if self.pipeline is not None:
                images, labels = labelled_batch(self.pipeline, images, labels, len(self.data.classes), self.settings["seed"], self.step)
            if self.recipe.is_attacked:
                images = self.model.attack(images, labels, self.settings, self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        logits = self.model.predict_logits_from_features(index) if images is None else self.model.predict_logits(images)
        weights, smoothing = self.training_data.weights, self.settings["label_smoothing"]
        loss = loss_of(logits, labels, weights, smoothing)
        value, self.floor = loss.item(), floor_of(labels, weights, smoothing, len(self.data.classes))
        if math.isfinite(value):  # otherwise the weights stay unchanged
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            if self.settings["clip_norm"]:
                nn.utils.clip_grad_norm_(self.trainable_part.parameters(), self.settings["clip_norm"])
            self.optimiser.step()
        self.last_batch = (index, images, labels)
        return value, int((logits.detach().argmax(1) == (labels if labels.ndim == 1 else labels.argmax(1))).sum())

    def _is_best(self) -> bool:
        if not self._is_finite():
            return False
        if self.score is None:
            return True
        quality = (self.score.accuracy, -self.score.loss)
        if not math.isfinite(self.score.loss) or quality <= self.best:
            return False
        self.best = quality
        return True

    def _is_finite(self) -> bool:
        return all(bool(weights.isfinite().all()) for weights in self.model.trainable_state().values())

    def _keep_weights(self, epoch: int) -> None:
        self.best_epoch, self.is_saved = epoch, False
        for name, value in self.model.trainable_state().items():
            self.weights[name].copy_(value)

    def _classifier(self) -> Classifier:
        origin = {"recipe": to_document(self.recipe), "epoch": self.best_epoch, "step": self.step}
        return Classifier(self.model.copy(self.weights), self.model.preprocessing, tuple(self.data.classes), origin, self.recipe.name)

    def _save_model(self) -> None:
        assert self.folder is not None
        with self.save_time:
            save_classifier(self._classifier(), self.folder / MODEL_NAME)
        self.is_saved = True

    def _test(self) -> Score | None:
        """Return the score on the test images; for a stopped run only if that is quick, estimated from the time of one batch."""
        if self.stop_requests.request:
            probe = score(self.model, self.training_data, self.split.test[:EVALUATION_BATCH])
            if probe is None or probe.seconds * len(self.split.test) / EVALUATION_BATCH > STOPPED_TEST_S:
                return None
        return score(self.model, self.training_data, self.split.test)

    def _take_snapshot(self, is_last: bool = False) -> None:
        """Pass a snapshot to `on_snapshot`, if there is one and a snapshot is due."""
        if self.on_snapshot is None or self.last_batch is None or not (is_last or self.snapshot_time.is_due()):
            return
        with self.snapshot_time:
            index, images, labels = self.last_batch
            labels = labels[:MAX_PICTURES]
            images = self.training_data.images(index[:MAX_PICTURES]) if images is None else images[:MAX_PICTURES]
            classes, score = len(self.data.classes), self.score
            targets = labels if labels.ndim == 2 else nn.functional.one_hot(labels, classes)
            self.on_snapshot(
                Snapshot(
                    epoch=self.epoch,
                    step=self.step,
                    classes=tuple(self.data.classes),
                    batch=to_bytes(images),
                    targets=targets.float().cpu().numpy(),
                    labels=score.labels if score else np.zeros(0, np.int64),
                    probabilities=score.probabilities if score else np.zeros((0, classes), np.float32),
                    mistakes=find_mistakes(score, self.training_data.images),
                    layers=take_snapshot(self.trainable_part, self.model.names),
                    filters=first_filters(self.module),
                )
            )

    def _write_checkpoint(self) -> None:
        """Write the training state as a checkpoint, if the run has a folder."""
        if self.folder is None:
            return
        with self.checkpoint_time:
            generators = {**checkpoint.pack_generators(self.device), "order": self.order_generator.get_state()}
            if self.order_state is not None:
                generators["epoch"] = self.order_state
            tensors = {
                **checkpoint.with_prefix("now", self.model.trainable_state()),
                **checkpoint.with_prefix("best", self.weights),
                **checkpoint.with_prefix("optimiser", checkpoint.pack_optimiser(self.optimiser)),
                **checkpoint.with_prefix("generator", generators),
            }
            position = {name: getattr(self, name) for name in _STORED}
            progress = {
                "plan": self.plan.to_doc(),
                "bounds": vars(self.guard),
                "passed": vars(self.epoch_statistics),
                "elapsed_s": self.elapsed_s,
            }
            checkpoint.write_checkpoint(self.folder, tensors, {**position, **progress})

    def _restore_checkpoint(self) -> None:
        """Restore the training state from the checkpoint, if there is one."""
        stored = checkpoint.read_checkpoint(self.folder) if self.folder is not None else None
        if stored is None:
            return
        tensors, position = stored
        self.trainable_part.load_state_dict(checkpoint.without_prefix("now", tensors))
        self.weights = {name: value.to(self.device) for name, value in checkpoint.without_prefix("best", tensors).items()}
        checkpoint.unpack_optimiser(self.optimiser, checkpoint.without_prefix("optimiser", tensors))
        generators = checkpoint.without_prefix("generator", tensors)
        checkpoint.unpack_generators(self.device, generators)
        self.order_state = generators.get("epoch")
        self.order_generator.set_state(generators["order"] if self.order_state is None else self.order_state)
        for name in _STORED:
            setattr(self, name, position[name])
        accuracy, minus_loss = self.best  # JSON's list
        self.best = (accuracy, minus_loss)
        self.plan.from_doc(position["plan"])
        vars(self.guard).update(position["bounds"])
        vars(self.epoch_statistics).update(position["passed"])
        self.elapsed_before = position["elapsed_s"]


_STORED = ("step", "epoch", "best", "best_epoch", "waited", "is_saved")


def warm_up() -> None:
    """Make a training step of a tiny net, so that torch has its kernels and threads ready when a run starts."""
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 6 * 6, 2))
    module = module.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(module.parameters())
    images = torch.zeros(4, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    with contextlib.suppress(RuntimeError):  # the run itself reports the error
        nn.functional.cross_entropy(module(images), torch.zeros(4, dtype=torch.int64)).backward()
        optimiser.step()
