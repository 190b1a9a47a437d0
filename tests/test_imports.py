"""Who may import whom: the contracts of pyproject.toml hold, no file needs itself in the end, and what is light stays light."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
MAX_FILES = 16  # in a folder
MAX_LINES = 400  # of a file
FILES = sorted(path for path in [*ROOT.glob("vpc2/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "streamlit_app.py"])
SCRIPTS = sorted(path for kind in ("js", "css", "html") for path in ROOT.glob(f"vpc2/**/*.{kind}"))
HEAVY = {"torch", "torchvision", "kornia", "numpy", "scipy", "PIL", "streamlit", "plotly", "tensorboard", "safetensors", "sklearn"}
HEAVY |= {"onnx", "psutil", "ray"}
# Links, catalogs, arithmetic and exported code come in milliseconds, before torch is there: these, and every file that says so itself.
LIGHT = {
    *(
        "codec",
        "catalog",
        "knobs",
        "labels",
        "number_format",
        "bundled_files",
        "rng",
        "proportions",
        "sources",
        "spreadsheet",
        "text",
        "version",
    ),
    *("system.files", "system.host", "system.lru_cache", "system.privacy"),
    *("augment.spec", "augment.presets", "augment.mixes", "augment.operations.catalog", "augment.labels.files"),
    *("augment.export.kornia_code", "augment.export.other_libraries"),
    "data.datasets",
    *("nets.spec", "nets.presets", "nets.layers.catalog", "nets.export.pytorch_code"),
    *("nets.summary.summarise", "nets.summary.diff", "nets.summary.lessons"),
    *("predict.spec", "predict.tta.views", "predict.pretrained.catalog", "predict.robustness.corruptions", "predict.adversarial.catalog"),
    *("predict.export.tta_script", "predict.export.html_report"),
    *("training.spec", "training.presets", "training.settings", "training.optimisers", "training.schedule"),
    *("training.export.script", "training.export.attack_code"),
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def says_so(path: Path) -> bool:
    return "Standard library only" in (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "")


LIGHT_MODULES = sorted({f"vpc2.{name}" for name in LIGHT} | {name_of(path) for path in FILES if says_so(path)})


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("vpc2", cache_dir=None)


def test_the_contracts_hold():
    """The floors, the pages' rooms that know nothing of each other, the circles of rooms, Ray, Streamlit and Plotly: see pyproject.toml."""
    # In a process of its own: it configures logging, which switches off every logger there is for all tests after it.
    done = subprocess.run([Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_no_import_cycles_between_files(graph):
    """Whatever a file imports, inside functions too, never leads back to it."""
    needed = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert len(needed) > 300
    graphlib.TopologicalSorter(needed).prepare()  # raises CycleError with the files of the circle


def test_no_package_has_too_many_files(graph):
    rooms = {name: [child for child in graph.find_children(name) if not graph.find_children(child)] for name in graph.modules}
    assert {name: len(files) for name, files in rooms.items() if len(files) > MAX_FILES} == {}


@pytest.mark.parametrize("path", sorted([*ROOT.glob("pages/*.py"), ROOT / "streamlit_app.py"]), ids=lambda path: path.name)
def test_a_page_leaves_arithmetic_to_the_package(path):
    nodes = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Import | ast.ImportFrom)]
    found = {name for node in nodes for name in ([node.module] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])}
    assert found and not {name.partition(".")[0] for name in found} & (HEAVY - {"streamlit"})


def test_light_modules_import_no_heavy_library():
    """In a fresh process: all of them, and then what came along."""
    script = f"import sys, importlib\nfor m in {LIGHT_MODULES!r}: importlib.import_module(m)\nprint(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_scripts_and_styles_stay_small(path):
    assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small_and_packages_empty(path):
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= (120 if path.parent.name == "pages" else 60 if path.name == "streamlit_app.py" else MAX_LINES)
    if path.name == "__init__.py" and path.parent.parent.name != "components":
        docstring, *rest = ast.parse(path.read_text("utf-8")).body
        assert isinstance(docstring, ast.Expr)
        # The package's own says what must stand before any other import; nothing else happens when a package is imported.
        wanted = ["from vpc2.system import privacy", "privacy.keep()"] if path == ROOT / "vpc2" / "__init__.py" else []
        assert [ast.unparse(statement) for statement in rest] == wanted
    assert path.stem not in ("utils", "helpers", "common")
