"""Home page: the topics of lecture 1 as a table of cards (page and example that a card opens), and the picture at the top of the page."""

from __future__ import annotations

import base64
import functools
import html
from dataclasses import dataclass
from typing import Any

import streamlit as st

from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.bundled_files import resource
from vpc2.catalog import Catalog, Entry
from vpc2.nets.presets import NETS
from vpc2.text import Text
from vpc2.training.presets import RECIPES
from vpc2.ui.server import preload
from vpc2.ui.session.i18n import _
from vpc2.ui.widgets import page_frame

HERO, HERO_DRAWS, HERO_PX = "chelsea", 5, 256


@dataclass(frozen=True, kw_only=True)
class LectureCard(Entry):
    """A topic of the lecture and the page that shows it.

    `example` is a key of the page's table of presets (`_EXAMPLES`), "" where the page opens without one. `pair` is the key of the
    comparison of two nets that Build opens as well.
    """

    page: str
    example: str = ""
    pair: str = ""


@dataclass(frozen=True, kw_only=True)
class StartButton(LectureCard):
    """A button to begin with, with an icon of its own."""

    icon: str
    help: Text = Text("")


def _card(key: str, page: str, title: Text, help_text: Text, example: str = "", *, pair: str = "") -> LectureCard:
    return LectureCard(key=key, page=page, title=title, help=help_text, example=example, pair=pair)


_EXAMPLES: dict[str, tuple[Catalog[Any], str]] = {"augment": (PIPELINES, "pipeline"), "build": (NETS, "net"), "train": (RECIPES, "recipe")}

FIRST: Catalog[StartButton] = Catalog(
    Text("start"),
    StartButton(
        key="first-augment",
        page="augment",
        title=Text("Augment a photograph"),
        example="basic",
        icon=":material/auto_fix_high:",
    ),
    StartButton(
        key="first-build",
        page="build",
        title=Text("Open AlexNet"),
        example="alexnet",
        icon=":material/deployed_code:",
    ),
    StartButton(
        key="first-train",
        page="train",
        title=Text("Train in seconds"),
        example="digits",
        icon=":material/model_training:",
    ),
)

CARDS: Catalog[LectureCard] = Catalog(
    Text("card"),
    _card(
        "tasks",
        "judge",
        Text("Tasks of vision: classification"),
        Text("Ask a net that knows a thousand classes what is in your own photograph."),
    ),
    _card(
        "dense",
        "build",
        Text("Why convolution?"),
        Text("A dense layer of 1,000 units on 1280 × 720 × 3 costs 2,764.8 million weights."),
        "dense_720p",
        pair="dense-convolution",
    ),
    _card(
        "alexnet",
        "build",
        Text("AlexNet, layer by layer"),
        Text("Formulas of convolution and pooling with AlexNet's own numbers: 227 gives 55."),
        "alexnet",
    ),
    _card(
        "vgg",
        "build",
        Text("VGG: only 3 × 3"),
        Text("Sixteen layers with weights, and where their 138 million parameters are."),
        "vgg16",
        pair="vggs",
    ),
    _card(
        "field",
        "build",
        Text("Receptive field"),
        Text("Two 3 × 3 see what one 5 × 5 sees: 18 weights against 25."),
        "two_3x3",
        pair="5x5-3x3",
    ),
    _card(
        "translation",
        "train",
        Text("Translation: an 8, then no idea"),
        Text("Dense layers alone, trained in seconds: shift the digit on Judge, beside a convolutional net."),
        "digits-dense",
    ),
    _card(
        "basic",
        "augment",
        Text("Augmentation: basic"),
        Text("Flips, rotations, crops: the same cat, new pixels."),
        "basic",
    ),
    _card(
        "colour",
        "augment",
        Text("Augmentation: colour"),
        Text("Brightness, contrast, hue: another hour of the day."),
        "colour",
    ),
    _card(
        "bad",
        "augment",
        Text("Bad examples"),
        Text("A change that changes the label: the 6 that becomes a 9."),
        "bad_examples",
    ),
    _card(
        "hands",
        "train",
        Text("Exercise: the hands data set"),
        Text("Train on photographs of hands, without and with augmentation."),
        "hands-augmented",
    ),
    _card(
        "tta",
        "judge",
        Text("Augmentation at test time"),
        Text("One photograph, several views, one merged answer, and its price in milliseconds."),
    ),
)


@functools.cache
def _token(page: str, example: str) -> str:
    table, attribute = _EXAMPLES[page]
    return codec.to_token(getattr(table[example], attribute))


def link_parameters(card: LectureCard) -> dict[str, str]:
    """Return the query parameters of the link that opens a card's example."""
    parameters = {"s": _token(card.page, card.example)} if card.example else {}
    return {**parameters, "pair": card.pair} if card.pair else parameters


def example_tokens() -> frozenset[str]:
    """Return the link tokens of all cards' examples: opening one of these shows no notice about an opened link."""
    return frozenset(_token(card.page, card.example) for card in (*FIRST.values(), *CARDS.values()) if card.example)


def open_card(card: LectureCard) -> None:
    """Switch to a card's page with its example open."""
    st.switch_page(page_frame.script_path(card.page), query_params=link_parameters(card))


def show_hero() -> None:
    """Draw a photograph and augmented draws of it; until the libraries are loaded, the photograph alone."""
    if preload.is_loading():
        _draw_hero_until_loaded()
        return
    from vpc2.images.samples import load_sample
    from vpc2.ui.computed import augmented

    sample = load_sample(HERO)
    photo = {"digest": sample.digest, "pixels": sample.pixels, "name": ""}
    result = augmented.augmented_draws(PIPELINES["basic"].pipeline, photo, HERO_DRAWS, HERO_PX)
    grid = st.grid(3, min_column_width=100, gap="xsmall")
    for i, picture in enumerate([result["original"], *result["pictures"]]):
        grid.image(picture, alt=_("The original photograph") if i == 0 else _("The same photograph, augmented"), width="stretch")


@st.fragment(run_every=1.0)
def _draw_hero_until_loaded() -> None:
    """Draw the original photograph in every cell until the libraries are loaded.

    As HTML, because Streamlit's own images import numpy, a tenth of the time to the first paint.
    """
    if not preload.is_loading():
        st.rerun()
    data = base64.b64encode(resource("assets", "samples", f"{HERO}.jpg").read_bytes()).decode()
    tile = f'<div role="img" aria-label="{html.escape(_("The original photograph"))}"></div>'
    st.html(
        "<style>.vpc2-hero { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0.5rem }"
        f".vpc2-hero div {{ aspect-ratio: 3 / 2; background: url(data:image/jpeg;base64,{data}) center / cover }}</style>"
        f'<div class="vpc2-hero">{tile * (1 + HERO_DRAWS)}</div>'
    )
