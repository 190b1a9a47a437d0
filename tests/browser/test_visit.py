"""One visit to the Augment page, from a photograph to a link: everything a visitor does there, in a row, on the same page."""

import io
import re
import zipfile

import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

pytestmark = pytest.mark.browser
TILES = '[class*="st-key-tile-"] img'


def photograph() -> bytes:
    image = Image.effect_noise((900, 640), 70).convert("RGB")
    image.paste((40, 90, 200), (200, 150, 520, 470))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=92)
    return out.getvalue()


def bodies(page):
    addresses = page.eval_on_selector_all(TILES, "all => all.map(i => i.src)")
    return [page.request.get(address).body() for address in addresses]


def test_the_whole_studio_in_one_visit(page, browser, app_url, wait_idle, tmp_path):
    page.goto(f"{app_url}/augment?lang=en")
    wait_idle(page)
    # A photograph of one's own.
    page.get_by_role("button", name="Add your own").click()
    page.locator('input[type="file"]').first.set_input_files({"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": photograph()})
    page.get_by_role("heading", name="mine.jpg").wait_for()
    wait_idle(page)
    # Two steps dragged: the last to the top, then the new last likewise.
    cards = page.locator(".card")
    first = [cards.nth(i).inner_text() for i in range(3)]
    for _ in range(2):
        grip, top = cards.nth(2).locator(".grip").bounding_box(), cards.nth(0).bounding_box()
        page.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
        page.mouse.down()
        page.mouse.move(grip["x"] + 8, top["y"] + top["height"] / 2, steps=6)
        page.mouse.move(grip["x"] + 8, top["y"] + 2, steps=4)
        page.mouse.up()
        wait_idle(page)
    assert [cards.nth(i).inner_text() for i in range(3)] == [first[1], first[2], first[0]]
    # One muted, and that taken back.
    before = bodies(page)
    page.get_by_role("button", name=re.compile("^Mute")).first.click()
    wait_idle(page)
    assert bodies(page) != before
    page.get_by_role("button", name="Undo", exact=True).click()
    wait_idle(page)
    assert bodies(page) == before
    # A box that follows.
    page.get_by_role("tab", name="Labels").click()
    wait_idle(page)
    frame = page.locator(".stage[role=application]").bounding_box()
    page.mouse.move(frame["x"] + 0.25 * frame["width"], frame["y"] + 0.25 * frame["height"])
    page.mouse.down()
    page.mouse.move(frame["x"] + 0.55 * frame["width"], frame["y"] + 0.7 * frame["height"], steps=5)
    page.mouse.up()
    page.get_by_text("Boxes: 1. Points: 0.").wait_for()
    wait_idle(page)
    assert page.locator('[class*="st-key-tile-label-"] img').count() == 6
    # The unsafe 6 beside the 0 that stays.
    page.get_by_role("tab", name="Safe?").click()
    wait_idle(page)
    page.get_by_text("By class", exact=True).click()
    page.get_by_role("button", name="Train on digits").click()
    page.get_by_role("button", name="Try “rotate by 180°”").click(timeout=90_000)
    page.get_by_text("“6” is answered “9”").wait_for(timeout=60_000)
    page.get_by_text("“0” stays “0”").wait_for()
    wait_idle(page)
    # The data set, read back by torchvision.
    page.get_by_role("tab", name="Take home").click()
    wait_idle(page)
    page.get_by_role("button", name="Write the ZIP").click()
    save = page.get_by_role("button", name=re.compile(r"Save \d+ pictures"))
    save.wait_for(timeout=60_000)
    with page.expect_download() as download:
        save.click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        archive.extractall(tmp_path)
    assert len(ImageFolder(tmp_path)) == int(re.search(r"\d+", save.inner_text())[0])
    # The link, in another browser: the samples stand there as here, pixel for pixel.
    page.get_by_role("tab", name="Draws").click()
    wait_idle(page)
    page.get_by_role("button", name="mine.jpg").click()  # own photographs do not travel
    wait_idle(page)
    page.get_by_role("button", name="Share").click()
    address = page.get_by_text(re.compile(r"\?s=")).first.inner_text()
    other = browser.new_context(locale="en-US").new_page()
    other.goto(address)
    wait_idle(other)
    other.wait_for_selector(TILES)
    theirs = bodies(other)
    other.context.close()
    assert len(theirs) >= 8 and theirs == bodies(page)


def test_the_whole_builder_in_one_visit(page, app_url, wait_idle, tmp_path):
    from tests.browser.test_canvas import MISFIT, drag, expect_names, middle, solid
    from vpc2 import codec
    from vpc2.nets.spec import edit_add

    net = edit_add(MISFIT, "Residual", at=1, channels=8)
    page.goto(f"{app_url}/build?lang=en&s={codec.to_token(net)}")
    wait_idle(page)
    expect_names(page, "conv1", "res1", "conv4", "flatten1", "fc1")
    # A layer dragged in from the palette, and taken back.
    page.get_by_role("button", name="Activation", exact=True).click()
    block = solid(page, "res1").locator(".face").first.bounding_box()
    chip = middle(page.get_by_role("button", name="Add: Tanh"))
    drag(page, chip, (block["x"] - 10, block["y"] + block["height"] / 2))
    expect_names(page, "conv1", "tanh1", "res1", "conv4", "flatten1", "fc1")
    wait_idle(page)
    page.get_by_role("button", name="Undo", exact=True).click()
    expect_names(page, "conv1", "res1", "conv4", "flatten1", "fc1")
    wait_idle(page)
    # The red layer, mended by its button.
    solid(page, "conv4").click()
    page.get_by_role("alert").filter(has_text="window of 40").first.wait_for()
    wait_idle(page)
    page.get_by_role("button", name="Set the kernel to 16").click()
    page.get_by_role("alert").filter(has_text="window of 40").first.wait_for(state="detached")
    wait_idle(page)
    # A block, opened.
    solid(page, "res1").locator(".chevron").click()
    expect_names(page, "conv1", "res1", "conv2", "bn1", "relu1", "conv3", "bn2", "conv4", "flatten1", "fc1")
    # Two nets side by side.
    page.get_by_role("tab", name="Compare").click()
    page.get_by_text("18 weights instead of 25").first.wait_for()
    wait_idle(page)
    # Saved, something else opened, and the saved file brought back: the same net.
    params = page.locator('[data-testid="stMetricValue"]').first.inner_text()
    page.get_by_role("tab", name="Take home").click()
    wait_idle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Net (JSON)").click()
    saved = tmp_path / "net.json"
    saved.write_bytes(download.value.path().read_bytes())
    presets = page.get_by_role("combobox", name="Start from a net")
    presets.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # a list that opens while the page still scrolls closes again
    presets.click()
    presets.press_sequentially("LeNet")
    page.get_by_role("option", name="LeNet-5").click()
    page.get_by_text("61,706").first.wait_for()
    wait_idle(page)
    page.get_by_role("tab", name="Bring in").click()
    wait_idle(page)
    page.locator('input[type="file"][accept*="json"]').last.set_input_files(saved)
    expect_names(page, "conv1", "res1", "conv4", "flatten1", "fc1")
    wait_idle(page)
    assert page.locator('[data-testid="stMetricValue"]').first.inner_text() == params
    read = codec.from_json(saved.read_bytes(), "net").spec
    assert [layer.kind for layer in read.layers] == ["Conv2d", "Residual", "Conv2d", "Flatten", "Linear"]
    assert read.layers[2].params["kernel_size"] == 16
