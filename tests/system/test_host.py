"""What the host gives: memory that is used again where it was freed and goes back where it lies idle, and a folder for runs."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from vpc2.system import host

ROOT = Path(__file__).parents[2]
glibc = pytest.mark.skipif(host._glibc() is None, reason="the C library is not glibc")

_FAULTS = """
import resource
from vpc2.system import host

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        held = [bytearray(6 * host.MB) for _ in range(4)]
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
plain = faults()
assert host.keep_freed_memory()
faults()
print(plain, faults())
"""
_TRIM = """
from vpc2.system import host

host.keep_freed_memory()
heap = host.Heap(growth_bytes=32 * host.MB)
held = [bytes([number % 255 + 1]) * (256 * 1024) for number in range(400)]
full = host.resident_bytes()
del held[::2], held[: len(held) // 2]  # holes, below blocks that stay
heap.trim()
print(full // host.MB, host.resident_bytes() // host.MB, heap.trims)
heap.trim()
assert heap.trims == 1, "nothing has grown since"
"""


def numbers(script: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    return [int(word) for word in done.stdout.split()]


def test_a_server_that_cannot_write_its_folder_does_not_start_and_says_so_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    env = {**os.environ, "VPC2_HOME": str(tmp_path / "file" / "home")}
    done = subprocess.run([sys.executable, "-c", "import streamlit_app"], capture_output=True, text=True, cwd=ROOT, env=env)
    said = done.stderr.strip().splitlines()
    assert done.returncode == 1 and len(said) == 1 and "VPC2_HOME" in said[0] and str(tmp_path / "file" / "home") in said[0]


@glibc
def test_freed_memory_is_used_again():
    """Fewer than a tenth of the fresh pages (a page is 4 KB; four blocks of 6 MB are 6,144 of them)."""
    plain, kept = numbers(_FAULTS)
    assert plain > 6144 * 10 and kept < plain / 10


@glibc
def test_idle_memory_goes_back_once_the_process_has_grown():
    full, trimmed, trims = numbers(_TRIM)
    assert trims == 1 and trimmed < full - 30


@pytest.mark.parametrize("seed", range(6))
def test_of_too_many_bytes_the_least_recently_used_go_and_no_more_than_have_to(seed):
    """Whatever is kept was used later than whatever goes, fits, and would not fit with one more; what is too old goes anyway."""
    draw = random.Random(seed)
    now = 1000 * host.DAY_S
    ages = draw.sample(range(1, 400), 30)
    found = [(now - age * host.DAY_S / 10, draw.randint(1, 50), Path(f"{age}")) for age in ages]
    gone = set(host.unused(found, now, 30, 300))
    kept = [one for one in found if one[2] not in gone]
    lost = sorted(one for one in found if one[2] in gone)
    assert lost and kept and max(one[0] for one in lost) < min(one[0] for one in kept)
    assert sum(size for _when, size, _path in kept) <= 300 and all(int(path.name) <= 300 for _when, _size, path in kept)
    when, size, _path = lost[-1]
    assert now - when > 30 * host.DAY_S or sum(one[1] for one in kept) + size > 300
    assert host.unused(found, now, 40, 10_000) == []
