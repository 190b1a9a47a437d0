"""Who is looking, and in which language: a random name kept in the browser, and the page's `lang` attribute."""

from __future__ import annotations

import functools

import streamlit as st

# The name is a secret of the browser's own making, not the session's id: whoever knows a session's id could join it.
_JS = """
const names = new WeakSet();
export default function (component) {
  const { parentElement, data, setStateValue } = component;
  document.documentElement.lang = data.language;
  if (names.has(parentElement)) return;
  names.add(parentElement);
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


def draw_visitor(language: str) -> None:
    """Set the page's language and put the browser's name into `st.session_state.visitor`."""
    _component()(key="visitor", data={"language": language}, default={"id": ""}, on_id_change=lambda: None, height=1)
