"""Correction for multiple tests: the comparisons a visitor has made on one test set, with p-values adjusted by Holm's method."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from vpc2.proportions import holm
from vpc2.ui.session.i18n import _, number, points


@dataclass(frozen=True)
class Adjusted:
    """The p-value of a comparison, adjusted by Holm's method for the `count` comparisons of this session."""

    p: float
    count: int


def record_comparison(data: str, question: Hashable, comparison: Any) -> None:
    """Record a comparison on the test images of a data set; a repeated `question` counts once."""
    st.session_state.setdefault("judge/questions", {}).setdefault(data, {})[question] = comparison.p


def adjust(data: str, comparison: Any) -> Adjusted:
    """Return a comparison's p-value, adjusted for all comparisons recorded on these test images."""
    values = list(st.session_state.get("judge/questions", {}).get(data, {}).values())
    if comparison.p not in values:
        values.append(comparison.p)
    return Adjusted(holm(values)[values.index(comparison.p)], len(values))


def p_value_text(p: float) -> str:
    """Return "p = 0.012", or "p < 0.001" for smaller values."""
    return f"p = {number(p, '.3f')}" if p >= 0.001 else f"p < {number(0.001, '.3f')}"


def conclusion_of(comparison: Any, adjusted: Adjusted | None = None) -> str:
    """Return the conclusion of the exact test, adjusted if `adjusted` is given."""
    sentence = {
        "helps": _("The views help: {gain} points (95 % interval {low} to {high})."),
        "hurts": _("The views hurt: {gain} points (95 % interval {low} to {high})."),
        "open": _("Not enough evidence that the views change anything: {gain} points (95 % interval {low} to {high})."),
    }[comparison.verdict if adjusted is None else comparison.verdict_at(adjusted.p)]
    return sentence.format(gain=signed_points(comparison.gain), low=signed_points(comparison.low), high=signed_points(comparison.high))


def evidence_text(comparison: Any) -> str:
    """Return the name of the exact test and its p-value, as a sentence."""
    if comparison.people is None:
        return _("McNemar's exact test: {p}.").format(p=p_value_text(comparison.p))
    return _("Exact test over {people} people, whose pictures change sides together: {p}.").format(
        people=number(comparison.people), p=p_value_text(comparison.p)
    )


def verdict_text(comparison: Any, adjusted: Adjusted | None = None) -> str:
    """Return the conclusion, followed by the exact test."""
    return f"{conclusion_of(comparison, adjusted)} {evidence_text(comparison)}"


def count_text(adjusted: Adjusted) -> str:
    """Return a sentence on the number of comparisons and the adjusted p-value; empty for a single comparison."""
    if adjusted.count < 2:
        return ""
    return _(
        "{n} questions were asked of these test pictures in this session. One of many looks like evidence by luck, so the verdict takes "
        "all of them into account (Holm): {p}."
    ).format(n=number(adjusted.count), p=p_value_text(adjusted.p))


def signed_points(share: float) -> str:
    """Return a difference in points, with its sign."""
    return points(share, sign="+").replace("-", "−")
