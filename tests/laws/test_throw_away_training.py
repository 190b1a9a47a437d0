"""Throw-away entries of the tables of training."""

from dataclasses import replace

from tests.laws.throw_away import HELP, WORDS, add, offers, throws_away, travels, widget
from tests.pages.test_pages import open_app, said
from tests.training.export.test_script_law import a_recipe, check
from vpc2 import codec
from vpc2.nets.presets import NETS
from vpc2.nets.spec import make_net
from vpc2.text import Text
from vpc2.training.experiments.store import ExperimentStore
from vpc2.training.optimisers import Optimiser
from vpc2.training.presets import ExperimentPreset, RecipePreset
from vpc2.training.queue.worker import train
from vpc2.training.runs.store import RunStore
from vpc2.training.schedule import Schedule
from vpc2.training.spec import Experiment, Recipe
from vpc2.ui.session import runs


@throws_away(OPTIMISERS=Optimiser)
def test_an_optimiser(offer, tmp_path):
    settings = (("lr", "learning_rate"), ("weight_decay", "weight_decay"))
    add(offer, "OPTIMISERS", Optimiser(key="thrown", target="torch.optim.Adagrad", settings=settings, **WORDS))
    recipe = a_recipe(optimiser="thrown")
    assert "torch.optim.Adagrad(" in check(recipe, tmp_path / "run") and travels(recipe)
    at = open_app("train", s=codec.to_token(recipe))
    assert widget(at, "/optimiser").value == "thrown" and offers(at, "/optimiser")
    assert not [one for one in at.slider if one.key.endswith("/momentum")]  # it takes none


@throws_away(SCHEDULES=Schedule)
def test_a_schedule(offer, write, tmp_path):
    write("vpc2.training.thrown_away", "POWER = 0.9\n\n\ndef poly(progress):\n    return (1 - progress) ** POWER\n")
    from vpc2.training import thrown_away

    add(offer, "SCHEDULES", Schedule(key="thrown", factor=thrown_away.poly, **WORDS))
    recipe = a_recipe(schedule="thrown")
    assert "POWER = 0.9" in check(recipe, tmp_path / "run") and travels(recipe)
    at = open_app("train", s=codec.to_token(recipe))
    assert widget(at, "/schedule").value == "thrown" and offers(at, "/schedule")


@throws_away(RECIPES=RecipePreset)
def test_a_recipe_preset(offer):
    recipe = Recipe("digits", NETS["tiny"].net, None, a_recipe().settings, "thrown")
    add(offer, "RECIPES", RecipePreset(key="thrown", recipe=recipe, **WORDS))
    at = open_app("train")
    assert offers(at, "recipe/preset/0")
    widget(at, "recipe/preset/0").select("thrown").run()
    assert not at.exception and widget(at, "/dataset").value == "digits"


class Waiting:
    """A queue in which runs wait for the test to train them, in this process."""

    def __init__(self):
        self.runs = []

    def start(self, run):
        self.runs.append(run)

    def seconds_left(self, run):
        return 1.0


@throws_away(EXPERIMENTS=ExperimentPreset)
def test_an_experiment(offer, monkeypatch):
    """Chosen in the form, its runs of both sides trained for some steps, and what they came to is drawn."""
    net = make_net("thrown", (1, 8, 8), "Flatten", ("Linear", {"out_features": 10}))
    left = a_recipe(net=net, size_px=8, epochs=1, batch_size=256)
    right = replace(left, settings={**left.settings, "optimiser": "sgd"})
    names = Text("one way"), Text("another way")
    entry = add(offer, "EXPERIMENTS", ExperimentPreset(key="thrown", experiment=Experiment(left, right), names=names, **WORDS))
    assert travels(entry.experiment)
    queue = Waiting()
    monkeypatch.setattr(runs, "queue", lambda: queue)
    at = open_app("train")
    assert offers(at, "compare/preset")
    widget(at, "compare/preset").select("thrown").run()
    assert HELP.en in said(at)
    widget(at, "compare/seeds").set_value(2).run()
    at.button(key="compare/start").click().run()
    assert not at.exception and not at.error, at.exception or at.error[0].value
    assert len(queue.runs) == 4
    for run in queue.runs:
        assert train(run) == "finished"
    at.run()
    filed = ExperimentStore(RunStore()).get(at.query_params["experiment"])
    assert (filed.spec.left_name, filed.spec.right_name) == ("one way", "another way") and filed.spec.right == right
    told = {metric.label: metric.value for metric in at.metric}
    assert not at.exception and {"one way", "another way", "Gap, in points"} <= told.keys()
