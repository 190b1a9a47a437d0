"""Tests and intervals over people, votes and losses: against all sign flips, simulation, scikit-learn, ttach and numpy."""

import ast
import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import brentq
from scipy.stats import binomtest, norm
from scipy.stats import t as student
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss as sklearn_log_loss
from ttach.base import Merger

from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.evaluation import TestPredictions
from vpc2.predict.export.bundle import to_script
from vpc2.predict.pretrained.catalog import PRETRAINED
from vpc2.predict.statistics import accuracy_of, calibrate, compare_paired, flip_test, log_loss
from vpc2.predict.tta import merges
from vpc2.predict.tta.merges import MERGES


@pytest.mark.parametrize("totals", [[3, 2, -1, 4], [5], [1, 1, 1, 1, 1, 1], [2, -2], [0, 0, 7, -3, 1, 1, 2, -4, 6]])
def test_the_flip_test_counts_every_choice_of_signs(totals):
    sums = [
        abs(sum(sign * total for sign, total in zip(signs, totals, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(totals))
    ]
    assert flip_test(np.array(totals)) == pytest.approx(np.mean(np.array(sums) >= abs(sum(totals))))


def test_a_picture_a_person_is_mcnemars_test():
    rng = np.random.default_rng(0)
    before, after = rng.random((2, 200)) < np.array([[0.7], [0.8]])
    blind, by_person = compare_paired(before, after), compare_paired(before, after, np.arange(200))
    assert by_person.p == pytest.approx(blind.p) and by_person.p == pytest.approx(binomtest(blind.fixed, blind.fixed + blind.broken).pvalue)
    assert (by_person.low, by_person.high) == pytest.approx((blind.low, blind.high), abs=0.02) and by_person.people == 200


def people(rng, repeats, sizes, spread):
    """Two ways of asking that are as good on average; which is better differs from person to person."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    lean = rng.normal(0, spread, (repeats, len(sizes)))[:, groups]
    before, after = (rng.random((repeats, len(groups))) < 1 / (1 + np.exp(-(1 + sign * lean))) for sign in (0.5, -0.5))
    return before, after, groups


@pytest.mark.parametrize("sizes", [np.full(16, 12), np.array([40, 30, 20, 15, 12, 10, 10, 8, 8, 6, 5, 4, 3, 2])], ids=["even", "uneven"])
@pytest.mark.parametrize("spread", [0.0, 1.3])
def test_where_people_differ_it_claims_no_more_than_five_times_of_100(sizes, spread):
    before, after, groups = people(np.random.default_rng(1), 400, sizes, spread)
    claims = np.mean([compare_paired(a, b, groups).verdict != "open" for a, b in zip(before, after, strict=True)])
    blind = np.mean([compare_paired(a, b).verdict != "open" for a, b in zip(before, after, strict=True)])
    assert claims <= 0.065
    assert blind > 0.1 or not spread, "pictures of one person are not independent: this is what the groups are for"


def test_a_gain_of_most_people_is_found():
    groups = np.repeat(np.arange(12), 10)
    before, after = np.zeros(120, bool), np.zeros(120, bool)
    before[::2], after[::2] = True, True
    after[1::10] = True  # one more picture of each person
    found = compare_paired(before, after, groups)
    assert found.verdict == "helps" and found.p == pytest.approx(2 / 2**12) and found.low > 0
    assert found.verdict_at(0.2) == "open"
    few = compare_paired(before[:40], after[:40], groups[:40])
    assert few.verdict == "open" and few.p == pytest.approx(2 / 2**4), "of four people, even four gains are luck one time in eight"


@pytest.mark.parametrize("spread", [0.0, 1.2])
def test_an_accuracys_interval_holds_the_truth_over_people(spread):
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(14), [30, 25, 20, 20, 15, 15, 12, 12, 10, 10, 8, 8, 5, 5])
    chance = 1 / (1 + np.exp(-(1.2 + rng.normal(0, spread, (700, 14)))))
    truth = float((1 / (1 + np.exp(-(1.2 + rng.normal(0, spread, 400_000))))).mean())
    right = rng.random((700, len(groups))) < chance[:, groups]
    held = np.mean([(found := accuracy_of(row, groups)).low <= truth <= found.high for row in right])
    assert 0.92 <= held <= 0.985
    if spread:
        assert np.mean([(found := accuracy_of(row)).low <= truth <= found.high for row in right]) < 0.8


@pytest.mark.parametrize("hits", [[20, 18, 12, 16, 9, 15], [20, 20, 11], [3, 0, 8, 1]])
def test_an_accuracys_interval_over_people_of_as_many_pictures_is_korn_and_graubards(hits):
    """The effective number of pictures by the design effect, times the squared ratio of the normal to Student's quantile; its score
    interval is where the share lies z standard errors away.
    """
    people, n, z = len(hits), 20 * len(hits), norm.ppf(0.975)
    share = sum(hits) / n
    variance = np.var(np.array(hits) / 20, ddof=1) / people
    worth = min(n, share * (1 - share) / variance * (z / student.ppf(0.975, people - 1)) ** 2)
    wanted = [brentq(lambda q, end=end: (share - q) ** 2 - z**2 * q * (1 - q) / worth, share, end) for end in (0, 1)]
    right = np.concatenate([np.arange(20) < k for k in hits])
    found = accuracy_of(right, np.repeat(np.arange(people), 20))
    assert (found.hits, found.people, [found.low, found.high]) == (sum(hits), people, pytest.approx(wanted, abs=1e-9)) and worth < n / 2


def test_an_accuracy_without_people_is_wilsons_and_of_one_person_nothing_is_known():
    right = np.arange(50) % 5 > 0
    wanted = binomtest(40, 50).proportion_ci(method="wilson")
    found = accuracy_of(right)
    assert (found.hits, found.n, found.low, found.high) == (40, 50, pytest.approx(wanted.low), pytest.approx(wanted.high))
    alone = accuracy_of(right, np.zeros(50, int))
    assert (alone.low, alone.high, alone.people) == (0.0, 1.0, 1)
    assert accuracy_of(np.ones(8, bool)).text.en == "100 % (68 to 100) of 8"
    assert accuracy_of(np.zeros(0, bool)).text.en == "no pictures"


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_sure_mistake_costs_what_scikit_learn_says(kind):
    shares = np.array([[1, 0, 0], [0, 1, 0], [0.2, 0.5, 0.3], [0, 0, 1]], kind)
    labels = np.array([1, 1, 2, 0])
    assert log_loss(shares, labels) == pytest.approx(sklearn_log_loss(labels, shares, labels=range(3)), rel=1e-5)


def test_confidences_on_the_edge_of_a_bin_lie_where_scikit_learn_puts_them():
    """Votes of ten views are tenths: every confidence lies on an edge."""
    for kind in (np.float32, np.float64):
        best = np.repeat(np.arange(5, 11), 20).astype(kind) / kind(10)
        shares = np.stack([best, 1 - best], axis=1)
        labels = (np.random.default_rng(3).random(len(best)) > best).astype(int)
        found = calibrate(shares, labels)
        accuracy, confidence = calibration_curve(labels == 0, best.astype(np.float64).round(1), n_bins=10)
        full = found.counts > 0
        # At a half the first class is taken; scikit-learn is asked about that class throughout.
        np.testing.assert_allclose(found.confidence[full], confidence, atol=1e-6)
        np.testing.assert_allclose(found.accuracy[full], accuracy, atol=1e-12)


def tied(count=3000, views=4, classes=3, seed=4):
    """Logits (views, count, classes) of which many votes are tied, and means of some that differ in the seventh digit only."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (views, count, classes)).astype(np.float32)
    half = count // 2  # two views that answer alike, and two that answer the same with the classes in reverse, almost
    logits[1, :half] = logits[0, :half]
    logits[2:, :half] = logits[:2, :half, ::-1] + rng.normal(0, 1e-5, (2, half, classes)).astype(np.float32)
    return logits


def winners(logits):
    """The rule in numpy: most votes; of tied classes the highest mean of probabilities."""
    exact = logits.astype(np.float64)
    shares = np.exp(exact - exact.max(-1, keepdims=True))
    means = (shares / shares.sum(-1, keepdims=True)).mean(0)
    votes = np.stack([(logits.argmax(-1) == k).sum(0) for k in range(logits.shape[-1])], -1)
    is_tied = (votes == votes.max(-1, keepdims=True)).sum(-1) > 1
    return np.where(votes == votes.max(-1, keepdims=True), means, -1).argmax(-1), is_tied, votes / len(logits)


def test_a_tied_vote_goes_to_the_higher_mean():
    logits = tied()
    wanted, is_tied, votes = winners(logits)
    assert is_tied.sum() > 900  # a mean of float32 times a millionth, added to the votes, gives a third of them to the wrong class
    shares = merges.majority_vote(torch.from_numpy(logits))
    assert (shares.argmax(-1).numpy() == wanted).all()
    np.testing.assert_allclose(shares.numpy(), votes, atol=2e-6)
    torch.testing.assert_close(shares.sum(-1), torch.ones(len(shares)))


def test_a_set_votes_by_the_same_rule():
    logits = tied(600)
    answers = TestPredictions(("identity", "a", "b", "c"), logits, np.zeros(600, int), ("x", "y", "z"), (), (1.0,) * 4)
    assert (answers.merged("vote").argmax(1) == winners(logits)[0]).all()


@pytest.mark.parametrize("how", MERGES)
def test_the_exported_script_merges_as_the_page_does_ties_included(how):
    classifier = Classifier(torch.nn.Identity(), Preprocessing(16, (0.0,) * 3, (1.0,) * 3), ("x", "y", "z"))
    script = to_script(classifier, ("identity",), how, ready=next(iter(PRETRAINED)))
    functions = [node for node in ast.parse(script).body if isinstance(node, ast.FunctionDef)]
    scope = {"torch": torch, "F": F}
    exec(compile(ast.Module(functions, []), "exported", "exec"), scope)
    logits = torch.from_numpy(tied(400))
    ours = MERGES[how].resolve()(logits)
    theirs = torch.stack([scope["merge"](logits[:, i]) for i in range(400)])
    assert torch.equal(ours.argmax(-1), theirs.argmax(-1))
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("how", "theirs"), [("mean", "mean"), ("geometric", "gmean")])
def test_means_are_ttachs(how, theirs):
    logits = torch.randn(5, 40, 7, generator=torch.Generator().manual_seed(5)) * 3
    merger = Merger(type=theirs, n=5)
    for view in logits.softmax(-1):
        merger.append(view)
    wanted = merger.result / merger.result.sum(-1, keepdim=True)  # ttach's geometric mean does not sum to 1
    torch.testing.assert_close(MERGES.find(how).resolve()(logits), wanted, atol=1e-6, rtol=1e-5)


def test_no_two_merges_are_the_same_one():
    logits = torch.randn(5, 200, 7, generator=torch.Generator().manual_seed(6)) * 3
    merged = {key: entry.resolve()(logits) for key, entry in MERGES.items()}
    for one, other in itertools.combinations(merged, 2):
        assert float((merged[one] - merged[other]).abs().max()) > 1e-3, (one, other)
    assert MERGES.find("geometric") is MERGES.find("mean_logits"), "links of before still open"
