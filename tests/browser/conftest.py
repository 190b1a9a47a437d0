"""The real server in a folder of its own, and Chromium to visit it.

`VPC2_APP_URL=https://vpc2.example.org pytest tests/browser/test_journey.py` visits a server that stands already, such as the image of the
Dockerfile behind its proxy; a certificate of its own making is good enough.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
SIZES = {"1440x900": (1440, 900), "1920x1080": (1920, 1080), "390x844": (390, 844)}
IDLE = '[data-testid="stApp"][data-test-connection-state="CONNECTED"][data-test-script-state="notRunning"]'
# The framework's shimmering and turning placeholders take a third of a browser's work where it draws without a GPU. Our own components
# live in shadow roots, which these rules do not reach.
STILL = """document.addEventListener('DOMContentLoaded', () => {
  const style = document.createElement('style');
  style.textContent = '*, *::before, *::after { animation: none !important; transition: none !important; }';
  document.head.append(style);
});"""
UNACKNOWLEDGED = "() => window.vpc2Queue?.actions.length ?? 0"  # our components' actions that Python has not acknowledged: action_queue.js
HEARD_S = 10  # a component that left the page while it spoke is never heard
START_S = 90
STANDING = os.environ.get("VPC2_APP_URL", "").rstrip("/")


def _wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                if answer.status == 200 and ("json" in answer.headers.get("Content-Type", "") or "_stcore" in address):
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.2)
    pytest.fail(f"the server did not come up at {address}:\n{log.read_text()}")


@contextlib.contextmanager
def serve(script: Path, folder: Path, may_fail: bool = False, health: str = "/api/health", port: int = 0, **environment: str):
    """Run a script under a server of its own and give its address; a traceback in its log fails whoever asked, unless it `may_fail`.

    `port` is that of a server that has ended, where another one is to take its place.
    """
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
        port = free.getsockname()[1]
    log = folder / "server.log"
    # The working tree is what is tested, not a copy that may be installed.
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}", "--server.headless=true"],
            cwd=ROOT,
            env={**os.environ, "VPC2_HOME": str(folder / "home"), "PYTHONPATH": path, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}{health}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
    text = log.read_text()
    assert may_fail or "Traceback" not in text, text


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """End the runs that a failed test has left behind: they would keep the machine from the tests after it."""
    report = yield
    server = getattr(item, "funcargs", {}).get("app_home")
    if report.failed and server is not None:
        for run in (server / "home" / "runs").glob("*/run.json"):
            (run.parent / "stop").touch()
    return report


@pytest.fixture(scope="session")
def app_home(tmp_path_factory):
    """The folder in which the server of `app_url` lives; its `home` is the server's VPC2_HOME."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def app_url(app_home, browser):
    """The address of the app; depends on the browser, so that nothing is started where there is none."""
    if STANDING:
        yield STANDING
        return
    with serve(ROOT / "streamlit_app.py", app_home) as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium; skipped with the reason where it is missing, a failure where the environment demands it."""

    def miss(reason: str) -> None:
        if os.environ.get("VPC2_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)

    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        miss("playwright is not installed: pip install -r tests/requirements.txt")
    chromium = os.environ.get("VPC2_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        miss("there is no chromium on this machine: install it (apt-get install chromium) or name it in VPC2_CHROMIUM")
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    arguments += ["--ignore-certificate-errors"] * bool(STANDING)
    with sync_playwright() as playwright:
        try:
            one = playwright.chromium.launch(executable_path=chromium, args=arguments)
        except Error as error:
            miss(f"chromium does not start: {error}")
        new_context = one.new_context

        def still_context(**options):
            context = new_context(**options)
            context.add_init_script(STILL)
            return context

        one.new_context = still_context
        yield one
        one.close()


# What Chromium itself says about pages of the framework, which no page of ours can help. A picture's source fails where
# the next run has replaced the picture before it was fetched.
_HARMLESS = re.compile(r"favicon|Image source error|ResizeObserver loop|Failed to load resource: the server responded with a status of 404")


@pytest.fixture
def page(browser):
    """A fresh visitor at 1440 x 900; an error on the browser's console fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    one = context.new_page()
    one.set_default_timeout(20_000)
    one.errors = []
    one.on("console", lambda message: one.errors.append(message.text) if message.type == "error" else None)
    one.on("pageerror", lambda error: one.errors.append(str(error)))
    yield one
    context.close()
    assert not [error for error in one.errors if not _HARMLESS.search(error)], one.errors


@pytest.fixture
def wait_idle():
    """A function that waits until the page is connected, its script has ended, has heard every action, and stays so for a moment."""

    def wait(page, timeout_ms: int = 90_000) -> None:
        begun = time.monotonic()
        deadline = begun + timeout_ms / 1000
        while True:
            page.wait_for_selector(IDLE, timeout=max(1.0, (deadline - time.monotonic()) * 1000))
            page.wait_for_timeout(300)
            is_heard = time.monotonic() > begun + HEARD_S or not page.evaluate(UNACKNOWLEDGED)
            if is_heard and page.query_selector(IDLE) and not page.query_selector('[data-testid="stSkeleton"]'):
                return
            if time.monotonic() > deadline:
                pytest.fail("the page did not come to rest")

    return wait


@pytest.fixture
def screenshots(page, wait_idle):
    """A function that keeps pictures of the page as it is, at a laptop's, a projector's and a phone's size."""

    def take(name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        before = page.viewport_size
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            wait_idle(page)
            page.screenshot(path=SCREENSHOTS / f"{name}-{size}.png")
        page.set_viewport_size(before)

    return take


@pytest.fixture(scope="session")
def data_key():
    """The data set to train on: photographs of hands where they are on disk, else the digits inside scikit-learn."""
    return "hands" if not STANDING and (Path(os.environ.get("VPC2_DATA", "")) / "sign-language-digits").is_dir() else "digits"
