"""Who may come in: everybody, who knows the password, or who has signed in."""

from __future__ import annotations

import hashlib
import hmac
import os
import time

import streamlit as st

from vpc2.ui.session.i18n import _

WRONG_S = 1.0  # what a wrong password costs


def is_in() -> bool:
    """True for whoever may see the app: all where nothing is asked for, else who has signed in."""
    if os.environ.get("VPC2_SIGN_IN") == "1":
        return bool(st.user.is_logged_in)
    return not os.environ.get("VPC2_PASSWORD") or bool(st.session_state.get("guard/is_in"))


def let_in() -> None:
    """Stop the page here, with a way to sign in, for whoever has to and has not: `VPC2_PASSWORD`, or `VPC2_SIGN_IN=1` with OIDC."""
    if is_in():
        return
    if os.environ.get("VPC2_SIGN_IN") == "1":
        _ask_identity()
    else:
        _ask_password(os.environ["VPC2_PASSWORD"])


def member() -> str | None:
    """Return a visitor's name of 32 digits where they signed in, the same on every device; else None."""
    if os.environ.get("VPC2_SIGN_IN") != "1" or not st.user.is_logged_in:
        return None
    who = f"{st.user.get('iss', '')} {st.user.get('sub') or st.user.get('email', '')}"
    return hashlib.sha256(who.encode()).hexdigest()[:32]


def _ask_identity() -> None:
    st.title(_("Sign in"), anchor=False)
    st.caption(_("This server asks who you are, so that your trainings and pictures stay yours."))
    st.button(_("Sign in"), icon=":material/login:", type="primary", on_click=st.login)
    st.stop()


def _ask_password(wanted: str) -> None:
    st.title(_("Sign in"), anchor=False)
    with st.form("guard", border=False, width=360):
        given = st.text_input(_("Password of this server"), type="password")
        is_sent = st.form_submit_button(_("Come in"), icon=":material/login:", type="primary")
    if is_sent:
        if hmac.compare_digest(given.encode(), wanted.encode()):
            st.session_state["guard/is_in"] = True
            st.rerun()
        time.sleep(WRONG_S)
        st.error(_("That is not the password of this server: ask whoever gave you the address."), icon=":material/error:")
    st.stop()
