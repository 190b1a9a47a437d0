"""TensorBoard event files of a run, read by TensorBoard's own readers, against the events, the snapshots and scikit-learn."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import precision_score, recall_score
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.util import tensor_util

from vpc2.training.queue.worker import train
from vpc2.training.runs.events import read_events
from vpc2.training.tensorboard.sink import BEST_TAG, END_TAGS, EPOCH_TAGS, STEP_TAGS, TensorBoardSink
from vpc2.training.tensorboard.summaries import THRESHOLDS, filter_tiles, to_markdown
from vpc2.training.trainer import trainer


@pytest.fixture
def trained(store, make_recipe, monkeypatch):
    """A run with its snapshots and what TensorBoard reads of it."""
    snapshots = []
    monkeypatch.setattr(trainer, "SNAPSHOT_EVERY_S", 0.0)
    real = TensorBoardSink.write_snapshot
    monkeypatch.setattr(TensorBoardSink, "write_snapshot", lambda self, snapshot: (snapshots.append(snapshot), real(self, snapshot)))
    run = store.create(make_recipe(epochs=3))
    assert train(run) == "finished"
    accumulator = EventAccumulator(str(run.folder / "tb"), size_guidance={"scalars": 0, "tensors": 0, "images": 0, "histograms": 0})
    accumulator.Reload()
    return run, read_events(run.folder)[0], snapshots, accumulator


def test_scalars_are_the_records(trained):
    _, events, _, accumulator = trained
    last_step = [event for event in events if event["type"] == "step"][-1]["step"]
    for kind, tags in (("step", STEP_TAGS), ("epoch", EPOCH_TAGS), ("end", END_TAGS)):
        ours = [event for event in events if event["type"] == kind]
        for name, tag in tags.items():
            scalars = accumulator.Scalars(tag)
            assert [scalar.value for scalar in scalars] == pytest.approx([event[name] for event in ours], rel=1e-6)
            assert [scalar.step for scalar in scalars] == [event.get("step", last_step) for event in ours]
    assert set(accumulator.Tags()["scalars"]) == {*STEP_TAGS.values(), *EPOCH_TAGS.values(), *END_TAGS.values(), BEST_TAG}
    best = max(event["val_accuracy"] for event in events if event["type"] == "epoch")
    assert accumulator.Scalars(BEST_TAG)[0].value == pytest.approx(best)


def test_histograms_are_the_weights(trained):
    _, _, snapshots, accumulator = trained
    for layer in snapshots[-1].layers:
        value = accumulator.Histograms(f"weights/{layer.name}")[-1].histogram_value
        assert (value.min, value.max, value.num) == pytest.approx((layer.weights.min(), layer.weights.max(), len(layer.weights)))
        assert value.sum == pytest.approx(layer.weights.sum(), rel=1e-4, abs=1e-4) and sum(value.bucket) == len(layer.weights)
        assert f"gradients/{layer.name}" in accumulator.Tags()["histograms"]
    assert any(tag.startswith("weights/conv1") for tag in accumulator.Tags()["histograms"]), "called as Build calls them"


def test_pictures_are_pictures(trained):
    _, _, snapshots, accumulator = trained
    assert set(accumulator.Tags()["images"]) >= {"look/batch", "look/first_filters"}
    image = Image.open(io.BytesIO(accumulator.Images("look/batch")[-1].encoded_image_string))
    side = image.width // 8
    tile = np.asarray(image.convert("RGB"), float)[:side, :side]
    wanted = np.asarray(Image.fromarray(snapshots[-1].batch[0]).resize((side, side), Image.Resampling.NEAREST), float)
    assert abs(tile - wanted).mean() < 12, "the first tile is the first picture of the batch, but for JPEG"


def test_precision_and_recall_are_scikit_learns(trained):
    _, _, snapshots, accumulator = trained
    look = snapshots[-1]
    for label, name in enumerate(look.classes):
        table = tensor_util.make_ndarray(accumulator.Tensors(f"pr/{name}")[-1].tensor_proto)
        assert table.shape == (6, THRESHOLDS)
        for at in (10, 50, 80):
            said, truth = look.probabilities[:, label] >= np.linspace(0, 1, THRESHOLDS)[at], look.labels == label
            assert table[4, at] == pytest.approx(precision_score(truth, said, zero_division=1.0), abs=1e-6)
            assert table[5, at] == pytest.approx(recall_score(truth, said), abs=1e-6)
            assert table[:4, at].sum() == len(truth)


def test_hyper_parameters_graph_and_recipe_are_there(trained):
    run, _, _, accumulator = trained
    tags = accumulator.SummaryMetadata(hparams.SESSION_START_INFO_TAG)
    info = hparams.parse_session_start_info_plugin_data(tags.plugin_data.content)
    assert info.hparams["Learning rate"].number_value == run.recipe.settings["learning_rate"]
    assert info.hparams["Data set"].string_value == "Handwritten digits"
    names = {node.name for node in accumulator.Graph().node}
    assert {"images", "scores"} <= names and any("conv1" in name for name in names)
    table = accumulator.Tensors("recipe")[0].tensor_proto.string_val[0].decode()
    assert table == to_markdown(run.recipe) and "| Optimiser | AdamW |" in table
    told = accumulator.Tensors("recipe/json")[0].tensor_proto.string_val[0].decode()
    assert json.loads(told.strip("`").removeprefix("json\n"))["dataset"] == "digits"


def test_filters_look_like_themselves():
    filters = np.zeros((2, 3, 3, 3), np.float32)
    filters[0, 0, 1, 1], filters[1, 2, 0, 0] = 1.0, -1.0
    one, two = filter_tiles(filters)
    assert one[1, 1].tolist() == [255, 128, 128] and two[0, 0].tolist() == [128, 128, 0]
