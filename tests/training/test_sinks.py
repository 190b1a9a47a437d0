import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from vpc2.training.events import read_events
from vpc2.training.sinks import END_TAGS, EPOCH_TAGS, STEP_TAGS
from vpc2.training.worker import train


def test_tensorboard_reads_what_the_record_says(store, recipe):
    run = store.create(recipe)
    assert train(run) == "finished"
    events, _ = read_events(run.folder)
    accumulator = EventAccumulator(str(run.folder / "tb"), size_guidance={"scalars": 0})
    accumulator.Reload()
    last_step = [event for event in events if event["type"] == "step"][-1]["step"]
    for kind, tags in (("step", STEP_TAGS), ("epoch", EPOCH_TAGS), ("end", END_TAGS)):
        ours = [event for event in events if event["type"] == kind]
        for name, tag in tags.items():
            scalars = accumulator.Scalars(tag)
            assert [scalar.value for scalar in scalars] == pytest.approx([event[name] for event in ours], rel=1e-6)
            assert [scalar.step for scalar in scalars] == [event.get("step", last_step) for event in ours]
    assert set(accumulator.Tags()["scalars"]) == {*STEP_TAGS.values(), *EPOCH_TAGS.values(), *END_TAGS.values()}
    (recipe_text,) = accumulator.Tensors("recipe")
    assert '"dataset": "digits"' in recipe_text.tensor_proto.string_val[0].decode()
