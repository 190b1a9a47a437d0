"""Every tab of Augment: the pictures and numbers on it are those that numpy and scikit-learn find."""

import ast
import base64
import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.ui.pages import bounds, checked, figures, open_page, sent, slot, tables, tray, values, wilson, words
from vpc2.augment.export.cost import Cost
from vpc2.augment.spec import Pipeline, edit_add, edit_mix
from vpc2.system.host import MB
from vpc2.ui.augment import export_cost

ROWS, COLUMNS = np.mgrid[:240, :320]
SMOOTH = np.stack([40 + COLUMNS // 2, 60 + ROWS // 2, np.full_like(ROWS, 90)], -1).astype(np.uint8)  # a JPEG keeps it
OTHER = np.stack([np.full_like(ROWS, 200), 230 - COLUMNS // 2, 40 + ROWS // 3], -1).astype(np.uint8)
MIRRORED = edit_add(Pipeline(seed=3), "RandomHorizontalFlip", {"p": 1.0})
NEGATIVE = edit_add(MIRRORED, "RandomInvert", {"p": 1.0})


def augment(tab, pipeline, *pictures, **session):
    return open_page("augment", augment__tabs=tab, slot__pipeline=slot(pipeline), **tray(*(pictures or (SMOOTH,))), **session)


def gap(one, other):
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


def test_every_draw_of_a_mirror_is_the_mirrored_picture(media):
    at = augment("Draws", MIRRORED, SMOOTH, OTHER)
    shown = media.pictures(at)
    originals = [one for alt, one in shown if alt == "The original photograph"]
    assert len(shown) == 2 * (1 + 5) and len(originals) == 2
    assert all(gap(one, picture) < 2 for one, picture in zip(originals, (SMOOTH, OTHER), strict=True))
    for i, (_alt, one) in enumerate(shown):
        assert i % 6 == 0 or gap(one, (SMOOTH, OTHER)[i // 6][:, ::-1]) < 2
    assert "Seed 3 · 10 draws" in words(at)


def test_lengths_are_told_in_pixels_of_the_whole_photograph(media):
    """A shift by a tenth of a photograph of 960 pixels is 96, whatever the size it is shown at."""
    pipeline = edit_add(Pipeline(), "RandomTranslate", {"translate_x": [0.1, 0.1], "translate_y": [0.0, 0.0], "p": 1.0})
    wide = SMOOTH.repeat(3, 0).repeat(3, 1)
    for tab in ("Draws", "Filmstrip"):
        told = re.findall(r"(-?\d+(?:\.\d+)?) px", words(augment(tab, pipeline, wide), "caption"))
        assert told and {abs(float(one)) for one in told} <= {96.0, 0.0} and "96" in " ".join(told)


def test_a_shift_is_as_long_as_it_is_seen_to_be(media):
    """A bright square on a photograph of 960 pixels, shown at 384: where it went is measured on the picture that is shown."""
    wide = np.zeros((720, 960, 3), np.uint8)
    wide[320:400, 440:520] = 255
    still = {"degrees": [0.0, 0.0], "scale": [1.0, 1.0], "shear": [0.0, 0.0], "p": 1.0}
    at = augment("Draws", edit_add(Pipeline(), "RandomAffine", still), wide)
    shown = [one.mean(-1) for _alt, one in media.pictures(at)]
    places = [np.array([np.average(grid, weights=one) for grid in np.mgrid[: one.shape[0], : one.shape[1]]]) for one in shown]
    told = re.findall(r"(-?[\d.]+) … (-?[\d.]+) px", words(at, "caption"))
    assert len(told) == len(shown) - 1
    for place, (x, y) in zip(places[1:], told, strict=True):
        rows, columns = (place - places[0]) * 960 / 384
        assert (float(x), float(y)) == pytest.approx((columns, rows), abs=3)
    assert max(abs(float(x)) for x, _y in told) > 20


def test_a_film_shows_the_picture_after_each_step(media):
    at = augment("Filmstrip", NEGATIVE)
    pictures = [one for _alt, one in media.pictures(at)]
    for one, wanted in zip(pictures, (SMOOTH, SMOOTH[:, ::-1], 255 - SMOOTH[:, ::-1]), strict=True):
        assert gap(one, wanted) < 2
    assert re.findall(r"\*\*(\d)\*\*", words(at, "caption")) == ["1", "2"]


def test_before_and_after_are_compared_as_numpy_does(media):
    at = augment("Compare", edit_add(Pipeline(), "RandomInvert", {"p": 1.0}))
    [figure] = figures(at)
    for trace, pixels, name in zip(figure["data"], (SMOOTH, 255 - SMOOTH), ("Before", "After"), strict=True):
        grey = pixels @ np.array([0.299, 0.587, 0.114])
        wanted = np.histogram(grey, 32, (0, 255.0001))[0] / grey.size
        np.testing.assert_allclose(values(trace["y"]), 100 * wanted, atol=1e-6)
        assert trace["name"] == name
    distance = np.abs(255 - 2 * SMOOTH.astype(float))
    changed, mean = re.search(r"(\d+) % of the pixels changed, by (\d\.\d+)", words(at)).groups()
    assert float(mean) == pytest.approx(distance.mean() / 255, abs=6e-4)
    assert int(changed) == round(100 * (distance.max(-1) > 1).mean())


def test_the_slider_has_the_photograph_before_and_the_draw_after():
    at = augment("Compare", edit_add(Pipeline(), "RandomInvert", {"p": 1.0}))
    [data] = sent(at, "compare/slider")
    for which, wanted in (("before", SMOOTH), ("after", 255 - SMOOTH)):
        kind, _comma, packed = data[which].partition(",")
        assert kind == "data:image/jpeg;base64"
        assert gap(np.asarray(Image.open(io.BytesIO(base64.b64decode(packed)))), wanted) < 2, which


def test_a_draw_is_taken_as_a_photograph_at_full_size(media):
    at = augment("Compare", MIRRORED)
    checked(at.button(key="compare/take").click().run())
    newest = list(at.session_state["photos"].values())[-1]
    assert np.array_equal(newest["pixels"], SMOOTH[:, ::-1])


def test_labels_go_where_the_pixels_go(media):
    """A box and a mask on the left of a plain photograph lie on the right of its mirror image; x stays x and y stays y."""
    grey = np.full((240, 320, 3), 120, np.uint8)
    box = {"kind": "box", "places": [0.1, 0.5, 0.2, 0.7], "name": "a"}
    mask = {"kind": "mask", "places": [0.3, 0.1, 0.4, 0.1, 0.4, 0.2, 0.3, 0.2], "name": "b"}
    for label, (x0, y0, x1, y1) in ((box, (0.8, 0.5, 0.9, 0.7)), (mask, (0.6, 0.1, 0.7, 0.2))):
        session = tray(grey)
        session["labels"] = {session["tray__chosen"][0]: [label]}
        at = open_page("augment", augment__tabs="Labels", slot__pipeline=slot(MIRRORED), **session)
        drawn = [one for alt, one in media.pictures(at) if "with its labels" in alt]
        assert len(drawn) == 6 and "all labels are here" in words(at)
        marked = np.abs(drawn[0].astype(int) - 120).max(-1) > 40
        rows, columns = np.flatnonzero(marked.any(1)) / 240, np.flatnonzero(marked.any(0)) / 320
        assert (columns[0], rows[0], columns[-1], rows[-1]) == pytest.approx((x0, y0, x1, y1), abs=0.03)


def test_a_mixture_is_its_photographs_in_the_shares_it_tells(media):
    at = augment("Mix", edit_mix(Pipeline(seed=5), "RandomMixUpV2", {}), SMOOTH, OTHER)
    pictures = [one for _alt, one in media.pictures(at)][:2] if media.pictures(at) else []
    told = re.findall(r"photo (\d) (\d+) %(?: · photo \d (\d+) %)?", words(at, "caption"))
    lambdas = [float(one) for one in re.findall(r"λ = (\d\.\d\d)", words(at, "caption"))]
    assert len(lambdas) == 2 == len(told) and len(pictures) == 2
    centre = [one[:, 40:280].repeat(1, 0) for one in (SMOOTH, OTHER)]
    for picture, (first, share, _rest) in zip(pictures, told, strict=True):
        small = [np.asarray(Image.fromarray(one).resize(picture.shape[1::-1])) for one in centre]
        mixed = int(share) / 100 * small[int(first)] + (1 - int(share) / 100) * small[1 - int(first)]
        assert gap(picture, mixed) < 3
    for i, (value, (first, share, _rest)) in enumerate(zip(lambdas, told, strict=True)):
        assert value == pytest.approx(int(share) / 100 if int(first) == i else 1 - int(share) / 100, abs=0.011)


def large(picture):
    return picture.repeat(32, 0).repeat(32, 1)


def safe(known, view, pipeline, **session):
    asked = {"safety__view__True": view, **session}
    return open_page(
        "augment", augment__tabs="Safe?", slot__pipeline=slot(pipeline), query={"run": known.id}, **tray(large(known.images[13])), **asked
    )


def test_a_mirror_keeps_as_many_labels_of_a_class_as_scikit_learn_finds(known, media):
    at = safe(known, "classes", MIRRORED)
    shares, mirrored = known.ask(known.images), known.ask(known.images[:, :, ::-1])
    is_sure = (shares.argmax(1) == known.labels) & (shares.max(1) >= 0.5)
    told = {}
    found = re.findall(r"“(\d)” (?:stays “\d”|is answered “(\d)” \((\d+) of (\d+)\))\*\* (\d+) of (\d+) keep the answer", _class_rows(at))
    for name, _other, _k, _n, kept, n in found:
        told[int(name)] = (int(kept), int(n))
    assert len(told) == 10, _class_rows(at)
    for label, (kept, n) in told.items():
        own = is_sure & (known.labels == label)
        assert (kept, n) == (int((mirrored[own].argmax(1) == label).sum()), int(own.sum())), label
    bars = figures(at)[-1]["data"][0]
    wanted = [wilson(*told[int(name)]) for name in bars["y"]]
    np.testing.assert_allclose(bounds(bars["x"], bars["error_x"]), wanted, atol=1e-6)


def _class_rows(at):
    """Return what stands beside each class, a sentence and the count below it, in the page's order."""
    said = [str(one.value).replace("\\", "").replace("\u00a0", " ") for one in at.main if one.type in ("markdown", "caption")]
    return " ".join(said)


def test_survival_over_draws_is_that_of_the_mirrored_picture(known):
    at = safe(known, "draws", MIRRORED)
    picture = known.images[13]
    same = known.ask(picture[None]).argmax() == known.ask(picture[None, :, ::-1]).argmax()
    said = re.search(r"(\d+) % of (\d+) draws keep the answer \(95 % interval: (\d+) % to (\d+) %", words(at))
    share, n, low, high = map(int, said.groups())
    assert (share, low, high) == (100 * int(same), *map(round, wilson(n * int(same), n)))


def test_by_strength_the_first_point_is_the_photograph_left_alone(known):
    at = safe(known, "strength", edit_add(Pipeline(), "RandomRotation", {}))
    line = next(trace for trace in figures(at)[-1]["data"] if trace.get("mode") == "lines+markers")
    shares, band = values(line["y"]), [row[1:] for row in line["customdata"]]
    assert shares[0] == 100 and line["customdata"][0][0] == "without it"
    assert all(low <= share <= high for share, (low, high) in zip(shares, band, strict=True))
    assert [one.value for one in at.slider if one.key == "safety/line"] == [95]


def test_libraries_agree_on_a_mirror_and_the_table_counts_from_the_quickest():
    at = augment("Libraries", MIRRORED)
    assert len(re.findall(r"differs from Kornia by 0\.00 of 255 on average, by 0 at most", words(at))) >= 1
    times = re.search(r"is quickest; .* takes (\d[\d,.]*) times as long", words(at))
    milliseconds = [float(one) for one in re.findall(r"(\d+(?:\.\d+)?(?:e[+-]\d+)?) ms", words(at, "caption")) if float(one) > 0]
    assert float(times[1].replace(",", "")) == pytest.approx(max(milliseconds) / min(milliseconds), rel=0.06)


@pytest.mark.parametrize("library", ["Kornia", "torchvision v2", "Albumentations"])
def test_the_code_of_each_library_is_python_that_names_every_step(library):
    at = augment("Code", NEGATIVE, code__library=library)
    [code] = [one.value for one in at.code if "import" in one.value]
    names = {getattr(node.func, "attr", "") for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)}
    assert {"RandomHorizontalFlip", "HorizontalFlip"} & names and {"RandomInvert", "InvertImg"} & names


def test_the_zip_holds_each_photograph_and_its_draws(media):
    at = augment("Take home", MIRRORED, SMOOTH, OTHER, export__copies=2)
    table = tables(at)[0]
    assert list(table.iloc[0])[1:] == ["2", "6"], table
    checked(at.button(key="export/write").click().run())
    archive = zipfile.ZipFile(io.BytesIO(media.by_name["augmented.zip"]))
    pictures = [name for name in archive.namelist() if name.endswith((".jpg", ".jpeg"))]
    assert len(pictures) == 6 and "manifest.csv" in archive.namelist()
    shown = [np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in pictures]
    nearest = [int(np.argmin([gap(one, wanted) for wanted in (SMOOTH, SMOOTH[:, ::-1], OTHER, OTHER[:, ::-1])])) for one in shown]
    assert sorted(nearest) == [0, 1, 1, 2, 3, 3]
    said = next(one.proto.label for one in at.get("download_button") if "Save 6" in one.proto.label)
    assert f"{len(media.by_name['augmented.zip']) / 1e6:.1f} MB" in said


def test_what_is_written_once_is_on_the_bill_of_all_epochs(monkeypatch):
    """Of two photographs and four draws: an epoch online reads and draws two, one offline reads six, which were written before."""
    times = {"draw_ms": 100, "write_original_ms": 200, "write_draw_ms": 300, "read_ms": 50}
    cost = Cost(**times, original_bytes=2 * MB, draw_bytes=MB, digests=((b"a", b"b"),))
    monkeypatch.setattr(export_cost, "measure_export", lambda *given: cost)
    table = tables(augment("Take home", MIRRORED, SMOOTH, OTHER, export__copies=2))[0]
    online, offline = ([re.sub(r"^about ", "", cell.replace("\u00a0", " ")) for cell in table.iloc[:, i]] for i in (1, 2))
    written, read, drawn = 2 * 0.2 + 4 * 0.3, 6 * 0.05, 2 * (0.05 + 0.1)
    assert online[2:] == ["4.0 MB", "0 s", f"{1000 * drawn:.0f} ms", f"{10 * drawn:.1f} s"]
    assert offline[2:] == ["8.0 MB", f"{written:.1f} s", f"{1000 * read:.0f} ms", f"{written + 10 * read:.1f} s"]


def test_cards_are_the_steps_in_their_order():
    at = augment("Draws", NEGATIVE)
    [cards] = sent(at, "pipeline/cards")
    assert "Horizontal flip" in str(cards) and str(cards).index("Horizontal flip") < str(cards).index("Invert")
