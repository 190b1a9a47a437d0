"""Every view of Train: the form, a run and its tabs, an experiment, the finder and the list, held against numpy, scipy and scikit-learn."""

import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix

from tests.training.runs.test_snapshot_writer import make_look
from tests.ui.pages import VISITOR, checked, figures, open_page, sent, slot, values, wilson, words
from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.nets.spec import make_net
from vpc2.training.experiments.store import ExperimentStore
from vpc2.training.presets import RECIPES
from vpc2.training.runs.events import EventWriter, read_events
from vpc2.training.runs.snapshot_writer import SnapshotWriter
from vpc2.training.runs.store import RunStore
from vpc2.training.spec import Experiment, without
from vpc2.ui.session import runs

DIGITS = RECIPES["digits"].recipe


class Queue:
    """Takes runs and trains none: what the pages ask of a queue."""

    def __init__(self):
        self.started, self.asked = [], []

    def start(self, run):
        self.started.append(run)

    def place_in_queue(self, run_id):
        return 3

    def wait_s(self, run_id):
        return 42.0

    def seconds_left(self, run):
        return 10.0

    def stop(self, run_id, by):
        self.asked.append(("stop", run_id))

    def pause(self, run_id, by):
        self.asked.append(("pause", run_id))


@pytest.fixture(autouse=True)
def queue(monkeypatch):
    made = Queue()
    monkeypatch.setattr(runs, "queue", lambda: made)
    return made


def train(query=None, recipe=DIGITS, **session):
    return open_page("train", query=query, slot__recipe=slot(recipe), **session)


def recipe_of(at):
    kept = at.session_state["slot/recipe"]
    return codec.from_document(kept["documents"][kept["at"]]).spec


def test_the_form_counts_the_classes_of_the_chosen_set():
    at = train()
    counts = np.bincount(load_digits().target)
    told = re.findall(r"(\d) \(([\d,]+)\)", words(at, "caption"))
    assert [int(count.replace(",", "")) for _name, count in told] == counts.tolist()
    assert f"{counts.sum():,} pictures in 10 classes" in words(at)


def test_train_starts_the_recipe_that_the_form_shows(queue):
    at = train()
    rate = next(one for kind in ("number_input", "slider") for one in at.get(kind) if "learning_rate" in (one.key or ""))
    rate.set_value(0.02).run()
    checked(at.button(key="train").click().run())
    [run] = queue.started
    assert run.recipe.settings["learning_rate"] == 0.02 and run.recipe.dataset == "digits"
    assert run.recipe == replace(DIGITS, name=run.recipe.name, settings={**DIGITS.settings, "learning_rate": 0.02})
    assert "place 3 in line, about 42 s" in words(at)


def test_a_recipe_that_cannot_be_trained_says_so_and_its_repair_mends_it(queue):
    pool, wide = ("MaxPool2d", {"kernel_size": 2}), ("Conv2d", {"out_channels": 4, "kernel_size": 21})  # on 16 pixels
    net = make_net("n", (3, 32, 32), pool, wide, "Flatten", ("Linear", {"out_features": 10}))
    at = train(recipe=replace(DIGITS, net=net), slot__net=slot(net), train__net="build")
    repairs = [one for one in at.button if (one.key or "").startswith("repair/")]
    assert at.warning and at.button(key="train").disabled and not queue.started and repairs
    checked(repairs[0].click().run())
    assert not at.button(key="train").disabled, words(at, "warning")
    assert recipe_of(at).net != net


def open_run(known, tab, **session):
    return train({"run": known.id}, known.run.recipe, **{f"inside__{known.id}": tab, **session})


def test_a_runs_test_is_scikit_learns_confusion_matrix(known):
    at = open_run(known, "Test")
    answers = known.ask(known.images).argmax(1)
    counts = confusion_matrix(known.labels, answers)
    figure = next(one for one in figures(at) if one["data"][0]["type"] == "heatmap")
    cells = [[int(cell or 0) for cell in row] for row in figure["data"][0]["text"]]
    assert cells == counts.tolist() and not np.array_equal(counts, counts.T)
    np.testing.assert_allclose(values(figure["data"][0]["z"]), counts / counts.sum(1, keepdims=True), atol=1e-9)
    assert (figure["layout"]["yaxis"]["title"]["text"], figure["layout"]["xaxis"]["title"]["text"]) == ("true class", "predicted class")
    true, taken, n = map(int, re.search(r"mistake: (\d) taken for (\d) \((\d+) ×\)", words(at)).groups())
    np.fill_diagonal(counts, 0)
    assert n == counts.max() == counts[true, taken]


def test_a_runs_accuracy_has_the_interval_of_scipy(known):
    at = open_run(known, "Numbers")
    right = int((known.ask(known.images).argmax(1) == known.labels).sum())
    low, high = wilson(right, len(known.labels))
    [metric] = [one for one in at.metric if one.label == "Test accuracy"]
    assert metric.value.replace("\u00a0", " ") == f"{100 * right / len(known.labels):.1f} %"
    assert metric.delta == f"{low:.0f} to {high:.0f} % of {len(known.labels)}"


def test_a_runs_numbers_are_its_events(known, media):
    at = open_run(known, "Numbers")
    table = at.dataframe[0].value
    epochs = [event for event in read_events(known.run.folder)[0] if event["type"] == "epoch"]
    for title, key in (("Training loss", "train_loss"), ("Training accuracy", "train_accuracy"), ("Validation loss", "val_loss")):
        assert list(table[title]) == [event[key] for event in epochs]
    assert list(table["Validation accuracy"]) == [event["val_accuracy"] for event in epochs]
    assert list(table["Seconds"]) == [event["elapsed_s"] for event in epochs]
    rows = [row for row in csv.DictReader(io.StringIO(media.by_name["curves.csv"].decode())) if row["type"] == "epoch"]
    assert [float(row["val_loss"]) for row in rows] == [event["val_loss"] for event in epochs]


LOOKS = {"What the net sees": "batch", "Classes": "classes", "Mistakes": "mistakes", "Layers": "layers"}


@pytest.mark.parametrize(("tab", "view"), LOOKS.items())
def test_a_look_inside_a_run_is_its_latest_look(known, tab, view):
    look = make_look(step=3)
    SnapshotWriter(known.run.folder).write_snapshot(look)
    [data] = [one for one in sent(open_run(known, tab), f"look/{known.id}") if one["view"] == view]
    told = data["snapshot"]["look"]
    assert (told["step"], data["run"]) == (3, known.id)
    assert told["confusion"] == confusion_matrix(look.labels, look.probabilities.argmax(1), labels=range(10)).tolist()
    assert data["snapshot"]["batch"].startswith("data:image/jpeg") and data["snapshot"]["mistakes"] != data["snapshot"]["batch"]


def test_tensorboard_is_offered_where_it_is_served(known, monkeypatch):
    from vpc2.ui.server import routes

    assert "streamlit_app.py" in words(open_run(known, "TensorBoard"))
    monkeypatch.setattr(routes, "is_serving", lambda: True)
    [link] = open_run(known, "TensorBoard").get("link_button")
    assert link.proto.url.endswith(f"/tensorboard/{known.id}/")


def test_what_a_run_leaves_to_take_home_is_the_run(known, media):
    import json

    open_run(known, "Take home")
    assert media.written["classifier.safetensors"]() == known.run.model_path.read_bytes()
    assert codec.from_json(media.by_name["recipe.json"]).spec == known.run.recipe
    assert json.loads(media.by_name["recipe.json"])["dataset"] == "digits"


def test_a_run_that_goes_on_can_be_stopped_and_paused_by_its_owner_alone(queue, monkeypatch):
    run = RunStore().create(DIGITS, owner=VISITOR)
    other = RunStore().create(DIGITS, owner="2" * 32)
    for one, keys in ((run, {"pause", "stop"}), (other, set())):
        at = train({"run": one.id})
        assert {button.key.partition("/")[0] for button in at.button} & {"pause", "stop"} == keys
    at = train({"run": run.id})
    checked(at.button(key=f"stop/{run.id}").click().run())
    assert queue.asked == [("stop", run.id)]


def test_run_it_again_makes_a_run_of_the_same_recipe(known, queue):
    at = open_run(known, "Numbers")
    checked(at.button(key="clone").click().run())
    [made] = queue.started
    assert made.id != known.id and made.recipe == known.run.recipe and made.owner == VISITOR


def test_a_note_and_a_name_are_kept_and_a_run_goes_for_good(known):
    at = open_run(known, "Numbers")
    next(one for one in at.text_input if one.label == "Name").set_value("another")
    next(one for one in at.text_area if one.label == "Note").set_value("a *note*")
    checked(next(one for one in at.button if one.key == "rename/keep").click().run())
    kept = RunStore().get(known.id)
    assert (kept.name, kept.note) == ("another", "a *note*")
    next(one for one in at.checkbox if one.key == "delete/mean-it").check().run()
    checked(at.button(key="delete").click().run())
    assert not known.run.folder.exists()


def ended(store, run_id, hits, curve):
    writer = EventWriter(store.get(run_id).folder)
    counts = {"train": 100, "validation": 20, "test": len(hits)}
    writer.write({"type": "start", "classes": ["a", "b"], "counts": counts, "params": 9, "device": "cpu", "epochs": 4, "budget_s": 9.0})
    for i, accuracy in enumerate(curve, 1):
        scores = {"train_loss": 1.0, "train_accuracy": accuracy, "val_loss": 1 - accuracy, "val_accuracy": accuracy}
        writer.write({"type": "epoch", "epoch": i, "step": i, **scores, "images_per_s": 10.0, "elapsed_s": i, "is_best": True})
    told = "".join("01"[hit] for hit in hits)
    test = {"test_accuracy": float(np.mean(hits)), "test_loss": 0.5, "test_hits": told, "best_epoch": 4, "elapsed_s": 9.0}
    writer.write({"type": "end", "state": "finished", "reason": None, **test})
    writer.close()


LEFT, RIGHT = [(0.2, 0.6, 0.5), (0.4, 0.7, 0.6)], [(0.3, 0.9, 0.8), (0.5, 0.8, 0.7)]


@pytest.fixture
def experiment():
    """Two seeds; 200 test pictures, of which the right side answers more."""
    store, rng = RunStore(), np.random.default_rng(4)
    recipe = replace(DIGITS, pipeline=PIPELINES["gentle"].pipeline)
    filed = ExperimentStore(store).create(Experiment(without(recipe), recipe, "without", "with", 2), VISITOR)
    hits = np.zeros((2, 2, 200), int)
    for seed, pair in enumerate(filed.pairs):
        for side, run_id in enumerate(pair):
            hits[seed, side] = rng.random(200) < (0.6, 0.8)[side]
            ended(store, run_id, hits[seed, side].tolist(), (LEFT, RIGHT)[side][seed])
    return filed, hits


def test_an_experiments_numbers_are_means_over_seeds_and_its_interval_holds_the_gap(experiment, media):
    filed, hits = experiment
    at = train({"experiment": filed.id})
    means = hits.mean((0, 2))
    by_label = {one.label: one for one in at.metric}
    for name, share in zip(("without", "with"), means, strict=True):
        assert by_label[name].value.replace("\u00a0", " ") == f"{100 * share:.1f} %"
        low, high = map(float, re.match(r"(\d+) to (\d+) %", by_label[name].delta).groups())
        assert low < 100 * share < high
    gap = by_label["Gap, in points"]
    low, high = map(float, gap.delta.split(" … "))
    assert float(gap.value) == pytest.approx(100 * (means[1] - means[0]), abs=0.051) and low < float(gap.value) < high
    said = [float(one.replace("−", "-")) for one in re.search(r"\((\+?\S+) to (\+?\S+)\)", _line_of(at)).groups()]
    assert said == [low, high] and f"{float(gap.value):+.1f} points" in _line_of(at)
    rows = list(csv.DictReader(io.StringIO(media.by_name["experiment.csv"].decode())))
    assert [(row["Side"], row["Seed"]) for row in rows] == [("without", "1"), ("with", "1"), ("without", "2"), ("with", "2")]
    assert [float(row["Test accuracy"]) for row in rows] == pytest.approx(hits.mean(2).ravel())
    for row, own in zip(rows, hits.reshape(4, 200), strict=True):
        low, high = wilson(own.sum(), 200)
        assert row["95 % interval"].replace("\u00a0", " ") == f"{low:.1f} … {high:.1f} %"


def _line_of(at):
    """Return what the list says of an experiment's gap."""
    return next(one.value for one in at.caption if "points (" in one.value).replace("\\", "")


def test_an_experiments_curves_are_each_seed_and_their_mean(experiment):
    filed, hits = experiment
    curves, pairs = figures(train({"experiment": filed.id}))[:2]
    means = [values(one["y"]) for one in curves["data"] if one.get("name")]
    for found, seeds in zip(means, (LEFT, RIGHT), strict=True):
        np.testing.assert_allclose(found, 100 * np.mean(seeds, 0), atol=1e-9)
    bands = [values(one["y"]) for one in curves["data"] if one.get("fill")]
    for band, seeds in zip(bands, (LEFT, RIGHT), strict=True):
        np.testing.assert_allclose(band, 100 * np.array([*np.max(seeds, 0), *np.min(seeds, 0)[::-1]]), atol=1e-9)
    assert [values(one["y"]).tolist() for one in pairs["data"]] == [pytest.approx(100 * hits[seed].mean(1)) for seed in range(2)]


@pytest.mark.parametrize("ended_runs", [0, 1, 3])
def test_an_experiment_that_goes_on_counts_the_run_that_is_trained_now(ended_runs):
    """Of four runs, each with ten seconds left: the first is run 1, and when three are over the last is run 4."""
    recipe = replace(DIGITS, pipeline=PIPELINES["gentle"].pipeline)
    filed = ExperimentStore(RunStore()).create(Experiment(without(recipe), recipe, "without", "with", 2), VISITOR)
    for run_id in filed.runs[:ended_runs]:
        ended(RunStore(), run_id, [1, 0, 1], (0.5, 0.6))
    [bar] = [one.proto for one in train({"experiment": filed.id}).get("progress")]
    assert bar.text == f"Run {ended_runs + 1} of 4, about {10 * (4 - ended_runs)} s left in all"
    assert bar.value == 25 * ended_runs


def test_with_and_without_starts_both_sides_of_every_seed(queue):
    at = train(recipe=replace(DIGITS, pipeline=PIPELINES["gentle"].pipeline), train__pipeline="gentle")
    checked(at.button(key="compare").click().run())
    has_pipeline = [run.recipe.pipeline is not None for run in queue.started]
    assert has_pipeline == [False, True] * 3
    seeds = [run.recipe.settings["seed"] for run in queue.started]
    assert seeds[::2] == seeds[1::2] and len(set(seeds)) == 3


def test_of_one_setting_each_side_is_named_by_its_own_value(queue):
    at = train(compare__way="setting", compare__setting="learning_rate")
    [box] = [
        one for kind in ("number_input", "slider") for one in at.get(kind) if (one.key or "").startswith("compare/value/learning_rate")
    ]
    box.set_value(0.125).run()
    checked(at.button(key="compare/start").click().run())
    assert len(queue.started) == 6
    told = [float(re.search(r": (\S+) · \d", run.name)[1]) for run in queue.started]
    rates = [run.recipe.settings["learning_rate"] for run in queue.started]
    assert told == pytest.approx(rates) and rates == [DIGITS.settings["learning_rate"], 0.125] * 3


def test_the_finder_draws_its_rates_and_its_suggestion_becomes_the_rate(queue):
    at = train()
    checked(at.button(key="find-rate").click().run())
    [run] = queue.started
    rates = [1e-4 * 1.2**i for i in range(40)]
    losses = [2.5 - 0.04 * i for i in range(40)]
    writer = EventWriter(run.folder)
    for i, (rate, loss) in enumerate(zip(rates, losses, strict=True)):
        writer.write({"type": "rate", "step": i + 1, "learning_rate": rate, "loss": loss, "mean": loss + 0.01})
    writer.write({"type": "end", "state": "finished", "reason": None, "suggestion": 0.0123, "elapsed_s": 1.0})
    writer.close()
    at.run()
    figure = next(one for one in figures(at) if one["layout"]["xaxis"].get("type") == "log")
    np.testing.assert_allclose(values(figure["data"][0]["x"]), rates)
    np.testing.assert_allclose(values(figure["data"][0]["y"]), losses)
    np.testing.assert_allclose(values(figure["data"][1]["y"]), np.array(losses) + 0.01)
    assert figure["layout"]["shapes"][0]["x0"] == 0.0123
    checked(at.button(key="use-rate").click().run())
    assert recipe_of(at).settings["learning_rate"] == pytest.approx(0.0123)


def test_the_list_tells_each_runs_accuracy_and_ticked_runs_are_one_table(known, media):
    other = RunStore().create(DIGITS, name="=SUM(A1)", owner=VISITOR)
    ended(RunStore(), other.id, [1, 1, 1, 0], (0.5, 0.6))
    at = train()
    right = int((known.ask(known.images).argmax(1) == known.labels).sum())
    low, high = wilson(right, len(known.labels))
    said = f"test accuracy {100 * right / len(known.labels):.1f} % ({low:.0f} to {high:.0f}) of {len(known.labels)}"
    assert said in words(at, "caption") and "test accuracy 75 %" in words(at, "caption")
    for run in (known.run, other):
        at.checkbox(key=f"tick/{run.id}").check()
    checked(at.run())
    rows = list(csv.DictReader(io.StringIO(media.written["runs.csv"]())))
    assert {row["run"] for row in rows} == {known.id, other.id} and not [row for row in rows if row["name"][0] in "=+-@\t\r"]
    [overlay] = sent(at, "overlay")
    assert [one["id"] for one in overlay["runs"]] == [other.id, known.id]


@pytest.mark.parametrize(("key", "value", "is_shown"), [("optimiser", "sgd", False), ("batch_size", 16, False), ("epochs", 7, True)])
def test_a_search_is_shown_beside_the_recipe_that_it_searched_alone(queue, key, value, is_shown):
    """Another optimiser wants another rate; the number of epochs comes after the search's hundred steps."""
    at = train()
    checked(at.button(key="find-rate").click().run())
    assert DIGITS.settings[key] != value
    at.session_state["slot/recipe"] = slot(replace(DIGITS, settings={**DIGITS.settings, key: value}))
    progress = [one.proto.text for one in checked(at.run()).get("progress")]
    assert is_shown == any("Looking for a learning rate" in text for text in progress), progress
