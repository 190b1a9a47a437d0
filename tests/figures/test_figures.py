"""Figures hold the numbers they were given, each on its own axis and on its own side; intervals reach from low to high."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix

from vpc2.figures.attacks import accuracy_figure
from vpc2.figures.augment import histogram_figure, label_mix_svg, strength_figure, survival_figure
from vpc2.figures.confusion import confusion_figure
from vpc2.figures.evaluation import accuracy_against_time_figure, reliability_figure, view_gains_figure
from vpc2.figures.experiments import curves_figure, pairs_figure
from vpc2.figures.explanations import embedding_figure
from vpc2.figures.lr_finder import lr_finder_figure
from vpc2.figures.nets import border_svg, parameters_comparison_figure, parameters_figure
from vpc2.figures.predictions import predictions_figure
from vpc2.figures.robustness import robustness_figure
from vpc2.proportions import share_of

RNG = np.random.default_rng(0)


def interval(hits, n):
    found = binomtest(hits, n).proportion_ci(method="wilson")
    return 100 * found.low, 100 * found.high


def bounds(center, error):
    return [(mid - low, mid + high) for mid, low, high in zip(center, error["arrayminus"], error["array"], strict=True)]


def test_rows_of_a_confusion_matrix_are_the_true_classes():
    true, answers = RNG.integers(0, 3, 200), RNG.choice(3, 200, p=[0.6, 0.3, 0.1])
    counts = confusion_matrix(true, answers)
    figure, mistake = confusion_figure(counts.tolist(), ["a", "b", "c"], true="T", predicted="P")
    heat = figure.data[0]
    for t in range(3):
        for p in range(3):
            assert heat.text[t][p] == str(counts[t, p]) and heat.z[t][p] == pytest.approx((answers[true == t] == p).mean())
    assert (list(heat.x), list(heat.y)) == (["a", "b", "c"], ["a", "b", "c"])
    assert (figure.layout.yaxis.title.text, figure.layout.xaxis.title.text, figure.layout.yaxis.autorange) == ("T", "P", "reversed")
    np.fill_diagonal(counts, 0)
    t, p = np.unravel_index(counts.argmax(), counts.shape)
    assert mistake == {"n": counts.max(), "true": "abc"[t], "predicted": "abc"[p]}
    assert confusion_figure([[3, 0], [0, 2]], ["a", "b"], true="T", predicted="P")[1] is None


def test_the_histogram_before_is_grey_and_the_one_after_orange():
    before, after = [0.7, 0.2, 0.1, 0.0], [0.1, 0.1, 0.3, 0.5]
    figure = histogram_figure(before, after, names=("was", "is"), x_title="v")
    assert [trace.name for trace in figure.data] == ["was", "is"]
    for trace, shares in zip(figure.data, (before, after), strict=True):
        assert list(trace.y) == pytest.approx([100 * one for one in shares]) and list(trace.x) == [0.125, 0.375, 0.625, 0.875]
    exchanged = histogram_figure(after, before, names="ab", x_title="v")
    assert figure.data[0].line.color != figure.data[1].line.color == exchanged.data[1].line.color


def test_bars_of_survival_reach_from_low_to_high():
    hits, n = [3, 20, 24], 24
    low, high = zip(*(np.array(interval(k, n)) / 100 for k in hits), strict=True)
    figure = survival_figure(["a", "<b", "c"], [k / n for k in hits], list(low), list(high), ["unsafe", "open", "harmless"])
    bars = figure.data[0]
    assert list(bars.x) == pytest.approx([100 * k / n for k in hits]) and bars.y[1] == "&lt;b"
    assert bounds(bars.x, bars.error_x) == [pytest.approx(interval(k, n)) for k in hits]
    assert len(set(bars.marker.color)) == 3


def test_a_strength_under_the_line_is_a_cross():
    figure = strength_figure(["0", "1", "2"], [1.0, 0.8, 0.3], [0.9, 0.6, 0.1], [1.0, 0.9, 0.5], 0.75, y_title="k")
    band, line = figure.data
    assert list(band.y) == pytest.approx([100, 90, 50, 10, 60, 90]) and list(band.x) == [0, 1, 2, 2, 1, 0]
    assert list(line.marker.symbol) == ["circle", "circle", "x"] and list(line.y) == pytest.approx([100, 80, 30])
    assert [list(row[1:]) for row in line.customdata] == [pytest.approx([90, 100]), pytest.approx([60, 90]), pytest.approx([10, 50])]
    assert figure.layout.shapes[0].y0 == 75


def test_shares_of_a_mixed_label_stand_side_by_side():
    import xml.etree.ElementTree as ET

    _ground, *parts = ET.fromstring(label_mix_svg([0.5, 0.3, 0.1], ["#111", "#222", "#333"]))
    assert [(float(one.get("x")), float(one.get("width")), one.get("fill")) for one in parts] == [
        (0, 100, "#111"),
        (100, 60, "#222"),
        (160, 20, "#333"),
    ]


def test_confidence_lies_on_x_and_accuracy_on_y():
    confidence, accuracy = np.array([0.2, np.nan, 0.9]), np.array([0.1, np.nan, 0.6])
    figure = reliability_figure([("p", confidence, accuracy)], x_title="C", y_title="A")
    line = figure.data[1]
    assert list(line.x) == pytest.approx([20, 90]) and list(line.y) == pytest.approx([10, 60])
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("C", "A")


def test_a_price_has_its_accuracy_with_its_interval_over_its_milliseconds():
    curve = [(1, share_of(30, 40), 2.0), (2, share_of(36, 40), 5.0)]
    points = accuracy_against_time_figure(curve, x_title="ms", y_title="a").data[0]
    assert list(points.x) == [2, 5] and list(points.y) == [75, 90] and list(points.text) == ["1", "2"]
    assert bounds(points.y, points.error_y) == [pytest.approx(interval(30, 40)), pytest.approx(interval(36, 40))]


def test_gains_are_a_view_a_row_and_a_class_a_column():
    gains = np.array([[0.1, -0.2, 0.0], [0.0, 0.3, -0.4]])
    heat = view_gains_figure(gains, ["v", "w"], ["a", "b", "<c"]).data[0]
    np.testing.assert_allclose(heat.z, 100 * gains)
    assert (list(heat.y), list(heat.x)) == (["v", "w"], ["a", "b", "&lt;c"])


def test_attacked_accuracies_have_their_intervals():
    lines = [("plain", [share_of(90, 100), share_of(20, 100)]), ("views", [share_of(95, 100), share_of(50, 100)])]
    figure = accuracy_figure(["0", "8/255"], lines, x_title="e", y_title="a")
    for trace, (name, shares) in zip(figure.data, lines, strict=True):
        assert trace.name == name and list(trace.x) == ["0", "8/255"] and list(trace.y) == [100 * one.hits / one.n for one in shares]
        assert bounds(trace.y, trace.error_y) == [pytest.approx(interval(one.hits, one.n)) for one in shares]


def test_robustness_has_a_band_a_line_and_its_confidence():
    shares = [share_of(90, 100), share_of(50, 100)]
    band, accuracy, confidence = robustness_figure(
        ["0", "1"], [("a", shares, [0.99, 0.7])], y_title="y", confidence_title="c of {name}"
    ).data
    (low, high), (low_too, high_too) = interval(90, 100), interval(50, 100)
    assert list(band.y) == pytest.approx([high, high_too, low_too, low]) and list(band.x) == ["0", "1", "1", "0"]
    assert list(accuracy.y) == pytest.approx([90, 50]) and list(confidence.y) == pytest.approx([99, 70]) and confidence.name == "c of a"


def test_curves_go_from_the_lowest_seed_to_the_highest_as_far_as_the_shortest():
    left, right = [[0.2, 0.4, 0.6], [0.4, 0.8]], [[0.5, 0.5], [0.7, 0.9]]
    figure = curves_figure([("l", left), ("r", right)], epoch="e", accuracy="a")
    means = {one.name: list(one.y) for one in figure.data if one.name}
    assert means == {"l": pytest.approx([30, 60]), "r": pytest.approx([60, 70])}
    bands = [list(one.y) for one in figure.data if one.fill]
    assert bands == [pytest.approx([40, 80, 40, 20]), pytest.approx([70, 90, 50, 50])]


def test_a_pair_joins_left_and_right_of_a_seed():
    figure = pairs_figure([(0.5, 0.75), (0.25, 1.0)], ("without", "with"), accuracy="a")
    assert [(list(one.x), list(one.y)) for one in figure.data] == [(["without", "with"], [50, 75]), (["without", "with"], [25, 100])]


def test_a_map_crosses_what_is_wrong_and_keeps_each_pictures_number():
    points, labels = RNG.normal(size=(6, 2)), np.array([0, 1, 0, 1, 1, 0])
    is_right = np.array([True, False, False, True, True, True])
    for trace, label in zip(embedding_figure(points, labels, ["a", "<b"], is_right).data, (0, 1), strict=True):
        own = np.flatnonzero(labels == label)
        assert list(trace.customdata) == own.tolist()
        np.testing.assert_allclose(np.stack([trace.x, trace.y], 1), points[own])
        assert [symbol == "circle" for symbol in trace.marker.symbol] == is_right[own].tolist()
    figure = embedding_figure(points, labels, ["a", "b"], is_right, ["data:1"] * 6)
    assert [(one.x, one.y) for one in figure.layout.images] == [pytest.approx(tuple(point)) for point in points]


def test_the_suggested_rate_is_a_line_where_it_lies():
    rates = [{"learning_rate": 10.0**i, "loss": 5.0 - i, "mean": 6.0 - i} for i in range(-3, 1)]
    figure = lr_finder_figure(rates, 0.02, rate="r", loss="l", mean="m")
    raw, mean = figure.data
    assert (list(raw.x), list(raw.y), list(mean.y)) == ([one["learning_rate"] for one in rates], [8, 7, 6, 5], [9, 8, 7, 6])
    assert (raw.name, mean.name, figure.layout.xaxis.type, figure.layout.shapes[0].x0) == ("l", "m", "log", 0.02)
    assert not lr_finder_figure(rates, None, rate="r", loss="l", mean="m").layout.shapes


def test_bars_of_parameters_are_named_and_of_two_nets_stay_on_their_sides():
    bar = parameters_figure(["a", "b"], [3, 5], ["#111", "#222"]).data[0]
    assert (list(bar.x), list(bar.y), list(bar.marker.color)) == ([3, 5], ["a", "b"], ["#111", "#222"])
    left, right = parameters_comparison_figure(["a", "b"], [3, 5], [4, 0], (["3", "5"], ["4", ""]), ("A", "B")).data
    assert (left.name, list(left.x), list(left.text)) == ("A", [3, 5], ["3", "5"])
    assert (right.name, list(right.x), right.marker.pattern.shape) == ("B", [4, 0], "/")


def test_the_border_that_no_window_reaches_lies_below_and_on_the_right():
    import xml.etree.ElementTree as ET

    _whole, low, right = ET.fromstring(border_svg(32, 16, 4, 2))
    scale = 64 / 32
    assert (float(low.get("y")), float(low.get("height")), float(low.get("width"))) == (2 + 64 - 4 * scale, 4 * scale, 16 * scale)
    assert (float(right.get("x")), float(right.get("width")), float(right.get("height"))) == (2 + 32 - 2 * scale, 2 * scale, 64)


def test_answers_are_in_per_cent_best_on_top():
    bar = predictions_figure(("a", "<b"), (0.75, 0.25), is_merged=False).data[0]
    assert list(bar.x) == [75, 25] and list(bar.y) == ["a", "&lt;b"]
    assert bar.marker.color != predictions_figure(("a", "<b"), (0.75, 0.25), is_merged=True).data[0].marker.color
