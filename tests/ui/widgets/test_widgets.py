"""What several pages draw: presses, the tray, notes, a set in the making, what a run says, and steps in words."""

import io
import re
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.ui.pages import VISITOR, checked, open_page, words
from vpc2 import codec
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.presets import PIPELINES
from vpc2.data import uploaded_sets
from vpc2.nets.module import build_net
from vpc2.nets.spec import make_net
from vpc2.predict.classifier import Classifier, Preprocessing, save_classifier
from vpc2.training.presets import RECIPES
from vpc2.training.runs.events import EventWriter
from vpc2.training.runs.store import RunStore
from vpc2.ui.computed import classifiers
from vpc2.ui.widgets import run_status


def png(colour, size=(40, 30)):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def _pressing():
    import streamlit as st

    from vpc2.ui.widgets.buttons import button, clear_presses, submit_button

    st.session_state.setdefault("pressed", []).append((button("A", key="a"), button("B", key="b"), button("A again", key="c")))
    with st.form("f"):
        text = st.text_input("T")
        if submit_button("Send", key="send"):
            st.session_state["sent"] = text
    if st.session_state.get("end"):
        clear_presses()


def test_a_press_is_told_to_its_own_button_once():
    at = checked(AppTest.from_function(_pressing).run())
    at.button(key="b").click().run()
    at.run()
    at.button(key="a").click().run()
    assert at.session_state["pressed"] == [(False,) * 3, (False, True, False), (False,) * 3, (True, False, False)]
    at.text_input[0].set_value("hello")
    at.button(key="send").click().run()
    assert at.session_state["sent"] == "hello"


def _reading():
    import streamlit as st

    from vpc2.ui.widgets import buttons

    presses = st.session_state.setdefault("told", [])
    buttons._record_press("x")
    presses.append([buttons._pop_press("x"), buttons._pop_press("x")])


def test_a_press_that_was_read_is_gone():
    assert checked(AppTest.from_function(_reading).run()).session_state["told"] == [[True, False]]


def _tray_of():
    import streamlit as st

    from vpc2.ui.widgets import page_frame, photo_picker

    page_frame.show_notes()
    st.session_state["given"] = photo_picker.show_photo_picker("test", max_photos=3)


def test_what_is_dropped_into_the_tray_is_what_comes_out_newest_first():
    at = checked(AppTest.from_function(_tray_of, default_timeout=60).run())
    assert [one["key"] for one in at.session_state["given"]] == ["chelsea", "coffee"]
    at.file_uploader[0].upload("red.png", png((255, 0, 0)), "image/png").upload("blue.png", png((0, 0, 255)), "image/png").run()
    given = checked(at).session_state["given"]
    assert [one["name"] for one in given[:2]] == ["blue.png", "red.png"] and len(given) == 3
    assert [tuple(one["pixels"][0, 0]) for one in given[:2]] == [(0, 0, 255), (255, 0, 0)]
    at.file_uploader[0].upload("bad.png", b"\x89PNG nothing", "image/png").run()
    assert len(checked(at).error) == 1 and "bad.png" in words(at, "error") and len(at.session_state["photos"]) == 2


def _full_tray():
    import numpy as np
    import streamlit as st

    from vpc2.ui.widgets import photo_picker

    for i in range(photo_picker.MAX_OWN_PHOTOS + 3):
        photo_picker.add_pixels(np.full((4, 4, 3), i, np.uint8), f"{i}")
    st.session_state["left"] = [one["name"] for one in photo_picker.own_photos().values()]


def test_of_too_many_photographs_the_oldest_go():
    assert checked(AppTest.from_function(_full_tray).run()).session_state["left"] == [str(i) for i in range(3, 15)]


def _noting():
    import streamlit as st

    from vpc2.text import Refusal, Text
    from vpc2.ui.widgets import page_frame

    def refuse(left, right=0):
        if right:
            raise Refusal(Text("No *way*."))
        return left

    st.session_state["results"] = [page_frame.show_or_refuse(refuse, 7), page_frame.show_or_refuse(refuse, 7, right=1)]


def test_a_refusal_is_its_sentence_letter_by_letter_and_none_comes_back():
    at = checked(AppTest.from_function(_noting).run())
    assert at.session_state["results"] == [7, None]
    assert [one.value.replace("\\", "") for one in at.error] == ["No *way*."] and "\\*" in at.error[0].value


def test_undo_and_redo_stand_where_there_is_something_to_undo():
    at = open_page("build")
    state = lambda: [at.button(key=f"{which}/net").disabled for which in ("undo", "redo")]  # noqa: E731
    assert state() == [True, True]
    at.selectbox[0].select("lenet5").run()
    assert state() == [False, True]
    checked(at.button(key="undo/net").click().run())
    assert state() == [True, False]
    checked(at.button(key="redo/net").click().run())
    assert state() == [False, True]


def _drafting():
    import streamlit as st

    from vpc2.ui.widgets import dataset_builder, page_frame

    page_frame.show_notes()
    st.session_state["used"] = dataset_builder.show_builder()


def test_a_set_in_the_making_becomes_the_pictures_that_were_dropped():
    at = AppTest.from_function(_drafting, default_timeout=60)
    at.session_state["visitor"] = {"id": VISITOR}
    checked(at.run())
    for name, base in (("light", 150), ("dark", 0)):
        next(one for one in at.text_input if one.label == "A new class").set_value(name)
        checked(at.button(key="draft/add-now").click().run())
        checked(next(one for one in at.segmented_control if one.label == "Class to fill").set_value(name).run())
        files = next(one for one in at.file_uploader if one.label == f"Pictures of “{name}”")
        for i in range(6):
            files.upload(f"{i}.png", png((base + 9 * i,) * 3), "image/png")
        checked(at.run())
    assert re.findall(r"(\d+) of about \d+ pictures", words(at, "caption")) == ["6", "6"]
    checked(at.button(key="draft/use").click().run())
    data = uploaded_sets.load(at.session_state["used"], 8)
    assert data.classes == ("light", "dark") and data.counts() == [6, 6]
    assert data.images[data.labels == 0].min() >= 150 > 45 >= data.images[data.labels == 1].max()


def _adding():
    import streamlit as st

    from vpc2.ui.widgets import dataset_upload, page_frame

    page_frame.show_notes()
    st.session_state.setdefault("added", []).append(dataset_upload.show_dataset_upload("digits"))


def test_a_zip_with_a_folder_a_class_becomes_a_set():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, colour in (("cats", 200), ("dogs", 30)):
            for i in range(5):
                archive.writestr(f"{name}/{i}.png", png((colour, colour, colour + i)))
    at = AppTest.from_function(_adding, default_timeout=60)
    at.session_state["visitor"] = {"id": VISITOR}
    checked(at.run())
    at.file_uploader[0].upload("mine.zip", out.getvalue(), "application/zip").run()
    [key] = [one for one in checked(at).session_state["added"] if one]
    data = uploaded_sets.load(key, 8)
    assert data.classes == ("cats", "dogs") and data.counts() == [5, 5]
    assert (data.images[data.labels == 0][..., 0] == 200).all() and (data.images[data.labels == 1][..., 0] == 30).all()


def _hearing(run_id):
    import streamlit as st

    from vpc2.training.runs.store import RunStore
    from vpc2.ui.widgets import run_status

    st.session_state["heard now"] = run_status.read_verdict_events(RunStore().get(run_id))


def test_what_was_heard_of_a_run_is_heard_once_with_its_highest_rate():
    run = RunStore().create(RECIPES["digits"].recipe)
    writer = EventWriter(run.folder)
    writer.write({"type": "start", "classes": ["a", "b"]})
    for i, rate in enumerate((0.01, 0.2, 0.05), 1):
        writer.write({"type": "step", "step": i, "epoch": 1, "loss": 1.0, "accuracy": 0.5, "learning_rate": rate})
    writer.write({"type": "epoch", "epoch": 1, "step": 3})
    at = checked(AppTest.from_function(_hearing, args=(run.id,)).run())
    kinds = lambda: [event["type"] for event in at.session_state["heard now"]]  # noqa: E731
    assert kinds() == ["start", "epoch", "step"] and at.session_state["heard now"][-1]["learning_rate"] == 0.2
    writer.write({"type": "end", "state": "finished", "reason": None, "elapsed_s": 1.0})
    writer.close()
    at.run()
    assert kinds() == ["start", "epoch", "step", "end"]


def test_of_another_run_nothing_is_heard_that_the_one_before_said(monkeypatch):
    made = []
    for classes in (["a", "b"], ["c", "d", "e"]):
        run = RunStore().create(RECIPES["digits"].recipe)
        writer = EventWriter(run.folder)
        writer.write({"type": "start", "classes": classes})
        writer.write({"type": "step", "step": 1, "epoch": 1, "loss": 1.0, "accuracy": 0.5, "learning_rate": 0.1 / len(classes)})
        writer.close()
        made.append((run, classes))
    monkeypatch.setattr(run_status.st, "session_state", {})
    for run, classes in (*made, made[0]):
        start, step = run_status.read_verdict_events(run)
        assert (start["classes"], step["learning_rate"]) == (classes, 0.1 / len(classes))


def test_a_run_that_lost_its_weights_offers_a_tenth_of_its_rate():
    recipe = RECIPES["digits"].recipe
    run = RunStore().create(recipe, owner=VISITOR)
    writer = EventWriter(run.folder)
    writer.write({"type": "start", "classes": ["a", "b"], "counts": {"train": 9, "validation": 5, "test": 5}, "params": 1, "device": "cpu"})
    writer.write({"type": "end", "state": "failed", "reason": {"en": "Loss became NaN at step 31.", "es": "x"}, "elapsed_s": 1.0})
    writer.close()
    at = open_page("train", query={"run": run.id})
    checked(at.button(key=f"smaller/{run.id}").click().run())
    settings = at.session_state["slot/recipe"]["documents"][-1]["settings"]
    assert settings["learning_rate"] == pytest.approx(recipe.settings["learning_rate"] / 10)


def _describing():
    import streamlit as st

    from vpc2.augment.presets import PIPELINES
    from vpc2.ui.widgets.step_text import describe_step

    st.session_state["said"] = {key: [describe_step(step) for step in entry.pipeline.steps] for key, entry in PIPELINES.items()}


def test_a_step_tells_its_first_value_with_its_unit_and_its_chance():
    said = checked(AppTest.from_function(_describing).run()).session_state["said"]
    for key, entry in PIPELINES.items():
        for step, text in zip(entry.pipeline.steps, said[key], strict=True):
            numbers = [float(one) for one in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)]
            first = next((knob for knob in OPS[step.op].knobs if knob.key != "p"), None)
            wanted = [] if first is None else step.params[first.key]
            wanted = list(wanted) if isinstance(wanted, list) else [wanted]
            wanted = [one for one in wanted if isinstance(one, int | float) and not isinstance(one, bool)]
            chance = [step.params["p"]] if "p" in step.params else []
            assert numbers == pytest.approx([*wanted, *chance], rel=6e-3), (key, text)
            assert not wanted or first.unit in text


def _boards():
    from vpc2.ui.widgets import tensorboard_embed

    tensorboard_embed.show_tensorboard(["a" * 8, "b" * 8])


def test_tensorboard_is_asked_for_both_runs_under_the_apps_own_address(monkeypatch):
    from vpc2.ui import addresses
    from vpc2.ui.server import routes

    monkeypatch.setattr(routes, "is_serving", lambda: True)
    monkeypatch.setattr(addresses, "base_path", lambda: "/class")
    at = checked(AppTest.from_function(_boards).run())
    assert at.get("link_button")[0].proto.url == f"/class/tensorboard/{'a' * 8}+{'b' * 8}/"
    at.toggle[0].set_value(True).run()
    assert checked(at).get("iframe")[0].proto.src == f"/class/tensorboard/{'a' * 8}+{'b' * 8}/"


def test_a_photograph_taken_twice_is_one():
    at = AppTest.from_function(_tray_of, default_timeout=60)
    checked(at.run())
    for _ in range(2):
        at.file_uploader[0].upload("red.png", png((255, 0, 0)), "image/png").run()
    assert len(checked(at).session_state["photos"]) == 1
    assert np.array_equal(at.session_state["given"][0]["pixels"], np.full((30, 40, 3), (255, 0, 0)))


def _opening():
    import streamlit as st

    from vpc2.ui.widgets import classifier_picker, page_frame

    page_frame.show_notes()
    classifier_picker.show_classifier_upload()
    st.session_state["opened"] = list(st.session_state.get("judge/files", {}).values())


def test_of_too_many_opened_files_the_first_is_closed_and_the_last_is_chosen(tmp_path):
    net = make_net("", (1, 8, 8), "Flatten", ("Linear", {"out_features": 2}))
    at = checked(AppTest.from_function(_opening, default_timeout=60).run())
    for i in range(classifiers.MAX_FILES + 2):
        torch.manual_seed(i)
        made = {"net": codec.to_document(net)}
        save_classifier(
            Classifier(build_net(net).eval(), Preprocessing(8, (0.0,), (1.0,), 1), ("a", "b"), made, f"net {i}"), tmp_path / "one"
        )
        at.file_uploader[0].upload(f"{i}.safetensors", (tmp_path / "one").read_bytes(), "application/octet-stream").run()
        assert not checked(at).error
        opened = [f"net {n}" for n in range(i + 1)][-classifiers.MAX_FILES :]
        assert at.session_state["opened"] == opened
        assert at.session_state["judge/classifier"] == list(at.session_state["judge/files"])[-1]
