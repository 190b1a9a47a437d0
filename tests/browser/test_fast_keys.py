"""Keys and clicks that follow one another faster than a page runs: each of them counts, once and in order."""

import pytest

from vpc2 import codec
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.nets.spec import make_net

pytestmark = pytest.mark.browser
GAP_MS = 20
NET = make_net(
    "n", (3, 32, 32), *[("Conv2d", {"out_channels": 4 + i, "kernel_size": 3, "padding": 1}) for i in range(9)], "Flatten", ("Linear", {})
)


def steps() -> Pipeline:
    pipeline = Pipeline()
    for op in ("RandomHorizontalFlip", "RandomVerticalFlip", "RandomRotation", "RandomAffine", "RandomErasing", "RandomInvert"):
        pipeline = edit_add(pipeline, op)
    return pipeline


def press(page, keys, times: int = 1) -> None:
    for key in [keys] * times if isinstance(keys, str) else keys:
        page.keyboard.press(key)
        page.wait_for_timeout(GAP_MS)


def names(page) -> list[str]:
    return page.eval_on_selector_all(".solid.layer .name", "all => all.map(one => one.textContent)")


def shown(page, count: int) -> None:
    """Wait until the canvas shows so many layers, as Python knows them."""
    page.wait_for_function(
        "n => [...document.querySelectorAll('*')].filter(e => e.shadowRoot?.querySelector('.canvas')).map(e => e.shadowRoot)"
        ".some(root => root.querySelectorAll('.solid.layer').length === n && !root.querySelector('[data-id^=provisional]'))",
        arg=count,
    )


@pytest.fixture
def canvas(page, app_url, wait_idle):
    page.goto(f"{app_url}/build?lang=en&s={codec.to_token(NET)}")
    wait_idle(page)
    page.locator(".solid.layer").first.click()
    wait_idle(page)
    return page


def test_six_deletes_and_six_undos_are_six_of_each(canvas, wait_idle):
    whole = names(canvas)
    press(canvas, "Delete", 6)
    wait_idle(canvas)
    assert names(canvas) == [*_renumbered(whole, 6)]
    press(canvas, "Control+z", 6)
    wait_idle(canvas)
    assert names(canvas) == whole
    press(canvas, "Control+Shift+Z", 6)
    wait_idle(canvas)
    assert len(names(canvas)) == len(whole) - 6
    for _click in range(6):
        canvas.get_by_role("button", name="Undo", exact=True).click(no_wait_after=True)
    wait_idle(canvas)
    assert names(canvas) == whole


def _renumbered(whole: list[str], gone: int) -> list[str]:
    """Return the names after the first convolutions have gone: names count through."""
    convolutions = [name for name in whole if name.startswith("conv")]
    return [*convolutions[: len(convolutions) - gone], *(name for name in whole if not name.startswith("conv"))]


def test_backwards_from_the_end_no_delete_is_lost(canvas, wait_idle):
    whole = names(canvas)
    press(canvas, ["End", *["Delete"] * 6])
    wait_idle(canvas)
    assert names(canvas) == whole[:-6]


def test_copies_of_copies_and_moves_are_all_made(canvas, wait_idle):
    before = names(canvas)
    press(canvas, "Control+d", 4)
    wait_idle(canvas)
    assert len(names(canvas)) == len(before) + 4
    press(canvas, "Control+z", 4)
    wait_idle(canvas)
    press(canvas, ["Home", "Control+x", "ArrowRight", "Control+v", "Control+v", "Control+v"])
    wait_idle(canvas)
    assert len(names(canvas)) == len(before) + 2
    press(canvas, "Control+z", 4)
    wait_idle(canvas)
    assert names(canvas) == before
    canvas.locator(".solid.layer").first.click()
    wait_idle(canvas)
    lines = lambda: canvas.eval_on_selector_all(".solid.layer", "all => all.map(one => one.getAttribute('aria-label'))")  # noqa: E731
    first = lines()[0].split(", gives ")[1].split(",")[0]
    press(canvas, "Alt+ArrowRight", 5)
    wait_idle(canvas)
    assert first in lines()[5]


def test_deletes_and_undos_in_turn_keep_their_order(canvas, wait_idle):
    whole = names(canvas)
    press(canvas, ["Delete", "Delete", "Control+z", "Delete", "Delete", "Control+z", "Control+z", "Delete"])
    wait_idle(canvas)
    assert len(names(canvas)) == len(whole) - 2


@pytest.fixture
def cards(page, app_url, wait_idle):
    page.goto(f"{app_url}/augment?lang=en&s={codec.to_token(steps())}")
    wait_idle(page)
    return page


def titles(page) -> list[str]:
    return page.locator(".card .title").all_text_contents()


def test_cards_are_removed_moved_and_brought_back_as_fast_as_keys_go(cards, wait_idle):
    whole = titles(cards)
    cards.locator(".card .grip").first.focus()
    press(cards, "Delete", 5)
    wait_idle(cards)
    assert titles(cards) == whole[5:]
    press(cards, "Control+z", 5)
    wait_idle(cards)
    assert titles(cards) == whole
    cards.locator(".card .grip").first.focus()
    press(cards, "ArrowDown", 4)
    wait_idle(cards)
    assert titles(cards) == [*whole[1:5], whole[0], whole[5]]
    for i in range(5):
        cards.locator(".card .duplicate").nth(i).click()
        cards.wait_for_timeout(GAP_MS)
    wait_idle(cards)
    assert len(titles(cards)) == len(whole) + 5


def test_labels_are_set_and_removed_as_fast_as_hands_go(page, app_url, wait_idle):
    page.goto(f"{app_url}/augment?lang=en")
    wait_idle(page)
    page.get_by_role("tab", name="Labels").click()
    page.get_by_role("button", name="Point", exact=True).click()
    stage = page.locator(".stage[role=application]")
    rows = page.locator(".list li")
    stage.wait_for()
    wait_idle(page)
    before, frame = rows.count(), stage.bounding_box()
    for i in range(6):
        page.mouse.click(frame["x"] + frame["width"] * (0.2 + 0.1 * i), frame["y"] + frame["height"] * 0.5)
        page.wait_for_timeout(GAP_MS)
    wait_idle(page)
    assert rows.count() == before + 6
    page.get_by_label(f"Class: Point {_points(page)}").press_sequentially("index finger", delay=GAP_MS)
    page.keyboard.press("Tab")
    for _click in range(3):
        rows.nth(before).get_by_role("button").click()
        page.wait_for_timeout(GAP_MS)
    wait_idle(page)
    assert rows.count() == before + 3
    assert page.get_by_label(f"Class: Point {_points(page)}").input_value() == "index finger"


def _points(page) -> int:
    return sum(text.startswith("Point") for text in page.locator(".list li span").all_text_contents())


def test_arrows_on_a_picture_go_as_many_units_as_they_are_pressed(page, app_url, wait_idle):
    page.goto(f"{app_url}/build?lang=en&s={codec.to_token(NET)}")
    wait_idle(page)
    page.get_by_role("tab", name="See it").click()
    wait_idle(page)
    stage = page.locator(".stage[role=application], .stage[tabindex='0']").last
    stage.focus()
    mark = lambda: float(page.locator("svg .over.last").last.get_attribute("x"))  # noqa: E731
    start = mark()
    press(page, "ArrowRight", 6)
    wait_idle(page)
    assert round((mark() - start) * 32) == 6


def test_what_is_typed_has_an_undo_of_its_own(canvas, wait_idle):
    whole = names(canvas)
    press(canvas, "Delete", 2)
    wait_idle(canvas)
    search = canvas.get_by_placeholder("Search a layer")
    search.press_sequentially("conv", delay=GAP_MS)
    press(canvas, "Control+z", 2)
    wait_idle(canvas)
    assert len(names(canvas)) == len(whole) - 2 and search.input_value() != "conv"
