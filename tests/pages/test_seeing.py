"""Build page, tab See it, on all kinds of nets with AppTest: every view is drawn, or a message says why not."""

import pytest

from tests.pages.test_pages import open_app, said
from vpc2 import codec
from vpc2.nets.presets import NETS
from vpc2.nets.spec import edit_param, make_net

CONV = ("Conv2d", {"out_channels": 8, "kernel_size": 3, "padding": 1})
BLOCKS = make_net(
    "blocks",
    (1, 30, 20),
    CONV,
    ("Residual", {}, [[CONV, ("BatchNorm2d", {})]]),
    ("Parallel", {}, [[CONV], [("MaxPool2d", {"kernel_size": 3, "stride": 1, "padding": 1})]]),
    ("SqueezeExcite", {}),
    ("Repeat", {"times": 2}, [[CONV]]),
    "Flatten",
    ("Linear", {"out_features": 70}),
)
BROKEN = edit_param(NETS["small"].net, NETS["small"].net.layers[0].id, "kernel_size", 300)
VIEWS = ("field", "closely", "maps")


def see(net, view, selected=None, lang="en"):
    at = open_app("build", lang, s=codec.to_token(net))
    at.session_state["build/tabs"] = {"en": "See it", "es": "Ver por dentro"}[lang]
    at.session_state["see/view"] = view
    if selected:
        at.session_state["net/selected"] = selected
    at.run()
    assert not at.exception, at.exception[0].stack_trace
    return at


def layer_box(at):
    return next(box for box in at.selectbox if box.label in ("Layer", "Capa"))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("lang", ["en", "es"])
def test_every_view_draws_a_preset_without_a_word_of_complaint(view, lang):
    at = see(NETS["small"].net, view, lang=lang)
    assert not at.error and len(at.get("bidi_component")) >= 2


@pytest.mark.parametrize("view", VIEWS)
def test_every_layer_inside_a_block_can_be_looked_at(view):
    at = see(BLOCKS, view)
    for i in range(len(layer_box(at).options)):
        layer_box(at).select_index(i).run()
        assert not at.exception and not at.error, (layer_box(at).options[i], at.error)


@pytest.mark.parametrize("view", VIEWS)
def test_a_net_that_does_not_fit_is_told_in_words(view):
    at = see(BROKEN, view)
    assert "No layer of this net can be shown this way yet" in said(at)


def test_the_layer_chosen_on_the_page_is_looked_at_or_the_nearest_before_it():
    net = NETS["small"].net
    assert layer_box(see(net, "field", net.layers[4].id)).value == net.layers[4].id
    assert layer_box(see(net, "closely", net.layers[5].id)).value == net.layers[4].id  # BatchNorm2d has no window: the convolution before


def test_a_dense_layer_says_that_it_sees_all():
    net = NETS["lenet5"].net
    dense = next(layer.id for layer in net.layers if layer.kind == "Linear")
    at = see(net, "field", dense)
    assert "A dense layer looks at everything" in said(at) and "sees all 32" in said(at).replace("\u00a0", " ")


@pytest.mark.parametrize("view", VIEWS)
def test_a_layer_with_an_enormous_input_is_told_in_one_sentence(view):
    up = ("Upsample", {"scale_factor": 16})
    net = make_net("huge", (3, 512, 512), up, up, ("Conv2d", {"out_channels": 1, "kernel_size": 3}))
    at = see(net, view, net.layers[2].id)
    assert len(at.error) == 1 and ("too large" in at.error[0].value or "MB" in at.error[0].value)
