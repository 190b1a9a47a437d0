"""What a visitor does, in a real browser: augment, build, train, come back after a reload, judge."""

import io
import re
import zipfile

import pytest
from PIL import Image

from vpc2 import codec
from vpc2.nets.presets import NETS
from vpc2.nets.spec import edit_param

pytestmark = pytest.mark.browser


def jpeg(colour) -> bytes:
    """Return a small photograph that is not among the samples."""
    image = Image.effect_noise((640, 480), 60).convert("RGB")
    image.paste(colour, (120, 90, 420, 330))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def picture_addresses(page):
    return page.eval_on_selector_all('[class*="st-key-tile-"] img', "all => all.map(i => i.src)")


def test_augment_an_own_photograph(page, app_url, wait_idle, screenshots):
    page.goto(f"{app_url}/augment?lang=en")
    wait_idle(page)
    page.get_by_role("button", name="Add your own").click()
    page.locator('input[type="file"]').first.set_input_files({"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": jpeg((200, 60, 40))})
    page.get_by_role("heading", name="mine.jpg").wait_for()
    wait_idle(page)
    before = picture_addresses(page)
    assert len(before) >= 4
    slider = page.get_by_role("slider").last
    slider.focus()
    for _ in range(12):
        slider.press("ArrowLeft")
    page.wait_for_function(
        "before => { const now = [...document.querySelectorAll('[class*=\"st-key-tile-\"] img')].map(i => i.src); "
        "return now.length >= 4 && now.join() !== before.join(); }",
        arg=before,
    )
    wait_idle(page)
    page.get_by_text("p 0", exact=True).wait_for()  # the card says what its knob says now, not what it said before
    screenshots("augment")


def test_a_bad_upload_is_told_in_a_sentence_and_nothing_is_lost(page, app_url, wait_idle):
    page.goto(f"{app_url}/augment?lang=en")
    wait_idle(page)
    pictures = len(picture_addresses(page))
    page.get_by_role("button", name="Add your own").click()
    page.locator('input[type="file"]').first.set_input_files(
        {"name": "text.jpg", "mimeType": "image/jpeg", "buffer": b"this is no picture\n" * 20}
    )
    alert = page.get_by_role("alert").filter(has_text="text")
    alert.first.wait_for()
    assert "Traceback" not in page.content()
    wait_idle(page)
    assert len(picture_addresses(page)) == pictures


def test_build_alexnet_whose_kernel_cannot_be_dialled_too_large(page, app_url, wait_idle, screenshots):
    page.goto(f"{app_url}/build?lang=en")
    wait_idle(page)
    page.get_by_label("Start from a net").click()
    page.get_by_role("option", name=re.compile("^AlexNet")).first.click()
    page.get_by_text("62,378,344").first.wait_for()
    wait_idle(page)
    assert page.get_by_text("55 × 55 × 96").count() >= 1
    screenshots("build")
    kernel = page.get_by_role("spinbutton", name="Kernel (px)")
    assert kernel.get_attribute("max") == "227"
    kernel.fill("300")
    kernel.press("Enter")
    wait_idle(page)
    assert page.get_by_text("55 × 55 × 96").count() >= 1  # nothing was taken over, nothing is lost
    assert "Traceback" not in page.content()


def test_an_impossible_kernel_from_a_link_is_told_and_mended_by_its_button(page, app_url, wait_idle):
    net = NETS["alexnet"].net
    page.goto(f"{app_url}/build?lang=en&s={codec.to_token(edit_param(net, net.layers[0].id, 'kernel_size', 300))}")
    wait_idle(page)
    refusal = page.get_by_role("alert").filter(has_text="300").first
    refusal.wait_for()
    assert "227" in refusal.inner_text()
    # The thing at fault offers what would fit, and one click mends it.
    page.get_by_role("button", name="Set the kernel to 227").click()
    refusal.wait_for(state="detached")
    wait_idle(page)
    assert page.get_by_text("1 × 1 × 96").count() >= 1
    assert "Traceback" not in page.content()


def test_junk_in_the_link_is_one_sentence(page, app_url, wait_idle):
    page.goto(f"{app_url}/build?lang=en&s=%3Cscript%3Ealert(1)%3C/script%3E")
    wait_idle(page)
    page.get_by_role("alert").filter(has_text="link").first.wait_for()
    assert page.get_by_text("Parameters").count() >= 1


def test_a_link_opens_the_same_draws_in_another_browser(page, browser, app_url, wait_idle):
    from dataclasses import replace

    from vpc2.augment.presets import PIPELINES

    address = f"{app_url}/augment?lang=en&s={codec.to_token(replace(PIPELINES['basic'].pipeline, seed=4242))}"
    page.goto(address)
    wait_idle(page)
    first = [page.request.get(src).body() for src in picture_addresses(page)]
    other = browser.new_context().new_page()
    other.goto(address)
    wait_idle(other)
    second = [other.request.get(src).body() for src in picture_addresses(other)]
    other.context.close()
    assert len(first) >= 4 and first == second
    assert "4242" in page.content()


def test_train_reload_and_judge(page, app_url, wait_idle, screenshots, data_key):
    """Trains on photographs of hands where they are on disk, and on the digits inside the package elsewhere."""
    page.goto(f"{app_url}/train?lang=en")
    wait_idle(page)
    page.get_by_label("Start from a recipe").click()
    page.get_by_role("option", name=re.compile("hands" if data_key == "hands" else "digits", re.IGNORECASE)).first.click()
    wait_idle(page)
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url(re.compile("run=[a-z0-9]{16}"))
    page.get_by_text(re.compile("training pictures")).first.wait_for(timeout=60_000)
    # Another page stays usable while it trains.
    run_address = page.url
    page.goto(f"{app_url}/augment?lang=en")
    wait_idle(page)
    assert len(picture_addresses(page)) >= 4
    # A reload in the middle finds the run again.
    page.goto(run_address)
    wait_idle(page)
    page.get_by_text(re.compile("training pictures")).first.wait_for(timeout=60_000)
    page.get_by_text("Test accuracy", exact=True).wait_for(timeout=120_000)
    wait_idle(page)
    screenshots("train")
    page.get_by_role("link", name="Judge this net").click()
    page.wait_for_url(re.compile("/judge"))
    wait_idle(page)
    page.get_by_role("tab", name="Test set").click()
    page.get_by_role("button", name="Judge the test set").click()
    page.get_by_text("Accuracy with views").wait_for(timeout=120_000)
    wait_idle(page)
    assert page.get_by_text("Pictures fixed").count() >= 1


def test_judge_a_photograph_with_the_net_that_knows_the_world(page, app_url, wait_idle, screenshots):
    page.goto(f"{app_url}/judge?lang=en")
    wait_idle(page)
    page.get_by_text(re.compile("views agree with the merged answer")).first.wait_for(timeout=90_000)
    assert page.get_by_text(re.compile("tabby|Egyptian cat|tiger cat")).count() >= 1
    screenshots("judge")


def test_judge_from_many_sides(page, app_url, wait_idle, screenshots):
    """A view ticked off moves the merged answer; every other part answers in words, and nothing shows a traceback."""
    page.goto(f"{app_url}/judge?lang=en")
    wait_idle(page)
    page.get_by_text("With 8 views").first.wait_for(timeout=90_000)
    page.locator(".stCheckbox", has_text="Mirrored").first.locator("label").first.click()
    page.get_by_text("With 7 views").first.wait_for(timeout=20_000)
    for tab, words in (
        ("Robustness", re.compile("It is .* up to|It stays .* at every strength")),
        ("Look inside", re.compile("A grey square at the worst place costs")),
        ("Attacks", re.compile("Fooled: |It resists: |reached its target")),
        ("Take home", "The same views in plain PyTorch"),
    ):
        page.get_by_role("tab", name=tab).click()
        page.get_by_text(words).first.wait_for(timeout=90_000)
        wait_idle(page)
        screenshots(f"judge-{tab.split()[0].lower()}")
        assert "Traceback" not in page.content()


def test_every_page_speaks_spanish_and_shows_no_traceback(page, app_url, wait_idle):
    for path, word in (
        ("", "Inicio"),
        ("augment", "Sortear de nuevo"),
        ("build", "Parámetros"),
        ("train", "Entrenar"),
        ("judge", "Clasificador"),
    ):
        page.goto(f"{app_url}/{path}?lang=es")
        wait_idle(page)
        page.get_by_text(word).first.wait_for(timeout=60_000)
        assert "Traceback" not in page.content()
        assert page.evaluate("document.documentElement.lang") == "es"


def test_what_was_made_survives_a_reload(page, app_url, wait_idle):
    page.goto(f"{app_url}/build?lang=en")
    wait_idle(page)
    page.get_by_label("Start from a net").click()
    page.get_by_role("option", name=re.compile("^LeNet")).first.click()
    page.get_by_text("61,706").first.wait_for()
    wait_idle(page)
    page.reload()
    wait_idle(page)
    page.get_by_text("61,706").first.wait_for()


def test_a_zip_with_one_folder_a_class_becomes_a_data_set(page, app_url, wait_idle):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, colour in (("red", (200, 40, 40)), ("sea", (30, 90, 180))):
            for i in range(8):
                archive.writestr(f"mine/{name}/{i}.jpg", jpeg(tuple(min(c + 5 * i, 255) for c in colour)))
        archive.writestr("mine/../../escaped/evil.jpg", jpeg((0, 0, 0)))
    page.goto(f"{app_url}/train?lang=en")
    wait_idle(page)
    page.get_by_role("button", name="Add your own pictures").click()
    page.locator('input[type="file"]').first.set_input_files(
        {"name": "mine.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}
    )
    page.get_by_text("16 pictures in 2 classes").first.wait_for(timeout=30_000)
    wait_idle(page)
    assert page.get_by_text("Left out: 1").count() == 1  # the name that climbs out of the folder
    assert page.get_by_role("heading", name="mine").count() == 1
    assert page.get_by_role("button", name="Train", exact=True).is_enabled()
