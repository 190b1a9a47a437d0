import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix

from vpc2.augment.spec import Pipeline, edit_mix
from vpc2.data.datasets import load_dataset
from vpc2.data.imageset import ImageSet, split_images
from vpc2.predict.classifier import load_classifier
from vpc2.text import Refusal
from vpc2.training.presets import RECIPES
from vpc2.training.runs.events import stride_of
from vpc2.training.settings import SETTINGS
from vpc2.training.trainer import trainer
from vpc2.training.trainer.reporting import short
from vpc2.training.trainer.trainer import fit

CLOCKED = ("images_per_s", "elapsed_s")


def record(recipe, **kwargs):
    events = []
    classifier = fit(recipe, events.append, **kwargs)
    return classifier, events


def of_type(events, kind):
    return [event for event in events if event["type"] == kind]


def timeless(events):
    return [{key: value for key, value in event.items() if key not in CLOCKED} for event in events]


def test_the_same_recipe_gives_the_same_curve_bit_for_bit_whatever_was_drawn_before(recipe, tmp_path):
    augmented = replace(recipe, pipeline=RECIPES["hands-augmented"].recipe.pipeline, settings={**recipe.settings, "epochs": 2})
    one, first = record(augmented)
    torch.rand(17)
    np.random.rand(3)
    two, second = record(augmented, folder=tmp_path)  # saving in between must not change the result
    assert timeless(first) == timeless(second)
    for a, b in zip(one.module.state_dict().values(), two.module.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    _, third = record(replace(augmented, settings={**augmented.settings, "seed": 2}))
    assert timeless(third) != timeless(first)


def test_mixed_batches_train_on_mixed_labels(recipe):
    """The loss of mixed labels cannot fall under their own entropy, which for halves of two classes is far from 0."""
    settings = {**recipe.settings, "epochs": 12, "learning_rate": 0.02}
    mixed = edit_mix(Pipeline(), "RandomMixUpV2", {"lambda_val": [0.5, 0.5]})
    _, plain = record(replace(recipe, settings=settings))
    classifier, events = record(replace(recipe, settings=settings, pipeline=mixed))
    last, last_plain = of_type(events, "epoch")[-1], of_type(plain, "epoch")[-1]
    assert last["train_loss"] > 0.5 > last_plain["train_loss"]  # 0.9 of the pairs are of two classes: 0.9 * log(2) = 0.62
    assert last["val_accuracy"] > 0.8
    assert classifier.provenance["recipe"]["pipeline"]["mix"]["way"] == "RandomMixUpV2"


def test_training_leaves_the_global_generator_as_it_was(recipe):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    record(recipe)
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_loop_is_the_plain_loop_of_the_field(recipe, make_recipe):
    """Against a loop written here from torch alone: constant rate, SGD, the same order of pictures."""
    from vpc2.nets.module import build_net
    from vpc2.rng import seed_of, training

    recipe = make_recipe(optimiser="sgd", schedule="constant", learning_rate=0.05, weight_decay=0.0, epochs=1)
    recipe = replace(recipe, net=replace(recipe.net, layers=tuple(layer for layer in recipe.net.layers if layer.kind != "Dropout")))
    classifier, events = record(recipe)
    data = load_dataset("digits", 8)
    split = split_images(data, recipe.settings["seed"], recipe.settings["train_share"])
    with training(seed_of(recipe.settings["seed"], "weights")):
        module = build_net(recipe.net)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
    mean, std = classifier.preprocessing.mean[0], classifier.preprocessing.std[0]
    images = torch.from_numpy(data.images).float() / 255
    images = ((images @ torch.tensor([0.299, 0.587, 0.114]))[:, None] - mean) / std
    labels = torch.from_numpy(data.labels).long()
    order = torch.Generator().manual_seed(seed_of(recipe.settings["seed"], "order"))
    index = torch.from_numpy(split.train)[torch.randperm(len(split.train), generator=order)]
    losses = []
    for batch in index.tensor_split(-(-len(index) // 64)):
        loss = torch.nn.functional.cross_entropy(module(images[batch]), labels[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert [event["loss"] for event in of_type(events, "step")] == pytest.approx(losses, rel=0.01, abs=0.01)


def test_the_record_adds_up(recipe, make_recipe):
    classifier, events = record(make_recipe(epochs=3))
    start, end = events[0], events[-1]
    assert start["type"] == "start" and end["type"] == "end" and end["state"] == "finished" and end["reason"] is None
    steps, epochs = of_type(events, "step"), of_type(events, "epoch")
    assert [event["step"] for event in steps] == list(range(1, 3 * start["steps_per_epoch"] + 1))
    assert [event["epoch"] for event in epochs] == [1, 2, 3]
    first = [event for event in steps if event["epoch"] == 1]
    assert epochs[0]["train_loss"] == pytest.approx(sum(event["loss"] for event in first) / len(first), rel=0.01)
    assert epochs[0]["train_accuracy"] == pytest.approx(sum(event["accuracy"] for event in first) / len(first), abs=0.02)
    confusion = np.array(end["confusion"])
    data = load_dataset("digits", 8)
    test = split_images(data, recipe.settings["seed"], recipe.settings["train_share"]).test
    answers = classifier.probabilities(classifier.prepare(list(data.images[test]))).argmax(1).numpy()
    assert confusion.tolist() == confusion_matrix(data.labels[test], answers, labels=range(10)).tolist()
    assert (confusion.sum(1) == np.bincount(data.labels[test])).all() and (confusion.sum(0) != confusion.sum(1)).any(), "rows are the truth"
    assert confusion.sum() == start["counts"]["test"]
    assert np.trace(confusion) / confusion.sum() == pytest.approx(end["test_accuracy"])
    data = load_dataset("digits", recipe.settings["size_px"])
    test = data.subset(split_images(data, recipe.settings["seed"], recipe.settings["train_share"]).test)
    answers = classifier.logits(classifier.prepare(list(test.images))).argmax(1)
    assert end["confusion"] == confusion_matrix(test.labels, answers, labels=range(10)).tolist()
    assert [int(hit) for hit in end["test_hits"]] == (answers.numpy() == test.labels).astype(int).tolist()


def test_digits_are_learned():
    recipe = RECIPES["digits"].recipe
    _, events = record(replace(recipe, settings={**recipe.settings, "budget_s": 600.0}))
    assert events[-1]["test_accuracy"] > 0.9


def test_hands_of_people_never_seen_are_learned(hands_folder):
    recipe = RECIPES["hands"].recipe
    _, events = record(replace(recipe, settings={**recipe.settings, "epochs": 15, "budget_s": 600.0}))
    assert events[-1]["test_accuracy"] > 0.5


def test_the_classifier_says_what_the_record_says(recipe, tmp_path, make_recipe):
    classifier, events = record(make_recipe(epochs=2), folder=tmp_path)
    loaded = load_classifier(tmp_path / "model.safetensors")
    data = load_dataset("digits", 8)
    test = split_images(data, recipe.settings["seed"], recipe.settings["train_share"]).test
    pictures = [data.images[i] for i in test]
    for one in (classifier, loaded):
        chosen = one.probabilities(one.prepare(pictures)).argmax(1).numpy()
        assert (chosen == data.labels[test]).mean() == pytest.approx(events[-1]["test_accuracy"], abs=1e-9)
    assert loaded.classes == tuple(data.classes)


def test_stop_keeps_the_model_and_says_so(tmp_path, make_recipe):
    events = []

    def should_stop():
        return len(of_type(events, "step")) >= 40

    fit(make_recipe(epochs=50), events.append, should_stop=should_stop, folder=tmp_path)
    assert events[-1]["state"] == "stopped" and "2.35 epochs" in events[-1]["reason"]["en"]
    assert len(of_type(events, "step")) == 40
    assert load_classifier(tmp_path / "model.safetensors")


def test_stop_before_the_first_epoch_keeps_what_was_learned(tmp_path, make_recipe):
    events = []
    fit(make_recipe(), events.append, should_stop=lambda: len(of_type(events, "step")) >= 12, folder=tmp_path)
    assert events[-1]["state"] == "stopped" and not of_type(events, "epoch")
    assert events[-1]["test_accuracy"] > 0.3


@pytest.mark.parametrize("rate", [1e9, 1e30])
def test_a_loss_out_of_bounds_ends_in_a_sentence_with_finite_weights(rate, tmp_path, make_recipe):
    recipe = make_recipe(optimiser="sgd", epochs=4)
    recipe = replace(recipe, settings={**recipe.settings, "learning_rate": rate})  # beyond the limits of the form
    classifier, events = record(recipe, folder=tmp_path)
    reason = events[-1]["reason"]
    assert events[-1]["state"] == "failed"
    assert reason["en"].startswith("Loss became ") and "ten times smaller learning rate" in reason["en"]
    assert reason["es"].startswith("La pérdida se volvió ")
    assert all(bool(value.isfinite().all()) for value in classifier.module.state_dict().values())
    assert load_classifier(tmp_path / "model.safetensors")


def test_best_weights_are_kept_and_marked(recipe, make_recipe):
    _, events = record(make_recipe(epochs=6, schedule="constant", learning_rate=0.05))
    epochs = of_type(events, "epoch")
    best = max(epochs, key=lambda event: (event["val_accuracy"], -event["val_loss"]))
    assert events[-1]["best_epoch"] == best["epoch"]
    assert [event["epoch"] for event in epochs if event["is_best"]][-1] == best["epoch"]


def some_data(counts, groups=None):
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.random.default_rng(0).integers(0, 255, (len(labels), 8, 8, 3), dtype=np.uint8)
    return ImageSet(images=images, labels=labels, classes=tuple(str(i) for i in range(10)), groups=groups)


@pytest.fixture
def train_on(monkeypatch, make_recipe):
    """Train a small recipe on data of one's own and return the events."""

    def train(data, **settings):
        monkeypatch.setattr(trainer, "load_dataset", lambda key, size_px: data)
        return record(make_recipe(**settings))[1]

    return train


def test_a_batch_larger_than_the_data_is_capped_and_noted(train_on):
    events = train_on(some_data([6] * 10), batch_size=1024)
    assert events[0]["batch_size"] == events[0]["counts"]["train"] < 1024
    assert any("reduced from 1,024" in event["text"]["en"] for event in of_type(events, "note"))


@pytest.mark.parametrize("batch_size", [2, 3, 5, 7, 11])
def test_no_batch_of_one_ever_meets_batch_norm(monkeypatch, batch_size, train_on):
    sizes = []
    real = trainer.Trainer.run_step
    monkeypatch.setattr(trainer.Trainer, "run_step", lambda self, index, rate: (sizes.append(len(index)), real(self, index, rate))[1])
    events = train_on(some_data([7] * 10), batch_size=batch_size)
    assert min(sizes) >= 2 and sum(sizes) == events[0]["counts"]["train"]


def test_one_class_is_refused_with_counts(train_on):
    with pytest.raises(Refusal, match="at least two classes"):
        train_on(some_data([60] + [0] * 9))


def test_a_class_without_training_pictures_is_named(train_on):
    with pytest.raises(Refusal, match="“9”"):
        train_on(some_data([10] * 9 + [0]))


def test_labels_that_mean_nothing_train_without_dividing_by_zero(train_on):
    data = some_data([10] * 10)
    grey = np.zeros_like(data.images)
    grey[:, 0, 0, 0] = np.arange(len(data))  # one pixel tells them apart, or they would be copies
    data = replace(data, images=grey)
    events = train_on(data, epochs=2)
    assert events[-1]["state"] == "finished" and events[-1]["test_accuracy"] <= 0.5


@pytest.mark.parametrize("optimiser", SETTINGS.knob("optimiser").options)
@pytest.mark.parametrize("schedule", SETTINGS.knob("schedule").options)
def test_every_optimiser_with_every_schedule(optimiser, schedule, train_on):
    events = train_on(some_data([6] * 10), optimiser=optimiser, schedule=schedule, epochs=2, batch_size=8)
    assert events[-1]["state"] == "finished"


def test_the_time_budget_ends_a_run_of_too_many_epochs(make_recipe):
    _, events = record(make_recipe(epochs=10_000, budget_s=2.0))
    end, last = events[-1], of_type(events, "epoch")[-1]
    assert end["state"] == "finished" and "time budget of 2 s" in end["reason"]["en"]
    rates = [event["learning_rate"] for event in of_type(events, "step")]
    assert rates[-1] < 0.05 * max(rates), "the schedule must have been annealed to its end"
    assert last["planned_epochs"] < 10_000


def test_the_seconds_of_a_run_count_only_its_training(recipe, monkeypatch):
    """The time budget covers training only: the final test and saving are not counted as training time."""
    skipped, real = [0.0], time.monotonic
    monkeypatch.setattr(trainer.time, "monotonic", lambda: real() + skipped[0])
    test = trainer.Trainer._test
    monkeypatch.setattr(trainer.Trainer, "_test", lambda self: (skipped.__setitem__(0, 1e6), test(self))[1])
    _, events = record(recipe)
    assert events[-1]["test_accuracy"] is not None and events[-1]["elapsed_s"] < 1e5
    assert events[-1]["elapsed_s"] >= of_type(events, "epoch")[-1]["elapsed_s"]


@pytest.mark.parametrize(
    ("epochs", "written"), [(2.3529, 2.35), (12.0, 12), (0.4567, 0.45), (199.97, 199), (1234.9, 1234), (10_000.0, 10_000)]
)
def test_epochs_done_are_written_in_full_and_never_as_more_than_were_done(epochs, written):
    assert short(epochs) == written and f"{short(epochs):,}" == f"{written:,}"


def test_the_record_of_a_long_run_stays_small():
    recorded = [step for step in range(1, 400_001) if step % stride_of(step) == 0]
    assert recorded[:2000] == list(range(1, 2001))
    assert len(recorded) < 11_000
    gaps = {b - a for a, b in zip(recorded, recorded[1:], strict=False)}
    assert gaps == {1 << k for k in range(9)}
