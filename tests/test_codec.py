"""How specs travel: equal after a round trip, and junk of any kind ends in one sentence."""

import base64
import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.nets.presets import NETS
from vpc2.text import Refusal
from vpc2.training.presets import RECIPES

SPECS = (
    [(f"pipeline {key}", PIPELINES[key].pipeline) for key in PIPELINES]
    + [(f"net {key}", NETS[key].net) for key in NETS]
    + [(f"recipe {key}", RECIPES[key].recipe) for key in RECIPES]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("spec", [spec for _, spec in SPECS], ids=[name for name, _ in SPECS])
def test_a_spec_survives_travel(spec):
    assert codec.from_token(codec.to_token(spec)).spec == spec
    assert codec.from_json(codec.to_json(spec), spec.KIND).spec == spec
    assert codec.digest(codec.from_token(codec.to_token(spec)).spec) == codec.digest(spec)


@pytest.mark.parametrize("spec", [spec for _, spec in SPECS], ids=[name for name, _ in SPECS])
def test_a_link_is_short_enough_for_every_browser(spec):
    assert len(codec.to_token(spec)) < 2000


def test_a_document_of_another_kind_is_refused_by_name():
    with pytest.raises(Refusal, match="net"):
        codec.from_json(codec.to_json(NETS["lenet5"].net), "pipeline")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b'{"version":1}',
        b'{"version":999,"kind":"pipeline"}',
        b'{"version":true,"kind":"pipeline"}',
        b'{"version":1,"kind":"pipeline","steps":{}}',
        b'{"version":1,"kind":"pipeline","steps":[],"steps":[]}',
        b'{"version":1,"kind":"pipeline","seed":NaN}',
        b'{"version":1,"kind":"pipeline","seed":1e999}',
        b'{"version":1,"kind":"pipeline","seed":1' + b"0" * 5000 + b"}",
        b'{"version":1,"kind":"pipeline","name":"\\ud800"}',
        b'{"version":1,"kind":"pipeline","__proto__":{}}',
        b'{"version":1,"kind":"pipeline","steps":' + b"[" * 900 + b"]" * 900 + b"}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"version":1,"kind":"pipeline","name":"caf\xe9"}',
        b'{"version":1,"kind":"pipeline","name":"' + b"x" * (8 << 20) + b'"}',
        b'{"version":1,"kind":"net","input":[7,32,32],"layers":[{"type":"ReLU"}]}',
        b'{"version":1,"kind":"recipe","dataset":"digits"}',
    ],
)
def test_a_bad_file_ends_in_one_sentence(text):
    with pytest.raises(Refusal) as refused:
        codec.from_json(text)
    for sentence in (refused.value.text.en, refused.value.text.say("es")):
        assert sentence and "\n" not in sentence and len(sentence) < 300 and "{" not in sentence


def test_a_net_without_layers_is_an_empty_canvas():
    assert codec.from_json(b'{"version":1,"kind":"net","layers":[]}').spec.layers == ()


def test_byte_order_marks_and_utf_16_are_read():
    text = codec.to_json(PIPELINES["basic"].pipeline)
    assert codec.from_json(b"\xef\xbb\xbf" + text.encode()).spec == codec.from_json(text.encode("utf-16")).spec


def test_a_packed_bomb_is_never_unpacked():
    packed = zlib.compress(b'{"version":1,"name":"' + b"x" * 50_000_000 + b'"}', 9)
    token = base64.urlsafe_b64encode(packed[:6000]).decode().rstrip("=")
    with pytest.raises(Refusal):
        codec.from_token(token)
    whole = base64.urlsafe_b64encode(zlib.compress(b" " * (codec.MAX_JSON_BYTES + 1), 9)).decode()
    assert len(whole) < codec.MAX_TOKEN_CHARS
    with pytest.raises(Refusal):
        codec.from_token(whole)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(max_size=200))
def test_a_junk_link_is_refused(token):
    with pytest.raises(Refusal):
        codec.from_token(token)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(JSON, st.sampled_from(["pipeline", "net", "recipe"]))
def test_a_junk_document_is_a_spec_or_a_refusal(body, kind):
    document = {"version": 1, "kind": kind, **body} if isinstance(body, dict) else body
    try:
        spec = codec.from_document(document).spec
    except Refusal:
        return
    json.dumps(codec.to_document(spec), allow_nan=False)


def test_the_very_next_version_is_refused_and_this_one_is_read():
    document = codec.to_document(NETS["tiny"].net)
    assert codec.from_document({**document, "version": codec.VERSION}).spec == NETS["tiny"].net
    with pytest.raises(Refusal):
        codec.from_document({**document, "version": codec.VERSION + 1})


def test_a_digest_and_a_link_do_not_depend_on_the_order_of_parameters():
    net = NETS["tiny"].net
    turned = replace(net, layers=tuple(replace(one, params=dict(reversed(one.params.items()))) for one in net.layers))
    assert codec.digest(turned) == codec.digest(net) and codec.to_token(turned) == codec.to_token(net)
