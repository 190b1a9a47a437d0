"""What is published about trust and speed: every figure names a command that exists, with its aim, result and date; none is left out."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRUST = (ROOT / "docs" / "trust.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TRUST.splitlines() if re.match(r"\| (?!---|figure)", line)]
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


def test_the_table_of_the_readme_has_every_comparison():
    table = runpy.run_path(str(ROOT / "tests" / "benchmarks" / "table.py"))
    told = table["rows_of"]((ROOT / "README.md").read_text())
    assert told == {(row.work, row.peer) for row in table["ROWS"]}
