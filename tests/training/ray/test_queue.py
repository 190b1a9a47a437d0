"""Runs on a Ray cluster of three nodes on loopback; one node dies in the middle of a run."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from vpc2.data import uploaded_sets
from vpc2.data.imageset import ImageSet
from vpc2.text import Refusal
from vpc2.training.queue import factory
from vpc2.training.ray.queue import RayQueue
from vpc2.training.runs.events import last_event, read_events
from vpc2.training.runs.store import RunStore

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc")]
ROOT = Path(__file__).parents[3]
LONG = {"epochs": 10_000, "budget_s": 300.0}
CLOCKED = ("n", "t", "images_per_s", "elapsed_s")

# Without metrics, reports and dashboard; "no cluster on Windows" is ray's one switch that keeps all its servers on loopback.
QUIET = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
CLUSTER = """
import sys
from ray.cluster_utils import Cluster
node = {"object_store_memory": 100 * 2**20, "node_ip_address": "127.0.0.1"}
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, "temp_dir": sys.argv[1], **node})
for _ in range(2):
    cluster.add_node(num_cpus=1, **node)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


def wait_for(what, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


class Processes:
    """The processes of one cluster, identified by an environment variable."""

    def __init__(self):
        self.mark = f"VPC2_TEST_CLUSTER={uuid.uuid4().hex}"

    def all(self) -> list[int]:
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._is_ours(entry)]

    def _is_ours(self, entry) -> bool:
        try:
            return self.mark.encode() in (entry / "environ").read_bytes()
        except OSError:
            return False

    def trainers(self) -> list[int]:
        return [pid for pid in self.all() if _read(pid, "cmdline").startswith(b"ray::RemoteTrainer")]

    def kill_node_of(self, pid: int) -> None:
        """Simulate the loss of a machine: kill its raylet (which started the trainer) and the trainer."""
        raylet = int(_read(pid, "stat").rpartition(b")")[2].split()[1])
        assert b"raylet" in _read(raylet, "cmdline")
        for one in (raylet, pid):
            os.kill(one, signal.SIGKILL)


def _read(pid, name) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


@pytest.fixture(scope="module")
def cluster():
    """The address and the processes of a cluster, whose nodes have neither the server's data nor its home."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install 'ray[default]'")
    processes, folder = Processes(), Path(tempfile.mkdtemp(prefix="ray-"))
    Path(tempfile.gettempdir(), "ray").mkdir(exist_ok=True)  # Ray notes its newest cluster there, and does not make the folder
    os.environ.update(QUIET)  # for the driver too, which is this process, before it imports ray
    env = {**os.environ, "VPC2_HOME": "/nowhere", "VPC2_DATA": "/nowhere", "PYTHONPATH": "", **dict([processes.mark.split("=")])}
    server = subprocess.Popen(
        [sys.executable, "-c", CLUSTER, str(folder)], cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield server.stdout.readline().strip(), processes
    finally:
        server.stdin.close()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
        deadline = time.monotonic() + 15
        while (left := processes.all()) and time.monotonic() < deadline:
            time.sleep(0.2)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
        for name in QUIET:
            del os.environ[name]
        assert not left, "every process of the cluster ends with it"


@pytest.fixture
def queue(cluster, store, monkeypatch):
    monkeypatch.setenv("VPC2_RAY_ADDRESS", cluster[0])
    queue = factory.make_queue(store)
    assert isinstance(queue, RayQueue) and queue.warm(60)
    yield queue
    for run in store.list():
        queue.stop(run.id, by=run.owner)
    wait_for(lambda: not cluster[1].trainers(), 60)
    queue.shutdown()


def timeless(run, *types):
    events = [event for event in read_events(run.folder)[0] if event["type"] in types]
    return [{key: value for key, value in event.items() if key not in CLOCKED} for event in events]


def steps(run):
    return [event["step"] for event in read_events(run.folder)[0] if event["type"] == "step"]


def kinds(run):
    return [event["type"] for event in read_events(run.folder)[0] if event["type"] in ("pause", "resume", "end")]


def test_a_class_trains_on_several_nodes_exactly_as_here(queue, cluster, store, make_recipe, tmp_path):
    recipe = make_recipe(epochs=2)
    images = np.random.default_rng(0).integers(0, 255, (60, uploaded_sets.SIZE_PX, uploaded_sets.SIZE_PX, 3), np.uint8)
    entry = uploaded_sets.keep(ImageSet(images, np.arange(60) % 10, tuple("0123456789")), "mine", "me")
    mine = replace(recipe, dataset=entry.key)
    runs = [store.create(one, owner=owner) for one, owner in ((recipe, "a"), (mine, "b"), (recipe, "c"))]
    for run in runs:
        queue.start(run)
    assert [queue.place_in_queue(run.id) for run in runs] == [1, 2, 3]
    wait_for(lambda: len(cluster[1].trainers()) == 2)  # one a node: there are two cores
    wait_for(lambda: all(store.state(run.id) == "finished" for run in runs))
    assert read_events(runs[1].folder)[0][0]["counts"]["train"] > 0, "the server's own set came along"
    here = RunStore(tmp_path / "here").create(recipe)
    code = "import sys; from vpc2.training.queue.worker import *; train(read_run(Path(sys.argv[1])))"
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code, str(here.folder)], cwd=ROOT, env=env, check=True, timeout=120)
    for run in (runs[0], runs[2]):
        assert timeless(run, "start", "note", "step", "epoch", "end") == timeless(here, "start", "note", "step", "epoch", "end")
        expected, found = load_file(here.model_path), load_file(run.model_path)
        assert {name: value.tobytes() for name, value in found.items()} == {name: value.tobytes() for name, value in expected.items()}
        assert list((run.folder / "tb").iterdir()), "TensorBoard's files are written here"
        assert not (run.folder / "checkpoint.safetensors").exists(), "as here: what is done needs none"


def test_a_ray_run_survives_a_lost_node_a_pause_and_a_restarted_server(queue, cluster, store, make_recipe):
    run = store.create(make_recipe(**LONG), owner="me")
    queue.start(run)
    wait_for(lambda: (run.folder / "checkpoint.safetensors").is_file() and len(steps(run)) > 40)
    assert store.state(run.id) == "running" and queue.place_in_queue(run.id) == 0
    (trainer,) = cluster[1].trainers()
    cluster[1].kill_node_of(trainer)
    wait_for(lambda: "resume" in kinds(run))
    last = steps(run)[-1]
    wait_for(lambda: steps(run)[-1] > last)
    texts = [event["text"]["en"] for event in read_events(run.folder)[0] if event["type"] == "note"]
    assert "The machine that trained this run went away; another one goes on from the last checkpoint." in texts

    queue.pause(run.id, by="me")
    queue.pause(run.id, by="me")
    wait_for(lambda: store.state(run.id) == "paused")
    wait_for(lambda: not cluster[1].trainers())
    place = steps(run)[-1]
    queue.resume(run.id, by="me")
    wait_for(lambda: steps(run)[-1] > place)

    queue.shutdown()  # the server ends: the run does not
    assert len(cluster[1].trainers()) == 1
    following = factory.make_queue(store)
    try:
        following.reconcile()
        place = steps(run)[-1]
        wait_for(lambda: steps(run)[-1] > place + 20)
        assert following.place_in_queue(run.id) == 0
        following.stop(run.id, by="me")
        wait_for(lambda: store.state(run.id) == "stopped")
        wait_for(lambda: not cluster[1].trainers())
    finally:
        following.shutdown()
    events = read_events(run.folder)[0]
    assert [event["n"] for event in events] == list(range(len(events)))
    assert all(a["t"] <= b["t"] for a, b in zip(events, events[1:], strict=False))
    told = steps(run)
    assert told == sorted(set(told)) and told[:2000] == list(range(1, min(len(told), 2000) + 1)), "nothing lost, nothing twice"
    assert kinds(run) == ["resume", "pause", "resume", "end"] and last_event(run.folder)["state"] == "stopped"
    assert store.status(run.id).is_resumable


def test_a_run_that_waits_is_called_off(queue, cluster, store, make_recipe):
    """One node is left: the first run has its core, the second waits for it."""
    first, second = store.create(make_recipe(**LONG), owner="a"), store.create(make_recipe(), owner="b")
    queue.start(first)
    wait_for(lambda: store.state(first.id) == "running")
    queue.start(second)
    time.sleep(1)
    assert store.state(second.id) == "queued" and queue.place_in_queue(second.id) == 1
    assert 0 < queue.wait_s(second.id) <= LONG["budget_s"]
    queue.pause(second.id, by="b")
    assert store.state(second.id) == "paused" and queue.place_in_queue(second.id) is None
    queue.resume(second.id, by="b")
    queue.stop(first.id, by="a")
    wait_for(lambda: store.state(second.id) == "finished")


def test_who_resumes_a_run_while_it_is_called_off_finds_it_in_line(queue, cluster, store, make_recipe, monkeypatch):
    import ray

    first, second = store.create(make_recipe(**LONG), owner="a"), store.create(make_recipe(**LONG), owner="b")
    third, kill = store.create(make_recipe(), owner="c"), ray.kill
    for run in (first, second):
        queue.start(run)
    wait_for(lambda: "running" in (store.state(first.id), store.state(second.id)))
    queue.start(third)
    wait_for(lambda: third.id in queue._remote_runs)

    def resume_first(actor, **options):
        monkeypatch.setattr(ray, "kill", kill)
        queue.resume(third.id, by="c")
        kill(actor, **options)

    monkeypatch.setattr(ray, "kill", resume_first)
    queue.pause(third.id, by="c")
    wait_for(lambda: ray.kill is kill)
    for run in (first, second):
        queue.stop(run.id, by=run.owner)
    wait_for(lambda: store.state(third.id) == "finished", 60)


def test_ray_listens_on_this_machine_only(queue, cluster):
    sockets = {os.path.realpath(file) for pid in (*cluster[1].all(), os.getpid()) for file in _files(pid)}
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    listening = [line for line in lines if line[3] == "0A" and any(file.endswith(f"socket:[{line[9]}]") for file in sockets)]
    loopback = ("0100007F", "0" * 24 + "01000000", "0" * 16 + "FFFF0000" + "0100007F")
    assert listening and [line[1] for line in listening if line[1].split(":")[0] not in loopback] == []


def _files(pid):
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []


def test_a_cluster_that_does_not_answer_is_a_sentence_and_nothing_else_is_hurt(store, make_recipe):
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        queue = RayQueue(store, f"127.0.0.1:{taken.getsockname()[1]}")
        assert not queue.warm()
        queue.reconcile()
        run = store.create(make_recipe())
        with pytest.raises(Refusal, match="does not answer"):
            queue.start(run)
        assert store.state(run.id) == "stopped" and queue.place_in_queue(run.id) is None
        queue.shutdown()


def test_without_ray_it_is_a_sentence(store, make_recipe, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)  # as an import of what is not installed
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        queue = RayQueue(store, f"127.0.0.1:{somebody.getsockname()[1]}")
        with pytest.raises(Refusal, match="not installed"):
            queue.start(store.create(make_recipe()))
        queue.shutdown()


def test_ray_is_not_imported_where_no_cluster_is_named(store):
    code = (
        "import sys, vpc2.training.queue.worker, vpc2.training.queue.record; from pathlib import Path\n"
        "from vpc2.training.runs.store import RunStore\n"
        "from vpc2.training.queue.factory import make_queue; queue = make_queue(RunStore(Path(sys.argv[1])))\n"
        "print(type(queue).__name__, 'ray' in sys.modules, 'vpc2.training.ray.queue' in sys.modules, 'torch' in sys.modules)"
    )
    env = {name: value for name, value in os.environ.items() if name != "VPC2_RAY_ADDRESS"}
    done = subprocess.run([sys.executable, "-c", code, str(store.home)], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["LocalQueue", "False", "False", "False"], done.stderr
