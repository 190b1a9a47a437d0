"""TensorBoard summaries of a run: images, histograms, precision-recall curves, hyperparameters, text. Imported when first needed."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING
from tensorboard.plugins.hparams import summary_v2 as hparams
from tensorboard.plugins.pr_curve import metadata as pr_curve

from vpc2 import codec
from vpc2.augment.operations.catalog import OPS
from vpc2.data.datasets import find_dataset
from vpc2.nets.spec import Net
from vpc2.nets.summary.summarise import summarise
from vpc2.training.runs.snapshot import Snapshot
from vpc2.training.runs.snapshot_writer import COLUMNS, to_sheet
from vpc2.training.settings import SETTINGS
from vpc2.training.spec import Recipe

BINS = 64
MAX_VALUES = 50_000  # values counted in a histogram; of longer arrays every n-th value
THRESHOLDS = 101
MAX_CURVES = 20  # classes with a precision-recall curve
METRICS = {"test/accuracy": "test accuracy", "test/loss": "test loss", "best/validation_accuracy": "best validation accuracy"}


def snapshot_summaries(snapshot: Snapshot) -> Iterator[Summary.Value]:
    """Yield the summaries of a snapshot: batch, mistakes and filters as images, histograms of weights and gradients, PR curves."""
    yield _picture("look/batch", list(snapshot.batch))
    if snapshot.mistakes:
        yield _picture("look/mistakes", [mistake.picture for mistake in snapshot.mistakes])
    if snapshot.filters is not None:
        yield _picture("look/first_filters", filter_tiles(snapshot.filters))
    for layer in snapshot.layers:
        yield _histogram(f"weights/{layer.name}", layer.weights)
        if layer.gradients is not None:
            yield _histogram(f"gradients/{layer.name}", layer.gradients)
    if len(snapshot.labels):
        for label, name in enumerate(snapshot.classes[:MAX_CURVES]):
            yield _pr_curve(f"pr/{name}", snapshot.labels == label, snapshot.probabilities[:, label])


def recipe_summaries(recipe: Recipe) -> Iterator[Summary.Value]:
    """Yield the recipe as a Markdown table, and as JSON from which it can be run again."""
    yield text("recipe", to_markdown(recipe))
    yield text("recipe/json", f"```json\n{codec.to_json(recipe)}\n```")


def hparams_session(recipe: Recipe, began: float) -> Summary:
    """Return the hyperparameters of a run, under the names that the app shows."""
    settings = {SETTINGS.knob(key).title.en: value for key, value in recipe.settings.items()}
    others = {
        "Data set": find_dataset(recipe.dataset).title.en,
        "Net": recipe.net.name or recipe.net.KIND,
        "Augmentation": ""
        if recipe.augmentation is None
        else recipe.augmentation.name or ", ".join(step.op for step in recipe.augmentation.steps),
    }
    return hparams.hparams_pb({**others, **settings}, start_time_secs=began)


def hparams_experiment(recipe: Recipe) -> Summary:
    """Return the configuration of TensorBoard's HParams page: every setting and the metrics."""
    names = ["Data set", "Net", "Augmentation", *(SETTINGS.knob(key).title.en for key in recipe.settings)]
    return hparams.hparams_config_pb(
        hparams=[hparams.HParam(name) for name in names], metrics=[hparams.Metric(tag, display_name=name) for tag, name in METRICS.items()]
    )


def text(tag: str, words: str) -> Summary.Value:
    """Return a text summary with Markdown content."""
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    return Summary.Value(tag=tag, metadata=metadata, tensor=TensorProto(dtype=DT_STRING, string_val=[words.encode()], tensor_shape=shape))


def to_markdown(recipe: Recipe) -> str:
    """Return a recipe as Markdown: a table of its settings and a table of the layers of its net."""
    rows = [("Data set", find_dataset(recipe.dataset).title.en), ("Net", recipe.net.name or recipe.net.KIND)]
    if recipe.augmentation is not None:
        rows.append(("Augmentation", ", ".join(OPS[step.op].title.en for step in recipe.augmentation.steps if step.on) or "mixing"))
    for key, value in recipe.settings.items():
        knob = SETTINGS.knob(key)
        value_text = knob.options[value].en if hasattr(knob, "options") else f"{value:g}"
        rows.append((knob.title.en, f"{value_text} {knob.unit}".strip()))
    lines = ["| Setting | Value |", "|---|---|", *(f"| {name} | {_escape_markdown(value)} |" for name, value in rows)]
    if isinstance(recipe.net, Net):
        lines += ["", "| Layer | Output | Parameters |", "|---|---|---|"]
        for facts in summarise(recipe.net).walk():
            output = " × ".join(map(str, facts.output)) if facts.output else "–"
            lines.append(f"| {_escape_markdown(facts.name)} | {output} | {facts.params:,} |")
    return "\n".join(lines)


def _escape_markdown(words: str) -> str:
    """Escape text entered by a visitor, so that it creates no table cell, link or image in Markdown."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>()#+-!|" else sign for sign in words)


def _picture(tag: str, pictures: Sequence[np.ndarray]) -> Summary.Value:
    data = to_sheet(pictures)
    width, height = Image.open(io.BytesIO(data)).size
    image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=data)
    return Summary.Value(tag=tag, image=image)


def filter_tiles(filters: np.ndarray) -> list[np.ndarray]:
    """Return filters (out, in, h, w) as uint8 images (h, w, 3): in colour for three input channels, otherwise their mean in grey.

    Zero is mid grey; the weight of largest magnitude is black or white.
    """
    strongest = max(float(np.abs(filters).max()), 1e-12)
    images = filters if filters.shape[1] == 3 else np.repeat(filters.mean(1, keepdims=True), 3, axis=1)
    pixels = np.clip(127.5 + 127.5 * images / strongest, 0, 255).round().astype(np.uint8)
    return list(pixels.transpose(0, 2, 3, 1)[: 8 * COLUMNS])


def _histogram(tag: str, values: np.ndarray) -> Summary.Value:
    values = values[:: max(len(values) // MAX_VALUES, 1)].astype(np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        values = np.zeros(1)
    low, high = float(values.min()), float(values.max())
    counts, edges = np.histogram(values, BINS, (low, high if high > low else low + 1e-12))
    histogram = HistogramProto(
        min=low,
        max=high,
        num=len(values),
        sum=float(values.sum()),
        sum_squares=float((values**2).sum()),
        bucket_limit=edges[1:],
        bucket=counts,
    )
    return Summary.Value(tag=tag, histo=histogram)


def _pr_curve(tag: str, is_class: np.ndarray, probabilities: np.ndarray) -> Summary.Value:
    """Return the precision-recall curve of one class against all others: TP, FP, TN, FN, precision, recall at thresholds from 0 to 1."""
    thresholds = np.linspace(0, 1, THRESHOLDS)
    positives, negatives = np.sort(probabilities[is_class]), np.sort(probabilities[~is_class])
    true_positives = len(positives) - np.searchsorted(positives, thresholds, side="left")
    false_positives = len(negatives) - np.searchsorted(negatives, thresholds, side="left")
    precision = np.where(true_positives + false_positives > 0, true_positives / np.maximum(true_positives + false_positives, 1), 1.0)
    recall = true_positives / max(len(positives), 1)
    table = np.stack(
        [true_positives, false_positives, len(negatives) - false_positives, len(positives) - true_positives, precision, recall]
    )
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=6), TensorShapeProto.Dim(size=THRESHOLDS)])
    tensor = TensorProto(dtype=DT_FLOAT, tensor_shape=shape, tensor_content=table.astype("<f4").tobytes())
    metadata = pr_curve.create_summary_metadata(display_name=tag, description="", num_thresholds=THRESHOLDS)
    return Summary.Value(tag=tag, metadata=metadata, tensor=tensor)
