"""A pipeline edited as a plain list of steps would be; what does not fit changes nothing."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from vpc2.augment.spec import Pipeline, edit_add, edit_duplicate, edit_order, edit_redraw, edit_remove, edit_solo, edit_step

IDS = ("s1", "s2", "s3")
THREE = edit_add(edit_add(edit_add(Pipeline(seed=4), "RandomInvert"), "RandomHorizontalFlip"), "RandomGrayscale")


def ids(pipeline):
    return [step.id for step in pipeline.steps]


def test_any_order_of_all_steps_is_taken():
    for order in itertools.permutations(IDS):
        assert ids(edit_order(THREE, list(order))) == list(order)


@given(st.lists(st.sampled_from([*IDS, "s9"]), max_size=5))
def test_an_order_that_leaves_out_doubles_or_invents_a_step_changes_nothing(order):
    assert ids(edit_order(THREE, order)) == (order if sorted(order) == sorted(IDS) else list(IDS))


def test_edits_touch_their_own_step_alone():
    muted = edit_step(THREE, "s2", lambda step: step.__class__(step.id, step.op, step.params, on=False))
    assert [step.on for step in edit_solo(muted, "s2").steps] == [True] and ids(edit_solo(muted, "s2")) == ["s2"]
    assert ids(edit_remove(THREE, "s2")) == ["s1", "s3"] and ids(edit_remove(THREE, "s9")) == list(IDS)
    assert ids(edit_duplicate(THREE, "s2")) == ["s1", "s2", "s4", "s3"]
    assert [step.redraws for step in edit_redraw(THREE, "s2").steps] == [0, 1, 0]
