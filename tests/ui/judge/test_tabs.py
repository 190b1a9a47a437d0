"""Every tab of Judge on a classifier that scikit-learn fitted: what the page says of it is what scikit-learn and scipy say."""

import ast
import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import correlate
from sklearn.metrics import log_loss

from tests.ui.pages import bounds, checked, figures, open_page, tables, tray, values, wilson, words
from vpc2 import codec
from vpc2.data import uploaded_sets
from vpc2.data.imageset import ImageSet
from vpc2.nets.inspection.kernels import KERNELS
from vpc2.predict.classifier import Classifier, load_classifier, save_classifier
from vpc2.predict.statistics import accuracy_of
from vpc2.predict.tta.views import IDENTITY, VIEW_SETS, ViewSet
from vpc2.text import Text
from vpc2.training.runs.store import RunStore
from vpc2.ui.computed import classifiers

CLEAN = 13  # a digit of the test pictures


def large(picture):
    return picture.repeat(16, 0).repeat(16, 1)


def judge(known, tab, *pictures, **session):
    given = pictures or (large(known.images[CLEAN]),)
    return open_page("judge", query={"run": known.id}, judge__tabs=tab, judge__pictures="photographs", **tray(*given), **session)


def pressed(at, key):
    return checked(at.button(key=key).click().run())


def shrunk(picture):
    """Return a picture (128, 128, 3) as Pillow resizes it to the classifier's 8 pixels."""
    return np.asarray(Image.fromarray(picture).resize((8, 8), Image.Resampling.BILINEAR))


def test_photographs_get_the_probabilities_of_scikit_learn(known):
    at = judge(known, "Photographs")
    wanted = known.ask(shrunk(large(known.images[CLEAN]))[None])[0]
    plain, merged = figures(at)
    order = np.argsort(wanted)[::-1][:5]
    assert plain["data"][0]["y"] == [str(i) for i in order]
    np.testing.assert_allclose(values(plain["data"][0]["x"]), 100 * wanted[order], atol=0.02)
    assert f"Plain: {order[0]}, {100 * wanted[order[0]]:.1f} %" in words(at)
    agree, of = map(int, re.search(r"(\d+) of (\d+) views agree", words(at)).groups())
    marks = re.findall(r":material/(check|close)", words(at, "caption"))
    assert len(marks) == of and marks.count("check") == agree and sum(values(merged["data"][0]["x"])) <= 100.01


def test_a_view_that_is_ticked_off_is_counted_no_more(known):
    at = judge(known, "Photographs")
    boxes = [box for box in at.checkbox if "judge/tick" in box.key]
    checked(boxes[1].uncheck().run())
    assert f"With {len(boxes) - 1} views" in words(at)


def test_with_fewer_views_the_answer_costs_what_the_ticked_ones_cost(known):
    at = judge(known, "Photographs")
    boxes = [box for box in at.checkbox if "judge/tick" in box.key]
    for box in boxes[1::2]:
        box.uncheck()
    checked(at.run())
    each = [float(one.replace(",", "")) for one in re.findall(r" · ([\d.,]+) ms", words(at, "caption"))]
    plain, merged = (float(one.value[:-3].replace(",", "")) for one in at.caption if re.fullmatch(r"[\d.,]+ ms", one.value))
    assert len(each) == len(boxes) == 8 and plain == each[0]
    # Each is rounded as it is shown: to a millisecond, or to a tenth below ten.
    unit = 0.05 if sum(each) < 10 else 0.5
    assert merged == pytest.approx(sum(each[::2]), abs=unit * len(boxes)) and merged <= sum(each) - sum(each[1::2]) / 2 + unit * len(boxes)


@pytest.fixture
def judged(known, media):
    at = pressed(judge(known, "Test set"), "judge/test")
    return at, list(csv.DictReader(io.StringIO(media.by_name["judged.csv"].decode())))


def test_a_test_set_gets_the_answers_of_scikit_learn(known, judged):
    at, rows = judged
    n, shares = len(rows), known.ask(known.images)
    assert n == len(known.labels) and [row["class"] for row in rows] == list(map(str, known.labels))
    assert [row["plain"] for row in rows] == list(map(str, shares.argmax(1)))
    np.testing.assert_allclose([float(row["plain_probability"]) for row in rows], shares.max(1), atol=2e-5)
    hits = [sum(row[way] == row["class"] for row in rows) for way in ("plain", "merged")]
    for metric, right in zip(at.metric, hits, strict=False):
        low, high = wilson(right, n)
        assert metric.value.replace("\u00a0", " ") == f"{100 * right / n:.1f} %"
        assert metric.delta == f"{low:.0f} to {high:.0f} % of {n}"
    assert tables(at)[0]["Plain"][0] == f"{log_loss(known.labels, shares):.3f}"


def test_what_views_fixed_and_broke_stands_under_its_own_heading(judged):
    at, rows = judged
    fixed = [row for row in rows if row["plain"] != row["class"] == row["merged"]]
    broken = [row for row in rows if row["plain"] == row["class"] != row["merged"]]
    assert fixed and broken and len(fixed) != len(broken)
    assert [metric.value for metric in at.metric[2:4]] == [str(len(fixed)), str(len(broken))]
    shown, under = {}, None
    for element in at.main:
        if element.type == "markdown":
            under = {"### Fixed by the views": "fixed", "### Broken by the views": "broken"}.get(element.value)
        elif under and element.type in ("image", "caption"):
            said = [one.alt for one in element.proto.imgs] if element.type == "image" else [element.value]
            shown.setdefault(under, []).extend(said)
    for which, changed in (("fixed", fixed), ("broken", broken)):
        wanted = [[row["class"], f"{row['plain']} → {row['merged']}"] for row in changed[:8]]
        assert shown[which] == [one for pair in wanted for one in pair]
    gain, low, high = (float(part.replace("−", "-")) for part in re.findall(r"[+−]\d+\.\d", words(at, "markdown"))[:3])
    assert gain == pytest.approx(100 * (len(fixed) - len(broken)) / len(rows), abs=0.051) and low <= gain <= high


def test_views_are_added_one_by_one_and_cost_more_each(judged):
    at, rows = judged
    reliability, price, gains = figures(at)
    views = list(rows[0])[6:]
    assert values(price["data"][0]["x"]).tolist() == sorted(price["data"][0]["x"]) and len(price["data"][0]["x"]) == len(views)
    true = np.array([row["class"] for row in rows])
    right = np.array([[row[view] for row in rows] for view in views]) == true
    alone = np.stack([right[:, true == str(k)].mean(1) for k in range(10)], 1)
    np.testing.assert_allclose(values(gains["data"][0]["z"]), 100 * (alone[1:] - alone[0]), atol=1e-3)
    assert len(reliability["data"]) == 3


def test_a_class_that_is_a_formula_is_no_formula_in_the_table(known, media):
    """A spreadsheet takes what begins with one of these signs for a formula, and runs it."""
    old = load_classifier(known.run.folder)
    names = ("=1+1", "+a", "-b", "@c", "d", "e", "f", "g", "h", "i")
    images = known.images[:100].repeat(8, 1).repeat(8, 2)
    entry = uploaded_sets.keep(ImageSet(images, known.labels[:100].astype(np.int64), names), "mine", "1" * 32)
    recipe = replace(known.run.recipe, dataset=entry.key)
    run = RunStore().create(recipe, owner="1" * 32)
    made = {**old.provenance, "recipe": codec.to_document(recipe)}
    save_classifier(Classifier(old.module, old.preprocessing, names, made), run.model_path)
    at = open_page("judge", query={"run": run.id}, judge__tabs="Test set", **tray(large(known.images[0])))
    pressed(at, "judge/test")
    cells = [cell for row in csv.reader(io.StringIO(media.by_name["judged.csv"].decode())) for cell in row]
    assert any(cell.lstrip("'") in names[:4] for cell in cells)
    assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]


def test_the_strength_up_to_which_an_answer_stays_is_the_last_of_the_same_answers(known):
    at = judge(known, "Robustness", *(large(known.images[i]) for i in (3, 40, 77)))
    found = re.findall(r"It is (\d) up to (\S+); at (\S+) it becomes (\d)", words(at, "markdown"))
    form = re.compile(r"\*\*(\S+)\*\* :(?:green|orange)\[:material/(check|close):\]\s+(\d)")
    tiles = [form.match(one.value.replace("\\", "")) for one in at.caption]
    rows, each = [], []
    for tile in filter(None, tiles):
        if each and tile[1] == each[0][0]:  # the first strength again: another photograph
            rows.append(each)
            each = []
        each.append(tile.groups())
    rows.append(each)
    changed = [row for row in rows if any(answer != row[0][2] for _strength, _mark, answer in row)]
    assert len(rows) == 3 and changed and len(found) == len(changed)
    for (name, last, first, other), row in zip(found, changed, strict=True):
        at_change = next(i for i, (_strength, _mark, answer) in enumerate(row) if answer != row[0][2])
        assert (name, last, first, other) == (row[0][2], row[at_change - 1][0], row[at_change][0], row[at_change][2])
        assert all((mark == "check") == (answer == row[0][2]) for _strength, mark, answer in row)


def test_robustness_over_the_test_set_starts_where_scikit_learn_does(known, media):
    at = pressed(judge(known, "Robustness"), "endure/one")
    rows = list(csv.DictReader(io.StringIO(media.by_name["robustness.csv"].decode())))
    chosen = np.linspace(0, len(known.labels) - 1, 160).astype(int)
    right = int((known.ask(known.images[chosen]).argmax(1) == known.labels[chosen]).sum())
    first = [float(rows[0][key]) for key in ("accuracy", "low", "high")]
    assert first == pytest.approx([right / 160, *(end / 100 for end in wilson(right, 160))], abs=1e-5)
    line = next(one for one in figures(at)[0]["data"] if one["mode"] == "lines+markers")
    np.testing.assert_allclose(values(line["y"]), [100 * float(row["accuracy"]) for row in rows], atol=1e-3)


def test_saliency_and_occlusion_are_drawn_and_a_net_without_convolution_says_so(known):
    at = judge(known, "Look inside")
    picture = shrunk(large(known.images[CLEAN]))
    plain = known.ask(picture[None])[0]
    assert f"{plain.argmax()} {100 * plain.max():.1f} %" in words(at, "markdown") and "no Grad-CAM" in words(at)
    lost = []  # Zeiler and Fergus: a square of two pixels at every place
    for top in range(7):
        for left in range(7):
            hidden, place = picture.copy(), np.s_[top : top + 2, left : left + 2]
            hidden[place] = 128
            lost.append(plain.max() - known.ask(hidden[None])[0][plain.argmax()])
    told = float(re.search(r"costs “\d” (\d+) points", words(at))[1])
    assert told == pytest.approx(100 * max(lost), abs=1)


def test_a_convolution_by_hand_is_scipys(known, media):
    rows, columns = np.mgrid[:60, :50]
    picture = np.repeat((127 + 90 * np.sin(rows / 6 + columns**2 / 400))[..., None], 3, -1).astype(np.uint8)  # grey: a JPEG keeps it
    at = judge(known, "Look inside", picture, inside__view="hand")
    entry = next(iter(KERNELS.values()))
    before, after = [one for _alt, one in media.pictures(at)][-2:]
    kernel = np.array(entry.rows)
    wanted = np.stack([correlate(picture[..., c].astype(float), kernel, mode="nearest") for c in range(3)], -1) / entry.divisor
    inner = np.s_[2:-2, 2:-2]
    gap = np.abs(after[inner].astype(float) - np.clip(wanted, 0, 255)[inner])
    assert before.shape == picture.shape and gap.mean() < 3, gap.mean()


def test_the_map_shows_each_test_picture_once_and_crosses_what_is_wrong(known):
    at = judge(known, "Look inside", inside__view="map")
    [figure] = figures(at)
    numbers = np.concatenate([values(trace["customdata"]).ravel() for trace in figure["data"]])
    chosen = np.linspace(0, len(known.labels) - 1, 300).astype(int)
    wrong = known.ask(known.images[chosen]).argmax(1) != known.labels[chosen]
    assert sorted(numbers.tolist()) == list(range(300))
    symbols = {}
    for trace in figure["data"]:
        symbols.update(zip(map(int, values(trace["customdata"]).ravel()), trace["marker"]["symbol"], strict=True))
    assert {i for i, symbol in symbols.items() if "x" in symbol} == set(np.flatnonzero(wrong).tolist())


def test_an_attack_by_gradient_moves_no_pixel_farther_than_epsilon(known, media):
    at = judge(known, "Attacks")
    before, change, after = (one for _alt, one in media.pictures(at)[-3:])
    epsilon = float(re.search(r"At most (\S+) of 255", words(at, "caption"))[1])
    assert 0 < np.abs(after.astype(int) - before.astype(int)).max() <= 3 * epsilon + 12  # a JPEG's own rounding beside it
    plain = known.ask(shrunk(large(known.images[CLEAN]))[None])[0]
    assert f"**{plain.argmax()}** {100 * plain.max():.1f} %" in words(at, "caption")


def test_attacked_over_the_test_set_it_starts_where_scikit_learn_does_and_falls(known):
    at = pressed(judge(known, "Attacks"), "attack/set")
    chosen = np.linspace(0, len(known.labels) - 1, 120).astype(int)
    right = int((known.ask(known.images[chosen]).argmax(1) == known.labels[chosen]).sum())
    line = figures(at)[-1]["data"][0]
    shares = values(line["y"])
    assert shares[0] == pytest.approx(100 * right / 120) and list(shares) == sorted(shares, reverse=True)
    assert bounds(line["y"], line["error_y"])[0] == pytest.approx(wilson(right, 120), abs=1e-6)
    half = next((i for i, share in enumerate(shares) if share < shares[0] / 2), None)
    said = f"Half of its accuracy is gone at epsilon {line['x'][half]}." if half is not None else "more than half"
    assert said in words(at)


def test_one_pixel_is_one_pixel(known, media):
    at = pressed(judge(known, "Attacks", attack__kind="pixel"), "attack/pixel")
    [picture] = [one for alt, one in media.pictures(at) if alt == "photo 0"]
    small, clean = picture[14::28, 14::28], shrunk(large(known.images[CLEAN]))
    row, column = map(int, re.search(r"Row (\d+), column (\d+)", words(at, "caption")).groups())
    assert np.argwhere((small != clean).any(-1)).tolist() in ([[row - 1, column - 1]], [])


def test_a_patch_turns_the_photographs_into_its_class(known):
    at = judge(known, "Attacks", attack__kind="patch")
    target = next(box for box in at.selectbox if box.key.startswith("attack/patch/"))
    checked(target.select_index(3).run())
    pressed(at, "attack/patch")
    assert re.search(r"→ \*\*3\*\* (\d+)", words(at, "caption")), words(at, "caption")


def test_a_patch_is_judged_on_the_test_set_by_what_scikit_learn_answers_there(known):
    at = judge(known, "Attacks", attack__kind="patch")
    target = next(box for box in at.selectbox if box.key.startswith("attack/patch/"))
    checked(target.select_index(3).run())
    pressed(at, "attack/patch-set")
    some = np.linspace(0, len(known.labels) - 1, 120).astype(int)
    others = some[known.labels[some] != 3]
    taken = int((known.ask(known.images[others]).argmax(1) == 3).sum())
    low, high = wilson(taken, len(others))
    plain = f"none at all {100 * taken / len(others):.1f} % ({low:.0f} to {high:.0f})"
    assert f"Of {len(others)} test pictures of other classes" in words(at) and plain in words(at), words(at, "markdown")


def test_a_net_is_asked_in_the_set_of_views_that_says_it_is_for_such_nets(known, monkeypatch):
    """Another literal in the place of the one that is: it is chosen in the form, and what an attack is asked in."""
    made = ViewSet(
        key="thrown", title=Text("Throw-away"), help=Text("Made for a test."), views=(IDENTITY, "darker"), default_for=("trained",)
    )
    others = {key: entry for key, entry in VIEW_SETS.items() if "trained" not in entry.default_for}
    monkeypatch.setattr(VIEW_SETS, "_entries", {**others, made.key: made})
    monkeypatch.setattr(VIEW_SETS, "_aliases", {key: key for key in (*others, made.key)})
    assert "In 2 views, of which the attack knew nothing" in words(judge(known, "Attacks"), "caption")
    at = judge(known, "Photographs")
    assert at.selectbox(key="judge/set/thrown").value == "thrown" and "2 views" in words(at)


def test_the_intervals_of_a_patch_count_the_people_of_the_test_pictures(known, monkeypatch):
    """Three people, of whom the first took most of the pictures: the interval of scikit-learn's answers is that of people."""
    of_test, parts = classifiers.test_images, []

    def with_people(*args, **settings):
        data = of_test(*args, **settings)
        parts.append(replace(data, groups=np.minimum(np.arange(len(data)) // 50, 2)))
        return parts[-1]

    monkeypatch.setattr(classifiers, "test_images", with_people)
    at = judge(known, "Attacks", attack__kind="patch")
    target = next(box for box in at.selectbox if box.key.startswith("attack/patch/"))
    checked(target.select_index(3).run())
    at = pressed(at, "attack/patch-set")
    others = parts[-1].labels != 3
    taken = known.ask(parts[-1].images[others]).argmax(1) == 3
    wanted = accuracy_of(taken, parts[-1].groups[others])
    low, high = re.search(r"none at all \S+ % \((\S+) to (\S+)\)", words(at)).groups()
    assert (float(low), float(high)) == (round(100 * wanted.low), round(100 * wanted.high))
    assert float(high) > wilson(int(taken.sum()), len(taken))[1] + 1


def test_the_script_that_is_taken_home_answers_as_the_page(known):
    at = judge(known, "Take home")
    link, script = (one.value for one in at.code[-2:])
    assert f"run={known.id}" in link and "merge=mean" in link
    assert ast.parse(script) and any(button.key == "judge/report" for button in at.get("download_button"))


def test_the_report_has_scikit_learns_probabilities_under_plain(known, media):
    """The best five classes of the merged answer, each with what is said plainly and what the page says with views."""
    judge(known, "Take home")
    page = media.written["judged.html"]()
    rows = re.findall(r"<tr><td>(\d)</td><td>([\d.]+)\W% *</td><td>([\d.]+)\W%</td></tr>", page)
    wanted = 100 * known.ask(shrunk(large(known.images[CLEAN]))[None])[0]
    merged = figures(judge(known, "Photographs"))[1]["data"][0]
    assert [name for name, _plain, _merged in rows] == list(merged["y"]) and len(rows) == 5
    assert [float(plain) for _name, plain, _merged in rows] == pytest.approx([wanted[int(name)] for name, *_ in rows], abs=0.051)
    assert [float(one) for *_, one in rows] == pytest.approx(list(values(merged["x"])), abs=0.06)
    assert any(abs(float(plain) - float(one)) > 0.2 for _name, plain, one in rows)
