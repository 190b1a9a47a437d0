"""What a visitor sees of a run as it goes, in a real browser: the look that changes in place, curves over each other."""

import re
from pathlib import Path

import pytest

from tests.browser.conftest import serve
from tests.browser.test_components import inked, write_run
from tests.training.runs.test_snapshot_writer import make_look
from vpc2.training.runs.events import EventWriter
from vpc2.training.runs.snapshot_writer import SnapshotWriter

pytestmark = pytest.mark.browser
APP = Path(__file__).parent / "apps" / "components.py"


@pytest.fixture(scope="module")
def served(tmp_path_factory, browser):
    folder = tmp_path_factory.mktemp("live")
    with serve(APP, folder) as address:
        yield address, folder / "home"


def open_view(page, served, run_id, view, **look):
    """Open one view of a run that goes on; return its folder and what writes its looks."""
    folder = write_run(served[1], run_id, 16, is_over=False)
    write = SnapshotWriter(folder).write_snapshot
    write(make_look(step=10, **look))
    page.goto(f"{served[0]}/?of={run_id}&view={view}")
    return folder, write


def end(folder):
    writer = EventWriter(folder)
    writer.write({"type": "end", "state": "finished", "reason": None})
    writer.close()


def test_the_batch_changes_in_place_and_asking_ends_with_the_run(page, served):
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/look" in request.url else None)
    folder, write = open_view(page, served, "feedface00000001", "batch", pictures=13)
    page.locator(".head", has_text="step 10:").wait_for()
    assert page.locator(".tiles li").count() == 13
    tile = page.locator(".picture").first
    assert tile.get_attribute("aria-label").startswith("class ") and "blob:" in tile.get_attribute("style")
    page.evaluate("window.stays = true; document.querySelector('[data-testid=stMain]').scrollTop = 40")
    scrolled = page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")
    look = make_look(step=20, pictures=13)
    look.targets[0] = 0
    look.targets[0, [3, 8]] = 0.25, 0.75
    write(look)
    page.locator(".head", has_text="step 20:").wait_for()
    assert page.locator(".tiles li").first.text_content() == "class 8 75 % + class 3 25 %"
    assert page.evaluate("window.stays") and page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == scrolled
    end(folder)
    page.wait_for_timeout(2500)
    n = len(asked)
    page.wait_for_timeout(2000)
    assert len(asked) == n


def test_the_table_of_classes_is_the_looks_own(page, served):
    open_view(page, served, "feedface00000002", "classes", seen=300)
    page.locator(".matrix").wait_for()
    confusion = make_look(step=10).confusion()
    shown = page.locator(".matrix tbody tr").evaluate_all("rows => rows.map(r => [...r.querySelectorAll('td')].map(c => +c.textContent))")
    assert shown == confusion.tolist()
    right = confusion.diagonal()[4], confusion[4].sum()
    assert page.locator(".rates li").nth(4).text_content().endswith(f"{right[0]} of {right[1]}")


def test_a_hundred_classes_are_walked_with_the_arrow_keys(page, served):
    open_view(page, served, "feedface00000003", "classes", classes=100, seen=4000)
    matrix = page.locator(".confusion canvas")
    matrix.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    n = make_look(step=10, classes=100, seen=4000).confusion()[2][1]
    assert page.locator(".confusion .caption").text_content() == f"class 2 taken for class 1: {n} ×"


def test_mistakes_and_layers_say_their_numbers(page, served):
    open_view(page, served, "feedface00000004", "mistakes")
    page.locator(".tiles li").first.wait_for()
    assert page.locator(".tiles li").first.text_content() == "is class 0taken for class 1, 90 % sure"
    open_view(page, served, "feedface00000005", "layers")
    page.locator(".layers tbody tr").first.wait_for()
    assert page.locator(".layers tbody tr").count() == 4 and page.locator(".layers svg").count() == 8
    assert "9,216 values" not in page.locator(".layers tbody tr").first.text_content()
    assert "432 values" in page.locator(".layers tbody tr").first.text_content()


def test_a_hostile_class_stays_text(page, served):
    look = make_look(step=10)
    folder = write_run(served[1], "feedface00000006", 16, is_over=True)
    SnapshotWriter(folder).write_snapshot(
        type(look)(**{**vars(look), "classes": ("<img src=x onerror=document.title='hacked'>", *look.classes[1:])})
    )
    for view in ("classes", "batch", "mistakes"):
        page.goto(f"{served[0]}/?of=feedface00000006&view={view}")
        page.locator(".body").get_by_text("<img").first.wait_for()
    assert page.title() != "hacked" and page.locator(".body img").count() == 0


def test_a_view_that_is_hidden_does_not_ask(page, served):
    open_view(page, served, "feedface00000007", "batch")
    page.locator(".head", has_text="step 10:").wait_for()
    page.locator(".st-key-look, [data-testid=stBidiComponentRegular]").last.evaluate("one => { one.style.display = 'none'; }")
    asked = []
    page.wait_for_timeout(1200)
    page.on("request", lambda request: asked.append(request.url) if "/look" in request.url else None)
    page.wait_for_timeout(2500)
    assert asked == []


def test_two_runs_lie_over_each_other_each_in_its_hue(page, served, wait_idle):
    for run_id in ("feedface00000011", "feedface00000012"):
        write_run(served[1], run_id, 240, is_over=True)
    page.goto(f"{served[0]}/?run=feedface00000011+feedface00000012")
    wait_idle(page)
    page.locator('.panel[data-of="loss"] .now', has_text=re.compile("A run: .*Run 1: ")).wait_for()
    assert page.locator(".legend span").all_text_contents()[:2] == ["A run", "Run 1"]
    assert inked(page, "loss", (0xE6, 0x9F, 0)) > 100  # the second lies above the first
    assert inked(page, "learning_rate", (0xE6, 0x9F, 0)) > 100
    page.get_by_label("Smoothing").uncheck()
    page.get_by_label("Loss on a log scale").check()
    page.wait_for_timeout(300)
    assert inked(page, "loss", (0xE6, 0x9F, 0)) > 100
    assert page.locator(".progress").is_hidden()
