"""The training loop: data in memory as bytes, batches made on the device, every step reported.

What makes it quick on a CPU (PERFORMANCE.md): channels_last, no loader processes, augmentation of whole batches. What
makes it repeatable: one seed for the weights and dropout, a generator of its own for the order of the pictures, a seed a
batch for the augmentation, and a schedule that the clock touches only when the time budget ends the run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from vpc2.augment.mixing import labelled_batch
from vpc2.augment.pipeline import pick_device
from vpc2.codec import to_document
from vpc2.data.datasets import load_dataset
from vpc2.data.imageset import ImageSet, Split, split_images
from vpc2.nets.module import build_net
from vpc2.predict.classifier import GREY, Classifier, Preprocessing, save_classifier
from vpc2.rng import seed_of, training
from vpc2.training.checks import check_recipe, check_split, fit_to_data
from vpc2.training.events import stride_of
from vpc2.training.run import MODEL_NAME
from vpc2.training.schedule import SCHEDULES, Plan
from vpc2.training.spec import Recipe
from vpc2.words import Refusal, Text

EVALUATION_BATCH = 64
HUGE_LOSS = 1e4
RISEN_FACTOR, RISEN_STEPS = 10.0, 20  # ten times the first loss for so many steps in a row: it will not come back
SAVE_SHARE = 0.05  # of the time, at most, goes into saving
STOPPED_TEST_S = 1.0  # a stopped run is tested only if that takes no longer

_BECAME_NAN = Text(
    "Loss became {what} at step {step}: try a ten times smaller learning rate ({rate:.2g} instead of {now:.2g}). "
    "The weights from before are kept.",
    "La pérdida se volvió {what} en el paso {step}: conviene probar una tasa de aprendizaje diez veces menor "
    "({rate:.2g} en lugar de {now:.2g}). Se conservan los pesos de antes.",
)
_NAN = Text("NaN", "NaN")
_HUGE = Text("huge", "enorme")
_STOPPED = Text("Stopped on request after {epochs} epochs.", "Detenido a pedido después de {epochs} épocas.")
_OUT_OF_TIME = Text(
    "The time budget of {budget:g} s ended the run after {done} of at most {epochs:,} epochs.",
    "El presupuesto de tiempo de {budget:g} s terminó el entrenamiento después de {done} de {epochs:,} épocas como máximo.",
)
_BATCH_CAPPED = Text(
    "The batch was reduced from {asked:,} to {batch:,} pictures: there are no more to train on.",
    "El lote se redujo de {asked:,} a {batch:,} imágenes: no hay más para entrenar.",
)
_NO_VALIDATION = Text(
    "There are too few pictures to set some apart for validation: the last weights are kept, not the best.",
    "Hay muy pocas imágenes para apartar algunas para validar: se conservan los últimos pesos, no los mejores.",
)


def fit(
    recipe: Recipe,
    report: Callable[[dict[str, Any]], object],
    *,
    should_stop: Callable[[], bool] = lambda: False,
    folder: Path | None = None,
    device: str | None = None,
) -> Classifier:
    """Train a recipe and return the classifier; its weights are those of the best epoch in validation.

    Best means highest accuracy, then lowest loss; without validation pictures the last weights are kept. `report`
    hears the events of `training.events` (without `n` and `t`), an `end` event last. With a `folder`, the best weights so
    far are saved there as `model.safetensors` after an epoch that brought them. Loading, the last test and saving are
    outside `budget_s`. The same recipe gives the same curve bit for bit on one machine's CPU, with as many threads,
    where the epochs end the run; where the seconds do, the record's `planned_epochs` says how the schedule went.

    Raises `Refusal` for what cannot be trained. A loss that leaves all bounds is no error: the run ends as "failed",
    with the reason, and the weights from before are returned.
    """
    recipe, notes = fit_to_data(recipe)
    problem = check_recipe(recipe)
    if problem is not None:
        raise Refusal(problem.text)
    settings = recipe.settings
    data = load_dataset(recipe.dataset, settings["size_px"])
    split = split_images(data, settings["seed"], settings["train_share"])
    check_split(data, split)
    with training(seed_of(settings["seed"], "weights")):
        return _Fitting(recipe, data, split, device or pick_device(), report, should_stop, folder).run(notes)


@dataclass
class _Score:
    loss: float
    accuracy: float
    confusion: list[list[int]]
    seconds: float


class _Bounds:
    """Tells when a loss has left all bounds; a high learning rate often gives a huge but finite one."""

    def __init__(self):
        self.first: float | None = None
        self.risen = 0

    def breach(self, loss: float) -> Text | None:
        if not math.isfinite(loss):
            return _NAN
        if self.first is None:
            self.first = max(loss, 1e-3)
        self.risen = self.risen + 1 if loss > RISEN_FACTOR * self.first else 0
        return _HUGE if loss > HUGE_LOSS or self.risen >= RISEN_STEPS else None


class _Fitting:
    """One run of the loop: what stays the same, and what every epoch changes."""

    def __init__(self, recipe, data: ImageSet, split: Split, device: str, report, should_stop, folder: Path | None):
        self.recipe, self.settings, self.device = recipe, recipe.settings, torch.device(device)
        self.report, self.should_stop, self.folder = report, should_stop, folder
        self.data, self.split = data, split
        self.channels = recipe.net.input[0]
        # (N, H, W, 3) bytes: seen as (N, 3, H, W) they are channels_last already.
        self.pixels = torch.from_numpy(np.ascontiguousarray(data.images)).to(self.device)
        self.labels = torch.from_numpy(data.labels.astype(np.int64)).to(self.device)
        self.module: nn.Sequential = build_net(recipe.net).to(self.device, memory_format=torch.channels_last)
        mean, std = self._statistics()
        self.preprocessing = Preprocessing(size_px=self.settings["size_px"], mean=mean, std=std, channels=self.channels, resize="stretch")
        self.mean = torch.tensor(mean, device=self.device).view(1, -1, 1, 1)
        self.std = torch.tensor(std, device=self.device).view(1, -1, 1, 1)
        self.batch_size = min(self.settings["batch_size"], len(split.train))
        steps = math.ceil(len(split.train) / self.batch_size)
        # Equal batches: no odd last one, and never a single picture, of which BatchNorm can take no variance.
        self.steps_per_epoch = min(steps, len(split.train) // 2)
        self.plan = Plan(self.steps_per_epoch, self.settings["epochs"], self.settings["budget_s"])
        self.order = torch.Generator().manual_seed(seed_of(self.settings["seed"], "order"))
        self.optimiser = _build_optimiser(self.settings, self.module)
        self.schedule = SCHEDULES[self.settings["schedule"]]
        self.pipeline = recipe.pipeline if recipe.pipeline is not None and not recipe.pipeline.is_plain() else None
        self.bounds = _Bounds()
        self.best = (-1.0, -math.inf)
        self.best_epoch = 0
        self.weights = deepcopy(self.module.state_dict())
        self.step = self.epoch = 0
        self.breach: Text | None = None
        self.saved_at, self.save_s, self.is_saved = -math.inf, 0.0, False

    def _statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and standard deviation of the training pictures, a channel each, in [0, 1]."""
        sums, squares, count = torch.zeros(self.channels), torch.zeros(self.channels), 0
        for index in torch.from_numpy(self.split.train.astype(np.int64)).split(EVALUATION_BATCH):
            images = self._grey(self._pictures(index.to(self.device))).double()
            sums = sums + images.sum((0, 2, 3)).cpu()
            squares = squares + images.square().sum((0, 2, 3)).cpu()
            count += images.numel() // self.channels
        mean = sums / count
        std = (squares / count - mean.square()).clamp(min=0).sqrt().clamp(min=0.01)
        return tuple(round(float(x), 4) for x in mean), tuple(round(float(x), 4) for x in std)

    def _pictures(self, index: torch.Tensor) -> torch.Tensor:
        """Return pictures by number as (B, 3, H, W) in [0, 1]."""
        return self.pixels[index].permute(0, 3, 1, 2).to(torch.float32).div_(255)

    def _grey(self, images: torch.Tensor) -> torch.Tensor:
        return images if self.channels == 3 else to_grey(images)

    def _input(self, images: torch.Tensor) -> torch.Tensor:
        images = (self._grey(images) - self.mean) / self.std
        return images.contiguous(memory_format=torch.channels_last)

    def run(self, notes: tuple[Text, ...]) -> Classifier:
        self._report_start(notes)
        self.began = time.monotonic()
        is_stopped = False
        while not self.plan.is_over(self.step) and not is_stopped and self.breach is None:
            is_stopped = self._run_epoch()
        if is_stopped and self.best_epoch == 0 and self._is_finite():
            self._keep(self.epoch)
        if self.folder is not None and not self.is_saved:
            self._save()
        self._report_end(is_stopped)
        return self._classifier()

    def _run_epoch(self) -> bool:
        """Train one epoch (or what is left of the plan), validate and keep; return True if a stop was asked for."""
        self.epoch += 1
        began, losses, hits, seen = time.monotonic(), 0.0, 0, 0
        self.module.train()
        order = torch.from_numpy(self.split.train.astype(np.int64))[torch.randperm(len(self.split.train), generator=self.order)]
        pending: list[tuple[float, float]] = []
        rate = 0.0
        for index in order.to(self.device).tensor_split(self.steps_per_epoch):
            if self.plan.is_over(self.step):
                break
            if self.should_stop():
                return True
            rate = self.settings["learning_rate"] * self.schedule(self.plan.progress)
            loss, hit = self._run_step(index, rate)
            self.step += 1
            self.plan.advance(self.step, time.monotonic() - self.began)
            losses, hits, seen = losses + loss * len(index), hits + hit, seen + len(index)
            pending.append((loss, hit / len(index)))
            self.breach = self.bounds.breach(loss)
            if self.breach is not None or self.step % stride_of(self.step) == 0:
                self._report_step(pending, rate)
                pending = []
            if self.breach is not None:
                return False
        trained_s = time.monotonic() - began
        score = self._evaluate(self.split.validation)
        is_best = self._is_best(score)
        if is_best:
            self._keep(self.epoch)
        self._save_sometimes()  # before the event: whoever reads of the first epoch finds its model
        self.report(
            {
                "type": "epoch",
                "epoch": self.epoch,
                "step": self.step,
                "train_loss": losses / seen,
                "train_accuracy": hits / seen,
                "val_loss": score.loss if score else None,
                "val_accuracy": score.accuracy if score else None,
                "images_per_s": round(seen / max(trained_s, 1e-9), 1),
                "elapsed_s": round(time.monotonic() - self.began, 3),
                "planned_epochs": round(self.plan.epochs, 2),
                "is_best": is_best,
            }
        )
        return self.should_stop()

    def _run_step(self, index: torch.Tensor, rate: float) -> tuple[float, int]:
        """Make one step at one learning rate; return the loss and of right answers: of a mixed picture, what most of it shows."""
        images, labels = self._pictures(index), self.labels[index]
        if self.pipeline is not None:
            images, labels = labelled_batch(self.pipeline, images, labels, len(self.data.classes), self.settings["seed"], self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        logits = self.module(self._input(images))
        loss = cross_entropy(logits, labels, label_smoothing=self.settings["label_smoothing"])
        value = loss.item()
        if math.isfinite(value):  # else the weights stay as they are
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
        return value, int((logits.detach().argmax(1) == (labels if labels.ndim == 1 else labels.argmax(1))).sum())

    @torch.no_grad()
    def _evaluate(self, indices: np.ndarray) -> _Score | None:
        """Return loss, accuracy and confusion (rows: the true class) of the net as it is; None without pictures."""
        if len(indices) == 0:
            return None
        began, classes = time.monotonic(), len(self.data.classes)
        self.module.eval()
        loss, confusion = 0.0, torch.zeros(classes * classes, dtype=torch.int64)
        for index in torch.from_numpy(indices.astype(np.int64)).to(self.device).split(EVALUATION_BATCH):
            logits, labels = self.module(self._input(self._pictures(index))), self.labels[index]
            loss += cross_entropy(logits, labels, reduction="sum").item()
            confusion += torch.bincount(labels * classes + logits.argmax(1), minlength=classes * classes).cpu()
        table = confusion.view(classes, classes)
        return _Score(loss / len(indices), int(table.trace()) / len(indices), table.tolist(), time.monotonic() - began)

    def _is_best(self, score: _Score | None) -> bool:
        if not self._is_finite():
            return False
        if score is None:
            return True
        if not math.isfinite(score.loss) or (score.accuracy, -score.loss) <= self.best:
            return False
        self.best = (score.accuracy, -score.loss)
        return True

    def _is_finite(self) -> bool:
        return all(bool(weights.isfinite().all()) for weights in self.module.state_dict().values())

    def _keep(self, epoch: int) -> None:
        self.best_epoch, self.is_saved = epoch, False
        for name, value in self.module.state_dict().items():
            self.weights[name].copy_(value)

    def _classifier(self) -> Classifier:
        module = build_net(self.recipe.net).to(self.device, memory_format=torch.channels_last)
        module.load_state_dict(self.weights)
        made = {"recipe": to_document(self.recipe), "epoch": self.best_epoch, "step": self.step}
        return Classifier(module.eval(), self.preprocessing, tuple(self.data.classes), made, self.recipe.name)

    def _save_sometimes(self) -> None:
        now = time.monotonic()
        if self.folder is not None and not self.is_saved and now - self.saved_at > self.save_s / SAVE_SHARE:
            self._save()

    def _save(self) -> None:
        began = time.monotonic()
        with torch.random.fork_rng(devices=[]):  # building the module to save draws weights: the run must not notice
            save_classifier(self._classifier(), self.folder / MODEL_NAME)
        self.saved_at = time.monotonic()
        self.save_s, self.is_saved = self.saved_at - began, True

    def _report_start(self, notes: tuple[Text, ...]) -> None:
        self.report(
            {
                "type": "start",
                "classes": list(self.data.classes),
                "counts": {"train": len(self.split.train), "validation": len(self.split.validation), "test": len(self.split.test)},
                "params": sum(parameter.numel() for parameter in self.module.parameters()),
                "steps_per_epoch": self.steps_per_epoch,
                "batch_size": self.batch_size,
                "epochs": self.settings["epochs"],
                "budget_s": self.settings["budget_s"],
                "device": str(self.device),
                "threads": torch.get_num_threads(),
            }
        )
        said = [*self.data.notes, *notes]
        if self.batch_size < self.settings["batch_size"]:
            said.append(_BATCH_CAPPED.fill(asked=self.settings["batch_size"], batch=self.batch_size))
        if len(self.split.validation) == 0:
            said.append(_NO_VALIDATION)
        for text in said:
            self.report({"type": "note", "text": _both(text)})

    def _report_step(self, pending: list[tuple[float, float]], rate: float) -> None:
        self.report(
            {
                "type": "step",
                "step": self.step,
                "epoch": self.epoch,
                "loss": sum(loss for loss, _ in pending) / len(pending),
                "accuracy": sum(accuracy for _, accuracy in pending) / len(pending),
                "learning_rate": rate,
            }
        )

    def _report_end(self, is_stopped: bool) -> None:
        elapsed_s = time.monotonic() - self.began
        done = f"{self.step / self.steps_per_epoch:.3g}"
        state, reason = "finished", None
        if self.breach is not None:
            now = self.settings["learning_rate"]
            state, reason = "failed", _BECAME_NAN.fill(what=self.breach, step=self.step, rate=now / 10, now=now)
        elif is_stopped:
            state, reason = "stopped", _STOPPED.fill(epochs=done)
        elif self.plan.is_cut:
            reason = _OUT_OF_TIME.fill(budget=self.settings["budget_s"], done=done, epochs=self.settings["epochs"])
        self.module.load_state_dict(self.weights)
        score = self._evaluate(self.split.test) if not is_stopped or self._test_is_short() else None
        self.report(
            {
                "type": "end",
                "state": state,
                "reason": _both(reason) if reason is not None else None,
                "test_accuracy": score.accuracy if score else None,
                "test_loss": score.loss if score else None,
                "confusion": score.confusion if score else None,
                "best_epoch": self.best_epoch,
                "elapsed_s": round(elapsed_s, 3),
            }
        )

    def _test_is_short(self) -> bool:
        """True where testing takes a moment only: by the time that one batch of it takes."""
        probe = self._evaluate(self.split.test[:EVALUATION_BATCH])
        return probe is not None and probe.seconds * len(self.split.test) / EVALUATION_BATCH < STOPPED_TEST_S


def to_grey(images: torch.Tensor) -> torch.Tensor:
    """Return (B, 3, H, W) pictures as (B, 1, H, W), as the classifier will."""
    weights = torch.tensor(GREY, device=images.device, dtype=images.dtype).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True)


def _both(text: Text) -> dict[str, str]:
    return {"en": text.en, "es": text.es}


def _build_optimiser(settings: dict[str, Any], module: nn.Module) -> torch.optim.Optimizer:
    common = {"lr": settings["learning_rate"], "weight_decay": settings["weight_decay"]}
    if settings["optimiser"] == "sgd":
        return torch.optim.SGD(module.parameters(), momentum=0.9, **common)
    kind = torch.optim.Adam if settings["optimiser"] == "adam" else torch.optim.AdamW
    return kind(module.parameters(), **common)


def warm_up() -> None:
    """Make a first small step in thin air, so that a run's own first step finds kernels and threads ready."""
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 6 * 6, 2))
    module = module.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(module.parameters())
    images = torch.zeros(4, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    with suppress(RuntimeError):  # the run itself will say what is wrong
        cross_entropy(module(images), torch.zeros(4, dtype=torch.int64)).backward()
        optimiser.step()
