"""Print how much of each room the tests ran, and fail where it is less than the room's floor in pyproject.toml.

After `pytest --cov`: python .ci/coverage_by_room.py. With --write the floors become what was measured, less two points: lines are counted,
and a test that is skipped on one machine must not fail on another.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "pyproject.toml"
SLACK = 2


def room_of(file: str) -> str:
    """Return the room of a file: its folder below `vpc2`, and in `vpc2/ui` the one below that."""
    folders = file.split("/")[:-1]
    return "/".join(folders[: 3 if folders[1:2] == ["ui"] else 2])


def measured() -> dict[str, tuple[int, int]]:
    """Return each room's (lines that ran, lines there are), out of the data of the last `pytest --cov`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.json"
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", str(path)], cwd=ROOT, env=os.environ, check=True)
        files = json.loads(path.read_text())["files"]
    rooms: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, file in files.items():
        of = rooms[room_of(Path(name).as_posix())]
        of[0] += file["summary"]["covered_lines"]
        of[1] += file["summary"]["num_statements"]
    return {room: (ran, lines) for room, (ran, lines) in sorted(rooms.items()) if lines}


def problems(rooms: dict[str, tuple[int, int]], floors: dict[str, int]) -> list[str]:
    """Return a sentence for each room below its floor, without one, or with one and no longer there."""
    messages = [f"{room}: no floor in pyproject.toml" for room in rooms if room not in floors]
    messages += [f"{room}: a floor, but no such room" for room in floors if room not in rooms]
    for room, (ran, lines) in rooms.items():
        if room in floors and 100 * ran < floors[room] * lines:
            messages.append(f"{room}: {100 * ran / lines:.1f} % is below its floor of {floors[room]} %")
    return messages


def write(rooms: dict[str, tuple[int, int]]) -> None:
    """Put the floors into pyproject.toml."""
    table = "".join(f'"{room}" = {max(100 * ran // lines - SLACK, 0)}\n' for room, (ran, lines) in rooms.items())
    text = PROJECT.read_text("utf-8")
    PROJECT.write_text(re.sub(r'(?<=\[tool\.vpc2\.coverage\]\n)(".*\n)*', lambda match: table, text), "utf-8")


def main() -> int:
    """Print the table and what is wrong with it; return 1 where something is."""
    rooms = measured()
    if "--write" in sys.argv[1:]:
        write(rooms)
    floors = tomllib.loads(PROJECT.read_text("utf-8"))["tool"]["vpc2"]["coverage"]
    for room, (ran, lines) in rooms.items():
        print(f"{room:24}{lines:>7} lines{100 * ran / lines:>7.1f} %   floor {floors.get(room, '-'):>3}")
    wrong = problems(rooms, floors)
    print("".join(f"{line}\n" for line in wrong), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
