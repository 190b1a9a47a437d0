"""Coverage by room: which room a file is in, and that a room below its floor, a new one and one that is gone are told."""

import json
import runpy
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = runpy.run_path(str(ROOT / ".ci" / "coverage_by_room.py"))


@pytest.mark.parametrize(
    ("file", "room"),
    [
        ("vpc2/codec.py", "vpc2"),
        ("vpc2/nets/layers/kind.py", "vpc2/nets"),
        ("vpc2/ui/app.py", "vpc2/ui"),
        ("vpc2/ui/train/run_page.py", "vpc2/ui/train"),
        ("vpc2/ui/components/live_curves/__init__.py", "vpc2/ui/components"),
    ],
)
def test_a_file_belongs_to_its_package(file, room):
    assert SCRIPT["room_of"](file) == room


def test_lines_are_counted_by_room(tmp_path):
    files = {
        "vpc2/nets/spec.py": {"executed_lines": [1, 2, 5], "missing_lines": [6]},
        str(ROOT / "vpc2" / "nets" / "layers" / "kind.py"): {"executed_lines": [1], "missing_lines": [2, 3]},
        "vpc2/ui/train/run_page.py": {"executed_lines": [], "missing_lines": [4]},
        "vpc2/ui/train/__init__.py": {"executed_lines": [], "missing_lines": []},
    }
    (tmp_path / "coverage.json").write_text(json.dumps({"files": files}))
    assert SCRIPT["measured"](tmp_path / "coverage.json") == {"vpc2/nets": (4, 7), "vpc2/ui/train": (0, 1)}


def test_coverage_below_a_floor_is_reported():
    problems = SCRIPT["problems"]
    assert problems({"vpc2/nets": (80, 100)}, {"vpc2/nets": 80}) == []
    assert ["below" in one for one in problems({"vpc2/nets": (79, 100)}, {"vpc2/nets": 80})] == [True]
    assert len(problems({"vpc2/new": (9, 10)}, {"vpc2/gone": 50})) == 2


def test_every_room_has_a_floor():
    rooms = {SCRIPT["room_of"](path.relative_to(ROOT).as_posix()) for path in (ROOT / "vpc2").rglob("*.py") if path.stat().st_size}
    assert set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["vpc2"]["coverage"]) == rooms
