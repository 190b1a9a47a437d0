"""What a visitor reads where the app is at fault, and when the libraries are loaded."""

import logging
import sys
import threading
from unittest import TestCase

import pytest
import streamlit as st

from vpc2.ui.server import errors, preload


def test_a_visitor_reads_a_number_that_stands_in_the_log_and_nothing_else(monkeypatch):
    told = []
    monkeypatch.setattr(st, "error", lambda text, **more: told.append(text))
    with TestCase().assertLogs("vpc2", logging.ERROR) as caught:
        assert errors.on_script_error(ValueError("secret/path of the server")) is True
    [text], [record] = told, caught.records
    number = record.args[0]
    assert len(number) == 8 and int(number, 16) >= 0 and number in text
    assert "secret" not in text and "ValueError" not in text and "secret" in str(record.exc_info[1])


@pytest.fixture
def fresh(monkeypatch):
    """A server that has not begun yet."""
    monkeypatch.setattr(preload, "READY", threading.Event())
    monkeypatch.setattr(preload, "_PAINTED", threading.Event())
    monkeypatch.setattr(preload, "_threads", [])
    monkeypatch.setattr(preload, "PATIENCE_S", 30.0)
    monkeypatch.setattr(preload, "COLLECT_S", 1000.0)
    monkeypatch.setattr(preload.gc, "freeze", lambda: None)


def test_nothing_heavy_is_loaded_before_a_page_is_drawn_and_all_of_it_after(fresh, monkeypatch):
    monkeypatch.setattr(preload, "MODULES", ("wave", "there_is_no_such_module", "sndhdr_is_none_either"))
    sys.modules.pop("wave", None)
    done = threading.Event()
    assert not preload.is_loading()
    preload.start(then=done.set)
    preload.start(then=lambda: pytest.fail("begun twice"))
    assert preload.is_loading() and not done.wait(0.2) and "wave" not in sys.modules
    preload.signal_first_page()
    assert done.wait(20) and "wave" in sys.modules and not preload.is_loading()


def test_loading_starts_without_a_first_visitor_after_a_while(fresh, monkeypatch):
    monkeypatch.setattr(preload, "MODULES", ())
    monkeypatch.setattr(preload, "PATIENCE_S", 0.05)
    done = threading.Event()
    preload.start(then=done.set)
    assert done.wait(20)
