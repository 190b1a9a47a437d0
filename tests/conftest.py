"""What every test stands on: few threads, folders of its own, and real data where it lies beside the project."""

import functools
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = ("browser", "ray", "training", "system", "export", "pages")  # folders of tests
CORPUS_MAKER = ROOT.parent / "shared" / "tools" / "make_corpus.py"
SHARED_DATA = ROOT.parent / "shared" / "data"

# Before torch is imported anywhere. Beside another process of tests a second thread costs more than it brings: each small operation waits
# for a thread that has no core. Idle OpenMP threads that spin would starve whoever runs beside.
os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("MPLCONFIGDIR", str(ROOT / "build" / "matplotlib"))
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(ROOT / "build" / "torch"))
os.environ.setdefault("VPC2_ONNX", "0")  # what asks through ONNX Runtime says so itself: writing a net takes seconds
if "VPC2_DATA" not in os.environ and SHARED_DATA.is_dir():
    os.environ["VPC2_DATA"] = str(SHARED_DATA)

import pytest  # noqa: E402
from filelock import FileLock  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

import vpc2  # noqa: E402, F401 (sets what keeps packages from reporting, before a test imports one of them by itself)

# As Hypothesis does by itself where CI is set, and only there: the same examples every time, and no clock that a slow machine fails by.
settings.register_profile("vpc2", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("vpc2")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook, and would otherwise find none
def pytest_collection_modifyitems(items):
    """Where tests are spread over processes (`-n 2 --dist loadgroup`), all browser tests share one, from the beginning on, and a file's
    tests stay together: no two browsers and no two clusters compete, and a file's data is made once. The longest begin first, so that
    none is left over when the other process has ended.
    """
    for item in items:
        place = item.path.relative_to(ROOT / "tests")
        item.add_marker(pytest.mark.xdist_group("browser" if place.parts[0] == "browser" else str(place)))
    if os.environ.get("PYTEST_XDIST_WORKER"):
        items.sort(key=lambda item: [*(f"/{room}/" in str(item.path) for room in LONGEST), True].index(True))


def pytest_collection_finish():
    """For every app under test Streamlit looks through all installed packages for components, which takes a second: once is enough."""
    if "streamlit.testing.v1" in sys.modules:
        from streamlit.components.v2 import manifest_scanner

        manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)


def pytest_terminal_summary(terminalreporter):
    """Say at the end what was skipped and why, a line a reason."""
    reports = [report for report in terminalreporter.stats.get("skipped", ()) if isinstance(report.longrepr, tuple)]
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ").splitlines()[0] for report in reports)
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"SKIPPED [{count}] {reason}")


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Runs of a test live in a folder of that test."""
    monkeypatch.setenv("VPC2_HOME", str(tmp_path / "home"))
    if "VPC2_DATA" not in os.environ:
        monkeypatch.setenv("VPC2_DATA", str(tmp_path / "data"))


@pytest.fixture
def offer(monkeypatch):
    """A function that adds an entry to a catalog for the length of a test: all that the app knows of it is this entry."""

    def add(catalog, entry):
        monkeypatch.setattr(catalog, "_entries", {**catalog._entries, entry.key: entry})
        monkeypatch.setattr(catalog, "_aliases", {**catalog._aliases, **dict.fromkeys((entry.key, *entry.aliases), entry.key)})
        return entry

    return add


@pytest.fixture
def hands_folder():
    """The folder with photographs of hands; the test is skipped, with the reason, where they are not on disk."""
    folder = Path(os.environ.get("VPC2_DATA", "")) / "sign-language-digits"
    if not folder.is_dir():
        pytest.skip("photographs of hands are not on disk: set VPC2_DATA to a folder with sign-language-digits")
    return folder


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """The corpus of bad input, written once for all processes of tests: a function of a group's name ("images", "zips", "nets"…; "" for
    all) to a list of (entry of the manifest, file). The test is skipped, with the reason, where the corpus is not beside the project.
    """
    if not CORPUS_MAKER.is_file():
        pytest.skip("the corpus of bad input is not beside the project: ../shared/tools/make_corpus.py")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "corpus"
    with FileLock(f"{folder}.lock"):
        if not (folder / "manifest.json").is_file():
            subprocess.run([sys.executable, str(CORPUS_MAKER), str(folder)], check=True, capture_output=True, timeout=200)
    entries = [entry for entry in json.loads((folder / "manifest.json").read_text()) if entry.get("path")]
    return lambda group="": [(entry, folder / entry["path"]) for entry in entries if group in ("", entry["group"])]


@pytest.fixture
def stand_in_weights(tmp_path, monkeypatch):
    """A function that puts random weights where torchvision's own of a net would be downloaded to: there is no network in a test."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def put(name: str) -> None:
        import torch
        from torchvision.models import get_model

        from vpc2.predict.pretrained import loading

        monkeypatch.setattr(loading, "_expected_digest", lambda path: "")
        path = loading._weights(name)[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        with torch.random.fork_rng():
            torch.manual_seed(8)
            torch.save(get_model(name, weights=None).state_dict(), path)

    return put
