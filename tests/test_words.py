"""Numbers, names and knobs as a visitor meets them."""

import pytest

from vpc2.knobs import Flag, Number, Span, Whole
from vpc2.words import Refusal, Text, clean_name

NAME = Text("Angle", "Ángulo")


def test_numbers_are_written_as_the_language_writes_them():
    said = Text("{n:,.1f} million", "{n:,.1f} millones").fill(n=2764.8)
    assert said.en == "2,764.8 million"
    assert said.es == "2.764,8 millones"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("cat\u202egpj.exe", "catgpj.exe"),
        ("a\nb\tc", "a b c"),
        ("a\x00b", "ab"),
        ("\ud800x", "x"),
        ("e\u0301", "é"),
        ("x" * 99, "x" * 59 + "…"),
        ("猫.jpg", "猫.jpg"),
    ],
)
def test_names_are_cleaned_and_kept(given, shown):
    assert clean_name(given) == shown


@pytest.mark.parametrize("value", [True, "15", None, [1], float("nan"), float("inf"), 10**400, -1.5, 1.5])
def test_a_number_refuses_what_is_not_one_in_range(value):
    with pytest.raises(Refusal) as refused:
        Number(key="p", title=NAME, default=0.5, low=0, high=1).clean(value)
    assert refused.value.field == "p"
    assert "Ángulo" in refused.value.text.es


@pytest.mark.parametrize("value", [2.5, 4, 0, 99, True])
def test_an_odd_whole_number_is_odd_whole_and_in_range(value):
    with pytest.raises(Refusal):
        Whole(key="k", title=NAME, default=3, low=1, high=31, odd=True).clean(value)


def test_a_symmetric_span_takes_one_number():
    span = Span(key="degrees", title=NAME, default=[-15.0, 15.0], low=-180, high=180, symmetric=True)
    assert span.clean(15) == [-15.0, 15.0]
    for bad in ([2.0, 0.5], [1, 2, 3, 4], [0, 999], True, "15"):
        with pytest.raises(Refusal):
            span.clean(bad)


def test_a_flag_is_no_number():
    assert Flag(key="f", title=NAME, default=False).clean(True) is True
    with pytest.raises(Refusal):
        Flag(key="f", title=NAME, default=False).clean(1)
