"""Runs that an earlier server left on a cluster, adopted by the next one; a stand-in for Ray keeps the actors, no cluster is started."""

import json
import shutil

import pytest

from vpc2.training.ray.queue import RayQueue
from vpc2.training.runs import liveness
from vpc2.training.runs.events import EventWriter


class Actors:
    """Of Ray, only what adopting asks: an actor by its name, ValueError where there is none, as `ray.get_actor` raises."""

    def __init__(self, *names):
        self.asked, self.names = [], names

    def get_actor(self, name):
        self.asked.append(name)
        if name not in self.names:
            raise ValueError(f"Failed to look up actor with name '{name}'")
        return f"actor {name}"


@pytest.fixture
def leave(store, make_recipe):
    """A function that leaves a run behind as a server would that was killed: begun, and claimed for an actor."""

    def begun(actor):
        run = store.create(make_recipe())
        writer = EventWriter(run.folder)
        writer.write({"type": "start", "t": 0.0})
        writer.close()
        liveness.claim(run.folder, actor=actor)
        return run

    return begun


@pytest.fixture
def adopt(store):
    """A function that lets a queue adopt runs: it knows them from its start, and what became of their folders since is given."""

    def adopted(runs, ray, meanwhile=lambda: None):
        queue = RayQueue(store, "127.0.0.1:1")
        queue._is_closing = True  # without the thread: this test is its supervisor
        queue.reconcile()
        assert {run.id for run in queue._orphaned} == {run.id for run in runs}
        meanwhile()
        queue._ray = ray
        queue._adopt_orphaned()
        assert not queue._orphaned
        return queue._remote_runs

    return adopted


def test_a_run_whose_actor_lives_is_followed(leave, adopt, store):
    run = leave("one")
    found = adopt([run], Actors("one"))
    assert [(remote.actor, remote.is_adopted) for remote in found.values()] == [("actor one", True)]
    assert store.state(run.id) == "running"


def test_a_run_whose_actor_is_gone_is_interrupted_and_its_neighbour_followed(leave, adopt, store):
    lost, kept = leave("lost"), leave("kept")
    assert list(adopt([lost, kept], Actors("kept"))) == [kept.id]
    assert store.state(lost.id) == "interrupted" and store.state(kept.id) == "running"


@pytest.mark.parametrize("left", [None, "", "[]", '{"pid": 1}', json.dumps({"pid": 0, "started": None})])
def test_a_run_whose_claim_was_lost_meanwhile_is_interrupted_and_its_neighbour_followed(leave, adopt, store, left):
    """worker.json is gone, torn or names no actor: nobody can say which actor trains the run, and the queue goes on."""
    kept, torn = leave("kept"), leave("torn")
    ray = Actors("kept", "torn")

    def lose():
        path = torn.folder / liveness.WORKER_NAME
        path.unlink() if left is None else path.write_text(left)

    assert list(adopt([kept, torn], ray, lose)) == [kept.id]
    assert ray.asked == ["kept"] and store.state(torn.id) == "interrupted"


def test_a_run_that_was_deleted_meanwhile_is_no_harm(leave, adopt, store):
    """A cluster may be away for hours; its runs can be deleted all the while."""
    kept, deleted = leave("kept"), leave("deleted")
    assert list(adopt([kept, deleted], Actors("kept", "deleted"), lambda: shutil.rmtree(deleted.folder))) == [kept.id]
    assert not deleted.folder.exists()


def test_a_run_is_kept_for_later_where_the_cluster_was_disconnected_meanwhile(leave, store):
    run = leave("one")
    queue = RayQueue(store, "127.0.0.1:1")
    queue._is_closing = True
    queue.reconcile()
    with pytest.raises(ConnectionError):  # what the supervisor takes for a lost cluster, and connects again
        queue._adopt_orphaned()
    queue._ray = Actors("one")
    queue._adopt_orphaned()
    assert list(queue._remote_runs) == [run.id]
