"""Arithmetic of the layers, compared with torch's meta device, torchvision's nets, torchinfo's counts and gradients."""

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vpc2 import codec
from vpc2.knobs import Flag, Pair, Whole
from vpc2.nets.export.pytorch_code import to_code
from vpc2.nets.layers import shape_rules
from vpc2.nets.layers.catalog import FAMILIES, LAYERS
from vpc2.nets.layers.shape_rules import ShapeMismatch
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.spec import Net, edit_add, edit_param, make_net
from vpc2.nets.summary.knob_limits import fitting_values
from vpc2.nets.summary.summarise import summarise
from vpc2.nets.summary.trainable import check_trainable, review_saved_net
from vpc2.system.host import LIMITS
from vpc2.text import Refusal

# Torch's own words for kinds that it has under another name: what each is built with for what comes in.
BUILT = {
    "GlobalAvgPool": lambda p, shape: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    "Conv2d": lambda p, shape: nn.Conv2d(shape[0], **{key: value for key, value in p.items() if key != "expects"}),
    "DepthwiseConv2d": lambda p, shape: nn.Conv2d(
        shape[0], shape[0] * p["multiplier"], groups=shape[0], **{key: value for key, value in p.items() if key != "multiplier"}
    ),
    "PointwiseConv2d": lambda p, shape: nn.Conv2d(shape[0], p["out_channels"], 1, bias=p["bias"]),
    "ConvTranspose2d": lambda p, shape: nn.ConvTranspose2d(shape[0], **p),
    "LayerNorm": lambda p, shape: nn.LayerNorm(shape, **p),
    "GroupNorm": lambda p, shape: nn.GroupNorm(num_channels=shape[0], **p),
    "BatchNorm2d": lambda p, shape: (nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d)(shape[0], **p),
    "Linear": lambda p, shape: nn.Linear(shape[0], p["out_features"], p["bias"]),
    "Softmax": lambda p, shape: nn.Softmax(1),
}
PLAIN = [key for key in LAYERS if LAYERS[key].block is None]
MAX_CHANNELS = {
    "out_channels": 24,
    "out_features": 40,
    "kernel_size": 9,
    "stride": 5,
    "padding": 5,
    "dilation": 3,
    "groups": 6,
    "output_size": 9,
    "size": 9,
    "multiplier": 3,
    "output_padding": 3,
    "num_groups": 6,
    "scale_factor": 4,
    "expects": 24,
}


def footprint(modules: nn.Module, shape) -> list[tuple[int, ...]]:
    """Return the shape after every leaf layer of a real module on the meta device."""
    shapes = []
    with torch.device("meta"):
        images = torch.zeros(2, *shape)
        for module in modules:
            images = module(images)
            shapes.append(tuple(images.shape[1:]))
    return shapes


def torch_says(net: Net):
    """Return (shapes, parameters) of the net as torch builds it layer by layer on the meta device; None where torch refuses."""
    shape, shapes, params = net.input, [], 0
    for layer in net.layers:
        entry = LAYERS[layer.kind]
        build = BUILT.get(layer.kind, lambda p, shape, kind=layer.kind: getattr(nn, kind)(**p))
        try:
            if layer.kind == "ConvTranspose2d":  # the meta device does not mind an extra border that is too large: a real one does
                asked = {key: layer.params[key] for key in ("stride", "dilation", "output_padding")}
                nn.ConvTranspose2d(1, 1, 1, **asked)(torch.zeros(1, 1, 2, 2))
            with torch.device("meta"):
                module = build(layer.params, shape).eval()
                out = module(torch.zeros(1 if layer.kind == "GroupNorm" else 2, *shape))
        except (RuntimeError, ValueError, IndexError, NotImplementedError):
            return None
        if 0 in out.shape:
            return None  # nothing left of the image: torch goes on with it, we say so
        if layer.params.get("expects") not in (None, 0, shape[0]):
            return None
        if len(shape) == 1 and (entry.family == "pooling" or layer.kind in ("Upsample", "Dropout2d")):
            return None  # torch would take the batch for a side of one image
        if len(shape) == 3 and layer.kind == "Linear":
            return None  # torch would silently multiply the last side alone; we ask for a Flatten
        shape = tuple(out.shape[1:])
        params += sum(p.numel() for p in module.parameters())
        shapes.append(shape)
    return shapes, params


@pytest.mark.parametrize(
    ("key", "params"),
    [("alexnet", 62_378_344), ("alexnet_torchvision", 61_100_840), ("vgg16", 138_357_544), ("vgg19", 143_667_240), ("lenet5", 61_706)],
)
def test_the_fields_own_numbers(key, params):
    assert summarise(NETS[key].net).params == params


def theirs(name: str) -> nn.Module:
    """Return torchvision's own net on the meta device."""
    more = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        return getattr(torchvision.models, name)(weights=None, **more).eval()


def test_the_lectures_numbers():
    alexnet = summarise(NETS["alexnet"].net)
    assert alexnet.layers[0].output == (96, 55, 55)
    first = alexnet.layers[0].formulas
    assert [formula.text.en for formula in first[:4]] == [
        "floor((227 - 11 + 2*0)/4) + 1 = 55",
        "96 = 96",
        "11*11*3*96 + 96 = 34,944",
        "34944*55*55 = 105,705,600",
    ]
    assert first[2].text.say("es") == "11*11*3*96 + 96 = 34.944"
    assert summarise(NETS["dense_720p"].net).params == 2_764_800_000 + 1000
    one, two = summarise(NETS["one_5x5"].net), summarise(NETS["two_3x3"].net)
    assert (one.params, two.params) == (25, 18)
    assert one.layers[-1].receptive_field == two.layers[-1].receptive_field == 5


@pytest.mark.parametrize(("key", "field", "jump"), [("alexnet_torchvision", 195, 32), ("vgg16", 212, 32)])
def test_the_receptive_field_after_the_last_pooling(key, field, jump):
    last = [facts for facts in summarise(NETS[key].net).layers if facts.kind == "MaxPool2d"][-1]
    assert (last.receptive_field, last.jump) == (field, jump)


@pytest.mark.parametrize(
    "layers",
    [
        [
            ("Conv2d", {"kernel_size": 5, "stride": 2}),
            ("AvgPool2d", {"kernel_size": 3, "stride": 2}),
            ("Conv2d", {"kernel_size": 3, "dilation": 2}),
        ],
        [("Conv2d", {"kernel_size": 3, "padding": 1}), ("AvgPool2d", {}), ("Conv2d", {"kernel_size": 3, "padding": 1}), ("AvgPool2d", {})],
        [("Conv2d", {"kernel_size": 7, "stride": 3}), ("AdaptiveAvgPool2d", {"output_size": 4})],
    ],
)
def test_the_receptive_field_is_the_footprint_of_a_gradient(layers):
    net = make_net("", (1, 61, 61), *((kind, {"out_channels": 1, **params} if kind == "Conv2d" else params) for kind, params in layers))
    module = build_net(net).double()
    for parameter in module.parameters():
        nn.init.constant_(parameter, 0.5)  # positive everywhere, so that nothing cancels
    images = torch.ones(1, 1, 61, 61, dtype=torch.double, requires_grad=True)
    out = module(images)
    sides = []
    for middle in {out.shape[-1] // 2, (out.shape[-1] - 1) // 2}:
        (gradient,) = torch.autograd.grad(out[0, 0, middle, middle], images, retain_graph=True)
        sides.append(int((gradient[0, 0].abs().sum(0) > 0).sum()))
    assert summarise(net).layers[-1].receptive_field == max(sides)


@pytest.mark.parametrize("kind", PLAIN)
def test_a_kind_is_explained_and_its_limits_agree_with_torch(kind):
    entry = LAYERS[kind]
    assert entry.family in FAMILIES and entry.title.say("es") and entry.help.say("es")
    for shape in ((3, 13, 17), (12, 1, 1), (24,)):
        for knob in entry.knobs or (None,):
            for value in knob.extremes() if knob else (None,):
                base = Net(shape if len(shape) == 3 else (3, 2, 4))
                net = base if len(shape) == 3 else edit_add(base, "Flatten")
                net = edit_add(net, kind, {knob.key: value} if knob else {})
                if knob and knob.key in ("out_channels", "out_features") and value > 512:
                    net = edit_param(net, net.layers[-1].id, knob.key, 512)
                agrees(net)


def agrees(net: Net) -> None:
    summary, said = summarise(net), torch_says(net)
    if said is None:
        assert summary.problem is not None
        return
    assert summary.problem is None, summary.problem.text.en
    shapes, params = said
    assert [facts.output for facts in summary.layers] == shapes
    assert summary.params == params
    assert summary.activation_bytes == 4 * sum(shape_rules.value_count(shape) for shape in shapes)


@st.composite
def nets(draw):
    shape = (draw(st.sampled_from([1, 3])), draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    net = Net(shape)
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(PLAIN))
        params = {}
        for knob in LAYERS[kind].knobs:
            if isinstance(knob, Whole | Pair):
                side = st.integers(knob.low, min(knob.high, MAX_CHANNELS.get(knob.key, knob.high)))
                both = st.lists(side, min_size=2, max_size=2)
                params[knob.key] = draw(st.one_of(side, both, st.sampled_from([*knob.words, 1]))) if isinstance(knob, Pair) else draw(side)
            elif isinstance(knob, Flag):
                params[knob.key] = draw(st.booleans())
        net = edit_add(net, kind, params)
    return net


@settings(max_examples=400, deadline=None, derandomize=True)
@given(nets())
def test_random_nets_agree_with_torch_or_both_refuse(net):
    agrees(net)
    assert codec.from_token(codec.to_token(net)).spec == net


@settings(max_examples=150, deadline=None, derandomize=True)
@given(nets())
def test_a_repair_repairs_its_layer(net):
    summary = summarise(net)
    if summary.problem is None:
        return
    broken = next(i for i, facts in enumerate(summary.layers) if facts.problem)
    assert all(facts.output is None for facts in summary.layers[broken:])
    for repair in summary.layers[broken].problem.repairs:
        after = summarise(repair.apply(net))
        reached = sum(facts.output is not None for facts in after.layers)
        is_other = after.problem is not None and after.problem.text != summary.problem.text  # one fault at a time
        assert after.problem is None or reached > broken or len(after.layers) < len(summary.layers) or is_other


@pytest.mark.parametrize("key", [key for key in NETS if key not in ("dense_720p", "alexnet") and not NETS[key].torchvision])
def test_code_tells_the_truth(key, capsys):
    script = {}
    exec(compile(to_code(NETS[key].net), f"{key}.py", "exec"), script)  # our own text, in a test
    ours = build_net(NETS[key].net)
    assert [tuple(v.shape) for v in script["net"].state_dict().values()] == [tuple(v.shape) for v in ours.state_dict().values()]
    assert capsys.readouterr().out.strip() == f"torch.Size({[1, *summarise(NETS[key].net).output]})"


def test_code_of_the_large_nets_has_torchvisions_shapes():
    for key in ("vgg19", "alexnet_torchvision", "resnet18", "resnet50", "googlenet", "squeezenet1_1", "mobilenet_v2"):
        script = {}
        with torch.device("meta"):
            exec(compile(to_code(NETS[key].net).rpartition("print(")[0], f"{key}.py", "exec"), script)  # our own text, in a test
        model = theirs(NETS[key].torchvision)
        assert [tuple(v.shape) for v in script["net"].state_dict().values()] == [tuple(v.shape) for v in model.state_dict().values()]


def test_an_impossible_kernel_says_why_and_what_would_fit():
    net = edit_param(NETS["alexnet"].net, "l1", "kernel_size", 300)
    facts = summarise(net).layers
    assert "300" in facts[0].problem.text.en and "227" in facts[0].problem.text.en
    assert [repair.title.en for repair in facts[0].problem.repairs] == [
        "Set the kernel to 227",
        "Set the padding to 37",
        "Remove this layer",
    ]
    assert all(one.output is None for one in facts)
    later = summarise(edit_param(NETS["alexnet"].net, "l5", "kernel_size", 300))
    assert later.layers[3].output == (96, 27, 27) and later.layers[4].output is None


def test_a_dense_layer_on_a_picture_offers_flatten():
    net = make_net("", (3, 8, 8), ("Linear", {"out_features": 4}))
    (repair,) = summarise(net).layers[0].problem.repairs
    assert summarise(repair.apply(net)).output == (4,)


def test_reachable_spans_are_tight():
    params = {**LAYERS["Conv2d"].defaults(), "kernel_size": 3, "padding": 1}
    (kernels,) = fitting_values("Conv2d", params, (3, 20, 30))["kernel_size"]
    high = kernels[-1]
    assert (kernels[0], high) == (1, 22)
    shape_rules.convolution_shape({**params, "kernel_size": high}, (3, 20, 30))
    with pytest.raises(ShapeMismatch):
        shape_rules.convolution_shape({**params, "kernel_size": high + 1}, (3, 20, 30))


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([("Conv2d", {})], "ends in a picture"),
        (["GlobalAvgPool", ("Linear", {"out_features": 7})], "7"),
        (["GlobalAvgPool", ("Linear", {"out_features": 1})], "single number"),
        (["Flatten", ("Linear", {"out_features": 65536}), ("Linear", {"out_features": 10})], "parameters"),
        ([("Conv2d", {"out_channels": 512, "padding": 1}), "GlobalAvgPool", ("Linear", {"out_features": 10})], "MB"),
    ],
)
def test_what_cannot_be_trained_is_said_before(layers, words):
    side = 128 if words == "MB" else 32
    problem = check_trainable(make_net("", (3, side, side), *layers), 10)
    assert words in problem.text.en
    for repair in problem.repairs:
        assert check_trainable(repair.apply(make_net("", (3, side, side), *layers)), 10) is None


def test_absurd_sizes_are_counted_and_refused_before_they_are_built():
    net = make_net("", (3, 2048, 2048), "Flatten", ("Linear", {"out_features": 65536}))
    assert summarise(net).params == 3 * 2048 * 2048 * 65536 + 65536
    assert check_trainable(net, 65536).text.en.count(f"{LIMITS.trainable_params:,}") == 1
    with pytest.raises(Refusal):
        build_net(net)


def test_a_review_notes_what_works_badly():
    net = make_net("", (3, 32, 32), "GlobalAvgPool", "BatchNorm2d", ("Dropout", {"p": 1.0}), ("Linear", {"out_features": 10}), "Softmax")
    problem, notes = review_saved_net(net)
    assert problem is None
    assert [note.en.split(":")[0] for note in notes] == ["bn1", "drop1", "softmax1"]
