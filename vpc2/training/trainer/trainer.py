"""The training loop: data in memory as bytes, batches made on the device, every step reported.

What makes it quick on a CPU (PERFORMANCE.md): channels_last, no loader processes, augmentation of whole batches. What
makes it repeatable: one seed for the weights and dropout, a generator of its own for the order of the pictures, a seed a
batch for the augmentation, and a schedule that the clock touches only when the time budget ends the run.
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
from vpc2.augment.pipeline import pick_device
from vpc2.codec import to_document
from vpc2.data.datasets import load_dataset
from vpc2.data.imageset import ImageSet, Split, split_images
from vpc2.predict.classifier import Classifier, load_classifier, save_classifier
from vpc2.rng import seed_of, training
from vpc2.text import Refusal, Text
from vpc2.training.checks import RecipeProblem, check_data, check_recipe, fit_to_data
from vpc2.training.optimisers import OPTIMISERS
from vpc2.training.runs.events import stride_of
from vpc2.training.runs.file_names import CHECKPOINT_NAME, MODEL_NAME, START_NAME
from vpc2.training.runs.snapshot import MOST_PICTURES, Snapshot
from vpc2.training.schedule import SCHEDULES, Plan
from vpc2.training.spec import Recipe
from vpc2.training.trainer import checkpoint as saved
from vpc2.training.trainer.evaluation import Score, find_mistakes, first_filters, score, take_snapshot, to_bytes
from vpc2.training.trainer.guards import DivergenceGuard, EpochStatistics, TimeShare
from vpc2.training.trainer.losses import floor_of, loss_of
from vpc2.training.trainer.model import Model
from vpc2.training.trainer.reporting import Reporter
from vpc2.training.trainer.training_data import make_training_data

EVALUATION_BATCH = 64
SAVE_SHARE = LOOK_SHARE = 0.03  # of the time, at most, goes into saving, and into looks
LOOK_EVERY_S = 1.0
STOPPED_TEST_S = 1.0  # a stopped run is tested only if that takes no longer


def fit(
    recipe: Recipe,
    report: Callable[[dict[str, Any]], object],
    *,
    should_stop: Callable[[], bool] = lambda: False,
    should_pause: Callable[[], bool] = lambda: False,
    folder: Path | None = None,
    device: str | None = None,
    data: ImageSet | None = None,
    look: Callable[[Snapshot], object] | None = None,
) -> Classifier | None:
    """Train a recipe and return the classifier; its weights are those of the best epoch in validation. None where it pauses.

    Best means highest accuracy, then lowest loss; without validation pictures the last weights are kept. `report`
    hears the events of `training.events` (without `n` and `t`), an `end` event last; `look` hears, now and then, what the
    run looks like inside. With a `folder`, the best weights so far are saved there as `model.safetensors` after an epoch
    that brought them, and where the run stands as a checkpoint: called again, it goes on from there, reports what came
    after the checkpoint once more, and ends at the same weights. Loading, copies, the last test and saving are outside
    `budget_s`. The same recipe gives the same curve bit for bit on one machine's CPU, with as many threads, where the
    epochs end the run; where the seconds do, the record's `planned_epochs` says how the schedule went.

    Raises `Refusal` for what cannot be trained. A loss that leaves all bounds is no error: the run ends as "failed",
    with the reason, and the weights from before are returned.
    """
    with open_trainer(recipe, report, StopRequests(should_stop, should_pause), folder=folder, device=device, data=data, look=look) as run:
        return run.run()


@contextlib.contextmanager
def open_trainer(
    recipe: Recipe,
    report: Callable[[dict[str, Any]], object],
    stop_requests: StopRequests,
    *,
    folder: Path | None = None,
    device: str | None = None,
    data: ImageSet | None = None,
    look: Callable[[Snapshot], object] | None = None,
) -> Iterator[Trainer]:
    """Make a run ready, its generators seeded inside the block. Raises `Refusal` for what cannot be trained."""
    classes = len(data.classes) if data is not None else None
    recipe, notes = fit_to_data(recipe, classes)
    _refuse(check_recipe(recipe, classes))
    settings = recipe.settings
    data = data if data is not None else load_dataset(recipe.dataset, settings["size_px"])
    split = split_images(data, settings["seed"], settings["train_share"])
    _refuse(check_data(recipe, data, split))
    with training(seed_of(settings["seed"], "weights")):
        yield Trainer(recipe, data, split, torch.device(device or pick_device()), report, stop_requests, folder, look, notes)


def _refuse(problem: RecipeProblem | None) -> None:
    if problem is not None and problem.is_fatal:
        raise Refusal(problem.text)


class StopRequests:
    """What is asked of a run from outside, looked at between two steps."""

    def __init__(self, should_stop: Callable[[], bool], should_pause: Callable[[], bool]):
        self.should_stop, self.should_pause = should_stop, should_pause
        self.asked = ""

    def __call__(self) -> str:
        """Return "stop", "pause" or ""; what was asked once stays asked."""
        self.asked = self.asked or ("stop" if self.should_stop() else "pause" if self.should_pause() else "")
        return self.asked

    def is_asked(self) -> bool:
        return bool(self())


class Trainer:
    """One run of the loop: what stays the same, and what every epoch changes."""

    def __init__(
        self,
        recipe: Recipe,
        data: ImageSet,
        split: Split,
        device: torch.device,
        report: Callable[[dict[str, Any]], object],
        stop_requests: StopRequests,
        folder: Path | None,
        look: Callable[[Snapshot], object] | None,
        notes: tuple[Text, ...],
    ):
        self.recipe, self.settings, self.device = recipe, recipe.settings, device
        self.stop_requests, self.folder, self.look = stop_requests, folder, look
        self.data, self.split, self.notes = data, split, notes
        self.training_data = make_training_data(recipe, data, split, device, stop_requests.is_asked)
        self.model = Model(recipe, len(data.classes), self.training_data, device)
        self.module, self.part = self.model.module, self.model.part
        self.batch_size = min(self.settings["batch_size"], len(self.training_data.train))
        steps = math.ceil(len(self.training_data.train) / self.batch_size)
        # Equal batches: no odd last one, and never a single picture, of which BatchNorm can take no variance.
        self.steps_per_epoch = min(steps, len(self.training_data.train) // 2)
        self.plan = Plan(self.steps_per_epoch, self.settings["epochs"], self.settings["budget_s"])
        self.order = torch.Generator().manual_seed(seed_of(self.settings["seed"], "order"))
        self.optimiser = OPTIMISERS[self.settings["optimiser"]].build(self.part.parameters(), self.settings)
        self.schedule = SCHEDULES[self.settings["schedule"]]
        self.pipeline = recipe.augmentation if recipe.is_online else None
        self.reporter = Reporter(report, self)
        self.guard = DivergenceGuard(len(data.classes))
        self.best: tuple[float, float] = (-1.0, -math.inf)
        self.best_epoch = self.waited = 0
        self.weights = {name: value.clone() for name, value in self.model.state().items()}
        self.step = self.epoch = 0
        self.floor = 0.0  # the least that the targets of the last batch leave of the loss
        self.breach: Text | None = None
        self.score: Score | None = None
        self.epoch_statistics = EpochStatistics()
        self.order_state: torch.Tensor | None = None  # of the generator, before the epoch that is under way
        self.seen: tuple[torch.Tensor, torch.Tensor | None, torch.Tensor] | None = None
        self.is_saved = False
        self.saving, self.marking, self.looking = TimeShare(SAVE_SHARE), TimeShare(SAVE_SHARE), TimeShare(LOOK_SHARE, LOOK_EVERY_S)
        self.elapsed_before = 0.0
        self.began = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds of training, those before an interruption with them."""
        return self.elapsed_before + time.monotonic() - self.began

    @property
    def is_tired(self) -> bool:
        """True once validation has not got better for as many epochs as the recipe has patience."""
        return len(self.split.validation) > 0 and 0 < self.settings["patience"] <= self.waited

    def begin(self) -> None:
        """Say what is trained on what, and do what comes before the first step."""
        self.reporter.start((*self.data.notes, *self.training_data.notes, *self.notes))
        self._prepare()
        self.began = time.monotonic()

    def run(self) -> Classifier | None:
        """Train to the end and return the classifier; None where it pauses."""
        if self.folder is not None and (self.folder / START_NAME).is_file():
            self.model.begin_from(load_classifier(self.folder / START_NAME))
        self.begin()
        self._restore()
        while not self.plan.is_over(self.step) and self.breach is None and not self.is_tired and not self.stop_requests():
            self._run_epoch()
        trained_s = self.elapsed_s  # saving and the test come on top of the budget
        if self.stop_requests.asked:
            self._mark()
        if self.stop_requests.asked == "pause":
            self.reporter.pause()
            return None
        if self.stop_requests.asked and self.best_epoch == 0 and self._is_finite():
            self._keep(self.epoch)
        if self.folder is not None and not self.is_saved:
            self._save()
        self._look(is_last=True)
        self.part.load_state_dict(self.weights)
        self.reporter.end(self._test(), trained_s)
        if self.folder is not None and not self.stop_requests.asked:
            (self.folder / CHECKPOINT_NAME).unlink(missing_ok=True)
        return self._classifier()

    def _prepare(self) -> None:
        """Let a frozen backbone look at every picture once, where the batches are the same pictures again and again."""
        if self.model.is_frozen and self.pipeline is None and not self.recipe.is_attacked:
            parts = (self.training_data.train.numpy(), self.split.validation, self.split.test)
            index = torch.from_numpy(np.unique(np.concatenate(parts)).astype(np.int64))
            self.model.know(self.training_data, index, self.stop_requests.is_asked, self.reporter.prepare)

    def _run_epoch(self) -> None:
        """Train one epoch (or what is left of it, or of the plan), validate and keep; end early where something is asked."""
        if self.order_state is None:  # else the epoch was interrupted and goes on
            self.epoch += 1
            self.order_state, self.epoch_statistics = self.order.get_state(), EpochStatistics()
        epoch_statistics, began, seen_before = self.epoch_statistics, time.monotonic(), self.epoch_statistics.seen
        self.module.train()
        batches = self.training_data.order(self.order).to(self.device).tensor_split(self.steps_per_epoch)
        for index in batches[epoch_statistics.batches :]:
            if self.plan.is_over(self.step):
                break
            if self.stop_requests():
                return
            rate = self.settings["learning_rate"] * self.schedule.at(self.plan.progress, self.plan.total)
            loss, hit = self.run_step(index, rate)
            self.step += 1
            self.plan.advance(self.step, self.elapsed_s)
            epoch_statistics.add(loss, hit, len(index), self.floor)
            self.breach = self.guard.breach(loss)
            if self.breach is not None or self.step % stride_of(self.step) == 0:
                self.reporter.step(epoch_statistics, rate)
            if self.breach is not None:
                return
        trained_s = time.monotonic() - began
        self.score = score(self.model, self.training_data, self.split.validation)
        is_best = self._is_best()
        self.waited = 0 if is_best else self.waited + 1
        if is_best:
            self._keep(self.epoch)
            if self.folder is not None and self.saving.is_due():
                self._save()  # before the event: whoever reads of the first epoch finds its model
        self.order_state = None
        self.reporter.epoch(epoch_statistics, is_best, (epoch_statistics.seen - seen_before) / max(trained_s, 1e-9))
        if self.folder is not None and self.marking.is_due():
            self._mark()  # after the event: a run killed in between reports it once more, and never not at all
        self._look()

    def run_step(self, index: torch.Tensor, rate: float) -> tuple[float, int]:
        """Make one step at one learning rate; return the loss and of right answers: of a mixed picture, what most of it shows."""
        images, labels = None, self.training_data.labels[index]
        if self.model.features is None:
            images = self.training_data.pictures(index)
            if self.pipeline is not None:
                images, labels = labelled_batch(self.pipeline, images, labels, len(self.data.classes), self.settings["seed"], self.step)
            if self.recipe.is_attacked:
                images = self.model.attack(images, labels, self.settings, self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        logits = self.model.ask_known(index) if images is None else self.model.ask(images)
        weights, smoothing = self.training_data.weights, self.settings["label_smoothing"]
        loss = loss_of(logits, labels, weights, smoothing)
        value, self.floor = loss.item(), floor_of(labels, weights, smoothing, len(self.data.classes))
        if math.isfinite(value):  # else the weights stay as they are
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            if self.settings["clip_norm"]:
                nn.utils.clip_grad_norm_(self.part.parameters(), self.settings["clip_norm"])
            self.optimiser.step()
        self.seen = (index, images, labels)
        return value, int((logits.detach().argmax(1) == (labels if labels.ndim == 1 else labels.argmax(1))).sum())

    def _is_best(self) -> bool:
        if not self._is_finite():
            return False
        if self.score is None:
            return True
        found = (self.score.accuracy, -self.score.loss)
        if not math.isfinite(self.score.loss) or found <= self.best:
            return False
        self.best = found
        return True

    def _is_finite(self) -> bool:
        return all(bool(weights.isfinite().all()) for weights in self.model.state().values())

    def _keep(self, epoch: int) -> None:
        self.best_epoch, self.is_saved = epoch, False
        for name, value in self.model.state().items():
            self.weights[name].copy_(value)

    def _classifier(self) -> Classifier:
        made = {"recipe": to_document(self.recipe), "epoch": self.best_epoch, "step": self.step}
        return Classifier(self.model.copy(self.weights), self.model.preprocessing, tuple(self.data.classes), made, self.recipe.name)

    def _save(self) -> None:
        assert self.folder is not None
        with self.saving:
            save_classifier(self._classifier(), self.folder / MODEL_NAME)
        self.is_saved = True

    def _test(self) -> Score | None:
        """Return the answers to the test pictures; of a stopped run, only where that takes a moment: by the time one batch takes."""
        if self.stop_requests.asked:
            probe = score(self.model, self.training_data, self.split.test[:EVALUATION_BATCH])
            if probe is None or probe.seconds * len(self.split.test) / EVALUATION_BATCH > STOPPED_TEST_S:
                return None
        return score(self.model, self.training_data, self.split.test)

    def _look(self, is_last: bool = False) -> None:
        """Show what the run looks like inside, where somebody wants to see it and it is time."""
        if self.look is None or self.seen is None or not (is_last or self.looking.is_due()):
            return
        with self.looking:
            index, images, labels = self.seen
            labels = labels[:MOST_PICTURES]
            images = self.training_data.pictures(index[:MOST_PICTURES]) if images is None else images[:MOST_PICTURES]
            classes, found = len(self.data.classes), self.score
            targets = labels if labels.ndim == 2 else nn.functional.one_hot(labels, classes)
            self.look(
                Snapshot(
                    epoch=self.epoch,
                    step=self.step,
                    classes=tuple(self.data.classes),
                    batch=to_bytes(images),
                    targets=targets.float().cpu().numpy(),
                    labels=found.labels if found else np.zeros(0, np.int64),
                    probabilities=found.probabilities if found else np.zeros((0, classes), np.float32),
                    mistakes=find_mistakes(found, self.training_data.pictures),
                    layers=take_snapshot(self.part, self.model.names),
                    filters=first_filters(self.module),
                )
            )

    def _mark(self) -> None:
        """Write down where the run stands."""
        if self.folder is None:
            return
        with self.marking:
            generators = {**saved.pack_generators(self.device), "order": self.order.get_state()}
            if self.order_state is not None:
                generators["epoch"] = self.order_state
            tensors = {
                **saved.under("now", self.model.state()),
                **saved.under("best", self.weights),
                **saved.under("optimiser", saved.pack_optimiser(self.optimiser)),
                **saved.under("generator", generators),
            }
            place = {name: getattr(self, name) for name in _PLACE}
            own = {
                "plan": self.plan.to_doc(),
                "bounds": vars(self.guard),
                "passed": vars(self.epoch_statistics),
                "elapsed_s": self.elapsed_s,
            }
            saved.write_checkpoint(self.folder, tensors, {**place, **own})

    def _restore(self) -> None:
        """Stand again where the checkpoint says, if there is one."""
        found = saved.read_checkpoint(self.folder) if self.folder is not None else None
        if found is None:
            return
        tensors, place = found
        self.part.load_state_dict(saved.of("now", tensors))
        self.weights = {name: value.to(self.device) for name, value in saved.of("best", tensors).items()}
        saved.unpack_optimiser(self.optimiser, saved.of("optimiser", tensors))
        generators = saved.of("generator", tensors)
        saved.unpack_generators(self.device, generators)
        self.order_state = generators.get("epoch")
        self.order.set_state(generators["order"] if self.order_state is None else self.order_state)
        for name in _PLACE:
            setattr(self, name, place[name])
        accuracy, minus_loss = self.best  # JSON's list
        self.best = (accuracy, minus_loss)
        self.plan.from_doc(place["plan"])
        vars(self.guard).update(place["bounds"])
        vars(self.epoch_statistics).update(place["passed"])
        self.elapsed_before = place["elapsed_s"]


_PLACE = ("step", "epoch", "best", "best_epoch", "waited", "is_saved")


def warm_up() -> None:
    """Make a first small step in thin air, so that a run's own first step finds kernels and threads ready."""
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 6 * 6, 2))
    module = module.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(module.parameters())
    images = torch.zeros(4, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    with contextlib.suppress(RuntimeError):  # the run itself will say what is wrong
        nn.functional.cross_entropy(module(images), torch.zeros(4, dtype=torch.int64)).backward()
        optimiser.step()
