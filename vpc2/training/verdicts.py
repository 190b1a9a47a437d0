"""Sentences that a run's numbers support, each with the numbers it rests on."""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any

from vpc2.training.events import curves
from vpc2.words import Text

_FLAT = Text(
    "Training loss is flat: {first:.2f} in the first epoch, {last:.2f} in the last, and guessing gives {chance:.2f}. "
    "Try another learning rate (now {rate:.2g}) or a net with more capacity.",
    "La pérdida de entrenamiento no baja: {first:.2f} en la primera época, {last:.2f} en la última, y adivinar da {chance:.2f}. "
    "Conviene probar otra tasa de aprendizaje (ahora {rate:.2g}) o una red con más capacidad.",
)
_OVERFITTING = Text(
    "Overfitting since epoch {epoch}: validation loss rose from {low:.2f} to {high:.2f} (means of {window} epochs) while training loss "
    "went on falling, to {train:.2f}. More data, augmentation or weight decay would help.",
    "Sobreajuste desde la época {epoch}: la pérdida de validación subió de {low:.2f} a {high:.2f} (promedios de {window} épocas) mientras "
    "la de entrenamiento siguió bajando, hasta {train:.2f}. Ayudarían más datos, aumento de datos o decaimiento de pesos.",
)
_GAP = Text(
    "The net knows its training pictures better than new ones: accuracy {train:.1%} in training, {val:.1%} in validation.",
    "La red conoce sus imágenes de entrenamiento mejor que las nuevas: exactitud {train:.1%} en entrenamiento, {val:.1%} en validación.",
)
_IMPROVING = Text(
    "It was still improving when it ended: validation loss fell from {before:.3f} to {after:.3f} in the last third. "
    "A longer run would help.",
    "Todavía estaba mejorando al terminar: la pérdida de validación bajó de {before:.3f} a {after:.3f} en el último tercio. "
    "Ayudaría entrenar más tiempo.",
)
_BEST = Text(
    "The weights of epoch {epoch} are kept: the best in validation, with accuracy {accuracy:.1%}.",
    "Se conservan los pesos de la época {epoch}: la mejor en validación, con exactitud {accuracy:.1%}.",
)

_SLOW = Text(
    "Slow: at {speed:,.0f} pictures a second the budget of {budget:g} s ends after {epochs:.1f} epochs. A smaller net, smaller pictures, "
    "a cheaper augmentation or a larger budget would let it learn more.",
    "Lento: con {speed:,.0f} imágenes por segundo, el presupuesto de {budget:g} s se termina después de {epochs:.1f} épocas. Con una red "
    "o imágenes más chicas, un aumento de datos más barato o un presupuesto mayor aprendería más.",
)

ENOUGH_EPOCHS = 6  # fewer say little about a trend
SURE = 5.0  # a rise counts where it is so many standard errors; the lowest of many windows is low by luck, too


def verdicts(events: list[dict[str, Any]]) -> tuple[Text, ...]:
    """Return what can be said about a run from its events, the most urgent first; nothing where the numbers are too few.

    While it trains, only what its end will not undo. Why a run ended (also that the loss became NaN) is the reason of its
    end event and is not said twice.
    """
    series = curves(events)["epochs"]
    found = [_flat(events, series), _overfitting(series), _slow(events)]
    if any(event["type"] == "end" for event in events):
        found += [_gap(series), _improving(series), _best(events, series)]
    return tuple(text for text in found if text is not None)


def has_lost_its_weights(events: list[dict[str, Any]]) -> bool:
    """True for a run that the loop ended because its loss left all bounds: a smaller learning rate is the repair."""
    end = events[-1] if events else {}
    return end.get("type") == "end" and end.get("state") == "failed" and "elapsed_s" in end  # a worker that fails knows no time


def _numbers(series: list) -> bool:
    return len(series) >= ENOUGH_EPOCHS and None not in series


def _flat(events: list[dict[str, Any]], series: dict[str, list]) -> Text | None:
    losses = series["train_loss"]
    start = next((event for event in events if event["type"] == "start"), None)
    if start is None or not _numbers(losses):
        return None
    chance, last = math.log(max(len(start["classes"]), 2)), fmean(losses[-3:])
    if last < 0.9 * losses[0] or last < 0.8 * chance:
        return None
    rates = [event["learning_rate"] for event in events if event["type"] == "step"]
    return _FLAT.fill(first=losses[0], last=last, chance=chance, rate=max(rates, default=0.0))


def _noise(values: list[float]) -> float:
    """Return how much a series jumps from point to point, as a standard deviation; a straight slope is no noise."""
    bends = [a - 2 * b + c for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    return math.sqrt(fmean(bend * bend for bend in bends) / 6)


def _overfitting(series: dict[str, list]) -> Text | None:
    """Say so where the mean validation loss of the last epochs is above that of the lowest ones by more than noise makes.

    Between those windows the training loss must have fallen. The lowest of n means of noise alone lies two or three standard
    errors below the others, so a rise must be far more than that.
    """
    val, train = series["val_loss"], series["train_loss"]
    if not _numbers(val) or not _numbers(train):
        return None
    window = max(3, len(val) // 8)
    means = [fmean(val[at : at + window]) for at in range(len(val) - window + 1)]
    lowest = min(range(len(means)), key=means.__getitem__)
    low, high = means[lowest], means[-1]
    if lowest + window > len(val) - window:  # the two windows overlap
        return None
    error = _noise(val) * math.sqrt(2 / window)
    fallen = fmean(train[-window:])
    if high - low < max(SURE * error, 0.1 * low, 0.02) or fallen >= fmean(train[lowest : lowest + window]):
        return None
    return _OVERFITTING.fill(epoch=series["epoch"][lowest + window // 2], low=low, high=high, window=window, train=fallen)


def _gap(series: dict[str, list]) -> Text | None:
    train, val = series["train_accuracy"], series["val_accuracy"]
    if _overfitting(series) is not None or not _numbers(train) or not _numbers(val):
        return None
    if fmean(train[-3:]) - fmean(val[-3:]) < 0.1:
        return None
    return _GAP.fill(train=fmean(train[-3:]), val=fmean(val[-3:]))


def _improving(series: dict[str, list]) -> Text | None:
    val = series["val_loss"]
    if not _numbers(val):
        return None
    third = max(len(val) // 3, 2)
    before, after = fmean(val[-third - 1 : -third + 1]), fmean(val[-2:])
    if after > 0.9 * before or before - after < 0.02:
        return None
    return _IMPROVING.fill(before=before, after=after)


def _slow(events: list[dict[str, Any]]) -> Text | None:
    """Say so where the budget, not the epochs asked for, ends a run after too few of them."""
    start = next((event for event in events if event["type"] == "start"), {})
    epoch = next((event for event in reversed(events) if event["type"] == "epoch"), {})
    planned = epoch.get("planned_epochs")
    if planned is None or planned >= min(ENOUGH_EPOCHS, start.get("epochs", 0)) or not epoch.get("images_per_s"):
        return None
    return _SLOW.fill(speed=epoch["images_per_s"], budget=start["budget_s"], epochs=planned)


def _best(events: list[dict[str, Any]], series: dict[str, list]) -> Text | None:
    best = [event for event in events if event["type"] == "epoch" and event.get("is_best") and event.get("val_accuracy") is not None]
    if len(series["epoch"]) < ENOUGH_EPOCHS or not best or best[-1]["epoch"] == series["epoch"][-1]:
        return None
    return _BEST.fill(epoch=best[-1]["epoch"], accuracy=best[-1]["val_accuracy"])
