"""Serialising specs: documents, JSON and links, validated on reading.

A document is `{"version": 1, "kind": "pipeline" | "net" | "recipe", ...}`. Nothing here builds a torch object: an untrusted link is
measured and refused before anything runs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib
import json
import zlib
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from vpc2.text import Refusal, Text, clean_name, shown
from vpc2.version import APP

VERSION = 1
MAX_JSON_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_TOKEN_CHARS = 8 * 1024

KINDS = {
    "pipeline": "vpc2.augment.spec.Pipeline",
    "net": "vpc2.nets.spec.Net",
    "backbone": "vpc2.predict.spec.Backbone",
    "recipe": "vpc2.training.spec.Recipe",
    "experiment": "vpc2.training.spec.Experiment",
}

_TOO_BIG = Text("This file is too large: at most {limit:,} kB.")
_SAVED = Text("document", context="a saved one")
_NAMES = {
    "pipeline": Text("pipeline", context="a saved one"),
    "net": Text("net", context="a saved one"),
    "backbone": Text("pretrained net", context="a saved one"),
    "recipe": Text("recipe", context="a saved one"),
    "experiment": Text("experiment", context="a saved one"),
}
_NOT_JSON = Text("This is not JSON: it cannot be read from line {line}, column {column} on.")
_NOT_TEXT = Text("This file is not text in UTF-8; save it again as UTF-8.")
_BAD_NUMBER = Text("The file holds a number that is not one (NaN, infinity or far too many digits).")
_TWICE = Text("The key “{key}” stands twice in the same object; keep one.")
_TOO_DEEP = Text("The file is nested too deeply to be one of ours.")
_BAD_TEXT = Text("The file holds text that cannot be shown.")
_NOT_A_DOCUMENT = Text("This is not a saved {kind}: it must be one object with “version” and “kind”.")
_NOT_AN_OBJECT = Text("{where} must be an object, not {found}; it knows {known}.")
_NO_VERSION = Text("The file says no version, so it was not saved by vpc2.")
_NEWER = Text("This was made by a newer vpc2 (version {version}); update vpc2 to open it.")
_WRONG_KIND = Text("This is a saved {found}, not a saved {wanted}.")
_NO_KIND = Text("The file does not say what it is: “kind” must be one of {kinds}.")
_STRANGE_KEY = Text("{where} has a key “{key}” that means nothing here; it knows {known}.")
_BAD_LINK = Text("This link is damaged or cut: copy it again, whole. Everything else on the page is as it was.")


class Spec(Protocol):
    """What can be saved, linked and read back: `from_doc` of its class takes what `to_doc` gives."""

    @property
    def KIND(self) -> str: ...  # noqa: N802 (a constant of the class)

    def to_doc(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Read:
    """A spec read from outside, and the notes on what was changed."""

    spec: Any
    notes: tuple[Text, ...] = ()


def read_json(data: bytes | str) -> Any:
    """Parse JSON; raise `Refusal` for anything that is not plain, finite, shallow JSON.

    Python's own parser accepts NaN, 1e999, duplicate keys, lone surrogates and any depth; each of them breaks later code, so each is
    refused here.
    """
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    if len(data) > MAX_JSON_BYTES:
        raise Refusal(_TOO_BIG.fill(limit=MAX_JSON_BYTES // 1024))
    try:
        value = json.loads(data, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise Refusal(_NOT_JSON.fill(line=error.lineno, column=error.colno)) from None
    except UnicodeDecodeError:
        raise Refusal(_NOT_TEXT) from None
    except RecursionError:
        raise Refusal(_TOO_DEEP) from None
    except Refusal:
        raise
    except ValueError:  # an integer with more digits than Python's limit
        raise Refusal(_BAD_NUMBER) from None
    _check_values(value, MAX_DEPTH)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise Refusal(_BAD_NUMBER)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise Refusal(_TWICE.fill(key=clean_name(key, 40)))
        result[key] = value
    return result


def _check_values(value: Any, depth: int) -> None:
    if depth < 0:
        raise Refusal(_TOO_DEEP)
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_values(key, depth)
            _check_values(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            _check_values(inner, depth - 1)
    elif isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise Refusal(_BAD_NUMBER)
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Refusal(_BAD_TEXT) from None


def to_document(spec: Spec) -> dict[str, Any]:
    """Return a spec as a plain document with its version and kind."""
    return {"version": VERSION, "kind": spec.KIND, **spec.to_doc()}


def from_document(document: Any, kind: str | None = None) -> Read:
    """Return the spec of a document; raise `Refusal` with one sentence for an invalid one."""
    if not isinstance(document, dict):
        raise Refusal(_NOT_A_DOCUMENT.fill(kind=_NAMES[kind] if kind else _SAVED))
    document = dict(document)
    version, found_kind = document.pop("version", None), document.pop("kind", None)
    document.pop("app", None)  # what saved it is for people: the version decides
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise Refusal(_NO_VERSION)
    if version > VERSION:
        raise Refusal(_NEWER.fill(version=version))
    if not isinstance(found_kind, str) or found_kind not in KINDS:
        raise Refusal(_NO_KIND.fill(kinds=", ".join(KINDS)))
    if kind is not None and found_kind != kind:
        raise Refusal(_WRONG_KIND.fill(found=_NAMES[found_kind], wanted=_NAMES[kind]))
    module, _, name = KINDS[found_kind].rpartition(".")
    spec, notes = getattr(importlib.import_module(module), name).from_doc(document)
    return Read(spec, tuple(notes))


def check_keys(where: Text, document: Any, known: tuple[str, ...]) -> dict[str, Any]:
    """Return `document` if it is an object with no key outside `known`; raise `Refusal` naming the first unknown one."""
    if not isinstance(document, dict):
        raise Refusal(_NOT_AN_OBJECT.fill(where=where, found=shown(document), known=", ".join(known)))
    for key in document:
        if key not in known:
            raise Refusal(_STRANGE_KEY.fill(where=where, key=clean_name(key, 40), known=", ".join(known)), field=key[:40])
    return document


def to_json(spec: Spec) -> str:
    """Return a spec as a JSON text for people to read and save."""
    document = to_document(spec)
    return json.dumps(
        {"version": document.pop("version"), "kind": document.pop("kind"), "app": APP, **document}, indent=1, ensure_ascii=False
    )


def from_json(data: bytes | str, kind: str | None = None) -> Read:
    """Return the spec of a JSON text."""
    return from_document(read_json(data), kind)


def to_token(spec: Spec) -> str:
    """Return a spec as the compressed token of a link (`?s=`)."""
    return base64.urlsafe_b64encode(zlib.compress(_canonical(spec), 9)).rstrip(b"=").decode()


def from_token(token: str, kind: str | None = None) -> Read:
    """Return the spec of a token; invalid ones raise `Refusal`, and no more is decompressed than a saved file may hold."""
    if not isinstance(token, str) or not token or len(token) > MAX_TOKEN_CHARS:
        raise Refusal(_BAD_LINK)
    try:
        packed = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        inflater = zlib.decompressobj()
        data = inflater.decompress(packed, MAX_JSON_BYTES + 1)
    except (UnicodeEncodeError, binascii.Error, ValueError, zlib.error):
        raise Refusal(_BAD_LINK) from None
    if not inflater.eof or len(data) > MAX_JSON_BYTES:
        raise Refusal(_BAD_LINK)
    return from_json(data, kind)


def digest(spec: Spec) -> str:
    """Return a hash of exactly this spec (the same on every machine), for cache keys."""
    return hashlib.sha256(_canonical(spec)).hexdigest()[:16]


def _canonical(spec: Spec) -> bytes:
    return json.dumps(to_document(spec), separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
