"""Saved nets, good, unusual and hostile: each is accepted, noted or refused with a sentence in both languages."""

from vpc2 import codec
from vpc2.nets.summary.summarise import summarise
from vpc2.nets.summary.trainable import check_trainable, review_saved_net
from vpc2.text import Refusal, Text

# What these files are about shows only beside a data set, or once what stands before it is mended.
BESIDE_DATA = {"wrong_head.json": 2}
AFTER_REPAIR = {"dropout_1.json"}


def judge(data: bytes, name: str) -> tuple[str, tuple[Text, ...]]:
    """Return the verdict on a saved net and the sentences that explain it."""
    try:
        read = codec.from_json(data, "net")
    except Refusal as refusal:
        return "refuse", (refusal.text,)
    net = read.spec
    if name in AFTER_REPAIR:
        net = summarise(net).problem.repairs[0].apply(net)
    problem, notes = review_saved_net(net)
    if problem is None and name in BESIDE_DATA:
        problem = check_trainable(net, BESIDE_DATA[name])
    if problem is not None:
        return "refuse", (problem.text,)
    notes = (*read.notes, *notes)
    return ("note" if notes else "accept"), notes


def test_every_file_gets_the_verdict_it_should(corpus):
    files = corpus("nets")
    assert len(files) > 30
    wrong = []
    for entry, path in files:
        verdict, said = judge(path.read_bytes(), path.name)
        if verdict not in entry["expect"].split("|"):
            wrong.append((path.name, entry["expect"], verdict, [text.en for text in said]))
        for text in said:
            assert text.en and text.say("es") and text.en != text.say("es"), path.name
            assert len(text.en) < 300 and "{" not in text.en + text.say("es"), path.name
    assert not wrong


def test_a_layer_that_does_not_fit_is_named_by_its_place(corpus):
    placed = [(entry, path) for entry, path in corpus("nets") if "layer" in entry]
    assert placed
    for entry, path in placed:
        net = codec.from_json(path.read_bytes(), "net").spec
        assert summarise(net).problem.layer_id == net.layers[entry["layer"]].id
