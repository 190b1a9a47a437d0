"""Two nets side by side in a real browser: from a card of the lecture, by choice, and one's own against itself."""

import re

import pytest

pytestmark = pytest.mark.browser


def open_compare(page, app_url, wait_idle, query="pair=5x5-3x3&lang=en"):
    page.goto(f"{app_url}/build?{query}")
    wait_idle(page)
    page.locator('[class*="st-key-compare-pictures"]').wait_for(timeout=30_000)


def choose(page, wait_idle, label, option):
    box = page.get_by_label(label, exact=True)
    box.scroll_into_view_if_needed()
    wait_idle(page)  # a list that opens while the page still scrolls is closed again
    box.click()
    page.get_by_role("option", name=option).first.click()
    wait_idle(page)


def test_a_link_opens_a_pair_and_its_lesson(page, app_url, wait_idle, screenshots):
    open_compare(page, app_url, wait_idle)
    page.get_by_text("two 3 × 3 need 18 weights instead of 25, 28 % fewer").wait_for()
    assert page.get_by_role("img", name=re.compile("^The net as volumes")).count() == 2
    screenshots("compare-small")
    choose(page, wait_idle, "What to compare", "VGG-16 against VGG-19")
    page.get_by_text("prints 66, 33, 16, 8 where 224 × 224 pixels give 56, 28, 14, 7").wait_for()
    assert page.get_by_role("cell", name="▶ only in B").count() == 6  # three convolutions, each with its ReLU
    page.get_by_role("button", name="Open B in Build").click()
    page.get_by_text("143,667,240 parameters").wait_for()
    wait_idle(page)
    screenshots("compare")


def test_a_card_of_the_lecture_opens_its_pair_in_spanish(page, app_url, wait_idle):
    page.goto(f"{app_url}/?lang=es")
    wait_idle(page)
    page.locator(".st-key-card-dense").get_by_role("link").click()
    page.get_by_text("La capa densa tiene 2.764,8 millones de parámetros; la convolución, 4.864").wait_for(timeout=30_000)
    wait_idle(page)


def test_my_net_is_kept_changed_and_compared_with_what_it_was(page, app_url, wait_idle):
    open_compare(page, app_url, wait_idle)
    choose(page, wait_idle, "What to compare", "My net against another")
    page.get_by_role("button", name="Keep my net as B").click()
    page.get_by_role("heading", name="B · The net I kept").wait_for()
    wait_idle(page)
    assert page.get_by_role("cell", name="≠ changed").count() == 0
    filters = page.get_by_role("spinbutton", name="Filters").first
    filters.fill("25")
    filters.press("Enter")
    page.get_by_role("cell", name="≠ changed").first.wait_for()
    wait_idle(page)
    assert page.get_by_role("cell", name="Filters: 25 → 24").count() == 1
