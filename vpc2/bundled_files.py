"""Where the files lie that are not modules: assets, the pages' scripts and `streamlit_app.py`.

In a checkout they lie beside the package. The build puts them into `vpc2/_bundled`, so that an installed package has them too
(`[tool.hatch.build.targets.wheel.force-include]` in pyproject.toml says which).
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
IMPORT_ROOT = PACKAGE.parent  # what has to be on `sys.path`, so that a process which is started from here can import `vpc2`
_BUNDLED = PACKAGE / "_bundled"


def resource(*parts: str) -> Path:
    """Return the path of a file or folder, named as in a checkout: `resource("assets", "icon.png")`."""
    return (_BUNDLED if _BUNDLED.is_dir() else IMPORT_ROOT).joinpath(*parts)
