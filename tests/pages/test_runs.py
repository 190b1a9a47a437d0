"""Train page with AppTest: the list of runs and the page of one run."""

import csv
import io
import re

import pytest

from tests.pages.test_pages import open_app, said
from vpc2.codec import to_document
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.predict.classifier import Classifier, Preprocessing, save_classifier
from vpc2.training.presets import RECIPES
from vpc2.training.runs.events import ALL_STEPS, EventWriter, read_events
from vpc2.training.runs.store import RunStore
from vpc2.ui.train.run_list import curves_to_csv

CURVE = [(2.0, 1.9), (1.2, 1.2), (0.7, 0.9), (0.4, 0.8), (0.3, 0.9), (0.2, 1.1), (0.1, 1.2), (0.05, 1.3), (0.02, 1.4)]


def make_run(name="a run", end=None, owner="somebody else", device="cpu"):
    """A run with an overfitting curve and the end event `end`."""
    run = RunStore().create(RECIPES["digits"].recipe, name=name, owner=owner)
    writer = EventWriter(run.folder)
    counts = {"train": 100, "validation": 20, "test": 20}
    start = {"classes": ["a", "b"], "counts": counts, "params": 99, "device": device, "epochs": 40, "budget_s": 9.0, "steps_per_epoch": 1}
    writer.write({"type": "start", **start})
    for i, (train, val) in enumerate(CURVE, 1):
        writer.write({"type": "step", "step": i, "epoch": i, "loss": train, "accuracy": 0.5, "learning_rate": 0.01})
        scores = {"train_loss": train, "train_accuracy": 0.5, "val_loss": val, "val_accuracy": 0.5}
        pace = {"images_per_s": 10.0, "elapsed_s": i, "planned_epochs": 40, "is_best": i == 4}
        writer.write({"type": "epoch", "epoch": i, "step": i, **scores, **pace})
    writer.write({"type": "end", "state": "finished", "reason": None, "elapsed_s": 9.0, "best_epoch": 4, **(end or {})})
    writer.close()
    return run


@pytest.fixture
def shared(monkeypatch):
    monkeypatch.setenv("VPC2_SHARED_RUNS", "1")


def opened(at):
    return [button for button in at.button if button.key and button.key.startswith("open/")]


def test_an_empty_list_says_what_to_do():
    assert "Choose a recipe and press Train" in said(open_app("train"))


def test_many_runs_come_in_parts_and_ticked_ones_are_laid_over_each_other(shared):
    for i in range(30):
        make_run(f"run {i}")
    at = open_app("train")
    assert len(opened(at)) == 12 and "somebody else's" in said(at)
    at.button(key="runs/more").click().run()
    assert len(opened(at)) == 30
    ticks = [box for box in at.checkbox if box.key.startswith("tick/")]
    ticks[3].check()
    ticks[20].check().run()
    assert not at.exception and any("overlay" in str(element.proto.id) for element in at.get("bidi_component"))
    assert not any(box.key.startswith("delete") for box in at.checkbox)  # they are not this visitor's


def test_the_page_of_a_run_says_what_its_curve_does_and_offers_the_owner_alone_to_change_it(shared):
    run = make_run()
    at = open_app("train", run=run.id)
    assert "Overfitting since epoch 4" in said(at) and "100 training pictures" in said(at)
    keys = {button.key.partition("/")[0] for button in at.button}
    assert {"clone", "use-recipe", "close"} <= keys and not {"pause", "stop", "resume", "delete"} & keys


def test_a_loss_out_of_bounds_offers_a_tenth_of_its_rate(shared):
    reason = {"en": "Loss became NaN at step 31.", "es": "x"}
    run = make_run(end={"state": "failed", "reason": reason})
    at = open_app("train", run=run.id)
    assert any("NaN at step 31" in error.value for error in at.error)
    at.button(key=f"smaller/{run.id}").click().run()
    assert not at.exception
    rate = RECIPES["digits"].recipe.settings["learning_rate"]
    assert at.session_state["slot/recipe"]["documents"][-1]["settings"]["learning_rate"] == pytest.approx(rate / 10)


def test_ticked_runs_are_one_table_and_no_name_becomes_a_formula():
    chosen = [make_run("=cmd()|calc"), make_run("plain")]
    rows = list(csv.DictReader(io.StringIO(curves_to_csv(chosen))))
    assert len(rows) == 2 * 2 * len(CURVE) and {row["name"] for row in rows} == {"'=cmd()|calc", "plain"}
    for run in chosen:
        own = [row for row in rows if row["run"] == run.id and row["type"] == "epoch"]
        told = [event for event in read_events(run.folder)[0] if event["type"] == "epoch"]
        assert [float(row["val_loss"]) for row in own] == [event["val_loss"] for event in told] == [val for _, val in CURVE]


def take_home(run):
    """Return the page of a run that has a model, with the tab Take home open."""
    module = build_net(NETS["tiny"].net)
    means = Preprocessing(16, (0.5,) * 3, (0.2,) * 3)
    save_classifier(Classifier(module, means, tuple("0123456789"), {"net": to_document(NETS["tiny"].net)}), run.model_path)
    at = open_app("train", run=run.id)
    at.session_state[f"inside/{run.id}"] = "Take home"
    at.run()
    assert not at.exception
    return at


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_script_of_a_run_says_where_it_is_not_the_very_same_training(shared, device):
    words = said(take_home(make_run(device=device)))
    assert ("the same curve on the same machine" in words) == (device == "cpu")
    assert ("trained on cuda" in words and "not the same" in words) == (device == "cuda")


def test_a_run_that_no_script_repeats_says_so_in_place_of_a_file(shared):
    run = make_run()
    events = (run.folder / "events.jsonl").read_text()
    (run.folder / "events.jsonl").write_text(re.sub(r'"step":9,', f'"step":{ALL_STEPS + 9},', events))
    at = take_home(run)
    assert "no script gives the same curve" in said(at) and "the same curve on the same machine" not in said(at)
    assert [button.proto.disabled for button in at.get("download_button") if button.proto.label == "Script"] == [True]
