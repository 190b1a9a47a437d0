"""Nets saved by others, good, odd and hostile: each is taken, noted or refused in a sentence of both languages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from vpc2 import codec
from vpc2.nets.shapes import check_trainable, review, summarise
from vpc2.words import Refusal, Text

MAKER = Path(__file__).parents[3] / "shared" / "tools" / "make_corpus.py"
# What these files are about shows only beside a data set, or once what stands before it is mended.
BESIDE_DATA = {"wrong_head.json": 2}
AFTER_REPAIR = {"dropout_1.json"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The folder of generated files and its manifest's entries on nets."""
    if not MAKER.is_file():
        pytest.skip("the corpus of bad input is not beside the project: ../shared/tools/make_corpus.py")
    folder = tmp_path_factory.mktemp("corpus")
    subprocess.run([sys.executable, str(MAKER), str(folder)], check=True, capture_output=True, timeout=120)
    entries = [entry for entry in json.loads((folder / "manifest.json").read_text()) if entry["group"] == "nets"]
    assert len(entries) > 30
    return folder, entries


def judge(data: bytes, name: str) -> tuple[str, tuple[Text, ...]]:
    """Return the verdict on a saved net and the sentences that explain it."""
    try:
        read = codec.from_json(data, "net")
    except Refusal as refusal:
        return "refuse", (refusal.text,)
    net = read.spec
    if name in AFTER_REPAIR:
        net = summarise(net).problem.repairs[0].apply(net)
    problem, notes = review(net)
    if problem is None and name in BESIDE_DATA:
        problem = check_trainable(net, BESIDE_DATA[name])
    if problem is not None:
        return "refuse", (problem.text,)
    notes = (*read.notes, *notes)
    return ("note" if notes else "accept"), notes


def test_every_file_gets_the_verdict_it_should(corpus):
    folder, entries = corpus
    wrong = []
    for entry in entries:
        path = folder / entry["path"]
        verdict, said = judge(path.read_bytes(), path.name)
        if verdict not in entry["expect"].split("|"):
            wrong.append((path.name, entry["expect"], verdict, [text.en for text in said]))
        for text in said:
            assert text.en and text.es and text.en != text.es, path.name
            assert len(text.en) < 300 and "{" not in text.en + text.es, path.name
    assert not wrong


def test_a_layer_that_does_not_fit_is_named_by_its_place(corpus):
    folder, entries = corpus
    placed = [entry for entry in entries if "layer" in entry]
    assert placed
    for entry in placed:
        net = codec.from_json((folder / entry["path"]).read_bytes(), "net").spec
        assert summarise(net).problem.layer_id == net.layers[entry["layer"]].id
