"""Entry point of the server: `streamlit run streamlit_app.py`. The pages are drawn by `vpc2/ui/app.py` and `pages/`."""

import os

# Before torch is imported anywhere: idle threads sleep instead of spinning.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import streamlit as st  # noqa: E402

from vpc2.bundled_files import PACKAGE  # noqa: E402
from vpc2.system import host  # noqa: E402
from vpc2.ui import addresses  # noqa: E402
from vpc2.ui.server import errors, routes  # noqa: E402

host.require_home()
host.keep_freed_memory()
host.share_the_interpreter()
addresses.disable_public_ip_lookup()

app = st.App(
    PACKAGE / "ui" / "app.py",
    lifespan=routes.lifespan,
    routes=routes.ROUTES,
    middleware=routes.MIDDLEWARE,
    on_script_error=errors.on_script_error,
)

if __name__ == "__main__":
    app.run()
