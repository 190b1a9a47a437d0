"""A thousand damaged documents and a thousand damaged links: each is a net, or refused with a sentence in both languages."""

import json
import random

import pytest

from vpc2 import codec
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.presets import NETS
from vpc2.nets.summary.summarise import summarise
from vpc2.text import Refusal

_VALUES = (
    None, True, False, -1, 0, 1, 3, 10**9, 10**30, 0.5, -0.0, "", "same", "x" * 300, "\u202e", [], {}, [[]], [1, 2], [3, "x"], {"id": 1},
    "Residual", "Linear",
)  # fmt: skip


def places(value, path=()):
    """Every place in a document, as the keys that lead to it."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def changed(document, draw):
    """A copy of a document with one to three of its values replaced, renamed, doubled or removed."""
    document = json.loads(json.dumps(document))
    for _ in range(draw.randint(1, 3)):
        *way, last = draw.choice([path for path in places(document) if path])
        holder = document
        for key in way:
            holder = holder[key]
        action = draw.random()
        if action < 0.6:
            holder[last] = draw.choice(_VALUES)
        elif action < 0.75:
            del holder[last]
        elif isinstance(holder, dict):
            holder[draw.choice(["id", "type", "params", "branches", "layer", "kernel"])] = holder.pop(last)
        else:
            holder.append(holder[last])
    return document


def read(work, *given):
    """Return a net, or None where it was refused in a sentence of both languages; anything else raises."""
    try:
        net = work(*given).spec
    except Refusal as refusal:
        assert refusal.text.en.strip() and refusal.text.say("es").strip() and "\n" not in refusal.text.en
        return None
    summary = summarise(net)
    assert summary.problem is None or summary.problem.text.say("es")
    assert codec.from_document(codec.to_document(net)).spec == net
    return net


@pytest.fixture
def documents():
    kept = [codec.to_document(NETS[key].net) for key in ("lenet5", "small", "residual32", "squeezenet1_1", "mobilenet_v2")]
    blocks = [{"type": kind, "params": LAYERS[kind].defaults()} for kind in ("SqueezeExcite", "Conv2d")]
    nested = {"type": "Parallel", "branches": [[{"type": "Repeat", "branches": [blocks]}], [{"type": "Residual", "branches": [[]]}]]}
    return [*kept, {"version": 1, "kind": "net", "input": [3, 16, 16], "layers": [nested]}]


def test_a_thousand_documents(documents):
    draw = random.Random(4)
    nets = [read(codec.from_document, changed(draw.choice(documents), draw), "net") for _ in range(1000)]
    # Most damage is refused, and what does no harm is read: a test that only ever sees one of them tests nothing.
    assert sum(net is None for net in nets) > 300 and sum(net is not None for net in nets) > 50


def test_a_thousand_links(documents):
    draw = random.Random(5)
    whole = [codec.to_token(codec.from_document(one, "net").spec) for one in documents]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=%é\x00"
    refused = 0
    for i in range(1000):
        token = list(draw.choice(whole))
        if i % 4 == 0:
            token = [draw.choice(letters) for _ in range(draw.randint(0, 600))]
        else:
            for _ in range(draw.randint(1, 4)):
                at = draw.randrange(len(token))
                token[at : at + draw.randint(0, 3)] = draw.choice(letters) * draw.randint(0, 2)
        refused += read(codec.from_token, "".join(token), "net") is None
    assert refused > 900
