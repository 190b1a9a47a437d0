import io
import json
import os
from pathlib import Path

import pytest

from vpc2.training.runs.events import (
    FILE_NAME,
    DuplicateFilter,
    EventWriter,
    curves,
    first_event,
    last_event,
    latest_events,
    progress_of,
    read_events,
    to_csv,
)


def step(number, **values):
    return {"type": "step", "step": number, "epoch": 1, "loss": 1.0 / number, "accuracy": 0.5, "learning_rate": 0.1, **values}


@pytest.fixture
def long_record(tmp_path):
    writer = EventWriter(tmp_path)
    for number in range(1, 12_001):
        writer.write(step(number))
    writer.close()
    return tmp_path


def test_lines_are_plain_json_and_numbered(tmp_path):
    writer = EventWriter(tmp_path)
    written = [writer.write(step(number)) for number in (1, 2, 3)]
    writer.close()
    lines = (tmp_path / FILE_NAME).read_text().splitlines()
    assert [json.loads(line) for line in lines] == written
    assert [event["n"] for event in written] == [0, 1, 2]
    assert written[0]["t"] <= written[2]["t"]


def test_quick_steps_are_written_together_and_nothing_waits_behind_another_event(tmp_path, monkeypatch):
    import vpc2.training.runs.events as module

    calls = []
    monkeypatch.setattr(module.EventWriter, "_flush", lambda self, real=module.EventWriter._flush: (calls.append(1), real(self))[1])
    monkeypatch.setattr(module, "FLUSH_S", 1e9)
    writer = EventWriter(tmp_path)
    written = [writer.write(step(number)) for number in range(1, 31)]
    assert read_events(tmp_path)[0] == [], "thirty quick steps wait for company"
    written.append(writer.write({"type": "epoch", "epoch": 1}))
    assert read_events(tmp_path)[0] == written and len(calls) == 1
    written.append(writer.write(step(31)))
    writer.close()
    assert read_events(tmp_path)[0] == written


def test_a_number_that_is_none_becomes_null(tmp_path):
    EventWriter(tmp_path).write({"type": "epoch", "val_loss": float("nan"), "confusion": [[float("inf")]]})
    event = json.loads((tmp_path / FILE_NAME).read_text(), parse_constant=lambda name: pytest.fail(name))
    assert event["val_loss"] is None and event["confusion"] == [[None]]


@pytest.mark.parametrize("since", [0, 1, 7, 255, 256, 3_333, 11_000, 11_900, 11_998, 11_999, 12_000, 50_000])
def test_reading_from_any_number_gives_exactly_the_rest(long_record, since):
    events, following = read_events(long_record, since)
    assert [event["n"] for event in events] == list(range(since, 12_000))
    assert following == max(12_000, since)
    assert read_events(long_record, since, limit=3)[0] == events[:3]


def test_the_eleven_thousandth_point_is_read_like_the_first(long_record, monkeypatch):
    """Counted in lines parsed, not in time."""
    import vpc2.training.runs.events as module

    def parsed(since):
        count = 0
        parse = module._event

        def counting(line):
            nonlocal count
            count += 1
            return parse(line)

        monkeypatch.setattr(module, "_event", counting)
        read_events(long_record, since, limit=1)
        monkeypatch.setattr(module, "_event", parse)
        return count

    assert max(parsed(since) for since in (0, 1_000, 6_000, 11_000, 11_999)) < 400


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_an_incomplete_last_line_is_read_later(tmp_path, cut):
    writer = EventWriter(tmp_path)
    for number in (1, 2, 3):
        writer.write(step(number))
    writer.close()
    path = tmp_path / FILE_NAME
    os.truncate(path, path.stat().st_size - cut)
    assert [event["n"] for event in read_events(tmp_path)[0]] == [0, 1]
    assert last_event(tmp_path)["n"] == 1
    writer = EventWriter(tmp_path)
    writer.write(step(4))
    assert [event["n"] for event in read_events(tmp_path)[0]] == [0, 1, 2]
    assert last_event(tmp_path)["step"] == 4


def test_junk_in_the_middle_is_passed_over(tmp_path):
    writer = EventWriter(tmp_path)
    writer.write(step(1))
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b'\x00\xff junk\n[]\n{"n": "no"}\n')
    writer.write(step(2))
    writer.close()
    assert [event["step"] for event in read_events(tmp_path)[0]] == [1, 2]
    assert first_event(tmp_path)["step"] == 1


def test_no_record_is_an_empty_one(tmp_path):
    assert read_events(tmp_path, 5) == ([], 5)
    assert last_event(tmp_path) is None and first_event(tmp_path) is None


def test_a_long_last_event_is_found(tmp_path):
    writer = EventWriter(tmp_path)
    writer.write(step(1))
    writer.write({"type": "end", "state": "finished", "confusion": [[1] * 100] * 1000})
    assert last_event(tmp_path)["type"] == "end"
    assert [event["n"] for event in read_events(tmp_path, 1)[0]] == [1]


def test_curves_and_csv_hold_every_number(tmp_path):
    writer = EventWriter(tmp_path)
    writer.write({"type": "start", "classes": ["a", "b"]})
    for number in (1, 2):
        writer.write(step(number))
    epoch = {"train_loss": 0.75, "train_accuracy": 0.5, "val_loss": None, "val_accuracy": None}
    writer.write({"type": "epoch", "epoch": 1, "step": 2, **epoch})
    events, _ = read_events(tmp_path)
    series = curves(events)
    assert series["steps"]["loss"] == [1.0, 0.5]
    assert series["epochs"]["train_loss"] == [0.75] and series["epochs"]["val_loss"] == [None]
    rows = to_csv(events).splitlines()
    assert len(rows) == 4 and rows[0].startswith("type,step,t,epoch,loss")
    assert rows[3].startswith("epoch,2,")


def test_a_resumed_record_continues_its_numbers_and_skips_the_pause(tmp_path, monkeypatch):
    import vpc2.training.runs.events as module

    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    writer = EventWriter(tmp_path)
    now += 5
    writer.write(step(1))
    writer.close()
    now += 3600
    writer = EventWriter(tmp_path)
    now += 2
    assert [writer.write(step(2))[name] for name in ("n", "t")] == [1, 7.0]


def test_an_event_from_elsewhere_brings_its_time_and_time_never_goes_back(tmp_path):
    writer = EventWriter(tmp_path)
    assert [writer.write(step(1, t=t))["t"] for t in (5.0, 9.0, 7.0)] == [5.0, 9.0, 9.0]
    assert writer.write(step(2))["t"] == 9.0


def test_what_a_record_holds_is_not_written_twice():
    start, note = {"type": "start"}, {"type": "note", "text": {"en": "a", "es": "b"}}
    epoch = {"type": "epoch", "epoch": 1, "step": 3}
    repeats = DuplicateFilter([start, note, step(1), step(2), step(3), epoch, step(4), {"type": "pause", "step": 4, "epoch": 2}])
    again = [start, note, step(1), step(4), epoch]
    fresh = [
        {"type": "note", "text": {"en": "c", "es": "d"}},
        step(5),
        {**epoch, "epoch": 2},
        {"type": "pause", "step": 4, "epoch": 2},
        {"type": "end", "state": "stopped"},
        {"type": "prepare", "share": 0.5},
    ]
    assert [repeats.has(event) for event in again] == [True] * len(again)
    assert [repeats.has(event) for event in fresh] == [False] * len(fresh)
    nothing = DuplicateFilter([])
    assert not any(nothing.has(event) for event in (*again, *fresh))


START = {"type": "start", "t": 1.0, "budget_s": 60.0, "epochs": 10, "steps_per_epoch": 5}


@pytest.mark.parametrize(
    ("events", "share", "left"),
    [
        ([], 0.0, None),
        ([{"type": "note", "t": 0.0}], 0.0, None),
        ([START], 0.0, 60.0),
        # 10 of 50 steps in 2 s: 8 s for the other 40
        ([START, {"type": "step", "step": 10, "t": 3.0}], 0.2, 8.0),
        # planned are 4 epochs of 5 steps; half of them took 5 s, and half a second has passed since
        ([START, {"type": "epoch", "epoch": 2, "step": 10, "t": 7.0, "elapsed_s": 5.0, "planned_epochs": 4.0}], 0.5, 5.0),
        # the budget ends before the epochs do: of 60 s, 30 have passed
        ([START, {"type": "step", "step": 5, "t": 31.0}], 0.5, 30.0),
        ([START, {"type": "step", "step": 5, "t": 131.0}], 1.0, 0.0),
        ([START, {"type": "end", "t": 9.0}], 1.0, 0.0),
    ],
)
def test_progress_is_the_pace_so_far_within_the_budget(events, share, left):
    assert progress_of(events) == (pytest.approx(share), left if left is None else pytest.approx(left))


def test_progress_of_a_long_record_needs_its_ends_only(long_record):
    events = latest_events(long_record)
    assert [event["n"] for event in events][:2] == [0, 11_799] and events[-1]["n"] == 11_999 and len(events) == 202


def test_progress_of_a_short_record_is_all_of_it(tmp_path):
    writer = EventWriter(tmp_path)
    assert latest_events(tmp_path) == []
    written = [writer.write({**START}), writer.write(step(1))]
    writer.close()
    assert latest_events(tmp_path) == written


@pytest.mark.parametrize("is_torn", [False, True])
def test_a_record_that_is_deleted_while_it_is_read_leaves_what_was_read(tmp_path, monkeypatch, is_torn):
    """A run may be deleted between the reading of its first event and of its last."""
    writer = EventWriter(tmp_path)
    first = writer.write({**START})
    writer.write(step(1))
    writer.close()
    path = tmp_path / FILE_NAME

    def and_deleted(folder):
        found = first_event(folder)
        path.write_bytes(b"{") if is_torn else path.unlink()
        return found

    monkeypatch.setattr("vpc2.training.runs.events.first_event", and_deleted)
    assert latest_events(tmp_path) == [first]


def test_asking_for_the_latest_reads_as_little_of_a_long_record_as_of_a_short_one(long_record, tmp_path, monkeypatch):
    """Counted, not timed: the bytes that come from the disk, whatever is asked for, wherever it lies."""
    read = []

    class Counted(io.FileIO):
        def readinto(self, buffer):
            read.append(super().readinto(buffer))
            return read[-1]

    def cost(folder, since, limit=None):
        read.clear()
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", lambda path, mode: io.BufferedReader(Counted(path)))
            events, _ = read_events(folder, since, limit)
        assert events[0]["n"] == since
        return sum(read)

    short = tmp_path / "short"
    short.mkdir()
    (short / FILE_NAME).write_bytes(b"".join((long_record / FILE_NAME).open("rb").readlines()[:200]))
    size = (long_record / FILE_NAME).stat().st_size
    assert cost(long_record, 11_998) <= cost(short, 198) + io.DEFAULT_BUFFER_SIZE
    assert max(cost(long_record, since, 1) for since in (100, 3_000, 7_777, 11_000)) < size / 8
