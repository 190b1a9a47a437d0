"""Who may import whom: the plan of the house as a test over the imports that are really written."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for path in [*ROOT.glob("vpc2/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "streamlit_app.py"])
GROUND = {"knobs", "catalog", "codec", "rng", "text", "host", "labels", "privacy", "shares", "sources"}
# What each room may use of the other rooms; a room may always use itself and the ground floor.
ROOMS = {
    "images": set(),
    "augment": set(),
    "nets": set(),
    "data": {"images"},
    "predict": {"nets", "augment", "data", "images"},
    "training": {
        *("predict.classifier", "predict.backbones", "predict.spec", "predict.readymade", "predict.attack_kinds", "predict.perturbing"),
        *("predict.backbone_code", "predict.statistics", "data", "nets", "augment"),
    },
    "figures": {"augment", "nets", "data", "predict", "training"},
    "checking": {"images", "data", "predict", "nets", "augment", "training"},
    "cli": {"images", "data", "predict", "nets", "augment", "training", "checking"},
    "__main__": {"cli"},
    "ui": {"images", "data", "predict", "nets", "augment", "training", "figures", "checking"},
    "pages": {"images", "data", "predict", "nets", "augment", "training", "figures", "ui", "checking"},
}
HEAVY = {"torch", "torchvision", "kornia", "numpy", "PIL", "streamlit", "plotly", "tensorboard", "safetensors", "sklearn"}
FLOOR_0 = [
    path
    for path in FILES
    if path.parent.name == "vpc2"
    and path.stem in GROUND
    or path.name
    in (
        "spec.py",
        "ops.py",
        "layers.py",
        "views.py",
        "datasets.py",
        "code.py",
        "equivalents.py",
        "shapes.py",
        "presets.py",
        "comparing.py",
        "pairs.py",
        "labelfiles.py",
        "readymade.py",
        "report.py",
        "challenges.py",
        "attack_kinds.py",
        "attack_code.py",
        "settings.py",
        "optimisers.py",
        "schedule.py",
    )
    and path.parent.name in ("augment", "nets", "data", "predict", "training")
    and not (path.parent.name == "data" and path.name == "shapes.py")
]


def imports(path: Path, only_top: bool = False) -> set[str]:
    """Return the dotted names a file imports; only those outside functions where `only_top`."""
    tree = ast.parse(path.read_text())
    found = set()
    nodes = list(ast.walk(tree))
    if only_top:
        inner = {
            id(node)
            for function in nodes
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for node in ast.walk(function)
        }
        nodes = [node for node in nodes if id(node) not in inner]
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(path: Path) -> str:
    relative = path.relative_to(ROOT).with_suffix("").parts
    return "pages" if relative[0] in ("pages", "streamlit_app") else relative[1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_uses_only_the_floors_below(path):
    room = room_of(path)
    if room in GROUND:
        allowed = {"augment.spec", "nets.spec", "predict.spec", "training.spec"} if room == "codec" else set()
    elif room == "__init__":
        return
    else:
        allowed = ROOMS[room]
    for name in imports(path):
        if name.startswith("vpc2."):
            other = name.removeprefix("vpc2.")
            first = other.split(".")[0]
            fine = (
                first == room
                or first in GROUND
                or any(other == a or other.startswith(f"{a}.") or first == a for a in allowed if "." not in a)
            )
            fine = fine or any(other == a or other.startswith(f"{a}.") for a in allowed)
            assert fine, f"{path.relative_to(ROOT)} ({room}) may not use {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_streamlit_and_torch_stay_in_their_rooms(path):
    room, found = room_of(path), {name.split(".")[0] for name in imports(path)}
    if room not in ("ui", "pages"):
        assert "streamlit" not in found
    if room == "pages":
        assert not found & {"torch", "kornia", "torchvision"}


@pytest.mark.parametrize("path", FLOOR_0, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_ground_floor_needs_only_the_standard_library(path):
    top = {name.split(".")[0] for name in imports(path, only_top=True)}
    assert not top & HEAVY


def test_the_ground_floor_imports_without_torch():
    """In a fresh process: catalogs, arithmetic, links and code export, and nothing heavy came along."""
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in FLOOR_0]
    script = f"import sys, importlib\nfor m in {modules!r}: importlib.import_module(m)\nprint(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small_and_packages_empty(path):
    lines = len(path.read_text().splitlines())
    assert lines <= (120 if path.parent.name == "pages" else 60 if path.name == "streamlit_app.py" else 400)
    if path.name == "__init__.py" and path.parent.parent.name != "components":
        docstring, *rest = ast.parse(path.read_text()).body
        assert isinstance(docstring, ast.Expr)
        # The package's own says what must stand before any other import; nothing else happens when a package is imported.
        wanted = ["from vpc2 import privacy", "privacy.keep()"] if path == ROOT / "vpc2" / "__init__.py" else []
        assert [ast.unparse(statement) for statement in rest] == wanted
    assert path.stem not in ("utils", "helpers", "common")
