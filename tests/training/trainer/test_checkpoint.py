"""A run interrupted at any step ends with the same weights and events as an uninterrupted one."""

from dataclasses import replace

import pytest
import torch

from vpc2.augment.presets import PIPELINES
from vpc2.text import Refusal
from vpc2.training.optimisers import OPTIMISERS
from vpc2.training.runs.file_names import CHECKPOINT_NAME, START_NAME
from vpc2.training.trainer.trainer import fit

CLOCKED = ("images_per_s", "elapsed_s")


def timeless(events):
    return [
        {key: value for key, value in event.items() if key not in CLOCKED} for event in events if event["type"] in ("step", "epoch", "end")
    ]


def steps(events):
    return [event["step"] for event in events if event["type"] == "step"]


def run(recipe, folder, pause_at=()):
    """Fit in a folder, pausing whenever a step of `pause_at` was just done; return the classifier and all events, repeats dropped."""
    events, left = [], list(pause_at)

    def should_pause():
        if left and steps(events)[-1:] == left[:1]:
            left.pop(0)
            return True
        return False

    classifier = None
    while classifier is None:
        classifier = fit(recipe, events.append, should_pause=should_pause, folder=folder)
    seen, once = set(), []
    for event in events:
        name = (event["type"], event.get("step"), event.get("epoch"))
        if event["type"] in ("step", "epoch"):
            assert name not in seen or event["type"] == "step"
        if name not in seen or event["type"] == "end":
            once.append(event)
        seen.add(name)
    return classifier, once


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("change", [{}, {"balance": "sampling", "imbalance": 4.0}, {"clip_norm": 0.5, "label_smoothing": 0.1}])
def test_paused_within_an_epoch_and_between_two_it_ends_the_same(tmp_path, make_recipe, optimiser, change):
    recipe = make_recipe(epochs=3, optimiser=optimiser, **change)
    recipe = replace(recipe, pipeline=PIPELINES["gentle"].pipeline)
    whole, undisturbed = run(recipe, tmp_path / "whole")
    per_epoch = undisturbed[-2]["step"] // 3
    paused, events = run(recipe, tmp_path / "paused", pause_at=(3, per_epoch, per_epoch + 5))
    assert timeless(events) == timeless(undisturbed)
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, paused.module.state_dict()[name]), name
    assert not (tmp_path / "paused" / CHECKPOINT_NAME).exists(), "a finished run needs none"


@pytest.fixture(autouse=True)
def _folders(tmp_path):
    for name in ("whole", "paused"):
        (tmp_path / name).mkdir()


class Killed(BaseException):
    """Simulates a worker that dies between two events."""


@pytest.mark.parametrize("at", [7, 20, 41])
def test_a_killed_run_goes_on_from_its_last_epoch(tmp_path, make_recipe, at):
    recipe = make_recipe(epochs=3)
    whole, undisturbed = run(recipe, tmp_path / "whole")
    heard = []

    def die(event):
        heard.append(event)
        if event["type"] == "step" and event["step"] == at:
            raise Killed

    with pytest.raises(Killed):
        fit(recipe, die, folder=tmp_path / "paused")
    again = []
    classifier = fit(recipe, again.append, folder=tmp_path / "paused")
    assert steps(again)[0] <= at + 1, "nothing may be missing"
    if at > 17:
        assert steps(again)[0] > 1, "an epoch was complete, so it does not begin at the beginning"
    known = {event["step"] for event in heard if event["type"] == "step"}
    joined = [event for event in heard if event["type"] == "step"] + [
        event for event in again if event["type"] == "step" and event["step"] not in known
    ]
    assert timeless(joined) == [event for event in timeless(undisturbed) if event["type"] == "step"]
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, classifier.module.state_dict()[name]), name


def test_a_stopped_run_goes_on_where_it_was(tmp_path, make_recipe):
    recipe = make_recipe(epochs=2)
    whole, _ = run(recipe, tmp_path / "whole")
    heard = []
    fit(recipe, heard.append, should_stop=lambda: len(steps(heard)) >= 9, folder=tmp_path / "paused")
    assert heard[-1]["state"] == "stopped"
    again = []
    classifier = fit(recipe, again.append, folder=tmp_path / "paused")
    assert steps(again)[0] == 10 and again[-1]["state"] == "finished"
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, classifier.module.state_dict()[name]), name


def test_weights_to_begin_with_are_taken_over_or_refused(tmp_path, make_recipe):
    first = make_recipe(epochs=4)
    trained, _ = run(first, tmp_path / "whole")
    (tmp_path / "paused" / START_NAME).write_bytes((tmp_path / "whole" / "model.safetensors").read_bytes())
    events = []
    fit(make_recipe(epochs=1, learning_rate=1e-6), events.append, folder=tmp_path / "paused")
    assert next(event for event in events if event["type"] == "epoch")["val_accuracy"] > 0.85, "it begins where the other ended"
    other = replace(first, net=replace(first.net, layers=first.net.layers[:1] + first.net.layers[2:]))
    with pytest.raises(Refusal, match="another net"):
        fit(other, lambda event: None, folder=tmp_path / "paused")


@pytest.mark.parametrize("junk", [b"", b"\0" * 64, b'{"a": 1}'])
def test_a_damaged_checkpoint_is_a_sentence(tmp_path, recipe, junk):
    (tmp_path / "paused" / CHECKPOINT_NAME).write_bytes(junk)
    with pytest.raises(Refusal, match="clone"):
        fit(recipe, lambda event: None, folder=tmp_path / "paused")
