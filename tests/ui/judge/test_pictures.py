"""Judge opens on a classifier's own test pictures, those that scikit-learn says are wrong first; a photograph is said to be foreign."""

import re

import numpy as np
import pytest

from tests.ui.pages import VISITOR, checked, open_page, tray, words
from vpc2.predict import uploaded_classifiers
from vpc2.ui.judge.test_pictures import _is_foreign


def shown(at):
    """Return, for each picture in sight, its place in the test set, its class, and whether plain and merged answers are right."""
    numbers = [int(n) - 1 for n in re.findall(r"### Test picture (\d+)", words(at, "markdown"))]
    mark = r"\S*:material/(check|close): \w+\]"
    lines = re.findall(rf"Right answer: \*\*(\d)\*\* · Plain: {mark} · With views: {mark}", words(at))
    return numbers, lines


def test_the_first_pictures_are_those_that_are_answered_wrong(known):
    at = open_page("judge", query={"run": known.id})
    asked = np.linspace(0, len(known.images) - 1, 100).astype(int)
    is_wrong = known.ask(known.images[asked]).argmax(1) != known.labels[asked]
    assert f"Of 100 test pictures it gets {is_wrong.sum()} wrong" in words(at)
    numbers, lines = shown(at)
    assert numbers == list(np.flatnonzero(is_wrong)[:3])
    assert [int(label) for label, _plain, _merged in lines] == list(known.labels[asked][numbers])
    assert [plain for _label, plain, _merged in lines] == ["close"] * 3

    following = shown(checked(at.button(key="judge/others").click().run()))[0]
    assert following == list(np.flatnonzero(is_wrong)[3:6])


def test_a_photograph_of_ours_is_said_to_show_none_of_the_classes(known):
    at = open_page("judge", query={"run": known.id}, judge__pictures="photographs")
    assert "“Cat” shows none of the classes of this net (0, 1, 2, 3" in words(at, "warning")
    at = open_page("judge", query={"run": known.id}, judge__pictures="photographs", **tray(known.images[0].repeat(16, 0).repeat(16, 1)))
    assert not words(at, "warning") and "This net knows 0, 1, 2, 3" in words(at, "caption")


def test_the_address_names_what_is_judged(known):
    at = open_page("judge", query={"run": known.id})
    assert known.id in at.query_params["run"]
    box = next(box for box in at.selectbox if box.label == "Classifier")
    at = checked(box.set_value("imagenet").run())
    assert "imagenet" in at.query_params["classifier"] and "run" not in at.query_params


@pytest.mark.parametrize(
    ("photo", "dataset", "classes", "is_foreign"),
    [
        ({"key": "chelsea"}, "digits", ("0", "1"), True),
        ({"key": "chelsea"}, "cifar10", ("airplane", "Cat"), False),
        ({"key": "rocket"}, "cifar10", ("airplane", "cat"), True),
        ({"key": "chelsea"}, "own-0123456789abcdef", ("felino", "perro"), False),
        ({"digest": "of a visitor's"}, "digits", ("0", "1"), False),
    ],
)
def test_only_what_is_known_to_be_foreign_is_called_so(photo, dataset, classes, is_foreign):
    assert _is_foreign(photo, dataset, classes) == is_foreign


def test_a_classifier_from_a_file_is_there_after_a_reload(known):
    ref, _classifier = uploaded_classifiers.keep(known.run.model_path.read_bytes())
    at = open_page("judge")
    stored = {"session": at.session_state["visitor/word"], "work": {"judge/classifier": str(ref)}, "earlier": {}, "opened": ""}
    at.session_state["visitor"] = {"id": VISITOR, "stored": stored}
    at = checked(checked(at.run()).run())
    box = next(box for box in at.selectbox if box.label == "Classifier")
    assert box.value == str(ref) and "Test picture" in words(at)
    assert "run" not in at.query_params and "classifier" not in at.query_params
