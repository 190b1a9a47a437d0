"""Access control of the app: open, by a shared password (`VPC2_PASSWORD`), or by OpenID Connect (`VPC2_SIGN_IN=1`)."""

from __future__ import annotations

import hashlib
import hmac
import os
import time

import streamlit as st

from vpc2.ui.session.i18n import _

WRONG_S = 1.0  # delay after a wrong password


def has_access() -> bool:
    """True if the visitor may see the app: no sign-in is required, or the visitor has signed in."""
    if os.environ.get("VPC2_SIGN_IN") == "1":
        return bool(st.user.is_logged_in)
    return not os.environ.get("VPC2_PASSWORD") or bool(st.session_state.get("guard/is_in"))


def require_access() -> None:
    """Draw the sign-in form and stop the script run if the visitor has no access."""
    if has_access():
        return
    if os.environ.get("VPC2_SIGN_IN") == "1":
        _draw_sign_in()
    else:
        _draw_password_form(os.environ["VPC2_PASSWORD"])


def signed_in_id() -> str | None:
    """Return the id of a visitor who signed in: 32 hexadecimal digits of a hash, the same on every device; else None."""
    if os.environ.get("VPC2_SIGN_IN") != "1" or not st.user.is_logged_in:
        return None
    identity = f"{st.user.get('iss', '')} {st.user.get('sub') or st.user.get('email', '')}"
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def _draw_sign_in() -> None:
    st.title(_("Sign in"), anchor=False)
    st.caption(_("This server asks who you are, so that your trainings and pictures stay yours."))
    st.button(_("Sign in"), icon=":material/login:", type="primary", on_click=st.login)
    st.stop()


def _draw_password_form(password: str) -> None:
    st.title(_("Sign in"), anchor=False)
    with st.form("guard", border=False, width=360):
        entered = st.text_input(_("Password of this server"), type="password")
        is_sent = st.form_submit_button(_("Come in"), icon=":material/login:", type="primary")
    if is_sent:
        if hmac.compare_digest(entered.encode(), password.encode()):
            st.session_state["guard/is_in"] = True
            st.rerun()
        time.sleep(WRONG_S)
        st.error(_("That is not the password of this server: ask whoever gave you the address."), icon=":material/error:")
    st.stop()
