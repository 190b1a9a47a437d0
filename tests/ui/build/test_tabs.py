"""Every tab of Build: what it says of a net is what torch finds in the module itself."""

import base64
import csv
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from tests.ui.pages import checked, figures, open_page, sent, slot, tables, tray, values, words
from vpc2 import codec
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.spec import edit_param, make_net

NET = make_net(
    "n",
    (3, 20, 28),
    ("Conv2d", {"out_channels": 5, "kernel_size": 3, "padding": 1}),
    "ReLU",
    ("MaxPool2d", {"kernel_size": 2}),
    ("Conv2d", {"out_channels": 7, "kernel_size": 5, "stride": 2}),
    "Flatten",
    ("Linear", {"out_features": 4}),
)
LAYERS = [layer.id for layer in NET.layers]
PHOTO = np.random.default_rng(2).integers(0, 256, (20, 28, 3)).astype(np.uint8)


def build(tab, net=NET, **session):
    return open_page("build", build__tabs=tab, slot__net=slot(net), **tray(PHOTO), **session)


@pytest.fixture(scope="module")
def shapes():
    """What torch makes of one picture, layer by layer, and each layer's number of parameters."""
    found, images = [], torch.zeros(1, *NET.input)
    for module in build_net(NET).eval():
        images = module(images)
        found.append((tuple(images.shape[1:]), sum(one.numel() for one in module.parameters())))
    return found


def number_of(cell):
    return int(str(cell).replace(",", ""))


def test_the_table_of_layers_is_torchs(shapes):
    table = tables(build("All layers"))[0]
    rows = table.to_dict("list")
    assert [number_of(one) for one in rows["Parameters"]] == [*(params for _shape, params in shapes), sum(p for _s, p in shapes)]
    for said, (shape, _params) in zip(rows["Output"], shapes, strict=False):
        given = [int(one) for one in re.findall(r"\d+", said.replace(",", ""))]
        assert given == ([*shape[1:], shape[0]] if len(shape) == 3 else [shape[0]])


def test_the_chart_of_parameters_has_a_bar_for_each_layer_that_has_some(shapes):
    at = build("Where the parameters are")
    bar = figures(at)[0]["data"][0]
    own = [params for _shape, params in shapes if params]
    assert values(bar["x"]).tolist() == own
    assert f"holds {100 * max(own) / sum(own):.0f} % of all parameters" in words(at)


def reach(layer, unit):
    """Return which input pixels move a unit of a layer, by the gradient of a net whose weights are all one: top, left, bottom, right."""
    images = torch.ones(1, *NET.input, requires_grad=True)
    out = images
    for module in list(build_net(NET))[: layer + 1]:
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.ones_(module.weight)
            torch.nn.init.zeros_(module.bias)
        out = torch.nn.functional.avg_pool2d(out, 2) if isinstance(module, torch.nn.MaxPool2d) else module(out)
    out[0, 0, unit[0], unit[1]].backward()
    rows, columns = images.grad[0].abs().sum(0).nonzero().T
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


@pytest.mark.parametrize("layer", [2, 3])
def test_the_field_of_a_unit_is_where_its_gradient_is(layer):
    at = build("See it", see__view="field", net__selected=LAYERS[layer])
    row, column = (int(one) - 1 for one in re.search(r"row (\d+) of \d+, column (\d+)", words(at)).groups())
    top, left, bottom, right = reach(layer, (row, column))
    said = re.search(r"sees (\d+) × (\d+) of 20 × 28 pixels|sees (\d+) × (\d+)", words(at))
    assert said and tuple(map(int, filter(None, said.groups()))) in ((bottom - top, right - left),), words(at)[:300]
    box = sent(at, "see/field")[0]["rectangles"][-1]["box"]
    assert box == pytest.approx([left / 28, top / 20, right / 28, bottom / 20], abs=1e-6)


def test_a_step_of_the_arrow_keys_goes_one_unit_on():
    from vpc2.nets.summary.summarise import summarise
    from vpc2.ui.build import unit_selection

    facts, session = summarise(NET).find(LAYERS[3]), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unit_selection.st, "session_state", session)
        move, before = unit_selection.select_unit(NET, facts), unit_selection.chosen_unit(NET, facts)
        for step, wanted in (((0, 1), (0, 1)), ((1, 0), (1, 0)), ((-1, 0), (-1, 0)), ((0, -1), (0, -1))):
            before = unit_selection.chosen_unit(NET, facts)
            move("step", step)
            after = unit_selection.chosen_unit(NET, facts)
            limits = facts.output[1], facts.output[2]
            inside = tuple(min(max(b + w, 0), limit - 1) for b, w, limit in zip(before, wanted, limits, strict=True))
            assert after == inside
        for _ in range(30):
            move("step", (-1, -1))
        assert unit_selection.chosen_unit(NET, facts) == (0, 0)


def test_the_products_under_one_window_sum_to_what_torch_gives():
    at = build("See it", see__view="closely", net__selected=LAYERS[3])
    data = sent(at, "see/closely/numbers")[0]
    kernel, outputs = np.array(data["kernel"], float), np.array(data["outputs"], float)
    cells = np.array([[0.0 if cell is None else cell for cell in row] for row in data["cells"]])
    size, stride = kernel.shape[0], data["stride"][0]
    given = torch.from_numpy(cells)[None, None]
    wanted = torch.nn.functional.conv2d(given, torch.from_numpy(kernel)[None, None], stride=stride)[0, 0].numpy() / data["divisor"]
    assert size == 5 and stride == 2 and wanted.shape == outputs.shape
    np.testing.assert_allclose(outputs, wanted + data["bias"], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("place", [(0.5, 0.9), (0.9, 0.2)])
def test_the_frame_on_what_comes_in_is_around_the_numbers_beside_it(place):
    at = build("See it", see__view="closely", net__selected=LAYERS[3], see__place=place)
    [data], [plane] = sent(at, "see/closely/numbers"), sent(at, "see/closely/in")
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(plane["image"].partition(",")[2]))).convert("L")).astype(float)
    height, width = shown.shape
    x0, y0, x1, y1 = np.array(plane["rectangles"][0]["box"]) * (width, height, width, height)
    low, high = data["range_in"]
    cells = np.array(data["cells"], float)
    framed = shown[round(y0) : round(y1), round(x0) : round(x1)]
    assert (height, width) == (10, 14) and framed.shape == cells.shape
    assert np.abs(framed - 255 * (cells - low) / (high - low)).max() <= 0.51
    assert [round(y0) + 1, round(x0) + 1] == data["origin"]


def test_activations_are_what_torch_gives_with_the_same_weights(media):
    from vpc2.rng import drawing, seed_of

    at = build("See it", see__view="maps", net__selected=LAYERS[1])
    with drawing(seed_of("looking", 0)):
        module = build_net(NET).eval()
    with torch.no_grad():
        out = module[:2](torch.from_numpy(PHOTO).permute(2, 0, 1)[None].float() / 255)[0]
    low, high, mean, zeros = re.search(r"From (\S+) \(black\) to (\S+) \(white\), mean (\S+); (\S+) % are zero", words(at)).groups()
    wanted = [float(one) for one in (out[0].min(), out[0].max(), out[0].mean())]
    assert [float(low), float(high), float(mean)] == pytest.approx(wanted, rel=6e-3)
    assert float(zeros) == pytest.approx(100 * float((out[0] == 0).float().mean()), abs=0.6)
    assert "makes 5 maps of 20 × 28" in words(at)
    told = float(re.search(r"(\S+) % of its values are exactly zero", words(at))[1])
    assert told == pytest.approx(100 * float((out == 0).float().mean()), abs=0.6)
    large = media.pictures(at)[-1][1][..., 0].astype(float)
    times = large.shape[0] // 20
    wanted = (out[0] - out[0].min()) / (out[0].max() - out[0].min()) * 255
    assert np.abs(large[times // 2 :: times, times // 2 :: times] - wanted.numpy()).max() <= 1


def test_two_nets_are_compared_by_the_numbers_of_torch():
    at = build("Compare", compare__pair="mine", compare__other="lenet5")
    mine, other = (sum(one.numel() for one in build_net(net).parameters()) for net in (NET, NETS["lenet5"].net))
    totals = next(table for table in tables(at) if "A" in table and "Parameters" in list(table.iloc[:, 0]))
    row = totals[totals.iloc[:, 0] == "Parameters"].iloc[0]
    assert (number_of(row["A"]), number_of(row["B"])) == (mine, other)
    sign = "+" if other > mine else "−"
    assert row["B against A"].startswith(f"{sign}{abs(other - mine):,}")
    left, right = figures(at)[0]["data"][:2]
    assert (values(left["x"]).sum(), values(right["x"]).sum()) == (mine, other)


def test_a_click_on_the_sheet_of_maps_takes_the_map_that_lies_there(monkeypatch):
    """Of twelve maps one is white: where numpy finds it on the sheet, a click chooses it, and so does an arrow key beside it."""
    from vpc2.nets.inspection.activations import to_feature_maps
    from vpc2.ui.build import activations

    given, session = {}, {}
    monkeypatch.setattr(activations, "point_picker", lambda image, boxes, **more: given.update(more, image=image, boxes=boxes))
    monkeypatch.setattr(activations.st, "session_state", session)
    for white in (0, 3, 7, 8, 11):
        output = torch.zeros(12, 6, 9)
        output[white] = 1
        activations._draw_sheet(to_feature_maps(output, together=True), white, "", "")
        sheet = np.asarray(Image.open(io.BytesIO(given["image"])).convert("L"))
        rows, columns = np.nonzero(sheet == 255)
        y, x = rows.mean() / sheet.shape[0], columns.mean() / sheet.shape[1]
        x0, y0, x1, y1 = given["boxes"][0]["box"]
        assert x0 < x < x1 and y0 < y < y1
        session["see/channel"] = 5
        given["on_event"]("place", (y, x))
        assert session["see/channel"] == white
    session["see/channel"] = 2
    given["on_event"]("step", (1, 0))
    assert session["see/channel"] == 10
    given["on_event"]("step", (0, -1))
    assert session["see/channel"] == 9


@pytest.mark.parametrize("units", [3, 5])
def test_how_many_per_cent_more_or_less_is_counted_from_net_a(units):
    other = edit_param(NET, LAYERS[-1], "out_features", units)
    at = build("Compare", compare__pair="mine", compare__other="kept", compare__kept=codec.to_document(other))
    mine, kept = (sum(one.numel() for one in build_net(net).parameters()) for net in (NET, other))
    totals = next(table for table in tables(at) if "A" in table and "Parameters" in list(table.iloc[:, 0]))
    said = totals[totals.iloc[:, 0] == "Parameters"].iloc[0]["B against A"]
    share, direction = re.search(r"· (\S+) % (more|less)", said).groups()
    assert direction == ("more" if kept > mine else "less")
    assert float(share) == float(f"{100 * abs(kept - mine) / mine:.2g}"), said


def test_what_is_brought_in_has_the_parameters_that_torch_counts():
    at = build("Bring in")
    layers = "nn.Conv2d(3, 6, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 9 * 9, 5)"
    code = f"net = nn.Sequential({layers})\nx = torch.zeros(1, 3, 20, 20)"
    scope = {"nn": torch.nn, "torch": torch}
    exec(code, scope)
    at.text_area(key="bring/code").set_value(code).run()
    checked(at.button(key="bring/read").click().run())
    assert at.metric[0].value == f"{sum(one.numel() for one in scope['net'].parameters()):,}"


def test_the_code_that_is_taken_home_makes_the_same_shapes(media, shapes):
    at = build("Take home")
    [code] = [one.value for one in at.code if "import torch" in one.value]
    scope = {"__name__": "net"}
    exec(code, scope)
    nets = [one for one in scope.values() if isinstance(one, torch.nn.Module)]
    made = nets[0] if nets else next(one for one in scope.values() if isinstance(one, type) and issubclass(one, torch.nn.Module))()
    assert tuple(made.eval()(torch.zeros(1, *NET.input)).shape[1:]) == shapes[-1][0]
    rows = list(csv.DictReader(io.StringIO(media.written["net.csv"]())))
    assert [int(row["parameters"]) for row in rows][: len(shapes)] == [params for _shape, params in shapes]
    assert set(media.written) >= {"net.py", "net.onnx", "net.csv", "net.png", "net.svg", "net.json"}


def test_the_inspector_tells_the_arithmetic_of_the_chosen_layer(shapes):
    for i in (0, 2, 5):
        layer = LAYERS[i]
        text = words(build("All layers", net__selected=layer), "markdown").replace("{,}", ",")
        results = [int(one.replace(",", "")) for one in re.findall(r"mathbf{([\d,]+)}", text)]
        shape, params = shapes[i]
        assert not params or params in results, (layer, results)
        assert len(shape) == 1 or NET.layers[i].kind == "ReLU" or set(shape[1:]) <= set(results), (layer, results)
