"""Handler of uncaught exceptions: a log entry under a short error number, and a message with that number on the page."""

from __future__ import annotations

import logging
import secrets

import streamlit as st

from vpc2.ui.session.i18n import _

_LOG = logging.getLogger(__name__)


def on_script_error(error: Exception) -> bool:
    """Log an uncaught exception under a random 8-digit hex number and show that number; return True to hide the traceback."""
    number = secrets.token_hex(4)
    _LOG.error("error %s, as a visitor was told: %s", number, type(error).__name__, exc_info=error)
    st.error(
        _(
            "Something went wrong here, and it is not your fault. What you made is kept: reload the page, or go on elsewhere. "
            "Who runs this server finds it in the log as error {number}."
        ).format(number=number),
        icon=":material/error:",
    )
    return True
