"""See it, in a real browser: a unit's field moved by keys, products read and checked by torch, maps of the photograph."""

import re

import pytest
import torch

from vpc2 import codec
from vpc2.nets.presets import NETS
from vpc2.nets.spec import make_net

pytestmark = pytest.mark.browser
POOLED = make_net(
    "pooled",
    (3, 24, 24),
    ("Conv2d", {"out_channels": 4, "kernel_size": 3, "padding": 1, "dilation": 2, "stride": 2}),
    ("MaxPool2d", {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("AvgPool2d", {"kernel_size": 2, "stride": 2, "ceil_mode": True}),
)


@pytest.fixture
def opened(page, app_url, wait_idle):
    def open_(net, view=None):
        page.goto(f"{app_url}/build?lang=en&s={codec.to_token(net)}")
        wait_idle(page)
        page.get_by_role("tab", name="See it").click()
        page.get_by_role("heading", name=re.compile("One unit of")).wait_for(timeout=60_000)
        wait_idle(page)
        if view:
            choose_view(page, view)
            wait_idle(page)
        return page

    return open_


def choose_view(page, name):
    page.locator(".st-key-see-view button", has_text=name).click()


def choose_layer(page, name, wait_idle):
    page.get_by_label("Layer", exact=True).click()
    page.keyboard.type(name)  # a long list shows only a part of itself
    page.get_by_role("option", name=re.compile(f"^{name} ")).click()
    wait_idle(page)


def numbers(page, where):
    """Return the numbers of a grid as they are shown; NaN where nothing is."""
    rows = page.locator(f".{where} .row").evaluate_all("rows => rows.map(row => [...row.children].map(cell => cell.textContent))")
    return torch.tensor([[float(text.replace("−", "-")) if text not in ("–", "") else float("nan") for text in row] for row in rows])


def cell(page, where, row, column):
    return page.locator(f'.{where} .cell[data-y="{row}"][data-x="{column}"]')


def lit(page, where):
    return page.locator(f".{where} .cell.lit").evaluate_all("all => all.map(c => [Number(c.dataset.y), Number(c.dataset.x)])")


def spelled(page) -> tuple[float, float]:
    """Return what the products that are written come to for a reader with a calculator, and what is said they come to."""
    left, right = re.split("[=≈]", page.locator(".sum").text_content().replace("−", "-").replace("×", "*").replace(";", ","))
    assert re.fullmatch(r"[-+*/().,\d max]+", left)
    return eval(left, {"__builtins__": {}, "max": max}), float(right)  # noqa: S307 - digits and signs only


def test_the_field_of_another_layer_and_of_the_unit_beside_it(opened, wait_idle, screenshots):
    page = opened(NETS["small"].net)
    choose_layer(page, "conv2", wait_idle)
    page.get_by_role("heading", name=re.compile(r"One unit of conv2 sees 8\s×\s8 of 32\s×\s32 pixels: 6.2\s% of the picture")).wait_for()
    assert page.get_by_text("Unit in row 9 of 16, column 9 of 16.").count() == 1
    assert page.get_by_text("95 % of its gradient").count() == 1
    assert page.locator(".pad img").count() == 2
    assert all(page.locator(".pad img").evaluate_all("all => all.map(i => i.naturalWidth > 0 && i.alt.length > 10)"))
    pad = page.locator(".pad .stage").first
    pad.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("Unit in row 9 of 16, column 10 of 16.").wait_for()
    wait_idle(page)
    box = pad.bounding_box()
    page.mouse.click(box["x"] + 3, box["y"] + 3)
    page.get_by_text(re.compile(r"Unit in row 1 of 16, column 1 of 16\. Its field is 8\s×\s8 pixels; 61\s% of it lies outside")).wait_for()
    wait_idle(page)
    film = page.get_by_role("slider", name="Layer by layer")
    film.focus()
    page.keyboard.press("Home")
    assert page.locator(".pad .caption").first.text_content() == "conv1: 3\u00a0×\u00a03 px"
    screenshots("see-field")


def test_products_are_spelled_out_and_come_to_what_torch_gives(opened, wait_idle, screenshots):
    page = opened(NETS["small"].net, "Close-up")
    page.locator(".output .cell").first.wait_for()
    patch, kernel, out = (numbers(page, where) for where in ("input", "kernel", "output"))
    assert patch.shape == (10, 10) and kernel.tolist() == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    assert torch.equal(torch.conv2d(patch[None, None], kernel[None, None])[0, 0], out)
    for row, column in ((0, 0), (2, 5), (7, 7)):
        cell(page, "output", row, column).hover()
        products, said = spelled(page)
        assert products == said == float(out[row, column])
        assert lit(page, "input") == [[row + a, column + b] for a in range(3) for b in range(3)]
        assert lit(page, "output") == [[row, column]]
    cell(page, "input", 4, 4).hover()
    assert lit(page, "output") == [[row, column] for row in (2, 3, 4) for column in (2, 3, 4)]
    assert "9 of the outputs shown use it" in page.locator(".sum").text_content()
    cell(page, "input", 0, 0).hover()
    assert lit(page, "output") == [[0, 0]]
    screenshots("see-close-up")


def test_the_layers_own_weights_and_bias_come_to_what_the_net_gives(opened, wait_idle):
    page = opened(make_net("", (1, 20, 20), ("Conv2d", {"out_channels": 2, "kernel_size": 2})), "Close-up")
    page.get_by_text("This is all that this value of conv1 is made of.").wait_for()
    patch, kernel, out = (numbers(page, where) for where in ("input", "kernel", "output"))
    cell(page, "output", 1, 2).hover()
    products, said = spelled_with_bias(page)
    assert said == pytest.approx(float(out[1, 2]), abs=0.001) and products == pytest.approx(said, abs=0.05)  # two decimals are shown
    bias = products - float((patch[1:3, 2:4] * kernel).sum())
    assert torch.allclose(torch.conv2d(patch[None, None], kernel[None, None])[0, 0] + bias, out, atol=0.05)
    page.get_by_role("button", name="Other weights").click()
    wait_idle(page)
    assert not torch.equal(numbers(page, "kernel"), kernel)


def spelled_with_bias(page):
    page.locator(".sum").evaluate(
        "sum => { for (const one of sum.querySelectorAll('.zero')) if (/[a-z]/.test(one.textContent)) one.remove(); }"
    )
    return spelled(page)


def test_a_dilated_window_has_gaps_and_pooling_keeps_the_largest_or_the_mean(opened, wait_idle):
    page = opened(POOLED, "Close-up")
    box = page.locator(".pad .stage").first.bounding_box()
    page.mouse.click(box["x"] + 2, box["y"] + 2)
    wait_idle(page)
    patch, kernel, out = (numbers(page, where) for where in ("input", "kernel", "output"))
    assert torch.equal(torch.conv2d(patch[None, None], kernel[None, None], stride=2, dilation=2)[0, 0], out)
    cell(page, "output", 0, 0).hover()
    assert lit(page, "input") == [[a, b] for a in (0, 2, 4) for b in (0, 2, 4)]
    assert cell(page, "input", 0, 3).get_attribute("aria-label") == "Padding: a zero that is no pixel"
    assert spelled(page)[0] == float(out[0, 0])

    choose_layer(page, "pool1", wait_idle)
    patch, out = numbers(page, "input"), numbers(page, "output")
    assert patch[0].isnan().all() and cell(page, "input", 0, 0).get_attribute("aria-label") == "Padding: never the largest"
    wanted = torch.max_pool2d(patch.nan_to_num(nan=-1e9)[None, None], 3, 2)[0, 0]
    assert torch.equal(wanted, out)
    cell(page, "output", 0, 1).hover()
    products, said = spelled(page)
    assert products == said == float(out[0, 1]) and page.locator(".input .winner").count() == 1

    choose_layer(page, "pool2", wait_idle)
    patch, out = numbers(page, "input"), numbers(page, "output")
    cell(page, "output", 1, 1).hover()
    assert spelled(page)[0] == pytest.approx(float(out[1, 1]), abs=0.006)
    assert float(patch[2:4, 2:4].mean()) == pytest.approx(float(out[1, 1]), abs=0.006)


def test_cells_are_walked_by_keyboard_and_the_window_by_itself(opened, wait_idle):
    page = opened(NETS["small"].net, "Close-up")
    page.locator('.output .cell[tabindex="0"]').focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    (at,) = lit(page, "output")
    label = cell(page, "output", *at).get_attribute("aria-label")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.getAttribute('aria-label')") == label
    assert re.match(r"Row \d+, column \d+ of what comes out: [−\d]+\. .*×.* = [−\d]+$", page.locator(".sum ~ .live").text_content())
    page.locator('.input .cell[tabindex="0"]').focus()
    page.keyboard.press("ArrowDown")
    assert lit(page, "input") == [[1, 0]] and "outputs shown" in page.locator(".sum ~ .live").text_content()
    page.get_by_role("button", name="Next").click()
    after = lit(page, "output")
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_function(
        """before => { const find = root => [...root.querySelectorAll('*')].flatMap(e => [e, ...(e.shadowRoot ? find(e.shadowRoot) : [])]);
        const lit = find(document).find(e => e.matches('.output .cell.lit'));
        return lit && [lit.dataset.y, lit.dataset.x].join() !== before; }""",
        arg=",".join(map(str, after[0])),
    )
    page.get_by_role("button", name="Pause").click()
    stopped = lit(page, "output")
    page.wait_for_timeout(1_200)
    assert lit(page, "output") == stopped


def test_who_asks_for_less_motion_walks_step_by_step(opened, page):
    page.emulate_media(reduced_motion="reduce")
    opened(NETS["tiny"].net, "Close-up")
    page.get_by_role("button", name="Next").wait_for()
    assert page.get_by_role("button", name="Play").count() == 0


def test_activations_of_the_photograph_appear_and_a_channel_is_chosen(opened, wait_idle, screenshots):
    page = opened(NETS["small"].net, "Activations")
    page.get_by_role("heading", name=re.compile(r"conv1 makes 24 maps of 32\s×\s32 of the photograph")).wait_for()
    large = page.locator('[data-testid="stImage"] img[alt^="conv1, channel"]')
    assert large.get_attribute("alt").startswith("conv1, channel 1. From ")
    before = page.request.get(large.get_attribute("src")).body()
    pad = page.locator(".pad .stage")
    pad.focus()
    page.keyboard.press("ArrowDown")
    page.locator('img[alt^="conv1, channel 9."]').wait_for()
    wait_idle(page)
    assert page.request.get(large.get_attribute("src")).body() != before
    box = pad.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)
    page.locator('img[alt^="conv1, channel 24."]').wait_for()
    choose_layer(page, "relu1", wait_idle)
    zeros = float(re.search(r"([\d.]+)\s% of its values are exactly zero", page.inner_text("body"))[1])
    assert 5 < zeros < 95
    screenshots("see-activations")
    page.locator('[data-testid="stPills"] button, [data-testid="stButtonGroup"] button', has_text="Rocket").first.click()
    wait_idle(page)
    assert "Traceback" not in page.content()


def test_what_is_too_large_to_look_into_is_one_sentence(opened, wait_idle):
    page = opened(NETS["vgg16"].net, "Activations")
    choose_layer(page, "fc1", wait_idle)
    page.get_by_role("alert").filter(has_text="MB").wait_for()
