"""The canvas of the Build page in a real browser: by mouse, by finger, by keyboard alone."""

import re

import pytest

from vpc2 import codec
from vpc2.nets.spec import make_net

pytestmark = pytest.mark.browser
CONV = ("Conv2d", {"out_channels": 8, "kernel_size": 3, "padding": 1})
PLAIN = make_net("plain", (3, 32, 32), CONV, "ReLU", ("MaxPool2d", {}), "Flatten", ("Linear", {"out_features": 10}))
BLOCKS = make_net(
    "blocks", (3, 32, 32), CONV, ("Residual", {}, [[CONV, "ReLU", CONV]]), ("Parallel", {}, [[CONV], []]), "Flatten", ("Linear", {})
)
MISFIT = make_net("misfit", (3, 16, 16), CONV, ("Conv2d", {"out_channels": 8, "kernel_size": 40}), "Flatten", ("Linear", {}))


@pytest.fixture
def canvas(page, app_url, wait_idle):
    """A function that opens a net on the Build page."""

    def visit(net, lang="en"):
        page.goto(f"{app_url}/build?lang={lang}&s={codec.to_token(net)}")
        wait_idle(page)
        page.locator(".solid.layer").first.wait_for()
        return page

    return visit


def names(page):
    """Return the names of the layers in the order of the tree, the input and what follows from shapes left out."""
    return page.evaluate(
        """() => [...document.querySelectorAll('[data-testid="stBidiComponentRegular"], [data-testid^="stBidiComponent"], *')]
            .filter(e => e.shadowRoot && e.shadowRoot.querySelector('.stage')).slice(0, 1)
            .flatMap(e => [...e.shadowRoot.querySelectorAll('[role="treeitem"]')].map(n => n.getAttribute('aria-label').split(',')[0]))"""
    )


def expect_names(page, *wanted):
    """Wait until the answer has come: the tree holds exactly these."""
    for _try in range(60):
        if names(page) == list(wanted):
            return
        page.wait_for_timeout(100)
    assert names(page) == list(wanted)


def solid(page, name):
    return page.get_by_role("treeitem", name=re.compile(f"^{name},"))


def chosen(page):
    return page.locator('.solid[aria-selected="true"]').get_attribute("aria-label").split(",")[0]


def expect_chosen(page, wanted):
    """Wait until the answer has come: this layer is the chosen one."""
    for _try in range(60):
        if chosen(page) == wanted:
            return
        page.wait_for_timeout(100)
    assert chosen(page) == wanted


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + 10, start[1] + 4)
    page.mouse.move(*end, steps=6)
    assert page.locator(".marker").get_attribute("d")  # the place where it would go is shown
    page.mouse.up()


def test_drag_in_drag_along_and_undo(canvas, wait_idle):
    page = canvas(PLAIN)
    first = ["conv1", "relu1", "pool1", "flatten1", "fc1"]
    expect_names(page, *first)
    # From the palette to the place before the pooling.
    page.get_by_role("button", name="Normalisation", exact=True).click()
    chip = page.get_by_role("button", name="Add: Batch norm")
    pool = solid(page, "pool1").locator(".face").first.bounding_box()
    drag(page, middle(chip), (pool["x"] - 12, pool["y"] + pool["height"] / 2))
    expect_names(page, "conv1", "relu1", "bn1", "pool1", "flatten1", "fc1")
    expect_chosen(page, "bn1")
    wait_idle(page)
    # Along the row, to the place right behind the convolution.
    face = solid(page, "bn1").locator(".face").first.bounding_box()
    relu = solid(page, "relu1").locator(".face").first.bounding_box()
    drag(page, (face["x"] + 3, face["y"] + face["height"] / 2), (relu["x"] - 2, relu["y"] + relu["height"] / 2))
    expect_names(page, "conv1", "bn1", "relu1", "pool1", "flatten1", "fc1")
    wait_idle(page)
    page.get_by_role("button", name="Undo").click()
    expect_names(page, "conv1", "relu1", "bn1", "pool1", "flatten1", "fc1")
    page.get_by_role("button", name="Undo").click()
    expect_names(page, *first)
    page.get_by_role("button", name="Redo").click()
    expect_names(page, "conv1", "relu1", "bn1", "pool1", "flatten1", "fc1")


def test_a_drag_that_ends_outside_changes_nothing(canvas):
    page = canvas(PLAIN)
    chip = page.get_by_role("button", name="Add: Convolution", exact=True)
    start = middle(chip)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + 300, start[1] - 5, steps=4)
    page.mouse.move(start[0] + 300, 30, steps=4)
    page.mouse.up()
    page.wait_for_timeout(600)
    expect_names(page, "conv1", "relu1", "pool1", "flatten1", "fc1")


def test_click_chooses_and_a_block_opens(canvas, wait_idle):
    page = canvas(BLOCKS)
    solid(page, "flatten1").click()
    page.locator(".what", has_text="flatten1 · Flatten").wait_for()
    page.get_by_text("flatten1", exact=True).locator("visible=true").first.wait_for()
    block = solid(page, "res1")
    assert block.get_attribute("aria-expanded") == "false"
    block.locator(".chevron").click()
    expect_names(page, "conv1", "res1", "conv2", "relu1", "conv3", "par1", "flatten1", "fc1")
    assert solid(page, "res1").get_attribute("aria-expanded") == "true"
    # Into the opened block: from the palette to the end of its body, where it is inside and not behind.
    page.get_by_role("button", name="Activation", exact=True).click()
    wait_idle(page)
    last = solid(page, "conv3").locator(".face").first.bounding_box()
    drag(page, middle(page.get_by_role("button", name="Add: Tanh")), (last["x"] + last["width"] + 34, last["y"] + last["height"] / 2))
    expect_names(page, "conv1", "res1", "conv2", "relu1", "conv3", "tanh1", "par1", "flatten1", "fc1")
    assert solid(page, "tanh1").get_attribute("aria-level") == "2"
    wait_idle(page)
    # The empty branch of the other block takes a layer too.
    solid(page, "par1").locator(".chevron").click()
    slot = page.get_by_role("treeitem", name="par1: branch 2 is empty")
    slot.wait_for()
    wait_idle(page)
    drag(page, middle(page.get_by_role("button", name="Add: Sigmoid")), middle(slot.locator(".face").first))
    solid(page, "sigmoid1").wait_for()
    wait_idle(page)
    solid(page, "par1").locator(".pane").click(position={"x": 60, "y": 14})
    page.get_by_role("button", name="Add a branch").click()
    page.get_by_role("treeitem", name="par1: branch 3 is empty").wait_for()
    page.get_by_role("button", name="Remove the last branch").click()
    page.get_by_role("treeitem", name="par1: branch 3 is empty").wait_for(state="detached")


def test_what_does_not_fit_is_red_and_named(canvas, screenshots):
    page = canvas(MISFIT)
    bad = page.locator(".solid.problem")
    assert bad.count() == 1
    label = bad.get_attribute("aria-label")
    assert label.startswith("conv2,") and "does not fit" in label and "40" in label
    assert "does not fit" in bad.text_content() and "!" in bad.text_content()
    red = bad.locator(".face").first.evaluate("face => getComputedStyle(face).stroke")
    channels = [int(part) for part in re.findall(r"\d+", red)[:3]]
    assert channels[0] > 1.5 * max(channels[1:])
    # What comes before goes on working, what comes behind waits.
    assert "gives 16 × 16 × 8" in solid(page, "conv1").get_attribute("aria-label")
    assert page.locator(".solid.ghost").count() == 2
    screenshots("canvas-misfit")


def test_by_keyboard_alone(canvas, wait_idle):
    """Choose, move, duplicate, copy, paste, delete, add, open, go in and out, undo: without a pointer."""
    page = canvas(BLOCKS)
    press = page.keyboard.press
    page.get_by_role("searchbox").focus()
    # From the search field to the tree with Tab, past families, chips and toolbar.
    for _step in range(60):
        press("Tab")
        if page.locator(".solid:focus").count():
            break
    assert page.locator(".solid:focus").count() == 1
    press("Home")
    expect_chosen(page, "conv1")
    press("End")
    expect_chosen(page, "fc1")
    press("Home")
    press("Control+d")
    expect_names(page, "conv1", "conv2", "res1", "par1", "flatten1", "fc1")
    expect_chosen(page, "conv2")
    wait_idle(page)
    press("Alt+ArrowRight")
    expect_names(page, "conv1", "res1", "conv4", "par1", "flatten1", "fc1")
    wait_idle(page)
    assert "Moved: conv4, 3 of 6" in page.locator(".live").text_content()
    press("Control+z")
    expect_names(page, "conv1", "conv2", "res1", "par1", "flatten1", "fc1")
    wait_idle(page)
    press("Control+z")
    expect_names(page, "conv1", "res1", "par1", "flatten1", "fc1")
    wait_idle(page)
    # Copy the first layer, open the residual block, go in, paste behind its first layer, delete it again.
    press("Home")
    press("Control+c")
    wait_idle(page)
    press("ArrowRight")
    press("Enter")
    expect_names(page, "conv1", "res1", "conv2", "relu1", "conv3", "par1", "flatten1", "fc1")
    wait_idle(page)
    press("ArrowDown")
    expect_chosen(page, "conv2")
    wait_idle(page)
    press("Control+v")
    expect_names(page, "conv1", "res1", "conv2", "conv3", "relu1", "conv4", "par1", "flatten1", "fc1")
    wait_idle(page)
    press("Delete")
    expect_names(page, "conv1", "res1", "conv2", "relu1", "conv3", "par1", "flatten1", "fc1")
    assert "Deleted: conv3" in page.locator(".live").text_content()
    wait_idle(page)
    assert page.locator(".solid:focus").count() == 1  # the focus stays in the net
    press("ArrowUp")
    expect_chosen(page, "res1")
    # Out of the search field, a layer is added behind the chosen one.
    page.get_by_role("searchbox").focus()
    page.keyboard.type("batch")
    press("Enter")
    solid(page, "bn1").wait_for()
    expect_chosen(page, "bn1")
    wait_idle(page)
    # The keys are listed in words.
    page.locator('.solid[tabindex="0"]').focus()
    press("?")
    page.locator(".help", has_text="move the layer").wait_for()
    press("Escape")
    page.locator(".help").wait_for(state="hidden")
    before = page.locator(".many").text_content()
    press("+")
    assert page.locator(".many").text_content() != before


def test_a_limit_is_told_and_the_truth_is_drawn_again(canvas, wait_idle):
    """A block four deep is refused: the sentence is on the page, and the net is what it was."""
    inner = ("Residual", {}, [[("Residual", {}, [[("Residual", {}, [[CONV]])]])]])
    page = canvas(make_net("deep", (3, 16, 16), CONV, inner))
    for name in ("res1", "res2", "res3"):
        solid(page, name).locator(".chevron").click()
        wait_idle(page)
    solid(page, "conv2").locator(".face").first.click()
    wait_idle(page)
    page.get_by_role("button", name="Block", exact=True).click()
    before = names(page)
    page.get_by_role("button", name="Add: Residual block").click()
    page.get_by_role("alert").filter(has_text="3 deep").wait_for()
    wait_idle(page)
    assert names(page) == before


def test_a_finger_moves_the_layer_that_is_chosen(browser, app_url, wait_idle):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, locale="en-US")
    page = context.new_page()
    page.goto(f"{app_url}/build?lang=en&s={codec.to_token(PLAIN)}")
    wait_idle(page)
    solid(page, "pool1").scroll_into_view_if_needed()
    page.mouse.wheel(0, 200)
    solid(page, "pool1").locator(".face").first.tap()
    wait_idle(page)
    expect_chosen(page, "pool1")
    finger = context.new_cdp_session(page)
    pool, conv = (solid(page, name).locator(".face").first.bounding_box() for name in ("pool1", "conv1"))
    x, y = pool["x"] + pool["width"] / 2, pool["y"] + pool["height"] / 2
    touch = lambda kind, *points: finger.send(  # noqa: E731
        "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]}
    )
    touch("touchStart", (x, y))
    for part in range(1, 11):
        touch("touchMove", (x + (conv["x"] - 8 - x) * part / 10, y))
    touch("touchEnd")
    expect_names(page, "pool1", "conv1", "relu1", "flatten1", "fc1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


FORESEE = """async ([key, isHeld]) => {
    const root = [...document.querySelectorAll('*')].find(e => e.shadowRoot && e.shadowRoot.querySelector('.stage')).shadowRoot;
    const solids = () => [...root.querySelectorAll('.solid.layer')].map(node => node.getAttribute('aria-label') || '');
    const before = solids().length;
    root.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, ctrlKey: isHeld, bubbles: true, composed: true }));
    return [before, solids().length];  // in the same breath: nothing can have come from Python yet
}"""


def test_what_is_deleted_or_doubled_is_on_the_screen_before_python_answers(canvas, wait_idle):
    page = canvas(PLAIN)
    solid(page, "relu1").click()
    wait_idle(page)
    before, after = page.evaluate(FORESEE, ["d", True])
    assert after == before + 1
    expect_names(page, "conv1", "relu1", "relu2", "pool1", "flatten1", "fc1")
    wait_idle(page)
    before, after = page.evaluate(FORESEE, ["Delete", False])
    assert after == before - 1
    expect_names(page, "conv1", "relu1", "pool1", "flatten1", "fc1")
    page.get_by_role("button", name="Activation", exact=True).click()
    page.get_by_role("button", name=re.compile("^Add: GELU")).click()
    page.get_by_role("button", name=re.compile("^Add: SiLU")).click()
    wait_idle(page)
    assert len(names(page)) == 7, "two quick ones are both there"
