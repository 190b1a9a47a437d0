"""What is said of a whole test set: held against scipy, torchmetrics, the binomial sum and nets whose answers are known."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score
from sklearn.metrics import confusion_matrix as sklearn_confusion
from sklearn.metrics import log_loss as sklearn_log_loss
from torchmetrics.classification import MulticlassCalibrationError, MulticlassConfusionMatrix

from vpc2.data.imageset import ImageSet
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.confusion import confusion_matrix
from vpc2.predict.evaluation import (
    SetPredictions,
    TestPredictions,
    ValidationPredictions,
    gains_by_view,
    match_classes,
    predict_set,
    shares_by_count,
)
from vpc2.predict.statistics import calibrate, compare_paired, fit_temperature, log_loss, temper
from vpc2.predict.tta.merges import confidence_weighted, geometric_mean, maximum, mean_of_logits
from vpc2.predict.tta.predict import entropy, spread
from vpc2.predict.tta.views import IDENTITY, VIEW_SETS, VIEWS
from vpc2.predict.view_search import make_plan
from vpc2.text import Refusal

SIDE = 16


class OnePixel(torch.nn.Module):
    """Answers "bright" where one pixel of the top left quarter is bright, "dark" elsewhere: which view breaks it is known."""

    def forward(self, images):
        value = images[:, 0, 3, 2]
        return torch.stack([1 - value, value], 1) * 10 - 5


@pytest.fixture(scope="module")
def classifier():
    return Classifier(OnePixel(), Preprocessing(SIDE, (0.0,) * 3, (1.0,) * 3), ("dark", "bright"))


def make_set(count, seed=0):
    """Every picture is lit in its left half or not at all; the label says which."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = rng.integers(0, 40, (count, SIDE, SIDE, 3)).astype(np.uint8)
    images[labels == 1, :, : SIDE // 2] = 255
    return ImageSet(images, labels, ("dark", "bright"))


def test_a_net_that_reads_one_pixel_is_broken_by_the_mirror_alone(classifier):
    found = predict_set(TestPredictions, classifier, make_set(40), ("flip_horizontal", "flip_vertical", "brighter"))
    gains = gains_by_view(found)
    assert found.views == (IDENTITY, "flip_horizontal", "flip_vertical", "brighter")
    assert found.is_right(found.plain).all()
    np.testing.assert_array_equal(gains, [[0, 0], [0, -1], [0, 0], [0, 0]])
    curve = shares_by_count(found)
    assert [count for count, _share, _ms in curve] == [1, 2, 3, 4] and (curve[0][1].hits, curve[0][1].n) == (40, 40)
    assert all(a[2] < b[2] for a, b in zip(curve, curve[1:], strict=False))


def test_a_plan_leaves_out_the_view_that_breaks(classifier):
    found = predict_set(ValidationPredictions, classifier, make_set(40), ("flip_horizontal", "flip_vertical", "more_contrast"))
    plan = make_plan(found)
    assert plan.views[0] == IDENTITY and "flip_horizontal" not in plan.views
    assert plan.weights["flip_horizontal"] == min(plan.weights.values()) and math.isclose(sum(plan.weights.values()), 1)
    assert list(plan.steps) == sorted(plan.steps, reverse=True)
    test = predict_set(TestPredictions, classifier, make_set(20, seed=1), found.views)
    assert test.is_right(plan.merged(test)).all() and test.is_right(plan.weighted(test)).all()


def test_the_greedy_search_is_that_of_scikit_learns_loss():
    """Written out with scikit-learn: of the means over the views so far and one more, the one with the lowest loss, while it falls."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        labels = np.arange(90) % 3
        logits = rng.normal(0, 1.5, (5, 90, 3)).astype(np.float32)
        logits[:, np.arange(90), labels] += rng.uniform(0.2, 1.6, (5, 1)).astype(np.float32)
        names = tuple(list(VIEWS)[:5])
        found = ValidationPredictions(names, logits, labels, ("a", "b", "c"), tuple(bytes([i]) for i in range(90)), (1.0,) * 5)
        shares = torch.from_numpy(logits).double().softmax(-1).numpy()
        chosen, steps = [0], [sklearn_log_loss(labels, shares[0])]
        while len(chosen) < 3:
            tried = {v: sklearn_log_loss(labels, shares[[*chosen, v]].mean(0)) for v in range(5) if v not in chosen}
            best = min(tried, key=tried.get)
            if tried[best] >= steps[-1]:
                break
            chosen.append(best)
            steps.append(tried[best])
        plan = make_plan(found, limit=3)
        assert plan.views == tuple(names[v] for v in chosen) and list(plan.steps) == pytest.approx(steps, rel=1e-5)
        np.testing.assert_allclose(found.weighted(np.full(5, 0.2)), shares.mean(0), atol=1e-5)


def test_a_plan_is_never_reported_on_the_images_of_its_search(classifier):
    found = predict_set(ValidationPredictions, classifier, make_set(10), ("flip_vertical",))
    plan = make_plan(found)
    test = predict_set(TestPredictions, classifier, make_set(10, seed=1), ("flip_vertical",))
    with pytest.raises(TypeError):
        plan.merged(found)
    with pytest.raises(TypeError):
        make_plan(test)
    one_in = make_set(10, seed=2)
    one_in.images[3] = make_set(10).images[3]
    with pytest.raises(Refusal):
        plan.merged(predict_set(TestPredictions, classifier, one_in, ("flip_vertical",)))


def test_no_picture_is_said(classifier):
    with pytest.raises(Refusal):
        predict_set(TestPredictions, classifier, make_set(4).subset(np.array([], int)), ())


def test_calibration_is_torchmetrics():
    rng = np.random.default_rng(5)
    shares = rng.dirichlet(np.full(4, 0.6), 500)
    labels = rng.integers(0, 4, 500)
    wanted = MulticlassCalibrationError(4, n_bins=10, norm="l1")(torch.from_numpy(shares), torch.from_numpy(labels))
    assert calibrate(shares, labels).error == pytest.approx(float(wanted), abs=1e-6)
    assert log_loss(shares, labels) == pytest.approx(sklearn_log_loss(labels, shares), rel=1e-6)


def test_the_temperature_that_was_put_in_comes_out():
    rng = np.random.default_rng(6)
    shares = rng.dirichlet(np.full(5, 0.8), 20_000)
    labels = np.array([rng.choice(5, p=row) for row in shares])
    assert fit_temperature(temper(shares, 1 / 2.5), labels) == pytest.approx(2.5, rel=0.05)
    assert (temper(shares, 3.0).argmax(1) == shares.argmax(1)).all()


@pytest.mark.parametrize(("fixed", "broken"), [(10, 0), (3, 3), (1, 9), (5, 0), (6, 0)])
def test_mcnemar_is_the_binomial_sum(fixed, broken):
    before = np.array([False] * fixed + [True] * broken + [True] * 50)
    after = np.array([True] * fixed + [False] * broken + [True] * 50)
    found = compare_paired(before, after)
    differ, least = fixed + broken, min(fixed, broken)
    p = min(1.0, 2 * sum(math.comb(differ, k) for k in range(least + 1)) / 2**differ)
    assert found.p == pytest.approx(p) and (found.fixed, found.broken) == (fixed, broken)
    assert found.verdict == ("open" if p >= 0.05 else "helps" if fixed > broken else "hurts")
    assert found.low <= found.gain <= found.high
    assert (found.low > 0 or found.high < 0) == (p < 0.05)


def test_identical_predictions_leave_the_verdict_open():
    found = compare_paired(np.ones(30, bool), np.ones(30, bool))
    assert found.verdict == "open" and found.p == 1 and found.low < 0 < found.high


def test_merges_by_hand():
    logits = torch.tensor([[[2.0, 0.0, -1.0]], [[-1.0, 3.0, 0.0]]])
    shares = logits.softmax(-1)
    product = (shares[0] * shares[1]).sqrt()
    torch.testing.assert_close(geometric_mean(logits), product / product.sum())
    torch.testing.assert_close(geometric_mean(logits), mean_of_logits(logits))
    torch.testing.assert_close(maximum(logits), torch.maximum(*shares) / torch.maximum(*shares).sum())
    sure = shares.amax(-1, keepdim=True)
    torch.testing.assert_close(confidence_weighted(logits), (sure[0] * shares[0] + sure[1] * shares[1]) / (sure[0] + sure[1]))
    assert torch.isfinite(geometric_mean(torch.tensor([[[500.0, -500.0]], [[-500.0, 500.0]]]))).all()
    assert float(entropy(torch.full((1, 8), 0.125))) == pytest.approx(3.0) and float(entropy(torch.eye(3)[:1])) == 0
    assert float(spread(logits[:1])) == 0 and float(spread(logits)) > 0


def test_answers_are_asked_once(classifier, monkeypatch):
    found = predict_set(TestPredictions, classifier, make_set(6), ("flip_vertical",))
    monkeypatch.setattr(OnePixel, "forward", lambda self, images: pytest.fail("asked again"))
    for how in ("mean", "vote", "maximum"):
        assert found.merged(how).shape == (6, 2)
    assert isinstance(found, SetPredictions)


def test_a_set_is_evaluated_as_sklearn_does():
    """Of three of a net's ten classes, in another order: the page and the command line read the same answers."""
    torch.manual_seed(3)
    net = NETS["tiny"].net
    module = build_net(net)
    with torch.no_grad():
        module[-1].weight.mul_(8)  # an untrained net answers everything alike
    known = Classifier(module, Preprocessing(net.input[1], (0.4,) * net.input[0], (0.3,) * net.input[0], net.input[0]), tuple("0123456789"))
    pictures = np.random.default_rng(0).integers(0, 256, (60, 20, 24, 3), dtype=np.uint8)
    data = ImageSet(pictures, np.random.default_rng(1).integers(0, 3, 60), ("7", "2", "5"))
    found, true = predict_set(TestPredictions, known, data, VIEW_SETS["standard"].views), np.array([7, 2, 5])[data.labels]
    np.testing.assert_array_equal(found.labels, true)
    np.testing.assert_allclose(found.plain, known.probabilities(known.prepare(list(pictures))).numpy(), atol=1e-5)
    paired = found.compare(found.plain, found.merged())
    for shares in (found.plain, found.merged()):
        answers = shares.argmax(1)
        assert found.accuracy(shares).share == pytest.approx(accuracy_score(true, answers)) and found.accuracy(shares).n == len(found) == 60
        np.testing.assert_array_equal(found.confusion(shares), sklearn_confusion(true, answers, labels=range(10)))
    assert paired.gain == pytest.approx(found.accuracy(found.merged()).share - found.accuracy(found.plain).share)
    right = found.plain.argmax(1) == true, found.merged().argmax(1) == true
    assert (paired.fixed, paired.broken) == (int((~right[0] & right[1]).sum()), int((right[0] & ~right[1]).sum()))


def test_rows_of_the_confusion_matrix_are_the_truth():
    """Zeros are taken for ones, never the other way round: transposed, the matrix is another one."""
    labels, answers = np.array([0, 0, 0, 1, 2, 2]), np.array([1, 1, 0, 1, 2, 0])
    found = confusion_matrix(labels, answers, 4)
    assert found.tolist() == [[1, 2, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(found, sklearn_confusion(labels, answers, labels=range(4)))
    rng = np.random.default_rng(2)
    labels, answers = rng.integers(0, 7, 500), rng.integers(0, 6, 500)
    found = confusion_matrix(labels, answers, 7)
    np.testing.assert_array_equal(found, MulticlassConfusionMatrix(7)(torch.from_numpy(answers), torch.from_numpy(labels)).numpy())
    assert (found != found.T).any() and found.sum() == 500
    assert confusion_matrix(np.zeros(0, int), np.zeros(0, int), 2).tolist() == [[0, 0], [0, 0]]


def test_classes_are_matched_by_name():
    assert match_classes(("Cat", "dog"), ("dog", "cat")).tolist() == [1, 0]
    with pytest.raises(Refusal, match="bird"):
        match_classes(("bird",), ("dog", "cat"))


def test_names_that_differ_in_case_alone_are_no_guess():
    """Of two classes that differ in case alone each is found as it is written, and neither by a third way of writing it."""
    assert match_classes(("cat", "Cat", "Dog"), ("Cat", "cat", "Dog")).tolist() == [1, 0, 2]
    with pytest.raises(Refusal, match="CAT"):
        match_classes(("CAT",), ("Cat", "cat", "dog"))
