"""Pages show their widgets' current values: the rerun after a change and a further rerun without one show the same."""

import re

import pytest

from tests.pages.test_pages import open_app
from vpc2 import codec
from vpc2.nets.spec import make_net

NET = make_net(
    "n",
    (3, 32, 32),
    ("Conv2d", {"out_channels": 8, "kernel_size": 3, "padding": 1}),
    ("MaxPool2d", {"kernel_size": 2}),
    ("Parallel", {}, [["ReLU"], [("Conv2d", {"out_channels": 8, "kernel_size": 5, "padding": 2})]]),
    "Flatten",
    ("Linear", {"out_features": 10}),
)
TIMES = re.compile(r"[\d.,]+ (?:ms|µs|s)\b|seed \d+")
ALWAYS = ("title", "markdown", "caption", "metric", "error", "info", "warning", "success", "code", "table")
WIDGETS = ("selectbox", "slider", "select_slider", "number_input", "toggle", "button_group", "checkbox", "button", "text_input")
# What leads elsewhere, starts something, takes seconds and reports nothing, or shows names that the test driver cannot read.
LEFT_OUT = re.compile(r"^(lang|first/|open/|tray/|.*(preset|/add|picked|camera|see/play|/photo/))|^(train|clone|find-rate)$")


def shown(at) -> list[str]:
    """Return the texts of the page, without times, and the options of its widgets."""
    words = [f"{kind}: {TIMES.sub('', str(one.value))}" for kind in ALWAYS for one in at.get(kind)]
    words += [
        f"{one.label} {one.key} {getattr(one, 'disabled', '')} {getattr(one, 'help', '')} {getattr(one, 'options', '')}"
        for kind in WIDGETS
        for one in at.get(kind)
    ]
    words += [one.proto.json for one in at.get("bidi_component") if '"queue"' in one.proto.json and "history" not in one.proto.id]
    return words


def other_value(widget):
    """Return a value other than the widget's current one, or None if there is none."""
    kind = widget.type
    if kind in ("toggle", "checkbox"):
        return not widget.value
    if kind in ("number_input", "slider"):
        low, high, step = widget.min, widget.max, widget.step
        if isinstance(widget.value, list | tuple):
            return (low, high) if tuple(widget.value) != (low, high) else None
        return widget.value + step if widget.value + step <= high else widget.value - step if widget.value - step >= low else None
    if kind in ("selectbox", "select_slider"):
        return next((i for i in range(len(widget.options)) if widget.options[i] != widget.format_func(widget.value)), None)
    return None


def change(widget) -> bool:
    try:
        value = None if widget.disabled or widget.value is None else other_value(widget)
    except ValueError:  # the test driver cannot read a box whose options are not text
        return False
    if value is None:
        return False
    widget.select_index(value) if widget.type == "selectbox" else widget.set_value(
        widget.options[value] if widget.type == "select_slider" else value
    )
    return True


def check(at, most: int) -> None:
    """Change the widgets one by one and compare each rerun with the next one."""
    tried, behind = set(), {}
    while len(tried) < most:
        widgets = [one for kind in ("selectbox", "slider", "select_slider", "number_input", "toggle", "checkbox") for one in at.get(kind)]
        widget = next((one for one in widgets if one.key and one.key not in tried and not LEFT_OUT.search(one.key)), None)
        if widget is None:
            break
        tried.add(widget.key)
        if not change(widget):
            continue
        at.run(timeout=120)
        assert not at.exception, (widget.key, at.exception[0].stack_trace)
        first = shown(at)
        at.run(timeout=120)
        second = shown(at)
        if first != second:
            behind[widget.key] = [*sorted(set(second) - set(first)), *sorted(set(first) - set(second))][:4]
    assert tried
    assert not behind


@pytest.mark.parametrize("layer", [layer.id for layer in NET.walk()])
def test_the_inspector_of_every_layer(layer):
    at = open_app("build", s=codec.to_token(NET))
    at.session_state["net/selected"] = layer
    at.run()
    check(at, 12)


@pytest.mark.parametrize("tab", ["All layers", "Where the parameters are", "See it", "Compare", "Take home"])
def test_the_tabs_of_build(tab):
    at = open_app("build", s=codec.to_token(NET))
    at.session_state["build/tabs"] = tab
    at.run()
    check(at, 14)


def test_the_recipe_of_train():
    at = open_app("train")
    check(at, 60)


@pytest.mark.parametrize("tab", ["Draws", "Filmstrip", "Compare", "Labels", "Mix", "Safe?", "Libraries", "Code", "Take home"])
def test_the_tabs_of_augment(tab):
    at = open_app("augment")
    at.session_state["augment/tabs"] = tab
    at.run()
    check(at, 14)
