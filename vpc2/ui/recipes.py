"""The Train page's left side: data, net, augmentation and settings become one recipe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.data import datasets
from vpc2.data.datasets import DATASETS, find_dataset
from vpc2.nets.presets import NETS
from vpc2.training.presets import RECIPES
from vpc2.training.spec import SETTINGS, Recipe
from vpc2.ui import chrome, ownsets, state
from vpc2.ui.controls import draw_knob
from vpc2.ui.language import _, number, say
from vpc2.words import Refusal, Text

_SHOWN_FIRST = ("budget_s", "seed")
_BUILD, _AUGMENT, _NONE = "build", "augment", "none"


def _matching(table: Any, attribute: str, spec: Any) -> str | None:
    """Return the key of the table's entry that is exactly `spec`, or None."""
    wanted = codec.digest(spec)
    return next((key for key in table if codec.digest(getattr(table[key], attribute)) == wanted), None)


def take_recipe(recipe: Recipe) -> None:
    """Put a recipe into the workspace without touching the net and pipeline the visitor has made, where it can do without."""
    net_key = _matching(NETS, "net", recipe.net)
    pipeline_key = _matching(PIPELINES, "pipeline", recipe.pipeline) if recipe.pipeline is not None else _NONE
    if net_key is None:
        state.save(recipe.net, from_outside=True)
    if net_key is None or codec.digest(recipe.net) == codec.digest(state.load("net")):
        net_key = _BUILD
    if pipeline_key is None:
        state.save(recipe.pipeline, from_outside=True)
    st.session_state["train/net"] = net_key
    st.session_state["train/pipeline"] = pipeline_key or _AUGMENT
    state.save(recipe, from_outside=True)


def edit_recipe(recipe: Recipe) -> Recipe:
    """Draw the recipe's controls and return it as the visitor now has it."""
    if "train/net" not in st.session_state:
        take_recipe(recipe)
    preset = st.selectbox(
        _("Start from a recipe"),
        list(RECIPES),
        index=None,
        format_func=lambda key: say(RECIPES[key].title),
        placeholder=_("Choose a recipe"),
        key=state.key("recipe", "preset"),
    )
    if preset:
        take_recipe(RECIPES[preset].recipe)
        st.rerun()
    keys = list(dict.fromkeys((*DATASETS, *ownsets.keys(), recipe.dataset)))
    dataset = st.selectbox(
        _("Data set"),
        keys,
        index=keys.index(recipe.dataset),
        format_func=lambda key: say(find_dataset(key).title),
        key=state.key("recipe", "dataset", *keys[len(DATASETS) :]),
        help=say(find_dataset(recipe.dataset).help),
    )
    added = ownsets.draw_adding(dataset)
    if added is not None:
        state.save(replace(recipe, dataset=added), from_outside=True)
        st.rerun()
    net_key = _draw_source(_("Net"), "net", {_BUILD: _("From Build: {name}").format(name=state.load("net").name or _("your net"))}, NETS)
    net = state.load("net") if net_key == _BUILD else NETS[net_key].net
    first = {_NONE: _("None"), _AUGMENT: _("Online: the pipeline from Augment")}
    pipeline_key = _draw_source(_("Augmentation"), "pipeline", first, PIPELINES)
    pipeline = (
        {_NONE: None, _AUGMENT: state.load("pipeline")}.get(pipeline_key) if pipeline_key in first else PIPELINES[pipeline_key].pipeline
    )
    settings = dict(recipe.settings)
    for key in _SHOWN_FIRST:
        settings[key] = draw_knob(SETTINGS.knob(key), settings[key], key=state.key("recipe", key))
    with st.expander(_("More settings")):
        for knob in SETTINGS.knobs:
            if knob.key not in _SHOWN_FIRST:
                settings[knob.key] = draw_knob(knob, settings[knob.key], key=state.key("recipe", knob.key))
    recipe = replace(recipe, dataset=dataset, net=net, pipeline=pipeline, settings=settings)
    state.save(recipe)
    return recipe


def _draw_source(label: str, slot: str, first: dict[str, str], table: Any) -> str:
    options = [*first, *table]
    chosen = st.session_state.get(f"train/{slot}")
    picked = st.selectbox(
        label,
        options,
        index=options.index(chosen) if chosen in options else 0,
        format_func=lambda key: first[key] if key in first else say(table[key].title),
        key=state.key("recipe", slot),
    )
    st.session_state[f"train/{slot}"] = picked
    return picked


def problem_of(recipe: Recipe) -> Text | None:
    """Return why this recipe cannot be trained now, or None."""
    from vpc2.training.loop import check_recipe

    if not datasets.is_ready(recipe.dataset):
        return Text("This data set is not on this machine yet.", "Este conjunto de datos todavía no está en esta máquina.")
    try:
        problem = check_recipe(recipe)
    except Refusal as refusal:
        return refusal.text
    return problem.text if problem is not None else None


def draw_problem(problem: Text | None) -> None:
    """Say why the recipe cannot be trained; where data is missing, offer to fetch it."""
    recipe = state.load("recipe")
    if problem is None:
        return
    st.warning(chrome.literal(say(problem)), icon=":material/warning:")
    if not datasets.is_ready(recipe.dataset) and st.button(_("Download it now"), icon=":material/download:", key="download"):
        bar = st.progress(0.0)
        chrome.guarded(datasets.download_dataset, recipe.dataset, lambda share, said: bar.progress(min(share, 1.0), text=say(said)))
        if datasets.is_ready(recipe.dataset):
            st.rerun()


@st.cache_data(max_size="64MB", show_spinner=False)
def _sheet(key: str, per_class: int) -> tuple[bytes, list[str], list[int], int]:
    """Return a sheet of example pictures as JPEG (a row a class), the class names, the counts and the number of groups."""
    import numpy as np

    from vpc2.data.datasets import load_dataset
    from vpc2.images.encode import to_jpeg

    data = load_dataset(key, 64)
    rows, blank = [], np.full_like(data.images[0], 255)
    for label in range(len(data.classes)):
        where = np.flatnonzero(data.labels == label)
        picked = where[:: max(1, len(where) // per_class)][:per_class]
        rows.append(np.concatenate([*(data.images[i] for i in picked), *([blank] * (per_class - len(picked)))], axis=1))
    counts = [int((data.labels == label).sum()) for label in range(len(data.classes))]
    return to_jpeg(np.concatenate(rows, axis=0)), list(data.classes), counts, 0 if data.groups is None else len(set(data.groups.tolist()))


def draw_data(recipe: Recipe) -> None:
    """Show what the net will look at: example pictures of each class and the counts."""
    if not datasets.is_ready(recipe.dataset):
        st.info(_("Download the data set on the left to see its pictures."), icon=":material/photo_library:")
        return
    with st.spinner(_("Reading the pictures…")):
        sheet = chrome.guarded(_sheet, recipe.dataset, 14)
    if sheet is None:
        return
    picture, classes, counts, groups = sheet
    people = " · " + _("{n} people, never split between training and test").format(n=number(groups)) if groups else ""
    st.markdown(f"### {say(find_dataset(recipe.dataset).title)}")
    st.caption(_("{n} pictures in {k} classes").format(n=number(sum(counts)), k=len(classes)) + people)
    st.image(picture, alt=_("Example pictures, a row a class: {classes}").format(classes=", ".join(classes)), width="stretch")
    st.caption(
        _("A row a class, from top to bottom: {classes}.").format(
            classes=", ".join(f"{chrome.literal(name)} ({number(count)})" for name, count in zip(classes, counts, strict=True))
        )
    )
