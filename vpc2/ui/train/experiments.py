"""Train page, experiments: the button and choices that start one, the page of one experiment, and the list of all."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import streamlit as st

from vpc2.augment.presets import PIPELINES
from vpc2.data.datasets import find_dataset
from vpc2.figures.experiments import LEFT, RIGHT, curves_figure, pairs_figure
from vpc2.knobs import Choice
from vpc2.spreadsheet import as_text_cell
from vpc2.text import Refusal
from vpc2.training.checks import RecipeProblem
from vpc2.training.experiments.comparison import MIN_SEEDS, sentences, share_of_test
from vpc2.training.experiments.store import (
    ExperimentStatus,
    ExperimentStore,
    StoredExperiment,
    more_epochs,
    read_experiment_status,
    validation_curves,
)
from vpc2.training.presets import EXPERIMENTS, RECIPES
from vpc2.training.runs.events import read_events
from vpc2.training.runs.status import STATES
from vpc2.training.settings import SETTINGS
from vpc2.training.spec import SEEDS, Experiment, Recipe, without
from vpc2.ui import markdown
from vpc2.ui.components.live_curves import live_curves
from vpc2.ui.session import own_datasets, recipes, runs, workspace
from vpc2.ui.session.i18n import _, localize, number, percent, points
from vpc2.ui.train import experiment_texts
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button
from vpc2.ui.widgets.knob_input import show_knob
from vpc2.ui.widgets.run_status import curve_words

WATCH_S = 2.0
FIRST_SHOWN = 8  # experiments in the list until "Show more" is pressed


def store() -> ExperimentStore:
    return ExperimentStore(runs.store())


def chosen_experiment() -> StoredExperiment | None:
    """Return the experiment in the page's URL (`?experiment=`), which survives a reload; None without one or for an unknown id."""
    experiment_id = st.query_params.get("experiment")
    if not experiment_id:
        return None
    try:
        return store().get(experiment_id)
    except Refusal as refusal:
        del st.query_params["experiment"]
        st.warning(markdown.escape(localize(refusal.text)), icon=":material/warning:")
        return None


def _title(filed: StoredExperiment) -> str:
    return f"{localize(find_dataset(filed.spec.right.dataset).title)}: {filed.name}"


def start_experiment(spec: Experiment) -> StoredExperiment:
    """Create an experiment and queue its runs, both sides of a seed in a row. Raises `Refusal` for another visitor's data set."""
    for recipe in (spec.left, spec.right):
        own_datasets.require_visible(recipe.dataset)
    filed = store().create(spec, workspace.owner_id())
    for run_id in filed.runs:
        runs.queue().start(runs.store().get(run_id))
    return filed


def _start_and_open(spec: Experiment) -> None:
    filed = page_frame.show_or_refuse(start_experiment, spec)
    if filed is not None:
        st.query_params.pop("run", None)
        st.query_params["experiment"] = filed.id
        st.rerun()


def show_compare_buttons(recipe: Recipe, problem: RecipeProblem | None) -> None:
    """Draw the button that trains a recipe with and without its pipeline, and the popover with the other comparisons."""
    is_fatal = problem is not None and problem.is_fatal
    seeds = SEEDS.clean(SEEDS.default)
    if button(
        _("With and without augmentation"),
        icon=":material/compare_arrows:",
        key="compare",
        width="stretch",
        disabled=is_fatal,
        help=_("Trains the recipe with and without its augmentation, three times each, and says what the numbers support."),
    ):
        with_it = recipe if recipe.augmentation is not None else replace(recipe, pipeline=PIPELINES["gentle"].pipeline)
        _start_and_open(Experiment(without(with_it), with_it, _("without"), _("with"), seeds))
    with st.popover(_("Compare something else"), icon=":material/science:", width="stretch", key="compare-else", disabled=is_fatal):
        seeds = show_knob(SEEDS, SEEDS.default, key="compare/seeds")
        kinds = {"preset": _("A question of the lecture"), "setting": _("One setting"), "recipe": _("Another recipe")}
        kind = st.segmented_control(
            _("What"), list(kinds), default="preset", format_func=kinds.__getitem__, required=True, key="compare/way"
        )
        spec = {"preset": _choose_preset, "setting": _choose_setting, "recipe": _choose_recipe}[kind](recipe)
        if button(_("Compare"), type="primary", icon=":material/play_arrow:", key="compare/start", width="stretch"):
            _start_and_open(replace(spec, seeds=seeds))


def _choose_preset(recipe: Recipe) -> Experiment:
    key = st.selectbox(_("Question"), list(EXPERIMENTS), format_func=lambda key: localize(EXPERIMENTS[key].title), key="compare/preset")
    st.caption(localize(EXPERIMENTS[key].help))
    left, right = (localize(name) for name in EXPERIMENTS[key].names)
    return replace(EXPERIMENTS[key].experiment, left_name=left, right_name=right)


def _choose_setting(recipe: Recipe) -> Experiment:
    keys = [knob.key for knob in SETTINGS.knobs if knob.key not in ("seed", "budget_s", "size_px")]
    key = st.selectbox(_("Setting"), keys, format_func=lambda key: localize(SETTINGS.knob(key).title), key="compare/setting")
    knob, current = SETTINGS.knob(key), recipe.settings[key]
    other = show_knob(knob, current, key=f"compare/value/{key}/{current}")
    title = localize(knob.title)
    left, right = (
        f"{title}: {localize(knob.options[value]) if isinstance(knob, Choice) else number(value, 'g')}" for value in (current, other)
    )
    return Experiment(recipe, replace(recipe, settings={**recipe.settings, key: other}), left, right)


def _choose_recipe(recipe: Recipe) -> Experiment:
    own_recipes = {f"run/{run.id}": run.recipe for run in runs.visible_runs()[:20]}
    names = {f"run/{run.id}": run.name for run in runs.visible_runs()[:20]}
    options = [*RECIPES, *own_recipes]
    key = st.selectbox(
        _("Recipe"),
        options,
        format_func=lambda key: names[key] if key in own_recipes else localize(RECIPES[key].title),
        key="compare/recipe",
    )
    other = own_recipes[key] if key in own_recipes else RECIPES[key].recipe
    return Experiment(recipe, other, recipe.name or _("this one"), names[key] if key in own_recipes else localize(RECIPES[key].title))


def show_experiment(filed: StoredExperiment) -> None:
    """Draw an experiment: live curves of both sides while it runs, then the accuracy gap with its confidence interval and conclusion."""
    outcome = read_experiment_status(filed, runs.store())
    is_own = filed.owner == workspace.visitor_id()
    with st.container(horizontal=True, vertical_alignment="center", key="experiment-head"):
        st.markdown(f"### {markdown.escape(_title(filed))}", width="content")
        st.space("stretch")
        if is_own and not outcome.is_over and button(_("Stop"), icon=":material/stop:", key="experiment/stop"):
            for run_id in filed.runs:
                if not runs.store().status(run_id).is_over:
                    runs.queue().stop(run_id, by=workspace.visitor_id())
            st.rerun()
        if button(_("Use its recipe"), icon=":material/receipt_long:", key="experiment/use", type="tertiary"):
            recipes.load_recipe(filed.spec.right)
            st.rerun()
        if is_own and outcome.is_over and button(_("Delete"), icon=":material/delete:", key="experiment/delete", type="tertiary"):
            store().delete(filed.id, by=workspace.visitor_id())
            del st.query_params["experiment"]
            st.rerun()
        if button(_("Close"), icon=":material/close:", key="experiment/close", type="tertiary"):
            del st.query_params["experiment"]
            st.rerun()
    if outcome.is_over:
        _draw_outcome(filed, outcome)
    else:
        _draw_progress(filed.id, len(outcome.accuracies))
        names, hues = (filed.spec.left_name, filed.spec.right_name), (LEFT, RIGHT)
        lines = [
            {"id": run_id, "label": f"{name} · {i}", "hue": hue}
            for i, pair in enumerate(filed.pairs, 1)
            for run_id, name, hue in zip(pair, names, hues, strict=True)
            if runs.store().status(run_id).state != "queued"
        ]
        live_curves(lines, key=f"experiment/{filed.id}/{len(lines)}", words=curve_words())


@st.fragment(run_every=WATCH_S)
def _draw_progress(experiment_id: str, finished_runs: int) -> None:
    """Draw the progress of the experiment; reruns the whole page when a run begins or ends."""
    try:
        filed = store().get(experiment_id)
        states = [runs.store().status(run_id) for run_id in filed.runs]
    except Refusal:
        return
    mark = [status.state for status in states]
    before = st.session_state.get(f"seen/{experiment_id}")
    st.session_state[f"seen/{experiment_id}"] = mark
    if before not in (None, mark):
        st.rerun()
    done = sum(status.is_over for status in states)
    left = sum(
        runs.queue().seconds_left(runs.store().get(run_id)) for run_id, status in zip(filed.runs, states, strict=True) if not status.is_over
    )
    text = _("Run {n} of {of}, about {s} s left in all").format(n=min(done + 1, len(states)), of=len(states), s=number(left, ",.0f"))
    st.progress(done / len(states), text=text)


def _draw_outcome(filed: StoredExperiment, outcome: ExperimentStatus) -> None:
    spec = filed.spec
    if outcome.lost:
        names = ", ".join(markdown.escape(name) for name in outcome.lost)
        st.warning(
            _("These runs ended without a test, and their pairs are left out: {names}.").format(names=names), icon=":material/warning:"
        )
        if filed.owner == workspace.visitor_id() and button(
            _("Run the experiment again"), icon=":material/replay:", key="experiment/again"
        ):
            _start_and_open(spec)
    if outcome.gap is None:
        st.caption(_("No pair of runs was finished, so there is nothing to compare yet."))
        return
    left, right = outcome.side(0, spec.left_name), outcome.side(1, spec.right_name)
    experiment_texts.show_augmentations(spec)
    for i, text in enumerate(sentences(outcome.gap, left, right)):
        sentence = markdown.escape(localize(text))
        if i == 0:
            (st.success if outcome.gap.is_clear and outcome.gap.mean > 0 else st.info)(sentence, icon=":material/balance:")
        else:
            st.caption(sentence)
    grid = st.grid(3, min_column_width=150)
    for side in (left, right):
        grid.metric(
            markdown.escape(side.name),
            percent(side.accuracy),
            _("{low} to {high} % · {s} s").format(low=points(side.low, 0), high=points(side.high, 0), s=number(side.seconds, ".0f")),
            "off",
            delta_arrow="off",
        )
    gap = outcome.gap
    interval = f"{points(gap.low, sign='+')} … {points(gap.high, sign='+')}"
    help_ = _("The 95 % interval counts both kinds of luck: other seeds, and other test pictures (or people).")
    interval = _("one seed: no verdict") if gap.seeds < MIN_SEEDS else interval
    grid.metric(_("Gap, in points"), points(gap.mean, sign="+"), interval, "off", delta_arrow="off", help=help_)
    experiment_texts.show_sample_sizes(outcome)
    curves = validation_curves(filed, runs.store())
    if experiment_texts.show_unfinished_warning(spec, curves):
        _start_and_open(more_epochs(spec))
    curves_column, pairs_column = st.columns([1.6, 1], gap="medium")
    series = list(zip((spec.left_name, spec.right_name), curves, strict=True))
    curves_column.markdown(f"**{_('Validation accuracy; the band goes from the lowest seed to the highest')}**")
    figure = curves_figure(series, epoch=_("epoch"), accuracy=_("validation accuracy"))
    curves_column.plotly_chart(figure, key=f"sides/{filed.id}", alt=_("Both sides over the epochs, each seed and the mean"))
    pairs_column.markdown(f"**{_('Test accuracy; a line joins what shares a seed')}**")
    figure = pairs_figure(outcome.accuracies, (spec.left_name, spec.right_name), accuracy=_("test accuracy"))
    pairs_column.plotly_chart(figure, key=f"pairs/{filed.id}", alt=_("Test accuracy of both sides, seed by seed"))
    _draw_table(filed, outcome)


def _draw_table(filed: StoredExperiment, outcome: ExperimentStatus) -> None:
    rows = []
    for i, pair in enumerate(filed.pairs, 1):
        for run_id, name in zip(pair, (filed.spec.left_name, filed.spec.right_name), strict=True):
            events, _next = read_events(runs.store().folder / run_id)
            end = events[-1] if events and events[-1]["type"] == "end" else {}
            share = share_of_test(end)
            rows.append(
                {
                    _("Side"): name,
                    _("Seed"): i,
                    _("State"): localize(STATES[end["state"]]) if end.get("state") in STATES else "—",
                    _("Test accuracy"): end.get("test_accuracy"),
                    _("95 % interval"): "—" if share is None else f"{points(share.low)} … {percent(share.high)}",
                    "n": None if share is None else share.n,
                    _("Seconds"): end.get("elapsed_s"),
                    _("Best epoch"): end.get("best_epoch"),
                }
            )
    with st.expander(_("All numbers")):
        st.dataframe(rows, hide_index=True)
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, _("Side"): as_text_cell(str(row[_("Side")]))} for row in rows)
        st.download_button(_("Numbers as CSV"), buffer.getvalue(), file_name="experiment.csv", icon=":material/table:", on_click="ignore")


def show_experiment_list() -> None:
    """Draw the visitor's experiments, newest first."""
    experiments = store().list(workspace.visitor_id())
    if not experiments:
        return
    st.markdown(f"## {_('Your experiments')}")
    listed = experiments if st.session_state.get("experiments/all") else experiments[:FIRST_SHOWN]
    for filed in listed:
        outcome = read_experiment_status(filed, runs.store())
        with st.container(horizontal=True, vertical_alignment="center", key=f"experiment-{filed.id}"):
            if button(markdown.escape(_title(filed)), key=f"experiment/open/{filed.id}", type="tertiary", width=260):
                st.query_params.pop("run", None)
                st.query_params["experiment"] = filed.id
                st.rerun()
            if outcome.gap is None:
                st.caption(_("going on") if not outcome.is_over else _("without a result"))
            else:
                gap = outcome.gap
                gap_text = _("{gap} points ({low} to {high})").format(
                    gap=points(gap.mean, sign="+"), low=points(gap.low, sign="+"), high=points(gap.high, sign="+")
                )
                st.caption(_("one seed: no verdict") if gap.seeds < MIN_SEEDS else gap_text)
    if len(experiments) > len(listed) and button(
        _("Show more ({n})").format(n=number(len(experiments) - len(listed))), key="experiments/more", type="tertiary"
    ):
        st.session_state["experiments/all"] = True
        st.rerun()
