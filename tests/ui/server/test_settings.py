"""The server's settings, the contrast of its themes' colours, and the validation of the messages of `card_list`."""

import tomllib
from pathlib import Path

import pytest
import streamlit.config as config

from vpc2.ui.components.card_list import Change, read_change

ROOT = Path(__file__).parents[3]


def test_the_settings_that_everything_rests_on():
    written = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    for section in ("runner", "server", "client", "browser"):
        for key in written[section]:
            assert f"{section}.{key}" in config._config_options_template, "Streamlit no longer knows this option"
    assert written["runner"]["postScriptGC"] is False
    assert written["server"]["address"] == "127.0.0.1"
    assert written["server"]["fileWatcherType"] == "none"
    assert written["client"]["showErrorDetails"] == "none"
    assert written["browser"]["gatherUsageStats"] is False
    for protection in ("enableCORS", "enableXsrfProtection"):
        assert written["server"].get(protection, True)


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ink", ["primaryColor", "textColor", "linkColor"])
@pytest.mark.parametrize("ground", ["backgroundColor", "secondaryBackgroundColor"])
def test_text_colours_have_enough_contrast_on_every_background(theme, ink, ground):
    colours = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"][theme]
    low, high = sorted((_luminance(colours[ink]), _luminance(colours[ground])))
    assert (high + 0.05) / (low + 0.05) >= 4.5


IDS = ("a", "b", "c")


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        ({"kind": "order", "order": ["c", "a", "b"]}, Change("order", None, ("c", "a", "b"))),
        ({"kind": "remove", "id": "b"}, Change("remove", "b", IDS)),
        ({"kind": "select", "id": "a", "order": None}, Change("select", "a", IDS)),
        ({"kind": "order", "order": ["a", "b", "c"]}, None),
        ({"kind": "order", "order": ["a", "b"]}, None),
        ({"kind": "order", "order": ["a", "a", "b"]}, None),
        ({"kind": "order", "order": ["a", "b", {"c": 1}]}, None),
        ({"kind": "order", "order": "abc"}, None),
        ({"kind": "remove", "id": "z"}, None),
        ({"kind": "remove", "id": ["a"]}, None),
        ({"kind": ["order"], "id": "a"}, None),
        ({"kind": "eval", "id": "a"}, None),
        ({}, None),
        ("remove", None),
        (None, None),
    ],
)
def test_what_a_browser_says_is_checked_against_the_list(payload, wanted):
    assert read_change(payload, IDS) == wanted
