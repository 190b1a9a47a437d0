"""A newcomer who clicks at random: every control of a page, in any order, for as long as you like.

    python tests/browser/monkey.py [--pages augment build train judge home] [--seed 1] [--seconds 240] [--at http://127.0.0.1:8501]

Each page is told by its address, in a language drawn from the seed; after each action the page must come to rest, show no traceback and
throw no error in the browser. What went wrong is printed with the actions before it, beside a screenshot. No test: which controls
are there at a moment depends on the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Error, Locator, Page, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "benchmarks")]

from load import served  # noqa: E402

from tests.browser.conftest import IDLE  # noqa: E402

PAGES = ("augment", "build", "train", "judge", "home")
ROLES = ("tab", "combobox", "slider", "switch", "checkbox", "radio", "option")
CONTROLS = ["button", "summary", "textarea", "input[type=number]", "input[type=text]", "label:has(input[type=checkbox])"]
CONTROLS = ", ".join(f"{each}:visible" for each in (*CONTROLS, *(f"[role={role}]" for role in ROLES)))
LEFT_ALONE = re.compile(r"Print|Record|Take Photo", re.IGNORECASE)  # the browser's own, and a camera that is not there
TYPED = ("0", "-1", "7", "99999999", "0.5", "1e9", "3")
WRITTEN = (*TYPED, "", "hola <b>x</b> ![a](http://example.org/x)")
PATIENCE_MS = 60_000
FACTS = """e => ({tag: e.tagName, role: e.getAttribute('role'), type: e.type || '', isOff: !!e.disabled
    || e.getAttribute('aria-disabled') === 'true', text: (e.getAttribute('aria-label') || e.innerText || '').slice(0, 50)})"""


class Monkey:
    """One visit of one page; `problems` is what it met."""

    def __init__(self, page: Page, address: str, rng: random.Random):
        self.page, self.address, self.rng = page, address, rng
        self.trail: list[str] = []
        self.problems: list[str] = []
        page.set_default_timeout(8_000)
        page.on("pageerror", lambda error: self.tell(f"error in the browser: {str(error)[:300]}"))
        page.on("console", self._hear)

    def _hear(self, message) -> None:
        if message.type == "error" and "404" not in message.text and "ERR_" not in message.text:
            self.tell(f"console: {message.text[:300]}")

    def tell(self, what: str) -> None:
        self.problems.append(what)
        shot = ROOT / "build" / "screenshots" / f"monkey-{int(time.time())}.png"
        print(f"PROBLEM {what} | after {' > '.join(self.trail[-6:])} | {self.page.url[:90]} | {shot.name}", flush=True)
        with contextlib.suppress(Error):
            self.page.screenshot(path=shot)

    def arrive(self) -> None:
        self.page.goto(self.address)
        self.page.wait_for_selector(IDLE, timeout=PATIENCE_MS)

    def visit(self, seconds: float) -> int:
        """Click around for so many seconds; return how many actions that were."""
        self.arrive()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.act()
            except Error as error:
                said = str(error).splitlines()[0]
                if "Timeout" in said or "intercepts" in said:
                    self.page.keyboard.press("Escape")  # something lies on top of it
                elif "attached" not in said and "detached" not in said:
                    self.tell(f"driver: {said[:200]}")
                    self.arrive()
        return len(self.trail)

    def act(self) -> None:
        controls = self.page.locator(CONTROLS).all()
        if not controls:
            self.arrive()
            return
        control = self.rng.choice(controls)
        facts = control.evaluate(FACTS)
        if facts["isOff"] or LEFT_ALONE.search(facts["text"]):
            return
        self.trail.append(f"{facts['role'] or facts['tag'].lower()} {facts['text']!r}{self._use(control, facts)}")
        self.page.wait_for_timeout(200)
        try:
            self.page.wait_for_selector(IDLE, timeout=PATIENCE_MS, state="attached")
        except Error:
            self.tell(f"not at rest after {PATIENCE_MS // 1000} s")
            self.arrive()
            return
        content = self.page.content()
        if "Traceback" in content or 'data-testid="stException"' in content:
            self.tell("a traceback is shown")
            self.arrive()
        elif self.address.split("?")[0] not in self.page.url and self.rng.random() < 0.5:
            self.arrive()  # a link led elsewhere

    def _use(self, control: Locator, facts: dict) -> str:
        """Do with a control what it is for; return what that was, if it is not a click."""
        if facts["role"] == "combobox":
            control.click()
            self.page.wait_for_timeout(150)
            options = self.page.locator("[role=option]:visible").all()
            if not options:
                self.page.keyboard.press("Escape")
                return " (nothing to pick)"
            option = self.rng.choice(options)
            picked = option.inner_text()[:40]
            option.click()
            return f" = {picked}"
        if facts["role"] == "slider":
            control.focus()
            for _press in range(self.rng.randint(1, 6)):
                self.page.keyboard.press(self.rng.choice(["ArrowLeft", "ArrowRight", "Home", "End", "PageUp"]))
            return " moved"
        if facts["tag"] == "TEXTAREA" or (facts["tag"] == "INPUT" and facts["type"] in ("number", "text")):
            text = self.rng.choice(TYPED if facts["type"] == "number" else WRITTEN)
            control.fill(text)
            control.press("Enter")
            return f" = {text!r}"
        control.click()
        return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=PAGES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--at", default="")
    given = parser.parse_args()
    (ROOT / "build" / "screenshots").mkdir(parents=True, exist_ok=True)
    problems = 0
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vpc2-monkey-")))
        address = given.at or stack.enter_context(served(folder))[0]
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for name in given.pages:
            rng = random.Random(f"{given.seed} {name}")
            lang, size = rng.choice(["en", "es"]), rng.choice([(1440, 900), (1920, 1080), (390, 844)])
            context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="en-US")
            monkey = Monkey(context.new_page(), f"{address}/{'' if name == 'home' else name}?lang={lang}", rng)
            actions = monkey.visit(given.seconds)
            problems += len(monkey.problems)
            print(f"{name}, {lang}, {size[0]} px: {actions} actions, {len(monkey.problems)} problems", flush=True)
            context.close()
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
