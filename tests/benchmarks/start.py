"""Cold start: from the command until the first page is drawn, ours beside an empty Streamlit app, in turns.

    python tests/benchmarks/start.py [--turns 7]

A visitor connects as soon as the port answers and waits for the end of the first run of the page. The aim is 1.3 times the empty app.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from load import ROOT, Visitor  # noqa: E402

AIM = 1.3


async def first_page(url: str) -> None:
    for _try in range(3000):
        visitor = Visitor(url, 0)
        try:
            await visitor.connect()
        except OSError:
            await asyncio.sleep(0.01)
            continue
        await visitor.rerun("")
        await visitor.socket.close()
        return
    raise RuntimeError("the server did not come up")


def seconds(script: Path, home: str) -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}", "--server.headless=true"]
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "VPC2_HOME": home}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        asyncio.run(first_page(f"http://127.0.0.1:{port}"))
        return time.perf_counter() - began
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7)
    turns = parser.parse_args().turns
    with tempfile.TemporaryDirectory() as place:
        empty = Path(place) / "empty.py"
        empty.write_text("import streamlit as st\n\nst.title('Nothing')\n")
        pairs = [(seconds(ROOT / "streamlit_app.py", place), seconds(empty, place)) for _turn in range(turns + 1)][1:]
    ratios = sorted(ours / theirs for ours, theirs in pairs)
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(ratios)
    print(f"first page: {ours:.2f} s, an empty app {theirs:.2f} s; ratio {ratio:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    print(f"aim {AIM}: {'met' if ratio <= AIM else 'MISSED'}")


if __name__ == "__main__":
    main()
