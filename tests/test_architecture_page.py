"""docs/architecture.md and file names elsewhere: every path is there and tracked, and no question is asked twice."""

import ast
import io
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
ROWS = re.findall(r"^\| (.+\?) \| `(\S+)` \|$", PAGE.partition("## Where is")[2], re.M)
TRACKED = set(subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"))


def test_the_architecture_page_asks_thirty_different_questions():
    table = [line for line in PAGE.partition("## Where is")[2].splitlines() if line.startswith("| ")]
    assert len(ROWS) == len(table) - 2 >= 30, "a row is not read: | question? | `path` |"
    assert len({question for question, _path in ROWS}) == len({path for _question, path in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("question", "path"), ROWS, ids=[path for _question, path in ROWS])
def test_every_path_answering_a_question_of_the_architecture_page_exists(question, path):
    assert path in TRACKED and (ROOT / path).is_file(), question


def test_every_package_in_the_diagram_of_the_architecture_page_exists():
    floors = PAGE.partition("```mermaid")[2].partition("```")[0]
    for name in re.findall(r"\bvpc2/[\w/]+(?:\.py)?", floors):
        assert (ROOT / name).exists(), name
    rooms = {path.split("/")[1] for path in TRACKED if re.fullmatch(r"vpc2/\w+/.*\.py", path)}
    assert all(f"vpc2/{room}" in floors for room in rooms)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "README.md"])
def test_paths_that_a_page_names_are_there(page):
    named = set(re.findall(r"`((?:vpc2|tests|docs|assets|pages|\.ci|\.github)/[\w./-]+)`", (ROOT / page).read_text()))
    gone = {name for name in named if name != "assets/locale/xx" and not (ROOT / name).exists()}
    assert named and not gone


WRITTEN = {  # by the app, for visitors
    *("albumentations.py", "ask.py", "augment.py", "mix.py", "net.py", "pipeline.py", "predict.py", "script.py", "train.py", "tta.py"),
}
SOURCES = sorted(path for path in TRACKED if path.endswith(".py"))


def comments(path: str) -> str:
    """Return the docstrings and comments of a file."""
    text = (ROOT / path).read_text("utf-8")
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef))
    found = [ast.get_docstring(node) or "" for node in nodes]
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return "\n".join(found + [token.string for token in tokens if token.type == tokenize.COMMENT])


def test_files_that_docstrings_and_comments_name_are_there():
    names = [(path, name) for path in SOURCES for name in re.findall(r"(?<![\w/.])[A-Za-z][\w/]*\.(?:py|js|css|md|toml)\b", comments(path))]
    assert len(names) > 50
    gone = [(path, name) for path, name in names if name not in WRITTEN and not any(f"/{known}".endswith(f"/{name}") for known in TRACKED)]
    assert gone == []
