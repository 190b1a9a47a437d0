"""Sentences that a run's numbers support, each with the numbers it rests on."""

from __future__ import annotations

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
    "Overfitting since epoch {epoch}: validation loss rose from {low:.2f} to {high:.2f} while training loss went on falling, "
    "to {train:.2f}. More data, augmentation or weight decay would help.",
    "Sobreajuste desde la época {epoch}: la pérdida de validación subió de {low:.2f} a {high:.2f} mientras la de entrenamiento siguió "
    "bajando, hasta {train:.2f}. Ayudarían más datos, aumento de datos o decaimiento de pesos.",
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

ENOUGH_EPOCHS = 6  # fewer say little about a trend


def verdicts(events: list[dict[str, Any]]) -> tuple[Text, ...]:
    """Return what can be said about a run from its events, the most urgent first; nothing where the numbers are too few.

    Why a run ended (also that the loss became NaN) is the reason of its end event and is not said twice.
    """
    series = curves(events)["epochs"]
    said = [
        text
        for text in (_flat(events, series), _overfitting(series), _gap(series), _improving(series), _best(events, series))
        if text is not None
    ]
    return tuple(said)


def _numbers(series: list) -> bool:
    return len(series) >= ENOUGH_EPOCHS and None not in series


def _flat(events: list[dict[str, Any]], series: dict[str, list]) -> Text | None:
    losses = series["train_loss"]
    start = next((event for event in events if event["type"] == "start"), None)
    if start is None or not _numbers(losses):
        return None
    from math import log

    chance = log(max(len(start["classes"]), 2))
    if losses[-1] < 0.9 * losses[0] or losses[-1] < 0.8 * chance:
        return None
    rates = [event["learning_rate"] for event in events if event["type"] == "step"]
    return _FLAT.fill(first=losses[0], last=losses[-1], chance=chance, rate=max(rates, default=0.0))


def _lowest(losses: list[float]) -> int:
    return min(range(len(losses)), key=losses.__getitem__)


def _overfitting(series: dict[str, list]) -> Text | None:
    val, train = series["val_loss"], series["train_loss"]
    if not _numbers(val) or not _numbers(train):
        return None
    lowest = _lowest(val)
    after = val[lowest + 1 :]
    if len(after) < 3:
        return None
    high = fmean(val[-3:])
    if high < 1.15 * val[lowest] or high - val[lowest] < 0.05 or train[-1] >= train[lowest]:
        return None
    return _OVERFITTING.fill(epoch=series["epoch"][lowest], low=val[lowest], high=high, train=train[-1])


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


def _best(events: list[dict[str, Any]], series: dict[str, list]) -> Text | None:
    best = [event for event in events if event["type"] == "epoch" and event.get("is_best") and event.get("val_accuracy") is not None]
    if len(series["epoch"]) < ENOUGH_EPOCHS or not best or best[-1]["epoch"] == series["epoch"][-1]:
        return None
    return _BEST.fill(epoch=best[-1]["epoch"], accuracy=best[-1]["val_accuracy"])
