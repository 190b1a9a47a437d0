"""The two components that answer hands and eyes, on a scratch page in a real browser."""

import json
import math
import re
from pathlib import Path

import pytest

from tests.browser.conftest import serve
from vpc2.nets.presets import NETS
from vpc2.training.runs.store import make_run
from vpc2.training.spec import Recipe

pytestmark = pytest.mark.browser
APP = Path(__file__).parent / "apps" / "components.py"
RUN, LONG_RUN = "abcdef0123456789", "0123456789abcdef"


def write_run(home: Path, run_id: str, steps: int, *, is_over: bool, epochs: int = 8) -> Path:
    """Make a run with made-up curves, as a training worker would have written it."""
    folder = home / "runs" / run_id
    make_run(folder, Recipe("digits", NETS["small"].net), name="A run", run_id=run_id)
    events = [{"type": "start", "classes": ["a", "b"], "steps_per_epoch": steps // epochs}]
    for step in range(1, steps + 1):
        part = step / steps
        loss = 2.2 * math.exp(-3 * part) + 0.12 + 0.2 * math.sin(step * 12.9898) * (1 - part / 2)
        accuracy = min(1, max(0, 1 - 0.8 * math.exp(-3 * part) + 0.08 * math.sin(step * 78.233)))
        events.append({"type": "step", "step": step, "epoch": 1, "loss": loss, "accuracy": accuracy, "learning_rate": 0.1})
        if step % (steps // epochs) == 0:
            values = {"val_loss": 2.2 * math.exp(-2.5 * part) + 0.25, "val_accuracy": 0.92 - 0.8 * math.exp(-3 * part)}
            events.append({"type": "epoch", "epoch": step * epochs // steps, "step": step, "is_best": part < 0.9, **values})
    if is_over:
        events.append({"type": "end", "state": "finished", "reason": None})
    lines = [json.dumps({"n": n, "t": n / 10, **event}) for n, event in enumerate(events)]
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory, browser):
    folder = tmp_path_factory.mktemp("components")
    write_run(folder / "home", RUN, 240, is_over=True)
    write_run(folder / "home", LONG_RUN, 6000, is_over=True)
    with serve(APP, folder) as address:
        yield address, folder / "home"


@pytest.fixture
def cards(page, served, wait_idle):
    page.goto(served[0])
    wait_idle(page)
    page.locator(".card").first.wait_for()
    return page


def order(page, wanted: str) -> None:
    page.get_by_text(f"order: {wanted}", exact=True).wait_for()
    shown = page.locator(".card")
    assert [shown.nth(i).get_attribute("data-id") for i in range(shown.count())] == wanted.split(",")


def test_a_card_is_dragged_with_the_mouse(cards):
    grip, last = cards.locator(".card").nth(0).locator(".grip").bounding_box(), cards.locator(".card").nth(3).bounding_box()
    cards.mouse.move(grip["x"] + 10, grip["y"] + 15)
    cards.mouse.down()
    cards.mouse.move(grip["x"] + 10, last["y"] + 5, steps=6)
    cards.mouse.move(grip["x"] + 10, last["y"] + last["height"] - 3, steps=4)
    cards.mouse.up()
    order(cards, "b,c,d,a")
    assert cards.get_by_text("log: order", exact=True).count() == 1


def test_a_card_is_moved_with_the_keyboard_and_keeps_the_focus(cards):
    cards.get_by_role("button", name="Move Flip (1/4)").focus()
    cards.keyboard.press("ArrowDown")
    cards.keyboard.press("ArrowDown")
    order(cards, "b,c,a,d")
    assert cards.evaluate("document.activeElement.shadowRoot.activeElement.getAttribute('aria-label')") == "Move Flip (3/4)"
    assert cards.locator(".live").first.text_content() == "Flip: 3/4"


def test_a_card_is_chosen_muted_copied_and_removed_each_once(cards, wait_idle):
    cards.get_by_role("button", name="Rotate −15").click()
    cards.get_by_text("selected: b", exact=True).wait_for()
    assert "selected" in cards.locator('[data-id="b"]').get_attribute("class")
    cards.get_by_role("button", name="Mute Rotate").click()
    cards.get_by_role("button", name="Unmute Rotate").wait_for()
    cards.get_by_role("button", name="Duplicate Rotate").click()
    order(cards, "a,b,x3,c,d")
    cards.get_by_role("button", name="Remove Flip").click()
    order(cards, "b,x3,c,d")
    cards.get_by_role("button", name="Move Brightness (4/4)").press("Delete")
    order(cards, "b,x3,c")
    wait_idle(cards)
    assert cards.get_by_text("log: select,toggle,duplicate,remove,remove", exact=True).count() == 1


def test_a_refused_change_puts_the_cards_back(cards, wait_idle):
    cards.get_by_text("Refuse changes").click()
    wait_idle(cards)
    cards.get_by_role("button", name="Move Flip (1/4)").press("ArrowDown")
    cards.get_by_text("log: order", exact=True).wait_for()
    wait_idle(cards)
    order(cards, "a,b,c,d")


def test_a_name_never_becomes_html(cards):
    assert cards.locator(".card img").count() == 0
    assert cards.locator('[data-id="c"] .title').text_content().startswith("<img")
    assert cards.title() != "hacked"


def test_every_button_has_a_name_and_cards_stay_within_a_phone(cards):
    assert cards.locator(".card button:visible").count() == 20
    names = cards.eval_on_selector_all(".card button", "all => all.map(b => b.getAttribute('aria-label') || b.textContent.trim())")
    assert all(names) and len(set(names)) == len(names)
    cards.set_viewport_size({"width": 390, "height": 844})
    cards.wait_for_timeout(300)
    for i in range(4):
        box = cards.locator(".card").nth(i).bounding_box()
        assert 40 <= box["height"] <= 60 and box["x"] + box["width"] <= 390


def test_a_finger_drags_by_the_grip(browser, served, wait_idle):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(served[0])
    wait_idle(page)
    first, second = page.locator(".card").nth(0).locator(".grip").bounding_box(), page.locator(".card").nth(1).bounding_box()
    session = context.new_cdp_session(page)
    x, y = first["x"] + 15, first["y"] + 20
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for i in range(1, 9):
        at = y + (second["y"] + second["height"] - 4 - y) * i / 8
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": at}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    order(page, "b,a,c,d")
    context.close()


def curves_text(page, of: str = "loss") -> str:
    return page.locator(f'.panel[data-of="{of}"] .now').text_content()


def inked(page, of: str, rgb: tuple[int, int, int]) -> int:
    """Return how many pixels of a panel have about this colour."""
    return page.locator(f'.panel[data-of="{of}"] canvas').evaluate(
        """(canvas, [r, g, b]) => { const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; let n = 0;
        for (let i = 0; i < d.length; i += 4) if (d[i+3] > 200 && Math.abs(d[i]-r) < 12 && Math.abs(d[i+1]-g) < 12
        && Math.abs(d[i+2]-b) < 12) n++; return n; }""",
        list(rgb),
    )


def test_curves_of_a_finished_run_are_drawn_and_asking_stops(page, served, wait_idle, screenshots):
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/api/runs/" in request.url else None)
    page.goto(f"{served[0]}/?run={RUN}")
    wait_idle(page)
    page.locator(".now", has_text=re.compile("training .* validation")).first.wait_for()
    page.wait_for_timeout(1500)
    n = len(asked)
    page.wait_for_timeout(1200)
    assert len(asked) == n <= 3
    assert "%" in curves_text(page, "accuracy")
    assert inked(page, "loss", (0, 0x72, 0xB2)) > 200 and inked(page, "accuracy", (0xD9, 0x82, 0)) > 100
    assert "validation" in page.locator('.panel[data-of="loss"] canvas').get_attribute("aria-label")
    page.locator('.panel[data-of="loss"] canvas').hover(position={"x": 200, "y": 100})
    tip = page.locator('.panel[data-of="loss"] .tip')
    tip.wait_for()
    assert re.match(r"step \d+\ntraining ", tip.text_content())
    screenshots("components-light")
    page.emulate_media(color_scheme="dark")
    page.reload()
    wait_idle(page)
    page.locator(".now", has_text="validation").first.wait_for()
    page.wait_for_timeout(500)
    assert inked(page, "accuracy", (0xF0, 0xA8, 0x3A)) > 100
    screenshots("components-dark")


def test_a_long_run_arrives_whole(page, served, wait_idle):
    page.goto(f"{served[0]}/?run={LONG_RUN}")
    page.locator(".live", has_text="A run.").wait_for(state="attached")
    page.locator('.panel[data-of="loss"] canvas').hover(position={"x": 380, "y": 100})
    page.locator('.panel[data-of="loss"] .tip', has_text=re.compile(r"step [3-6],\d\d\d")).wait_for()


def test_curves_grow_without_a_rerun(page, served, wait_idle):
    folder = write_run(served[1], "feedfacecafe0001", 16, is_over=False)
    page.goto(f"{served[0]}/?run=feedfacecafe0001")
    page.locator(".now", has_text="validation").first.wait_for()
    before = curves_text(page)
    with (folder / "events.jsonl").open("a") as file:
        for n in range(100, 160):
            event = {"n": n, "t": n, "type": "step", "step": n, "epoch": 9, "loss": 0.111, "accuracy": 0.999, "learning_rate": 0.1}
            file.write(json.dumps(event) + "\n")
    page.locator(".now", has_text="0.111").first.wait_for()
    assert curves_text(page) != before
    with (folder / "events.jsonl").open("a") as file:
        file.write(json.dumps({"n": 160, "t": 161, "type": "end", "state": "finished", "reason": None}) + "\n")
