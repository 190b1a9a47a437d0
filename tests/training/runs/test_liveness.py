"""A process is identified by pid and start time, also after the clock was set; a zombie or another process with its pid is not it."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from vpc2.training.runs.liveness import is_same_process, process_start

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
in_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="compares with /proc")


@pytest.fixture
def sleeper():
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


@in_proc
def test_the_start_time_of_a_process_is_the_kernels(sleeper):
    """Field 22 of /proc/PID/stat, in clock ticks: what earlier versions wrote down is understood."""
    assert os.sysconf("SC_CLK_TCK") == 100
    for pid in (os.getpid(), sleeper.pid):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        assert process_start(pid) == int(fields[19])


def test_a_process_is_the_same_until_it_ends(sleeper):
    started = process_start(sleeper.pid)
    assert (
        is_same_process(sleeper.pid, started) and not is_same_process(sleeper.pid, started + 1) and not is_same_process(sleeper.pid, None)
    )
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie until somebody asks for its end
    assert psutil.Process(sleeper.pid).status() == psutil.STATUS_ZOMBIE
    assert process_start(sleeper.pid) is None and not is_same_process(sleeper.pid, started)
    sleeper.wait()
    assert process_start(sleeper.pid) is None


@pytest.mark.parametrize("pid", [-1, 0, 2**22 + 1, 2**70])
def test_a_process_id_that_no_process_has_is_not_alive(pid):
    assert process_start(pid) is None


@in_proc
def test_changing_the_clock_does_not_change_start_times(sleeper, monkeypatch):
    """Linux reckons the time of the machine's start anew from its clock: an hour forwards, also in the middle of a reading."""
    from psutil import _pslinux

    started, real, hours = process_start(sleeper.pid), _pslinux.boot_time, iter([0, 0, 1, 1, 1, 1, 1, 1])
    moved = lambda: real() + 3600 * next(hours, 1)  # noqa: E731
    monkeypatch.setattr(_pslinux, "boot_time", moved)
    monkeypatch.setattr(psutil, "boot_time", moved)
    assert process_start(sleeper.pid) == started and process_start(sleeper.pid) == started
