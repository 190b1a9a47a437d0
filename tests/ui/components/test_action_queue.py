"""Every action of a browser is done once and in order, whatever of its messages arrives, twice, late, or not at all."""

import random

import pytest

from vpc2.ui.components import action_queue


@pytest.fixture
def session(monkeypatch):
    kept = {}
    monkeypatch.setattr(action_queue.st, "session_state", kept)
    return kept


def told(ears, log):
    return {"epoch": ears["epoch"], "log": log}


def test_of_messages_that_overlap_or_get_lost_each_action_is_done_once_and_in_order(session):
    done = []
    ears = {to: action_queue.ears(to, lambda action, to=to: done.append((to, action["n"]))) for to in ("canvas", "history")}
    rng = random.Random(5)
    log = [{"to": rng.choice(["canvas", "history"]), "n": n} for n in range(1, 61)]
    for end in sorted(rng.sample(range(1, 60), 20)) + [60]:
        start = rng.randint(0, max(0, len(done)))  # what the browser believes not to be answered yet
        for _again in range(rng.randint(1, 3)):
            action_queue.take(told(ears["canvas"], log[start:end]))
    assert done == [(one["to"], one["n"]) for one in log]
    assert action_queue.ears("canvas", print)["seen"] == 60
    assert action_queue.ears("canvas", print)["own"] == max(one["n"] for one in log if one["to"] == "canvas")


def test_what_another_session_had_not_answered_is_not_done_here(session):
    done = []
    ears = action_queue.ears("canvas", done.append)
    action_queue.take({"epoch": "0" * 16, "log": [{"to": "canvas", "n": 1}]})
    assert not done
    action_queue.take(told(ears, [{"to": "canvas", "n": 1}]))
    assert len(done) == 1


@pytest.mark.parametrize(
    "log",
    [
        None,
        {},
        "canvas",
        [None, 3, "x", []],
        [{"to": "canvas"}],
        [{"to": "canvas", "n": True}],
        [{"to": "canvas", "n": "1"}],
        [{"to": "canvas", "n": 1.5}],
        [{"to": "canvas", "n": -1}],
        [{"to": "canvas", "n": 10**400}],
        [{"to": ["canvas"], "n": 1}],
        [{"to": "nobody", "n": 1}],
    ],
)
def test_junk_does_nothing(session, log):
    done = []
    ears = action_queue.ears("canvas", done.append)
    action_queue.take(told(ears, log))
    assert not done


def test_no_more_is_done_of_one_message_than_its_bound(session):
    done = []
    ears = action_queue.ears("canvas", done.append)
    action_queue.take(told(ears, [{"to": "canvas", "n": n} for n in range(1, 100_000)]))
    assert len(done) == action_queue.MOST
