"""Thirty visitors on one small server while two runs train: how long an interaction takes, and what memory that costs.

    python tests/benchmarks/load.py [--sessions 30] [--seconds 60] [--think 3] [--runs 2]

Starts the real server in a folder of its own and speaks its websocket, as a browser does: a visitor opens the pages one after
another, moves a slider or chooses another option, and thinks. An interaction ends when the server has sent all that changes. Memory
is the server's own (its workers are counted beside it), before, at most, and after all have left. Prints one table and, last, one
line of JSON; the process ends with an error where an interaction did.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

ROOT = Path(__file__).parents[2]
PAGES = ("augment", "build", "judge", "train", "home")
TARGETS = {"p95_ms": 1000, "most_mb": 2048, "back_share": 1.10}


class Visitor:
    """One browser: a connection, the pages it was told of, and the widgets of the page it is on."""

    def __init__(self, url: str, number: int):
        self.url, self.random, self.page_hashes, self.page = url, random.Random(number), {}, ""
        self.widgets: dict[str, tuple[str, str, list]] = {}
        self.states: dict[str, tuple[str, object]] = {}

    async def connect(self) -> None:
        address = self.url.replace("http", "ws") + "/_stcore/stream"
        self.socket = await websockets.connect(
            address, subprotocols=["streamlit", "PLACEHOLDER"], max_size=None, open_timeout=120, origin=self.url
        )

    async def rerun(self, page: str, fragment: str = "") -> tuple[float, str]:
        """Ask for a run of a page (or of one fragment) and return the milliseconds until it was over, and an error if it had one."""
        asked = BackMsg()
        asked.rerun_script.query_string = ""
        if page in self.page_hashes:
            asked.rerun_script.page_script_hash = self.page_hashes[page]
        if fragment:
            asked.rerun_script.fragment_id = fragment
        for widget, (kind, value) in self.states.items():
            state = asked.rerun_script.widget_states.widgets.add()
            state.id = widget
            if kind == "slider":
                state.double_array_value.data.append(value)
            else:
                state.string_value = value
        began, failed = time.perf_counter(), ""
        await self.socket.send(asked.SerializeToString())
        while True:
            told = ForwardMsg()
            told.ParseFromString(await asyncio.wait_for(self.socket.recv(), 180))
            what = told.WhichOneof("type")
            if what == "navigation":
                self.page_hashes = {one.url_pathname: one.page_script_hash for one in told.navigation.app_pages}
                self.page_hashes["home"] = next(one.page_script_hash for one in told.navigation.app_pages if one.is_default)
            elif what == "delta" and told.delta.WhichOneof("type") == "new_element":
                failed = self._learn(told.delta) or failed
            elif what == "script_finished" and told.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return 1000 * (time.perf_counter() - began), failed

    def _learn(self, delta) -> str:
        """Remember a widget that can be moved; return the words of an error."""
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind == "slider" and element.slider.max > element.slider.min and element.slider.data_type in (0, 1, 2):
            slider = element.slider
            if len(slider.default) == 1 and not slider.options:
                self.widgets[slider.id] = ("slider", delta.fragment_id, [slider.min, slider.max, slider.step])
        if kind == "exception":
            return f"{element.exception.type}: {element.exception.message}"
        if kind == "alert" and "error" in element.alert.body.lower() and "log" in element.alert.body:
            return element.alert.body
        return ""

    async def go(self, page: str) -> tuple[float, str]:
        self.widgets, self.states, self.page = {}, {}, page
        return await self.rerun(page)

    async def touch(self) -> tuple[float, str]:
        """Move one slider of the page somewhere else, or draw the page again where it has none."""
        if not self.widgets:
            return await self.rerun(self.page)
        widget = self.random.choice(sorted(self.widgets))
        kind, fragment, (low, high, step) = self.widgets[widget]
        value = low + step * self.random.randint(0, max(int((high - low) / step), 1)) if step else self.random.uniform(low, high)
        self.states[widget] = (kind, min(value, high))
        return await self.rerun(self.page, fragment)


async def visit(number: int, url: str, until: float, think: float, found: list, errors: list) -> None:
    await asyncio.sleep(number * 0.2)
    visitor = Visitor(url, number)
    try:
        await visitor.connect()
        ms, failed = await visitor.rerun("home")
        found.append(("first paint", ms))
        errors += [failed] if failed else []
        step = number
        while time.monotonic() < until:
            await asyncio.sleep(think * visitor.random.uniform(0.5, 1.5))
            page = PAGES[(step // 5) % len(PAGES)]
            is_new = page != visitor.page
            ms, failed = await (visitor.go(page) if is_new else visitor.touch())
            found.append((f"{page}, opened" if is_new else f"{page}, moved", ms))
            errors += [f"{page}: {failed}"] if failed else []
            step += 1
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a visitor who could not go on
        errors.append(f"{type(error).__name__}: {error}"[:200])
    finally:
        with contextlib.suppress(Exception):
            await visitor.socket.close()


def tree_mb(pid: int) -> tuple[float, float]:
    """Return the resident megabytes of a process, and of its children."""
    process, below = psutil.Process(pid), 0.0
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            below += child.memory_info().rss / 2**20
    return process.memory_info().rss / 2**20, below


@contextlib.contextmanager
def served(folder: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", f"--server.port={port}", "--server.headless=true"]
    command.append("--server.disconnectedSessionTTL=5")
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "VPC2_HOME": str(folder / "home")}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                if json.load(urllib.request.urlopen(f"{url}/api/health", timeout=2))["libraries_are_loaded"]:
                    break
            time.sleep(0.2)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def training(folder: Path, count: int):
    """Train `count` runs without end, in processes of their own, with the threads a worker has beside visitors."""
    document = {"version": 1, "kind": "recipe", "dataset": "shapes", "net": "small", "settings": {"epochs": 10_000, "budget_s": 600}}
    (folder / "recipe.json").write_text(json.dumps(document))
    workers = []
    for i in range(count):
        command = [sys.executable, "-m", "vpc2", "train", str(folder / "recipe.json"), "--out", str(folder / f"run{i}")]
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        workers.append(subprocess.Popen(["nice", "-n", "10", *command], cwd=ROOT, env=env, stdout=subprocess.DEVNULL))
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def share(values: list[float], of: float) -> float:
    return sorted(values)[min(int(of * len(values)), len(values) - 1)]


async def measure(url: str, pid: int, given: argparse.Namespace) -> dict:
    warm = Visitor(url, 0)
    await warm.connect()
    for page in PAGES:  # the first visitor of a server loads what all others find loaded
        await warm.go(page)
    await warm.socket.close()
    await asyncio.sleep(8)
    before = tree_mb(pid)[0]
    found, errors, most, until = [], [], [before], time.monotonic() + given.seconds
    visitors = asyncio.gather(*(visit(i, url, until, given.think, found, errors) for i in range(given.sessions)))
    while not visitors.done():
        most.append(tree_mb(pid)[0])
        await asyncio.sleep(1)
    await visitors
    await asyncio.sleep(given.settle)
    return {"found": found, "errors": errors, "before_mb": before, "most_mb": max(most), "after_mb": tree_mb(pid)[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--think", type=float, default=3)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--settle", type=float, default=75, help="seconds after the last has left until memory is read once more")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, served(Path(place)) as (url, pid), training(Path(place), given.runs) as workers:
        result = asyncio.run(measure(url, pid, given))
        trained = sum(worker.poll() is None for worker in workers)
        log = (Path(place) / "server.log").read_text()
    found = result.pop("found")
    print(f"{given.sessions} sessions, {given.think:g} s of thought, {trained} of {given.runs} runs training, {os.cpu_count()} cores")
    print(f"{'interaction':24}{'count':>7}{'p50':>9}{'p95':>9}{'most':>9}   ms")
    kinds = sorted({kind for kind, _ms in found}, key=lambda kind: -share([ms for one, ms in found if one == kind], 0.95))
    for kind in kinds:
        own = [ms for one, ms in found if one == kind]
        print(f"{kind:24}{len(own):7}{statistics.median(own):9.0f}{share(own, 0.95):9.0f}{max(own):9.0f}")
    every = [ms for _kind, ms in found]
    back = result["after_mb"] / result["before_mb"]
    result |= {
        "interactions": len(every),
        "p50_ms": round(statistics.median(every)),
        "p95_ms": round(share(every, 0.95)),
        "back_share": round(back, 3),
    }
    result["tracebacks"] = log.count("Traceback")
    for name, aim in TARGETS.items():
        print(f"{name}: {result[name]:,.6g} (aim {aim:,.6g}) {'met' if result[name] <= aim else 'MISSED'}")
    print(json.dumps({name: value if name != "errors" else value[:5] for name, value in result.items()}))
    if result["errors"] or result["tracebacks"]:
        sys.exit(f"{len(result['errors'])} errors, {result['tracebacks']} tracebacks")


if __name__ == "__main__":
    main()
