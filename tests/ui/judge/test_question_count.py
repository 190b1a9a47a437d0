"""Comparisons on one test set, adjusted for one another by Holm's method, and their texts in both languages."""

import numpy as np
import pytest
import streamlit as st

from vpc2.predict.statistics import PairedCounts, compare_paired
from vpc2.proportions import holm
from vpc2.ui.judge import question_count, test_set


@pytest.fixture(autouse=True)
def session(monkeypatch):
    monkeypatch.setattr(st, "session_state", {"lang": "en"})


def gain(fixed, broken, same=300):
    before = np.array([False] * fixed + [True] * (broken + same))
    after = np.array([True] * fixed + [False] * broken + [True] * same)
    return compare_paired(before, after)


@pytest.mark.parametrize(("lang", "said"), [("en", "p < 0.001"), ("es", "p < 0,001")])
def test_a_tiny_p_value_is_written_as_less_than(lang, said):
    st.session_state["lang"] = lang
    sentence = test_set.verdict_text(gain(30, 2))
    assert said in sentence and "= <" not in sentence
    assert question_count.p_value_text(0.012) == ("p = 0.012" if lang == "en" else "p = 0,012")


def test_the_test_that_was_made_is_named():
    assert "McNemar's exact test: p = 0.035." in test_set.verdict_text(gain(12, 3))
    by_person = PairedCounts(200, 30, 5, 0.0004, 0.05, 0.2, people=31)
    assert "31 people" in test_set.verdict_text(by_person) and "McNemar" not in test_set.verdict_text(by_person)


def test_more_questions_of_one_test_set_ask_for_more_evidence():
    found = gain(10, 2)
    assert found.p == pytest.approx(0.0386, abs=1e-4)
    question_count.record_comparison("digits", "standard", found)
    first = question_count.adjust("digits", found)
    assert (first.count, first.p) == (1, found.p) and question_count.count_text(first) == ""
    assert question_count.conclusion_of(found, first).startswith("The views help: +2.6 points")
    question_count.record_comparison("digits", "standard", found)
    assert question_count.adjust("digits", found).count == 1, "the same question once more is no new one"
    others = [gain(5, 3), gain(7, 2)]
    for i, other in enumerate(others):
        question_count.record_comparison("digits", i, other)
    now = question_count.adjust("digits", found)
    assert now.count == 3 and now.p == pytest.approx(holm([found.p, *(other.p for other in others)])[0])
    assert question_count.conclusion_of(found, now).startswith("Not enough evidence")
    assert question_count.count_text(now).startswith("3 questions")
    assert question_count.adjust("hands48", found).count == 1, "another test set is asked for the first time"
