"""Train page: the recipe on the left; the open run, experiment or data set on the right; lists of experiments and runs below."""

import streamlit as st

from vpc2.ui.session import recipes, runs, workspace
from vpc2.ui.session.i18n import _
from vpc2.ui.train import experiments, recipe_form, run_list, run_page
from vpc2.ui.widgets import dataset_builder, page_frame
from vpc2.ui.widgets.buttons import button

top = st.container()
left, right = st.columns([1, 2.3], gap="medium")

run, experiment = runs.chosen_run(), experiments.chosen_experiment()
with left:
    if run is not None and workspace.SOURCES["net"] not in st.session_state:  # a reload, or a link to a run: load the run's recipe
        recipes.load_recipe(run.recipe, is_start=True)
    recipe = recipe_form.edit_recipe(workspace.load("recipe"))
    problem = recipe_form.problem_of(recipe)
    recipe_form.show_problem(problem)
    is_blocked = problem is not None and problem.is_fatal
    if button(_("Train"), type="primary", icon=":material/play_arrow:", key="train", width="stretch", disabled=is_blocked):
        started = page_frame.show_or_refuse(runs.start_run, recipe, name=recipe_form.default_run_name(recipe))
        if started is not None:
            st.query_params.pop("experiment", None)
            st.query_params["run"] = started.id
            st.rerun()
    experiments.show_compare_buttons(recipe, problem)

with right:
    if run is not None:
        run_page.show_run(run)
    elif experiment is not None:
        experiments.show_experiment(experiment)
    elif dataset_builder.is_open():
        dataset = dataset_builder.show_builder()
        if dataset is not None:
            recipe_form.use_dataset(recipe, dataset)
    else:
        recipe_form.show_dataset_examples(recipe)

experiments.show_experiment_list()
run_list.show_run_list(chosen=run)
with top:
    page_frame.show_heading(
        _("Train"), _("A short run that answers a question, in its own process: you can look at other pages meanwhile."), "recipe"
    )
