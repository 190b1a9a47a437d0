"""What is published about trust and speed: every figure names a command that exists, with its aim, result and date; none is left out."""

import re
import runpy
from pathlib import Path

import pytest

from vpc2.system import privacy

ROOT = Path(__file__).parents[1]
TRUST = (ROOT / "docs" / "trust.md").read_text()
FIGURES_PART, PACKAGES_PART = TRUST.split("\n## Who is asked")


def rows_of(part: str) -> list[list[str]]:
    """Return the cells of a table, its head left out."""
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


ROWS = rows_of(FIGURES_PART)
# What the design asks to be published; a figure that fails stands in the table as missed.
FIGURES = (
    *("bad inputs", "decoder mutants", "operations", "sessions", "started = finished + stopped", "kill -9", "restarts", "full disk"),
    *("memory cap", "seed", "stop latency", "memory after class", "cold start", "knob", "states"),
)


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_is_there(figure):
    assert any(figure in row[0].lower() for row in ROWS), figure


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_row_has_a_command_that_exists_an_aim_a_result_and_a_date(row):
    figure, command, aim, result, verdict, date = row
    assert figure and aim and result
    assert verdict in ("met", "**missed**", "not measured")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", date)
    paths = re.findall(r"tests/[\w/]+\.py", command)
    assert paths, "no command"
    for path in paths:
        assert (ROOT / path).is_file(), path
    for path, name in re.findall(r"(tests/[\w/]+\.py)::(\w+)", command):
        assert f"def {name}(" in (ROOT / path).read_text() or f"{name} =" in (ROOT / path).read_text(), name


def test_every_package_that_is_needed_has_its_answer():
    """Whether it reports, where it writes and what is done: of each in requirements.txt, and of those that are optional."""
    rows = rows_of(PACKAGES_PART)
    assert all(len(row) == 4 and all(row) for row in rows)
    told = {name for row in rows for name in re.findall(r"[a-z][\w-]*", row[0])}
    needed = set(re.findall(r"^([\w-]+)", (ROOT / "requirements.txt").read_text(), re.M))
    assert not needed - told and {"ray", "albumentations"} <= told
    for variable in (*privacy.NO_REPORTS, *privacy.NO_FETCHING, *privacy.FOLDERS):
        assert variable in PACKAGES_PART, variable


def test_the_table_of_the_readme_has_every_comparison():
    table = runpy.run_path(str(ROOT / "tests" / "benchmarks" / "table.py"))
    told = table["rows_of"]((ROOT / "README.md").read_text())
    assert told == {(row.work, row.peer) for row in table["ROWS"]}
