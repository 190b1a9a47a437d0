"""Train page, experiments: the texts beside the results: the augmentation of both sides, the sample sizes, curves still rising."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from vpc2.augment.mixes import MIXES
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.presets import PIPELINES
from vpc2.training.experiments.store import ExperimentStatus, is_still_rising
from vpc2.training.spec import Experiment, Recipe
from vpc2.ui import markdown
from vpc2.ui.session.i18n import _, localize, number
from vpc2.ui.widgets.buttons import button
from vpc2.ui.widgets.step_text import describe_step


def describe_augmentation(recipe: Recipe) -> str:
    """Return a recipe's augmentation as text: name and steps of its pipeline, or that there is none."""
    pipeline = recipe.augmentation
    if pipeline is None:
        return _("no augmentation")
    preset = next((entry for entry in PIPELINES.values() if entry.pipeline == pipeline), None)
    name = localize(preset.title) if preset is not None else pipeline.name
    steps = [f"{localize(OPS[step.op].title)} {describe_step(step)}".strip() for step in pipeline.steps if step.on]
    if pipeline.mix is not None:
        steps.append(localize(MIXES[pipeline.mix.kind].title))
    listed = ", ".join(steps)
    return f"{name} ({listed})" if name else listed


def show_augmentations(spec: Experiment) -> None:
    """Draw the augmentation of each side, once where both have the same."""
    sides = [(spec.left_name, spec.left), (spec.right_name, spec.right)]
    descriptions = [describe_augmentation(recipe) for _name, recipe in sides]
    if descriptions[0] == descriptions[1]:
        st.caption(_("Augmentation on both sides: {what}").format(what=markdown.escape(descriptions[0])))
        return
    for (name, _recipe), description in zip(sides, descriptions, strict=True):
        st.caption(f"**{markdown.escape(name)}**: {markdown.escape(description)}")


def show_sample_sizes(outcome: ExperimentStatus) -> None:
    """Draw the number of seeds, test images and people that the results are based on."""
    gap = outcome.gap
    assert gap is not None  # drawn beside the numbers of finished pairs
    numbers = {"seeds": number(gap.seeds), "n": number(outcome.pictures), "people": number(gap.units)}
    template = (
        _("95 % intervals. Seeds: {seeds}; test pictures: {n}, of {people} people.")
        if gap.units < outcome.pictures
        else _("95 % intervals. Seeds: {seeds}; test pictures: {n}.")
    )
    st.caption(template.format(**numbers))


def show_unfinished_warning(spec: Experiment, curves: Sequence[list[list[float]]]) -> bool:
    """Warn where validation accuracy was still rising at the end; return True if the button for twice the epochs was pressed."""
    rising = [name for name, seeds in zip((spec.left_name, spec.right_name), curves, strict=True) if is_still_rising(seeds)]
    if not rising:
        return False
    warning = (
        _("Both sides were still getting better when they ended: with more epochs the gap may be another one.")
        if len(rising) == 2
        else _("“{name}” was still getting better when it ended: with more epochs the gap may be another one.").format(
            name=markdown.escape(rising[0])
        )
    )
    with st.container(horizontal=True, vertical_alignment="center", key="experiment-rising"):
        st.warning(warning, icon=":material/trending_up:")
        return button(_("Again with twice the epochs"), icon=":material/fast_forward:", key="experiment/longer")
