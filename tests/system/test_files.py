"""Atomic writing: a file is the old one or the whole new one, whoever kills, fails or writes at the same time."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vpc2.system.files import atomic_write, atomic_write_json, atomic_writer

posix = pytest.mark.skipif(os.name != "posix", reason="signals and permissions as POSIX has them")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_bytes_text_json_and_a_stream_are_written_whole(tmp_path):
    atomic_write(tmp_path / "bytes", b"\x00\xff")
    atomic_write(tmp_path / "text", "año\n")
    atomic_write_json(tmp_path / "json", {"name": "ñandú", "n": [1, None]})
    with atomic_writer(tmp_path / "stream") as file:
        file.write(b"one ")
        assert not (tmp_path / "stream").exists()
        file.write(b"two")
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff" and (tmp_path / "stream").read_bytes() == b"one two"
    assert (tmp_path / "text").read_bytes().decode("utf-8") == "año\n"
    assert json.loads((tmp_path / "json").read_bytes()) == {"name": "ñandú", "n": [1, None]}
    assert "ñandú" in (tmp_path / "json").read_text("utf-8") and names(tmp_path) == ["bytes", "json", "stream", "text"]


def test_the_options_of_json_are_its_own_and_what_it_cannot_hold_changes_nothing(tmp_path):
    path = tmp_path / "spec.json"
    atomic_write_json(path, {"a": 1}, indent=1)
    assert path.read_text() == '{\n "a": 1\n}'
    for document, options in (({"a": object()}, {}), ({"a": float("nan")}, {"allow_nan": False})):
        with pytest.raises((TypeError, ValueError)):
            atomic_write_json(path, document, **options)
    assert path.read_text() == '{\n "a": 1\n}' and names(tmp_path) == ["spec.json"]


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "interrupted"])
def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path, fault):
    path = tmp_path / "spec.json"
    atomic_write(path, b"old")
    with pytest.raises(type(fault)), atomic_writer(path) as file:
        file.write(b"new")
        raise fault
    assert path.read_bytes() == b"old" and names(tmp_path) == ["spec.json"]


def test_the_content_is_on_the_disk_before_the_name_is_and_only_where_that_is_wanted(tmp_path, monkeypatch):
    path, synced = tmp_path / "spec.json", []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append((os.fstat(handle).st_size, path.exists())))
    atomic_write(path, b"four", is_synced=False)
    assert synced == []
    path.unlink()
    atomic_write(path, b"four")
    assert synced == [(4, False)]


def test_a_disk_that_fails_to_sync_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "spec.json"
    atomic_write(path, b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old" and names(tmp_path) == ["spec.json"]


@posix
def test_a_new_file_is_as_open_as_any_and_a_replaced_one_stays_as_open_as_it_was(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    atomic_write(tmp_path / "new", b"")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
    for mode in (0o600, 0o664):
        (tmp_path / "new").chmod(mode)
        atomic_write(tmp_path / "new", b"again")
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode


@posix
def test_a_writer_that_is_killed_in_the_middle_leaves_the_old_file(tmp_path):
    path = tmp_path / "spec.json"
    atomic_write(path, b"old")
    script = (
        "import sys, time; from pathlib import Path; from vpc2.system.files import atomic_writer\n"
        "with atomic_writer(Path(sys.argv[1])) as file:\n"
        "    file.write(b'n' * 1_000_000); file.flush(); print('half', flush=True); time.sleep(60)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert writer.stdout.readline() == b"half\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait(10)
    writer.stdout.close()
    assert path.read_bytes() == b"old"
    (litter,) = set(names(tmp_path)) - {"spec.json"}
    assert litter.endswith(".tmp") and (tmp_path / litter).stat().st_size == 1_000_000
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"


def test_writers_and_readers_at_the_same_time_never_see_a_mixture(tmp_path):
    path, wrong, is_over = tmp_path / "spec.json", [], threading.Event()
    contents = [bytes([letter]) * size for letter, size in ((97, 300_000), (98, 500_000), (99, 7))]
    atomic_write(path, contents[0])

    def write(content):
        for _ in range(40):
            atomic_write(path, content, is_synced=False)

    def read():
        while not is_over.is_set():
            wrong.extend([found[:9]] if (found := path.read_bytes()) not in contents else [])

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    reader = threading.Thread(target=read)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    is_over.set()
    reader.join()
    assert not wrong and path.read_bytes() in contents and names(tmp_path) == ["spec.json"]
