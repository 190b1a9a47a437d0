"""Access control, and the limits of a server."""

from dataclasses import fields
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vpc2.system import host
from vpc2.ui.session import sign_in

ROOT = Path(__file__).parents[3]
WORD = "cámara oscura"


def opened():
    return AppTest.from_file(str(ROOT / "vpc2" / "ui" / "app.py"), default_timeout=120).run()


@pytest.fixture
def locked(monkeypatch):
    monkeypatch.setenv("VPC2_PASSWORD", WORD)
    monkeypatch.setattr(sign_in, "WRONG_S", 0.0)


def test_without_a_password_anybody_comes_in():
    assert not opened().text_input and any("convolutional" in one.value for one in opened().title)


@pytest.mark.parametrize("wrong", ["", "camara oscura", WORD + " ", "x" * 10_000])
def test_a_wrong_password_shows_nothing_of_the_app(locked, wrong):
    at = opened()
    assert len(at.text_input) == 1 and len(at.button) == 1
    at.text_input[0].set_value(wrong)
    at = at.button[0].click().run()
    assert len(at.text_input) == 1 and len(at.error) == 1 and not at.exception
    assert not any("convolutional" in one.value for one in at.title)


def test_the_right_password_lets_in_and_is_not_asked_again(locked):
    at = opened()
    at.text_input[0].set_value(WORD)
    at = at.button[0].click().run()
    assert any("convolutional" in one.value for one in at.title)
    assert not at.run().text_input


def test_limits_are_settings_and_every_one_has_both_languages():
    changed = host.read_limits(" runs_at_once = 3, image_bytes=5 ")
    assert (changed.runs_at_once, changed.image_bytes, changed.queue) == (3, 5, host.Limits().queue)
    assert host.read_limits("") == host.Limits()
    for one in fields(host.Limits):
        assert one.metadata["title"].en and one.metadata["title"].say("es") != one.metadata["title"].en


@pytest.mark.parametrize("given", ["runs_at_once", "runs_at_once=0", "runs_at_once=-1", "runs_at_once=1e3", "nothing=3", "queue=many"])
def test_a_limit_that_means_nothing_stops_the_server_with_a_sentence(given):
    with pytest.raises(ValueError, match="VPC2_LIMITS") as refused:
        host.read_limits(given)
    assert "image_bytes" in str(refused.value)


def test_the_page_shows_every_limit_as_it_is():
    at = opened()
    text = next(one.value for one in at.markdown if "image_bytes" in one.value)
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]
    assert [row[2] for row in rows] == [one.name for one in fields(host.Limits)]
    assert {row[2]: row[1] for row in rows}["archive_bytes"] == "200 MB"
