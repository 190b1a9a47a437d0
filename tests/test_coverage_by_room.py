"""Coverage by room: which room a file is in, and that a room below its floor, a new one and one that is gone are told."""

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


def test_coverage_below_a_floor_is_reported():
    problems = SCRIPT["problems"]
    assert problems({"vpc2/nets": (80, 100)}, {"vpc2/nets": 80}) == []
    assert ["below" in one for one in problems({"vpc2/nets": (79, 100)}, {"vpc2/nets": 80})] == [True]
    assert len(problems({"vpc2/new": (9, 10)}, {"vpc2/gone": 50})) == 2


def test_every_room_has_a_floor():
    rooms = {SCRIPT["room_of"](path.relative_to(ROOT).as_posix()) for path in (ROOT / "vpc2").rglob("*.py") if path.stat().st_size}
    assert set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["vpc2"]["coverage"]) == rooms
