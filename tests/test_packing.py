"""The image and what is in front of it: nothing they name is missing, nothing they must not carry comes along. No engine is needed."""

import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
import yaml

from vpc2.system import privacy

ROOT = Path(__file__).parents[1]
IMAGE = (ROOT / "Dockerfile").read_text()
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_the_container_runs_unprivileged_and_has_a_health_check():
    last = IMAGE[IMAGE.rindex("\nFROM ") :]
    user, start = last.index("\nUSER "), last.index("\nCMD ")
    assert "root" not in last[user : last.index("\n", user + 1)] and user < start
    assert "HEALTHCHECK" in last and "/api/health" in last


def test_the_container_disables_usage_reports():
    for name, value in privacy.NO_REPORTS.items():
        assert f"{name}={value}" in IMAGE


@pytest.mark.parametrize(("base", "where"), [(None, ""), ("", ""), ("class/vpc2", "/class/vpc2"), ("/lab/", "/lab")])
def test_the_health_check_asks_under_the_base_path(base, where, monkeypatch):
    code = re.search(r'CMD python -c "(.*?)"', IMAGE, re.DOTALL)[1].replace("\\\n", "")
    asked = []
    monkeypatch.setattr(urllib.request, "urlopen", lambda address, timeout: asked.append(address))
    monkeypatch.delenv("STREAMLIT_SERVER_BASE_URL_PATH", raising=False)
    if base is not None:
        monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", base)
    exec(compile(code, "Dockerfile", "exec"), {})
    assert asked == [f"http://127.0.0.1:8501{where}/api/health"]


def test_files_copied_into_the_container_exist_and_are_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert ignored[0] == "*"
    for line in re.findall(r"^COPY (?!--from)(.*)$", IMAGE, re.MULTILINE):
        for name in [part for part in line.split() if not part.startswith("--")][:-1]:
            assert (ROOT / name).exists(), name
            assert any(one[1:] == name or one[1:].startswith(f"{name}/") for one in ignored if one.startswith("!")), name
    top = {path.name for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").exists() and path.name != "tests"}
    assert all(f" {name} /app/{name}" in IMAGE for name in (*top, "pages", "assets"))


def test_the_app_is_reachable_only_through_the_proxy():
    assert "ports" not in SERVICES["app"] and SERVICES["app"]["cap_drop"] == ["ALL"]
    port = re.search(r"reverse_proxy app:(\d+)", (ROOT / "Caddyfile").read_text()).group(1)
    assert SERVICES["app"]["expose"] == [port] and f"EXPOSE {port}" in IMAGE


def test_the_proxy_understands_its_file(tmp_path):
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("caddy is not installed: apt-get install caddy")
    command = [caddy, "validate", "--config", "Caddyfile", "--adapter", "caddyfile"]
    env = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}  # it makes certificates for localhost
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
