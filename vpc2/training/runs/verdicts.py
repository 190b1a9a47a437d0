"""Sentences that a run's numbers support, each with the numbers it rests on.

What a loss or an accuracy can reach depends on settings: smoothed and mixed labels leave a floor under the loss, dropout, mixing and
attacks keep the training accuracy low, uneven classes make guessing better than chance. The run's record says so (`guess_loss`,
`train_floor`, counts a class), and the sentences go by it. Records of before do not; then only what holds without is said.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any

from vpc2.shares import wilson
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

ENOUGH_EPOCHS = 6  # fewer say little about a trend
ENOUGH_PICTURES = 20  # of validation: with fewer, one picture makes a trend
SURE = 5.0  # a rise counts where it is so many standard errors; the lowest of many windows is low by luck, too
CUT = 0.5  # of the epochs asked for: where the seconds allow fewer, too little time is the first suspicion
LEARNED = 0.5  # of the way from guessing to always right: a net that came so far has learned, whatever its loss


def verdicts(events: list[dict[str, Any]]) -> tuple[Text, ...]:
    """Return what can be said about a run from its events, the most urgent first; nothing where the numbers are too few.

    While it trains, only what its end will not undo. Why a run ended (also that the loss became NaN) is the reason of its
    end event and is not said twice.
    """
    series = curves(events)["epochs"]
    start = next((event for event in events if event["type"] == "start"), {})
    end = next((event for event in events if event["type"] == "end"), None)
    found = [_flat(events, start, series, end), _overfitting(start, series), _slow(start, events)]
    if end is not None:
        found += [_gap(start, series), _improving(start, series, end), _best(start, events, series)]
    return tuple(text for text in found if text is not None)


def has_lost_its_weights(events: list[dict[str, Any]]) -> bool:
    """True for a run that the loop ended because its loss left all bounds: a smaller learning rate is the repair."""
    end = events[-1] if events else {}
    return end.get("type") == "end" and end.get("state") == "failed" and "elapsed_s" in end  # a worker that fails knows no time


def _numbers(series: list) -> bool:
    return len(series) >= ENOUGH_EPOCHS and None not in series


def _pictures(start: dict[str, Any]) -> int | None:
    """Return how many validation pictures there are; None where the record does not say."""
    return start.get("counts", {}).get("validation")


def _is_tiny(start: dict[str, Any]) -> bool:
    count = _pictures(start)
    return count is not None and count < ENOUGH_PICTURES


def _of(start: dict[str, Any]) -> Text:
    count = _pictures(start)
    return _NOTHING if count is None else _OF.fill(n=count)


def _shares(counts: list[int] | None, classes: int) -> list[float]:
    """Return the share of each class, even ones where the counts are not known."""
    return [count / sum(counts) for count in counts] if counts and sum(counts) else [1 / classes] * classes


def _has_learned(start: dict[str, Any], series: dict[str, list]) -> bool:
    """True where pictures are answered far better than by guessing; those of validation know no dropout, mixing or attack."""
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
    """Say so where what the loss has above its floor neither falls nor is much below what guessing has."""
    losses = series["train_loss"]
    if not start or not _numbers(losses) or (end is None and _is_early(events, series)) or _has_learned(start, series):
        return None
    floors = [event.get("train_floor") or 0.0 for event in events if event["type"] == "epoch"]
    chance, last, floor = start.get("guess_loss") or math.log(max(len(start["classes"]), 2)), fmean(losses[-3:]), fmean(floors[-3:])
    if last - floor < 0.9 * (losses[0] - floors[0]) or last - floor < 0.8 * (chance - floor):
        return None
    rates = [event["learning_rate"] for event in events if event["type"] == "step"]
    planned = next((event.get("planned_epochs") for event in reversed(events) if event["type"] == "epoch"), None)
    most = start.get("epochs", 0)
    is_cut = planned is not None and planned < CUT * most
    text = _FLAT_CUT if is_cut else _FLAT_ATTACKED if start.get("adversary") else _FLAT
    return text.fill(first=losses[0], last=last, chance=chance, rate=max(rates, default=0.0), epochs=planned or 0, most=most)


def _noise(values: list[float]) -> float:
    """Return how much a series jumps from point to point, as a standard deviation; a straight slope is no noise."""
    bends = [a - 2 * b + c for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    return math.sqrt(fmean(bend * bend for bend in bends) / 6)


def _overfitting(start: dict[str, Any], series: dict[str, list]) -> Text | None:
    """Say so where the mean validation loss of the last epochs is above that of the lowest ones by more than noise makes.

    Between those windows the training loss must have fallen. The lowest of n means of noise alone lies two or three standard
    errors below the others, so a rise must be far more than that.
    """
    val, train = series["val_loss"], series["train_loss"]
    if not _numbers(val) or not _numbers(train) or _is_tiny(start):
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
    """Say so where the accuracies are further apart than other shares of the classes and few validation pictures make them."""
    train, val = series["train_accuracy"], series["val_accuracy"]
    if _overfitting(start, series) is not None or not _numbers(train) or not _numbers(val):
        return None
    known, new, classes, count = fmean(train[-3:]), fmean(val[-3:]), max(len(start["classes"]), 2), _pictures(start)
    seen, asked = _shares(start.get("seen_counts"), classes), _shares(start.get("val_counts"), classes)
    shifted = sum(abs(a - b) for a, b in zip(seen, asked, strict=True)) / 2  # so much accuracy may come of the shares alone
    if known - new - shifted < 0.1 or (count and known <= wilson(new * count, count)[1]):
        return None
    return _GAP.fill(train=known, val=new, of=_of(start))


def _improving(start: dict[str, Any], series: dict[str, list], end: dict[str, Any]) -> Text | None:
    val = series["val_loss"]
    if not _numbers(val) or _is_tiny(start) or end.get("state") == "failed":
        return None
    third = max(len(val) // 3, 2)
    before, after = fmean(val[-third - 1 : -third + 1]), fmean(val[-2:])
    if after > 0.9 * before or before - after < 0.02 or series["val_accuracy"][-1] == 1:
        return None
    return _IMPROVING.fill(before=before, after=after)


def _slow(start: dict[str, Any], events: list[dict[str, Any]]) -> Text | None:
    """Say so where the budget, not the epochs asked for, ends a run after too few of them."""
    epoch: dict[str, Any] = next((event for event in reversed(events) if event["type"] == "epoch"), {})
    planned = epoch.get("planned_epochs")
    if planned is None or planned >= min(ENOUGH_EPOCHS, start.get("epochs", 0)) or not epoch.get("images_per_s"):
        return None
    return _SLOW.fill(speed=epoch["images_per_s"], budget=start["budget_s"], epochs=planned)


def _best(start: dict[str, Any], events: list[dict[str, Any]], series: dict[str, list]) -> Text | None:
    best = [event for event in events if event["type"] == "epoch" and event.get("is_best") and event.get("val_accuracy") is not None]
    if len(series["epoch"]) < ENOUGH_EPOCHS or not best or best[-1]["epoch"] == series["epoch"][-1]:
        return None
    return _BEST.fill(epoch=best[-1]["epoch"], accuracy=best[-1]["val_accuracy"], of=_of(start))
