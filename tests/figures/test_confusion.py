"""The confusion matrix as a figure: read as scikit-learn's own display is read."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from vpc2.figures.confusion import confusion_figure

CLASSES = ["cat", "dog", "owl"]
# Three cats of four are taken for dogs, no dog for a cat: the other way round the figure would say something else.
TRUE, PREDICTED = ["cat"] * 4 + ["dog"] * 2 + ["owl"], ["dog", "dog", "dog", "cat", "dog", "dog", "owl"]


@pytest.fixture
def drawn():
    counts = confusion_matrix(TRUE, PREDICTED, labels=CLASSES).tolist()
    return confusion_figure(counts, CLASSES, true="true class", predicted="predicted class")


def test_rows_are_the_truth_and_columns_the_prediction(drawn):
    """A cell of a heatmap is z[y][x]: what stands at height "cat" over "dog" are the cats that were taken for dogs."""
    figure, _mistake = drawn
    heatmap = figure.data[0]
    counted = {(y, x): heatmap.text[i][j] for i, y in enumerate(heatmap.y) for j, x in enumerate(heatmap.x)}
    wanted = {
        (true, predicted): sum(pair == (true, predicted) for pair in zip(TRUE, PREDICTED, strict=True))
        for true in CLASSES
        for predicted in CLASSES
    }
    assert {place: int(text or 0) for place, text in counted.items()} == wanted
    assert (figure.layout.yaxis.title.text, figure.layout.xaxis.title.text) == ("true class", "predicted class")
    assert figure.layout.yaxis.autorange == "reversed", "the first class stands on top"
    assert heatmap.hovertemplate.startswith("true class %{y}, predicted class %{x}")


def test_colour_is_the_share_of_the_true_class(drawn):
    figure, _mistake = drawn
    np.testing.assert_allclose(figure.data[0].z, confusion_matrix(TRUE, PREDICTED, labels=CLASSES, normalize="true"))


def test_the_most_frequent_mistake_is_named_the_right_way_round(drawn):
    assert drawn[1] == {"n": 3, "true": "cat", "predicted": "dog"}
    assert confusion_figure([[2, 0], [0, 1]], ["a", "b"], true="t", predicted="p")[1] is None
