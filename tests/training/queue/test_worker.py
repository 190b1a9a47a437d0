import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forked import run_forked
from vpc2.predict.classifier import load_classifier
from vpc2.training.queue.worker import train
from vpc2.training.runs.events import read_events
from vpc2.training.runs.snapshot_files import read_snapshot, sheet_path
from vpc2.training.trainer import trainer

ROOT = Path(__file__).parents[3]
SPARE = [sys.executable, "-m", "vpc2.training.queue.worker"]


def test_a_spare_loads_no_torchvision_and_ends_when_its_server_is_gone():
    code = (
        "import sys, vpc2.training.queue.worker as w; w.main(); "
        "print([m for m in ('torch', 'torchvision', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, input="", capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["ready", "['torch']"], done.stderr


def test_a_whole_run_loads_no_torchvision(store, recipe):
    run = store.create(recipe)
    code = (
        "import sys; from pathlib import Path; "
        "from vpc2.training.queue.worker import train; from vpc2.training.runs.store import read_run; "
        "train(read_run(Path(sys.argv[1]))); assert 'torch' in sys.modules; sys.exit('torchvision' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(run.folder)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert store.state(run.id) == "finished"


def test_streamed_events_are_the_recorded_events(store, recipe):
    run, heard = store.create(recipe), []
    assert train(run, heard.append) == "finished"
    events, _ = read_events(run.folder)
    assert events == heard
    assert load_classifier(run.model_path)
    step = max(event["step"] for event in events if event["type"] == "step")
    assert read_snapshot(run.folder)["step"] == step  # the last snapshot is taken at the end
    names = {path.name for path in run.folder.iterdir() if path.suffix != ".jpg"}
    assert names == {"events.jsonl", "look.json", "model.safetensors", "spec.json", "tb"}
    assert sheet_path(run.folder, "batch", step).is_file()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "out of memory"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried"), "out of memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (RuntimeError("[enforce fail at inline_container.cc:668] . unexpected pos 64 vs 0"), "disk is full"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/data/hands/3/IMG_1.JPG"), "“IMG_1.JPG”"),
    ],
)
def test_what_the_machine_lacks_is_a_sentence(store, recipe, monkeypatch, error, words):
    def fails(*args, **kwargs):
        raise error

    monkeypatch.setattr(trainer, "fit", fails)
    run = store.create(recipe)
    assert train(run) == "failed"
    status = store.status(run.id)
    assert words in status.reason.en and status.reason.say("es") != status.reason.en
    assert "/" not in status.reason.en


def test_an_error_of_the_program_is_recorded_and_raised(store, recipe, monkeypatch):
    def fails(*args, **kwargs):
        raise KeyError("oops")

    monkeypatch.setattr(trainer, "fit", fails)
    run = store.create(recipe)
    with pytest.raises(KeyError):
        train(run)
    assert store.state(run.id) == "failed" and "worker.log" in store.status(run.id).reason.en


def test_a_full_disk_ends_the_run_in_a_sentence_and_keeps_the_model(store, make_recipe):
    """A limit on the file size simulates a full disk: writing `events.jsonl` fails."""
    run = store.create(make_recipe(epochs=200))
    code = (
        "import resource, sys; from vpc2.training.queue.worker import *\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)); train(read_run(Path(sys.argv[1])))"
    )
    done = run_forked(code, run.folder)
    assert done.returncode == 0, done.stderr
    status = store.status(run.id)
    assert status.state == "failed" and "disk is full" in status.reason.en
    assert load_classifier(run.model_path)
    assert not list(run.folder.glob("*.tmp"))


def test_no_memory_ends_only_this_run_in_a_sentence(store, recipe):
    run = store.create(recipe)
    code = (
        "import sys, resource; from vpc2.training.queue.worker import *; from vpc2.training.trainer import trainer; import os\n"
        "held = int(open('/proc/self/statm').read().split()[0]) * os.sysconf('SC_PAGE_SIZE')\n"
        "trainer.warm_up(); held = int(open('/proc/self/statm').read().split()[0]) * os.sysconf('SC_PAGE_SIZE')\n"
        "real = trainer.load_dataset\n"
        "def large(*a):\n"
        "    import torch; data = real(*a); resource.setrlimit(resource.RLIMIT_AS, (held + 2**28,) * 2); torch.empty(2**30); return data\n"
        "trainer.load_dataset = large\n"
        "train(read_run(Path(sys.argv[1])))"
    )
    done = run_forked(code, run.folder)
    assert done.returncode == 0, done.stderr
    assert "out of memory" in store.status(run.id).reason.en


def test_the_worker_is_polite_and_leaves_its_log(store, recipe):
    run = store.create(recipe)
    process = subprocess.Popen(SPARE, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout.readline() == b"ready\n"
    if hasattr(os, "getpriority"):
        assert os.getpriority(os.PRIO_PROCESS, process.pid) >= 10
    process.stdin.write(f"{run.folder}\n".encode())
    process.stdin.close()
    assert process.wait(120) == 0
    assert store.state(run.id) == "finished"
    assert (run.folder / "worker.log").exists()
