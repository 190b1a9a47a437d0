"""Python code in a process of its own that starts with the heavy libraries loaded.

A fresh interpreter takes seconds to import torch, and the tests of runs, restarts and exported scripts need hundreds of processes. The
fork server of `multiprocessing` imports the libraries once and forks; it computes nothing itself, so no thread is lost in a fork.
Tests of what a process loads, and of how the app starts its own, use `subprocess`.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import traceback
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired

import pytest

ROOT = Path(__file__).parents[1]
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        *("torch", "torchvision.transforms.v2", "kornia.augmentation", "onnxruntime", "scipy.stats", "sklearn.datasets", "PIL.Image"),
        *("vpc2.training.queue.worker", "vpc2.training.trainer.trainer"),
    ]
)


@dataclass
class Forked:
    """A running process; its output goes to files, so that it never waits for a reader."""

    process: BaseProcess
    out: Path
    error: Path

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process.is_alive()

    def wait(self, timeout: float = 120.0) -> int:
        """Return the exit status, negative for a signal; a process that takes longer is killed and `TimeoutExpired` is raised."""
        self.process.join(timeout)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise TimeoutExpired(str(self.pid), timeout, self.out.read_bytes(), self.error.read_bytes())
        return self.process.exitcode

    def kill(self) -> None:
        self.process.kill()


def start_forked(code: str | Path, *arguments: object, cwd: Path = ROOT, stdin: str = "", is_isolated: bool = False) -> Forked:
    """Start code, or the script at a path, as `python -c` would. Isolated, it finds no module of the project and none in `cwd`."""
    with pytest.MonkeyPatch.context() as patch:  # until Python 3.12 the server does not take over `sys.path`
        patch.setenv("PYTHONPATH", str(ROOT))
        forkserver.ensure_running()
    place = Path(tempfile.mkdtemp(prefix="forked-"))
    (place / "in").write_text(stdin)
    asked = str(code), isinstance(code, Path), [str(one) for one in arguments]
    process = _SERVER.Process(target=_execute, args=(asked, str(cwd), dict(os.environ), str(place), is_isolated))
    process.start()
    return Forked(process, place / "out", place / "error")


def run_forked(code: str | Path, *arguments: object, timeout: float = 120.0, **options) -> CompletedProcess[str]:
    """Execute as `start_forked` does and wait for the end."""
    process = start_forked(code, *arguments, **options)
    status = process.wait(timeout)
    return CompletedProcess([str(code)], status, process.out.read_text(), process.error.read_text())


def _execute(asked: tuple[str, bool, list[str]], cwd: str, env: dict[str, str], place: str, is_isolated: bool) -> None:
    """Be the process: run in it and leave it, without the cleaning up that `multiprocessing` would do."""
    for number, (name, flags) in enumerate((("in", os.O_RDONLY), ("out", os.O_WRONLY | os.O_CREAT), ("error", os.O_WRONLY | os.O_CREAT))):
        os.dup2(os.open(f"{place}/{name}", flags, 0o600), number)
    # `multiprocessing` gives a child /dev/null to read from.
    sys.stdin = os.fdopen(0, closefd=False)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    code, is_script, arguments = asked
    sys.argv = [code if is_script else "-c", *arguments]
    sys.path[:] = [one for one in sys.path if one and not Path(one).is_relative_to(ROOT)]
    if is_isolated:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("vpc2", "tests")]:
            del sys.modules[name]
    else:
        sys.path[:0] = [cwd, str(ROOT)]
    status = 0
    main = sys.modules["__main__"]
    main.__dict__.update(__name__="__main__", __file__=code if is_script else None)
    try:
        exec(compile(Path(code).read_text("utf-8") if is_script else code, code if is_script else "<string>", "exec"), main.__dict__)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 - whatever the code raises ends its process with a traceback
        traceback.print_exc()
        status = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
