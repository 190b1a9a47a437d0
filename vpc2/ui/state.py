"""The workspace: what one visitor has made, kept as plain documents, with undo, redo and links.

Documents, not dataclasses, live in the session: after a hot reload a dataclass no longer equals itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Set
from dataclasses import replace
from typing import Any

import streamlit as st

from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.nets.presets import NETS
from vpc2.training.presets import RECIPES
from vpc2.ui import guarding
from vpc2.words import Refusal, Text

HISTORY = 60
MOST_NOTES = 6

_FIRST: dict[str, Callable[[], Any]] = {
    "pipeline": lambda: PIPELINES["basic"].pipeline,
    "net": lambda: NETS["small"].net,
    "recipe": lambda: RECIPES["digits"].recipe,
}
_OPENED = Text("Opened from the link: {what}.", "Abierto desde el enlace: {what}.")
_WHAT = {
    "pipeline": Text("a pipeline", "un pipeline"),
    "net": Text("a net", "una red"),
    "recipe": Text("a recipe with its net and its pipeline", "una receta con su red y su pipeline"),
    "backbone": Text("a pretrained net", "una red preentrenada"),
    "experiment": Text("an experiment; its right side is the recipe now", "un experimento; su lado derecho es ahora la receta"),
}


def _slot(kind: str) -> dict[str, Any]:
    """Return the slot of one kind: its past and future documents and a generation that renews widget keys."""
    name = f"slot/{kind}"
    if name not in st.session_state:
        st.session_state[name] = {"documents": [codec.to_document(_FIRST[kind]())], "at": 0, "generation": 0, "is_touched": False}
    return st.session_state[name]


def load(kind: str) -> Any:
    """Return the spec the visitor is working on."""
    slot = _slot(kind)
    return codec.from_document(slot["documents"][slot["at"]], kind).spec


def save(spec: Any, *, from_outside: bool = False) -> None:
    """Keep `spec` as the current one of its kind; what was undone is forgotten, what was done stays undoable.

    `from_outside` says that no widget of the page made this value, so that the widgets are drawn anew.
    """
    slot, document = _slot(spec.KIND), codec.to_document(spec)
    if document != slot["documents"][slot["at"]]:
        slot["documents"] = [*slot["documents"][: slot["at"] + 1], document][-HISTORY:]
        slot["at"] = len(slot["documents"]) - 1
        slot["generation"] += from_outside
        slot["is_touched"] = True
        _count_change()


def step_back(kind: str, by: int = 1) -> None:
    """Undo (`by` = 1) or redo (`by` = -1) the last change of one kind."""
    slot = _slot(kind)
    slot["at"] = min(max(slot["at"] - by, 0), len(slot["documents"]) - 1)
    slot["generation"] += 1
    _count_change()


def _count_change() -> None:
    st.session_state["changes"] = st.session_state.get("changes", 0) + 1


def can_step_back(kind: str, by: int = 1) -> bool:
    """True where there is something to undo (`by` = 1) or to redo (`by` = -1)."""
    slot = _slot(kind)
    return 0 <= slot["at"] - by < len(slot["documents"])


def key(kind: str, *parts: str) -> str:
    """Return a widget key that stays while the visitor edits and changes when the spec came from elsewhere."""
    return "/".join((kind, str(_slot(kind)["generation"]), *parts))


def open_spec(spec: Any) -> None:
    """Put a spec into the workspace; a recipe brings its net and its pipeline along, an experiment the recipe of its right side, a
    pretrained net goes into the recipe there is.
    """
    if spec.KIND == "experiment":
        spec = spec.right
    elif spec.KIND == "backbone":
        spec = replace(load("recipe"), net=spec)
    save(spec, from_outside=True)
    if spec.KIND == "recipe":
        if spec.net.KIND == "net":
            save(spec.net, from_outside=True)
            st.session_state["train/net"] = "build"
        else:
            st.session_state["train/net"] = f"backbone/{spec.net.ready}"
        st.session_state["train/pipeline"] = "none"
        if spec.pipeline is not None:
            save(spec.pipeline, from_outside=True)
            st.session_state["train/pipeline"] = "augment"


def open_link(known: Set[str] = frozenset()) -> None:
    """Take what `?s=` carries into the workspace, once, and say so where it is not one of the app's own `known` examples.

    Junk is refused in one sentence.
    """
    token = st.query_params.get("s")
    if not token or st.session_state.get("opened") == token:
        return
    st.session_state.opened = token
    try:
        read = codec.from_token(token)
    except Refusal as refusal:
        remember_note(refusal.text, "error")
        return
    open_spec(read.spec)
    if token not in known:
        remember_note(_OPENED.fill(what=_WHAT[read.spec.KIND]), "info")
    for note in read.notes:
        remember_note(note, "info")


def workspace() -> dict[str, str]:
    """Return what the visitor has made, a link token a kind; what was never touched is not in it."""
    return {kind: codec.to_token(load(kind)) for kind in _FIRST if _slot(kind)["is_touched"]}


def restore() -> None:
    """Take back, once a session, what the browser kept of an earlier one; what this session has touched already stays."""
    kept = _visitor("kept")
    if not kept or "restored" in st.session_state:
        return
    st.session_state.restored = True
    for kind in _FIRST:
        slot = _slot(kind)
        if isinstance(kept.get(kind), str) and not slot["is_touched"]:
            try:
                document = codec.to_document(codec.from_token(kept[kind], kind).spec)
            except Refusal:
                continue  # what an older version kept and this one cannot read is no visitor's mistake
            slot.update(documents=[document], at=0, generation=slot["generation"] + 1, is_touched=True)


def remember_note(text: Text, kind: str = "info") -> None:
    """Keep a sentence for the visitor; see `notes` for how long."""
    kept = [note for note in st.session_state.get("notes", []) if note["en"] != text.en]  # said once, and anew where it happens again
    st.session_state["notes"] = [*kept, {"en": text.en, "es": text.es, "kind": kind, "shown": None}]


def notes() -> list[tuple[Text, str]]:
    """Return the sentences to show now: each stays until the visitor, having seen it, goes elsewhere or changes something.

    Showing it once would not do: the page may run again by itself before anyone has read it.
    """
    now = repr([st.session_state.get(name) for name in ("page", "changes", "tray/uploads", "own/uploads", "judge/opened files")])
    kept = [note for note in st.session_state.get("notes", []) if note["shown"] in (None, now)][-MOST_NOTES:]
    for note in kept:
        note["shown"] = now
    st.session_state["notes"] = kept
    return [(Text(note["en"], note["es"]), note["kind"]) for note in kept]


def _visitor(name: str) -> Any:
    """Return what the browser told about its visitor, None until it has."""
    component = st.session_state.get("visitor") or {}
    return component.get(name) if hasattr(component, "get") else getattr(component, name, None)


def visitor() -> str:
    """Return the name under which this visitor's runs are kept: of who signed in, else a random one.

    The random one is the browser's, or this session's until that is known.
    """
    if (member := guarding.member()) is not None:
        return member
    known = _visitor("id")
    if isinstance(known, str) and len(known) == 32 and known.isalnum():
        return known
    return st.session_state.setdefault("visitor/session", secrets.token_hex(16))
