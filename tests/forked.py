"""Python code in a process of its own that starts with the heavy libraries loaded.

A fresh interpreter takes seconds to import torch, and the tests of runs, restarts and exported scripts need hundreds of processes. The
fork server of `multiprocessing` imports the libraries once and forks; it computes nothing itself, so no thread is lost in a fork.
Tests of what a process loads, and of how the app starts its own, use `subprocess`.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import shutil
import sys
import tempfile
import traceback
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver, reduction
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import PIPE, CompletedProcess, TimeoutExpired

import pytest

ROOT = Path(__file__).parents[1]
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        *(
            "torch",
            "torch._dynamo",
            "torchvision.transforms.v2",
            "kornia.augmentation",
            "onnxruntime",
            "scipy.stats",
            "sklearn.datasets",
            "PIL.Image",
        ),
        *("vpc2.training.queue.worker", "vpc2.training.trainer.trainer"),
    ]
)


class _File:
    """An open file that is handed to the process, by its descriptor."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor

    def __getstate__(self):
        return reduction.DupFd(self.descriptor)

    def __setstate__(self, duplicate):
        self.descriptor = duplicate.detach()


def _start(asked: tuple[str, str, list[str]], cwd: Path, env: Mapping[str, str], files: Sequence[int], is_isolated=False) -> BaseProcess:
    with pytest.MonkeyPatch.context() as patch:  # until Python 3.12 the server does not take over `sys.path`
        patch.setenv("PYTHONPATH", str(ROOT))
        forkserver.ensure_running()
    process = _SERVER.Process(target=_execute, args=(asked, str(cwd), dict(env), [_File(one) for one in files], is_isolated))
    process.start()
    return process


@dataclass
class Forked:
    """A running process; its output goes to files, so that it never waits for a reader. They are deleted with the object."""

    process: BaseProcess
    out: Path
    error: Path

    @property
    def is_running(self) -> bool:
        return self.process.is_alive()

    def wait(self, timeout: float = 120.0) -> int:
        """Return the exit status, negative for a signal; a process that takes longer is killed and `TimeoutExpired` is raised."""
        self.process.join(timeout)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise TimeoutExpired(str(self.process.pid), timeout, self.out.read_bytes(), self.error.read_bytes())
        return self.process.exitcode

    def kill(self) -> None:
        self.process.kill()


def start_forked(code: str | Path, *arguments: object, cwd: Path = ROOT, stdin: str = "", is_isolated: bool = False) -> Forked:
    """Start code, or the script at a path, as `python -c` would. Isolated, it finds no module of the project and none in `cwd`."""
    place = Path(tempfile.mkdtemp(prefix="forked-"))
    (place / "in").write_text(stdin)
    asked = "script" if isinstance(code, Path) else "code", str(code), [str(one) for one in arguments]
    with (place / "in").open() as reads, (place / "out").open("w") as out, (place / "error").open("w") as error:
        process = _start(asked, cwd, os.environ, [reads.fileno(), out.fileno(), error.fileno()], is_isolated)
    forked = Forked(process, place / "out", place / "error")
    weakref.finalize(forked, shutil.rmtree, place, ignore_errors=True)
    return forked


class ForkedPopen:
    """What `subprocess.Popen` is to the queue's worker pool, for `python -m MODULE` with pipes: only quicker to start."""

    def __init__(self, command, *, cwd, env, stdin, stdout, stderr, start_new_session):
        assert command[1] == "-m" and stdin is stdout is PIPE and start_new_session
        (reads, feed), (drain, writes) = os.pipe(), os.pipe()
        self.process = _start(("module", command[2], command[3:]), cwd, env, [reads, writes, stderr.fileno()])
        os.close(reads)
        os.close(writes)
        self.stdin, self.stdout, self.pid = os.fdopen(feed, "wb", buffering=0), os.fdopen(drain, "rb"), self.process.pid

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise TimeoutExpired(str(self.pid), timeout or 0)
        return self.process.exitcode

    def kill(self) -> None:
        self.process.kill()


def run_forked(code: str | Path, *arguments: object, timeout: float = 120.0, **options) -> CompletedProcess[str]:
    """Execute as `start_forked` does and wait for the end."""
    process = start_forked(code, *arguments, **options)
    status = process.wait(timeout)
    return CompletedProcess([str(code)], status, process.out.read_text(), process.error.read_text())


def _execute(asked: tuple[str, str, list[str]], cwd: str, env: dict[str, str], files: list[_File], is_isolated: bool) -> None:
    """Be the process: run in it and leave it, without the cleaning up that `multiprocessing` would do."""
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file.descriptor, number)
        os.close(file.descriptor)
    sys.stdin = os.fdopen(0, closefd=False)  # `multiprocessing` gives a child /dev/null to read from
    os.environ.clear()
    os.environ.update(env)
    if "OMP_NUM_THREADS" in env:  # libraries read it when they are loaded
        sys.modules["torch"].set_num_threads(int(env["OMP_NUM_THREADS"]))
    os.chdir(cwd)
    how, code, arguments = asked
    sys.argv = ["-c" if how == "code" else code, *arguments]
    sys.path[:] = [one for one in sys.path if one and not Path(one).is_relative_to(ROOT)]
    if is_isolated:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("vpc2", "tests")]:
            del sys.modules[name]
    else:
        sys.path[:0] = [cwd, str(ROOT)]
    status, main = 0, sys.modules["__main__"]
    main.__dict__.update(__name__="__main__", __file__=code if how == "script" else None)
    try:
        if how == "module":
            sys.modules.pop(code, None)
            runpy.run_module(code, run_name="__main__", alter_sys=True)
        else:
            text = Path(code).read_text("utf-8") if how == "script" else code
            exec(compile(text, code if how == "script" else "<string>", "exec"), main.__dict__)
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
