"""Nothing is reported to anyone and nothing is written outside `VPC2_HOME`, by whichever way the package is entered.

Packages behave otherwise where `CI` is set, so these processes have it unset, an empty HOME and none of the XDG folders.
"""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vpc2.augment.export.other_libraries import to_albumentations
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import Pipeline, edit_add
from vpc2.system import privacy

ROOT = Path(__file__).parents[2]
WATCH = ROOT / "tests" / "watching"

ENTRIES = {
    "package": "import vpc2",
    "server": "import streamlit_app",
    "worker": "import vpc2.training.queue.worker",
    "cluster": "import vpc2.training.ray.remote",
    "command line": "from vpc2.cli import main; main(['summary', 'lenet5'])",
    "ONNX writer": "import vpc2.predict.runtime.onnx_runtime",
}


def surroundings(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of a fresh account: its HOME is empty, and none of our own variables is set yet."""
    for name in ("home", "vpc2", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    hidden = {"CI", "HOME", "TMPDIR", *privacy.FOLDERS, "TORCH_HOME", "VPC2_ONNX", "PYTHONPATH", *privacy.NO_REPORTS, *privacy.NO_FETCHING}
    kept = {name: value for name, value in os.environ.items() if name not in hidden and not name.startswith(("XDG_", "STREAMLIT_"))}
    places = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "VPC2_HOME": str(folder / "vpc2")}
    return {**kept, **places, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", **more}


def run(script: str, env: dict[str, str], cwd: Path = ROOT) -> str:
    done = subprocess.run([sys.executable, "-c", script], cwd=cwd, env=env, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stderr
    return done.stdout


def left_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture(scope="module")
def onnxruntime_reports(tmp_path_factory):
    """Skip where ONNX Runtime does not report by itself: then there is nothing to keep it from."""
    folder = tmp_path_factory.mktemp("control")
    run("import onnxruntime", surroundings(folder))
    if not any("Microsoft" in path for path in left_in(folder / "home")):
        pytest.skip("this release of onnxruntime writes nothing into HOME by itself, so there is nothing to keep it from")


@pytest.mark.parametrize("entry", list(ENTRIES))
def test_onnxruntime_leaves_nothing_behind_whichever_way_the_package_is_entered(entry, onnxruntime_reports, tmp_path):
    """It makes a device id and a data base while it is imported: right after, the folder says whether it was told in time."""
    run(f"{ENTRIES[entry]}\nimport onnxruntime", surroundings(tmp_path))
    assert left_in(tmp_path / "home") == []


def test_the_exported_script_of_a_classifier_leaves_nothing_behind(onnxruntime_reports, tmp_path):
    import torch

    from vpc2.nets.module import build_net
    from vpc2.nets.presets import NETS
    from vpc2.predict.classifier import Classifier, Preprocessing
    from vpc2.predict.export.onnx import to_onnx, to_snippet

    net = NETS["tiny"].net
    with torch.random.fork_rng():
        module = build_net(net).eval()
    channels = net.input[0]
    means = Preprocessing(net.input[1], (0.4,) * channels, (0.2,) * channels, channels=channels)
    classifier = Classifier(module, means, tuple(map(str, range(10))), {}, "")
    (tmp_path / "classifier.onnx").write_bytes(to_onnx(classifier))
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / "photo.png")
    (tmp_path / "ask.py").write_text(to_snippet(classifier), "utf-8")
    env = surroundings(tmp_path, PYTHONPATH="")
    asked = [sys.executable, "ask.py", "photo.png"]
    done = subprocess.run(asked, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 3 and left_in(tmp_path / "home") == []


SPEAKING = {"onnxruntime": "ORT_DISABLE_TELEMETRY", "albumentations": "NO_ALBUMENTATIONS_UPDATE", "ray": "RAY_USAGE_STATS_ENABLED"}
WRITERS = {"vpc2/augment/export/other_libraries.py", "vpc2/predict/export/onnx.py"}


def _texts(path: Path) -> str:
    """Return every text of a file, docstrings too: what it may write as a script."""
    constants = (node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant))
    return "\n".join(value for value in constants if isinstance(value, str))


def test_the_scripts_that_import_a_package_that_reports_are_known():
    """A new one has to say so before the import, and to stand in the test below."""
    speaks = re.compile(rf"^\s*(import|from) ({'|'.join(SPEAKING)})\b", re.M)
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "vpc2").rglob("*.py") if speaks.search(_texts(path))} == WRITERS


@pytest.mark.parametrize("op", list(OPS))
def test_an_exported_script_says_so_before_it_imports_a_package_that_reports(op):
    code = to_albumentations(edit_add(Pipeline(seed=1), op, {}))
    assert 'os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"' in code[: code.index("import albumentations")]


def test_an_exported_albumentations_script_asks_nobody_for_newer_versions(tmp_path):
    pytest.importorskip("albumentations", reason="optional: pip install -r tests/requirements.txt")
    code = to_albumentations(PIPELINES["basic"].pipeline)
    log = tmp_path / "log"
    env = surroundings(tmp_path, PYTHONPATH=str(WATCH), WATCH_LOG=str(log))
    run(code.partition("if __name__")[0], env, tmp_path)
    assert [line for line in log.read_text().splitlines() if line.startswith("net ")] == []


def allowed(line: str, folder: Path) -> bool:
    """True for a file that is written where it may be: below VPC2_HOME, among passing files, or to the kernel."""
    kind, _space, what = line.partition(" ")
    places = (folder / "vpc2", folder / "tmp", Path("/dev"), Path("/proc/self"))
    return kind == "write" and any(Path(what).is_relative_to(place) for place in places)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_whole_session_asks_nobody_and_writes_nothing_outside_its_folder(tmp_path):
    """Pages, a run in its worker, TensorBoard's reader, a classification through ONNX Runtime, heat maps, the libraries side by side.

    Every Python process of the session, children included, logs each address it asks for and each file it opens for writing; what
    compiled code writes is seen in HOME.
    """
    log = tmp_path / "log"
    env = surroundings(tmp_path, PYTHONPATH=os.pathsep.join((str(WATCH), str(ROOT))), WATCH_LOG=str(log), VPC2_ONNX="0")
    told = json.loads(run((WATCH / "session.py").read_text("utf-8"), env).splitlines()[-1])
    assert told["state"] == "finished" and told["scalars"] and told["is_onnx"] and told["libraries"] >= 2
    assert not told["failures"], told["failures"]
    lines = log.read_text().splitlines()
    assert sum(line == "began" for line in lines) >= 3, "the session itself, its worker and the writer of ONNX"
    assert [line for line in dict.fromkeys(lines) if line != "began" and not allowed(line, tmp_path)] == []
    assert left_in(tmp_path / "home") == []
    assert left_in(tmp_path / "tmp") == []
