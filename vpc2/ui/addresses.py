"""The base path of the app's routes, the address printed at the start, and no lookup of the server's public IP address outside."""

from __future__ import annotations

import sys

import streamlit as st
from streamlit import config, net_util
from streamlit.web.server import server_util

_ANY_ADDRESS = ("", "0.0.0.0", "::")


def base_path() -> str:
    """Return the prefix of every route: "/class/vpc2" for `server.baseUrlPath=class/vpc2`, "" without one."""
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


def disable_public_ip_lookup() -> None:
    """Keep Streamlit from asking checkip.amazonaws.com for this machine's public IP address.

    It does so for every websocket from a page of another origin, to compare the two; such an origin has to be listed in
    `server.corsAllowedOrigins` instead. It also does so before it prints the app's address: see `print_addresses`.
    """
    net_util.get_external_ip = lambda: None


def print_addresses() -> None:
    """Print the app's addresses. Streamlit's own message is off (`logger.hideWelcomeMessage`): it looks up the public IP address first."""
    if not (config._server_mode or "").startswith("starlette-app"):
        return  # another ASGI server runs the app, and only that one knows the port
    address = st.get_option("server.address") or ""
    if config.is_manually_set("browser.serverAddress"):
        hosts = [st.get_option("browser.serverAddress")]
    elif address in _ANY_ADDRESS:
        hosts = ["localhost", net_util.get_internal_ip()]
    else:
        hosts = [address]
    lines = [address] if address.startswith("unix://") else [server_util.get_url(host) for host in hosts if host]
    sys.stdout.write("".join(f"vpc2 is at {line}\n" for line in lines))
    sys.stdout.flush()
