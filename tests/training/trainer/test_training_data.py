"""Training data against scikit-learn, Pillow's bytes and counting."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from vpc2.augment.spec import Pipeline, edit_add
from vpc2.data.datasets import load_dataset
from vpc2.data.imageset import split_images
from vpc2.text import Refusal
from vpc2.training.checks import check_recipe
from vpc2.training.trainer.trainer import fit
from vpc2.training.trainer.training_data import make_training_data, thin_out

FLIP = edit_add(Pipeline(), "RandomHorizontalFlip", {"p": 1.0})


@pytest.fixture
def material_of(make_recipe):
    def make(pipeline=None, **settings):
        recipe = replace(make_recipe(**settings), pipeline=pipeline)
        data = load_dataset("digits", 8)
        split = split_images(data, recipe.settings["seed"], recipe.settings["train_share"])
        return make_training_data(recipe, data, split, torch.device("cpu"), lambda: False), data, split

    return make


def test_imbalance_is_the_long_tail_of_the_paper():
    labels = np.repeat(np.arange(5), 200)
    remaining = thin_out(labels, np.arange(1000), 5, 16.0, 0)
    assert np.bincount(labels[remaining]).tolist() == [200, 100, 50, 25, 12]
    assert len(set(remaining.tolist())) == len(remaining)
    assert (
        thin_out(labels, np.arange(1000), 5, 16.0, 0).tolist()
        == remaining.tolist()
        != thin_out(labels, np.arange(1000), 5, 16.0, 1).tolist()
    )


def test_weights_are_scikit_learns(material_of):
    training_data, data, _ = material_of(imbalance=10, balance="weights")
    labels = training_data.labels[training_data.train].numpy()
    wanted = compute_class_weight("balanced", classes=np.arange(10), y=labels)
    np.testing.assert_allclose(training_data.weights.numpy(), wanted, rtol=1e-6)
    assert training_data.chances is None and training_data.counts == np.bincount(labels).tolist()


def test_rare_classes_are_drawn_as_often_as_the_others(material_of):
    training_data, data, _ = material_of(imbalance=20, balance="sampling")
    generator = torch.Generator().manual_seed(3)
    drawn = torch.cat([training_data.labels[training_data.epoch_order(generator)] for _ in range(40)])
    shares = torch.bincount(drawn, minlength=10) / len(drawn)
    assert (shares - 0.1).abs().max() < 0.01
    assert max(training_data.counts) > 15 * min(training_data.counts)


def test_offline_copies_are_the_pipelines_pictures_and_keep_their_labels(material_of):
    training_data, data, split = material_of(FLIP, augment="offline", copies=2)
    first = len(data)
    assert training_data.copies == 2 * len(split.train) and len(training_data.train) == 3 * len(split.train)
    for i, original in enumerate(np.repeat(split.train, 2)):
        assert np.array_equal(training_data.pixels[first + i].numpy(), data.images[original][:, ::-1])
        assert int(training_data.labels[first + i]) == data.labels[original]
    assert not set(training_data.train.tolist()) & set(split.test.tolist())


def test_balancing_by_augmentation_makes_the_classes_equal(material_of):
    training_data, _, _ = material_of(FLIP, imbalance=8, balance="augmentation")
    assert len(set(training_data.counts)) == 1 and training_data.copies > 0
    plain, _, _ = material_of(FLIP, imbalance=8)
    assert training_data.counts[0] == plain.counts[0] and plain.copies == 0


def test_online_makes_no_copies(material_of):
    assert material_of(FLIP)[0].copies == 0
    assert material_of(FLIP, augment="both", copies=1)[0].copies > 0


def test_balancing_by_copies_without_a_pipeline_is_mended_by_a_button(make_recipe):
    problem = check_recipe(make_recipe(balance="augmentation"))
    assert problem.is_fatal and check_recipe(problem.repairs[0].apply(make_recipe(balance="augmentation"))) is None


def test_copies_that_would_not_fit_are_refused(material_of, monkeypatch):
    from vpc2.system.host import Limits
    from vpc2.training.trainer import training_data

    monkeypatch.setattr(training_data, "LIMITS", Limits(activation_bytes=100_000))
    with pytest.raises(Refusal, match="fewer copies"):
        material_of(FLIP, augment="offline", copies=20)


def test_patience_ends_a_run_that_gets_no_better(make_recipe):
    events = []
    fit(make_recipe(epochs=60, patience=3, learning_rate=1e-6, schedule="constant", optimiser="sgd"), events.append)
    epochs = [event for event in events if event["type"] == "epoch"]
    best = max(event["epoch"] for event in epochs if event["is_best"])
    if len(epochs) < 60:
        assert len(epochs) == best + 3 and "Stopped early" in events[-1]["reason"]["en"]
    events = []
    fit(make_recipe(epochs=40, patience=2, learning_rate=0.05, schedule="constant"), events.append)
    epochs = [event for event in events if event["type"] == "epoch"]
    assert len(epochs) < 40 and not any(event["is_best"] for event in epochs[-2:]) and epochs[-3]["is_best"]
    assert events[-1]["state"] == "finished" and "Stopped early" in events[-1]["reason"]["en"]


def test_clipped_gradients_are_no_longer_than_asked(make_recipe):
    snapshots = []
    fit(make_recipe(epochs=1, clip_norm=0.01), lambda event: None, on_snapshot=snapshots.append)
    length = np.sqrt(sum(float((layer.gradients.astype(np.float64) ** 2).sum()) for layer in snapshots[-1].layers))
    assert length == pytest.approx(0.01, rel=1e-3)


def test_mixed_precision_trains_too(make_recipe):
    events = []
    classifier = fit(make_recipe(epochs=3, precision="bf16"), events.append)
    assert events[0]["precision"] == "bf16" and events[-1]["test_accuracy"] > 0.8
    assert {value.dtype for value in classifier.module.state_dict().values()} == {torch.float32, torch.int64}


def test_a_snapshot_has_the_numbers_of_the_record(make_recipe):
    snapshots, events = [], []
    fit(make_recipe(epochs=2), events.append, on_snapshot=snapshots.append)
    snapshot, last = snapshots[-1], [event for event in events if event["type"] == "epoch"][-1]
    table = snapshot.confusion()
    assert np.trace(table) / table.sum() == pytest.approx(last["val_accuracy"])
    assert snapshot.probabilities.sum(1) == pytest.approx(1, abs=1e-5)
    for mistake in snapshot.mistakes:
        assert mistake.true != mistake.predicted
    assert [m.confidence for m in snapshot.mistakes] == sorted((m.confidence for m in snapshot.mistakes), reverse=True)
    assert (
        snapshot.filters.shape == (8, 1, 3, 3)
        and snapshot.batch.shape[1:] == (8, 8, 3)
        and len(snapshot.batch) == len(snapshot.targets) <= 32
    )
    assert {layer.name for layer in snapshot.layers} == {f"{i}.{kind}" for i in _ids(events, snapshot) for kind in ("weight", "bias")}


def _ids(events, snapshot):
    return {layer.name.rpartition(".")[0] for layer in snapshot.layers}


def test_snapshots_do_not_change_the_training(make_recipe):
    plain, events_with_snapshots = [], []
    one = fit(make_recipe(epochs=2), plain.append)
    two = fit(make_recipe(epochs=2), events_with_snapshots.append, on_snapshot=lambda snapshot: None)
    assert [e["loss"] for e in plain if e["type"] == "step"] == [e["loss"] for e in events_with_snapshots if e["type"] == "step"]
    for name, value in one.module.state_dict().items():
        assert torch.equal(value, two.module.state_dict()[name])


def test_single_answers_add_up_to_the_accuracy(make_recipe):
    events = []
    fit(make_recipe(epochs=2), events.append)
    hits = events[-1]["test_hits"]
    assert len(hits) == events[0]["counts"]["test"] and hits.count("1") / len(hits) == pytest.approx(events[-1]["test_accuracy"])


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_normalised_by_numpys_mean_of_the_training_pictures_without_their_copies(make_recipe, channels):
    """Negatives are made before the training: they are learned from, and the preprocessing stays that of the pictures themselves."""
    recipe = make_recipe(augment="both", copies=2)
    net = replace(recipe.net, input=(channels, 8, 8))
    recipe = replace(recipe, net=net, pipeline=edit_add(Pipeline(), "RandomInvert", {"p": 1.0}))
    data = load_dataset("digits", 8)
    split = split_images(data, recipe.settings["seed"], recipe.settings["train_share"])
    events = []
    found = fit(recipe, events.append, data=data).preprocessing
    own = data.images[split.train] / 255
    assert events[0]["copies"] == 2 * len(own) and abs(own.mean() - 0.5) > 0.1
    own = own if channels == 3 else own @ np.array([0.299, 0.587, 0.114])[:, None]
    np.testing.assert_allclose(found.mean, own.mean((0, 1, 2)), atol=2e-3)
    np.testing.assert_allclose(found.std, own.std((0, 1, 2)), atol=2e-3)
