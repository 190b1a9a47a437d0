"""A module beside a table, for the length of a test."""

import importlib.util
import sys

import pytest


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function that writes a module into the app, as a newcomer would beside the table; it is gone after the test."""

    def module(name: str, text: str) -> None:
        path = tmp_path / f"{name.rpartition('.')[2]}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(name, path)
        made = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, made)
        spec.loader.exec_module(made)

    return module
