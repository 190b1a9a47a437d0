"""Entry point of the server: `streamlit run streamlit_app.py`. The pages are drawn by `vpc2/ui/app.py` and `pages/`."""

import os

# Before torch is imported anywhere: idle threads sleep instead of spinning.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from pathlib import Path  # noqa: E402

import streamlit as st  # noqa: E402

from vpc2 import host  # noqa: E402
from vpc2.ui import addresses
from vpc2.ui.server import (
    errors,  # noqa: E402
    routes,
)

host.require_home()
host.keep_freed_memory()
host.share_the_interpreter()
addresses.disable_public_ip_lookup()

SCRIPT = Path(__file__).resolve().parent / "vpc2" / "ui" / "app.py"

app = st.App(
    SCRIPT,
    lifespan=routes.lifespan,
    routes=routes.ROUTES,
    middleware=routes.MIDDLEWARE,
    on_script_error=errors.on_script_error,
)

if __name__ == "__main__":
    app.run()
