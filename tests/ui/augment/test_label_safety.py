"""Augment page, tab Safe?: one rule in every view, no verdict for photographs with an uncertain prediction, no other visitor's images."""

import copy
import io
import re
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image
from scipy.stats import binomtest
from streamlit.testing.v1 import AppTest

from vpc2.augment.label_survival import MAX_CHANGED_SHARE, MIN_DRAWS, ClassSurvival, Survival
from vpc2.augment.spec import Pipeline
from vpc2.data import uploaded_sets
from vpc2.data.imageset import ImageSet
from vpc2.predict import uploaded_classifiers
from vpc2.predict.classifier import Classifier, load_classifier, save_classifier
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.training.presets import RECIPES
from vpc2.training.queue.worker import train
from vpc2.ui.augment import label_safety, label_safety_by_strength
from vpc2.ui.computed import datasets, label_survival
from vpc2.ui.session import runs, workspace

SCRIPT = """
from vpc2.augment.presets import PIPELINES
from vpc2.images.encode import resize_pixels
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.ui.augment import label_safety, label_safety_by_class, label_safety_by_strength
from vpc2.ui.computed import datasets
from vpc2.ui.widgets import page_frame
data = datasets.load_cached_dataset("digits", 64)
photos = [{{"digest": f"digit {{i}}", "name": f"digit {{i}}", "pixels": data.images[i], "notes": ()}} for i in {photos}]
page_frame.show_or_refuse({call})
"""
MINE, THEIRS = "1" * 32, "2" * 32


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory):
    """One data folder for the whole file, because a run is trained in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VPC2_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def run(own_home):
    digits = RECIPES["digits"].recipe
    made = runs.store().create(replace(digits, settings={**digits.settings, "epochs": 8}))
    assert train(made) == "finished"
    return made


@pytest.fixture(scope="module")
def sets(own_home):
    """A data set of threes and sevens for each of two visitors, with different images and counts."""
    full, found = datasets.load_cached_dataset("digits", uploaded_sets.SIZE_PX), {}
    for owner, count in ((MINE, 100), (THEIRS, 60)):
        which = np.flatnonzero(np.isin(full.labels, (3, 7)))[:count]
        data = ImageSet(full.images[which].copy(), (full.labels[which] == 7).astype(np.int64), ("3", "7"))
        found[owner] = uploaded_sets.keep(data, f"set of {owner[0]}", owner).key
    return found


def kept_file(folder, tmp_path, change=lambda module: None, **other):
    """Return the key of the run's classifier, opened from a file."""
    classifier = load_classifier(folder)
    module = copy.deepcopy(classifier.module)
    with torch.no_grad():
        change(module)
    fields = {"classes": classifier.classes, "provenance": classifier.provenance, **other}
    save_classifier(Classifier(module, classifier.preprocessing, **fields), tmp_path / "one")
    return uploaded_classifiers.keep((tmp_path / "one").read_bytes())[0]


def opened(call, visitor=MINE, photos=(), **session):
    at = AppTest.from_string(SCRIPT.format(call=call, photos=tuple(photos)), default_timeout=120)
    at.session_state["visitor"] = {"id": visitor}
    at.session_state["judge/files"] = {}
    for key, value in session.items():
        at.session_state[key] = value
    at.run()
    assert not at.exception, at.exception[0].stack_trace
    return at


def said(at):
    return " ".join(str(one.value) for kind in (at.markdown, at.caption, at.info, at.error) for one in kind)


def by_class(ref, **given):
    return opened(f"label_safety_by_class.show_survival_by_class, PIPELINES['half_turn'].pipeline, {ref!r}", **given)


def test_survival_by_class_uses_each_sessions_own_data_set(run, sets):
    ref = ClassifierRef("run", run.id)
    first = by_class(ref, visitor=MINE, **{f"judge/of/{ref}": sets[MINE]})
    assert "“set of 1”" in said(first) and "“set of 2”" not in said(first)
    second = by_class(ref, visitor=THEIRS, **{f"judge/of/{ref}": sets[THEIRS]})
    assert "“set of 2”" in said(second) and "“set of 1”" not in said(second)
    plain = by_class(ref, visitor=THEIRS)
    assert "“Handwritten digits”" in said(plain)
    pictures = [{url for image in at.get("image") for url in np.ravel(image.value)} for at in (first, plain)]
    assert pictures[0] and pictures[1] and not pictures[0] & pictures[1]
    assert {one for one in ("“3”", "“7”") if one in said(first)} == {"“3”", "“7”"} and "“0”" not in said(first)


@pytest.mark.parametrize("chosen", [None, MINE])
def test_a_classifier_from_a_file_is_asked_class_by_class_like_a_run(run, sets, tmp_path, chosen):
    """The caption names the evaluated data set; its two classes are matched with the classifier's ten."""
    ref = kept_file(run.folder, tmp_path)
    at = by_class(ref, **({f"judge/of/{ref}": sets[chosen]} if chosen else {}))
    assert not at.error and ("“set of 1”" if chosen else "“Handwritten digits”") in said(at)
    assert str(MIN_DRAWS) in said(at) and "5 %" in said(at)


def test_a_classifier_of_unknown_origin_is_tested_on_the_data_set_with_its_classes(run, sets, tmp_path):
    """The file has no test set; the visitor's data set with known classes serves as one. Another visitor has none and gets a note."""
    provenance = {"net": load_classifier(run.folder).provenance["recipe"]["net"]}
    ref = kept_file(run.folder, tmp_path, provenance=provenance)
    assert "“set of 1”" in said(by_class(ref))
    assert "there is none" in said(by_class(ref, visitor="3" * 32))


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(workspace, "visitor_id", lambda: MINE)


def sure_photo(ref, is_sure):
    """Return the index of a digit that the net predicts with high, or with low confidence."""
    data = datasets.load_cached_dataset("digits", 64)
    for i in range(len(data)):
        photo = {"digest": f"digit {i}", "pixels": data.images[i]}
        if (
            (label_survival.predict_unaugmented(ref, photo)[1] >= 0.9)
            if is_sure
            else (label_survival.predict_unaugmented(ref, photo)[1] < 0.5)
        ):
            return i
    raise AssertionError("no such digit")


@pytest.mark.parametrize(
    "call",
    [
        "label_safety._draw_photos, PIPELINES['half_turn'].pipeline, photos, {ref!r}",
        "label_safety_by_strength.show_survival_by_strength, PIPELINES['basic'].pipeline, photos, {ref!r}",
    ],
)
def test_a_photograph_that_the_net_does_not_know_gets_a_sentence_and_no_verdict(run, sets, tmp_path, session, call):
    ref = kept_file(
        run.folder, tmp_path, lambda module: [layer.weight.mul_(0.4) for layer in module.modules() if isinstance(layer, torch.nn.Linear)]
    )
    verdicts = ("Harmless", "Unsafe", "Not enough", "keep the answer", "kept", "lost")
    unsure, sure = sure_photo(ref, is_sure=False), sure_photo(ClassifierRef("run", run.id), is_sure=True)
    asked = lambda number: {f"safety/source/test-digit {number}": f"digit {number}"}  # noqa: E731
    silent = opened(call.format(ref=ref), photos=[unsure], **asked(unsure))
    text = said(silent)
    assert "is not sure of this photograph" in text and not silent.get("plotly_chart")
    assert not [word for word in verdicts if word in text], text
    judged = opened(call.format(ref=ClassifierRef("run", run.id)), photos=[sure], **asked(sure))
    assert "is not sure of" not in said(judged) and judged.get("plotly_chart")


def test_the_page_asks_enough_draws_to_call_anything_harmless(run, session):
    assert label_safety.DRAWS >= MIN_DRAWS
    assert label_safety_by_strength.LINE == round(100 * (1 - MAX_CHANGED_SHARE)) == 95
    found = label_survival.survival_of(Pipeline(), ClassifierRef("run", run.id), None, 0)
    assert found.survived == found.n and label_survival.verdict_text(found).startswith(":green")
    few = replace(found, n=24, survived=19)
    assert label_survival.verdict_text(few).startswith(":orange")
    bars = label_survival.survival_bars(["a", "b", "c"], [found, few, replace(found, n=20, survived=20)])
    assert list(bars.data[0].marker.color) == ["#009E73", "#D55E00", "#7A8793"]


def test_the_worst_of_the_unsafe_and_the_best_of_the_harmless_stand_first(run, sets, monkeypatch):
    """Ten classes of a hundred draws and more, whose counts are given: each column is in the order of its shares."""
    kept = [(1000, 1000), (100, 62), (1000, 990), (100, 41), (1000, 996), (100, 77), (40, 39), (40, 37), (40, 40), (40, 38)]
    classes = {i: ClassSurvival(n, k, (i,) * k + ((i + 1) % 10,) * (n - k), (0.9,) * n) for i, (n, k) in enumerate(kept)}
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    examples = {i: ([out.getvalue()] * 2, [(i, 0.9), (i, 0.8)]) for i in classes}
    result = {"names": tuple("abcdefghij"), "classes": classes, "examples": examples}
    monkeypatch.setattr(label_survival, "survival_by_class_of", lambda pipeline, ref: result)
    at = by_class(ClassifierRef("run", run.id))
    rows = [one.value.replace("\\", "").strip("*")[1] for one in at.markdown if one.value.startswith("**“")]
    shares = {name: k / n for name, (n, k) in zip("abcdefghij", kept, strict=True)}
    by_share = lambda names, worst: sorted(names, key=shares.get, reverse=not worst)  # noqa: E731
    assert rows == [*by_share("bdf", True), *by_share("ace", False), *by_share("ghij", False)]


@pytest.mark.parametrize("kept", [[100, 100, 60, 20], [100, 92, 70, 71], [99, 100, 88, 30], [70, 20, 20, 20], [100, 96, 94, 80]])
def test_the_strength_that_is_named_is_the_first_whose_interval_lies_under_the_line(session, kept):
    """scipy's interval of each strength; where the count fell before, that strength is named as well."""
    strengths, line = ["without it", "10°", "20°", "30°"], 0.95
    highs = [binomtest(k, 100).proportion_ci(method="wilson").high for k in kept]
    sure = next(i for i, high in enumerate(highs) if high < line)
    counted = next(i for i, k in enumerate(kept) if k < 100 * line)
    text = label_safety_by_strength._fall_text(strengths, [Survival(100, k) for k in kept], line).replace("\u00a0", " ")
    if sure == 0:
        assert text.startswith("Already without this step")
        return
    assert re.match(r"(?:From|At) (\S+?),? (?:on, )?fewer than 95 %", text)[1] == strengths[sure], text
    assert (f"under the line at {strengths[counted]} already" in text) == (counted < sure)
