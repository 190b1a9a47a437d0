"""What a hand feels: a knob on Augment, a layer on Build, a tick on Judge, moved between places that were asked before.

    python tests/benchmarks/moves.py [--turns 20]

The real server and a real browser, with a relay between them that notes when the websocket carries what: the time from the message that
asks to the last one that answers it. What the browser then makes of it is not in it. The aim is 150 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

from load import served  # noqa: E402

from vpc2 import codec  # noqa: E402
from vpc2.nets.presets import NETS  # noqa: E402

AIM_MS = 150
IDLE = '[data-testid="stApp"][data-test-connection-state="CONNECTED"][data-test-script-state="notRunning"]'


class Relay:
    """Carries what browser and server say, and notes for websockets when, and which way."""

    def __init__(self, to: int):
        self.to, self.noted = to, []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _address = self._listening.accept()
            far = socket.create_connection(("127.0.0.1", self.to))
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            kind = {"is_websocket": False}
            threading.Thread(target=self._carry, args=(near, far, "out", kind), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, "in", kind), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, way: str, kind: dict[str, bool]) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 20):
                if way == "out" and b"pgrade: websocket" in data[:4000]:
                    kind["is_websocket"] = True
                if kind["is_websocket"]:
                    self.noted.append((time.perf_counter(), way))
                other.sendall(data)
        for end in (one, other):
            end.close()


def timed(page: Page, relay: Relay, act: Callable[[], None]) -> float:
    """Return the milliseconds between the first message that an act sends and the last one that comes back."""
    relay.noted.clear()
    act()
    page.wait_for_timeout(900)
    page.wait_for_selector(IDLE)
    asked = next(at for at, way in relay.noted if way == "out")
    return 1000 * (max(at for at, way in relay.noted if way == "in") - asked)


def alternated(page: Page, relay: Relay, acts: tuple[Callable[[], None], Callable[[], None]], turns: int) -> list[float]:
    """Do one and the other in turns; the first two of each are the ones that are asked before."""
    times = [timed(page, relay, acts[i % 2]) for i in range(2 * turns + 4)]
    return times[4:]


def moves(page: Page, relay: Relay, turns: int) -> dict[str, list[float]]:
    found = {}

    def visit(address: str) -> None:
        page.goto(f"http://127.0.0.1:{relay.port}{address}")
        page.wait_for_selector(IDLE, timeout=120_000)
        page.wait_for_timeout(1500)
        page.wait_for_selector(IDLE, timeout=120_000)

    def press(key: str) -> Callable[[], None]:
        return lambda: page.keyboard.press(key)

    visit("/augment?lang=en")
    page.get_by_role("slider").last.focus()
    found["a knob on Augment"] = alternated(page, relay, (press("ArrowRight"), press("ArrowLeft")), turns)
    visit(f"/build?lang=en&s={codec.to_token(NETS['small'].net)}")
    page.locator(".solid.layer").first.click()
    page.wait_for_timeout(500)
    found["a layer on Build"] = alternated(page, relay, (press("Alt+ArrowRight"), press("Alt+ArrowLeft")), turns)
    visit("/judge?lang=en")
    tick = page.get_by_role("checkbox").nth(1)
    found["a tick on Judge"] = alternated(page, relay, (lambda: tick.uncheck(force=True), lambda: tick.check(force=True)), turns)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=20)
    turns = parser.parse_args().turns
    with tempfile.TemporaryDirectory() as place, served(Path(place)) as (url, _pid), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        found = moves(page, Relay(int(url.rpartition(":")[2])), turns)
        browser.close()
    worst = 0.0
    for name, times in found.items():
        times.sort()
        late = times[min(int(0.95 * len(times)), len(times) - 1)]
        worst = max(worst, late)
        print(
            f"{name}: median {statistics.median(times):.0f} ms, 95 of 100 within {late:.0f} ms, slowest {times[-1]:.0f} ms ({len(times)})"
        )
    print(f"aim {AIM_MS} ms: {'met' if worst <= AIM_MS else 'MISSED'}")


if __name__ == "__main__":
    main()
