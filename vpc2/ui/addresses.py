"""Under which addresses the app's own routes are reached, and that the server looks for its own address at nobody else's."""

from __future__ import annotations

import sys

import streamlit as st
from streamlit import config, net_util
from streamlit.web.server import server_util

_EVERY_ADDRESS = ("", "0.0.0.0", "::")


def base_path() -> str:
    """Return what stands before the path of every route: "/class/vpc2" for `server.baseUrlPath=class/vpc2`, "" where there is none."""
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


def ask_nobody_outside() -> None:
    """Keep Streamlit from asking checkip.amazonaws.com for this machine's public address.

    It does so for every websocket from a page of another origin, to compare it: such a page has to be named in
    `server.corsAllowedOrigins`. It also does so before it prints where the app is: see `announce`.
    """
    net_util.get_external_ip = lambda: None


def announce() -> None:
    """Print where the app is. Streamlit's own lines are off (`logger.hideWelcomeMessage`): it asks outside before any of our code runs."""
    if not (config._server_mode or "").startswith("starlette-app"):
        return  # another server runs the app, and only that one knows its port
    address = st.get_option("server.address") or ""
    if config.is_manually_set("browser.serverAddress"):
        hosts = [st.get_option("browser.serverAddress")]
    elif address in _EVERY_ADDRESS:
        hosts = ["localhost", net_util.get_internal_ip()]
    else:
        hosts = [address]
    lines = [address] if address.startswith("unix://") else [server_util.get_url(host) for host in hosts if host]
    sys.stdout.write("".join(f"vpc2 is at {line}\n" for line in lines))
    sys.stdout.flush()
