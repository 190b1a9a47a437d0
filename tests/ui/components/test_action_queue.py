"""Every action is delivered once and in order, even if messages arrive twice, late or not at all."""

import random

import pytest

from vpc2.ui.components import action_queue


@pytest.fixture
def session(monkeypatch):
    state = {}
    monkeypatch.setattr(action_queue.st, "session_state", state)
    return state


def message(queue_data, actions):
    return {"epoch": queue_data["epoch"], "actions": actions}


def test_of_messages_that_overlap_or_get_lost_each_action_is_done_once_and_in_order(session):
    delivered = []
    queue_data = {
        to: action_queue.register_callback(to, lambda action, to=to: delivered.append((to, action["number"])))
        for to in ("canvas", "history")
    }
    rng = random.Random(5)
    actions = [{"to": rng.choice(["canvas", "history"]), "number": n} for n in range(1, 61)]
    for end in sorted(rng.sample(range(1, 60), 20)) + [60]:
        start = rng.randint(0, max(0, len(delivered)))  # the first action that the browser believes to be unacknowledged
        for _again in range(rng.randint(1, 3)):
            action_queue.deliver(message(queue_data["canvas"], actions[start:end]))
    assert delivered == [(action["to"], action["number"]) for action in actions]
    assert action_queue.register_callback("canvas", print)["acknowledged"] == 60
    assert action_queue.register_callback("canvas", print)["acknowledged_own"] == max(
        action["number"] for action in actions if action["to"] == "canvas"
    )


def test_what_another_session_had_not_answered_is_not_done_here(session):
    delivered = []
    queue_data = action_queue.register_callback("canvas", delivered.append)
    action_queue.deliver({"epoch": "0" * 16, "actions": [{"to": "canvas", "number": 1}]})
    assert not delivered
    action_queue.deliver(message(queue_data, [{"to": "canvas", "number": 1}]))
    assert len(delivered) == 1


@pytest.mark.parametrize(
    "actions",
    [
        None,
        {},
        "canvas",
        [None, 3, "x", []],
        [{"to": "canvas"}],
        [{"to": "canvas", "number": True}],
        [{"to": "canvas", "number": "1"}],
        [{"to": "canvas", "number": 1.5}],
        [{"to": "canvas", "number": -1}],
        [{"to": "canvas", "number": 10**400}],
        [{"to": ["canvas"], "number": 1}],
        [{"to": "nobody", "number": 1}],
    ],
)
def test_malformed_actions_are_ignored(session, actions):
    delivered = []
    queue_data = action_queue.register_callback("canvas", delivered.append)
    action_queue.deliver(message(queue_data, actions))
    assert not delivered


def test_no_more_is_done_of_one_message_than_its_bound(session):
    delivered = []
    queue_data = action_queue.register_callback("canvas", delivered.append)
    action_queue.deliver(message(queue_data, [{"to": "canvas", "number": n} for n in range(1, 100_000)]))
    assert len(delivered) == action_queue.MAX_ACTIONS
