"""No cell that a visitor can write is a formula in a CSV of the app: spreadsheets evaluate those that begin with one of six characters."""

import ast

import pytest

from tests.test_imports import ROOT
from vpc2.spreadsheet import as_text_cell


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_formula_is_quoted_and_nothing_else(start):
    assert as_text_cell(f"{start}cmd|'/c calc'!A0") == f"'{start}cmd|'/c calc'!A0"
    assert as_text_cell(f"a{start}1") == f"a{start}1" and as_text_cell("") == ""


@pytest.mark.parametrize("path", ["vpc2/ui/train/run_list.py", "vpc2/ui/train/experiments.py", "vpc2/ui/judge/test_set.py"])
def test_the_tables_with_names_in_them_ask_for_it(path):
    calls = [
        node.func.id
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    assert "as_text_cell" in calls
