"""Train: the recipe on the left, the run or the experiment as it happens on the right, all of them below."""

import streamlit as st

from vpc2.ui import chrome, drafting, experiments, recipes, run_list, run_view, runs, state
from vpc2.ui.buttons import button
from vpc2.ui.language import _

top = st.container()
left, right = st.columns([1, 2.3], gap="medium")

run, experiment = runs.chosen_run(), experiments.chosen_experiment()
with left:
    if run is not None and "train/net" not in st.session_state:  # a reload, or a link to a run: show what it was made of
        recipes.take_recipe(run.recipe)
    recipe = recipes.edit_recipe(state.load("recipe"))
    problem = recipes.problem_of(recipe)
    recipes.draw_problem(problem)
    is_stuck = problem is not None and problem.is_fatal
    if button(_("Train"), type="primary", icon=":material/play_arrow:", key="train", width="stretch", disabled=is_stuck):
        started = chrome.guarded(runs.start_run, recipe, name=recipes.name_of(recipe))
        if started is not None:
            st.query_params.pop("experiment", None)
            st.query_params["run"] = started.id
            st.rerun()
    experiments.draw_button(recipe, problem)

with right:
    if run is not None:
        run_view.draw_run(run)
    elif experiment is not None:
        experiments.draw_experiment(experiment)
    elif drafting.is_open():
        used = drafting.draw_draft()
        if used is not None:
            recipes.use_dataset(recipe, used)
    else:
        recipes.draw_data(recipe)

experiments.draw_list()
run_list.draw_list(chosen=run)
with top:
    chrome.draw_heading(
        _("Train"), _("A short run that answers a question, in its own process: you can look at other pages meanwhile."), "recipe"
    )
