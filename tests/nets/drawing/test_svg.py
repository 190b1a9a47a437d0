"""The drawing of a net: to scale, without overlaps, and with the same solids in the file as on the canvas."""

import math
from xml.etree import ElementTree

import pytest

from vpc2.nets.drawing.svg import to_svg
from vpc2.nets.drawing.volumes import Solid, lay_out_net
from vpc2.nets.layers.branch_rules import shape_text
from vpc2.nets.presets import NETS
from vpc2.nets.spec import edit_add, make_net
from vpc2.nets.summary.summarise import summarise

CONV = ("Conv2d", {"out_channels": 16, "kernel_size": 3, "padding": 1})


def blocks_net():
    net = make_net("blocks", (3, 64, 64), ("Conv2d", {"out_channels": 32, "kernel_size": 3, "padding": 1}), "ReLU")
    for kind in ("Parallel", "Residual", "SqueezeExcite", "Repeat"):
        net = edit_add(net, kind, {"times": 3} if kind == "Repeat" else None, channels=32)
    inner = ("Residual", {}, [[CONV, ("Parallel", {}, [[CONV], ["ReLU", CONV], []])]])
    return edit_add(make_net("nested", net.input, CONV, ("Repeat", {"times": 2}, [[CONV, inner]]), "Flatten"), "Linear"), net


PICTURES = {key: (preset.net, ()) for key, preset in NETS.items()}
PICTURES["nested"] = (blocks_net()[0], tuple(layer.id for layer in blocks_net()[0].walk()))
PICTURES["blocks"] = (blocks_net()[1], tuple(layer.id for layer in blocks_net()[1].walk()))
PICTURES["closed"] = (blocks_net()[1], ())
PICTURES["misfit"] = (
    make_net("m", (3, 16, 16), CONV, ("Conv2d", {"kernel_size": 40}), ("Parallel", {}, [[], ["ReLU"]]), "Flatten"),
    ("l3",),
)


@pytest.fixture(params=PICTURES)
def laid_out(request):
    net, opened = PICTURES[request.param]
    summary = summarise(net)
    return net, opened, summary, lay_out_net(summary, net.input, opened)


def overlap(a, b) -> bool:
    return min(a[2], b[2]) - max(a[0], b[0]) > 0.01 and min(a[3], b[3]) - max(a[1], b[1]) > 0.01


def front(solid: Solid):
    return solid.x, solid.y, solid.x + solid.width, solid.y + solid.height


def test_every_layer_that_is_not_hidden_in_a_closed_block_is_drawn_once(laid_out):
    net, opened, _summary, layout = laid_out

    def shown(layers):
        for layer in layers:
            yield layer.id
            for branch in layer.branches if layer.id in opened else ():
                yield from shown(branch)

    drawn = [solid.id for solid in layout.solids if solid.role in ("layer", "block", "frame") and not solid.is_fixed]
    assert drawn == list(shown(net.layers))


def test_heights_and_depths_are_to_scale(laid_out):
    """Proportional to the root of each side, with one scale for the whole drawing, the input included."""
    net, _opened, summary, layout = laid_out
    first = next(solid for solid in layout.solids if solid.role == "input")
    by_id = {facts.id: facts for facts in summary.walk()}
    compared = 0
    for solid in layout.solids:
        facts = by_id.get(solid.id)
        if facts is None or facts.output is None or len(facts.output) != 3 or solid.role == "frame":
            continue
        compared += 1
        for drawn, whole, side, most in (
            (solid.height, first.height, facts.output[1], net.input[1]),
            (solid.depth / 0.32, first.depth / 0.32, facts.output[2], net.input[2]),
        ):
            assert drawn == pytest.approx(max(6.0, whole * math.sqrt(side / most)), rel=1e-6)
    assert compared or not any(facts.output and len(facts.output) == 3 for facts in summary.layers)


def test_more_channels_are_drawn_wider():
    widths = []
    for channels in (1, 4, 16, 64, 512):
        net = make_net("n", (3, 8, 8), ("Conv2d", {"out_channels": channels, "kernel_size": 1}))
        widths.append(lay_out_net(summarise(net), net.input).solids[1].width)
    steps = [after - before for before, after in zip(widths, widths[1:], strict=False)]
    assert all(step > 5 for step in steps)
    assert max(steps) < 20


def test_no_two_volumes_stand_on_one_another(laid_out):
    """Fronts never overlap; whole volumes only where a thin slab is drawn behind the one before it."""
    *_rest, layout = laid_out
    volumes = [solid for solid in layout.solids if solid.role != "frame"]
    for i, one in enumerate(volumes):
        for other in volumes[i + 1 :]:
            assert not overlap(front(one), front(other)), (one.id, other.id)
            if not other.is_slab:
                assert not overlap(one.box, other.box), (one.id, other.id)


def test_no_words_stand_on_other_words(laid_out):
    *_rest, layout = laid_out
    words = []
    for solid in layout.solids:
        if solid.role in ("frame", "slot") or solid.is_slab:
            continue
        for said, low, high in (
            (solid.name.en, solid.box[1] - 20, solid.box[1] - 7),
            *((line.en, solid.box[3] + 4, solid.box[3] + 14) for line in solid.lines[:1]),
        ):
            half = 6.1 * len(said) / 2  # what 11 px of system-ui take at most for digits and small letters
            words.append((solid.centre - half, low, solid.centre + half, high))
    assert not [(a, b) for i, a in enumerate(words) for b in words[i + 1 :] if overlap(a, b)]


def test_a_frame_holds_its_layers_and_all_fits_on_the_page(laid_out):
    *_rest, layout = laid_out
    frames = {solid.id: solid for solid in layout.solids if solid.role == "frame"}
    for solid in layout.solids:
        left, top, right, bottom = solid.box
        assert left >= 0 and top >= 0 and right <= layout.width and bottom <= layout.height
        if solid.parent:
            frame = frames[solid.parent]
            assert frame.x < left and frame.y + 20 < top and right < frame.x + frame.width and bottom < frame.y + frame.height
    for wire in layout.wires:
        assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in wire.corners)


def test_there_is_a_gap_before_each_layer_and_at_each_end(laid_out):
    net, opened, _summary, layout = laid_out
    places = [(slot.place.inside, slot.place.branch, slot.place.at) for slot in layout.insert_slots]
    lanes = [("", 0, net.layers)]
    lanes += [(layer.id, i, branch) for layer in net.walk() if layer.id in opened for i, branch in enumerate(layer.branches)]
    assert sorted(places) == sorted((inside, branch, at) for inside, branch, layers in lanes for at in range(len(layers) + 1))
    where = {solid.id: solid for solid in layout.solids}
    for slot in layout.insert_slots:
        siblings = net.siblings(slot.place)
        if slot.place.at < len(siblings):
            assert slot.x < where[siblings[slot.place.at].id].x
        if slot.place.at and siblings:
            assert slot.x > where[siblings[slot.place.at - 1].id].x + where[siblings[slot.place.at - 1].id].width - 0.01


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_svg_is_whole_and_titles_every_solid(laid_out, language):
    net, opened, summary, layout = laid_out
    root = ElementTree.fromstring(to_svg(summary, net.input, opened, language=language))
    titles = [node.text for node in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == len(layout.solids)
    names = {title.split(":")[0] for title in titles}
    assert {solid.name.say(language) for solid in layout.solids} == names


def test_a_layer_that_does_not_fit_is_marked_and_what_follows_are_ghosts():
    net, opened = PICTURES["misfit"]
    layout = lay_out_net(summarise(net), net.input, opened)
    by_id = {solid.id: solid for solid in layout.solids}
    assert [layer_id for layer_id, solid in by_id.items() if solid.is_problem] == ["l2"]
    assert [layer_id for layer_id, solid in by_id.items() if solid.is_ghost] == ["l3", "l4", "l5"]
    assert "does not fit" in to_svg(summarise(net), net.input) and "no encaja" in to_svg(summarise(net), net.input, language="es")
    # A closed block with something that does not fit inside is marked itself.
    inside = make_net("i", (3, 8, 8), ("Residual", {}, [[("Conv2d", {"kernel_size": 40})]]))
    assert lay_out_net(summarise(inside), inside.input).solids[1].is_problem


def test_the_picture_of_the_lecture():
    """AlexNet's first layer: 227 becomes 55, and the shape below it is written as in the lecture."""
    net = NETS["alexnet"].net
    conv = lay_out_net(summarise(net), net.input).solids[1]
    assert " ".join(line.en for line in conv.lines) == shape_text((96, 55, 55)) == "55 × 55 × 96"


@pytest.mark.parametrize(("height", "width"), [(16, 64), (64, 16), (36, 36)])
def test_a_wide_picture_is_deep_and_a_high_one_is_high(height, width):
    """The front shows the height, what goes back the width: each by the root of its side, the input as any other."""
    net = make_net("n", (3, height, width), ("Conv2d", {"out_channels": 4, "kernel_size": 3, "padding": 1}))
    for solid in lay_out_net(summarise(net), net.input).solids[:2]:
        assert solid.height / (solid.depth / 0.32) == pytest.approx(math.sqrt(height / width), rel=1e-6)
