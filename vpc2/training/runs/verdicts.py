"""Verdicts on a run: texts on overfitting, a flat loss and the like, derived from its events, each with the numbers it rests on.

What loss and accuracy can be reached depends on the settings: smoothed and mixed labels set a lower bound on the loss, dropout, mixing
and attacks keep the training accuracy low, and with uneven classes guessing is better than chance. The events of a run contain this
(`guess_loss`, `train_floor`, counts per class) and the verdicts use it. Older records lack it; then only verdicts that do not need it
are given.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any

from vpc2.proportions import wilson
from vpc2.text import Plural, Text
from vpc2.training.runs.events import curves

_FLAT = Text(
    "Training loss is flat: {first:.2f} in the first epoch, {last:.2f} in the last, and guessing gives {chance:.2f}. "
    "Try another learning rate (now {rate:.2g}) or a net with more capacity."
)
_FLAT_ATTACKED = Text(
    "Training loss is flat: {first:.2f} in the first epoch, {last:.2f} in the last, and guessing gives {chance:.2f}. Part of every batch "
    "is attacked: try a smaller epsilon first, then another learning rate (now {rate:.2g})."
)
_FLAT_CUT = Text(
    "Training loss is flat: {first:.2f} in the first epoch, {last:.2f} in the last, and guessing gives {chance:.2f}. The seconds allow "
    "{epochs:,.0f} of {most:,} epochs: give it more of them first, then try another learning rate (now {rate:.2g})."
)
_OVERFITTING = Text(
    "Overfitting since epoch {epoch}: validation loss rose from {low:.2f} to {high:.2f} (means of {window} epochs) while training loss "
    "went on falling, to {train:.2f}. More data, {augmentation} or weight decay may help."
)
_AUGMENTATION = Text("augmentation")
_MORE_AUGMENTATION = Text("stronger augmentation")
_GAP = Text("The net knows its training pictures better than new ones: accuracy {train:.1%} in training, {val:.1%} in validation{of}.")
_IMPROVING = Text(
    "It was still improving when it ended: validation loss fell from {before:.3f} to {after:.3f} in the last third. A longer run may help."
)
_BEST = Text("The weights of epoch {epoch} are kept: the best in validation, with accuracy {accuracy:.1%}{of}.")
_OF = Plural(" ({n:,} picture)", " ({n:,} pictures)")
_NOTHING = Text("")
_SLOW = Text(
    "Slow: at {speed:,.0f} pictures a second the budget of {budget:g} s ends after {epochs:.1f} epochs. A smaller net, smaller pictures, "
    "a cheaper augmentation or a larger budget would give it more epochs."
)

ENOUGH_EPOCHS = 6  # fewer are not enough for a trend
ENOUGH_PICTURES = 20  # of validation: with fewer, a single image can make a trend
SURE = 5.0  # standard errors that a rise must exceed; the lowest of many windows is partly low by chance
CUT = 0.5  # share of the requested epochs: if the time budget allows less, too little time is the likely cause
LEARNED = 0.5  # share of the way from guessing to 100 % accuracy: a net that reaches it has learned, whatever its loss


def verdicts(events: list[dict[str, Any]]) -> tuple[Text, ...]:
    """Return the verdicts on a run from its events, the most urgent first; none if there are too few epochs.

    While the run trains, only verdicts that its end cannot change. Why a run ended (also that the loss became NaN) is the reason in
    its `end` event and not repeated here.
    """
    series = curves(events)["epochs"]
    start = next((event for event in events if event["type"] == "start"), {})
    end = next((event for event in events if event["type"] == "end"), None)
    candidates = [_flat(events, start, series, end), _overfitting(start, series), _slow(start, events)]
    if end is not None:
        candidates += [_gap(start, series), _improving(start, series, end), _best(start, events, series)]
    return tuple(text for text in candidates if text is not None)


def has_lost_its_weights(events: list[dict[str, Any]]) -> bool:
    """True for a run that failed because its loss diverged: a smaller learning rate is the remedy."""
    end = events[-1] if events else {}
    # The `end` event of a run that failed by an error has no `elapsed_s`.
    return end.get("type") == "end" and end.get("state") == "failed" and "elapsed_s" in end


def _is_complete(series: list) -> bool:
    return len(series) >= ENOUGH_EPOCHS and None not in series


def _validation_count(start: dict[str, Any]) -> int | None:
    """Return the number of validation images; None if not recorded."""
    return start.get("counts", {}).get("validation")


def _has_few_validation_images(start: dict[str, Any]) -> bool:
    count = _validation_count(start)
    return count is not None and count < ENOUGH_PICTURES


def _count_text(start: dict[str, Any]) -> Text:
    count = _validation_count(start)
    return _NOTHING if count is None else _OF.fill(n=count)


def _shares(counts: list[int] | None, classes: int) -> list[float]:
    """Return the share of each class; equal shares if the counts are not known."""
    return [count / sum(counts) for count in counts] if counts and sum(counts) else [1 / classes] * classes


def _has_learned(start: dict[str, Any], series: dict[str, list]) -> bool:
    """True if accuracy is far better than guessing, in training or in validation (which has no dropout, mixing or attacks)."""
    classes = max(len(start["classes"]), 2)
    for name, counts in (("train_accuracy", start.get("seen_counts")), ("val_accuracy", start.get("val_counts"))):
        guess = max(_shares(counts, classes))
        if None not in series[name] and fmean(series[name][-3:]) > guess + LEARNED * (1 - guess):
            return True
    return False


def _is_early(events: list[dict[str, Any]], series: dict[str, list]) -> bool:
    """True in the first half of a run: its learning rate may still be rising."""
    planned = next((event.get("planned_epochs") for event in reversed(events) if event["type"] == "epoch"), None)
    return planned is not None and series["epoch"][-1] < planned / 2


def _flat(events: list[dict[str, Any]], start: dict[str, Any], series: dict[str, list], end: dict[str, Any] | None) -> Text | None:
    """Return the verdict of a flat training loss: the part above its lower bound neither falls nor is far below that of guessing."""
    losses = series["train_loss"]
    if not start or not _is_complete(losses) or (end is None and _is_early(events, series)) or _has_learned(start, series):
        return None
    floors = [event.get("train_floor") or 0.0 for event in events if event["type"] == "epoch"]
    chance, last, floor = start.get("guess_loss") or math.log(max(len(start["classes"]), 2)), fmean(losses[-3:]), fmean(floors[-3:])
    if last - floor < 0.9 * (losses[0] - floors[0]) or last - floor < 0.8 * (chance - floor):
        return None
    rates = [event["learning_rate"] for event in events if event["type"] == "step"]
    planned = next((event.get("planned_epochs") for event in reversed(events) if event["type"] == "epoch"), None)
    epochs = start.get("epochs", 0)
    is_cut = planned is not None and planned < CUT * epochs
    text = _FLAT_CUT if is_cut else _FLAT_ATTACKED if start.get("adversary") else _FLAT
    return text.fill(first=losses[0], last=last, chance=chance, rate=max(rates, default=0.0), epochs=planned or 0, most=epochs)


def _noise(values: list[float]) -> float:
    """Return the noise of a series as a standard deviation, estimated from second differences, which are zero for a straight line."""
    bends = [a - 2 * b + c for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    return math.sqrt(fmean(bend * bend for bend in bends) / 6)


def _overfitting(start: dict[str, Any], series: dict[str, list]) -> Text | None:
    """Return the verdict of overfitting: mean validation loss of the last epochs above that of the lowest window by more than noise.

    The training loss must have fallen between the two windows. The lowest of n means of pure noise lies two or three standard errors
    below the others, so the rise must be much larger than that.
    """
    val, train = series["val_loss"], series["train_loss"]
    if not _is_complete(val) or not _is_complete(train) or _has_few_validation_images(start):
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
    augmentation = _MORE_AUGMENTATION if start.get("is_augmented") else _AUGMENTATION
    at = series["epoch"][lowest + window // 2]
    return _OVERFITTING.fill(epoch=at, low=low, high=high, window=window, train=fallen, augmentation=augmentation)


def _gap(start: dict[str, Any], series: dict[str, list]) -> Text | None:
    """Return the verdict of a gap between training and validation accuracy, beyond what different class shares and chance explain."""
    train, val = series["train_accuracy"], series["val_accuracy"]
    if _overfitting(start, series) is not None or not _is_complete(train) or not _is_complete(val):
        return None
    train_accuracy, val_accuracy = fmean(train[-3:]), fmean(val[-3:])
    classes, count = max(len(start["classes"]), 2), _validation_count(start)
    train_shares, val_shares = _shares(start.get("seen_counts"), classes), _shares(start.get("val_counts"), classes)
    # The largest difference in accuracy that different class shares alone can cause.
    shifted = sum(abs(a - b) for a, b in zip(train_shares, val_shares, strict=True)) / 2
    if train_accuracy - val_accuracy - shifted < 0.1 or (count and train_accuracy <= wilson(val_accuracy * count, count)[1]):
        return None
    return _GAP.fill(train=train_accuracy, val=val_accuracy, of=_count_text(start))


def _improving(start: dict[str, Any], series: dict[str, list], end: dict[str, Any]) -> Text | None:
    val = series["val_loss"]
    if not _is_complete(val) or _has_few_validation_images(start) or end.get("state") == "failed":
        return None
    third = max(len(val) // 3, 2)
    before, after = fmean(val[-third - 1 : -third + 1]), fmean(val[-2:])
    if after > 0.9 * before or before - after < 0.02 or series["val_accuracy"][-1] == 1:
        return None
    return _IMPROVING.fill(before=before, after=after)


def _slow(start: dict[str, Any], events: list[dict[str, Any]]) -> Text | None:
    """Return the verdict of a slow run: the time budget, not the requested epochs, ends it after too few epochs."""
    epoch: dict[str, Any] = next((event for event in reversed(events) if event["type"] == "epoch"), {})
    planned = epoch.get("planned_epochs")
    if planned is None or planned >= min(ENOUGH_EPOCHS, start.get("epochs", 0)) or not epoch.get("images_per_s"):
        return None
    return _SLOW.fill(speed=epoch["images_per_s"], budget=start["budget_s"], epochs=planned)


def _best(start: dict[str, Any], events: list[dict[str, Any]], series: dict[str, list]) -> Text | None:
    best = [event for event in events if event["type"] == "epoch" and event.get("is_best") and event.get("val_accuracy") is not None]
    if len(series["epoch"]) < ENOUGH_EPOCHS or not best or best[-1]["epoch"] == series["epoch"][-1]:
        return None
    return _BEST.fill(epoch=best[-1]["epoch"], accuracy=best[-1]["val_accuracy"], of=_count_text(start))
