"""What the browser keeps for its visitor: a random name, and what they made; and the page's `lang` attribute."""

from __future__ import annotations

import functools
import json

import streamlit as st

# The name is a secret of the browser's own making, not the session's id: whoever knows a session's id could join it.
_JS = """
const mounted = new WeakSet();
const KEY = 'vpc2-workspace';
function kept() {
  try { return JSON.parse(localStorage.getItem(KEY)) || {}; } catch (e) { return {}; }
}
export default function (component) {
  const { parentElement, data, setStateValue } = component;
  document.documentElement.lang = data.language;
  const before = kept(), now = { ...before, ...JSON.parse(data.workspace) };
  if (JSON.stringify(now) !== JSON.stringify(before)) {
    try { localStorage.setItem(KEY, JSON.stringify(now)); } catch (e) { /* full or forbidden: links and files still keep everything */ }
  }
  if (mounted.has(parentElement)) return;
  mounted.add(parentElement);
  if (Object.keys(before).length) setStateValue('kept', before);
  let id = null;
  try { id = localStorage.getItem('vpc2-visitor'); } catch (e) { /* storage is forbidden: the session's own name serves */ }
  if (!/^[0-9a-f]{32}$/.test(id || '')) {
    id = Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, '0')).join('');
    try { localStorage.setItem('vpc2-visitor', id); } catch (e) { return; }
  }
  setStateValue('id', id);
}
"""


@functools.cache
def _component():
    return st.components.v2.component("vpc2.visitor", html="<span></span>\n", js=_JS)


def draw_visitor(language: str, workspace: dict[str, str]) -> None:
    """Set the page's language, let the browser keep `workspace` (a link token a kind), and put what it knows into
    `st.session_state.visitor`: its name, `id`, and what it kept before this session, `kept`.
    """
    _component()(
        key="visitor",
        data={"language": language, "workspace": json.dumps(workspace)},  # as text: for a dictionary Streamlit imports pandas
        default={"id": "", "kept": {}},
        on_id_change=lambda: None,
        on_kept_change=lambda: None,
        height=1,
    )
