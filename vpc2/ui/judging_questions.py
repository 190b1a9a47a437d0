"""How many questions a visitor has asked of one test set: each has its chance to look like evidence by luck, so all are adjusted."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from vpc2.shares import holm
from vpc2.ui.language import _, number


@dataclass(frozen=True)
class Asked:
    """What came of a comparison among all questions asked: `p` adjusted by Holm for the `count` of them in this session."""

    p: float
    count: int


def ask(data: str, question: Hashable, found: Any) -> Asked:
    """Note a question (asked twice, it is one) about the test pictures of a data set with its comparison, and adjust its p-value."""
    asked = st.session_state.setdefault("judge/questions", {}).setdefault(data, {})
    asked[question] = found.p
    adjusted = holm(list(asked.values()))
    return Asked(adjusted[list(asked).index(question)], len(asked))


def p_text(p: float) -> str:
    """Return "p = 0.012", or "p < 0.001" where it is smaller than is worth telling."""
    return f"p = {number(p, '.3f')}" if p >= 0.001 else f"p < {number(0.001, '.3f')}"


def verdict_of(found: Any, asked: Asked | None = None) -> str:
    """Return the sentence that the exact test supports, adjusted for the questions that were asked."""
    sentence = {
        "helps": _("The views help: {gain} points (95 % interval {low} to {high}; {test}, {p})."),
        "hurts": _("The views hurt: {gain} points (95 % interval {low} to {high}; {test}, {p})."),
        "open": _("Not enough evidence that the views change anything: {gain} points (95 % interval {low} to {high}; {test}, {p})."),
    }[found.verdict if asked is None else found.verdict_at(asked.p)]
    test = (
        _("McNemar's exact test")
        if found.people is None
        else _("exact sign-flip test over {people} people").format(people=number(found.people))
    )
    return sentence.format(gain=signed(found.gain), low=signed(found.low), high=signed(found.high), test=test, p=p_text(found.p))


def count_of(asked: Asked) -> str:
    """Return in words how many questions these pictures have answered, and what is left of the evidence; nothing for the first."""
    if asked.count < 2:
        return ""
    return _(
        "{n} questions were asked of these test pictures in this session. One of many looks like evidence by luck, so the verdict takes "
        "all of them into account (Holm): {p}."
    ).format(n=number(asked.count), p=p_text(asked.p))


def signed(share: float) -> str:
    """Return a difference in points, with its sign."""
    return number(100 * share, "+.1f").replace("-", "−")
