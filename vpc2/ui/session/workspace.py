"""The workspace: the visitor's current pipeline, net and recipe, with undo and redo, links, and changes made in other tabs.

The session stores plain documents, not dataclasses: after a hot reload a dataclass no longer equals its old instances.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Set
from dataclasses import replace
from typing import Any

import streamlit as st

from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.nets.presets import NETS
from vpc2.text import Refusal, Text
from vpc2.training.presets import RECIPES
from vpc2.ui.session import sign_in, visitor_cookie
from vpc2.ui.session.notices import add_note

HISTORY = 60
SOURCES = {"net": "train/net", "pipeline": "train/pipeline"}  # where the form of Train takes them from, by the key of the session state
# Choices in the session state that the browser keeps beside the specs, as plain names.
KEPT = (*SOURCES.values(), "judge/classifier")
_NAME = re.compile(r"[\w.:/-]{1,80}")

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
_UNKNOWN_VISITOR = Text("The page has not learned yet who you are, so nothing was started: press again in a moment.")


def _slot(kind: str) -> dict[str, Any]:
    """Return the slot of one kind: its history of documents, the current index `at`, and a generation that renews widget keys."""
    name = f"slot/{kind}"
    if name not in st.session_state:
        st.session_state[name] = {"documents": [codec.to_document(_FIRST[kind]())], "at": 0, "generation": 0, "is_touched": False}
    return st.session_state[name]


def load(kind: str) -> Any:
    """Return the current spec of one kind."""
    slot = _slot(kind)
    return codec.from_document(slot["documents"][slot["at"]], kind).spec


def save(spec: Any, *, from_outside: bool = False) -> None:
    """Save `spec` as the current one of its kind; the redo history is dropped, the undo history stays.

    `from_outside` says that the value does not come from the page's widgets, so that they are created anew with it.
    """
    slot, document = _slot(spec.KIND), codec.to_document(spec)
    if document != slot["documents"][slot["at"]]:
        slot["documents"] = [*slot["documents"][: slot["at"] + 1], document][-HISTORY:]
        slot["at"] = len(slot["documents"]) - 1
        slot["generation"] += from_outside
        slot["is_touched"] = True
        slot["is_made"] = True
        _count_change()


def start_with(spec: Any) -> None:
    """Make `spec` the one that a visitor starts with, unless they changed that kind; what the browser stored of theirs replaces it."""
    slot, document = _slot(spec.KIND), codec.to_document(spec)
    if not slot["is_touched"] and document != slot["documents"][slot["at"]]:
        slot.update(documents=[document], at=0, generation=slot["generation"] + 1)


def take_made(kind: str) -> bool:
    """Return, once, whether the visitor changed the spec of this kind since this was last asked."""
    return bool(_slot(kind).pop("is_made", False))


def renew(kind: str) -> None:
    """Have the widgets of one kind created anew, with what is in the workspace."""
    _slot(kind)["generation"] += 1


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
    """Return a widget key that is stable while the visitor edits, and changes when the spec was replaced from outside the widgets."""
    return "/".join((kind, str(_slot(kind)["generation"]), *parts))


def open_spec(spec: Any) -> None:
    """Open a spec in the workspace.

    A recipe also opens its net and its pipeline, an experiment the recipe of its right side; a pretrained net becomes the net of the
    current recipe.
    """
    if spec.KIND == "experiment":
        spec = spec.right
    elif spec.KIND == "backbone":
        spec = replace(load("recipe"), net=spec)
    save(spec, from_outside=True)
    if spec.KIND == "recipe":
        if spec.net.KIND == "net":
            save(spec.net, from_outside=True)
            st.session_state[SOURCES["net"]] = "build"
        else:
            st.session_state[SOURCES["net"]] = f"backbone/{spec.net.ready}"
        st.session_state[SOURCES["pipeline"]] = "none"
        if spec.pipeline is not None:
            save(spec.pipeline, from_outside=True)
            st.session_state[SOURCES["pipeline"]] = "augment"
    for kind in SOURCES:
        take_made(kind)  # opened, not made


def open_link(known: Set[str] = frozenset()) -> None:
    """Open the link token `?s=` in the workspace, once, with a notice unless it is one of the app's own `known` examples.

    An invalid token becomes an error notice.
    """
    token = st.query_params.get("s")
    if not token or st.session_state.get("opened") == token:
        return
    st.session_state.opened = token
    try:
        read = codec.from_token(token)
    except Refusal as refusal:
        add_note(refusal.text, "error")
        return
    open_spec(read.spec)
    if token not in known:
        add_note(_OPENED.fill(what=_WHAT[read.spec.KIND]), "info")
    for note in read.notes:
        add_note(note, "info")
    st.session_state["changes when opened"] = st.session_state.get("changes", 0)


def workspace_tokens() -> dict[str, str]:
    """Return the visitor's specs as link tokens by kind, without those that were never changed, and the choices `KEPT` by their key."""
    tokens = {kind: codec.to_token(load(kind)) for kind in _FIRST if _slot(kind)["is_touched"]}
    return tokens | {key: st.session_state[key] for key in KEPT if key in st.session_state}


def session_id() -> str:
    """Return a random id of this session; a tab that stays open across a server restart gets a new one."""
    return st.session_state.setdefault("visitor/word", secrets.token_hex(8))


def restore() -> None:
    """Restore, once per session, what the browser stored of an earlier session; kinds already changed in this session are kept.

    Differing versions of other tabs are put before it in the history, so that Undo reaches them. If this tab had already opened its
    link in the earlier session, the edited version of then is restored, and the link's own content is one Undo away.
    """
    stored = _reported("stored")
    if not isinstance(stored, dict) or stored.get("session") != session_id() or "restored" in st.session_state:
        return
    st.session_state["restored"] = True
    is_link_old = bool(stored.get("opened")) and stored["opened"] == st.session_state.get("opened")
    is_link_alone = is_link_old and st.session_state.get("changes", 0) == st.session_state.get("changes when opened")
    for kind in _FIRST:
        slot = _slot(kind)
        documents = _read_tokens([*_list_field(stored.get("earlier"), kind), _field(stored.get("work"), kind)], kind)
        if not documents or (slot["is_touched"] and not is_link_alone):
            continue
        if slot["is_touched"]:
            documents = [slot["documents"][slot["at"]], *documents]
        documents = [document for i, document in enumerate(documents) if document not in documents[i + 1 :]]
        slot.update(documents=documents, at=len(documents) - 1, generation=slot["generation"] + 1, is_touched=True)
        if kind == "recipe":
            _restore_choices(stored.get("work"), SOURCES.values())
    if "run" not in st.query_params and "classifier" not in st.query_params:
        _restore_choices(stored.get("work"), ["judge/classifier"])
        st.session_state["judge/choices"] = st.session_state.get("judge/choices", 0) + 1


def _restore_choices(work: Any, keys: Iterable[str]) -> None:
    """Restore choices that the browser kept, and forget those that it did not: their page finds them anew."""
    for key in keys:
        name = _field(work, key)
        if isinstance(name, str) and _NAME.fullmatch(name):
            st.session_state[key] = name
        else:
            st.session_state.pop(key, None)


def _field(reported: Any, kind: str) -> Any:
    return reported.get(kind) if isinstance(reported, dict) else None


def _list_field(reported: Any, kind: str) -> list[Any]:
    part = _field(reported, kind)
    return part[:HISTORY] if isinstance(part, list) else []


def _read_tokens(tokens: list[Any], kind: str) -> list[dict[str, Any]]:
    """Return the documents of link tokens; an empty list if the last one, the current version, cannot be read."""
    documents: list[dict[str, Any] | None] = []
    for token in tokens:
        try:
            documents.append(codec.to_document(codec.from_token(token, kind).spec))
        except Refusal:  # stored by an older version of the app and unreadable now: not the visitor's mistake, so no notice
            documents.append(None)
    return [document for document in documents if document is not None] if documents and documents[-1] is not None else []


def changes_in_other_tabs() -> dict[str, tuple[Any, float]]:
    """Return, by kind, the spec that another tab changed since this tab was opened and the time, if it differs from this tab's."""
    others, settled = _reported("others"), st.session_state.get("visitor/settled", {})
    changes = {}
    for kind in _FIRST:
        change = _field(others, kind)
        at = _field(change, "at")
        if isinstance(at, int | float) and not isinstance(at, bool) and at > settled.get(kind, 0):
            documents = _read_tokens([_field(change, "token")], kind)
            slot = _slot(kind)
            if documents and documents[0] != slot["documents"][slot["at"]]:
                changes[kind] = (codec.from_document(documents[0], kind).spec, at)
    return changes


def adopt_other_tab() -> None:
    """Replace this tab's specs by those changed in another tab; Undo restores this tab's."""
    for kind, (spec, at) in changes_in_other_tabs().items():
        save(spec, from_outside=True)
        _mark_settled(kind, at)


def keep_this_tab() -> None:
    """Keep this tab's specs and dismiss the changes of the other tab, which stay in that tab."""
    for kind, (_spec, at) in changes_in_other_tabs().items():
        _mark_settled(kind, at)


def _mark_settled(kind: str, at: float) -> None:
    st.session_state["visitor/settled"] = {**st.session_state.get("visitor/settled", {}), kind: at}


def _reported(name: str) -> Any:
    """Return a value that the `browser_storage` component reported, None until it has."""
    component = st.session_state.get("visitor") or {}
    return component.get(name) if hasattr(component, "get") else getattr(component, name, None)


def is_identified() -> bool:
    """True if the visitor's id is known in the first script run: by sign-in or by cookie."""
    return sign_in.signed_in_id() is not None or visitor_cookie.is_visitor_id(st.context.cookies.get(visitor_cookie.COOKIE))


def visitor_id() -> str:
    """Return the visitor's id, which owns their runs: from the sign-in, else from the cookie.

    Without the app's server (plain script) there is no cookie: the page reports the id from local storage a moment after it is drawn.
    Until then, or without a browser, the id is one of this session.
    """
    if (member_id := sign_in.signed_in_id()) is not None:
        return member_id
    for visitor_id in (st.context.cookies.get(visitor_cookie.COOKIE), _reported("id")):
        if isinstance(visitor_id, str) and visitor_cookie.is_visitor_id(visitor_id):
            return visitor_id
    return st.session_state.setdefault("visitor/session", secrets.token_hex(16))


def owner_id() -> str:
    """Return the visitor's id as the owner of a new object; raise `Refusal` while the browser has not reported it yet."""
    own_id = visitor_id()
    if own_id == st.session_state.get("visitor/session") and st.context.headers:
        raise Refusal(_UNKNOWN_VISITOR)
    return own_id
