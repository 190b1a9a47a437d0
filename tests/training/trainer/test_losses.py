"""The loss against scikit-learn's; its lower bound and the loss of constant predictions against minima found by scipy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.metrics import log_loss

from vpc2.augment.spec import Pipeline, edit_mix
from vpc2.training.presets import RECIPES
from vpc2.training.trainer.losses import floor_of, guess_loss, loss_of
from vpc2.training.trainer.trainer import fit

K, B = 5, 40
WEIGHTS = torch.tensor([0.2, 0.5, 1.0, 3.0, 9.0], dtype=torch.float64)
SMOOTHINGS = (0.0, 0.1, 0.5)


@pytest.fixture
def logits():
    return torch.from_numpy(np.random.default_rng(0).normal(0, 2, (B, K)))


@pytest.fixture(params=["plain", "mixed"])
def labels(request):
    draw = np.random.default_rng(1)
    if request.param == "plain":
        return torch.from_numpy(draw.integers(0, K, B))
    return torch.from_numpy(draw.dirichlet([0.3] * K, B))


def shares_of(labels):
    return labels.numpy() if labels.ndim == 2 else np.eye(K)[labels.numpy()]


def by_sklearn(logits, labels, weights, smoothing):
    """Every image once per class, weighted by its share of the class: smoothing does not change the weight of the true class."""
    shown = shares_of(labels) * weights.numpy()
    own = shown.sum(1, keepdims=True)
    parts = (1 - smoothing) * shown + smoothing / K * own
    answers = logits.softmax(1).numpy().repeat(K, axis=0)
    return log_loss(np.tile(np.arange(K), B), answers, sample_weight=parts.ravel(), labels=np.arange(K))


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("weights", [WEIGHTS, None], ids=["weights", "even"])
def test_the_loss_is_scikit_learns(logits, labels, weights, smoothing):
    ours = loss_of(logits, labels, weights, smoothing).item()
    even = torch.ones(K, dtype=torch.float64) if weights is None else weights
    assert ours == pytest.approx(by_sklearn(logits, labels, even, smoothing), rel=1e-9)


def test_with_only_weights_or_smoothing_the_loss_is_torchs(logits):
    labels = torch.arange(B) % K
    for weights, smoothing in ((WEIGHTS, 0.0), (None, 0.3), (None, 0.0)):
        theirs = torch.nn.functional.cross_entropy(logits, labels, weight=weights, label_smoothing=smoothing)
        assert torch.equal(loss_of(logits, labels, weights, smoothing), theirs)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("weights", [WEIGHTS, None], ids=["weights", "even"])
def test_the_loss_floor_is_the_minimum_over_all_predictions(labels, weights, smoothing):
    def ask(flat):
        logits = torch.from_numpy(flat).view(B, K).requires_grad_()
        loss = loss_of(logits, labels, weights, smoothing)
        loss.backward()
        return loss.item(), logits.grad.numpy().ravel()

    least = minimize(ask, np.zeros(B * K), jac=True, method="L-BFGS-B", options={"maxiter": 1000, "ftol": 1e-11, "gtol": 1e-7}).fun
    floor = floor_of(labels, weights, smoothing, K)
    assert floor == pytest.approx(least, abs=2e-4) and floor <= least + 1e-9


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("is_even", [True, False])
def test_the_guess_loss_is_the_minimum_over_constant_predictions(is_even, smoothing):
    counts = [16, 9, 8, 4, 3]
    labels = torch.repeat_interleave(torch.arange(K), torch.tensor(counts))
    weights = torch.tensor([B / (K * count) for count in counts], dtype=torch.float64) if is_even else None

    def ask(logits):
        return loss_of(torch.from_numpy(logits).expand(B, K), labels, weights, smoothing).item()

    assert guess_loss(counts, is_even, smoothing) == pytest.approx(minimize(ask, np.zeros(K)).fun, abs=1e-6)


def test_a_mixed_image_without_any_label_has_no_weight(logits):
    labels = torch.zeros(B, K, dtype=torch.float64)
    labels[1:, 2] = 1
    assert loss_of(logits, labels, WEIGHTS, 0.1).item() == pytest.approx(loss_of(logits[1:], labels[1:], WEIGHTS, 0.1).item(), rel=1e-6)


def test_weights_and_smoothing_together_keep_the_common_classes():
    digits, events = RECIPES["digits"].recipe, []
    settings = {**digits.settings, "imbalance": 100.0, "balance": "weights", "label_smoothing": 0.3, "epochs": 25, "budget_s": 600.0}
    fit(replace(digits, settings=settings), events.append)
    hits = np.diag(events[-1]["confusion"]) / np.sum(events[-1]["confusion"], axis=1)
    assert hits[:5].min() > 0.8 and hits[0] > 0.9


@pytest.mark.parametrize("change", [{"label_smoothing": 0.4}, {"label_smoothing": 0.4, "balance": "weights", "imbalance": 4.0}, {}])
@pytest.mark.parametrize("is_mixed", [True, False])
def test_no_epoch_of_a_run_lies_under_its_floor(make_recipe, change, is_mixed):
    recipe, events = make_recipe(epochs=8, learning_rate=0.02, **change), []
    fit(replace(recipe, pipeline=edit_mix(Pipeline(), "RandomMixUpV2", {}) if is_mixed else None), events.append)
    epochs = [event for event in events if event["type"] == "epoch"]
    assert all(event["train_loss"] >= event["train_floor"] for event in epochs)
    assert (epochs[-1]["train_floor"] > 0.1) == (is_mixed or "label_smoothing" in change)
    assert epochs[-1]["train_loss"] - epochs[-1]["train_floor"] < 0.7 * events[0]["guess_loss"], "it has learned"
