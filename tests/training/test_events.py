import json
import os

import pytest

from vpc2.training.events import FILE_NAME, EventWriter, curves, first_event, last_event, read_events, to_csv


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
    import vpc2.training.events as module

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
    import vpc2.training.events as module

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
def test_half_a_last_line_is_not_there_yet_and_the_record_goes_on(tmp_path, cut):
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
