"""How many questions a visitor has asked of one test set: each has its chance to look like evidence by luck, so all are adjusted."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from vpc2.shares import holm
from vpc2.ui.session.i18n import _, number, points


@dataclass(frozen=True)
class Asked:
    """What came of a comparison among all questions asked: `p` adjusted by Holm for the `count` of them in this session."""

    p: float
    count: int


def note(data: str, question: Hashable, found: Any) -> None:
    """Note a question about the test pictures of a data set, with the comparison that answers it; asked twice, it is one."""
    st.session_state.setdefault("judge/questions", {}).setdefault(data, {})[question] = found.p


def asked_of(data: str, found: Any) -> Asked:
    """Return a comparison's p-value among those of all questions that were noted about these test pictures."""
    values = list(st.session_state.get("judge/questions", {}).get(data, {}).values())
    if found.p not in values:
        values.append(found.p)
    return Asked(holm(values)[values.index(found.p)], len(values))


def p_text(p: float) -> str:
    """Return "p = 0.012", or "p < 0.001" where it is smaller than is worth telling."""
    return f"p = {number(p, '.3f')}" if p >= 0.001 else f"p < {number(0.001, '.3f')}"


def headline_of(found: Any, asked: Asked | None = None) -> str:
    """Return the sentence that the exact test supports, adjusted for the questions that were asked."""
    sentence = {
        "helps": _("The views help: {gain} points (95 % interval {low} to {high})."),
        "hurts": _("The views hurt: {gain} points (95 % interval {low} to {high})."),
        "open": _("Not enough evidence that the views change anything: {gain} points (95 % interval {low} to {high})."),
    }[found.verdict if asked is None else found.verdict_at(asked.p)]
    return sentence.format(gain=signed(found.gain), low=signed(found.low), high=signed(found.high))


def evidence_of(found: Any) -> str:
    """Return which exact test was made, and its p-value."""
    if found.people is None:
        return _("McNemar's exact test: {p}.").format(p=p_text(found.p))
    return _("Exact test over {people} people, whose pictures change sides together: {p}.").format(
        people=number(found.people), p=p_text(found.p)
    )


def verdict_of(found: Any, asked: Asked | None = None) -> str:
    """Return the sentence with the test behind it."""
    return f"{headline_of(found, asked)} {evidence_of(found)}"


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
    return points(share, sign="+").replace("-", "−")
