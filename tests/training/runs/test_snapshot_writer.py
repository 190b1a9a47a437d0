"""A look in the run's folder, against numpy, scikit-learn and Pillow."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, recall_score

from vpc2.training.runs.snapshot import LayerSnapshot, Mistake, Snapshot
from vpc2.training.runs.snapshot_files import read_snapshot, sheet_path
from vpc2.training.runs.snapshot_writer import BINS, COLUMNS, SAMPLE, TILE_PX, SnapshotWriter

ROOT = Path(__file__).parents[3]


def make_look(step=120, classes=10, size=48, pictures=32, seen=300, mistakes=24, seed=0, layers=None):
    """A look as the loop makes it, of pictures of one colour each, so that they can be told apart on a sheet."""
    draw = np.random.default_rng(seed)
    hues = draw.integers(0, 256, (pictures + mistakes, 1, 1, 3), np.uint8)
    tiles = np.broadcast_to(hues, (pictures + mistakes, size, size, 3)).copy()
    probabilities = draw.random((seen, classes), np.float32)
    probabilities /= probabilities.sum(1, keepdims=True) if seen else 1
    labels = draw.integers(0, classes, seen)
    wrong = tuple(Mistake(i, i % classes, (i + 1) % classes, 0.9 - i / 100, tiles[pictures + i]) for i in range(mistakes))
    if layers is None:
        layers = tuple(
            LayerSnapshot(f"conv{i}.weight", draw.normal(0, 0.1, n).astype(np.float32), draw.normal(0, 1e-3, n).astype(np.float32))
            for i, n in enumerate((27 * 16, 9 * 16 * 32, 9 * 32 * 64, 64 * 10))
        )
    targets = np.eye(classes, dtype=np.float32)[draw.integers(0, classes, pictures)]
    names = tuple(f"class {k}" for k in range(classes))
    return Snapshot(3, step, names, tiles[:pictures], targets, labels, probabilities, wrong, layers, None)


def test_confusion_and_accuracy_are_those_of_scikit_learn(tmp_path):
    look = make_look()
    SnapshotWriter(tmp_path).write_snapshot(look)
    numbers = read_snapshot(tmp_path)
    answers = look.probabilities.argmax(1)
    assert numbers["confusion"] == confusion_matrix(look.labels, answers, labels=range(10)).tolist()
    assert numbers["accuracy"] == pytest.approx(recall_score(look.labels, answers, average=None).tolist(), abs=1e-4)
    assert (numbers["epoch"], numbers["step"], numbers["classes"][9]) == (3, 120, "class 9")
    counts = np.array(numbers["confusion"])
    for interval, hits, n in zip(
        [*numbers["intervals"], numbers["interval"]], [*np.diag(counts), counts.trace()], [*counts.sum(1), 300], strict=True
    ):
        wanted = binomtest(int(hits), int(n)).proportion_ci(method="wilson")
        assert interval == pytest.approx([wanted.low, wanted.high], abs=1e-4)
    assert [(one["true"], one["predicted"]) for one in numbers["mistakes"][:2]] == [(0, 1), (1, 2)]


def test_a_class_without_pictures_has_no_accuracy_and_no_validation_is_no_error(tmp_path):
    SnapshotWriter(tmp_path).write_snapshot(make_look(seen=0, mistakes=0))
    numbers = read_snapshot(tmp_path)
    assert numbers["intervals"] == [[0, 1]] * 10 and numbers["interval"] == [0, 1]
    assert numbers["accuracy"] == [None] * 10 and np.sum(numbers["confusion"]) == 0 and numbers["mistakes"] == []
    assert [path.name for path in tmp_path.glob("*.jpg")] == ["batch-120.jpg"]


def test_the_numbers_of_a_layer_are_numpys(tmp_path):
    draw = np.random.default_rng(1)
    weights, gradients = draw.normal(0.3, 2, 3 * SAMPLE + 5).astype(np.float32), draw.normal(0, 1e-4, 3 * SAMPLE + 5).astype(np.float32)
    small = draw.normal(0, 1, 100).astype(np.float32)
    SnapshotWriter(tmp_path).write_snapshot(
        make_look(layers=(LayerSnapshot("a.weight", weights, gradients), LayerSnapshot("b.weight", small, None)))
    )
    first, second = read_snapshot(tmp_path)["layers"]
    for numbers, values in ((first["weights"], weights), (first["gradients"], gradients)):
        assert numbers["count"] == values.size and numbers["broken"] == 0
        expected = [values.mean(), values.std(), values.min(), values.max()]
        assert [numbers[name] for name in ("mean", "std", "min", "max")] == pytest.approx([float(x) for x in expected], rel=1e-4, abs=1e-9)
        whole = np.histogram(values, BINS, (values.min(), values.max()))[0]
        shares = np.array(numbers["histogram"]) / sum(numbers["histogram"])
        assert np.abs(shares - whole / values.size).max() < 0.02  # a sample of thousands
    assert first["ratio"] == pytest.approx(np.linalg.norm(gradients) / np.linalg.norm(weights), rel=1e-4)
    assert second["weights"]["histogram"] == np.histogram(small, BINS, (small.min(), small.max()))[0].tolist()
    assert second["gradients"] is None and second["ratio"] is None


def test_weights_that_are_no_numbers_are_counted_and_the_rest_is_told(tmp_path):
    broken = np.array([np.nan, 1, 2, np.inf], np.float32)
    SnapshotWriter(tmp_path).write_snapshot(
        make_look(layers=(LayerSnapshot("a", broken, np.full(3, np.nan, np.float32)), LayerSnapshot("b", np.zeros(4, np.float32), None)))
    )
    first, second = json.loads((tmp_path / "look.json").read_text(), parse_constant=lambda name: pytest.fail(name))["layers"]
    assert first["weights"] | {"histogram": None} == {
        "count": 4,
        "broken": 2,
        "mean": 1.5,
        "std": 0.5,
        "min": 1.0,
        "max": 2.0,
        "histogram": None,
    }
    assert sum(first["weights"]["histogram"]) == 2
    assert first["gradients"]["broken"] == 3 and first["gradients"]["mean"] is None and first["ratio"] is None
    assert sum(second["weights"]["histogram"]) == 4 and second["weights"]["std"] == 0


def test_mixed_labels_come_with_their_shares_the_largest_first(tmp_path):
    look = make_look(pictures=2)
    look.targets[0] = 0
    look.targets[0, [7, 2]] = 0.3, 0.7
    SnapshotWriter(tmp_path).write_snapshot(look)
    assert read_snapshot(tmp_path)["batch"][0] == [[2, 0.7], [7, 0.3]] and len(read_snapshot(tmp_path)["batch"][1]) == 1


@pytest.mark.parametrize(("size", "tile"), [(8, 96), (28, 84), (48, 96), (64, 64), (96, 96), (224, 96)])
def test_a_sheet_holds_every_picture_in_its_place(tmp_path, size, tile):
    look = make_look(size=size, pictures=13)
    SnapshotWriter(tmp_path).write_snapshot(look)
    with Image.open(sheet_path(tmp_path, "batch", 120)) as sheet:
        assert sheet.format == "JPEG" and sheet.size == (COLUMNS * tile, 2 * tile) and tile <= TILE_PX
        pixels = np.asarray(sheet).astype(int)
    for i, picture in enumerate(look.batch):
        middle = pixels[i // COLUMNS * tile + tile // 2, i % COLUMNS * tile + tile // 2]
        assert np.abs(middle - picture[0, 0]).max() < 12  # JPEG's loss
    assert pixels[-tile // 2, -tile // 2].min() > 250


def test_tiny_pictures_keep_their_pixels(tmp_path):
    look = make_look(size=8, pictures=1)
    look.batch[0] = 0
    look.batch[0, 3, 5] = 255
    SnapshotWriter(tmp_path).write_snapshot(look)
    with Image.open(sheet_path(tmp_path, "batch", 120)) as sheet:
        grey = np.asarray(sheet.convert("L")).astype(int)[:96, :96]
    assert grey[38:46, 62:70].min() > 200 and grey[:30].max() < 40  # one block of 12 x 12, hard edges


def test_the_pictures_of_the_numbers_and_of_those_before_are_there_and_no_more(tmp_path):
    (tmp_path / "batch-3.jpg").write_bytes(b"left by a killed worker")
    (tmp_path / "other.jpg").write_bytes(b"not ours")
    write = SnapshotWriter(tmp_path).write_snapshot
    for step in (10, 20, 30):
        write(make_look(step=step, size=8))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"look.json", "other.jpg", *(f"{name}-{step}.jpg" for name in ("batch", "mistakes") for step in (20, 30))}


def test_the_snapshot_view_does_not_import_torch():
    script = "import sys, vpc2.training.runs.snapshot_writer; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "False"


def test_a_hundred_classes_are_a_small_answer(tmp_path):
    SnapshotWriter(tmp_path).write_snapshot(make_look(classes=100, seen=5000))
    assert (tmp_path / "look.json").stat().st_size < 60_000
    with Image.open(io.BytesIO(sheet_path(tmp_path, "mistakes", 120).read_bytes())) as sheet:
        sheet.load()
