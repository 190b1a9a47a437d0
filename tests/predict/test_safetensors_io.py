"""What safetensors' own reader is not asked, or asked first: a hostile file is refused in one plain sentence, and costs nothing."""

import json
import os
import struct
from dataclasses import replace

import pytest
import safetensors.torch
import torch

from vpc2.predict import safetensors_io
from vpc2.predict.safetensors_io import open_tensors
from vpc2.text import Refusal

ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
NUL = bytes(8)


def packed(header, body=NUL, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


CUT, HEADER, NOT_FLOAT = "do not fill it exactly", "header cannot be used", "only floating-point"
HOSTILE = {
    "cut": (packed({"a": ONE}, NUL[:7]), CUT),
    "trailing bytes": (packed({"a": ONE}, NUL + b"0"), CUT),
    "two tensors in one place": (packed({"a": ONE, "b": ONE}), CUT),
    "a gap": (packed({"a": ONE, "b": {**ONE, "data_offsets": [9, 17]}}, bytes(17)), CUT),
    "another size than its shape": (packed({"a": {**ONE, "shape": [3]}}), CUT),
    "a shape beyond all memory": (packed({"a": {**ONE, "shape": [2**63, 2**63]}}), CUT),
    "a shape of nine sides": (packed({"a": {**ONE, "shape": [1] * 8 + [2]}}), HEADER),
    "a negative side": (packed({"a": {**ONE, "shape": [-1]}}), HEADER),
    "no offsets": (packed({"a": {"dtype": "F32", "shape": [2]}}), HEADER),
    "metadata that is no text": (packed({"__metadata__": {"a": 1}, "a": ONE}), HEADER),
    "metadata twice": (packed(b'{"__metadata__":{"v":"1"},"__metadata__":{"v":"2"}}', b""), HEADER),
    "a list": (packed([1]), "not a classifier|header cannot be used"),
    "no JSON": (packed(b"{garbage"), HEADER),
    "brackets without end": (packed(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"), HEADER),
    "no UTF-8": (packed(b'{"\xff":1}'), HEADER),
    "a header longer than the file": (packed({"a": ONE}, length=10**4), HEADER),
    "a header longer than any": (packed({"a": ONE}, length=2**63), HEADER),
    "whole numbers": (packed({"a": {**ONE, "dtype": "I64", "shape": [1]}}), NOT_FLOAT),
    "half bytes": (packed({"a": {**ONE, "dtype": "F4", "shape": [16]}}), NOT_FLOAT),
    "numbers of no known kind": (packed({"a": {**ONE, "dtype": "X"}}), HEADER),
    "a NaN": (packed({"a": ONE}, struct.pack("<ff", 1.0, float("nan"))), "NaN or infinity"),
    "an infinity": (packed({"a": ONE}, struct.pack("<ff", float("-inf"), 1.0)), "NaN or infinity"),
    "a pickle": (b"\x80\x04" + NUL, "can run code"),
    "an archive": (b"PK\x03\x04" + NUL, "can run code"),
    "nothing": (b"", HEADER),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_a_sentence(tmp_path, name):
    content, says = HOSTILE[name]
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(Refusal, match=says) as refusal, open_tensors(tmp_path / "model.safetensors") as file:
        file.read()
    assert refusal.value.text.say("es") != refusal.value.text.en and "Error" not in refusal.value.text.en


def test_the_limits_of_the_host_hold(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file({str(i): torch.zeros(1) for i in range(3)}, path)
    for change, says in (({"classifier_tensors": 2}, "holds 3 tensors"), ({"classifier_bytes": path.stat().st_size - 1}, "at most 0 MB")):
        with monkeypatch.context() as patch:
            patch.setattr(safetensors_io, "LIMITS", replace(safetensors_io.LIMITS, **change))
            with pytest.raises(Refusal, match=says), open_tensors(path):
                pass
    monkeypatch.setattr(safetensors_io, "MAX_JSON_BYTES", 20)
    with pytest.raises(Refusal, match=HEADER), open_tensors(path):
        pass


def test_shapes_texts_and_weights_are_those_that_were_written(tmp_path):
    path = tmp_path / "model.safetensors"
    tensors = {f"{dtype}": torch.randn(2, 3).to(dtype) for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)}
    tensors["empty"], tensors["one number"] = torch.zeros(0, 4), torch.tensor(2.5)
    safetensors_io.write_tensors(path, tensors, {"who": "ñandú"})
    with open_tensors(path) as file:
        assert file.metadata == {"who": "ñandú"} and file.shapes == {key: tuple(value.shape) for key, value in tensors.items()}
        found = file.read()
    path.write_bytes(b"")  # what was read does not live in the file any more
    assert found.keys() == tensors.keys()
    for key, value in tensors.items():
        assert found[key].dtype == torch.float32 and torch.equal(found[key], value.to(torch.float32))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")
    for path, says in (("pipe.safetensors", "cannot be read"), ("none.safetensors", "no file"), ("zero\0.safetensors", "cannot be read")):
        with pytest.raises(Refusal, match=says), open_tensors(tmp_path / path):
            pass
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(Refusal, match="cannot be read"), open_tensors(tmp_path / "folder.safetensors"):
        pass
