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
from vpc2.text import Refusal, Text
from vpc2.training.presets import RECIPES
from vpc2.ui.session import sign_in, visitor_cookie
from vpc2.ui.session.notices import remember_note

HISTORY = 60

_FIRST: dict[str, Callable[[], Any]] = {
    "pipeline": lambda: PIPELINES["basic"].pipeline,
    "net": lambda: NETS["small"].net,
    "recipe": lambda: RECIPES["digits"].recipe,
}
_OPENED = Text("Opened from the link: {what}.")
_WHAT = {
    "pipeline": Text("a pipeline"),
    "net": Text("a net"),
    "recipe": Text("a recipe with its net and its pipeline"),
    "backbone": Text("a pretrained net"),
    "experiment": Text("an experiment; its right side is the recipe now"),
}
NAMES = {"pipeline": Text("the pipeline"), "net": Text("the net"), "recipe": Text("the recipe")}
_WHO = Text("The page has not learned yet who you are, so nothing was started: press again in a moment.")


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
    st.session_state["changes when opened"] = st.session_state.get("changes", 0)


def workspace() -> dict[str, str]:
    """Return what the visitor has made, a link token a kind; what was never touched is not in it."""
    return {kind: codec.to_token(load(kind)) for kind in _FIRST if _slot(kind)["is_touched"]}


def session_word() -> str:
    """Return a word of this session alone; after a restart of the server, a tab that stayed open has another one."""
    return st.session_state.setdefault("visitor/word", secrets.token_hex(8))


def restore() -> None:
    """Take back, once a session, what the browser kept of an earlier one; what this session has touched already stays.

    What other tabs left differently lies before it in the history, so that Undo reaches it. Where this very tab opened the link of its
    address in an earlier session, what came of it then counts, and the link's own content is one Undo away.
    """
    kept = _visitor("kept")
    if not isinstance(kept, dict) or kept.get("session") != session_word() or "restored" in st.session_state:
        return
    st.session_state["restored"] = True
    is_link_old = bool(kept.get("opened")) and kept["opened"] == st.session_state.get("opened")
    is_link_alone = is_link_old and st.session_state.get("changes", 0) == st.session_state.get("changes when opened")
    for kind in _FIRST:
        slot = _slot(kind)
        documents = _read_kept([*_listed(kept.get("earlier"), kind), _part(kept.get("work"), kind)], kind)
        if not documents or (slot["is_touched"] and not is_link_alone):
            continue
        if slot["is_touched"]:
            documents = [slot["documents"][slot["at"]], *documents]
        documents = [one for i, one in enumerate(documents) if one not in documents[i + 1 :]]
        slot.update(documents=documents, at=len(documents) - 1, generation=slot["generation"] + 1, is_touched=True)


def _part(told: Any, kind: str) -> Any:
    return told.get(kind) if isinstance(told, dict) else None


def _listed(told: Any, kind: str) -> list[Any]:
    part = _part(told, kind)
    return part[:HISTORY] if isinstance(part, list) else []


def _read_kept(tokens: list[Any], kind: str) -> list[dict[str, Any]]:
    """Return the documents of link tokens; an empty list where the last, the current one, cannot be read."""
    documents: list[dict[str, Any] | None] = []
    for token in tokens:
        try:
            documents.append(codec.to_document(codec.from_token(token, kind).spec))
        except Refusal:  # what an older version kept and this one cannot read is no visitor's mistake
            documents.append(None)
    return [one for one in documents if one is not None] if documents and documents[-1] is not None else []


def elsewhere() -> dict[str, tuple[Any, float]]:
    """Return what the visitor changed in another tab since this one began, each with when, where this tab shows something else."""
    told, settled = _visitor("others"), st.session_state.get("visitor/settled", {})
    found = {}
    for kind in _FIRST:
        one = _part(told, kind)
        at = _part(one, "at")
        if isinstance(at, int | float) and not isinstance(at, bool) and at > settled.get(kind, 0):
            documents = _read_kept([_part(one, "token")], kind)
            slot = _slot(kind)
            if documents and documents[0] != slot["documents"][slot["at"]]:
                found[kind] = (codec.from_document(documents[0], kind).spec, at)
    return found


def take_elsewhere() -> None:
    """Take over what another tab changed; Undo brings back what this one showed."""
    for kind, (spec, at) in elsewhere().items():
        save(spec, from_outside=True)
        _settle(kind, at)


def keep_here() -> None:
    """Keep what this tab shows; what the other tab made stays there."""
    for kind, (_spec, at) in elsewhere().items():
        _settle(kind, at)


def _settle(kind: str, at: float) -> None:
    st.session_state["visitor/settled"] = {**st.session_state.get("visitor/settled", {}), kind: at}


def _visitor(name: str) -> Any:
    """Return what the browser told about its visitor, None until it has."""
    component = st.session_state.get("visitor") or {}
    return component.get(name) if hasattr(component, "get") else getattr(component, name, None)


def is_named() -> bool:
    """True where the visitor is known from the first run on: who signed in, or whose browser sends its cookie."""
    return sign_in.member() is not None or visitor_cookie.is_name(st.context.cookies.get(visitor_cookie.COOKIE))


def visitor() -> str:
    """Return the name under which this visitor's runs are kept: of who signed in, else a random one that the browser keeps.

    Under a plain script there is no cookie: there the page tells the name a moment after it is drawn, and until then, or where there
    is no browser at all, the name is this session's.
    """
    if (member := sign_in.member()) is not None:
        return member
    for known in (st.context.cookies.get(visitor_cookie.COOKIE), _visitor("id")):
        if isinstance(known, str) and visitor_cookie.is_name(known):
            return known
    return st.session_state.setdefault("visitor/session", secrets.token_hex(16))


def owner() -> str:
    """Return the visitor's name for something new; raise `Refusal` for the moment in which the browser has not told it yet."""
    name = visitor()
    if name == st.session_state.get("visitor/session") and st.context.headers:
        raise Refusal(_WHO)
    return name
