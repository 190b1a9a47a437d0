"""Train: the recipe on the left, the run as it happens on the right, all runs below."""

import streamlit as st

from vpc2.ui import chrome, recipes, run_list, run_view, runs, state
from vpc2.ui.language import _

top = st.container()
left, right = st.columns([1, 2.3], gap="medium")

run = runs.chosen_run()
with left:
    if run is not None and "train/net" not in st.session_state:  # a reload, or a link to a run: show what it was made of
        recipes.take_recipe(run.recipe)
    recipe = recipes.edit_recipe(state.load("recipe"))
    problem = recipes.problem_of(recipe)
    recipes.draw_problem(problem)
    if st.button(
        _("Train"),
        type="primary",
        icon=":material/play_arrow:",
        key="train",
        width="stretch",
        disabled=problem is not None and problem.is_fatal,
    ):
        started = chrome.guarded(runs.start_run, recipe)
        if started is not None:
            st.query_params["run"] = started.id
            st.rerun()

with right:
    if run is None:
        recipes.draw_data(recipe)
    else:
        run_view.draw_run(run)

run_list.draw_list(chosen=run)
with top:
    chrome.draw_heading(
        _("Train"), _("A short run that answers a question, in its own process: you can look at other pages meanwhile."), "recipe"
    )
