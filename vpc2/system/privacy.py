"""Environment variables that stop other packages from sending telemetry and from writing outside `VPC2_HOME`.

They must be set before those packages are imported. Importing `vpc2` calls `keep`, so server, training worker, Ray's tasks and command line
cannot forget it. docs/trust.md has the list.
"""

from __future__ import annotations

import os
from pathlib import Path

from vpc2.system.host import home

# Telemetry and update checks of packages when they are imported or used. ONNX Runtime reads its variable during the import: calling
# its function for the same purpose would be too late.
NO_REPORTS = {"ORT_DISABLE_TELEMETRY": "1", "NO_ALBUMENTATIONS_UPDATE": "1", "RAY_USAGE_STATS_ENABLED": "0"}
# Nothing is installed or downloaded silently. A host may override this.
NO_FETCHING = {"KORNIA_INSTALLATION_MODE": "raise", "HF_HUB_OFFLINE": "1"}

# Caches of packages, in a folder of `home()`: Captum imports Matplotlib, which caches the machine's fonts, and torch's ONNX exporter
# imports its compiler, which creates a folder.
FOLDERS = {"MPLCONFIGDIR": "matplotlib", "TORCHINDUCTOR_CACHE_DIR": "torch"}


def keep() -> None:
    """Set the environment of this process and of its child processes."""
    os.environ.update(NO_REPORTS)
    for name, value in NO_FETCHING.items():
        os.environ.setdefault(name, value)
    try:
        cache = home() / "cache"
    except RuntimeError:  # a user without a home folder, and no VPC2_HOME
        return
    if _may_be_made(cache):
        for name, folder in FOLDERS.items():
            os.environ.setdefault(name, str(cache / folder))


def _may_be_made(folder: Path) -> bool:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK)
