"""Train page, left column: the form of the recipe (data set, net, augmentation, settings), and the sheet of example images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from vpc2.augment.presets import PIPELINES
from vpc2.data import datasets
from vpc2.data.datasets import DATASETS, find_dataset
from vpc2.nets.presets import NETS
from vpc2.predict.pretrained.catalog import BACKBONES, PRETRAINED
from vpc2.predict.spec import FROZEN, Backbone
from vpc2.text import Refusal, Text
from vpc2.training.checks import RecipeProblem, check_recipe
from vpc2.training.optimisers import OPTIMISERS
from vpc2.training.picture_size import BACKBONE_PX, describe_picture_size, made_for_px
from vpc2.training.presets import RECIPES
from vpc2.training.settings import AT_ONCE, BESIDE_NET, GROUPS, SETTINGS
from vpc2.training.spec import Recipe
from vpc2.ui import markdown
from vpc2.ui.computed import datasets as computed_datasets
from vpc2.ui.session import own_datasets, workspace
from vpc2.ui.session.i18n import _, localize, number
from vpc2.ui.session.recipes import BACKBONE_PREFIX, FROM_AUGMENT, FROM_BUILD, NO_PIPELINE, load_recipe
from vpc2.ui.train import lr_finder
from vpc2.ui.widgets import dataset_upload, page_frame
from vpc2.ui.widgets.buttons import button
from vpc2.ui.widgets.knob_input import pick_once, show_knob

_SHEET_PX = 64
_NOT_ON_MACHINE = Text("This data set is not on this machine yet.")


def edit_recipe(recipe: Recipe) -> Recipe:
    """Draw the controls of the recipe, save the edited recipe and return it."""
    if workspace.SOURCES["net"] not in st.session_state:
        load_recipe(recipe, is_start=True)
    _take_up_what_was_made()
    preset = pick_once(
        _("Start from a recipe"),
        list(RECIPES),
        format_func=lambda key: localize(RECIPES[key].title),
        placeholder=_("Choose a recipe"),
        key="recipe/preset",
    )
    if preset:
        load_recipe(RECIPES[preset].recipe)
        st.rerun()
    dataset = _draw_dataset(recipe)
    net, settings = _draw_net(recipe), dict(recipe.settings)
    if made_for_px(net) != made_for_px(recipe.net):  # another net, or this one has another input on Build now: the pictures follow
        settings["size_px"] = made_for_px(net)
        workspace.save(replace(recipe, dataset=dataset, net=net, settings=settings), from_outside=True)
        st.rerun()
    _draw_settings(settings, BESIDE_NET)
    st.caption(" ".join(map(localize, describe_picture_size(replace(recipe, dataset=dataset, net=net, settings=settings)))))
    pipeline = _draw_pipeline()
    if pipeline is not None and not pipeline.is_plain():
        _draw_settings(settings, GROUPS["augmentation"][1])
    _draw_settings(settings, AT_ONCE)
    with st.expander(_("More settings")):
        for name, (title, keys) in GROUPS.items():
            if name != "augmentation":
                st.markdown(f"**{localize(title)}**")
                _draw_settings(settings, keys)
                if name == "steps":
                    lr_finder.show_lr_finder(recipe)
    recipe = replace(recipe, dataset=dataset, net=net, pipeline=pipeline, settings=settings)
    workspace.save(recipe)
    return recipe


# Settings that apply only under a condition on another one. Evaluated right before drawing, as that other widget may have just changed.
_CONDITIONS = {
    "copies": lambda settings: settings["augment"] != "online",
}


def _says_something(key: str, settings: dict[str, Any]) -> bool:
    if any(entry.takes(key) for entry in OPTIMISERS.values()) and not OPTIMISERS[settings["optimiser"]].takes(key):
        return False
    return key not in _CONDITIONS or _CONDITIONS[key](settings)


def _draw_settings(settings: dict[str, Any], keys: tuple[str, ...]) -> None:
    """Draw the widgets of some settings and write their values into `settings`."""
    for key in keys:
        if _says_something(key, settings):
            settings[key] = show_knob(SETTINGS.knob(key), settings[key], key=workspace.key("recipe", key))


def _draw_dataset(recipe: Recipe) -> str:
    keys = list(dict.fromkeys((*DATASETS, *own_datasets.keys(), recipe.dataset)))
    key = workspace.key("recipe", "dataset", *keys[len(DATASETS) :])
    dataset = st.selectbox(
        _("Data set"),
        keys,
        index=keys.index(recipe.dataset),
        format_func=lambda key: localize(find_dataset(key).title),
        key=key,
        help=localize(find_dataset(st.session_state.get(key, recipe.dataset)).help),  # of the set selected in this rerun
    )
    added = dataset_upload.show_dataset_upload(dataset)
    if added is not None:
        workspace.save(replace(recipe, dataset=added), from_outside=True)
        st.rerun()
    return dataset


def default_run_name(recipe: Recipe) -> str:
    """Return the default name of a run of this recipe: its data set, and whether it is augmented."""
    title = localize(find_dataset(recipe.dataset).title)
    return title if recipe.augmentation is None else _("{title}, augmented").format(title=title)


def use_dataset(recipe: Recipe, key: str) -> None:
    """Put a data set built by the visitor into the recipe, with the pretrained net, which needs few images, and settings for small sets."""
    small_set = {"size_px": BACKBONE_PX, "batch_size": 16, "learning_rate": 0.01, "epochs": 30, "budget_s": 30.0, "train_share": 0.6}
    load_recipe(replace(recipe, dataset=key, net=Backbone(), settings={**recipe.settings, **small_set}))
    st.rerun()


def _draw_net(recipe: Recipe) -> Any:
    """Draw the choice of net (from Build, a preset, or a pretrained one) and return its spec."""
    own = {FROM_BUILD: _("From Build: {name}").format(name=workspace.load("net").name or _("your net"))}
    ready = {BACKBONE_PREFIX + key: _("Pretrained: {name}").format(name=localize(PRETRAINED[key].title)) for key in BACKBONES}
    chosen = _draw_source(_("Net"), "net", {**own, **ready}, NETS)
    if chosen.startswith(BACKBONE_PREFIX):
        is_frozen = recipe.net.is_frozen if isinstance(recipe.net, Backbone) else FROZEN.default
        return Backbone(chosen.removeprefix(BACKBONE_PREFIX), show_knob(FROZEN, is_frozen, key=workspace.key("recipe", "is_frozen")))
    return workspace.load("net") if chosen == FROM_BUILD else NETS[chosen].net


def _draw_pipeline() -> Any:
    fixed_options = {NO_PIPELINE: _("None"), FROM_AUGMENT: _("The pipeline from Augment")}
    chosen = _draw_source(_("Augmentation"), "pipeline", fixed_options, PIPELINES)
    return {NO_PIPELINE: None, FROM_AUGMENT: workspace.load("pipeline")}[chosen] if chosen in fixed_options else PIPELINES[chosen].pipeline


def _take_up_what_was_made() -> None:
    """Choose the net that was changed on Build and the pipeline that was changed on Augment since the form was last drawn."""
    for kind, own in (("net", FROM_BUILD), ("pipeline", FROM_AUGMENT)):
        source = workspace.SOURCES[kind]
        if workspace.take_made(kind) and st.session_state[source] != own:
            st.session_state[f"{source}/before"] = st.session_state[source]
            st.session_state[source] = own
            workspace.renew("recipe")


def _draw_source(label: str, slot: str, fixed_options: dict[str, str], table: Any) -> str:
    options, source = [*fixed_options, *table], workspace.SOURCES[slot]
    chosen = st.session_state.get(source)
    title = lambda key: fixed_options[key] if key in fixed_options else localize(table[key].title)  # noqa: E731
    selected = st.selectbox(
        label,
        options,
        index=options.index(chosen) if chosen in options else 0,
        format_func=title,
        key=workspace.key("recipe", slot),
    )
    before = st.session_state.get(f"{source}/before")
    if before in options and selected == chosen:
        st.caption(_("Chosen because you changed it."))
        if button(_("Back to: {name}").format(name=title(before)), key=f"back/{slot}", type="tertiary", icon=":material/undo:"):
            st.session_state[source] = before
            del st.session_state[f"{source}/before"]
            workspace.renew("recipe")
            st.rerun()
    else:
        st.session_state.pop(f"{source}/before", None)
    st.session_state[source] = selected
    return selected


def problem_of(recipe: Recipe) -> RecipeProblem | None:
    """Return why this recipe cannot be trained or what will be changed, with repairs; None where there is no problem."""
    if not datasets.is_ready(recipe.dataset):
        return RecipeProblem(_NOT_ON_MACHINE)
    try:
        own_datasets.require_visible(recipe.dataset)
        return check_recipe(recipe) or _check_split(recipe)
    except Refusal as refusal:
        return RecipeProblem(refusal.text)


def _check_split(recipe: Recipe) -> RecipeProblem | None:
    from vpc2.data.imageset import split_images
    from vpc2.training.checks import check_data

    data = computed_datasets.load_cached_dataset(recipe.dataset, _SHEET_PX)  # the size that the example sheet has already loaded
    return check_data(recipe, data, split_images(data, recipe.settings["seed"], recipe.settings["train_share"]))


def show_problem(problem: RecipeProblem | None) -> None:
    """Draw why the recipe cannot be trained, a button per repair, and a download button where the data set is missing."""
    recipe = workspace.load("recipe")
    if problem is None:
        return
    (st.warning if problem.is_fatal else st.info)(markdown.escape(localize(problem.text)), icon=":material/warning:")
    for i, repair in enumerate(problem.repairs):
        if button(markdown.escape(localize(repair.title)), icon=":material/build:", key=f"repair/{i}", width="stretch"):
            load_recipe(repair.apply(recipe))
            st.rerun()
    if not datasets.is_ready(recipe.dataset) and button(_("Download it now"), icon=":material/download:", key="download"):
        bar = st.progress(0.0)
        page_frame.show_or_refuse(
            datasets.download_dataset, recipe.dataset, lambda share, message: bar.progress(min(share, 1.0), text=localize(message))
        )
        if datasets.is_ready(recipe.dataset):
            st.rerun()


@st.cache_data(max_size="64MB", show_spinner=False)
def _sheet(key: str, per_class: int) -> tuple[bytes, list[str], list[int], int]:
    """Return a sheet of example images as JPEG (one row per class), the class names, the image counts and the number of groups (people)."""
    import numpy as np

    from vpc2.images.encode import to_jpeg

    data = computed_datasets.load_cached_dataset(key, _SHEET_PX)
    rows, blank = [], np.full_like(data.images[0], 255)
    for label in range(len(data.classes)):
        indices = np.flatnonzero(data.labels == label)
        picked = indices[:: max(1, len(indices) // per_class)][:per_class]
        rows.append(np.concatenate([*(data.images[i] for i in picked), *([blank] * (per_class - len(picked)))], axis=1))
    counts = [int((data.labels == label).sum()) for label in range(len(data.classes))]
    return to_jpeg(np.concatenate(rows, axis=0)), list(data.classes), counts, 0 if data.groups is None else len(set(data.groups.tolist()))


def show_dataset_examples(recipe: Recipe) -> None:
    """Draw example images of each class of the data set, and the number of images and classes."""
    if not datasets.is_ready(recipe.dataset):
        st.info(_("Download the data set on the left to see its pictures."), icon=":material/photo_library:")
        return
    if not own_datasets.is_visible(recipe.dataset):
        return  # `problem_of` has said why
    with st.spinner(_("Reading the pictures…")):
        sheet = page_frame.show_or_refuse(_sheet, recipe.dataset, 14)
    if sheet is None:
        return
    picture, classes, counts, groups = sheet
    people = " · " + _("{n} people, never split between training and test").format(n=number(groups)) if groups else ""
    st.markdown(f"### {localize(find_dataset(recipe.dataset).title)}")
    st.caption(_("{n} pictures in {k} classes").format(n=number(sum(counts)), k=len(classes)) + people)
    st.image(picture, alt=_("Example pictures, a row a class: {classes}").format(classes=", ".join(classes)), width="stretch")
    st.caption(
        _("A row a class, from top to bottom: {classes}.").format(
            classes=", ".join(f"{markdown.escape(name)} ({number(count)})" for name, count in zip(classes, counts, strict=True))
        )
    )
