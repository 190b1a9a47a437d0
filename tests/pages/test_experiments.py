"""Train page with AppTest: the texts on a run's test results and on an experiment."""

from dataclasses import replace

import numpy as np
import pytest

from tests.pages.test_pages import open_app, said
from tests.pages.test_runs import make_run
from vpc2.augment.presets import PIPELINES
from vpc2.training.experiments.store import ExperimentStore
from vpc2.training.presets import RECIPES
from vpc2.training.runs.events import EventWriter
from vpc2.training.runs.store import RunStore
from vpc2.training.spec import Experiment, without
from vpc2.ui.session import runs
from vpc2.ui.train import experiments

RISING = (0.3, 0.5, 0.6, 0.7)
LEVEL = (0.3, 0.8, 0.8, 0.8)


class RunQueue:
    """A queue that accepts runs and trains none."""

    def __init__(self):
        self.started = []

    def start(self, run):
        self.started.append(run)


def end_run(store, run_id, hits, curve, groups=None):
    writer = EventWriter(store.get(run_id).folder)
    counts = {"train": 100, "validation": 20, "test": len(hits)}
    writer.write({"type": "start", "classes": ["a", "b"], "counts": counts, "params": 9, "device": "cpu", "epochs": 4, "budget_s": 9.0})
    for i, accuracy in enumerate(curve, 1):
        scores = {"train_loss": 1.0, "train_accuracy": accuracy, "val_loss": 1 - accuracy, "val_accuracy": accuracy}
        writer.write({"type": "epoch", "epoch": i, "step": i, **scores, "images_per_s": 10.0, "elapsed_s": i, "is_best": True})
    test = {"test_accuracy": float(np.mean(hits)), "test_loss": 0.5, "test_hits": "".join("01"[hit] for hit in hits), "test_groups": groups}
    writer.write({"type": "end", "state": "finished", "reason": None, **test, "best_epoch": 4, "elapsed_s": 9.0})
    writer.close()


def make_experiment(seeds, curves, groups=None):
    """An experiment whose right side classifies ten images of a hundred more correctly than the left one, in every seed."""
    store = RunStore()
    recipe = replace(RECIPES["digits"].recipe, pipeline=PIPELINES["gentle"].pipeline)
    filed = ExperimentStore(store).create(Experiment(without(recipe), recipe, "without", "with", seeds), "somebody else")
    rng = np.random.default_rng(0)
    for pair in filed.pairs:
        order = rng.permutation(100)
        for run_id, right, curve in zip(pair, (70, 80), curves, strict=True):
            end_run(store, run_id, (order < right).astype(int).tolist(), curve, groups)
    return filed


def test_a_run_of_eight_test_pictures_does_not_hide_how_few_they_are(monkeypatch):
    monkeypatch.setenv("VPC2_SHARED_RUNS", "1")
    run = make_run(end={"test_accuracy": 1.0, "test_loss": 0.1, "test_hits": "11111111"})
    at = open_app("train", run=run.id)
    assert not at.exception and "100 % (68 to 100) of 8" in said(at).replace("\\", "")
    [test] = [metric for metric in at.metric if metric.label == "Test accuracy"]
    assert (test.value, test.delta) == ("100.0\u00a0%", "68 to 100 % of 8")


def test_a_run_from_before_has_its_accuracy_without_counts(monkeypatch):
    monkeypatch.setenv("VPC2_SHARED_RUNS", "1")
    run = make_run(end={"test_accuracy": 0.75, "test_loss": 0.1})
    at = open_app("train", run=run.id)
    [test] = [metric for metric in at.metric if metric.label == "Test accuracy"]
    assert not at.exception and test.value == "75.0\u00a0%" and not test.delta


@pytest.mark.parametrize(("curves", "warning"), [((RISING, RISING), "Both sides"), ((LEVEL, RISING), "“with” was"), ((LEVEL, LEVEL), None)])
def test_an_experiment_that_ended_early_offers_twice_the_epochs(monkeypatch, curves, warning):
    queue = RunQueue()
    monkeypatch.setattr(runs, "queue", lambda: queue)
    monkeypatch.setattr(experiments.runs, "queue", lambda: queue)
    filed = make_experiment(3, curves)
    at = open_app("train", experiment=filed.id)
    words = said(at)
    assert "Seeds: 3; test pictures: 100." in words and PIPELINES["gentle"].title.en in words and "no augmentation" in words
    assert any("points better" in box.value for box in at.success)
    warnings = [box.value for box in at.warning if "still getting better" in box.value]
    assert [warning in text for text in warnings] == ([True] if warning else [])
    assert bool(warning) == any(button.key == "experiment/longer" for button in at.button)
    for which, metric in enumerate([metric for metric in at.metric if metric.label in ("without", "with")]):
        assert metric.value == ("70.0\u00a0%", "80.0\u00a0%")[which] and " to " in metric.delta
    if warning:
        wanted = [2 * RECIPES["digits"].recipe.settings[key] for key in ("epochs", "budget_s")]
        monkeypatch.setattr(experiments, "_draw_progress", lambda *_args: None)
        at.button(key="experiment/longer").click()
        monkeypatch.setattr(experiments, "_start_and_open", lambda spec: queue.started.append(spec))
        at.run()
        [spec] = queue.started
        assert all([side.settings["epochs"], side.settings["budget_s"]] == wanted for side in (spec.left, spec.right))


def test_one_seed_gets_no_verdict_and_people_are_counted():
    at = open_app("train", experiment=make_experiment(1, (LEVEL, LEVEL), groups=np.repeat(np.arange(20), 5).tolist()).id)
    words = said(at)
    assert [metric.delta for metric in at.metric if metric.label.startswith("Gap")] == ["one seed: no verdict"]
    assert not at.success and any("No verdict" in box.value for box in at.info)
    assert "single seed" in words and "Seeds: 1; test pictures: 100, of 20 people." in words
