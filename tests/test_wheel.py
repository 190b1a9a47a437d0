"""The wheel: it holds every file of the app, and the app starts from where it is installed, with its settings, pages and Spanish."""

import json
import os
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

from vpc2.version import VERSION

ROOT = Path(__file__).parents[1]
START_S = 90
_HOME_IN_SPANISH = """
from streamlit.testing.v1 import AppTest
from vpc2 import bundled_files

at = AppTest.from_file(str(bundled_files.PACKAGE / "ui" / "app.py"), default_timeout=60)
at.query_params["lang"] = "es"
at.run()
assert not at.exception, at.exception
at.switch_page(str(bundled_files.resource("pages", "build.py"))).run()
assert not at.exception, at.exception
print(bundled_files.resource("assets"))
print(at.title[0].value)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout, built with what is installed here."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with the wheel installed in it, and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def surroundings(installed, home):
    """Return an environment in which Python imports the installed package: `PYTHONPATH` of a test run would name the checkout."""
    return {**os.environ, "PYTHONPATH": str(installed), "VPC2_HOME": str(home)}


def test_the_wheel_holds_every_file_of_the_app_and_no_other(wheel):
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    bundled = [name for name in listed if name.startswith(("pages/", "assets/")) or name in ("streamlit_app.py", ".streamlit/config.toml")]
    expected = {name for name in listed if name.startswith("vpc2/")} | {f"vpc2/_bundled/{name}" for name in bundled}
    assert len(bundled) > 10
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected


def test_the_wheel_asks_for_what_the_lists_of_requirements_say(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode().splitlines()
        entry_points = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    asked = {line.removeprefix("Requires-Dist: ") for line in metadata if line.startswith("Requires-Dist: ")}
    for file, extra in (("requirements.txt", None), ("requirements-ray.txt", "ray"), ("tests/requirements.txt", "dev")):
        lines = [line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines()]
        for name in [line.partition(">")[0].lower() for line in lines if line and not line.startswith("-")]:
            assert any(one.startswith(name) and (one.endswith(f"; extra == '{extra}'") if extra else ";" not in one) for one in asked), name
    assert f"Version: {VERSION}" in metadata and "vpc2 = vpc2.cli:main" in entry_points
    assert "version" in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dynamic"]


def test_pages_and_spanish_are_found_where_it_is_installed(installed, tmp_path):
    env = surroundings(installed, tmp_path / "home")
    done = subprocess.run([sys.executable, "-c", _HOME_IN_SPANISH], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assets, title = done.stdout.split("\n")[:2]
    assert Path(assets) == installed / "vpc2" / "_bundled" / "assets"
    assert title == "Construir"


def test_the_command_alone_starts_the_app_from_any_folder_with_its_own_settings(installed, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "server.log"
    # No address is given: that of .streamlit/config.toml is this machine's own, and only our `announce` prints this line.
    command = [sys.executable, str(installed / "bin" / "vpc2"), f"--server.port={port}", "--server.headless=true"]
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=tmp_path, env=surroundings(installed, tmp_path / "home"), stdout=out, stderr=out)
    try:
        deadline, health = time.monotonic() + START_S, None
        while health is None and time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5) as answer:
                    health = json.load(answer)
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
    finally:
        process.terminate()
        process.wait(15)
    assert health is not None and health["status"] == "ok", log.read_text()
    assert f"vpc2 is at http://127.0.0.1:{port}" in log.read_text() and "Traceback" not in log.read_text()


def test_help_and_version_of_the_command(installed, tmp_path):
    command = [sys.executable, str(installed / "bin" / "vpc2")]
    env = surroundings(installed, tmp_path / "home")
    said = [subprocess.run([*command, option], env=env, capture_output=True, text=True, check=True) for option in ("--help", "--version")]
    assert "summary" in said[0].stdout and said[1].stdout == f"vpc2 {VERSION}\n"
