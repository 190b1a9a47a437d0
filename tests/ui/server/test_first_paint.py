"""The first page is drawn before any heavy library is imported, and the heavy libraries are imported right after it."""

import asyncio
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[3]
HEAVY = {"torch", "torchvision", "kornia", "numpy", "pandas", "PIL.Image"}
# Python writes down what it imports; the patience is for a machine so slow that no visitor comes within the usual five seconds.
SERVER = (
    "import sys\nfrom vpc2.ui.server import preload\npreload.PATIENCE_S, signal = 240.0, preload.signal_first_page\n"
    "preload.signal_first_page = lambda: (print('A PAGE IS DRAWN', file=sys.stderr, flush=True), signal())\n"
    "sys.argv = ['streamlit', 'run', 'streamlit_app.py', '--server.port=' + sys.argv[1], '--server.headless=true']\n"
    "from streamlit.web.cli import main\nmain()\n"
)


def load_visitor():
    spec = importlib.util.spec_from_file_location("load", ROOT / "tests" / "benchmarks" / "load.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Visitor


async def open_home(url: str) -> str:
    visitor = load_visitor()(url, 0)
    for _try in range(1200):
        try:
            await visitor.connect()
            break
        except OSError:
            await asyncio.sleep(0.1)
    _ms, failed = await visitor.rerun("")
    return failed


def test_the_first_page_is_drawn_before_anything_heavy_is_imported(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "VPC2_HOME": str(tmp_path), "PYTHONPROFILEIMPORTTIME": "1"}
    log = tmp_path / "log"
    with log.open("w") as out:
        server = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], cwd=ROOT, env=env, stdout=out, stderr=out)
    try:
        with ThreadPoolExecutor(1) as elsewhere:  # the browser tests hold an event loop in the main thread
            failed = elsewhere.submit(asyncio.run, open_home(f"http://127.0.0.1:{port}")).result()
        before, drawn, _after = log.read_text().partition("A PAGE IS DRAWN")
        imported = set(re.findall(r"^import time:.*\| +(\S+)$", before, re.M))
        assert drawn and not failed
        assert {"streamlit", "vpc2.ui.home.lecture_map", "vpc2.ui.server.preload"} <= imported
        assert not imported & HEAVY
        until = time.monotonic() + 200
        while not (is_loaded := json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health"))["libraries_are_loaded"]):
            assert time.monotonic() < until
            time.sleep(0.2)
        assert is_loaded
    finally:
        server.terminate()
        server.wait(20)
